//! The nightly check: what no event announced, and whether ledger and documents still agree.

use crate::catalogue::{Catalogue, euros};
use crate::shop::START;
use domain::problem::ProblemCode;
use serde_json::{Value, json};
use simulators::robaws::Article;
use simulators::{Fault, OrderBuilder, demo};

fn ticked_articles(shop: &Catalogue, count: usize) {
    for n in 0..count {
        let article = Article::new(&format!("{}", 1000 + n), &format!("T-{n}")).ticked(true);
        shop.robaws.put_article(article.prices(euros(100), euros(200)));
    }
    // The limits have tests of their own.
    shop.robaws.set(|settings| {
        settings.rate_per_second = 10_000;
        settings.burst = 10_000;
    });
}

async fn with_articles(count: usize) -> Catalogue {
    let shop = Catalogue::empty().await;
    ticked_articles(&shop, count);
    shop.create(json!({})).await;
    shop.activate().await;
    shop.settle().await;
    shop.assert_equal(false);
    shop
}

#[tokio::test]
async fn changes_that_no_event_announced_are_found() {
    let shop = Catalogue::open().await;
    shop.robaws
        .edit_article_silently("12", |article| article.cost_price = euros(999));
    shop.robaws.put_article(Article::new("20", "SILENT").ticked(true));
    shop.robaws
        .edit_article_silently("14", |article| article.article_number = Some("B-2".to_owned()));
    shop.night_after(18).await;
    shop.assert_equal(false);
    // Less than a day since the webhook was registered: it may well be alive.
    assert_eq!(shop.codes().await, [""; 0]);
    let replica = shop
        .stack
        .robaws
        .calls()
        .iter()
        .filter(|call| call.replica)
        .count();
    assert!(replica >= 3, "{replica}");
    shop.clear_calls();
    shop.night_after(24).await;
    assert_eq!(shop.writes(), [""; 0]);
    shop.assert_clean();
}

#[tokio::test]
async fn a_webhook_that_died_is_registered_anew() {
    let shop = Catalogue::open().await;
    shop.robaws.set(|settings| {
        settings.webhook_retry_delays_ms = vec![];
        settings.webhook_suspend_after = 1;
        settings.webhook_timeout_ms = 0;
    });
    // Robaws gives the endpoint up without a word.
    shop.robaws.set_stock("12", demo::STOCK_LOCATION, 9);
    shop.stack.robaws.deliver_due().await;
    assert!(shop.robaws.webhook_endpoints()[0].suspended);
    shop.robaws.set(|settings| settings.webhook_timeout_ms = 2_000);
    let before = shop.robaws.webhook_endpoints()[0].id.clone();
    shop.robaws.set_stock("12", demo::STOCK_LOCATION, 8);
    shop.night_after(30).await;
    shop.assert_equal(false);
    assert_eq!(shop.codes().await, ["webhook_silent"]);
    let endpoints = shop.robaws.webhook_endpoints();
    assert_eq!(endpoints.len(), 1);
    assert_ne!(endpoints[0].id, before);
    // The next announcement closes it.
    shop.robaws.set_stock("12", demo::STOCK_LOCATION, 7);
    shop.settle().await;
    shop.assert_equal(false);
    assert_eq!(shop.codes().await, [""; 0]);
    shop.assert_clean();
}

#[tokio::test]
async fn an_endpoint_that_somebody_removed_is_made_again() {
    let shop = Catalogue::open().await;
    let id = shop.robaws.webhook_endpoints()[0].id.clone();
    shop.robaws
        .remove(simulators::robaws::Module::WebhookEndpoints, &id);
    shop.night_after(18).await;
    assert_eq!(shop.robaws.webhook_endpoints().len(), 1);
    shop.robaws.set_stock("12", demo::STOCK_LOCATION, 7);
    shop.settle().await;
    shop.assert_equal(false);
    shop.assert_clean();
}

#[tokio::test]
async fn many_withdrawals_at_once_are_held_until_they_are_confirmed() {
    let shop = with_articles(40).await;
    for n in 0..21 {
        shop.robaws
            .edit_article_silently(&format!("{}", 1000 + n), |article| article.tick(false));
    }
    let offers = || {
        shop.productflow
            .products()
            .values()
            .filter(|product| product.offer.is_some())
            .count()
    };
    shop.night_after(18).await;
    assert_eq!(offers(), 43);
    assert_eq!(shop.codes().await, ["withdrawal_held"]);
    let shown = shop.get("").await;
    let message = shown["problems"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("21 of the 43 articles sent"), "{message}");
    // A plain check confirms nothing.
    assert_eq!(shop.post("reconcile", json!({})).await.0, 202);
    shop.settle().await;
    assert_eq!(offers(), 43);
    assert_eq!(
        shop.post("reconcile", json!({ "confirm_withdrawals": true }))
            .await
            .0,
        202
    );
    shop.settle().await;
    assert_eq!(offers(), 22);
    shop.assert_equal(false);
    assert_eq!(shop.codes().await, [""; 0]);
    shop.assert_clean();
}

