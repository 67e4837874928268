//! Tables over orders that can't be read, that are gone, that were closed as handled, and whose effects have no known end.

use super::undo_tests::{
    self, decide, done, effects, invoiced_ledger, now, order, planned, refuse, seen, sentences, settings,
    stock,
};
use super::*;
use crate::ids::{ConnectionId, OrderIdentifier};
use crate::ledger::Handled;
use crate::undo::{UndoInvoice, UndoStock};
use jiff::SignedDuration;
use rstest::rstest;

fn empty() -> Ledger {
    let connection = ConnectionId::parse("shop").unwrap();
    Ledger::new(connection, OrderIdentifier::parse("PF-1").unwrap())
}

fn unreadable(placed_at: Option<jiff::Timestamp>) -> Unreadable {
    Unreadable {
        identifier: OrderIdentifier::parse("PF-1").unwrap(),
        field: "lines[0].quantity".to_owned(),
        value: "two".to_owned(),
        placed_at,
        external_identifier: Some("108".to_owned()),
        fingerprint: "f".to_owned(),
    }
}

/// Plans an order that was placed at go-live, was not cancelled, and is gone.
fn gone(ledger: &Ledger) -> Plan {
    undo_tests::gone(Some(settings().go_live), ledger)
}

fn codes(plan: &Plan) -> Vec<ProblemCode> {
    plan.problems.iter().map(|problem| problem.code).collect()
}

#[rstest]
#[case(-1, OrderState::Skipped)]
#[case(0, OrderState::Blocked)]
#[case(1, OrderState::Blocked)]
fn an_unreadable_order_of_before_go_live_is_left_alone(#[case] seconds: i64, #[case] state: OrderState) {
    let settings = Settings {
        go_live: now(),
        ..settings()
    };
    let order = unreadable(Some(now() + SignedDuration::from_secs(seconds)));
    let plan = plan_unreadable(&order, &empty(), &settings);
    assert_eq!(plan.state, state);
    // The same order is not missed either when it vanishes.
    let gone = |ledger: &Ledger| plan_gone(seen(order.placed_at), ledger, &settings);
    assert_eq!(gone(&empty()).state, state);
    // An order with bookings is never left alone.
    let mut booked = empty();
    done(&mut booked, stock(Direction::Out));
    assert_eq!(
        codes(&plan_unreadable(&order, &booked, &settings)),
        [ProblemCode::OrderUnreadable]
    );
    assert_eq!(codes(&gone(&booked)), [ProblemCode::OrderGone]);
}

#[test]
fn a_cancelled_order_that_vanishes_is_missed_only_while_something_is_out() {
    let seen = LastSeen {
        is_cancelled: true,
        ..seen(Some(settings().go_live))
    };
    let gone = |ledger: &Ledger| plan_gone(seen, ledger, &settings());
    let plan = gone(&empty());
    assert_eq!((plan.state, codes(&plan)), (OrderState::Skipped, vec![]));
    assert!(plan.is_final);
    let mut ledger = empty();
    done(&mut ledger, stock(Direction::Out));
    let plan = gone(&ledger);
    assert_eq!(effects(&plan), [""; 0], "what can't be read moves no stock");
    assert_eq!(codes(&plan), [ProblemCode::OrderGone]);
    done(&mut ledger, stock(Direction::In));
    let plan = gone(&ledger);
    assert_eq!((plan.state, codes(&plan)), (OrderState::Reversed, vec![]));
    let mut ledger = invoiced_ledger(true);
    assert_eq!(gone(&ledger).state, OrderState::Invoiced);
    // Nothing is out, but the invoice is still to be undone.
    done(&mut ledger, stock(Direction::In));
    decide(
        &mut ledger,
        &order(OrderStatus::Cancelled),
        UndoInvoice::Credit,
        UndoStock::Keep,
    );
    assert_eq!(codes(&gone(&ledger)), [ProblemCode::OrderGone]);
}

