//! What Robaws should hold for an order now, what is missing, and why something can't be done: [`plan`].

mod after_invoice;
mod lines;
mod live;
#[cfg(test)]
mod live_tests;
mod undo;
#[cfg(test)]
mod undo_tests;
#[cfg(test)]
mod unplanned_tests;

use crate::catalogue::{Catalogue, Missing};
use crate::ids::StockLocationId;
use crate::invoice::InvoicePlan;
use crate::ledger::{Direction, Ledger, OrderState, StockItem};
use crate::order::{Change, Order, OrderFacts, OrderStatus, Unreadable};
use crate::problem::{Arg, Args, Holds, Problem, ProblemCode, WaitsFor, args};
use crate::rebuild;
use crate::settings::Settings;
use crate::stock::{Booked, stock_effects};
use crate::undo::CreditNotePlan;
use after_invoice::{after_invoice, invoiced};
use jiff::Timestamp;
use live::{choices_made, live};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(crate) use lines::setting_gone;
pub(crate) use live::refused_problem;

/// One thing to do in Robaws.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A stock change out, or in: the reversal.
    StockChange {
        /// Which way.
        direction: Direction,
        /// Where.
        stock_location_id: StockLocationId,
        /// What.
        items: Vec<StockItem>,
    },
    /// The invoice, to be frozen and made.
    Invoice(Box<InvoicePlan>),
    /// The invoice or credit note whose header stands is finished as frozen; row number.
    FinishInvoice(u32),
    /// The credit note for a booked invoice, to be frozen and made.
    CreditNote(CreditNotePlan),
    /// The draft of an invoice is deleted; row number of the invoice.
    DeleteDraft(u32),
}

/// A sentence of an explanation: code and arguments of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// Key of the text.
    pub code: String,
    /// Its arguments.
    pub args: Args,
}

impl Sentence {
    /// Without arguments.
    pub fn plain(code: &str) -> Self {
        Self {
            code: code.to_owned(),
            args: Args::new(),
        }
    }
}

/// What follows from one look at an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What is missing in Robaws, in the order in which to do it.
    pub effects: Vec<Effect>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// State of the order.
    pub state: OrderState,
    /// Why it is in this state.
    pub explanation: Vec<Sentence>,
    /// Answers of Robaws that the catalogue lacks; while it is not empty nothing of this plan may be carried out.
    pub missing: Missing,
    /// Nothing more follows unless the order changes.
    pub is_final: bool,
}

impl Plan {
    fn still(state: OrderState, explanation: Sentence) -> Self {
        Self {
            effects: Vec::new(),
            problems: Vec::new(),
            state,
            explanation: vec![explanation],
            missing: Missing::default(),
            is_final: false,
        }
    }

    fn finished(mut self) -> Self {
        self.is_final = true;
        self
    }

    fn with(mut self, problem: Problem) -> Self {
        self.problems.push(problem);
        self
    }