#[tokio::test]
async fn a_checkbox_that_is_ticked_again_ends_the_hold() {
    let shop = with_articles(30).await;
    let all = || (1000..1030).map(|n| n.to_string());
    for id in all() {
        shop.robaws
            .edit_article_silently(&id, |article| article.tick(false));
    }
    shop.night_after(18).await;
    assert_eq!(shop.codes().await, ["withdrawal_held"]);
    for id in all() {
        shop.robaws
            .edit_article_silently(&id, |article| article.tick(true));
    }
    shop.clear_calls();
    shop.night_after(24).await;
    assert_eq!(shop.writes(), [""; 0]);
    assert!(!shop.codes().await.contains(&"withdrawal_held".to_owned()));
    shop.assert_equal(false);
}

#[tokio::test]
async fn a_list_that_is_empty_or_lacks_its_extra_fields_withdraws_nothing() {
    let shop = Catalogue::open().await;
    let list = Fault::on("GET", "/articles").forever();
    let empty = json!({ "items": [], "totalItems": 0, "totalPages": 0, "currentPage": 0, "size": 0 });
    shop.stack.robaws.fault(list.clone().patch_answer(empty));
    shop.clear_calls();
    shop.night_after(18).await;
    shop.stack.robaws.clear_faults();
    assert_eq!(shop.writes(), [""; 0]);
    let rows: Vec<Value> = ["12", "13", "14"]
        .into_iter()
        .map(|id| json!({ "id": id, "articleNumber": "x", "name": "x" }))
        .collect();
    let bare = json!({ "items": rows, "totalPages": 1 });
    shop.stack.robaws.fault(list.patch_answer(bare));
    shop.night_after(24).await;
    shop.stack.robaws.clear_faults();
    assert_eq!(shop.writes(), [""; 0]);
    shop.night_after(24).await;
    shop.assert_equal(false);
}

#[tokio::test]
async fn a_check_that_is_cut_off_goes_on_where_it_stopped() {
    let shop = with_articles(230).await;
    shop.robaws.archive_article("1205");
    shop.robaws
        .edit_article_silently("1229", |article| article.cost_price = euros(5));
    // The third page fails; a later poll has the sweep go on with it.
    shop.stack.robaws.fault(
        Fault::on("GET", "/articles")
            .containing("page=2")
            .times(4)
            .status(503),
    );
    shop.clear_calls();
    shop.night_after(18).await;
    for _ in 0..6 {
        shop.round().await;
    }
    shop.assert_equal(false);
    let first_pages = |page: &str| {
        let calls = shop.stack.robaws.calls().into_iter();
        calls
            .filter(|call| call.path == "/articles" && call.replica && call.query.contains(page))
            .count()
    };
    assert_eq!(first_pages("page=0"), 1);
    assert_eq!(first_pages("page=1"), 1);
    shop.assert_clean();
}

