//! The nightly check: what no event announced, and whether ledger and documents still agree.

use domain::problem::ProblemCode;
use serde_json::{Value, json};
use simulators::robaws::Article;
use simulators::{Fault, OrderBuilder, demo};
use world::START;
use world::{World, euros};

fn ticked_articles(world: &World, count: usize) {
    for n in 0..count {
        let article = Article::new(&format!("{}", 1000 + n), &format!("T-{n}")).with_tick(true);
        world.robaws.put_article(article.with_prices(euros(100), euros(200)));
    }
    // The limits have tests of their own.
    world.robaws.change_settings(|settings| {
        settings.rate_per_second = 10_000;
        settings.burst = 10_000;
    });
}

async fn with_articles(count: usize) -> World {
    let world = World::without_connection().await;
    ticked_articles(&world, count);
    world.create_connection(json!({})).await;
    world.activate_connection().await;
    world.deliver_and_work().await;
    world.assert_offers_equal(false);
    world
}

#[tokio::test]
async fn changes_that_no_event_announced_are_found() {
    let world = World::new_activated().await;
    world.robaws.edit_article_silently("12", |article| article.cost_price = euros(999));
    world.robaws.put_article(Article::new("20", "SILENT").with_tick(true));
    world.robaws.edit_article_silently("14", |article| article.article_number = Some("B-2".to_owned()));
    world.pass_hours_and_check(18).await;
    world.assert_offers_equal(false);
    // Less than a day since the webhook was registered: it may well be alive.
    assert_eq!(world.connection_problem_codes().await, [""; 0]);
    let replica = world.stack.robaws.calls().iter().filter(|call| call.replica).count();
    assert!(replica >= 3, "{replica}");
    world.clear_calls();
    world.pass_hours_and_check(24).await;
    assert_eq!(world.list_writes(), [""; 0]);
}

#[tokio::test]
async fn a_webhook_that_died_is_registered_anew() {
    let world = World::new_activated().await;
    world.robaws.change_settings(|settings| {
        settings.webhook_retry_delays_ms = vec![];
        settings.webhook_suspend_after = 1;
        settings.webhook_timeout_ms = 0;
    });
    // Robaws gives the endpoint up without a word.
    world.robaws.set_stock("12", demo::STOCK_LOCATION, 9);
    world.stack.robaws.deliver_webhooks().await;
    assert!(world.robaws.webhook_endpoints()[0].suspended);
    world.robaws.change_settings(|settings| settings.webhook_timeout_ms = 2_000);
    let before = world.robaws.webhook_endpoints()[0].id.clone();
    world.robaws.set_stock("12", demo::STOCK_LOCATION, 8);
    world.pass_hours_and_check(30).await;
    world.assert_offers_equal(false);
    assert_eq!(world.connection_problem_codes().await, ["webhook_silent"]);
    let endpoints = world.robaws.webhook_endpoints();
    assert_eq!(endpoints.len(), 1);
    assert_ne!(endpoints[0].id, before);
    // The next announcement closes it.
    world.robaws.set_stock("12", demo::STOCK_LOCATION, 7);
    world.deliver_and_work().await;
    world.assert_offers_equal(false);
    assert_eq!(world.connection_problem_codes().await, [""; 0]);
}

#[tokio::test]
async fn an_endpoint_that_somebody_removed_is_made_again() {
    let world = World::new_activated().await;
    let id = world.robaws.webhook_endpoints()[0].id.clone();
    world.robaws.remove_record(simulators::robaws::Module::WebhookEndpoints, &id);
    world.pass_hours_and_check(18).await;
    assert_eq!(world.robaws.webhook_endpoints().len(), 1);
    world.robaws.set_stock("12", demo::STOCK_LOCATION, 7);
    world.deliver_and_work().await;
    world.assert_offers_equal(false);
}

#[tokio::test]
async fn many_withdrawals_at_once_are_held_until_they_are_confirmed() {
    let world = with_articles(40).await;
    for n in 0..21 {
        world.robaws.edit_article_silently(&format!("{}", 1000 + n), |article| article.set_tick(false));
    }
    let offers = || world.productflow.products().values().filter(|product| product.offer.is_some()).count();
    world.pass_hours_and_check(18).await;
    assert_eq!(offers(), 43);
    assert_eq!(world.connection_problem_codes().await, ["withdrawal_held"]);
    let shown = world.get_from_api("").await;
    let message = shown["problems"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("21 of the 43 articles sent"), "{message}");
    // A plain check confirms nothing.
    assert_eq!(world.post_to_api("reconcile", json!({})).await.0, 202);
    world.deliver_and_work().await;
    assert_eq!(offers(), 43);
    assert_eq!(world.post_to_api("reconcile", json!({ "confirm_withdrawals": true })).await.0, 202);
    world.deliver_and_work().await;
    assert_eq!(offers(), 22);
    world.assert_offers_equal(false);
    assert_eq!(world.connection_problem_codes().await, [""; 0]);
}

