//! The manual's sentences, from an order in ProductFlow to what Robaws holds.

use domain::ledger::{ArticleChoice, Choice};
use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::json;
use simulators::OrderBuilder;
use simulators::robaws::{Article, VatTariff};
use world::{World, default_settings, order_of_one_line};

fn euros(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registered_shipped_and_invoiced_to_the_cent() {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1").with_shipping_cost(495).with_line(
        "A-2",
        3,
        1000,
        Some("10"),
    ));
    world.poll_and_work().await;
    assert_eq!(world.order_state("PF-1").await, "booked");
    assert_eq!(
        (world.pieces_in_stock("12"), world.pieces_in_stock("13")),
        (Decimal::from(23), Decimal::from(137))
    );
    assert!(world.robaws.invoices().is_empty());
    world.poll_for_minutes(15).await;
    assert_eq!(world.robaws.stock_changes().len(), 1);
    world.productflow.ship_order("PF-1");
    world.poll_for_minutes(15).await;
    assert_eq!(world.order_state("PF-1").await, "invoiced");
    let invoices = world.robaws.invoices();
    assert_eq!(invoices.len(), 1);
    assert_eq!(invoices[0].total_incl_vat, euros(5998 + 1000 + 495));
    assert!(!invoices[0].booked);
    assert_eq!(invoices[0].client_reference.as_deref(), Some("1083993841 (PF-1)"));
    assert_eq!(world.robaws.stock_changes().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_after_its_stock_change_is_reversed() {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1"));
    world.poll_and_work().await;
    world.productflow.cancel_order("PF-1");
    world.poll_for_minutes(15).await;
    assert_eq!(world.order_state("PF-1").await, "reversed");
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(25));
    assert_eq!(world.robaws.stock_changes().len(), 2);
    assert!(world.robaws.invoices().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arriving_cancelled_and_placed_before_go_live_do_nothing() {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1").with_status("cancelled"));
    world.productflow.place_order(order_of_one_line("PF-2").with_placed_at("2026-11-23T07:59:59Z"));
    world.poll_for_minutes(10).await;
    assert_eq!(world.order_state("PF-1").await, "skipped");
    assert_eq!(world.order_state("PF-2").await, "skipped");
    assert_eq!(world.read_order("PF-2").await.explanation[0].code, "skipped_before_go_live");
    assert_eq!(world.stack.robaws.calls().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_of_before_go_live_that_vanishes_is_not_missed() {
    let world = World::new().await;
    world.productflow.place_order(order_of_one_line("PF-1").with_placed_at("2026-11-23T07:59:59Z"));
    world.poll_for_minutes(10).await;
    world.productflow.remove_order("PF-1");
    // Somebody asks to look at it again all the same.
    let path = "/api/connections/shop/orders/PF-1/retry";
    let (status, _) = world.stack.call_api("POST", path, &json!(null)).await.unwrap();
    assert_eq!(status, 202);
    world.poll_for_minutes(10).await;
    assert_eq!(world.order_state("PF-1").await, "skipped");
    assert_eq!(world.problem_codes("PF-1").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_order_that_vanishes_is_not_missed() {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1").with_status("cancelled"));
    world.place_order(order_of_one_line("PF-2"));
    world.poll_for_minutes(10).await;
    world.productflow.cancel_order("PF-2");
    world.poll_for_minutes(10).await;
    for identifier in ["PF-1", "PF-2"] {
        world.productflow.remove_order(identifier);
        let path = format!("/api/connections/shop/orders/{identifier}/retry");
        let (status, _) = world.stack.call_api("POST", &path, &json!(null)).await.unwrap();
        assert_eq!(status, 202);
    }
    world.poll_for_minutes(10).await;
    for (identifier, state) in [("PF-1", "skipped"), ("PF-2", "reversed")] {
        assert_eq!(world.order_state(identifier).await, state);
        assert_eq!(world.problem_codes(identifier).await, [""; 0]);
    }
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(25));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_article_holds_only_its_line_and_goes_on_by_itself() {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1").with_line("NEW-1", 1, 1000, Some("7")));
    world.poll_and_work().await;
    assert_eq!(world.order_state("PF-1").await, "blocked");
    assert_eq!(world.problem_codes("PF-1").await, ["article_not_found"]);
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(23));
    world.productflow.ship_order("PF-1");
    world.poll_for_minutes(10).await;
    assert!(world.robaws.invoices().is_empty(), "all or nothing");
    world.robaws.put_article(Article::new("90", "NEW-1").with_tariff("7"));
    world.poll_for_minutes(60).await;
    assert_eq!(world.order_state("PF-1").await, "invoiced");
    assert!(world.problem_codes("PF-1").await.is_empty());
    assert_eq!(world.robaws.invoices()[0].total_incl_vat, euros(6998));
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(23));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_vat_code_is_chosen() {
    let world = World::new().await;
    world.place_order(OrderBuilder::new("PF-1").with_line("A-1", 1, 2999, None).with_status("shipped"));
    world.poll_for_minutes(10).await;
    assert_eq!(world.problem_codes("PF-1").await, ["vat_code_missing"]);
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(24), "the stock does not wait for the VAT code");
    let identifier = world.read_order("PF-1").await.ledger.identifier;
    let now = runtime::clock::Clock::now(&world.clock);
    let line = world.read_order("PF-1").await.facts.unwrap().lines[0].id.clone();
    world
        .stack
        .store
        .amend_order(&world.connection, &identifier, now, |record| {
            record.ledger.choices = vec![Choice {
                line: line.clone(),
                vat_tariff_id: Some(domain::VatTariffId::parse("7").unwrap()),
                article: None::<ArticleChoice>,
                at: now,
            }];
            record.forced = true;
            record.make_due_now(now);
            true
        })
        .await
        .unwrap();
    world.poll_and_work().await;
    assert_eq!(world.order_state("PF-1").await, "invoiced");
    assert_eq!(world.robaws.invoices()[0].total_incl_vat, euros(2999));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tariff_that_is_not_inclusive_is_mended_in_robaws() {
    let world = World::new().await;
    world.place_order(OrderBuilder::new("PF-1").with_line("A-1", 1, 2999, Some("8")).with_status("shipped"));
    world.poll_for_minutes(10).await;
    assert_eq!(world.problem_codes("PF-1").await, ["vat_not_inclusive"]);
    world.robaws.put_vat_tariff(VatTariff::new("8", Decimal::from(21), true));
    world.poll_for_minutes(30).await;
    assert_eq!(world.order_state("PF-1").await, "invoiced");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_before_the_invoice_books_the_difference() {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1"));
    world.poll_and_work().await;
    world.productflow.edit_order("PF-1", |order| order["lines"][0]["quantity"] = 5.into());
    world.poll_for_minutes(10).await;
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(20));
    world.productflow.edit_order("PF-1", |order| order["lines"][0]["quantity"] = 1.into());
    world.poll_for_minutes(10).await;
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(24));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_after_the_invoice_is_the_merchants_to_settle() {
    let world =
        World::with_settings(domain::ConnectionSettings { book_invoices: true, ..default_settings() }).await;
    world.place_order(order_of_one_line("PF-1").with_status("shipped"));
    world.poll_for_minutes(10).await;
    assert!(world.robaws.invoices()[0].booked);
    world.productflow.cancel_order("PF-1");
    world.poll_for_minutes(20).await;
    assert_eq!(world.order_state("PF-1").await, "conflict");
    assert_eq!(world.problem_codes("PF-1").await, ["cancelled_after_invoice"]);
    assert_eq!(world.robaws.invoices().len(), 1);
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(23));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_costs_the_calls_it_must_and_an_idle_poll_one() {
    let world = World::new().await;
    let spent = || {
        let robaws = world.stack.robaws.calls().len();
        let orders = world.stack.productflow.count_calls("GET", "/order/");
        world.stack.robaws.clear_calls();
        world.stack.productflow.clear_calls();
        (robaws, orders)
    };
    world.place_order(order_of_one_line("PF-1"));
    world.poll_and_work().await;
    assert_eq!(spent(), (3, 1), "article, tariffs, stock change; one fresh read");
    world.productflow.ship_order("PF-1");
    world.poll_and_work().await;
    let (robaws, reads) = spent();
    assert!(robaws <= 5, "{robaws}: header, line, check, and what five minutes made stale");
    assert_eq!(reads, 1);
    world.poll_and_work().await;
    spent();
    world.poll_and_work().await;
    assert_eq!(world.stack.robaws.calls().len(), 0);
    assert_eq!(world.stack.productflow.calls().len(), 1, "the list's first page");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_queue_loses_nothing() {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1"));
    world.stack.run_poll().await.unwrap();
    world.stack.aws.queues.lose_messages(local::stack::ORDERS_QUEUE);
    world.poll_for_minutes(20).await;
    assert_eq!(world.order_state("PF-1").await, "booked");
    assert_eq!(world.robaws.stock_changes().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_orders_over_many_pages_each_happen_once() {
    let world = World::new().await;
    world.robaws.set_stock("12", "3", 1000);
    for n in 0..120 {
        world.place_order(OrderBuilder::new(&format!("PF-{n}")).with_line("A-1", 1, 2999, Some("7")));
        world.clock.advance_by(SignedDuration::from_secs(1));
    }
    world.poll_for_minutes(20).await;
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(880));
    assert_eq!(world.robaws.stock_changes().len(), 120);
}

/// What Robaws lacks is not the only thing that may happen to an order that waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_waits_for_an_article_and_is_gone_is_said_to_be_gone() {
    let world = World::new().await;
    let order = OrderBuilder::new("PF-1").with_line("Z-9", 1, 2_999, Some("7"));
    world.place_order(order);
    world.poll_and_work().await;
    assert_eq!(world.problem_codes("PF-1").await, ["article_not_found"]);
    let reads = || {
        let calls = world.stack.productflow.calls();
        calls.iter().filter(|call| call.path.ends_with("/order/PF-1")).count()
    };
    let before = reads();
    world.poll_for_minutes(300).await;
    assert!(reads() - before <= 5, "at most once an hour");
    assert!(world.productflow.remove_order("PF-1"));
    world.poll_for_minutes(125).await;
    assert_eq!(world.problem_codes("PF-1").await, ["order_gone"]);
}
