//! Each test here fails on one mistake that is easily made in the ledger, the looks or the poll; docs/TESTING.md has the list.

use domain::ConnectionSettings;
use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::json;
use simulators::traffic::{Answer, Effect};
use simulators::{Fault, OrderBuilder};
use std::time::Duration;
use world::{World, default_settings, order_of_one_line};

fn stock_change() -> Fault {
    Fault::for_call("POST", "/stock-changes")
}

async fn booked_once(faults: [Fault; 2]) {
    let world = World::new().await;
    for fault in faults {
        world.stack.robaws.add_fault(fault);
    }
    world.place_order(order_of_one_line("PF-1"));
    world.poll_for_minutes(90).await;
    assert_eq!(world.order_state("PF-1").await, "booked");
    assert_eq!(world.robaws.stock_changes().len(), 1);
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(23));
}

/// A 409 says that a request with this key is running or was: nothing was refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_409_is_no_refusal() {
    booked_once([stock_change().status_after(409), stock_change().at_nth_call(2).answer_status(409)]).await;
}

/// The first attempt was booked and its answer lost; what is refused is the second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_after_a_lost_answer_proves_nothing() {
    for status in [400, 403, 404, 422, 429] {
        let refusal = Answer::with_json(status, json!({ "status": status, "message": "no" }));
        let second = stock_change().at_nth_call(2).with_effect(Effect::Answer(refusal));
        booked_once([stock_change().drop_after(), second]).await;
    }
}

/// The order and the settings are others than those that it was booked by.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reversal_takes_back_what_was_booked_from_where_it_was() {
    let mut world = World::new().await;
    // One from today's order would never be enough, and be made again and again.
    world.stack.set_time_limit(Duration::from_secs(5));
    world.place_order(order_of_one_line("PF-1"));
    world.poll_and_work().await;
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(23));
    let patch = json!({ "settings": { "stock_location_id": "4" } });
    let path = "/api/connections/shop";
    let changed = Box::pin(world.stack.call_api("PATCH", path, &patch)).await.unwrap();
    assert_eq!(changed.0, 200, "{}", changed.1);
    world.productflow.edit_order("PF-1", |order| {
        order["lines"][0]["quantity"] = json!(5);
        order["status"] = json!("cancelled");
    });
    for _ in 0..3 {
        world.clock.advance_by(SignedDuration::from_mins(5));
        world.stack.run_poll().await.unwrap();
        world.stack.work_orders().await.unwrap();
    }
    assert_eq!(world.order_state("PF-1").await, "reversed");
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(25));
    assert_eq!(world.robaws.stock_at("12", "4"), Decimal::ZERO);
}

/// Cancelled while its stock change is under way: the order is read again before the header of its invoice goes out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_cancelled_during_its_stock_change_gets_no_invoice() {
    let world = World::with_settings(ConnectionSettings { book_invoices: true, ..default_settings() }).await;
    let productflow = world.productflow.clone();
    // The stock change stands; its answer is still on the way.
    let cancel = move || assert!(productflow.cancel_order("PF-1"));
    world.stack.robaws.add_fault(stock_change().then(cancel));
    world.place_order(order_of_one_line("PF-1").with_status("shipped"));
    world.clock.advance_by(SignedDuration::from_mins(5));
    world.stack.run_poll().await.unwrap();
    world.stack.work_orders().await.unwrap();
    world.poll_for_minutes(20).await;
    assert!(world.robaws.invoices().is_empty());
    assert_eq!(world.order_state("PF-1").await, "reversed");
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(25));
}

/// The orders behind the page that failed are older than what a later pass reads of its own accord.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_that_was_interrupted_is_gone_on_with() {
    let world = World::new().await;
    world.robaws.set_stock("12", "3", 1_000);
    for nth in 0..70 {
        world.place_order(OrderBuilder::new(&format!("PF-{nth}")).with_line("A-1", 1, 2999, Some("7")));
        world.clock.advance_by(SignedDuration::from_secs(1));
    }
    world.clock.advance_by(SignedDuration::from_hours(1));
    // The second page, and once more soon after.
    let second_page = Fault::for_call("GET", "/order").at_nth_call(2).for_calls(2).answer_status(503);
    world.stack.productflow.add_fault(second_page);
    world.poll_for_minutes(45).await;
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(930));
    assert_eq!(world.robaws.stock_changes().len(), 70);
}
