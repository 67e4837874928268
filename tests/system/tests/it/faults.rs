//! What goes wrong between us and the peers: each order's effects exist exactly once all the same.

use crate::shop::{Shop, one_line};
use domain::ledger::RowState;
use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::json;
use simulators::{Fault, Outage};
use std::time::Duration;

async fn booked_once(fault: Fault) {
    let shop = Shop::open().await;
    shop.stack.robaws.fault(fault);
    shop.place(one_line("PF-1"));
    shop.rounds(60).await;
    assert_eq!(shop.state("PF-1").await, "booked");
    assert_eq!(
        shop.robaws
            .stock_changes()
            .iter()
            .filter(|change| change.booked)
            .count(),
        1
    );
    assert_eq!(shop.stock("12"), Decimal::from(23));
    shop.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_books_once() {
    booked_once(Fault::on("POST", "/stock-changes").drop_after()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_request_books_once() {
    booked_once(Fault::on("POST", "/stock-changes").drop_before()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_500_after_the_effect_books_once() {
    booked_once(Fault::on("POST", "/stock-changes").status_after(500)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_500_before_the_effect_books_once() {
    booked_once(Fault::on("POST", "/stock-changes").status(500).times(2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_truncated_answer_books_once() {
    booked_once(Fault::on("POST", "/stock-changes").truncate()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_409_books_once() {
    booked_once(Fault::on("POST", "/stock-changes").status(409)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_lost_again_and_again_book_once() {
    booked_once(Fault::on("POST", "/stock-changes").drop_after().times(4)).await;
}

async fn invoiced_once(fault: Fault) {
    let shop = Shop::open().await;
    shop.stack.robaws.fault(fault);
    shop.place(
        one_line("PF-1")
            .line("A-2", 3, 1000, Some("7"))
            .shipping_cost(495)
            .status("shipped"),
    );
    shop.rounds(60).await;
    assert_eq!(
        shop.state("PF-1").await,
        "invoiced",
        "{:?}",
        shop.codes("PF-1").await
    );
    let invoices = shop.robaws.invoices();
    assert_eq!(invoices.len(), 1);
    assert_eq!(invoices[0].total_incl_vat, Decimal::new(5998 + 1000 + 495, 2));
    assert_eq!(shop.stock("12"), Decimal::from(23));
    shop.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_header_is_made_once() {
    invoiced_once(Fault::on("POST", "/sales-invoices").drop_after()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_with_500_after_its_effect_is_made_once() {
    invoiced_once(Fault::on("POST", "/sales-invoices").status_after(500)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_with_lost_answers_stand_once() {
    invoiced_once(
        Fault::on("POST", "/sales-invoices/*/line-items")
            .nth(2)
            .times(3)
            .drop_after(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_with_500_after_its_effect_stands_once() {
    invoiced_once(Fault::on("POST", "/sales-invoices/*/line-items").status_after(500)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_hours_loses_nothing_and_one_bad_order_stops_no_other() {
    let shop = Shop::open().await;
    shop.stack.robaws.outage(Some(Outage::Drop));
    shop.place(one_line("PF-1"));
    shop.rounds(30).await;
    assert_eq!(shop.robaws.stock_changes().len(), 0);
    shop.stack.robaws.outage(None);
    shop.rounds(60).await;
    assert_eq!(shop.state("PF-1").await, "booked");
    assert_eq!(shop.robaws.stock_changes().len(), 1);

    shop.stack.robaws.fault(
        Fault::on("POST", "/stock-changes")
            .containing("PF-2")
            .status(500)
            .forever(),
    );
    shop.place(one_line("PF-2"));
    shop.place(one_line("PF-3"));
    shop.rounds(15).await;
    assert_eq!(shop.state("PF-3").await, "booked");
    assert_ne!(shop.state("PF-2").await, "booked");
    shop.stack.robaws.clear_faults();
    shop.rounds(90).await;
    assert_eq!(shop.state("PF-2").await, "booked");
    assert_eq!(shop.stock("12"), Decimal::from(19));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_credentials_are_one_state_and_lift_by_themselves() {
    let shop = Shop::open().await;
    shop.robaws.remove_user(simulators::demo::ROBAWS_KEY);
    shop.place(one_line("PF-1"));
    shop.rounds(15).await;
    let item = shop
        .stack
        .store
        .connection(&shop.connection)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(item.api_state(), "needs_credentials");
    shop.robaws
        .add_admin(simulators::demo::ROBAWS_KEY, simulators::demo::ROBAWS_SECRET);
    shop.rounds(120).await;
    let item = shop
        .stack
        .store
        .connection(&shop.connection)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(item.api_state(), "active");
    assert_eq!(shop.state("PF-1").await, "booked");
    assert_eq!(shop.robaws.stock_changes().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_not_booked_is_in_doubt() {
    let shop = Shop::open().await;
    shop.stack.robaws.fault(
        Fault::on("POST", "/stock-changes")
            .patch_answer(json!({"description": "something else"}))
            .forever(),
    );
    shop.place(one_line("PF-1"));
    shop.rounds(30).await;
    // The look-up by reference shows that it stands there after all.
    assert_eq!(shop.state("PF-1").await, "booked");
    assert_eq!(shop.robaws.stock_changes().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_repeated_and_polls_side_by_side_book_once() {
    let shop = Shop::open().await;
    shop.place(one_line("PF-1"));
    shop.stack.poll().await.unwrap();
    let (a, b) = tokio::join!(shop.stack.poll(), shop.stack.poll());
    a.unwrap();
    b.unwrap();
    shop.stack.aws.queues.release(local::stack::ORDERS_QUEUE);
    let (a, b) = tokio::join!(shop.stack.work(), shop.stack.work());
    a.unwrap();
    b.unwrap();
    shop.rounds(20).await;
    assert_eq!(shop.robaws.stock_changes().len(), 1);
    assert_eq!(shop.stock("12"), Decimal::from(23));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_outlasts_the_invocation_is_settled_later_and_costs_one_try() {
    let mut shop = Shop::open().await;
    shop.stack.set_time_limit(Duration::from_secs(8));
    // Longer than the invocation; the effect comes after its caller is gone.
    let slow = Duration::from_secs(11);
    shop.stack
        .robaws
        .fault(Fault::on("POST", "/stock-changes").delay_before(slow).times(1));
    shop.place(one_line("PF-1"));
    shop.clock.advance(SignedDuration::from_mins(5));
    let began = std::time::Instant::now();
    shop.stack.poll().await.unwrap();
    shop.stack
        .work()
        .await
        .expect("the invocation ends before its time limit");
    assert_eq!(shop.order("PF-1").await.ledger.rows[0].state, RowState::Unknown);
    assert!(shop.robaws.stock_changes().is_empty());
    assert!(began.elapsed() < slow);
    shop.stack.set_time_limit(Duration::from_secs(90));
    let given_up = began + slow * 3;
    while shop.robaws.stock_changes().is_empty() {
        assert!(std::time::Instant::now() < given_up, "the call goes on at Robaws");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    shop.rounds(15).await;
    let order = shop.order("PF-1").await;
    assert_eq!(order.state.as_str(), "booked");
    assert!(shop.codes("PF-1").await.is_empty());
    assert_eq!(shop.robaws.stock_changes().len(), 1);
    assert_eq!(shop.stock("12"), Decimal::from(23));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_off_time_and_again_it_is_not_set_aside() {
    let mut shop = Shop::open().await;
    shop.stack.set_time_limit(Duration::from_secs(5));
    let slow = Fault::on("GET", "/articles")
        .delay_before(Duration::from_secs(7))
        .forever();
    shop.stack.robaws.fault(slow);
    shop.place(one_line("PF-1"));
    for _ in 0..4 {
        shop.clock.advance(SignedDuration::from_mins(60));
        shop.stack.poll().await.unwrap();
        shop.stack
            .work()
            .await
            .expect("the invocation ends before its time limit");
    }
    assert!(
        shop.codes("PF-1").await.is_empty(),
        "it is the peer that is slow, not the order that is bad"
    );
    shop.stack.robaws.clear_faults();
    shop.stack.set_time_limit(Duration::from_secs(90));
    shop.rounds(70).await;
    assert_eq!(shop.state("PF-1").await, "booked");
}
