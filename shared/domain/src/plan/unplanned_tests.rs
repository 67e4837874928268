//! Tables over orders that can't be read, that are gone, that were closed as handled, and whose effects have no known end.

use super::undo_tests::{
    self, add_done_row, booking_settings, effect_kinds, invoiced_ledger, last_seen_order, now,
    order_with_status, plan_for, record_undo, refuse_stock_item, sentence_codes, stock_change_effect,
};
use super::*;
use crate::ids::{ConnectionId, OrderIdentifier};
use crate::ledger::Handled;
use crate::undo::{UndoInvoice, UndoStock};
use jiff::SignedDuration;
use rstest::rstest;

fn empty_ledger() -> Ledger {
    let connection = ConnectionId::parse("shop").unwrap();
    Ledger::new(connection, OrderIdentifier::parse("PF-1").unwrap())
}

fn unreadable_order(placed_at: Option<jiff::Timestamp>) -> UnreadableOrder {
    UnreadableOrder {
        identifier: OrderIdentifier::parse("PF-1").unwrap(),
        field: "lines[0].quantity".to_owned(),
        value: "two".to_owned(),
        placed_at,
        external_identifier: Some("108".to_owned()),
        fingerprint: "f".to_owned(),
    }
}

/// Plans an order that was placed at go-live, was not cancelled, and is gone.
fn plan_gone_after_go_live(ledger: &Ledger) -> Plan {
    undo_tests::plan_gone_at(Some(booking_settings().go_live), ledger)
}

fn problem_codes(plan: &Plan) -> Vec<ProblemCode> {
    plan.problems.iter().map(|problem| problem.code).collect()
}

#[rstest]
#[case(-1, OrderState::Skipped)]
#[case(0, OrderState::Blocked)]
#[case(1, OrderState::Blocked)]
fn an_unreadable_order_of_before_go_live_is_left_alone(#[case] seconds: i64, #[case] state: OrderState) {
    let settings = Settings { go_live: now(), ..booking_settings() };
    let order = unreadable_order(Some(now() + SignedDuration::from_secs(seconds)));
    let plan = plan_unreadable_order(&order, &empty_ledger(), &settings);
    assert_eq!(plan.state, state);
    // The same order is not missed either when it vanishes.
    let gone = |ledger: &Ledger| plan_gone_order(last_seen_order(order.placed_at), ledger, &settings);
    assert_eq!(gone(&empty_ledger()).state, state);
    // An order with bookings is never left alone.
    let mut booked = empty_ledger();
    add_done_row(&mut booked, stock_change_effect(Direction::Out));
    assert_eq!(
        problem_codes(&plan_unreadable_order(&order, &booked, &settings)),
        [ProblemCode::OrderUnreadable]
    );
    assert_eq!(problem_codes(&gone(&booked)), [ProblemCode::OrderGone]);
}

#[test]
fn a_cancelled_order_that_vanishes_is_missed_only_while_something_is_out() {
    let seen = LastSeenOrder { is_cancelled: true, ..last_seen_order(Some(booking_settings().go_live)) };
    let gone = |ledger: &Ledger| plan_gone_order(seen, ledger, &booking_settings());
    let plan = gone(&empty_ledger());
    assert_eq!((plan.state, problem_codes(&plan)), (OrderState::Skipped, vec![]));
    assert!(plan.is_final);
    let mut ledger = empty_ledger();
    add_done_row(&mut ledger, stock_change_effect(Direction::Out));
    let plan = gone(&ledger);
    assert_eq!(effect_kinds(&plan), [""; 0], "what can't be read moves no stock");
    assert_eq!(problem_codes(&plan), [ProblemCode::OrderGone]);
    add_done_row(&mut ledger, stock_change_effect(Direction::In));
    let plan = gone(&ledger);
    assert_eq!((plan.state, problem_codes(&plan)), (OrderState::Reversed, vec![]));
    let mut ledger = invoiced_ledger(true);
    assert_eq!(gone(&ledger).state, OrderState::Invoiced);
    // Nothing is out, but the invoice is still to be undone.
    add_done_row(&mut ledger, stock_change_effect(Direction::In));
    record_undo(
        &mut ledger,
        &order_with_status(OrderStatus::Cancelled),
        UndoInvoice::Credit,
        UndoStock::Keep,
    );
    assert_eq!(problem_codes(&gone(&ledger)), [ProblemCode::OrderGone]);
}

#[test]
fn after_the_invoice_an_order_that_can_not_be_read_is_told_and_one_that_is_gone_is_not() {
    let ledger = invoiced_ledger(false);
    let plan = plan_unreadable_order(&unreadable_order(None), &ledger, &booking_settings());
    assert_eq!(problem_codes(&plan), [ProblemCode::OrderUnreadable]);
    assert_eq!(plan.problems[0].holds, Holds::Nothing);
    let plan = plan_gone_after_go_live(&ledger);
    assert_eq!(problem_codes(&plan), []);
    assert_eq!(plan.state, OrderState::Invoiced);
    assert_eq!(problem_codes(&plan_gone_after_go_live(&empty_ledger())), [ProblemCode::OrderGone]);
}

