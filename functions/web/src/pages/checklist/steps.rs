//! The steps, and what is known of each: a pure function of what was seen.

use domain::ids::VatTariffId;
use std::collections::BTreeSet;

/// A step.
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
    /// Every step, in the order in which they are done.
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

    /// The name under which its tick is stored.
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

    /// Whether it may lie where no API of ours reaches: then the merchant may tick it.
    pub(super) fn may_be_unseen(self) -> bool {
        matches!(
            self,
            Self::Checkbox | Self::Tariff | Self::Accounting | Self::VatGroup | Self::Abroad | Self::Products
        )
    }
}

/// What was seen of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    Done,
    ToDo,
    /// We can't tell.
    Nothing,
}

/// The VAT codes on the lines of an order.
pub(super) type Codes = Vec<Option<VatTariffId>>;

/// What is known, from our own table and as far as both peers answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) robaws: bool,
    pub(super) productflow: bool,
    pub(super) chosen_and_active: bool,
    /// Robaws refused to tick an article, since there is no such checkbox.
    pub(super) checkbox_missing: bool,
    /// An article showed the checkbox.
    pub(super) checkbox_seen: bool,
    /// The VAT-inclusive tariffs; `None`: Robaws did not tell.
    pub(super) tariffs: Option<BTreeSet<VatTariffId>>,
    /// The latest orders, newest first.
    pub(super) orders: Vec<Codes>,
    /// ProductFlow has an offer of an article.
    pub(super) sent: bool,
    /// An invoice was made.
    pub(super) invoiced: bool,
    /// Anything was booked.
    pub(super) booked: bool,
}

impl Known {
    /// Lines of the latest orders that carry a VAT code, and all of them.
    pub(super) fn coded(&self) -> (usize, usize) {
        let lines = || self.orders.iter().flatten();
        (lines().filter(|code| code.is_some()).count(), lines().count())
    }

    /// What this says of a step.
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
                // Without such a tariff there is no invoice.
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

    /// The codes on order lines come from the VAT group.
    fn vat_group(&self) -> Seen {
        let codes: BTreeSet<&VatTariffId> = self.orders.iter().flatten().flatten().collect();
        match &self.tariffs {
            _ if codes.is_empty() => Seen::Nothing,
            None => Seen::Done,
            Some(tariffs) if codes.iter().any(|code| tariffs.contains(code)) => Seen::Done,
            Some(_) => Seen::ToDo,
        }
    }

    /// A line keeps the code, or the lack of one, of the day it was registered: older orders prove nothing about today.
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
