//! Each test here fails on one mistake that is easily made in the ledger, the looks or the poll; docs/TESTING.md has the list.

use crate::shop::{Shop, one_line, settings};
use domain::ConnectionSettings;
use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::json;
use simulators::traffic::{Answer, Effect};
use simulators::{Fault, OrderBuilder};
use std::time::Duration;

fn stock_change() -> Fault {
    Fault::on("POST", "/stock-changes")
}

async fn booked_once(faults: [Fault; 2]) {
    let shop = Shop::open().await;
    for fault in faults {
        shop.stack.robaws.fault(fault);
    }
    shop.place(one_line("PF-1"));
    shop.rounds(90).await;
    assert_eq!(shop.state("PF-1").await, "booked");
    assert_eq!(shop.robaws.stock_changes().len(), 1);
    assert_eq!(shop.stock("12"), Decimal::from(23));
    shop.assert_no_violations();
}

/// A 409 says that a request with this key is running or was: nothing was refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_409_is_no_refusal() {
    booked_once([
        stock_change().status_after(409),
        stock_change().nth(2).status(409),
    ])
    .await;
}

/// The first attempt was booked and its answer lost; what is refused is the second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_after_a_lost_answer_proves_nothing() {
    for status in [400, 403, 404, 422, 429] {
        let refusal = Answer::json(status, json!({ "status": status, "message": "no" }));
        let second = stock_change().nth(2).effect(Effect::Answer(refusal));
        booked_once([stock_change().drop_after(), second]).await;
    }
}

/// The order and the settings are others than those that it was booked by.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reversal_takes_back_what_was_booked_from_where_it_was() {
    let mut shop = Shop::open().await;
    // One from today's order would never be enough, and be made again and again.
    shop.stack.set_time_limit(Duration::from_secs(5));
    shop.place(one_line("PF-1"));
    shop.round().await;
    assert_eq!(shop.stock("12"), Decimal::from(23));
    let patch = json!({ "settings": { "stock_location_id": "4" } });
    let path = "/api/connections/shop";
    let changed = Box::pin(shop.stack.api("PATCH", path, &patch)).await.unwrap();
    assert_eq!(changed.0, 200, "{}", changed.1);
    shop.productflow.edit("PF-1", |order| {
        order["lines"][0]["quantity"] = json!(5);
        order["status"] = json!("cancelled");
    });
    for _ in 0..3 {
        shop.clock.advance(SignedDuration::from_mins(5));
        shop.stack.poll().await.unwrap();
        shop.stack.work().await.unwrap();
    }
    assert_eq!(shop.state("PF-1").await, "reversed");
    assert_eq!(shop.stock("12"), Decimal::from(25));
    assert_eq!(shop.robaws.stock("12", "4"), Decimal::ZERO);
    shop.assert_no_violations();
}

/// Cancelled while its stock change is under way: the order is read again before the header of its invoice goes out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_cancelled_during_its_stock_change_gets_no_invoice() {
    let shop = Shop::open_with(ConnectionSettings {
        book_invoices: true,
        ..settings()
    })
    .await;
    shop.stack
        .robaws
        .fault(stock_change().delay_after(Duration::from_secs(2)));
    shop.place(one_line("PF-1").status("shipped"));
    shop.clock.advance(SignedDuration::from_mins(5));
    shop.stack.poll().await.unwrap();
    let cancelled = async {
        // The stock change stands; its answer is still on the way.
        for _ in 0..10_000 {
            if !shop.robaws.stock_changes().is_empty() {
                assert!(shop.productflow.cancel("PF-1"));
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("nothing was booked");
    };
    let (worked, ()) = tokio::join!(shop.stack.work(), cancelled);
    worked.unwrap();
    shop.rounds(20).await;
    assert!(shop.robaws.invoices().is_empty());
    assert_eq!(shop.state("PF-1").await, "reversed");
    assert_eq!(shop.stock("12"), Decimal::from(25));
    shop.assert_no_violations();
}

/// The orders behind the page that failed are older than what a later pass reads of its own accord.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_that_was_interrupted_is_gone_on_with() {
    let shop = Shop::open().await;
    shop.robaws.set_stock("12", "3", 1_000);
    for nth in 0..70 {
        shop.place(OrderBuilder::new(&format!("PF-{nth}")).line("A-1", 1, 2999, Some("7")));
        shop.clock.advance(SignedDuration::from_secs(1));
    }
    shop.clock.advance(SignedDuration::from_hours(1));
    // The second page, and once more soon after.
    let second_page = Fault::on("GET", "/order").nth(2).times(2).status(503);
    shop.stack.productflow.fault(second_page);
    shop.rounds(45).await;
    assert_eq!(shop.stock("12"), Decimal::from(930));
    assert_eq!(shop.robaws.stock_changes().len(), 70);
    shop.assert_no_violations();
}
