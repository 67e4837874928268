//! A ledger that was lost or set back: nothing is booked until it was rebuilt from the documents in Robaws, and nothing twice after.

use domain::ConnectionSettings;
use jiff::SignedDuration;
use local::Backup;
use serde_json::{Value, json};
use simulators::{Fault, OrderBuilder, demo};
use world::conflicts::{decide_undo, mixed_order, settle_order};
use world::{World, default_settings, order_of_one_line};

async fn call_api(world: &World, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let path = format!("/api/connections{path}");
    Box::pin(world.stack.call_api(method, &path, body)).await.unwrap()
}

async fn read_connection(world: &World) -> Value {
    call_api(world, "GET", "/shop", &Value::Null).await.1
}

/// Asks for a rebuild, has it carried out, and gives its report.
async fn rebuild_ledger(world: &World, body: &Value) -> Value {
    let (status, answer) = call_api(world, "POST", "/shop/rebuild", body).await;
    assert_eq!(status, 202, "{answer}");
    assert_eq!(answer["rebuild"]["finished_at"], Value::Null);
    Box::pin(world.stack.drain_queues()).await.unwrap();
    let report = read_connection(world).await["rebuild"].clone();
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

fn read_books(world: &World) -> Books {
    let invoices = world.robaws.invoices();
    Books {
        stock: world.robaws.all_stock(),
        stock_changes: world.robaws.stock_changes().len(),
        invoices: invoices
            .into_iter()
            .map(|invoice| {
                let reference = invoice.client_reference.unwrap_or_default();
                (reference, invoice.id, invoice.total_incl_vat)
            })
            .collect(),
    }
}

async fn build_booking_world() -> World {
    let world = World::with_settings(ConnectionSettings { book_invoices: true, ..default_settings() }).await;
    world.robaws.change_settings(|settings| {
        settings.rate_per_second = 10_000;
        settings.burst = 10_000;
    });
    world
}

fn order_of_history(identifier: &str) -> OrderBuilder {
    order_of_one_line(identifier).with_external_number(&format!("n{identifier}"))
}

/// One order of each kind, and what became of it.
async fn live_through_history(world: &World) {
    for identifier in ["OPEN", "SHIPS", "REVERSES", "GROWS", "GOES"] {
        world.place_order(order_of_history(identifier));
    }
    world.place_order(order_of_history("BLOCKED").with_line("NOT-THERE", 1, 100, Some("7")));
    world.place_order(mixed_order("MIXED").with_external_number("nMIXED").with_status("shipped"));
    world.place_order(order_of_history("NEVER").with_status("cancelled"));
    Box::pin(world.poll_for_minutes(10)).await;
    world.productflow.ship_order("SHIPS");
    world.productflow.cancel_order("REVERSES");
    world.productflow.edit_order("GROWS", |order| order["lines"][0]["quantity"] = json!(5));
    world.productflow.remove_order("GOES");
    Box::pin(world.poll_for_minutes(10)).await;
    for (identifier, state) in [
        ("OPEN", "booked"),
        ("SHIPS", "invoiced"),
        ("REVERSES", "reversed"),
        ("GROWS", "booked"),
        ("BLOCKED", "blocked"),
        ("MIXED", "invoiced"),
        ("NEVER", "skipped"),
    ] {
        assert_eq!(world.order_state(identifier).await, state, "{identifier}");
    }
}

#[tokio::test]
async fn a_ledger_set_back_a_day_books_nothing_until_it_was_rebuilt_and_nothing_twice_after() {
    let world = build_booking_world().await;
    world.place_order(order_of_history("BEFORE"));
    world.place_order(order_of_history("LATER-SHIPPED"));
    Box::pin(world.poll_for_minutes(10)).await;
    let backup = world.stack.back_up_table().await.unwrap();
    world.productflow.ship_order("BEFORE");
    world.clock.advance_by(SignedDuration::from_hours(24));
    Box::pin(live_through_history(&world)).await;
    let before = read_books(&world);
    world.stack.restore_table(&backup).await.unwrap();
    let lost_at = runtime::clock::Clock::now(&world.clock).to_string();

    world.clock.advance_by(SignedDuration::from_mins(1));
    world.productflow.ship_order("LATER-SHIPPED");
    world.place_order(order_of_history("MEANWHILE"));
    Box::pin(world.poll_for_minutes(30)).await;
    let connection = read_connection(&world).await;
    assert_eq!(connection["state"], "suspended");
    assert_eq!(read_books(&world), before, "nothing is booked while it is suspended");
    for (path, body) in [("/shop/activate", json!({})), ("/shop/deactivate", json!({}))] {
        let (status, answer) = call_api(&world, "POST", path, &body).await;
        assert_eq!((status, &answer["error"]["code"]), (409, &json!("suspended")), "{path}");
    }

    let trial = Box::pin(rebuild_ledger(&world, &json!({ "dry_run": true, "lost_at": lost_at }))).await;
    assert_eq!(trial["dry_run"], true);
    assert_eq!(read_connection(&world).await["state"], "suspended");
    let report = Box::pin(rebuild_ledger(&world, &json!({ "lost_at": lost_at }))).await;
    for count in ["documents", "made", "orders", "in_doubt"] {
        assert_eq!(trial[count], report[count], "{count}: {trial} {report}");
    }
    assert_eq!(report["in_doubt"], 0, "{report}");
    assert_eq!(read_connection(&world).await["state"], "active");
    Box::pin(world.poll_for_minutes(60)).await;

    let after = read_books(&world);
    let old: Vec<_> = after.invoices.iter().filter(|(reference, ..)| !reference.contains("LATER")).collect();
    assert_eq!(old, before.invoices.iter().collect::<Vec<_>>(), "no invoice twice");
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
        assert_eq!(world.order_state(identifier).await, state, "{identifier}");
    }
    // No number, and so no idempotency key, that the lost ledger may have used is used for another body.
    assert!(world.read_order("MEANWHILE").await.ledger.rows[0].no > 1_000_000);
    // What was rebuilt goes on: it ships, it is cancelled, and each effect happens once.
    world.productflow.ship_order("OPEN");
    world.productflow.cancel_order("GROWS");
    Box::pin(world.poll_for_minutes(10)).await;
    assert_eq!(world.order_state("OPEN").await, "invoiced");
    assert_eq!(world.order_state("GROWS").await, "reversed");
    assert_eq!(world.robaws.invoices_of("nOPEN (OPEN)").len(), 1);
}