#[test]
fn after_the_invoice_an_order_that_can_not_be_read_is_told_and_one_that_is_gone_is_not() {
    let ledger = invoiced_ledger(false);
    let plan = plan_unreadable(&unreadable(None), &ledger, &settings());
    assert_eq!(codes(&plan), [ProblemCode::OrderUnreadable]);
    assert_eq!(plan.problems[0].holds, Holds::Nothing);
    let plan = gone(&ledger);
    assert_eq!(codes(&plan), []);
    assert_eq!(plan.state, OrderState::Invoiced);
    assert_eq!(codes(&gone(&empty())), [ProblemCode::OrderGone]);
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
    let mut ledger = if invoiced { invoiced_ledger(false) } else { empty() };
    ledger.handled = Some(Handled {
        at: now(),
        facts: Some(OrderFacts::of(&order(was))),
        status: None,
    });
    let plan = planned(&order(is), &ledger);
    if conflict {
        assert_eq!(codes(&plan), [ProblemCode::ChangedAfterHandled]);
        assert_eq!(plan.state, OrderState::Conflict);
    } else {
        assert_eq!(codes(&plan), []);
        assert_eq!(sentences(&plan), ["settled"]);
    }
    // An order that cannot be read does not contradict the decision.
    assert_eq!(gone(&ledger).state, OrderState::Skipped);
}

#[test]
fn nothing_is_planned_while_the_end_of_a_call_is_not_known() {
    let mut ledger = empty();
    let no = ledger.intend(
        stock(Direction::Out),
        String::new(),
        "108 (PF-1)".to_owned(),
        now(),
    );
    for status in [OrderStatus::Open, OrderStatus::Shipped, OrderStatus::Cancelled] {
        let plan = planned(&order(status), &ledger);
        assert_eq!((effects(&plan), plan.state), (vec![], OrderState::Waiting));
        assert_eq!(sentences(&plan), ["settling"]);
    }
    ledger.begin_attempt(no, "user", now());
    for is_cancelled in [false, true] {
        let seen = LastSeen {
            is_cancelled,
            ..seen(None)
        };
        let plan = plan_gone(seen, &ledger, &settings());
        assert_eq!(plan.explanation, [Sentence::plain("settling")]);
    }
    ledger.row_mut(no).unwrap().state = crate::ledger::RowState::InDoubt;
    for status in [OrderStatus::Open, OrderStatus::Shipped, OrderStatus::Cancelled] {
        let plan = planned(&order(status), &ledger);
        assert_eq!((effects(&plan), plan.state), (vec![], OrderState::InDoubt));
        assert_eq!(codes(&plan), [ProblemCode::EffectInDoubt]);
        assert_eq!(plan.problems[0].args["reference"], "108 (PF-1)".into());
    }
}

#[test]
fn a_reversal_that_robaws_refuses_is_named_by_its_order() {
    let mut ledger = empty();
    done(&mut ledger, stock(Direction::Out));
    refuse(&mut ledger);
    let plan = planned(&order(OrderStatus::Cancelled), &ledger);
    assert_eq!(codes(&plan), [ProblemCode::RobawsRefused]);
    assert_eq!(plan.problems[0].args["order"], "108 (PF-1)".into());
    assert_eq!(plan.state, OrderState::Blocked);
}

#[test]
fn nothing_is_planned_while_documents_do_not_fit() {
    let mut ledger = empty();
    ledger.doubt(vec!["2026-1".to_owned()], now());
    for status in [OrderStatus::Open, OrderStatus::Shipped, OrderStatus::Cancelled] {
        let plan = planned(&order(status), &ledger);
        assert_eq!((effects(&plan), plan.state), (vec![], OrderState::InDoubt));
        assert_eq!(codes(&plan), [ProblemCode::PastUnmatched]);
        let named = Arg::List(vec!["2026-1".to_owned()]);
        assert_eq!(plan.problems[0].args["documents"], named);
    }
}
