//! The manual's sentences, from an order in ProductFlow to what Robaws holds.

use crate::shop::{Shop, one_line, settings};
use domain::ledger::{ArticleChoice, Choice};
use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::json;
use simulators::OrderBuilder;
use simulators::robaws::{Article, VatTariff};

fn euros(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registered_shipped_and_invoiced_to_the_cent() {
    let shop = Shop::open().await;
    shop.place(
        one_line("PF-1")
            .shipping_cost(495)
            .line("A-2", 3, 1000, Some("10")),
    );
    shop.round().await;
    assert_eq!(shop.state("PF-1").await, "booked");
    assert_eq!(
        (shop.stock("12"), shop.stock("13")),
        (Decimal::from(23), Decimal::from(137))
    );
    assert!(shop.robaws.invoices().is_empty());
    shop.rounds(15).await;
    assert_eq!(shop.robaws.stock_changes().len(), 1);
    shop.productflow.ship("PF-1");
    shop.rounds(15).await;
    assert_eq!(shop.state("PF-1").await, "invoiced");
    let invoices = shop.robaws.invoices();
    assert_eq!(invoices.len(), 1);
    assert_eq!(invoices[0].total_incl_vat, euros(5998 + 1000 + 495));
    assert!(!invoices[0].booked);
    assert_eq!(invoices[0].client_reference.as_deref(), Some("1083993841 (PF-1)"));
    assert_eq!(shop.robaws.stock_changes().len(), 1);
    shop.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_after_its_stock_change_is_reversed() {
    let shop = Shop::open().await;
    shop.place(one_line("PF-1"));
    shop.round().await;
    shop.productflow.cancel("PF-1");
    shop.rounds(15).await;
    assert_eq!(shop.state("PF-1").await, "reversed");
    assert_eq!(shop.stock("12"), Decimal::from(25));
    assert_eq!(shop.robaws.stock_changes().len(), 2);
    assert!(shop.robaws.invoices().is_empty());
    shop.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arriving_cancelled_and_placed_before_go_live_do_nothing() {
    let shop = Shop::open().await;
    shop.place(one_line("PF-1").status("cancelled"));
    shop.productflow
        .place(one_line("PF-2").placed_at("2026-11-23T07:59:59Z"));
    shop.rounds(10).await;
    assert_eq!(shop.state("PF-1").await, "skipped");
    assert_eq!(shop.state("PF-2").await, "skipped");
    assert_eq!(
        shop.order("PF-2").await.explanation[0].code,
        "skipped_before_go_live"
    );
    assert_eq!(shop.stack.robaws.calls().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_of_before_go_live_that_vanishes_is_not_missed() {
    let shop = Shop::open().await;
    shop.productflow
        .place(one_line("PF-1").placed_at("2026-11-23T07:59:59Z"));
    shop.rounds(10).await;
    shop.productflow.remove("PF-1");
    // Somebody asks to look at it again all the same.
    let path = "/api/connections/shop/orders/PF-1/retry";
    let (status, _) = shop.stack.api("POST", path, &json!(null)).await.unwrap();
    assert_eq!(status, 202);
    shop.rounds(10).await;
    assert_eq!(shop.state("PF-1").await, "skipped");
    assert_eq!(shop.codes("PF-1").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_order_that_vanishes_is_not_missed() {
    let shop = Shop::open().await;
    shop.place(one_line("PF-1").status("cancelled"));
    shop.place(one_line("PF-2"));
    shop.rounds(10).await;
    shop.productflow.cancel("PF-2");
    shop.rounds(10).await;
    for identifier in ["PF-1", "PF-2"] {
        shop.productflow.remove(identifier);
        let path = format!("/api/connections/shop/orders/{identifier}/retry");
        let (status, _) = shop.stack.api("POST", &path, &json!(null)).await.unwrap();
        assert_eq!(status, 202);
    }
    shop.rounds(10).await;
    for (identifier, state) in [("PF-1", "skipped"), ("PF-2", "reversed")] {
        assert_eq!(shop.state(identifier).await, state);
        assert_eq!(shop.codes(identifier).await, [""; 0]);
    }
    assert_eq!(shop.stock("12"), Decimal::from(25));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_article_holds_only_its_line_and_goes_on_by_itself() {
    let shop = Shop::open().await;
    shop.place(one_line("PF-1").line("NEW-1", 1, 1000, Some("7")));
    shop.round().await;
    assert_eq!(shop.state("PF-1").await, "blocked");
    assert_eq!(shop.codes("PF-1").await, ["article_not_found"]);
    assert_eq!(shop.stock("12"), Decimal::from(23));
    shop.productflow.ship("PF-1");
    shop.rounds(10).await;
    assert!(shop.robaws.invoices().is_empty(), "all or nothing");
    shop.robaws.put_article(Article::new("90", "NEW-1").tariff("7"));
    shop.rounds(60).await;
    assert_eq!(shop.state("PF-1").await, "invoiced");
    assert!(shop.codes("PF-1").await.is_empty());
    assert_eq!(shop.robaws.invoices()[0].total_incl_vat, euros(6998));
    assert_eq!(shop.stock("12"), Decimal::from(23));
    shop.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_vat_code_is_chosen() {
    let shop = Shop::open().await;
    shop.place(
        OrderBuilder::new("PF-1")
            .line("A-1", 1, 2999, None)
            .status("shipped"),
    );
    shop.rounds(10).await;
    assert_eq!(shop.codes("PF-1").await, ["vat_code_missing"]);
    assert_eq!(
        shop.stock("12"),
        Decimal::from(24),
        "the stock does not wait for the VAT code"
    );
    let identifier = shop.order("PF-1").await.ledger.identifier;
    let now = runtime::clock::Clock::now(&shop.clock);
    let line = shop.order("PF-1").await.facts.unwrap().lines[0].id.clone();
    shop.stack
        .store
        .amend_order(&shop.connection, &identifier, now, |record| {
            record.ledger.choices = vec![Choice {
                line: line.clone(),
                vat_tariff_id: Some(domain::VatTariffId::parse("7").unwrap()),
                article: None::<ArticleChoice>,
                at: now,
            }];
            record.forced = true;
            record.due_now(now);
            true
        })
        .await
        .unwrap();
    shop.round().await;
    assert_eq!(shop.state("PF-1").await, "invoiced");
    assert_eq!(shop.robaws.invoices()[0].total_incl_vat, euros(2999));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tariff_that_is_not_inclusive_is_mended_in_robaws() {
    let shop = Shop::open().await;
    shop.place(
        OrderBuilder::new("PF-1")
            .line("A-1", 1, 2999, Some("8"))
            .status("shipped"),
    );
    shop.rounds(10).await;
    assert_eq!(shop.codes("PF-1").await, ["vat_not_inclusive"]);
    shop.robaws
        .put_vat_tariff(VatTariff::new("8", Decimal::from(21), true));
    shop.rounds(30).await;
    assert_eq!(shop.state("PF-1").await, "invoiced");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_before_the_invoice_books_the_difference() {
    let shop = Shop::open().await;
    shop.place(one_line("PF-1"));
    shop.round().await;
    shop.productflow
        .edit("PF-1", |order| order["lines"][0]["quantity"] = 5.into());
    shop.rounds(10).await;
    assert_eq!(shop.stock("12"), Decimal::from(20));
    shop.productflow
        .edit("PF-1", |order| order["lines"][0]["quantity"] = 1.into());
    shop.rounds(10).await;
    assert_eq!(shop.stock("12"), Decimal::from(24));
    shop.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_after_the_invoice_is_the_merchants_to_settle() {
    let shop = Shop::open_with(domain::ConnectionSettings {
        book_invoices: true,
        ..settings()
    })
    .await;
    shop.place(one_line("PF-1").status("shipped"));
    shop.rounds(10).await;
    assert!(shop.robaws.invoices()[0].booked);
    shop.productflow.cancel("PF-1");
    shop.rounds(20).await;
    assert_eq!(shop.state("PF-1").await, "conflict");
    assert_eq!(shop.codes("PF-1").await, ["cancelled_after_invoice"]);
    assert_eq!(shop.robaws.invoices().len(), 1);
    assert_eq!(shop.stock("12"), Decimal::from(23));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_costs_the_calls_it_must_and_an_idle_poll_one() {
    let shop = Shop::open().await;
    let spent = || {
        let robaws = shop.stack.robaws.calls().len();
        let orders = shop.stack.productflow.count("GET", "/order/");
        shop.stack.robaws.clear_calls();
        shop.stack.productflow.clear_calls();
        (robaws, orders)
    };
    shop.place(one_line("PF-1"));
    shop.round().await;
    assert_eq!(spent(), (3, 1), "article, tariffs, stock change; one fresh read");
    shop.productflow.ship("PF-1");
    shop.round().await;
    let (robaws, reads) = spent();
    assert!(
        robaws <= 5,
        "{robaws}: header, line, check, and what five minutes made stale"
    );
    assert_eq!(reads, 1);
    shop.round().await;
    spent();
    shop.round().await;
    assert_eq!(shop.stack.robaws.calls().len(), 0);
    assert_eq!(shop.stack.productflow.calls().len(), 1, "the list's first page");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_queue_loses_nothing() {
    let shop = Shop::open().await;
    shop.place(one_line("PF-1"));
    shop.stack.poll().await.unwrap();
    shop.stack.aws.queues.lose_all(local::stack::ORDERS_QUEUE);
    shop.rounds(20).await;
    assert_eq!(shop.state("PF-1").await, "booked");
    assert_eq!(shop.robaws.stock_changes().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_orders_over_many_pages_each_happen_once() {
    let shop = Shop::open().await;
    shop.robaws.set_stock("12", "3", 1000);
    for n in 0..120 {
        shop.place(OrderBuilder::new(&format!("PF-{n}")).line("A-1", 1, 2999, Some("7")));
        shop.clock.advance(SignedDuration::from_secs(1));
    }
    shop.rounds(20).await;
    assert_eq!(shop.stock("12"), Decimal::from(880));
    assert_eq!(shop.robaws.stock_changes().len(), 120);
    shop.assert_no_violations();
}

/// What Robaws lacks is not the only thing that may happen to an order that waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_waits_for_an_article_and_is_gone_is_said_to_be_gone() {
    let shop = Shop::open().await;
    let order = OrderBuilder::new("PF-1").line("Z-9", 1, 2_999, Some("7"));
    shop.place(order);
    shop.round().await;
    assert_eq!(shop.codes("PF-1").await, ["article_not_found"]);
    let reads = || {
        let calls = shop.stack.productflow.calls();
        calls
            .iter()
            .filter(|call| call.path.ends_with("/order/PF-1"))
            .count()
    };
    let before = reads();
    shop.rounds(300).await;
    assert!(reads() - before <= 5, "at most once an hour");
    assert!(shop.productflow.remove("PF-1"));
    shop.rounds(125).await;
    assert_eq!(shop.codes("PF-1").await, ["order_gone"]);
}
