//! The steps of the checklist, and the pure rule that says from what is known whether a step is done.

use domain::ids::VatTariffId;
use std::collections::BTreeSet;

/// A step that the merchant has to do before orders can be processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Robaws,
    Productflow,
    Choices,
    Checkbox,
    Tariff,
    Accounting,
    VatGroup,
    Abroad,
    Products,
    Articles,
    TestOrder,
}

impl Step {
    /// Every step, in the order in which the steps are done.
    pub(super) const ALL: [Self; 11] = [
        Self::Robaws,
        Self::Productflow,
        Self::Choices,
        Self::Checkbox,
        Self::Tariff,
        Self::Accounting,
        Self::VatGroup,
        Self::Abroad,
        Self::Products,
        Self::Articles,
        Self::TestOrder,
    ];

    /// The name under which the tick of the step is stored.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Robaws => "robaws",
            Self::Productflow => "productflow",
            Self::Choices => "choices",
            Self::Checkbox => "checkbox",
            Self::Tariff => "tariff",
            Self::Accounting => "accounting",
            Self::VatGroup => "vat_group",
            Self::Abroad => "abroad",
            Self::Products => "products",
            Self::Articles => "articles",
            Self::TestOrder => "test_order",
        }
    }

    /// Whether the connector may be unable to see whether the step is done. Then the merchant may tick it.
    pub(super) fn may_be_unseen(self) -> bool {
        matches!(
            self,
            Self::Checkbox | Self::Tariff | Self::Accounting | Self::VatGroup | Self::Abroad | Self::Products
        )
    }
}

/// Whether a step is done, as far as the connector can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    Done,
    ToDo,
    /// The connector cannot tell.
    Nothing,
}

/// The VAT codes on the lines of one order; `None` for a line without a code.
pub(super) type Codes = Vec<Option<VatTariffId>>;

/// What is known, from our own table and from the answers of both peers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) robaws: bool,
    pub(super) productflow: bool,
    pub(super) chosen_and_active: bool,
    /// Robaws refused to tick an article, since there is no such checkbox.
    pub(super) checkbox_missing: bool,
    /// Whether any article showed the checkbox.
    pub(super) checkbox_seen: bool,
    /// The VAT-inclusive tariffs; `None` when Robaws was not asked or did not answer.
    pub(super) tariffs: Option<BTreeSet<VatTariffId>>,
    /// The VAT codes of the latest orders, newest first.
    pub(super) orders: Vec<Codes>,
    /// Whether ProductFlow has at least one offer of ours.
    pub(super) sent: bool,
    /// Whether an invoice was ever made.
    pub(super) invoiced: bool,
    /// Whether anything was ever booked.
    pub(super) booked: bool,
}

impl Known {
    /// The number of lines with a VAT code, and the number of all lines, of the latest orders.
    pub(super) fn coded(&self) -> (usize, usize) {
        let lines = || self.orders.iter().flatten();
        (lines().filter(|code| code.is_some()).count(), lines().count())
    }

    /// The state of a step.
    pub(super) fn of(&self, step: Step) -> Seen {
        let done_or_to_do = |done| if done { Seen::Done } else { Seen::ToDo };
        match step {
            Step::Robaws => done_or_to_do(self.robaws),
            Step::Productflow => done_or_to_do(self.productflow),
            Step::Choices => done_or_to_do(self.chosen_and_active),
            Step::Articles => done_or_to_do(self.sent),
            Step::TestOrder => done_or_to_do(self.booked),
            Step::Accounting | Step::Abroad => Seen::Nothing,
            Step::Checkbox => self.checkbox(),
            Step::Tariff => match &self.tariffs {
                Some(tariffs) => done_or_to_do(!tariffs.is_empty()),
                // An invoice that was made proves that there is a VAT-inclusive tariff.
                None if self.invoiced => Seen::Done,
                None => Seen::Nothing,
            },
            Step::VatGroup => self.vat_group(),
            Step::Products => self.products(),
        }
    }

    fn checkbox(&self) -> Seen {
        let is_there = self.checkbox_seen || (self.sent && !self.checkbox_missing);
        match (is_there, self.checkbox_missing) {
            (true, _) => Seen::Done,
            (false, true) => Seen::ToDo,
            (false, false) => Seen::Nothing,
        }
    }

