//! The steps of the checklist, and the pure rule that says from what is known whether a step is done.

use domain::ids::VatTariffId;
use std::collections::BTreeSet;

/// A step that the merchant has to do before orders can be processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ChecklistStep {
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

impl ChecklistStep {
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
pub(super) enum StepState {
    Done,
    ToDo,
    /// The connector cannot tell.
    CannotTell,
}

/// The VAT codes on the lines of one order; `None` for a line without a code.
pub(super) type LineVatCodes = Vec<Option<VatTariffId>>;

/// What is known, from our own table and from the answers of both peers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct KnownSteps {
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
    pub(super) orders: Vec<LineVatCodes>,
    /// Whether ProductFlow has at least one offer of ours.
    pub(super) sent: bool,
    /// Whether an invoice was ever made.
    pub(super) invoiced: bool,
    /// Whether anything was ever booked.
    pub(super) booked: bool,
}

impl KnownSteps {
    /// The number of lines with a VAT code, and the number of all lines, of the latest orders.
    pub(super) fn count_lines_with_code(&self) -> (usize, usize) {
        let lines = || self.orders.iter().flatten();
        (lines().filter(|code| code.is_some()).count(), lines().count())
    }

    /// The state of a step.
    pub(super) fn step_state(&self, step: ChecklistStep) -> StepState {
        let done_or_to_do = |done| if done { StepState::Done } else { StepState::ToDo };
        match step {
            ChecklistStep::Robaws => done_or_to_do(self.robaws),
            ChecklistStep::Productflow => done_or_to_do(self.productflow),
            ChecklistStep::Choices => done_or_to_do(self.chosen_and_active),
            ChecklistStep::Articles => done_or_to_do(self.sent),
            ChecklistStep::TestOrder => done_or_to_do(self.booked),
            ChecklistStep::Accounting | ChecklistStep::Abroad => StepState::CannotTell,
            ChecklistStep::Checkbox => self.checkbox_state(),
            ChecklistStep::Tariff => match &self.tariffs {
                Some(tariffs) => done_or_to_do(!tariffs.is_empty()),
                // An invoice that was made proves that there is a VAT-inclusive tariff.
                None if self.invoiced => StepState::Done,
                None => StepState::CannotTell,
            },
            ChecklistStep::VatGroup => self.vat_group_state(),
            ChecklistStep::Products => self.products_state(),
        }
    }

    fn checkbox_state(&self) -> StepState {
        let is_there = self.checkbox_seen || (self.sent && !self.checkbox_missing);
        match (is_there, self.checkbox_missing) {
            (true, _) => StepState::Done,
            (false, true) => StepState::ToDo,
            (false, false) => StepState::CannotTell,
        }
    }

    /// The VAT codes on order lines come from the VAT group in ProductFlow, so they show whether the group is set up.
    fn vat_group_state(&self) -> StepState {
        let codes: BTreeSet<&VatTariffId> = self.orders.iter().flatten().flatten().collect();
        match &self.tariffs {
            _ if codes.is_empty() => StepState::CannotTell,
            None => StepState::Done,
            Some(tariffs) if codes.iter().any(|code| tariffs.contains(code)) => StepState::Done,
            Some(_) => StepState::ToDo,
        }
    }

    /// Whether the products carry VAT codes. A line keeps the code, or the lack of a code, of the day on which it was registered:
    /// only the newest order tells about the products of today.
    fn products_state(&self) -> StepState {
        let lacks = |codes: &LineVatCodes| codes.iter().any(Option::is_none);
        let mut orders = self.orders.iter().filter(|codes| !codes.is_empty());
        match orders.next() {
            None => StepState::CannotTell,
            Some(newest) if lacks(newest) => StepState::ToDo,
            Some(_) if orders.any(lacks) => StepState::CannotTell,
            Some(_) => StepState::Done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn vat_code(text: &str) -> Option<VatTariffId> {
        VatTariffId::parse(text).ok()
    }

    fn tariff_ids(ids: &[&str]) -> BTreeSet<VatTariffId> {
        ids.iter().filter_map(|id| vat_code(id)).collect()
    }

    #[test]
    fn nothing_is_done_to_begin_with() {
        let known = KnownSteps::default();
        for step in ChecklistStep::ALL {
            let expected = if step.may_be_unseen() { StepState::CannotTell } else { StepState::ToDo };
            assert_eq!(known.step_state(step), expected, "{step:?}");
        }
    }

    #[rstest]
    #[case(false, false, false, StepState::CannotTell)]
    #[case(true, true, false, StepState::Done)]
    #[case(false, true, false, StepState::ToDo)]
    // What was sent before the checkbox was removed does not bring it back.
    #[case(false, true, true, StepState::ToDo)]
    #[case(false, false, true, StepState::Done)]
    fn the_checkbox(
        #[case] seen: bool,
        #[case] missing: bool,
        #[case] sent: bool,
        #[case] expected: StepState,
    ) {
        let known =
            KnownSteps { checkbox_seen: seen, checkbox_missing: missing, sent, ..KnownSteps::default() };
        assert_eq!(known.step_state(ChecklistStep::Checkbox), expected);
    }

    #[rstest]
    #[case(None, false, StepState::CannotTell)]
    #[case(None, true, StepState::Done)]
    #[case(Some(tariff_ids(&[])), true, StepState::ToDo)]
    #[case(Some(tariff_ids(&["7"])), false, StepState::Done)]
    fn the_tariff(
        #[case] tariffs: Option<BTreeSet<VatTariffId>>,
        #[case] invoiced: bool,
        #[case] expected: StepState,
    ) {
        let known = KnownSteps { tariffs, invoiced, ..KnownSteps::default() };
        assert_eq!(known.step_state(ChecklistStep::Tariff), expected);
    }

    #[rstest]
    #[case(vec![], None, StepState::CannotTell, StepState::CannotTell)]
    #[case(vec![vec![None]], Some(tariff_ids(&["7"])), StepState::CannotTell, StepState::ToDo)]
    #[case(vec![vec![vat_code("7")], vec![]], Some(tariff_ids(&["7"])), StepState::Done, StepState::Done)]
    #[case(vec![vec![vat_code("7")]], None, StepState::Done, StepState::Done)]
    // A code that is none of the tariffs: the group holds something else.
    #[case(vec![vec![vat_code("21")]], Some(tariff_ids(&["7"])), StepState::ToDo, StepState::Done)]
    #[case(vec![vec![vat_code("7")], vec![None]], Some(tariff_ids(&["7"])), StepState::Done, StepState::CannotTell)]
    #[case(vec![vec![vat_code("7"), None], vec![vat_code("7")]], Some(tariff_ids(&["7"])), StepState::Done, StepState::ToDo)]
    fn the_codes_on_order_lines_tell_of_group_and_products(
        #[case] orders: Vec<LineVatCodes>,
        #[case] tariffs: Option<BTreeSet<VatTariffId>>,
        #[case] group: StepState,
        #[case] products: StepState,
    ) {
        let known = KnownSteps { tariffs, orders, ..KnownSteps::default() };
        assert_eq!(known.step_state(ChecklistStep::VatGroup), group);
        assert_eq!(known.step_state(ChecklistStep::Products), products);
    }
}
