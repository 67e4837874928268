//! Compares an order with its ledger: what Robaws should hold for the order now, what is missing there, and why something
//! cannot be done. The entry is [`plan_order`].

mod after_invoice;
mod before_invoice;
#[cfg(test)]
mod before_invoice_tests;
mod lines;
#[cfg(test)]
mod undo_tests;
mod undoing;
#[cfg(test)]
mod unplanned_tests;

use crate::catalogue::{Catalogue, MissingAnswers};
use crate::ids::StockLocationId;
use crate::invoice::InvoicePlan;
use crate::ledger::{Direction, Ledger, OrderState, StockItem};
use crate::order::{Order, OrderChange, OrderFacts, OrderStatus, UnreadableOrder};
use crate::problem::{Arg, Args, Holds, Problem, ProblemCode, WaitsFor, build_args};
use crate::rebuild;
use crate::settings::Settings;
use crate::stock::{BookedStock, plan_stock_changes};
use crate::undo::CreditNotePlan;
use after_invoice::{plan_after_invoice, plan_invoiced};
use before_invoice::{explain_choices, plan_before_invoice};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(crate) use before_invoice::refused_problem;
pub(crate) use lines::setting_gone_problem;

/// One thing that is still to be done in Robaws.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlannedEffect {
    /// A stock change out, or a stock change in that takes stock back.
    StockChange { direction: Direction, stock_location_id: StockLocationId, items: Vec<StockItem> },
    /// The invoice, which has to be frozen and made.
    Invoice(Box<InvoicePlan>),
    /// The invoice or credit note in this row has its header and is finished as frozen.
    FinishInvoice(u32),
    /// The credit note for a booked invoice, which has to be frozen and made.
    CreditNote(CreditNotePlan),
    /// The draft of the invoice in this row is deleted.
    DeleteDraft(u32),
}

/// One sentence of an explanation, stored as the key of a text and the text's arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// Key in section `explanations` of the files of texts.
    pub code: String,
    pub args: Args,
}

impl Sentence {
    pub fn without_args(code: &str) -> Self {
        Self { code: code.to_owned(), args: Args::new() }
    }
}

/// What one look at an order found: the effects that are missing, the problems, and the state with its explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What is missing in Robaws, in the order in which it is carried out.
    pub effects: Vec<PlannedEffect>,
    pub problems: Vec<Problem>,
    pub state: OrderState,
    /// Why the order is in this state.
    pub explanation: Vec<Sentence>,
    /// Answers of Robaws that the catalogue lacks. While any is missing, nothing of this plan may be carried out.
    pub missing: MissingAnswers,
    /// Whether nothing more is to be done unless the order changes.
    pub is_final: bool,
}

impl Plan {
    fn without_effects(state: OrderState, explanation: Sentence) -> Self {
        Self {
            effects: Vec::new(),
            problems: Vec::new(),
            state,
            explanation: vec![explanation],
            missing: MissingAnswers::default(),
            is_final: false,
        }
    }

    fn into_final(mut self) -> Self {
        self.is_final = true;
        self
    }

    fn with_problem(mut self, problem: Problem) -> Self {
        self.problems.push(problem);
        self
    }