#[tokio::test]
async fn a_lost_table_comes_back_suspended_and_is_rebuilt_from_robaws_alone() {
    let world = build_booking_world().await;
    Box::pin(live_through_history(&world)).await;
    // Through the API, so that the secret knows of the ledger.
    let (status, answer) = call_api(&world, "POST", "/shop/activate", &json!({})).await;
    assert_eq!(status, 200, "{answer}");
    Box::pin(world.poll_for_minutes(10)).await;
    let before = read_books(&world);
    world.stack.restore_table(&Backup::default()).await.unwrap();
    Box::pin(world.poll_for_minutes(10)).await;

    let (status, answer) =
        call_api(&world, "POST", "", &json!({ "id": "shop", "productflow": { "company_id": 99 } })).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("company_is_fixed")));
    let settings = json!({ "b2c_client_id": demo::B2C_CLIENT, "stock_location_id": demo::STOCK_LOCATION, "book_invoices": true });
    let (status, answer) = call_api(&world, "POST", "", &json!({ "id": "shop", "settings": settings })).await;
    assert_eq!(status, 201, "{answer}");
    assert_eq!(answer["state"], "suspended");
    assert_eq!(answer["robaws"]["configured"], true, "its secret is still there");
    Box::pin(world.poll_for_minutes(10)).await;
    assert_eq!(read_books(&world), before);

    let report = Box::pin(rebuild_ledger(&world, &json!({}))).await;
    assert_eq!(report["in_doubt"], 0, "{report}");
    assert_eq!(read_connection(&world).await["state"], "inactive", "its settings want a look");
    let (status, answer) = call_api(&world, "POST", "/shop/activate", &json!({})).await;
    assert_eq!(status, 200, "{answer}");
    Box::pin(world.poll_for_minutes(60)).await;
    assert_eq!(read_books(&world), before, "nothing twice");
    for (identifier, state) in
        [("OPEN", "booked"), ("SHIPS", "invoiced"), ("REVERSES", "reversed"), ("MIXED", "invoiced")]
    {
        assert_eq!(world.order_state(identifier).await, state, "{identifier}");
    }
    world.productflow.cancel_order("OPEN");
    Box::pin(world.poll_for_minutes(10)).await;
    assert_eq!(world.order_state("OPEN").await, "reversed");
    // An invoice that was rebuilt is credited to the cent.
    world.productflow.cancel_order("MIXED");
    Box::pin(world.poll_for_minutes(10)).await;
    assert_eq!(world.order_state("MIXED").await, "conflict");
    Box::pin(decide_undo(&world, "MIXED", "credit", "return")).await;
    Box::pin(world.work_off_orders()).await;
    let of_mixed = world.robaws.invoices_of("nMIXED (MIXED)");
    assert_eq!(of_mixed.len(), 2);
    assert_eq!(of_mixed[0].total_incl_vat, of_mixed[1].total_incl_vat);
}