#[tokio::test]
async fn a_checkbox_that_is_ticked_again_ends_the_hold() {
    let world = with_articles(30).await;
    let all = || (1000..1030).map(|n| n.to_string());
    for id in all() {
        world.robaws.edit_article_silently(&id, |article| article.set_tick(false));
    }
    world.pass_hours_and_check(18).await;
    assert_eq!(world.connection_problem_codes().await, ["withdrawal_held"]);
    for id in all() {
        world.robaws.edit_article_silently(&id, |article| article.set_tick(true));
    }
    world.clear_calls();
    world.pass_hours_and_check(24).await;
    assert_eq!(world.list_writes(), [""; 0]);
    assert!(!world.connection_problem_codes().await.contains(&"withdrawal_held".to_owned()));
    world.assert_offers_equal(false);
}

#[tokio::test]
async fn a_list_that_is_empty_or_lacks_its_extra_fields_withdraws_nothing() {
    let world = World::new_activated().await;
    let list = Fault::for_call("GET", "/articles").until_cleared();
    let empty = json!({ "items": [], "totalItems": 0, "totalPages": 0, "currentPage": 0, "size": 0 });
    world.stack.robaws.add_fault(list.clone().patch_answer(empty));
    world.clear_calls();
    world.pass_hours_and_check(18).await;
    world.stack.robaws.clear_faults();
    assert_eq!(world.list_writes(), [""; 0]);
    let rows: Vec<Value> = ["12", "13", "14"]
        .into_iter()
        .map(|id| json!({ "id": id, "articleNumber": "x", "name": "x" }))
        .collect();
    let bare = json!({ "items": rows, "totalPages": 1 });
    world.stack.robaws.add_fault(list.patch_answer(bare));
    world.pass_hours_and_check(24).await;
    world.stack.robaws.clear_faults();
    assert_eq!(world.list_writes(), [""; 0]);
    world.pass_hours_and_check(24).await;
    world.assert_offers_equal(false);
}

#[tokio::test]
async fn a_check_that_is_cut_off_goes_on_where_it_stopped() {
    let world = with_articles(230).await;
    world.robaws.archive_article("1205");
    world.robaws.edit_article_silently("1229", |article| article.cost_price = euros(5));
    // The third page fails; a later poll has the sweep go on with it.
    world.stack.robaws.add_fault(
        Fault::for_call("GET", "/articles").whose_text_contains("page=2").for_calls(4).answer_status(503),
    );
    world.clear_calls();
    world.pass_hours_and_check(18).await;
    for _ in 0..6 {
        world.poll_and_work().await;
    }
    world.assert_offers_equal(false);
    let first_pages = |page: &str| {
        let calls = world.stack.robaws.calls().into_iter();
        calls.filter(|call| call.path == "/articles" && call.replica && call.query.contains(page)).count()
    };
    assert_eq!(first_pages("page=0"), 1);
    assert_eq!(first_pages("page=1"), 1);
}

