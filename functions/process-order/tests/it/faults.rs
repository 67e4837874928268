//! What goes wrong between us and the peers: each order's effects exist exactly once all the same.

use domain::ledger::RowState;
use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::json;
use simulators::{Fault, Gate, Outage};
use std::time::Duration;
use world::{World, order_of_one_line};

async fn booked_once(fault: Fault) {
    let world = World::new().await;
    world.stack.robaws.add_fault(fault);
    world.place_order(order_of_one_line("PF-1"));
    world.poll_for_minutes(60).await;
    assert_eq!(world.order_state("PF-1").await, "booked");
    assert_eq!(world.robaws.stock_changes().iter().filter(|change| change.booked).count(), 1);
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(23));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_books_once() {
    booked_once(Fault::for_call("POST", "/stock-changes").drop_after()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_request_books_once() {
    booked_once(Fault::for_call("POST", "/stock-changes").drop_before()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_500_after_the_effect_books_once() {
    booked_once(Fault::for_call("POST", "/stock-changes").status_after(500)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_500_before_the_effect_books_once() {
    booked_once(Fault::for_call("POST", "/stock-changes").answer_status(500).for_calls(2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_truncated_answer_books_once() {
    booked_once(Fault::for_call("POST", "/stock-changes").truncate_answer()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_409_books_once() {
    booked_once(Fault::for_call("POST", "/stock-changes").answer_status(409)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_lost_again_and_again_book_once() {
    booked_once(Fault::for_call("POST", "/stock-changes").drop_after().for_calls(4)).await;
}

async fn invoiced_once(fault: Fault) {
    let world = World::new().await;
    world.stack.robaws.add_fault(fault);
    world.place_order(
        order_of_one_line("PF-1")
            .with_line("A-2", 3, 1000, Some("7"))
            .with_shipping_cost(495)
            .with_status("shipped"),
    );
    world.poll_for_minutes(60).await;
    assert_eq!(world.order_state("PF-1").await, "invoiced", "{:?}", world.problem_codes("PF-1").await);
    let invoices = world.robaws.invoices();
    assert_eq!(invoices.len(), 1);
    assert_eq!(invoices[0].total_incl_vat, Decimal::new(5998 + 1000 + 495, 2));
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(23));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_header_is_made_once() {
    invoiced_once(Fault::for_call("POST", "/sales-invoices").drop_after()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_with_500_after_its_effect_is_made_once() {
    invoiced_once(Fault::for_call("POST", "/sales-invoices").status_after(500)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_with_lost_answers_stand_once() {
    invoiced_once(
        Fault::for_call("POST", "/sales-invoices/*/line-items").at_nth_call(2).for_calls(3).drop_after(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_with_500_after_its_effect_stands_once() {
    invoiced_once(Fault::for_call("POST", "/sales-invoices/*/line-items").status_after(500)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_hours_loses_nothing_and_one_bad_order_stops_no_other() {
    let world = World::new().await;
    world.stack.robaws.set_outage(Some(Outage::Drop));
    world.place_order(order_of_one_line("PF-1"));
    world.poll_for_minutes(30).await;
    assert_eq!(world.robaws.stock_changes().len(), 0);
    world.stack.robaws.set_outage(None);
    world.poll_for_minutes(60).await;
    assert_eq!(world.order_state("PF-1").await, "booked");
    assert_eq!(world.robaws.stock_changes().len(), 1);

    world.stack.robaws.add_fault(
        Fault::for_call("POST", "/stock-changes")
            .whose_text_contains("PF-2")
            .answer_status(500)
            .until_cleared(),
    );
    world.place_order(order_of_one_line("PF-2"));
    world.place_order(order_of_one_line("PF-3"));
    world.poll_for_minutes(15).await;
    assert_eq!(world.order_state("PF-3").await, "booked");
    assert_ne!(world.order_state("PF-2").await, "booked");
    world.stack.robaws.clear_faults();
    world.poll_for_minutes(90).await;
    assert_eq!(world.order_state("PF-2").await, "booked");
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(19));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_credentials_are_one_state_and_lift_by_themselves() {
    let world = World::new().await;
    world.robaws.remove_user(simulators::demo::ROBAWS_KEY);
    world.place_order(order_of_one_line("PF-1"));
    world.poll_for_minutes(15).await;
    let item = world.stack.store.load_connection(&world.connection).await.unwrap().unwrap();
    assert_eq!(item.api_state(), "needs_credentials");
    world.robaws.add_admin(simulators::demo::ROBAWS_KEY, simulators::demo::ROBAWS_SECRET);
    world.poll_for_minutes(120).await;
    let item = world.stack.store.load_connection(&world.connection).await.unwrap().unwrap();
    assert_eq!(item.api_state(), "active");
    assert_eq!(world.order_state("PF-1").await, "booked");
    assert_eq!(world.robaws.stock_changes().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_not_booked_is_in_doubt() {
    let world = World::new().await;
    world.stack.robaws.add_fault(
        Fault::for_call("POST", "/stock-changes")
            .patch_answer(json!({"description": "something else"}))
            .until_cleared(),
    );
    world.place_order(order_of_one_line("PF-1"));
    world.poll_for_minutes(30).await;
    // The look-up by reference shows that it stands there after all.
    assert_eq!(world.order_state("PF-1").await, "booked");
    assert_eq!(world.robaws.stock_changes().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_repeated_and_polls_side_by_side_book_once() {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1"));
    world.stack.run_poll().await.unwrap();
    let (a, b) = tokio::join!(world.stack.run_poll(), world.stack.run_poll());
    a.unwrap();
    b.unwrap();
    world.stack.aws.queues.release_messages(local::stack::ORDERS_QUEUE);
    let (a, b) = tokio::join!(world.stack.work_orders(), world.stack.work_orders());
    a.unwrap();
    b.unwrap();
    world.poll_for_minutes(20).await;
    assert_eq!(world.robaws.stock_changes().len(), 1);
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(23));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_outlasts_the_invocation_is_settled_later_and_costs_one_try() {
    let mut world = World::new().await;
    world.stack.set_time_limit(Duration::from_secs(8));
    let gate = Gate::new();
    let slow = Fault::for_call("POST", "/stock-changes").hold_before(&gate);
    world.stack.robaws.add_fault(slow);
    world.place_order(order_of_one_line("PF-1"));
    world.clock.advance_by(SignedDuration::from_mins(5));
    world.stack.run_poll().await.unwrap();
    let time_passes = async {
        gate.wait_for_calls(1).await;
        // Longer than looks may take, shorter than the invocation.
        world.clock.advance_by(SignedDuration::from_millis(7_500));
    };
    let (worked, ()) = tokio::join!(world.stack.work_orders(), time_passes);
    worked.expect("the invocation ends before its time limit");
    assert_eq!(world.read_order("PF-1").await.ledger.rows[0].state, RowState::Unknown);
    assert!(world.robaws.stock_changes().is_empty());
    // The effect comes after its caller is gone.
    gate.open();
    world.stack.robaws.wait_until_idle().await;
    assert_eq!(world.robaws.stock_changes().len(), 1);
    world.stack.set_time_limit(Duration::from_secs(90));
    world.poll_for_minutes(15).await;
    let order = world.read_order("PF-1").await;
    assert_eq!(order.state.as_str(), "booked");
    assert!(world.problem_codes("PF-1").await.is_empty());
    assert_eq!(world.robaws.stock_changes().len(), 1);
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(23));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_off_time_and_again_it_is_not_set_aside() {
    let mut world = World::new().await;
    world.stack.set_time_limit(Duration::from_secs(5));
    let gate = Gate::new();
    world.stack.robaws.add_fault(Fault::for_call("GET", "/articles").hold_before(&gate).until_cleared());
    world.place_order(order_of_one_line("PF-1"));
    for calls in 1..=4 {
        world.clock.advance_by(SignedDuration::from_mins(60));
        world.stack.run_poll().await.unwrap();
        let time_passes = async {
            gate.wait_for_calls(calls).await;
            // Longer than looks may take, shorter than the invocation.
            world.clock.advance_by(SignedDuration::from_millis(4_700));
        };
        let (worked, ()) = tokio::join!(world.stack.work_orders(), time_passes);
        worked.expect("the invocation ends before its time limit");
    }
    // It is the peer that is slow, not the order that is bad.
    assert_eq!(world.problem_codes("PF-1").await, [""; 0]);
    world.stack.robaws.clear_faults();
    gate.open();
    world.stack.set_time_limit(Duration::from_secs(90));
    world.poll_for_minutes(70).await;
    assert_eq!(world.order_state("PF-1").await, "booked");
}