    /// What has to appear in Robaws before the order can go on. Empty when the plan has an effect to carry out.
    pub fn collect_waits_for(&self) -> Vec<WaitsFor> {
        if !self.effects.is_empty() {
            return Vec::new();
        }
        let mut keys: Vec<WaitsFor> =
            self.problems.iter().flat_map(|p| p.waits_for.iter().cloned()).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

/// Plans an order: finds what Robaws should hold for the order and does not.
///
/// The result depends on the arguments alone: the order as it is now, the ledger as it is now, the articles and tariffs that
/// are known, and the settings.
pub fn plan_order(order: &Order, ledger: &Ledger, catalogue: &Catalogue, settings: &Settings) -> Plan {
    if let Some(plan) = plan_before_go_live(Some(order.placed_at), ledger, settings) {
        return plan;
    }
    if let Some(plan) = plan_handled(ledger, Some(order)) {
        return plan;
    }
    // An effect that may or may not stand would make every difference wrong, so nothing is planned before it is known.
    if let Some(plan) = plan_unresolved(ledger, &order.reference()) {
        return plan;
    }
    let wanted = plan_by_status(order, ledger, catalogue, settings);
    rebuild::ask_about_lost_past(wanted, order, ledger, settings)
}

/// Plans an order of which every row has ended.
fn plan_by_status(order: &Order, ledger: &Ledger, catalogue: &Catalogue, settings: &Settings) -> Plan {
    if ledger.find_invoice().is_some() {
        return plan_after_invoice(order, ledger, settings);
    }
    match &order.status {
        OrderStatus::Unknown(word) => plan_blocked(Problem::new(
            ProblemCode::OrderStatusUnknown,
            Holds::Everything,
            build_args([("order", order.reference().into()), ("status", word.as_str().into())]),
        )),
        OrderStatus::Cancelled => plan_cancelled(ledger, &order.reference()),
        OrderStatus::Open | OrderStatus::Shipped => plan_before_invoice(order, ledger, catalogue, settings),
    }
}

/// Plans an order that could not be read. Only an invoice whose header stands is finished as frozen.
pub fn plan_unreadable_order(order: &UnreadableOrder, ledger: &Ledger, settings: &Settings) -> Plan {
    if let Some(plan) = plan_before_go_live(order.placed_at, ledger, settings) {
        return plan;
    }
    let reference = crate::order::format_reference(order.external_identifier.as_deref(), &order.identifier);
    let problem = Problem::new(
        ProblemCode::OrderUnreadable,
        Holds::Everything,
        build_args([
            ("order", reference.clone().into()),
            ("field", order.field.as_str().into()),
            ("value", order.value.as_str().into()),
        ]),
    );
    plan_without_order(ledger, &reference, problem, None)
}

/// What the ledger kept of the last reading of an order.
#[derive(Debug, Clone, Copy)]
pub struct LastSeenOrder<'a> {
    /// Reference of the order, see [`Order::reference`].
    pub reference: &'a str,
    /// When the order was placed. `None` when this could not be read.
    pub placed_at: Option<Timestamp>,
    pub is_cancelled: bool,
}

/// Plans an order for which ProductFlow answers 404.
pub fn plan_gone_order(seen: LastSeenOrder<'_>, ledger: &Ledger, settings: &Settings) -> Plan {
    if let Some(plan) = plan_before_go_live(seen.placed_at, ledger, settings) {
        return plan;
    }
    let problem = Problem::new(
        ProblemCode::OrderGone,
        Holds::Everything,
        build_args([("order", seen.reference.into())]),
    );
    // A cancelled order of which nothing is out leaves nothing to decide, so nobody has to be told that it vanished.
    let at_rest =
        seen.is_cancelled.then(|| plan_cancelled(ledger, seen.reference)).filter(|plan| plan.is_final);
    plan_without_order(ledger, seen.reference, problem, at_rest)
}

/// Plans an order from its ledger alone. `at_rest` is the plan for an order without invoice that needs nobody's attention;
/// without it the order is blocked by `problem`.
fn plan_without_order(ledger: &Ledger, reference: &str, mut problem: Problem, at_rest: Option<Plan>) -> Plan {
    if let Some(plan) = plan_handled(ledger, None) {
        return plan;
    }
    if let Some(plan) = plan_unresolved(ledger, reference) {
        return plan;
    }
    if ledger.find_invoice().is_some() {
        // After the invoice only a change that can be read counts, so an order that vanished has not changed. Changes that an
        // obstructed decision was to settle still need a new decision.
        let obstructed = ledger.last_undo().filter(|undo| undo.obstacle.is_some());
        let changes = obstructed.map(|undo| undo.changes.as_slice()).unwrap_or_default();
        let mut plan = plan_invoiced(ledger, reference, changes, None);
        if ledger.is_undoing() && plan.effects.is_empty() {
            // The decision was made for the order as it was then, so the order must be readable before the decision is begun.
            return plan_blocked(problem);
        }
        if problem.code == ProblemCode::OrderUnreadable {
            problem.holds = Holds::Nothing;
            plan.problems.push(problem);
        }
        return plan;
    }
    at_rest.unwrap_or_else(|| plan_blocked(problem))
}

/// Whether an order is left alone because it was placed before go-live. An order for which something was booked is not.
pub fn is_before_go_live(placed_at: Option<Timestamp>, ledger: &Ledger, settings: &Settings) -> bool {
    placed_at.is_some_and(|at| at < settings.go_live) && ledger.rows.is_empty()
}

fn plan_before_go_live(placed_at: Option<Timestamp>, ledger: &Ledger, settings: &Settings) -> Option<Plan> {
    if !is_before_go_live(placed_at, ledger, settings) {
        return None;
    }
    let sentence = Sentence {
        code: "skipped_before_go_live".to_owned(),
        args: build_args([("go_live", Arg::Time(settings.go_live))]),
    };
    Some(Plan::without_effects(OrderState::Skipped, sentence).into_final())
}

fn plan_blocked(problem: Problem) -> Plan {
    Plan::without_effects(OrderState::Blocked, Sentence::without_args("blocked")).with_problem(problem)
}

/// Plans an order that was closed as handled: the order is final, or in conflict if it changed since.
fn plan_handled(ledger: &Ledger, order: Option<&Order>) -> Option<Plan> {
    let handled = ledger.handled.as_ref()?;
    let changes = match (&handled.facts, order) {
        (Some(was), Some(order)) => {
            let now = OrderFacts::from_order(order);
            let mut changes = was.find_changes(&now);
            // An order that ships after it was handled is what people had dealt with. An order that comes back after its
            // cancellation, or opens again after its invoice, is not.
            if !was.cancelled && ledger.find_invoice().is_none() {
                changes.retain(|c| *c != OrderChange::Reopened);
            }
            changes
        }
        _ => Vec::new(),
    };
    if changes.is_empty() {
        let sentence =
            Sentence { code: "settled".to_owned(), args: build_args([("at", Arg::Time(handled.at))]) };
        return Some(Plan::without_effects(OrderState::Skipped, sentence).into_final());
    }
    let reference = order.map_or_else(|| ledger.identifier.to_string(), Order::reference);
    let problem = Problem::new(
        ProblemCode::ChangedAfterHandled,
        Holds::Everything,
        build_args([("order", reference.into()), ("changes", Arg::Changes(changes))]),
    );
    Some(
        Plan::without_effects(OrderState::Conflict, Sentence::without_args("conflict_handled"))
            .with_problem(problem),
    )
}

/// Plans an order with an effect whose end is not known. `None` when there is no such effect.
fn plan_unresolved(ledger: &Ledger, reference: &str) -> Option<Plan> {
    if let Some(plan) = rebuild::plan_unmatched(ledger, reference) {
        return Some(plan);
    }
    if let Some(row) = ledger.find_row_in_doubt() {
        let problem = Problem::new(
            ProblemCode::EffectInDoubt,
            Holds::Everything,
            build_args([
                ("order", reference.into()),
                ("at", Arg::Time(row.first_attempt_at.unwrap_or(row.at))),
                ("effect", Arg::Effect(effect_name(&row.effect).to_owned())),
                ("reference", row.reference.as_str().into()),
            ]),
        );
        return Some(
            Plan::without_effects(OrderState::InDoubt, Sentence::without_args("in_doubt"))
                .with_problem(problem),
        );
    }
    ledger
        .find_unresolved_row()
        .map(|_| Plan::without_effects(OrderState::Waiting, Sentence::without_args("settling")))
}

/// Name of an effect in the texts and in the kinds of the API.
pub fn effect_name(effect: &crate::ledger::RowEffect) -> &'static str {
    match effect {
        crate::ledger::RowEffect::StockChange { direction: Direction::Out, .. } => "stock_change_out",
        crate::ledger::RowEffect::StockChange { direction: Direction::In, .. } => "stock_change_in",
        crate::ledger::RowEffect::Invoice { .. } => "invoice",
        crate::ledger::RowEffect::CreditNote { .. } => "credit_note",
        crate::ledger::RowEffect::DeleteDraft { .. } => "delete_draft",
    }
}

