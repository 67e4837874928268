//! Tables over what is planned once the merchant decided about an invoice.

use super::*;
use crate::ids::{
    ArticleId, ConnectionId, DocumentId, LineId, OrderIdentifier, Sku, StockLocationId, VatTariffId,
};
use crate::ledger::{
    Direction, InvoiceProgress, LookRefusal, Outcome, RowEffect, RowState, StockItem, StockKey,
};
use crate::locale::Language;
use crate::money::Cents;
use crate::order::{Costs, OrderFacts, OrderLine};
use crate::settings::ConnectionSettings;
use crate::undo::{Obstacle, Undo, UndoInvoice, UndoStock};
use jiff::Timestamp;
use rstest::rstest;

pub(super) fn now() -> Timestamp {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

pub(super) fn settings() -> Settings {
    Settings {
        lost: None,
        language: Language::EN,
        go_live: Timestamp::MIN,
        connection: ConnectionSettings {
            book_invoices: true,
            ..ConnectionSettings::default()
        },
    }
}

pub(super) fn order(status: OrderStatus) -> Order {
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

pub(super) fn stock(direction: Direction) -> RowEffect {
    let sku = Sku::parse("A-1").unwrap();
    RowEffect::StockChange {
        direction,
        stock_location_id: StockLocationId::parse("3").unwrap(),
        items: vec![StockItem {
            key: StockKey::Sku {
                sku: sku.clone(),
                fbm: false,
            },
            sku: Some(sku),
            article_id: ArticleId::parse("12").unwrap(),
            quantity: 2,
        }],
    }
}

fn progress(booked: bool) -> InvoiceProgress {
    InvoiceProgress {
        step: 4,
        steps: 4,
        number: Some(if booked { "F2026-0001" } else { "draft" }.to_owned()),
        booked,
        ..InvoiceProgress::default()
    }
}

pub(super) fn done(ledger: &mut Ledger, effect: RowEffect) -> u32 {
    let no = ledger.intend(effect.clone(), String::new(), "108 (PF-1)".to_owned(), now());
    ledger.begin_attempt(no, "user", now());
    let outcome = Outcome::Done {
        robaws_id: DocumentId::parse(format!("{no}00")).unwrap(),
        number: None,
    };
    ledger.end_attempt(no, &outcome, now());
    // `end_attempt` knows the header alone, so the progress of a finished document is put back.
    ledger.row_mut(no).unwrap().effect = effect;
    no
}

/// A ledger with stock out in row 1 and a finished invoice in row 2.
pub(super) fn invoiced_ledger(booked: bool) -> Ledger {
    let connection = ConnectionId::parse("shop").unwrap();
    let mut ledger = Ledger::new(connection, OrderIdentifier::parse("PF-1").unwrap());
    done(&mut ledger, stock(Direction::Out));
    let total = Cents(5998);
    done(
        &mut ledger,
        RowEffect::Invoice {
            total,
            progress: progress(booked),
        },
    );
    ledger.invoiced_facts = Some(OrderFacts::of(&order(OrderStatus::Shipped)));
    ledger
}

/// Makes Robaws refuse the item of `stock`.
pub(super) fn refuse(ledger: &mut Ledger) {
    let RowEffect::StockChange { items, .. } = stock(Direction::In) else {
        unreachable!("it is a stock change");
    };
    ledger.look.push(LookRefusal::Item {
        key: items[0].key.clone(),
        article_id: items[0].article_id.clone(),
        reason: "No.".to_owned(),
    });
}

fn credit(ledger: &mut Ledger, progress: InvoiceProgress) -> u32 {
    let total = Cents(5998);
    done(
        ledger,
        RowEffect::CreditNote {
            invoice: 2,
            total,
            progress,
        },
    )
}

fn delete(ledger: &mut Ledger) {
    done(ledger, RowEffect::DeleteDraft { invoice: 2 });
}

pub(super) fn decide(ledger: &mut Ledger, on: &Order, invoice: UndoInvoice, stock: UndoStock) {
    let facts = OrderFacts::of(on);
    let changes = ledger.open_changes(&facts, true);
    ledger.undo = Some(Undo {
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

pub(super) fn planned(order: &Order, ledger: &Ledger) -> Plan {
    plan(order, ledger, &Catalogue::default(), &settings())
}

/// An order that was not cancelled.
pub(super) fn seen(placed_at: Option<Timestamp>) -> LastSeen<'static> {
    LastSeen {
        reference: "108 (PF-1)",
        placed_at,
        is_cancelled: false,
    }
}

pub(super) fn gone(placed_at: Option<Timestamp>, ledger: &Ledger) -> Plan {
    plan_gone(seen(placed_at), ledger, &settings())
}

pub(super) fn effects(plan: &Plan) -> Vec<&'static str> {
    let name = |effect: &Effect| match effect {
        Effect::StockChange {
            direction: Direction::In,
            ..
        } => "in",
        Effect::StockChange { .. } => "out",
        Effect::Invoice(_) => "invoice",
        Effect::FinishInvoice(_) => "finish",
        Effect::CreditNote(_) => "credit",
        Effect::DeleteDraft(_) => "delete",
    };
    plan.effects.iter().map(name).collect()
}

pub(super) fn sentences(plan: &Plan) -> Vec<&str> {
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
    let cancelled = order(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(invoice == Credit);
    let before = planned(&cancelled, &ledger);
    assert_eq!((before.state, effects(&before)), (OrderState::Conflict, vec![]));
    decide(&mut ledger, &cancelled, invoice, stock);
    let found = planned(&cancelled, &ledger);
    assert_eq!(effects(&found), expected);
    assert_eq!(found.problems, []);
    let (state, is_final) = if expected.is_empty() {
        (OrderState::Invoiced, true)
    } else {
        (OrderState::Waiting, false)
    };
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
    let cancelled = order(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(invoice == Credit);
    decide(&mut ledger, &cancelled, invoice, stock_kept);
    match invoice {
        Credit => drop(credit(&mut ledger, progress(true))),
        DeleteDraft => delete(&mut ledger),
        Keep => {}
    }
    if stock_kept == Return {
        done(&mut ledger, stock(Direction::In));
    }
    let found = planned(&cancelled, &ledger);
    assert_eq!(
        (found.state, found.is_final, effects(&found)),
        (state, true, vec![])
    );
    assert_eq!(sentences(&found), said);
    assert_eq!(found.problems, []);
    // The order is never invoiced again without a new decision, whatever its status.
    for status in [OrderStatus::Shipped, OrderStatus::Open] {
        let found = planned(&order(status), &ledger);
        assert_eq!((found.state, effects(&found)), (OrderState::Conflict, vec![]));
    }
}

#[test]
fn of_an_order_that_changed_since_the_decision_nothing_is_begun() {
    let cancelled = order(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(true);
    decide(&mut ledger, &cancelled, Credit, Return);
    let found = planned(&order(OrderStatus::Shipped), &ledger);
    assert_eq!((found.state, effects(&found)), (OrderState::Conflict, vec![]));
    assert_eq!(found.problems[0].code, ProblemCode::ChangedAfterInvoice);
    assert_eq!(
        found.problems[0].args["changes"],
        Arg::Changes(vec![Change::Reopened])
    );
    // Once the change was seen, the merchant has to decide anew, also when the order becomes again what it was.
    let shipped = OrderFacts::of(&order(OrderStatus::Shipped));
    assert!(ledger.lapses(&shipped, true));
    assert!(!ledger.lapses(&OrderFacts::of(&cancelled), true));
    let lapsed = ledger.undo.clone().unwrap();
    ledger.obstruct(&lapsed, &Obstacle::OrderChanged);
    assert!(!ledger.lapses(&shipped, true), "once");
    let found = planned(&cancelled, &ledger);
    assert_eq!((found.state, effects(&found)), (OrderState::Conflict, vec![]));
    assert_eq!(found.problems[0].code, ProblemCode::CancelledAfterInvoice);
    assert_eq!(sentences(&found), ["conflict", "undo_stopped_order_changed"]);
    // A decision that was carried out does not lapse.
    let mut carried_out = invoiced_ledger(true);
    decide(&mut carried_out, &cancelled, Credit, STOCK_KEPT);
    credit(&mut carried_out, progress(true));
    assert!(!carried_out.lapses(&shipped, true));
    // Each new change after a new decision is one more conflict.
    let mut edited = order(OrderStatus::Shipped);
    edited.lines[0].quantity = 1;
    decide(&mut ledger, &edited, Keep, STOCK_KEPT);
    assert_eq!(planned(&edited, &ledger).state, OrderState::Invoiced);
    edited.lines[0].price = Cents(1);
    let found = planned(&edited, &ledger);
    assert_eq!(
        found.problems[0].args["changes"],
        Arg::Changes(vec![Change::Price])
    );
}

#[test]
fn what_was_begun_is_finished_whatever_the_order_says() {
    let cancelled = order(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(true);
    decide(&mut ledger, &cancelled, Credit, Return);
    let begun = InvoiceProgress {
        step: 1,
        steps: 4,
        ..InvoiceProgress::default()
    };
    let no = credit(&mut ledger, begun);
    for status in [OrderStatus::Cancelled, OrderStatus::Shipped] {
        let found = planned(&order(status), &ledger);
        assert_eq!(found.effects[0], Effect::FinishInvoice(no));
    }
    let found = planned(&order(OrderStatus::Shipped), &ledger);
    assert_eq!(effects(&found), ["finish"], "the stock was not begun");
    let found = gone(None, &ledger);
    assert_eq!(effects(&found), ["finish"]);
}

#[test]
fn an_unfinished_invoice_is_finished_unless_its_draft_goes() {
    let cancelled = order(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(false);
    ledger.progress_mut(2).unwrap().step = 2;
    assert_eq!(effects(&planned(&cancelled, &ledger)), ["finish"]);
    decide(&mut ledger, &cancelled, DeleteDraft, STOCK_KEPT);
    assert_eq!(effects(&planned(&cancelled, &ledger)), ["delete"]);
    delete(&mut ledger);
    assert_eq!(effects(&planned(&cancelled, &ledger)), [""; 0]);
    let mut ledger = invoiced_ledger(true);
    ledger.progress_mut(2).unwrap().step = 2;
    decide(&mut ledger, &cancelled, Credit, STOCK_KEPT);
    assert_eq!(effects(&planned(&cancelled, &ledger)), ["finish", "credit"]);
}

#[test]
fn what_stands_in_the_way_is_a_conflict_again_until_it_is_decided_anew() {
    let cancelled = order(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(false);
    decide(&mut ledger, &cancelled, DeleteDraft, Return);
    let decided = ledger.undo.clone().unwrap();
    ledger.obstruct(&decided, &Obstacle::IsBooked);
    let found = planned(&cancelled, &ledger);
    assert_eq!(
        (found.state, effects(&found)),
        (OrderState::Conflict, vec![]),
        "nor the stock"
    );
    assert_eq!(sentences(&found), ["conflict", "undo_stopped_invoice_is_booked"]);
    assert_eq!(found.problems[0].code, ProblemCode::CancelledAfterInvoice);
    // An order that vanished or cannot be read keeps its conflict.
    assert_eq!(gone(None, &ledger).state, OrderState::Conflict);
    decide(&mut ledger, &cancelled, Keep, Return);
    assert_eq!(effects(&planned(&cancelled, &ledger)), ["in"]);
    // A decision that was replaced meanwhile does not become obstructed.
    ledger.obstruct(&decided, &Obstacle::IsBooked);
    assert_eq!(ledger.undo.as_ref().unwrap().obstacle, None);
}

#[test]
fn nothing_is_begun_of_an_order_that_can_not_be_read() {
    let cancelled = order(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(true);
    decide(&mut ledger, &cancelled, Credit, Return);
    for is_cancelled in [false, true] {
        let seen = LastSeen {
            is_cancelled,
            ..seen(None)
        };
        let found = plan_gone(seen, &ledger, &settings());
        assert_eq!((found.state, effects(&found)), (OrderState::Blocked, vec![]));
        assert_eq!(found.problems[0].code, ProblemCode::OrderGone);
    }
    // Once the decision was carried out, an order that vanished has not changed.
    credit(&mut ledger, progress(true));
    done(&mut ledger, stock(Direction::In));
    let found = gone(None, &ledger);
    assert_eq!((found.state, found.is_final), (OrderState::Reversed, true));
}

#[test]
fn a_refused_credit_note_holds_up_no_stock_and_is_named() {
    let cancelled = order(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(true);
    decide(&mut ledger, &cancelled, Credit, Return);
    ledger.look.push(LookRefusal::CreditNote {
        reason: "closed".to_owned(),
    });
    let found = planned(&cancelled, &ledger);
    assert_eq!((found.state, effects(&found)), (OrderState::Blocked, vec!["in"]));
    assert_eq!(found.problems[0].code, ProblemCode::RobawsRefused);
    assert_eq!(
        found.problems[0].args["effect"],
        Arg::Effect("credit_note".to_owned())
    );
}

#[test]
fn a_credit_note_that_comes_to_something_else_is_said_of_the_credit_note() {
    let cancelled = order(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(true);
    decide(&mut ledger, &cancelled, Credit, STOCK_KEPT);
    let differs = InvoiceProgress {
        mismatch: Some(Cents(1)),
        ..progress(false)
    };
    credit(&mut ledger, differs);
    let found = planned(&cancelled, &ledger);
    assert_eq!((found.state, effects(&found)), (OrderState::Blocked, vec![]));
    let message = crate::text::render(&found.problems[0], Language::EN).message;
    assert!(
        message.starts_with("Credit note draft amounts to €0.01"),
        "{message}"
    );
}

#[test]
fn a_later_unknown_status_is_no_change_but_shipping_what_was_undone_is() {
    let open = order(OrderStatus::Open);
    let mut ledger = invoiced_ledger(true);
    decide(&mut ledger, &open, Credit, Return);
    let refunded = order(OrderStatus::Unknown("refunded".to_owned()));
    assert_eq!(effects(&planned(&refunded, &ledger)), ["credit", "in"]);
    let shipped = order(OrderStatus::Shipped);
    let found = planned(&shipped, &ledger);
    assert_eq!((found.state, effects(&found)), (OrderState::Conflict, vec![]));
    // An invoice that is kept is the invoice of the shipped order.
    decide(&mut ledger, &open, Keep, STOCK_KEPT);
    assert_eq!(planned(&shipped, &ledger).state, OrderState::Invoiced);
}

/// The state of an order that was open when the merchant decided, and that ships afterwards.
fn decided_open(happened: impl FnOnce(&mut Ledger)) -> OrderState {
    let mut ledger = invoiced_ledger(true);
    happened(&mut ledger);
    decide(&mut ledger, &order(OrderStatus::Open), Keep, STOCK_KEPT);
    planned(&order(OrderStatus::Shipped), &ledger).state
}

#[test]
fn shipping_is_a_conflict_only_when_stock_came_back_since_the_invoice() {
    assert_eq!(decided_open(|_| {}), OrderState::Invoiced);
    let came_back = decided_open(|ledger| {
        done(ledger, stock(Direction::In));
    });
    assert_eq!(came_back, OrderState::Conflict);
    // A refused stock change brought nothing back, nor did one that went out or one from before the invoice.
    let refused = decided_open(|ledger| {
        let no = done(ledger, stock(Direction::In));
        ledger.row_mut(no).unwrap().state = RowState::Refused;
    });
    assert_eq!(refused, OrderState::Invoiced);
    let out = decided_open(|ledger| {
        done(ledger, stock(Direction::Out));
    });
    assert_eq!(out, OrderState::Invoiced);
    let before = decided_open(|ledger| ledger.row_mut(1).unwrap().effect = stock(Direction::In));
    assert_eq!(before, OrderState::Invoiced);
}

#[test]
fn what_is_held_up_says_what_was_done_before() {
    let cancelled = order(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(true);
    decide(&mut ledger, &cancelled, Credit, Return);
    credit(&mut ledger, progress(true));
    refuse(&mut ledger);
    let found = planned(&cancelled, &ledger);
    assert_eq!(found.state, OrderState::Blocked);
    assert_eq!(sentences(&found), ["blocked", "undone_credited"]);
}

#[test]
fn only_a_deletion_may_be_refused_after_an_end_that_is_not_known() {
    let refused = Outcome::Refused {
        reason: "no".to_owned(),
    };
    let total = Cents(5998);
    let credit = RowEffect::CreditNote {
        invoice: 2,
        total,
        progress: InvoiceProgress::default(),
    };
    for (effect, expected) in [
        (credit, RowState::Unknown),
        (stock(Direction::In), RowState::Unknown),
        (RowEffect::DeleteDraft { invoice: 2 }, RowState::Refused),
    ] {
        let mut ledger = invoiced_ledger(true);
        let no = ledger.intend(effect, String::new(), String::new(), now());
        for outcome in [&Outcome::Unknown, &refused] {
            ledger.begin_attempt(no, "user", now());
            ledger.end_attempt(no, outcome, now());
        }
        assert_eq!(ledger.row(no).unwrap().state, expected);
    }
}

#[test]
fn a_decision_is_stored_as_it_is() {
    let cancelled = order(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(false);
    decide(&mut ledger, &cancelled, DeleteDraft, Return);
    delete(&mut ledger);
    credit(&mut ledger, progress(true));
    for obstacle in [
        Obstacle::Gone,
        Obstacle::AlreadyCredited {
            credit_note: "C1".to_owned(),
        },
        Obstacle::Refused {
            reason: "no".to_owned(),
        },
    ] {
        ledger.undo.as_mut().unwrap().obstacle = Some(obstacle);
        let stored = serde_json::to_value(&ledger).unwrap();
        assert_eq!(serde_json::from_value::<Ledger>(stored).unwrap(), ledger);
    }
}

#[test]
fn a_decision_about_another_invoice_counts_no_more() {
    let cancelled = order(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(false);
    decide(&mut ledger, &cancelled, DeleteDraft, Return);
    // Row 2 was in doubt, people said that its document is not there, and the order was invoiced anew.
    ledger.settle(2, RowState::Refused, None, now());
    let again = RowEffect::Invoice {
        total: Cents(5998),
        progress: progress(false),
    };
    assert_eq!(done(&mut ledger, again), 3);
    let found = planned(&cancelled, &ledger);
    assert_eq!((found.state, effects(&found)), (OrderState::Conflict, vec![]));
}

#[test]
fn undoing_ends_with_what_was_decided_last() {
    let cancelled = order(OrderStatus::Cancelled);
    let decided = |invoice, stock_kept| {
        let mut ledger = invoiced_ledger(true);
        decide(&mut ledger, &cancelled, invoice, stock_kept);
        ledger
    };
    // Each answer but "keep" leaves something to do.
    assert!(!decided(Keep, STOCK_KEPT).is_undoing());
    assert!(decided(Keep, Return).is_undoing());
    assert!(decided(Credit, STOCK_KEPT).is_undoing());
    assert!(decided(DeleteDraft, STOCK_KEPT).is_undoing());
    let mut ledger = decided(Credit, Return);
    let no = credit(&mut ledger, progress(true));
    assert!(ledger.is_undoing(), "the stock is still out");
    done(&mut ledger, stock(Direction::In));
    assert!(!ledger.is_undoing());
    // The header of the credit note stands, its lines do not.
    let RowEffect::CreditNote { progress, .. } = &mut ledger.row_mut(no).unwrap().effect else {
        unreachable!("it is the credit note");
    };
    progress.step = 1;
    assert!(ledger.is_undoing());
    ledger.undo.as_mut().unwrap().obstacle = Some(Obstacle::Differs);
    assert!(!ledger.is_undoing(), "it is in the way");
}

#[test]
fn a_decision_holds_while_nothing_is_in_its_way_and_the_order_is_what_it_was() {
    let cancelled = order(OrderStatus::Cancelled);
    let mut ledger = invoiced_ledger(true);
    let facts = OrderFacts::of(&cancelled);
    assert_eq!(ledger.decided(&facts, true), None);
    decide(&mut ledger, &cancelled, Credit, Return);
    assert_eq!(ledger.decided(&facts, true), ledger.undo.as_ref());
    let open = OrderFacts::of(&order(OrderStatus::Open));
    assert_eq!(ledger.decided(&open, true), None, "it is open again");
    let undo = ledger.undo.as_mut().unwrap();
    (undo.obstacle, undo.changes) = (Some(Obstacle::Differs), Vec::new());
    assert_eq!(ledger.decided(&facts, true), None, "it is in the way");
}

#[test]
fn a_draft_is_being_deleted_until_its_end_is_known() {
    let mut ledger = invoiced_ledger(false);
    assert!(!ledger.is_deleting(2));
    let no = ledger.intend(
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
        ledger.row_mut(no).unwrap().state = state;
        assert_eq!(ledger.is_deleting(2), deleting, "{state:?}");
        assert!(!ledger.is_deleting(1), "not its own");
    }
}

#[test]
fn stock_that_never_went_out_is_not_said_to_have_come_back() {
    let mut ledger = invoiced_ledger(true);
    ledger.row_mut(1).unwrap().state = RowState::Refused;
    let cancelled = order(OrderStatus::Cancelled);
    decide(&mut ledger, &cancelled, Keep, Return);
    assert_eq!(sentences(&planned(&cancelled, &ledger)), ["undone_kept"]);
}

#[test]
fn every_obstacle_has_its_words() {
    for obstacle in [
        Obstacle::Gone,
        Obstacle::IsDraft,
        Obstacle::IsBooked,
        Obstacle::Differs,
        Obstacle::OrderChanged,
        Obstacle::AlreadyCredited {
            credit_note: "C1".to_owned(),
        },
        Obstacle::Refused {
            reason: "no".to_owned(),
        },
    ] {
        let args = obstacle.args("F1".into());
        let explanation =
            crate::text::explanation(&format!("undo_stopped_{}", obstacle.name()), &args, Language::NL);
        assert!(
            explanation.ends_with("beslis hieronder opnieuw."),
            "{explanation}"
        );
        assert!(!explanation.contains('{'), "{explanation}");
    }
}

#[test]
fn the_remark_of_a_credit_note_names_its_invoice() {
    let remark = |marketplace, reference| {
        let dated = "2026-11-23".parse().unwrap();
        crate::text::credit_note_remark(Language::NL, "F1", dated, "PF-1", marketplace, reference)
    };
    assert_eq!(
        remark(Some("bol.com"), Some("108")),
        "Annulatie factuur F1 van 23/11/2026. ProductFlow PF-1 · bol.com 108"
    );
    assert_eq!(
        remark(None, Some("108")),
        "Annulatie factuur F1 van 23/11/2026. ProductFlow PF-1 · 108"
    );
    assert_eq!(
        remark(None, None),
        "Annulatie factuur F1 van 23/11/2026. ProductFlow PF-1"
    );
}

#[test]
fn a_document_is_another_rows_when_that_one_made_it() {
    let ledger = invoiced_ledger(true);
    let id = ledger.row(2).unwrap().robaws_id.clone().unwrap();
    let of_stock = ledger.row(1).unwrap().robaws_id.clone().unwrap();
    assert!(ledger.made_by_another(&id, 3));
    assert!(!ledger.made_by_another(&id, 2), "its own");
    assert!(!ledger.made_by_another(&of_stock, 3), "no sales document");
    assert!(!ledger.made_by_another(&DocumentId::parse("999").unwrap(), 3));
    let mut refused = ledger.clone();
    refused.row_mut(2).unwrap().state = RowState::Refused;
    assert!(!refused.made_by_another(&id, 3));
}