    /// The VAT codes on order lines come from the VAT group in ProductFlow, so they show whether the group is set up.
    fn vat_group(&self) -> Seen {
        let codes: BTreeSet<&VatTariffId> = self.orders.iter().flatten().flatten().collect();
        match &self.tariffs {
            _ if codes.is_empty() => Seen::Nothing,
            None => Seen::Done,
            Some(tariffs) if codes.iter().any(|code| tariffs.contains(code)) => Seen::Done,
            Some(_) => Seen::ToDo,
        }
    }

    /// Whether the products carry VAT codes. A line keeps the code, or the lack of a code, of the day on which it was registered:
    /// only the newest order tells about the products of today.
    fn products(&self) -> Seen {
        let lacks = |codes: &Codes| codes.iter().any(Option::is_none);
        let mut orders = self.orders.iter().filter(|codes| !codes.is_empty());
        match orders.next() {
            None => Seen::Nothing,
            Some(newest) if lacks(newest) => Seen::ToDo,
            Some(_) if orders.any(lacks) => Seen::Nothing,
            Some(_) => Seen::Done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn code(text: &str) -> Option<VatTariffId> {
        VatTariffId::parse(text).ok()
    }

    fn tariffs(ids: &[&str]) -> BTreeSet<VatTariffId> {
        ids.iter().filter_map(|id| code(id)).collect()
    }

    #[test]
    fn nothing_is_done_to_begin_with() {
        let known = Known::default();
        for step in Step::ALL {
            let expected = if step.may_be_unseen() {
                Seen::Nothing
            } else {
                Seen::ToDo
            };
            assert_eq!(known.of(step), expected, "{step:?}");
        }
    }

    #[rstest]
    #[case(false, false, false, Seen::Nothing)]
    #[case(true, true, false, Seen::Done)]
    #[case(false, true, false, Seen::ToDo)]
    // What was sent before the checkbox was removed does not bring it back.
    #[case(false, true, true, Seen::ToDo)]
    #[case(false, false, true, Seen::Done)]
    fn the_checkbox(#[case] seen: bool, #[case] missing: bool, #[case] sent: bool, #[case] expected: Seen) {
        let known = Known {
            checkbox_seen: seen,
            checkbox_missing: missing,
            sent,
            ..Known::default()
        };
        assert_eq!(known.of(Step::Checkbox), expected);
    }

    #[rstest]
    #[case(None, false, Seen::Nothing)]
    #[case(None, true, Seen::Done)]
    #[case(Some(tariffs(&[])), true, Seen::ToDo)]
    #[case(Some(tariffs(&["7"])), false, Seen::Done)]
    fn the_tariff(
        #[case] tariffs: Option<BTreeSet<VatTariffId>>,
        #[case] invoiced: bool,
        #[case] expected: Seen,
    ) {
        let known = Known {
            tariffs,
            invoiced,
            ..Known::default()
        };
        assert_eq!(known.of(Step::Tariff), expected);
    }

    #[rstest]
    #[case(vec![], None, Seen::Nothing, Seen::Nothing)]
    #[case(vec![vec![None]], Some(tariffs(&["7"])), Seen::Nothing, Seen::ToDo)]
    #[case(vec![vec![code("7")], vec![]], Some(tariffs(&["7"])), Seen::Done, Seen::Done)]
    #[case(vec![vec![code("7")]], None, Seen::Done, Seen::Done)]
    // A code that is none of the tariffs: the group holds something else.
    #[case(vec![vec![code("21")]], Some(tariffs(&["7"])), Seen::ToDo, Seen::Done)]
    #[case(vec![vec![code("7")], vec![None]], Some(tariffs(&["7"])), Seen::Done, Seen::Nothing)]
    #[case(vec![vec![code("7"), None], vec![code("7")]], Some(tariffs(&["7"])), Seen::Done, Seen::ToDo)]
    fn the_codes_on_order_lines_tell_of_group_and_products(
        #[case] orders: Vec<Codes>,
        #[case] tariffs: Option<BTreeSet<VatTariffId>>,
        #[case] group: Seen,
        #[case] products: Seen,
    ) {
        let known = Known {
            tariffs,
            orders,
            ..Known::default()
        };
        assert_eq!(known.of(Step::VatGroup), group);
        assert_eq!(known.of(Step::Products), products);
    }
}
