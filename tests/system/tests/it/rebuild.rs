//! A ledger that was lost or set back: nothing is booked until it was rebuilt from the documents in Robaws, and nothing twice after.

use crate::shop::{Shop, one_line, settings};
use crate::undo::{decided, mixed, settle, work};
use domain::ConnectionSettings;
use jiff::SignedDuration;
use local::Backup;
use serde_json::{Value, json};
use simulators::{Fault, OrderBuilder, demo};

async fn api(shop: &Shop, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let path = format!("/api/connections{path}");
    Box::pin(shop.stack.api(method, &path, body)).await.unwrap()
}

async fn shown(shop: &Shop) -> Value {
    api(shop, "GET", "/shop", &Value::Null).await.1
}

/// Asks for a rebuild, has it carried out, and gives its report.
async fn rebuilt(shop: &Shop, body: &Value) -> Value {
    let (status, answer) = api(shop, "POST", "/shop/rebuild", body).await;
    assert_eq!(status, 202, "{answer}");
    assert_eq!(answer["rebuild"]["finished_at"], Value::Null);
    Box::pin(shop.stack.drain()).await.unwrap();
    let report = shown(shop).await["rebuild"].clone();
    assert_ne!(report["finished_at"], Value::Null, "{report}");
    report
}

/// What Robaws holds: stock and documents.
#[derive(Debug, PartialEq)]
struct Books {
    stock: Vec<(String, String, rust_decimal::Decimal)>,
    stock_changes: usize,
    invoices: Vec<(String, String, rust_decimal::Decimal)>,
}

fn books(shop: &Shop) -> Books {
    let invoices = shop.robaws.invoices();
    Books {
        stock: shop.robaws.all_stock(),
        stock_changes: shop.robaws.stock_changes().len(),
        invoices: invoices
            .into_iter()
            .map(|invoice| {
                let reference = invoice.client_reference.unwrap_or_default();
                (reference, invoice.id, invoice.total_incl_vat)
            })
            .collect(),
    }
}

async fn shop() -> Shop {
    let shop = Shop::open_with(ConnectionSettings {
        book_invoices: true,
        ..settings()
    })
    .await;
    shop.robaws.set(|settings| {
        settings.rate_per_second = 10_000;
        settings.burst = 10_000;
    });
    shop
}

fn order(identifier: &str) -> OrderBuilder {
    one_line(identifier).external(&format!("n{identifier}"))
}

/// One order of each kind, and what became of it.
async fn history(shop: &Shop) {
    for identifier in ["OPEN", "SHIPS", "REVERSES", "GROWS", "GOES"] {
        shop.place(order(identifier));
    }
    shop.place(order("BLOCKED").line("NOT-THERE", 1, 100, Some("7")));
    shop.place(mixed("MIXED").external("nMIXED").status("shipped"));
    shop.place(order("NEVER").status("cancelled"));
    Box::pin(shop.rounds(10)).await;
    shop.productflow.ship("SHIPS");
    shop.productflow.cancel("REVERSES");
    shop.productflow
        .edit("GROWS", |order| order["lines"][0]["quantity"] = json!(5));
    shop.productflow.remove("GOES");
    Box::pin(shop.rounds(10)).await;
    for (identifier, state) in [
        ("OPEN", "booked"),
        ("SHIPS", "invoiced"),
        ("REVERSES", "reversed"),
        ("GROWS", "booked"),
        ("BLOCKED", "blocked"),
        ("MIXED", "invoiced"),
        ("NEVER", "skipped"),
    ] {
        assert_eq!(shop.state(identifier).await, state, "{identifier}");
    }
}

