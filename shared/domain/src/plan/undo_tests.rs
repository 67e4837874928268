//! Tables over what is planned once the merchant decided about an invoice.

use super::*;
use crate::ids::{
    ArticleId, ConnectionId, DocumentId, LineId, OrderIdentifier, Sku, StockLocationId, VatTariffId,
};
use crate::ledger::{
    AttemptOutcome, Direction, InvoiceProgress, LookRefusal, RowEffect, RowState, StockItem, StockKey,
};
use crate::locale::Language;
use crate::money::Cents;
use crate::order::{Costs, OrderFacts, OrderLine};
use crate::settings::ConnectionSettings;
use crate::undo::{Obstacle, UndoDecision, UndoInvoice, UndoStock};
use jiff::Timestamp;
use rstest::rstest;

pub(super) fn now() -> Timestamp {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

pub(super) fn booking_settings() -> Settings {
    Settings {
        ledger_loss: None,
        language: Language::EN,
        go_live: Timestamp::MIN,
        connection: ConnectionSettings { book_invoices: true, ..ConnectionSettings::default() },
    }
}

pub(super) fn order_with_status(status: OrderStatus) -> Order {
    Order {
        identifier: OrderIdentifier::parse("PF-1").unwrap(),
        status,
        external_identifier: Some("108".to_owned()),
        marketplace: Some("bol.com".to_owned()),
        currency: "EUR".to_owned(),
        placed_at: now(),
        updated_at: None,
        shipped_at: None,
        costs: Costs::default(),
        total: None,
        country: None,
        business: None,
        lines: vec![OrderLine {
            id: LineId::parse("1").unwrap(),
            sku: Some(Sku::parse("A-1").unwrap()),
            title: "A".to_owned(),
            quantity: 2,
            price: Cents(5998),
            vat_code: VatTariffId::parse("7").ok(),
            fbm: false,
        }],
    }
}

pub(super) fn stock_change_effect(direction: Direction) -> RowEffect {
    let sku = Sku::parse("A-1").unwrap();
    RowEffect::StockChange {
        direction,
        stock_location_id: StockLocationId::parse("3").unwrap(),
        items: vec![StockItem {
            key: StockKey::Sku { sku: sku.clone(), fbm: false },
            sku: Some(sku),
            article_id: ArticleId::parse("12").unwrap(),
            quantity: 2,
        }],
    }
}

fn finished_progress(booked: bool) -> InvoiceProgress {
    InvoiceProgress {
        step: 4,
        steps: 4,
        number: Some(if booked { "F2026-0001" } else { "draft" }.to_owned()),
        booked,
        ..InvoiceProgress::default()
    }
}

pub(super) fn add_done_row(ledger: &mut Ledger, effect: RowEffect) -> u32 {
    let no = ledger.add_intended_row(effect.clone(), String::new(), "108 (PF-1)".to_owned(), now());
    ledger.begin_attempt(no, "user", now());
    let outcome =
        AttemptOutcome::Done { robaws_id: DocumentId::parse(format!("{no}00")).unwrap(), number: None };
    ledger.end_attempt(no, &outcome, now());
    // `end_attempt` knows the header alone, so the progress of a finished document is put back.
    ledger.find_row_mut(no).unwrap().effect = effect;
    no
}

/// A ledger with stock out in row 1 and a finished invoice in row 2.
pub(super) fn invoiced_ledger(booked: bool) -> Ledger {
    let connection = ConnectionId::parse("shop").unwrap();
    let mut ledger = Ledger::new(connection, OrderIdentifier::parse("PF-1").unwrap());
    add_done_row(&mut ledger, stock_change_effect(Direction::Out));
    let total = Cents(5998);
    add_done_row(&mut ledger, RowEffect::Invoice { total, progress: finished_progress(booked) });
    ledger.invoiced_facts = Some(OrderFacts::from_order(&order_with_status(OrderStatus::Shipped)));
    ledger
}

/// Makes Robaws refuse the item of `stock`.
pub(super) fn refuse_stock_item(ledger: &mut Ledger) {
    let RowEffect::StockChange { items, .. } = stock_change_effect(Direction::In) else {
        unreachable!("it is a stock change");
    };
    ledger.look_refusals.push(LookRefusal::Item {
        key: items[0].key.clone(),
        article_id: items[0].article_id.clone(),
        reason: "No.".to_owned(),
    });
}

fn add_credit_note(ledger: &mut Ledger, progress: InvoiceProgress) -> u32 {
    let total = Cents(5998);
    add_done_row(ledger, RowEffect::CreditNote { invoice: 2, total, progress })
}

fn add_deletion(ledger: &mut Ledger) {
    add_done_row(ledger, RowEffect::DeleteDraft { invoice: 2 });
}

pub(super) fn record_undo(ledger: &mut Ledger, on: &Order, invoice: UndoInvoice, stock: UndoStock) {
    let facts = OrderFacts::from_order(on);
    let changes = ledger.find_open_changes(&facts, true);
    ledger.undo = Some(UndoDecision {
        row: 2,
        invoice,
        stock,
        by: "operator".to_owned(),
        at: now(),
        facts,
        changes,
        obstacle: None,
    });
}

pub(super) fn plan_for(order: &Order, ledger: &Ledger) -> Plan {
    plan_order(order, ledger, &Catalogue::default(), &booking_settings())
}

/// An order that was not cancelled.
pub(super) fn last_seen_order(placed_at: Option<Timestamp>) -> LastSeenOrder<'static> {
    LastSeenOrder { reference: "108 (PF-1)", placed_at, is_cancelled: false }
}