#[rstest]
#[case::opens_again(OrderStatus::Shipped, false, OrderStatus::Open, false)]
#[case::opens_again_after_its_invoice(OrderStatus::Shipped, true, OrderStatus::Open, true)]
#[case::ships(OrderStatus::Open, false, OrderStatus::Shipped, false)]
#[case::comes_back_after_its_cancellation(OrderStatus::Cancelled, false, OrderStatus::Open, true)]
#[case::is_cancelled(OrderStatus::Open, false, OrderStatus::Cancelled, true)]
#[case::stays(OrderStatus::Shipped, true, OrderStatus::Shipped, false)]
fn what_was_handled_is_a_conflict_again_when_it_changes(
    #[case] was: OrderStatus,
    #[case] invoiced: bool,
    #[case] is: OrderStatus,
    #[case] conflict: bool,
) {
    let mut ledger = if invoiced { invoiced_ledger(false) } else { empty_ledger() };
    ledger.handled = Some(Handled {
        at: now(),
        facts: Some(OrderFacts::from_order(&order_with_status(was))),
        status: None,
    });
    let plan = plan_for(&order_with_status(is), &ledger);
    if conflict {
        assert_eq!(problem_codes(&plan), [ProblemCode::ChangedAfterHandled]);
        assert_eq!(plan.state, OrderState::Conflict);
    } else {
        assert_eq!(problem_codes(&plan), []);
        assert_eq!(sentence_codes(&plan), ["settled"]);
    }
    // An order that cannot be read does not contradict the decision.
    assert_eq!(plan_gone_after_go_live(&ledger).state, OrderState::Skipped);
}

#[test]
fn nothing_is_planned_while_the_end_of_a_call_is_not_known() {
    let mut ledger = empty_ledger();
    let no = ledger.add_intended_row(
        stock_change_effect(Direction::Out),
        String::new(),
        "108 (PF-1)".to_owned(),
        now(),
    );
    for status in [OrderStatus::Open, OrderStatus::Shipped, OrderStatus::Cancelled] {
        let plan = plan_for(&order_with_status(status), &ledger);
        assert_eq!((effect_kinds(&plan), plan.state), (vec![], OrderState::Waiting));
        assert_eq!(sentence_codes(&plan), ["settling"]);
    }
    ledger.begin_attempt(no, "user", now());
    for is_cancelled in [false, true] {
        let seen = LastSeenOrder { is_cancelled, ..last_seen_order(None) };
        let plan = plan_gone_order(seen, &ledger, &booking_settings());
        assert_eq!(plan.explanation, [Sentence::without_args("settling")]);
    }
    ledger.find_row_mut(no).unwrap().state = crate::ledger::RowState::InDoubt;
    for status in [OrderStatus::Open, OrderStatus::Shipped, OrderStatus::Cancelled] {
        let plan = plan_for(&order_with_status(status), &ledger);
        assert_eq!((effect_kinds(&plan), plan.state), (vec![], OrderState::InDoubt));
        assert_eq!(problem_codes(&plan), [ProblemCode::EffectInDoubt]);
        assert_eq!(plan.problems[0].args["reference"], "108 (PF-1)".into());
    }
}

#[test]
fn a_reversal_that_robaws_refuses_is_named_by_its_order() {
    let mut ledger = empty_ledger();
    add_done_row(&mut ledger, stock_change_effect(Direction::Out));
    refuse_stock_item(&mut ledger);
    let plan = plan_for(&order_with_status(OrderStatus::Cancelled), &ledger);
    assert_eq!(problem_codes(&plan), [ProblemCode::RobawsRefused]);
    assert_eq!(plan.problems[0].args["order"], "108 (PF-1)".into());
    assert_eq!(plan.state, OrderState::Blocked);
}

#[test]
fn nothing_is_planned_while_documents_do_not_fit() {
    let mut ledger = empty_ledger();
    ledger.record_unmatched_documents(vec!["2026-1".to_owned()], now());
    for status in [OrderStatus::Open, OrderStatus::Shipped, OrderStatus::Cancelled] {
        let plan = plan_for(&order_with_status(status), &ledger);
        assert_eq!((effect_kinds(&plan), plan.state), (vec![], OrderState::InDoubt));
        assert_eq!(problem_codes(&plan), [ProblemCode::PastUnmatched]);
        let named = Arg::List(vec!["2026-1".to_owned()]);
        assert_eq!(plan.problems[0].args["documents"], named);
    }
}