async fn differences(shop: &Catalogue, order: &str) -> Vec<String> {
    let record = shop.stack.order(&shop.connection, order).await.unwrap();
    assert!(
        record
            .differences
            .iter()
            .all(|open| open.problem.code == ProblemCode::RecordsDiffer)
    );
    let shown = shop.get(&format!("/orders/{order}")).await;
    let problems = shown["problems"].as_array().unwrap().clone();
    problems
        .iter()
        .map(|problem| problem["message"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn documents_that_differ_from_the_ledger_are_named_with_both_sides() {
    let shop = Catalogue::open().await;
    for n in 1..=5 {
        shop.place(&format!("PF-{n}"), "A-1");
        shop.productflow.ship(&format!("PF-{n}"));
    }
    shop.round().await;
    shop.night_after(18).await;
    for n in 1..=5 {
        assert_eq!(differences(&shop, &format!("PF-{n}")).await, [""; 0]);
    }
    let invoice = |order: &str| shop.robaws.invoices_of(order)[0].clone();
    shop.robaws.remove_invoice(&invoice("PF-1").id);
    shop.robaws.edit_invoice(&invoice("PF-2").id, |invoice| {
        invoice.total_incl_vat = euros(4_000);
    });
    let change = shop.robaws.stock_changes_of("PF-3")[0].clone();
    shop.robaws
        .remove(simulators::robaws::Module::StockChanges, &change.id);
    shop.night_after(24).await;
    let found = differences(&shop, "PF-1").await;
    assert!(
        found[0].contains("€59.98 according to ProductFlow, – in Robaws"),
        "{found:?}"
    );
    let found = differences(&shop, "PF-2").await;
    assert!(
        found[0].contains("€59.98 according to ProductFlow, €40.00 in Robaws"),
        "{found:?}"
    );
    let found = differences(&shop, "PF-3").await;
    assert!(
        found[0].contains("2 × A-1 according to ProductFlow, – in Robaws"),
        "{found:?}"
    );
    assert_eq!(differences(&shop, "PF-4").await, [""; 0]);
    // Mended by hand, or closed as handled.
    shop.robaws.edit_invoice(&invoice("PF-2").id, |invoice| {
        invoice.total_incl_vat = euros(5_998);
    });
    assert_eq!(
        shop.post("orders/PF-3/settle", json!({ "as": "handled" }))
            .await
            .0,
        200
    );
    shop.night_after(24).await;
    for order in ["PF-2", "PF-3"] {
        assert_eq!(differences(&shop, order).await, [""; 0], "{order}");
    }
    assert_eq!(differences(&shop, "PF-1").await.len(), 1);
    shop.assert_clean();
}

#[tokio::test]
async fn a_document_of_ours_that_the_ledger_does_not_know_is_named() {
    let shop = Catalogue::open().await;
    shop.place("PF-1", "A-1");
    shop.round().await;
    let change = shop.robaws.stock_changes_of("PF-1")[0].clone();
    // As if the same booking had been made twice.
    let body = json!({
        "date": "2026-11-23", "description": change.description, "fromStockLocationId": "3", "booked": true,
        "lineItems": [{ "articleId": "12", "quantity": 2 }],
    });
    let url = format!("{}/api/v2/stock-changes", shop.stack.robaws_server.url());
    let http = runtime::http::client(&[&url.parse().unwrap()]).unwrap();
    let post = http
        .post(url)
        .basic_auth(demo::ROBAWS_KEY, Some(demo::ROBAWS_SECRET));
    assert_eq!(post.json(&body).send().await.unwrap().status(), 201);
    shop.night_after(18).await;
    let found = differences(&shop, "PF-1").await;
    assert!(
        found[0].contains("– according to ProductFlow, 2 × A-1 in Robaws"),
        "{found:?}"
    );
}

#[tokio::test]
async fn documents_of_the_last_two_hours_are_left_out() {
    let shop = Catalogue::open().await;
    shop.place("PF-1", "A-1");
    shop.round().await;
    let change = shop.robaws.stock_changes_of("PF-1")[0].clone();
    shop.robaws
        .remove(simulators::robaws::Module::StockChanges, &change.id);
    shop.night_after(1).await;
    assert_eq!(differences(&shop, "PF-1").await, [""; 0]);
    shop.night_after(2).await;
    assert_eq!(differences(&shop, "PF-1").await.len(), 1);
}

#[tokio::test]
async fn an_order_and_a_change_that_the_polls_missed_are_found() {
    let shop = Catalogue::open().await;
    shop.round().await;
    let placed = shop.now().to_string();
    shop.place("PF-0", "A-1");
    shop.productflow.ship("PF-0");
    // Put in so that no pass reaches it: behind a page of others that were last updated before the last complete pass.
    shop.clock.advance(jiff::SignedDuration::from_mins(5));
    let later = shop.now().to_string();
    for n in 0..60 {
        let other = OrderBuilder::new(&format!("OTHER-{n}"))
            .placed_at(&later)
            .status("cancelled");
        shop.productflow.place(other.line("A-1", 1, 100, Some("7")));
    }
    for _ in 0..5 {
        shop.round().await;
    }
    let mut order = OrderBuilder::new("PF-1")
        .placed_at(&placed)
        .line("A-1", 2, 5998, Some("7"))
        .build();
    order["updated_at"] = json!(placed);
    shop.productflow.place(order);
    shop.productflow.edit("PF-0", |order| {
        order["lines"][0]["quantity"] = json!(3);
        order["updated_at"] = json!(START);
    });
    shop.round().await;
    let state = |id: &'static str| async {
        let found = shop.stack.order(&shop.connection, id).await;
        found.map_or("unknown", |record| record.state.as_str())
    };
    let seen = (state("PF-0").await, state("PF-1").await);
    assert_eq!(
        seen,
        ("invoiced", "unknown"),
        "a poll found them: the test shows nothing"
    );
    shop.night_after(18).await;
    shop.round().await;
    assert_eq!((state("PF-0").await, state("PF-1").await), ("conflict", "booked"));
}