pub(super) fn plan_gone_at(placed_at: Option<Timestamp>, ledger: &Ledger) -> Plan {
    plan_gone_order(last_seen_order(placed_at), ledger, &booking_settings())
}

pub(super) fn effect_kinds(plan: &Plan) -> Vec<&'static str> {
    let name = |effect: &PlannedEffect| match effect {
        PlannedEffect::StockChange { direction: Direction::In, .. } => "in",
        PlannedEffect::StockChange { .. } => "out",
        PlannedEffect::Invoice(_) => "invoice",
        PlannedEffect::FinishInvoice(_) => "finish",
        PlannedEffect::CreditNote(_) => "credit",
        PlannedEffect::DeleteDraft(_) => "delete",
    };
    plan.effects.iter().map(name).collect()
}

pub(super) fn sentence_codes(plan: &Plan) -> Vec<&str> {
    plan.explanation.iter().map(|s| s.code.as_str()).collect()
}

use UndoInvoice::{Credit, DeleteDraft, Keep};
use UndoStock::Return;

const STOCK_KEPT: UndoStock = UndoStock::Keep;

#[rstest]
#[case(Credit, Return, &["credit", "in"])]
#[case(Credit, STOCK_KEPT, &["credit"])]
#[case(DeleteDraft, Return, &["delete", "in"])]
#[case(DeleteDraft, STOCK_KEPT, &["delete"])]
#[case(Keep, Return, &["in"])]
#[case(Keep, STOCK_KEPT, &[])]
fn a_decision_asks_for_its_effects(
    #[case] invoice: UndoInvoice,
    #[case] stock: UndoStock,
    #[case] expected: &[&str],
) {
    let cancelled = order_with_status(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(invoice == Credit);
    let before = plan_for(&cancelled, &ledger);
    assert_eq!((before.state, effect_kinds(&before)), (OrderState::Conflict, vec![]));
    record_undo(&mut ledger, &cancelled, invoice, stock);
    let found = plan_for(&cancelled, &ledger);
    assert_eq!(effect_kinds(&found), expected);
    assert_eq!(found.problems, []);
    let (state, is_final) =
        if expected.is_empty() { (OrderState::Invoiced, true) } else { (OrderState::Waiting, false) };
    assert_eq!((found.state, found.is_final), (state, is_final));
}

#[rstest]
#[case(Credit, Return, OrderState::Reversed, &["undone_credited", "undone_stock_returned"])]
#[case(Credit, STOCK_KEPT, OrderState::Booked, &["undone_credited", "undone_stock_kept"])]
#[case(DeleteDraft, Return, OrderState::Reversed, &["undone_deleted", "undone_stock_returned"])]
#[case(DeleteDraft, STOCK_KEPT, OrderState::Booked, &["undone_deleted", "undone_stock_kept"])]
#[case(Keep, Return, OrderState::Invoiced, &["undone_kept", "undone_stock_returned"])]
#[case(Keep, STOCK_KEPT, OrderState::Invoiced, &["undone_kept", "undone_stock_kept"])]
fn what_was_done_is_final_and_said(
    #[case] invoice: UndoInvoice,
    #[case] stock_kept: UndoStock,
    #[case] state: OrderState,
    #[case] said: &[&str],
) {
    let cancelled = order_with_status(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(invoice == Credit);
    record_undo(&mut ledger, &cancelled, invoice, stock_kept);
    match invoice {
        Credit => drop(add_credit_note(&mut ledger, finished_progress(true))),
        DeleteDraft => add_deletion(&mut ledger),
        Keep => {}
    }
    if stock_kept == Return {
        add_done_row(&mut ledger, stock_change_effect(Direction::In));
    }
    let found = plan_for(&cancelled, &ledger);
    assert_eq!((found.state, found.is_final, effect_kinds(&found)), (state, true, vec![]));
    assert_eq!(sentence_codes(&found), said);
    assert_eq!(found.problems, []);
    // The order is never invoiced again without a new decision, whatever its status.
    for status in [OrderStatus::Shipped, OrderStatus::Open] {
        let found = plan_for(&order_with_status(status), &ledger);
        assert_eq!((found.state, effect_kinds(&found)), (OrderState::Conflict, vec![]));
    }
}

#[test]
fn of_an_order_that_changed_since_the_decision_nothing_is_begun() {
    let cancelled = order_with_status(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(true);
    record_undo(&mut ledger, &cancelled, Credit, Return);
    let found = plan_for(&order_with_status(OrderStatus::Shipped), &ledger);
    assert_eq!((found.state, effect_kinds(&found)), (OrderState::Conflict, vec![]));
    assert_eq!(found.problems[0].code, ProblemCode::ChangedAfterInvoice);
    assert_eq!(found.problems[0].args["changes"], Arg::Changes(vec![OrderChange::Reopened]));
    // Once the change was seen, the merchant has to decide anew, also when the order becomes again what it was.
    let shipped = OrderFacts::from_order(&order_with_status(OrderStatus::Shipped));
    assert!(ledger.has_lapsed_undo(&shipped, true));
    assert!(!ledger.has_lapsed_undo(&OrderFacts::from_order(&cancelled), true));
    let lapsed = ledger.undo.clone().unwrap();
    ledger.record_obstacle(&lapsed, &Obstacle::OrderChanged);
    assert!(!ledger.has_lapsed_undo(&shipped, true), "once");
    let found = plan_for(&cancelled, &ledger);
    assert_eq!((found.state, effect_kinds(&found)), (OrderState::Conflict, vec![]));
    assert_eq!(found.problems[0].code, ProblemCode::CancelledAfterInvoice);
    assert_eq!(sentence_codes(&found), ["conflict", "undo_stopped_order_changed"]);
    // A decision that was carried out does not lapse.
    let mut carried_out = invoiced_ledger(true);
    record_undo(&mut carried_out, &cancelled, Credit, STOCK_KEPT);
    add_credit_note(&mut carried_out, finished_progress(true));
    assert!(!carried_out.has_lapsed_undo(&shipped, true));
    // Each new change after a new decision is one more conflict.
    let mut edited = order_with_status(OrderStatus::Shipped);
    edited.lines[0].quantity = 1;
    record_undo(&mut ledger, &edited, Keep, STOCK_KEPT);
    assert_eq!(plan_for(&edited, &ledger).state, OrderState::Invoiced);
    edited.lines[0].price = Cents(1);
    let found = plan_for(&edited, &ledger);
    assert_eq!(found.problems[0].args["changes"], Arg::Changes(vec![OrderChange::Price]));
}

#[test]
fn what_was_begun_is_finished_whatever_the_order_says() {
    let cancelled = order_with_status(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(true);
    record_undo(&mut ledger, &cancelled, Credit, Return);
    let begun = InvoiceProgress { step: 1, steps: 4, ..InvoiceProgress::default() };
    let no = add_credit_note(&mut ledger, begun);
    for status in [OrderStatus::Cancelled, OrderStatus::Shipped] {
        let found = plan_for(&order_with_status(status), &ledger);
        assert_eq!(found.effects[0], PlannedEffect::FinishInvoice(no));
    }
    let found = plan_for(&order_with_status(OrderStatus::Shipped), &ledger);
    assert_eq!(effect_kinds(&found), ["finish"], "the stock was not begun");
    let found = plan_gone_at(None, &ledger);
    assert_eq!(effect_kinds(&found), ["finish"]);
}

#[test]
fn an_unfinished_invoice_is_finished_unless_its_draft_goes() {
    let cancelled = order_with_status(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(false);
    ledger.progress_mut(2).unwrap().step = 2;
    assert_eq!(effect_kinds(&plan_for(&cancelled, &ledger)), ["finish"]);
    record_undo(&mut ledger, &cancelled, DeleteDraft, STOCK_KEPT);
    assert_eq!(effect_kinds(&plan_for(&cancelled, &ledger)), ["delete"]);
    add_deletion(&mut ledger);
    assert_eq!(effect_kinds(&plan_for(&cancelled, &ledger)), [""; 0]);
    let mut ledger = invoiced_ledger(true);
    ledger.progress_mut(2).unwrap().step = 2;
    record_undo(&mut ledger, &cancelled, Credit, STOCK_KEPT);
    assert_eq!(effect_kinds(&plan_for(&cancelled, &ledger)), ["finish", "credit"]);
}

#[test]
fn what_stands_in_the_way_is_a_conflict_again_until_it_is_decided_anew() {
    let cancelled = order_with_status(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(false);
    record_undo(&mut ledger, &cancelled, DeleteDraft, Return);
    let decided = ledger.undo.clone().unwrap();
    ledger.record_obstacle(&decided, &Obstacle::IsBooked);
    let found = plan_for(&cancelled, &ledger);
    assert_eq!((found.state, effect_kinds(&found)), (OrderState::Conflict, vec![]), "nor the stock");
    assert_eq!(sentence_codes(&found), ["conflict", "undo_stopped_invoice_is_booked"]);
    assert_eq!(found.problems[0].code, ProblemCode::CancelledAfterInvoice);
    // An order that vanished or cannot be read keeps its conflict.
    assert_eq!(plan_gone_at(None, &ledger).state, OrderState::Conflict);
    record_undo(&mut ledger, &cancelled, Keep, Return);
    assert_eq!(effect_kinds(&plan_for(&cancelled, &ledger)), ["in"]);
    // A decision that was replaced meanwhile does not become obstructed.
    ledger.record_obstacle(&decided, &Obstacle::IsBooked);
    assert_eq!(ledger.undo.as_ref().unwrap().obstacle, None);
}

#[test]
fn nothing_is_begun_of_an_order_that_can_not_be_read() {
    let cancelled = order_with_status(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(true);
    record_undo(&mut ledger, &cancelled, Credit, Return);
    for is_cancelled in [false, true] {
        let seen = LastSeenOrder { is_cancelled, ..last_seen_order(None) };
        let found = plan_gone_order(seen, &ledger, &booking_settings());
        assert_eq!((found.state, effect_kinds(&found)), (OrderState::Blocked, vec![]));
        assert_eq!(found.problems[0].code, ProblemCode::OrderGone);
    }
    // Once the decision was carried out, an order that vanished has not changed.
    add_credit_note(&mut ledger, finished_progress(true));
    add_done_row(&mut ledger, stock_change_effect(Direction::In));
    let found = plan_gone_at(None, &ledger);
    assert_eq!((found.state, found.is_final), (OrderState::Reversed, true));
}

#[test]
fn a_refused_credit_note_holds_up_no_stock_and_is_named() {
    let cancelled = order_with_status(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(true);
    record_undo(&mut ledger, &cancelled, Credit, Return);
    ledger.look_refusals.push(LookRefusal::CreditNote { reason: "closed".to_owned() });
    let found = plan_for(&cancelled, &ledger);
    assert_eq!((found.state, effect_kinds(&found)), (OrderState::Blocked, vec!["in"]));
    assert_eq!(found.problems[0].code, ProblemCode::RobawsRefused);
    assert_eq!(found.problems[0].args["effect"], Arg::Effect("credit_note".to_owned()));
}

#[test]
fn a_credit_note_that_comes_to_something_else_is_said_of_the_credit_note() {
    let cancelled = order_with_status(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(true);
    record_undo(&mut ledger, &cancelled, Credit, STOCK_KEPT);
    let differs = InvoiceProgress { mismatch: Some(Cents(1)), ..finished_progress(false) };
    add_credit_note(&mut ledger, differs);
    let found = plan_for(&cancelled, &ledger);
    assert_eq!((found.state, effect_kinds(&found)), (OrderState::Blocked, vec![]));
    let message = crate::text::render_problem(&found.problems[0], Language::EN).message;
    assert!(message.starts_with("Credit note draft amounts to €0.01"), "{message}");
}

#[test]
fn a_later_unknown_status_is_no_change_but_shipping_what_was_undone_is() {
    let open = order_with_status(OrderStatus::Open);
    let mut ledger = invoiced_ledger(true);
    record_undo(&mut ledger, &open, Credit, Return);
    let refunded = order_with_status(OrderStatus::Unknown("refunded".to_owned()));
    assert_eq!(effect_kinds(&plan_for(&refunded, &ledger)), ["credit", "in"]);
    let shipped = order_with_status(OrderStatus::Shipped);
    let found = plan_for(&shipped, &ledger);
    assert_eq!((found.state, effect_kinds(&found)), (OrderState::Conflict, vec![]));
    // An invoice that is kept is the invoice of the shipped order.
    record_undo(&mut ledger, &open, Keep, STOCK_KEPT);
    assert_eq!(plan_for(&shipped, &ledger).state, OrderState::Invoiced);
}

/// The state of an order that was open when the merchant decided, and that ships afterwards.
fn state_after_open_undo(happened: impl FnOnce(&mut Ledger)) -> OrderState {
    let mut ledger = invoiced_ledger(true);
    happened(&mut ledger);
    record_undo(&mut ledger, &order_with_status(OrderStatus::Open), Keep, STOCK_KEPT);
    plan_for(&order_with_status(OrderStatus::Shipped), &ledger).state
}

#[test]
fn shipping_is_a_conflict_only_when_stock_came_back_since_the_invoice() {
    assert_eq!(state_after_open_undo(|_| {}), OrderState::Invoiced);
    let came_back = state_after_open_undo(|ledger| {
        add_done_row(ledger, stock_change_effect(Direction::In));
    });
    assert_eq!(came_back, OrderState::Conflict);
    // A refused stock change brought nothing back, nor did one that went out or one from before the invoice.
    let refused = state_after_open_undo(|ledger| {
        let no = add_done_row(ledger, stock_change_effect(Direction::In));
        ledger.find_row_mut(no).unwrap().state = RowState::Refused;
    });
    assert_eq!(refused, OrderState::Invoiced);
    let out = state_after_open_undo(|ledger| {
        add_done_row(ledger, stock_change_effect(Direction::Out));
    });
    assert_eq!(out, OrderState::Invoiced);
    let before = state_after_open_undo(|ledger| {
        ledger.find_row_mut(1).unwrap().effect = stock_change_effect(Direction::In);
    });
    assert_eq!(before, OrderState::Invoiced);
}

#[test]
fn what_is_held_up_says_what_was_done_before() {
    let cancelled = order_with_status(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(true);
    record_undo(&mut ledger, &cancelled, Credit, Return);
    add_credit_note(&mut ledger, finished_progress(true));
    refuse_stock_item(&mut ledger);
    let found = plan_for(&cancelled, &ledger);
    assert_eq!(found.state, OrderState::Blocked);
    assert_eq!(sentence_codes(&found), ["blocked", "undone_credited"]);
}

#[test]
fn only_a_deletion_may_be_refused_after_an_end_that_is_not_known() {
    let refused = AttemptOutcome::Refused { reason: "no".to_owned() };
    let total = Cents(5998);
    let credit = RowEffect::CreditNote { invoice: 2, total, progress: InvoiceProgress::default() };
    for (effect, expected) in [
        (credit, RowState::Unknown),
        (stock_change_effect(Direction::In), RowState::Unknown),
        (RowEffect::DeleteDraft { invoice: 2 }, RowState::Refused),
    ] {
        let mut ledger = invoiced_ledger(true);
        let no = ledger.add_intended_row(effect, String::new(), String::new(), now());
        for outcome in [&AttemptOutcome::Unknown, &refused] {
            ledger.begin_attempt(no, "user", now());
            ledger.end_attempt(no, outcome, now());
        }
        assert_eq!(ledger.find_row(no).unwrap().state, expected);
    }
}

#[test]
fn a_decision_is_stored_as_it_is() {
    let cancelled = order_with_status(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(false);
    record_undo(&mut ledger, &cancelled, DeleteDraft, Return);
    add_deletion(&mut ledger);
    add_credit_note(&mut ledger, finished_progress(true));
    for obstacle in [
        Obstacle::Gone,
        Obstacle::AlreadyCredited { credit_note: "C1".to_owned() },
        Obstacle::Refused { reason: "no".to_owned() },
    ] {
        ledger.undo.as_mut().unwrap().obstacle = Some(obstacle);
        let stored = serde_json::to_value(&ledger).unwrap();
        assert_eq!(serde_json::from_value::<Ledger>(stored).unwrap(), ledger);
    }
}

#[test]
fn a_decision_about_another_invoice_counts_no_more() {
    let cancelled = order_with_status(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(false);
    record_undo(&mut ledger, &cancelled, DeleteDraft, Return);
    // Row 2 was in doubt, people said that its document is not there, and the order was invoiced anew.
    ledger.record_row_end(2, RowState::Refused, None, now());
    let again = RowEffect::Invoice { total: Cents(5998), progress: finished_progress(false) };
    assert_eq!(add_done_row(&mut ledger, again), 3);
    let found = plan_for(&cancelled, &ledger);
    assert_eq!((found.state, effect_kinds(&found)), (OrderState::Conflict, vec![]));
}

#[test]
fn undoing_ends_with_what_was_decided_last() {
    let cancelled = order_with_status(OrderStatus::Cancelled);
    let decided = |invoice, stock_kept| {
        let mut ledger = invoiced_ledger(true);
        record_undo(&mut ledger, &cancelled, invoice, stock_kept);
        ledger
    };
    // Each answer but "keep" leaves something to do.
    assert!(!decided(Keep, STOCK_KEPT).is_undoing());
    assert!(decided(Keep, Return).is_undoing());
    assert!(decided(Credit, STOCK_KEPT).is_undoing());
    assert!(decided(DeleteDraft, STOCK_KEPT).is_undoing());
    let mut ledger = decided(Credit, Return);
    let no = add_credit_note(&mut ledger, finished_progress(true));
    assert!(ledger.is_undoing(), "the stock is still out");
    add_done_row(&mut ledger, stock_change_effect(Direction::In));
    assert!(!ledger.is_undoing());
    // The header of the credit note stands, its lines do not.
    let RowEffect::CreditNote { progress, .. } = &mut ledger.find_row_mut(no).unwrap().effect else {
        unreachable!("it is the credit note");
    };
    progress.step = 1;
    assert!(ledger.is_undoing());
    ledger.undo.as_mut().unwrap().obstacle = Some(Obstacle::Differs);
    assert!(!ledger.is_undoing(), "it is in the way");
}

#[test]
fn a_decision_holds_while_nothing_is_in_its_way_and_the_order_is_what_it_was() {
    let cancelled = order_with_status(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(true);
    let facts = OrderFacts::from_order(&cancelled);
    assert_eq!(ledger.valid_undo(&facts, true), None);
    record_undo(&mut ledger, &cancelled, Credit, Return);
    assert_eq!(ledger.valid_undo(&facts, true), ledger.undo.as_ref());
    let open = OrderFacts::from_order(&order_with_status(OrderStatus::Open));
    assert_eq!(ledger.valid_undo(&open, true), None, "it is open again");
    let undo = ledger.undo.as_mut().unwrap();
    (undo.obstacle, undo.changes) = (Some(Obstacle::Differs), Vec::new());
    assert_eq!(ledger.valid_undo(&facts, true), None, "it is in the way");
}

#[test]
fn a_draft_is_being_deleted_until_its_end_is_known() {
    let mut ledger = invoiced_ledger(false);
    assert!(!ledger.is_deleting_draft(2));
    let no = ledger.add_intended_row(
        RowEffect::DeleteDraft { invoice: 2 },
        String::new(),
        "108 (PF-1)".to_owned(),
        now(),
    );
    for (state, deleting) in [
        (RowState::Intended, true),
        (RowState::Unknown, true),
        (RowState::Done, false),
        (RowState::Refused, false),
    ] {
        ledger.find_row_mut(no).unwrap().state = state;
        assert_eq!(ledger.is_deleting_draft(2), deleting, "{state:?}");
        assert!(!ledger.is_deleting_draft(1), "not its own");
    }
}

#[test]
fn stock_that_never_went_out_is_not_said_to_have_come_back() {
    let mut ledger = invoiced_ledger(true);
    ledger.find_row_mut(1).unwrap().state = RowState::Refused;
    let cancelled = order_with_status(OrderStatus::Cancelled);
    record_undo(&mut ledger, &cancelled, Keep, Return);
    assert_eq!(sentence_codes(&plan_for(&cancelled, &ledger)), ["undone_kept"]);
}

#[test]
fn every_obstacle_has_its_words() {
    for obstacle in [
        Obstacle::Gone,
        Obstacle::IsDraft,
        Obstacle::IsBooked,
        Obstacle::Differs,
        Obstacle::OrderChanged,
        Obstacle::AlreadyCredited { credit_note: "C1".to_owned() },
        Obstacle::Refused { reason: "no".to_owned() },
    ] {
        let args = obstacle.text_args("F1".into());
        let explanation = crate::text::render_explanation(
            &format!("undo_stopped_{}", obstacle.name()),
            &args,
            Language::NL,
        );
        assert!(explanation.ends_with("beslis hieronder opnieuw."), "{explanation}");
        assert!(!explanation.contains('{'), "{explanation}");
    }
}

#[test]
fn the_remark_of_a_credit_note_names_its_invoice() {
    let remark = |marketplace, reference| {
        let dated = "2026-11-23".parse().unwrap();
        crate::text::render_credit_note_remark(Language::NL, "F1", dated, "PF-1", marketplace, reference)
    };
    assert_eq!(
        remark(Some("bol.com"), Some("108")),
        "Annulatie factuur F1 van 23/11/2026. ProductFlow PF-1 · bol.com 108"
    );
    assert_eq!(remark(None, Some("108")), "Annulatie factuur F1 van 23/11/2026. ProductFlow PF-1 · 108");
    assert_eq!(remark(None, None), "Annulatie factuur F1 van 23/11/2026. ProductFlow PF-1");
}

#[test]
fn a_document_is_another_rows_when_that_one_made_it() {
    let ledger = invoiced_ledger(true);
    let id = ledger.find_row(2).unwrap().robaws_id.clone().unwrap();
    let of_stock = ledger.find_row(1).unwrap().robaws_id.clone().unwrap();
    assert!(ledger.is_made_by_another_row(&id, 3));
    assert!(!ledger.is_made_by_another_row(&id, 2), "its own");
    assert!(!ledger.is_made_by_another_row(&of_stock, 3), "no sales document");
    assert!(!ledger.is_made_by_another_row(&DocumentId::parse("999").unwrap(), 3));
    let mut refused = ledger.clone();
    refused.find_row_mut(2).unwrap().state = RowState::Refused;
    assert!(!refused.is_made_by_another_row(&id, 3));
}