#[tokio::test]
async fn a_ledger_set_back_a_day_books_nothing_until_it_was_rebuilt_and_nothing_twice_after() {
    let shop = shop().await;
    shop.place(order("BEFORE"));
    shop.place(order("LATER-SHIPPED"));
    Box::pin(shop.rounds(10)).await;
    let backup = shop.stack.backup().await.unwrap();
    shop.productflow.ship("BEFORE");
    shop.clock.advance(SignedDuration::from_hours(24));
    Box::pin(history(&shop)).await;
    let before = books(&shop);
    shop.stack.restore(&backup).await.unwrap();
    let lost_at = runtime::clock::Clock::now(&shop.clock).to_string();

    shop.clock.advance(SignedDuration::from_mins(1));
    shop.productflow.ship("LATER-SHIPPED");
    shop.place(order("MEANWHILE"));
    Box::pin(shop.rounds(30)).await;
    let connection = shown(&shop).await;
    assert_eq!(connection["state"], "suspended");
    assert_eq!(books(&shop), before, "nothing is booked while it is suspended");
    for (path, body) in [("/shop/activate", json!({})), ("/shop/deactivate", json!({}))] {
        let (status, answer) = api(&shop, "POST", path, &body).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (409, &json!("suspended")),
            "{path}"
        );
    }

    let trial = Box::pin(rebuilt(&shop, &json!({ "dry_run": true, "lost_at": lost_at }))).await;
    assert_eq!(trial["dry_run"], true);
    assert_eq!(shown(&shop).await["state"], "suspended");
    let report = Box::pin(rebuilt(&shop, &json!({ "lost_at": lost_at }))).await;
    for count in ["documents", "made", "orders", "in_doubt"] {
        assert_eq!(trial[count], report[count], "{count}: {trial} {report}");
    }
    assert_eq!(report["in_doubt"], 0, "{report}");
    assert_eq!(shown(&shop).await["state"], "active");
    Box::pin(shop.rounds(60)).await;

    let after = books(&shop);
    let old: Vec<_> = after
        .invoices
        .iter()
        .filter(|(reference, ..)| !reference.contains("LATER"))
        .collect();
    assert_eq!(
        old,
        before.invoices.iter().collect::<Vec<_>>(),
        "no invoice twice"
    );
    // MEANWHILE is booked, LATER-SHIPPED is invoiced; both are news.
    assert_eq!(after.stock_changes, before.stock_changes + 1);
    for (identifier, state) in [
        ("BEFORE", "invoiced"),
        ("OPEN", "booked"),
        ("SHIPS", "invoiced"),
        ("REVERSES", "reversed"),
        ("GROWS", "booked"),
        ("BLOCKED", "blocked"),
        ("MIXED", "invoiced"),
        ("NEVER", "skipped"),
        ("MEANWHILE", "booked"),
        ("LATER-SHIPPED", "invoiced"),
    ] {
        assert_eq!(shop.state(identifier).await, state, "{identifier}");
    }
    // No number, and so no idempotency key, that the lost ledger may have used is used for another body.
    assert!(shop.order("MEANWHILE").await.ledger.rows[0].no > 1_000_000);
    // What was rebuilt goes on: it ships, it is cancelled, and each effect happens once.
    shop.productflow.ship("OPEN");
    shop.productflow.cancel("GROWS");
    Box::pin(shop.rounds(10)).await;
    assert_eq!(shop.state("OPEN").await, "invoiced");
    assert_eq!(shop.state("GROWS").await, "reversed");
    assert_eq!(shop.robaws.invoices_of("nOPEN (OPEN)").len(), 1);
    shop.assert_no_violations();
}

#[tokio::test]
async fn a_lost_table_comes_back_suspended_and_is_rebuilt_from_robaws_alone() {
    let shop = shop().await;
    Box::pin(history(&shop)).await;
    // Through the API, so that the secret knows of the ledger.
    let (status, answer) = api(&shop, "POST", "/shop/activate", &json!({})).await;
    assert_eq!(status, 200, "{answer}");
    Box::pin(shop.rounds(10)).await;
    let before = books(&shop);
    shop.stack.restore(&Backup::default()).await.unwrap();
    Box::pin(shop.rounds(10)).await;

    let (status, answer) = api(
        &shop,
        "POST",
        "",
        &json!({ "id": "shop", "productflow": { "company_id": 99 } }),
    )
    .await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (409, &json!("company_is_fixed"))
    );
    let settings = json!({ "b2c_client_id": demo::B2C_CLIENT, "stock_location_id": demo::STOCK_LOCATION, "book_invoices": true });
    let (status, answer) = api(&shop, "POST", "", &json!({ "id": "shop", "settings": settings })).await;
    assert_eq!(status, 201, "{answer}");
    assert_eq!(answer["state"], "suspended");
    assert_eq!(answer["robaws"]["configured"], true, "its secret is still there");
    Box::pin(shop.rounds(10)).await;
    assert_eq!(books(&shop), before);

    let report = Box::pin(rebuilt(&shop, &json!({}))).await;
    assert_eq!(report["in_doubt"], 0, "{report}");
    assert_eq!(
        shown(&shop).await["state"],
        "inactive",
        "its settings want a look"
    );
    let (status, answer) = api(&shop, "POST", "/shop/activate", &json!({})).await;
    assert_eq!(status, 200, "{answer}");
    Box::pin(shop.rounds(60)).await;
    assert_eq!(books(&shop), before, "nothing twice");
    for (identifier, state) in [
        ("OPEN", "booked"),
        ("SHIPS", "invoiced"),
        ("REVERSES", "reversed"),
        ("MIXED", "invoiced"),
    ] {
        assert_eq!(shop.state(identifier).await, state, "{identifier}");
    }
    shop.productflow.cancel("OPEN");
    Box::pin(shop.rounds(10)).await;
    assert_eq!(shop.state("OPEN").await, "reversed");
    // An invoice that was rebuilt is credited to the cent.
    shop.productflow.cancel("MIXED");
    Box::pin(shop.rounds(10)).await;
    assert_eq!(shop.state("MIXED").await, "conflict");
    Box::pin(decided(&shop, "MIXED", "credit", "return")).await;
    Box::pin(work(&shop)).await;
    let of_mixed = shop.robaws.invoices_of("nMIXED (MIXED)");
    assert_eq!(of_mixed.len(), 2);
    assert_eq!(of_mixed[0].total_incl_vat, of_mixed[1].total_incl_vat);
    shop.assert_no_violations();
}