#[tokio::test]
async fn what_people_decided_and_the_ledger_lost_is_asked_and_never_guessed() {
    let world = build_booking_world().await;
    let backup = world.stack.back_up_table().await.unwrap();
    let blocked = |identifier: &str| order_of_history(identifier).with_line("NOT-THERE", 1, 100, Some("7"));
    for identifier in ["BY-HAND", "REST"] {
        world.place_order(blocked(identifier));
    }
    world.place_order(order_of_history("DELETED").with_status("shipped"));
    Box::pin(world.poll_for_minutes(10)).await;
    let (status, answer) = settle_order(&world, "BY-HAND", json!({ "as": "handled" })).await;
    assert_eq!(status, 200, "{answer}");
    let before = read_books(&world);
    world.stack.restore_table(&backup).await.unwrap();
    Box::pin(rebuilt_after_a_poll(&world)).await;
    // The article is made meanwhile: now everything could be booked.
    world.robaws.put_article(simulators::robaws::Article::new("77", "NOT-THERE"));
    Box::pin(world.poll_for_minutes(90)).await;
    assert_eq!(read_books(&world), before);
    for identifier in ["BY-HAND", "REST"] {
        assert_eq!(world.order_state(identifier).await, "in_doubt", "{identifier}");
        assert_eq!(world.problem_codes(identifier).await, ["past_unknown"], "{identifier}");
    }
    assert_eq!(world.order_state("DELETED").await, "invoiced");
    let (status, answer) = settle_order(&world, "REST", json!({ "as": "done", "robaws_id": "1" })).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("past_unknown")));
    let (status, answer) = settle_order(&world, "BY-HAND", json!({ "as": "handled" })).await;
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = settle_order(&world, "REST", json!({ "as": "not_done" })).await;
    assert_eq!(status, 200, "{answer}");
    Box::pin(world.work_off_orders()).await;
    assert_eq!(world.order_state("REST").await, "booked");
    assert_eq!(world.order_state("BY-HAND").await, "skipped");
    assert_eq!(
        world.stack.order_record(&world.connection, "REST").await.unwrap().ledger.settlements.len(),
        1
    );
    // An order that changes in ProductFlow is news, and needs no question.
    world.place_order(order_of_history("NEW"));
    Box::pin(world.poll_for_minutes(10)).await;
    assert_eq!(world.order_state("NEW").await, "booked");
}

/// The poll finds another table; then the ledger is rebuilt.
async fn rebuilt_after_a_poll(world: &World) -> Value {
    world.poll_and_work().await;
    assert_eq!(read_connection(world).await["state"], "suspended");
    rebuild_ledger(world, &json!({})).await
}

#[tokio::test]
async fn documents_that_do_not_fit_their_order_are_said_and_nothing_is_added_to_them() {
    let world = build_booking_world().await;
    let backup = world.stack.back_up_table().await.unwrap();
    for identifier in ["CHANGED", "CREDITED", "TWICE", "CHOSEN"] {
        world.place_order(order_of_history(identifier).with_status("shipped"));
    }
    Box::pin(world.poll_for_minutes(10)).await;
    world.productflow.edit_order("CHANGED", |order| order["lines"][0]["price"] = json!(9999));
    world.productflow.cancel_order("CREDITED");
    Box::pin(world.poll_for_minutes(10)).await;
    Box::pin(decide_undo(&world, "CREDITED", "credit", "return")).await;
    Box::pin(world.work_off_orders()).await;
    let twice = world.robaws.invoices_of("nTWICE (TWICE)").remove(0);
    world.robaws.edit_invoice(&world.robaws.invoices_of("nCHOSEN (CHOSEN)")[0].id, |invoice| {
        invoice.client_reference.clone_from(&twice.client_reference);
    });
    let before = read_books(&world);
    world.stack.restore_table(&backup).await.unwrap();
    let report = Box::pin(rebuilt_after_a_poll(&world)).await;
    assert!(report["in_doubt"].as_u64().unwrap() >= 3, "{report}");
    Box::pin(world.poll_for_minutes(60)).await;
    assert_eq!(read_books(&world), before);
    for identifier in ["CHANGED", "CREDITED", "TWICE"] {
        assert_eq!(world.order_state(identifier).await, "in_doubt", "{identifier}");
        assert_eq!(world.problem_codes(identifier).await, ["past_unmatched"], "{identifier}");
        let (status, answer) = settle_order(&world, identifier, json!({ "as": "not_done" })).await;
        assert_eq!((status, &answer["error"]["code"]), (409, &json!("past_unmatched")), "{identifier}");
        let (status, answer) = settle_order(&world, identifier, json!({ "as": "handled" })).await;
        assert_eq!(status, 200, "{answer}");
    }
    // Its invoice bears another reference by now: it may not have one.
    assert_eq!(world.problem_codes("CHOSEN").await, ["past_unknown"]);
    Box::pin(world.poll_for_minutes(30)).await;
    assert_eq!(read_books(&world), before);
}