async fn list_differences(world: &World, order: &str) -> Vec<String> {
    let record = world.stack.order_record(&world.connection, order).await.unwrap();
    assert!(record.differences.iter().all(|open| open.problem.code == ProblemCode::RecordsDiffer));
    let shown = world.get_from_api(&format!("/orders/{order}")).await;
    let problems = shown["problems"].as_array().unwrap().clone();
    problems.iter().map(|problem| problem["message"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn documents_that_differ_from_the_ledger_are_named_with_both_sides() {
    let world = World::new_activated().await;
    for n in 1..=5 {
        world.place_order_of_article(&format!("PF-{n}"), "A-1");
        world.productflow.ship_order(&format!("PF-{n}"));
    }
    world.poll_and_work().await;
    world.pass_hours_and_check(18).await;
    for n in 1..=5 {
        assert_eq!(list_differences(&world, &format!("PF-{n}")).await, [""; 0]);
    }
    let invoice = |order: &str| world.robaws.invoices_of(order)[0].clone();
    world.robaws.remove_invoice(&invoice("PF-1").id);
    world.robaws.edit_invoice(&invoice("PF-2").id, |invoice| {
        invoice.total_incl_vat = euros(4_000);
    });
    let change = world.robaws.stock_changes_of("PF-3")[0].clone();
    world.robaws.remove_record(simulators::robaws::Module::StockChanges, &change.id);
    world.pass_hours_and_check(24).await;
    let found = list_differences(&world, "PF-1").await;
    assert!(found[0].contains("€59.98 according to ProductFlow, – in Robaws"), "{found:?}");
    let found = list_differences(&world, "PF-2").await;
    assert!(found[0].contains("€59.98 according to ProductFlow, €40.00 in Robaws"), "{found:?}");
    let found = list_differences(&world, "PF-3").await;
    assert!(found[0].contains("2 × A-1 according to ProductFlow, – in Robaws"), "{found:?}");
    assert_eq!(list_differences(&world, "PF-4").await, [""; 0]);
    // Mended by hand, or closed as handled.
    world.robaws.edit_invoice(&invoice("PF-2").id, |invoice| {
        invoice.total_incl_vat = euros(5_998);
    });
    assert_eq!(world.post_to_api("orders/PF-3/settle", json!({ "as": "handled" })).await.0, 200);
    world.pass_hours_and_check(24).await;
    for order in ["PF-2", "PF-3"] {
        assert_eq!(list_differences(&world, order).await, [""; 0], "{order}");
    }
    assert_eq!(list_differences(&world, "PF-1").await.len(), 1);
}

#[tokio::test]
async fn a_document_of_ours_that_the_ledger_does_not_know_is_named() {
    let world = World::new_activated().await;
    world.place_order_of_article("PF-1", "A-1");
    world.poll_and_work().await;
    let change = world.robaws.stock_changes_of("PF-1")[0].clone();
    // As if the same booking had been made twice.
    let body = json!({
        "date": "2026-11-23", "description": change.description, "fromStockLocationId": "3", "booked": true,
        "lineItems": [{ "articleId": "12", "quantity": 2 }],
    });
    let url = format!("{}/api/v2/stock-changes", world.stack.robaws_server.url());
    let http = runtime::http::peer_client(&[&url.parse().unwrap()]).unwrap();
    let post = http.post(url).basic_auth(demo::ROBAWS_KEY, Some(demo::ROBAWS_SECRET));
    assert_eq!(post.json(&body).send().await.unwrap().status(), 201);
    world.pass_hours_and_check(18).await;
    let found = list_differences(&world, "PF-1").await;
    assert!(found[0].contains("– according to ProductFlow, 2 × A-1 in Robaws"), "{found:?}");
}

#[tokio::test]
async fn documents_of_the_last_two_hours_are_left_out() {
    let world = World::new_activated().await;
    world.place_order_of_article("PF-1", "A-1");
    world.poll_and_work().await;
    let change = world.robaws.stock_changes_of("PF-1")[0].clone();
    world.robaws.remove_record(simulators::robaws::Module::StockChanges, &change.id);
    world.pass_hours_and_check(1).await;
    assert_eq!(list_differences(&world, "PF-1").await, [""; 0]);
    world.pass_hours_and_check(2).await;
    assert_eq!(list_differences(&world, "PF-1").await.len(), 1);
}

#[tokio::test]
async fn an_order_and_a_change_that_the_polls_missed_are_found() {
    let world = World::new_activated().await;
    world.poll_and_work().await;
    let placed = world.now().to_string();
    world.place_order_of_article("PF-0", "A-1");
    world.productflow.ship_order("PF-0");
    // Put in so that no pass reaches it: behind a page of others that were last updated before the last complete pass.
    world.clock.advance_by(jiff::SignedDuration::from_mins(5));
    let later = world.now().to_string();
    for n in 0..60 {
        let other = OrderBuilder::new(&format!("OTHER-{n}")).with_placed_at(&later).with_status("cancelled");
        world.productflow.place_order(other.with_line("A-1", 1, 100, Some("7")));
    }
    for _ in 0..5 {
        world.poll_and_work().await;
    }
    let mut order =
        OrderBuilder::new("PF-1").with_placed_at(&placed).with_line("A-1", 2, 5998, Some("7")).into_order();
    order["updated_at"] = json!(placed);
    world.productflow.place_order(order);
    world.productflow.edit_order("PF-0", |order| {
        order["lines"][0]["quantity"] = json!(3);
        order["updated_at"] = json!(START);
    });
    world.poll_and_work().await;
    let state = |id: &'static str| async {
        let found = world.stack.order_record(&world.connection, id).await;
        found.map_or("unknown", |record| record.state.as_str())
    };
    let seen = (state("PF-0").await, state("PF-1").await);
    assert_eq!(seen, ("invoiced", "unknown"), "a poll found them: the test shows nothing");
    world.pass_hours_and_check(18).await;
    world.poll_and_work().await;
    assert_eq!((state("PF-0").await, state("PF-1").await), ("conflict", "booked"));
}