    /// What it waits for at Robaws, when nothing but that can move it.
    pub fn waits_for(&self) -> Vec<WaitsFor> {
        if !self.effects.is_empty() {
            return Vec::new();
        }
        let mut keys: Vec<WaitsFor> = self
            .problems
            .iter()
            .flat_map(|p| p.waits_for.iter().cloned())
            .collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

/// What Robaws should hold for this order and does not: a pure function of the order now, the ledger now, what is known of
/// articles and tariffs, and the settings.
pub fn plan(order: &Order, ledger: &Ledger, catalogue: &Catalogue, settings: &Settings) -> Plan {
    if let Some(plan) = before_go_live(Some(order.placed_at), ledger, settings) {
        return plan;
    }
    if let Some(plan) = handled(ledger, Some(order)) {
        return plan;
    }
    if let Some(plan) = unsettled(ledger, &order.reference()) {
        return plan;
    }
    let wanted = wanted_of(order, ledger, catalogue, settings);
    rebuild::asked_about(wanted, order, ledger, settings)
}

/// What follows when everything that was begun is settled.
fn wanted_of(order: &Order, ledger: &Ledger, catalogue: &Catalogue, settings: &Settings) -> Plan {
    if ledger.invoice().is_some() {
        return after_invoice(order, ledger, settings);
    }
    match &order.status {
        OrderStatus::Unknown(word) => blocked_entirely(Problem::new(
            ProblemCode::OrderStatusUnknown,
            Holds::Everything,
            args([
                ("order", order.reference().into()),
                ("status", word.as_str().into()),
            ]),
        )),
        OrderStatus::Cancelled => cancelled(ledger, &order.reference()),
        OrderStatus::Open | OrderStatus::Shipped => live(order, ledger, catalogue, settings),
    }
}

/// The plan for an order that could not be read: nothing, but an invoice whose header stands is finished as frozen.
pub fn plan_unreadable(order: &Unreadable, ledger: &Ledger, settings: &Settings) -> Plan {
    if let Some(plan) = before_go_live(order.placed_at, ledger, settings) {
        return plan;
    }
    let reference = crate::order::reference(order.external_identifier.as_deref(), &order.identifier);
    let problem = Problem::new(
        ProblemCode::OrderUnreadable,
        Holds::Everything,
        args([
            ("order", reference.clone().into()),
            ("field", order.field.as_str().into()),
            ("value", order.value.as_str().into()),
        ]),
    );
    without_order(ledger, &reference, problem, None)
}

/// What was last read of an order.
#[derive(Debug, Clone, Copy)]
pub struct LastSeen<'a> {
    /// How people name it.
    pub reference: &'a str,
    /// When it was placed, if that could be read.
    pub placed_at: Option<Timestamp>,
    /// Whether it was cancelled.
    pub is_cancelled: bool,
}

/// The plan for an order that ProductFlow answers 404 for.
pub fn plan_gone(seen: LastSeen<'_>, ledger: &Ledger, settings: &Settings) -> Plan {
    if let Some(plan) = before_go_live(seen.placed_at, ledger, settings) {
        return plan;
    }
    let problem = Problem::new(
        ProblemCode::OrderGone,
        Holds::Everything,
        args([("order", seen.reference.into())]),
    );
    // What was cancelled, and has nothing out, leaves nobody anything to do.
    let at_rest = seen
        .is_cancelled
        .then(|| cancelled(ledger, seen.reference))
        .filter(|plan| plan.is_final);
    without_order(ledger, seen.reference, problem, at_rest)
}

/// The plan that needs no order; `at_rest`: where it stays when the ledger says nothing, instead of being blocked.
fn without_order(ledger: &Ledger, reference: &str, mut problem: Problem, at_rest: Option<Plan>) -> Plan {
    if let Some(plan) = handled(ledger, None) {
        return plan;
    }
    if let Some(plan) = unsettled(ledger, reference) {
        return plan;
    }
    if ledger.invoice().is_some() {
        // After the invoice only a change that can be read counts; an order that vanished is none. What could not be carried
        // out is still to be decided.
        let obstructed = ledger.decision().filter(|undo| undo.obstacle.is_some());
        let changes = obstructed.map(|undo| undo.changes.as_slice()).unwrap_or_default();
        let mut plan = invoiced(ledger, reference, changes, None);
        if ledger.is_undoing() && plan.effects.is_empty() {
            // A decision holds for an order that is as it was: that has to be seen first.
            return blocked_entirely(problem);
        }
        if problem.code == ProblemCode::OrderUnreadable {
            problem.holds = Holds::Nothing;
            plan.problems.push(problem);
        }
        return plan;
    }
    at_rest.unwrap_or_else(|| blocked_entirely(problem))
}

/// Whether an order is left alone because it was placed before go-live: unless something was booked for it.
pub fn is_before_go_live(placed_at: Option<Timestamp>, ledger: &Ledger, settings: &Settings) -> bool {
    placed_at.is_some_and(|at| at < settings.go_live) && ledger.rows.is_empty()
}

fn before_go_live(placed_at: Option<Timestamp>, ledger: &Ledger, settings: &Settings) -> Option<Plan> {
    if !is_before_go_live(placed_at, ledger, settings) {
        return None;
    }
    let sentence = Sentence {
        code: "skipped_before_go_live".to_owned(),
        args: args([("go_live", Arg::Time(settings.go_live))]),
    };
    Some(Plan::still(OrderState::Skipped, sentence).finished())
}

fn blocked_entirely(problem: Problem) -> Plan {
    Plan::still(OrderState::Blocked, Sentence::plain("blocked")).with(problem)
}

/// Closed as handled: final, and a conflict if it changed since.
fn handled(ledger: &Ledger, order: Option<&Order>) -> Option<Plan> {
    let handled = ledger.handled.as_ref()?;
    let changes = match (&handled.facts, order) {
        (Some(was), Some(order)) => {
            let now = OrderFacts::of(order);
            let mut changes = was.changes(&now);
            // An order that ships, or gets a usual status again, is no change of what was done by hand; one that
            // comes back after its cancellation is, and one that opens again after its invoice too.
            if !was.cancelled && ledger.invoice().is_none() {
                changes.retain(|c| *c != Change::Reopened);
            }
            changes
        }
        _ => Vec::new(),
    };
    if changes.is_empty() {
        let sentence = Sentence {
            code: "settled".to_owned(),
            args: args([("at", Arg::Time(handled.at))]),
        };
        return Some(Plan::still(OrderState::Skipped, sentence).finished());
    }
    let reference = order.map_or_else(|| ledger.identifier.to_string(), Order::reference);
    let problem = Problem::new(
        ProblemCode::ChangedAfterHandled,
        Holds::Everything,
        args([("order", reference.into()), ("changes", Arg::Changes(changes))]),
    );
    Some(Plan::still(OrderState::Conflict, Sentence::plain("conflict_handled")).with(problem))
}

/// Rows whose end is not known come before anything else, whatever the order says now.
fn unsettled(ledger: &Ledger, reference: &str) -> Option<Plan> {
    if let Some(plan) = rebuild::doubted(ledger, reference) {
        return Some(plan);
    }
    if let Some(row) = ledger.in_doubt() {
        let problem = Problem::new(
            ProblemCode::EffectInDoubt,
            Holds::Everything,
            args([
                ("order", reference.into()),
                ("at", Arg::Time(row.first_attempt_at.unwrap_or(row.at))),
                ("effect", Arg::Effect(effect_name(&row.effect).to_owned())),
                ("reference", row.reference.as_str().into()),
            ]),
        );
        return Some(Plan::still(OrderState::InDoubt, Sentence::plain("in_doubt")).with(problem));
    }
    ledger
        .unsettled()
        .map(|_| Plan::still(OrderState::Waiting, Sentence::plain("settling")))
}

/// The name of an effect in the texts and in the API's kinds.
pub fn effect_name(effect: &crate::ledger::RowEffect) -> &'static str {
    match effect {
        crate::ledger::RowEffect::StockChange {
            direction: Direction::Out,
            ..
        } => "stock_change_out",
        crate::ledger::RowEffect::StockChange {
            direction: Direction::In,
            ..
        } => "stock_change_in",
        crate::ledger::RowEffect::Invoice { .. } => "invoice",
        crate::ledger::RowEffect::CreditNote { .. } => "credit_note",
        crate::ledger::RowEffect::DeleteDraft { .. } => "delete_draft",
    }
}