#[tokio::test]
async fn a_rebuild_that_is_interrupted_goes_on_and_ends_the_same() {
    let mut world = build_booking_world().await;
    let backup = world.stack.back_up_table().await.unwrap();
    Box::pin(live_through_history(&world)).await;
    let before = read_books(&world);
    // Robaws fails at an early call of it, at later ones, and at the last.
    for nth in [1, 2, 3, 5, 8, 13, 21] {
        world.stack.restore_table(&backup).await.unwrap();
        world.poll_and_work().await;
        let (status, answer) = call_api(&world, "POST", "/shop/rebuild", &json!({})).await;
        assert_eq!(status, 202, "{answer}");
        // Also when it is asked once more.
        let fault = Fault::for_call("GET", "**").at_nth_call(nth).for_calls(2).answer_status(503);
        world.stack.robaws.add_fault(fault);
        Box::pin(world.stack.drain_queues()).await.unwrap();
        assert_eq!(read_connection(&world).await["state"], "suspended", "call {nth} interrupts it");
        world.stack.robaws.clear_faults();
        // Another process goes on with it.
        world.stack.restart_functions().unwrap();
        Box::pin(world.poll_for_minutes(60)).await;
        assert_eq!(read_connection(&world).await["state"], "active", "{nth}");
        assert_eq!(read_books(&world), before, "{nth}");
        for (identifier, state) in
            [("OPEN", "booked"), ("SHIPS", "invoiced"), ("REVERSES", "reversed"), ("MIXED", "invoiced")]
        {
            assert_eq!(world.order_state(identifier).await, state, "{nth} {identifier}");
        }
    }
}

#[tokio::test]
async fn a_healthy_connection_is_suspended_by_hand_and_refuses_to_be_rebuilt_before() {
    let world = build_booking_world().await;
    let (status, answer) = call_api(&world, "POST", "/shop/rebuild", &json!({})).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("not_suspended")));
    let (status, answer) = call_api(&world, "POST", "/shop/activate", &json!({})).await;
    assert_eq!(status, 200, "{answer}");
    Box::pin(world.stack.run_until_quiet()).await.unwrap();
    let (status, answer) = call_api(&world, "POST", "/shop/suspend", &json!({})).await;
    assert_eq!((status, &answer["state"]), (200, &json!("suspended")));
    // Robaws gives up on an endpoint that refuses its events.
    let offer = world.productflow.find_offer("A-1");
    assert!(offer.is_some());
    let edited = |article: &mut simulators::robaws::Article| article.cost_price += rust_decimal::Decimal::ONE;
    assert!(world.robaws.edit_article("12", edited));
    Box::pin(world.stack.run_until_quiet()).await.unwrap();
    assert_eq!(world.robaws.webhook_endpoints()[0].failures, 0);
    assert_eq!(world.productflow.find_offer("A-1"), offer);
    world.clock.advance_by(SignedDuration::from_mins(1));
    world.place_order(order_of_history("WAITS"));
    Box::pin(world.poll_for_minutes(30)).await;
    assert!(world.stack.order_record(&world.connection, "WAITS").await.is_err());
    let (status, answer) =
        call_api(&world, "POST", "/shop/rebuild", &json!({ "lost_at": "2099-01-01T00:00:00Z" })).await;
    assert_eq!(status, 400, "{answer}");
    let (status, answer) =
        call_api(&world, "POST", "/shop/rebuild", &json!({ "go_live": "2026-01-01T00:00:00Z" })).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("go_live_is_fixed")));
    Box::pin(rebuild_ledger(&world, &json!({}))).await;
    Box::pin(world.poll_for_minutes(10)).await;
    assert_eq!(world.order_state("WAITS").await, "booked");
    assert_ne!(world.productflow.find_offer("A-1"), offer, "everything is sent again");
}