/// Plans stock changes that take back all that is out: the net of the booked rows of the ledger.
fn take_back_stock(ledger: &Ledger, reference: &str) -> (Vec<PlannedEffect>, Vec<Problem>) {
    let (effects, mut problems) =
        plan_stock_changes(&BookedStock::from_ledger(ledger), &BTreeMap::new(), ledger);
    add_order_to_refusals(&mut problems, reference);
    (effects, problems)
}

/// Adds the order's reference to the problems about refused stock changes, because the stock rules know no order.
fn add_order_to_refusals(problems: &mut [Problem], reference: &str) {
    for problem in problems {
        if problem.code == ProblemCode::RobawsRefused {
            problem.args.insert("order".to_owned(), reference.into());
        }
    }
}

/// Plans a cancelled order without an invoice: all stock comes back.
fn plan_cancelled(ledger: &Ledger, reference: &str) -> Plan {
    let (effects, problems) = take_back_stock(ledger, reference);
    if !problems.is_empty() {
        let mut plan = Plan::without_effects(OrderState::Blocked, Sentence::without_args("blocked"));
        plan.effects = effects;
        plan.problems = problems;
        return plan;
    }
    if !effects.is_empty() {
        let mut plan = Plan::without_effects(OrderState::Waiting, Sentence::without_args("waiting"));
        plan.effects = effects;
        return plan;
    }
    if ledger.has_bookings() {
        Plan::without_effects(OrderState::Reversed, Sentence::without_args("reversed")).into_final()
    } else {
        Plan::without_effects(OrderState::Skipped, Sentence::without_args("skipped_cancelled")).into_final()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Sku;

    #[test]
    fn waits_for_each_answer_once_and_for_none_while_there_is_something_to_do() {
        let sku = |sku: &str| WaitsFor::Article(Sku::parse(sku).unwrap());
        let problem = |waits_for: &[WaitsFor]| Problem {
            waits_for: waits_for.to_vec(),
            ..Problem::new(ProblemCode::ArticleNotFound, Holds::Lines, build_args([]))
        };
        let mut plan = Plan::without_effects(OrderState::Blocked, Sentence::without_args("waiting"))
            .with_problem(problem(&[sku("B"), sku("A")]))
            .with_problem(problem(&[WaitsFor::Tariffs, sku("A")]));
        let mut all = vec![sku("A"), sku("B"), WaitsFor::Tariffs];
        all.sort();
        assert_eq!(plan.collect_waits_for(), all);
        plan.effects = vec![PlannedEffect::DeleteDraft(1)];
        assert_eq!(plan.collect_waits_for(), []);
    }
}