/// Everything that is out comes back: the net of the ledger's booked rows.
fn take_back(ledger: &Ledger, reference: &str) -> (Vec<Effect>, Vec<Problem>) {
    let (effects, mut problems) = stock_effects(&Booked::of(ledger), &BTreeMap::new(), ledger);
    name_by(&mut problems, reference);
    (effects, problems)
}

/// The stock rules know no order: what Robaws refused is named by it here.
fn name_by(problems: &mut [Problem], reference: &str) {
    for problem in problems {
        if problem.code == ProblemCode::RobawsRefused {
            problem.args.insert("order".to_owned(), reference.into());
        }
    }
}

/// Cancelled, no invoice: nothing may be out.
fn cancelled(ledger: &Ledger, reference: &str) -> Plan {
    let (effects, problems) = take_back(ledger, reference);
    if !problems.is_empty() {
        let mut plan = Plan::still(OrderState::Blocked, Sentence::plain("blocked"));
        plan.effects = effects;
        plan.problems = problems;
        return plan;
    }
    if !effects.is_empty() {
        let mut plan = Plan::still(OrderState::Waiting, Sentence::plain("waiting"));
        plan.effects = effects;
        return plan;
    }
    if ledger.has_bookings() {
        Plan::still(OrderState::Reversed, Sentence::plain("reversed")).finished()
    } else {
        Plan::still(OrderState::Skipped, Sentence::plain("skipped_cancelled")).finished()
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
            ..Problem::new(ProblemCode::ArticleNotFound, Holds::Lines, args([]))
        };
        let mut plan = Plan::still(OrderState::Blocked, Sentence::plain("waiting"))
            .with(problem(&[sku("B"), sku("A")]))
            .with(problem(&[WaitsFor::Tariffs, sku("A")]));
        let mut all = vec![sku("A"), sku("B"), WaitsFor::Tariffs];
        all.sort();
        assert_eq!(plan.waits_for(), all);
        plan.effects = vec![Effect::DeleteDraft(1)];
        assert_eq!(plan.waits_for(), []);
    }
}