#[tokio::test]
async fn what_people_decided_and_the_ledger_lost_is_asked_and_never_guessed() {
    let shop = shop().await;
    let backup = shop.stack.backup().await.unwrap();
    let blocked = |identifier: &str| order(identifier).line("NOT-THERE", 1, 100, Some("7"));
    for identifier in ["BY-HAND", "REST"] {
        shop.place(blocked(identifier));
    }
    shop.place(order("DELETED").status("shipped"));
    Box::pin(shop.rounds(10)).await;
    let (status, answer) = settle(&shop, "BY-HAND", json!({ "as": "handled" })).await;
    assert_eq!(status, 200, "{answer}");
    let before = books(&shop);
    shop.stack.restore(&backup).await.unwrap();
    Box::pin(rebuilt_after_a_poll(&shop)).await;
    // The article is made meanwhile: now everything could be booked.
    shop.robaws
        .put_article(simulators::robaws::Article::new("77", "NOT-THERE"));
    Box::pin(shop.rounds(90)).await;
    assert_eq!(books(&shop), before);
    for identifier in ["BY-HAND", "REST"] {
        assert_eq!(shop.state(identifier).await, "in_doubt", "{identifier}");
        assert_eq!(shop.codes(identifier).await, ["past_unknown"], "{identifier}");
    }
    assert_eq!(shop.state("DELETED").await, "invoiced");
    let (status, answer) = settle(&shop, "REST", json!({ "as": "done", "robaws_id": "1" })).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("past_unknown")));
    let (status, answer) = settle(&shop, "BY-HAND", json!({ "as": "handled" })).await;
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = settle(&shop, "REST", json!({ "as": "not_done" })).await;
    assert_eq!(status, 200, "{answer}");
    Box::pin(work(&shop)).await;
    assert_eq!(shop.state("REST").await, "booked");
    assert_eq!(shop.state("BY-HAND").await, "skipped");
    assert_eq!(
        shop.stack
            .order(&shop.connection, "REST")
            .await
            .unwrap()
            .ledger
            .settlements
            .len(),
        1
    );
    // An order that changes in ProductFlow is news, and needs no question.
    shop.place(order("NEW"));
    Box::pin(shop.rounds(10)).await;
    assert_eq!(shop.state("NEW").await, "booked");
}

/// The poll finds another table; then the ledger is rebuilt.
async fn rebuilt_after_a_poll(shop: &Shop) -> Value {
    shop.round().await;
    assert_eq!(shown(shop).await["state"], "suspended");
    rebuilt(shop, &json!({})).await
}

#[tokio::test]
async fn documents_that_do_not_fit_their_order_are_said_and_nothing_is_added_to_them() {
    let shop = shop().await;
    let backup = shop.stack.backup().await.unwrap();
    for identifier in ["CHANGED", "CREDITED", "TWICE", "CHOSEN"] {
        shop.place(order(identifier).status("shipped"));
    }
    Box::pin(shop.rounds(10)).await;
    shop.productflow
        .edit("CHANGED", |order| order["lines"][0]["price"] = json!(9999));
    shop.productflow.cancel("CREDITED");
    Box::pin(shop.rounds(10)).await;
    Box::pin(decided(&shop, "CREDITED", "credit", "return")).await;
    Box::pin(work(&shop)).await;
    let twice = shop.robaws.invoices_of("nTWICE (TWICE)").remove(0);
    shop.robaws
        .edit_invoice(&shop.robaws.invoices_of("nCHOSEN (CHOSEN)")[0].id, |invoice| {
            invoice.client_reference.clone_from(&twice.client_reference);
        });
    let before = books(&shop);
    shop.stack.restore(&backup).await.unwrap();
    let report = Box::pin(rebuilt_after_a_poll(&shop)).await;
    assert!(report["in_doubt"].as_u64().unwrap() >= 3, "{report}");
    Box::pin(shop.rounds(60)).await;
    assert_eq!(books(&shop), before);
    for identifier in ["CHANGED", "CREDITED", "TWICE"] {
        assert_eq!(shop.state(identifier).await, "in_doubt", "{identifier}");
        assert_eq!(shop.codes(identifier).await, ["past_unmatched"], "{identifier}");
        let (status, answer) = settle(&shop, identifier, json!({ "as": "not_done" })).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (409, &json!("past_unmatched")),
            "{identifier}"
        );
        let (status, answer) = settle(&shop, identifier, json!({ "as": "handled" })).await;
        assert_eq!(status, 200, "{answer}");
    }
    // Its invoice bears another reference by now: it may not have one.
    assert_eq!(shop.codes("CHOSEN").await, ["past_unknown"]);
    Box::pin(shop.rounds(30)).await;
    assert_eq!(books(&shop), before);
}

#[tokio::test]
async fn a_rebuild_that_is_interrupted_goes_on_and_ends_the_same() {
    let mut shop = shop().await;
    let backup = shop.stack.backup().await.unwrap();
    Box::pin(history(&shop)).await;
    let before = books(&shop);
    // Robaws fails at an early call of it, at later ones, and at the last.
    for nth in [1, 2, 3, 5, 8, 13, 21] {
        shop.stack.restore(&backup).await.unwrap();
        shop.round().await;
        let (status, answer) = api(&shop, "POST", "/shop/rebuild", &json!({})).await;
        assert_eq!(status, 202, "{answer}");
        // Also when it is asked once more.
        let fault = Fault::on("GET", "**").nth(nth).times(2).status(503);
        shop.stack.robaws.fault(fault);
        Box::pin(shop.stack.drain()).await.unwrap();
        assert_eq!(
            shown(&shop).await["state"],
            "suspended",
            "call {nth} interrupts it"
        );
        shop.stack.robaws.clear_faults();
        // Another process goes on with it.
        shop.stack.restart().unwrap();
        Box::pin(shop.rounds(60)).await;
        assert_eq!(shown(&shop).await["state"], "active", "{nth}");
        assert_eq!(books(&shop), before, "{nth}");
        for (identifier, state) in [
            ("OPEN", "booked"),
            ("SHIPS", "invoiced"),
            ("REVERSES", "reversed"),
            ("MIXED", "invoiced"),
        ] {
            assert_eq!(shop.state(identifier).await, state, "{nth} {identifier}");
        }
    }
}

#[tokio::test]
async fn a_healthy_connection_is_suspended_by_hand_and_refuses_to_be_rebuilt_before() {
    let shop = shop().await;
    let (status, answer) = api(&shop, "POST", "/shop/rebuild", &json!({})).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("not_suspended")));
    let (status, answer) = api(&shop, "POST", "/shop/activate", &json!({})).await;
    assert_eq!(status, 200, "{answer}");
    Box::pin(shop.stack.settle()).await.unwrap();
    let (status, answer) = api(&shop, "POST", "/shop/suspend", &json!({})).await;
    assert_eq!((status, &answer["state"]), (200, &json!("suspended")));
    // Robaws gives up on an endpoint that refuses its events.
    let offer = shop.productflow.offer("A-1");
    assert!(offer.is_some());
    let edited = |article: &mut simulators::robaws::Article| article.cost_price += rust_decimal::Decimal::ONE;
    assert!(shop.robaws.edit_article("12", edited));
    Box::pin(shop.stack.settle()).await.unwrap();
    assert_eq!(shop.robaws.webhook_endpoints()[0].failures, 0);
    assert_eq!(shop.productflow.offer("A-1"), offer);
    shop.clock.advance(SignedDuration::from_mins(1));
    shop.place(order("WAITS"));
    Box::pin(shop.rounds(30)).await;
    assert!(shop.stack.order(&shop.connection, "WAITS").await.is_err());
    let (status, answer) = api(
        &shop,
        "POST",
        "/shop/rebuild",
        &json!({ "lost_at": "2099-01-01T00:00:00Z" }),
    )
    .await;
    assert_eq!(status, 400, "{answer}");
    let (status, answer) = api(
        &shop,
        "POST",
        "/shop/rebuild",
        &json!({ "go_live": "2026-01-01T00:00:00Z" }),
    )
    .await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (409, &json!("go_live_is_fixed"))
    );
    Box::pin(rebuilt(&shop, &json!({}))).await;
    Box::pin(shop.rounds(10)).await;
    assert_eq!(shop.state("WAITS").await, "booked");
    assert_ne!(shop.productflow.offer("A-1"), offer, "everything is sent again");
}
