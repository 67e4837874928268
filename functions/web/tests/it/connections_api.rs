//! The operator's API, through real HTTP API events.

use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::robaws::Module;
use simulators::{Outage, demo};
use std::ops::Deref;
use world::answers::{error_code, refused_fields};
use world::{World, order_of_one_line};

/// A world without a connection.
struct Empty(World);

impl Deref for Empty {
    type Target = World;

    fn deref(&self) -> &World {
        &self.0
    }
}

impl Empty {
    async fn open() -> Self {
        Self(World::without_connection().await)
    }

    async fn call_api(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.stack.call_api(method, path, &body).await.unwrap()
    }

    async fn create_connection_as(&self, id: &str, body: Value) -> Value {
        let mut create = complete_connection(id);
        merge_json(&mut create, &body);
        let (status, answer) = self.call_api("POST", "/api/connections", create).await;
        assert_eq!(status, 201, "{answer}");
        answer
    }
}

fn complete_connection(id: &str) -> Value {
    json!({
        "id": id, "language": "en",
        "robaws": { "key": demo::ROBAWS_KEY, "secret": demo::ROBAWS_SECRET },
        "productflow": { "access_token": demo::TOKEN, "company_id": demo::COMPANY },
        "settings": { "b2c_client_id": demo::B2C_CLIENT, "stock_location_id": demo::STOCK_LOCATION },
    })
}

fn merge_json(into: &mut Value, from: &Value) {
    if let (Value::Object(into), Value::Object(from)) = (&mut *into, from) {
        for (key, value) in from {
            merge_json(into.entry(key.clone()).or_insert(Value::Null), value);
        }
    } else {
        *into = from.clone();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_operator_may_call() {
    let world = Empty::open().await;
    for header in [json!({}), json!({"authorization": "Bearer wrong"}), json!({"authorization": "Basic x"})] {
        let Value::Object(headers) = header else { panic!() };
        for path in ["/api/connections", "/api/nothing"] {
            let event =
                local::api_gateway::build_event("GET", path, "", &headers, "x", &Vec::new().into()).unwrap();
            let (status, body) = world.stack.call_http(event).await.unwrap();
            assert_eq!(status, 401);
            assert!(body.contains("unauthorized"));
        }
        let event =
            local::api_gateway::build_event("GET", "/health", "", &headers, "x", &Vec::new().into()).unwrap();
        assert_eq!(world.stack.call_http(event).await.unwrap().0, 200);
    }
    assert_eq!(world.call_api("GET", "/api/nothing", Value::Null).await.0, 404);
    assert_eq!(world.call_api("PUT", "/api/connections", Value::Null).await.0, 405);
    assert_eq!(world.call_api("GET", "/nothing", Value::Null).await.0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_created_shown_and_listed_without_its_secrets() {
    let world = Empty::open().await;
    let created = world.create_connection_as("acme", json!({})).await;
    assert_eq!(created["state"], "inactive");
    assert_eq!(created["settings"]["status_words"]["open"], json!(["open", "accepted"]));
    assert_eq!(created["settings"]["product_language"], "nl");
    assert_eq!(created["webhook"], "missing");
    let (status, shown) = world.call_api("GET", "/api/connections/acme", Value::Null).await;
    assert_eq!((status, &shown), (200, &created));
    for text in [demo::ROBAWS_SECRET, demo::TOKEN, demo::ROBAWS_KEY] {
        assert!(!shown.to_string().contains(text));
    }
    let (status, again) = world.call_api("POST", "/api/connections", json!({"id": "acme"})).await;
    assert_eq!((status, error_code(&again)), (409, "exists"));
    world.clock.advance_by(SignedDuration::from_secs(1));
    let (status, bare) = world.call_api("POST", "/api/connections", json!({"id": "bare"})).await;
    assert_eq!((status, &bare["language"]), (201, &json!("nl")));
    let (_, first) = world.call_api("GET", "/api/connections?limit=1", Value::Null).await;
    assert_eq!(first["items"][0]["id"], "bare", "newest first");
    let cursor = first["cursor"].as_str().unwrap();
    let (_, second) =
        world.call_api("GET", &format!("/api/connections?limit=1&cursor={cursor}"), Value::Null).await;
    assert_eq!(second["items"][0]["id"], "acme");
    assert_eq!(second["cursor"], Value::Null);
    assert_eq!(world.call_api("GET", "/api/connections?limit=101", Value::Null).await.0, 400);
    assert_eq!(world.call_api("GET", "/api/connections?cursor=%C3%A9", Value::Null).await.0, 400);
    let (status, unknown) = world.call_api("GET", "/api/connections/none", Value::Null).await;
    assert_eq!((status, error_code(&unknown)), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_bodies_name_the_field_and_change_nothing() {
    let world = Empty::open().await;
    for (body, field) in [
        (json!({}), "id"),
        (json!({"id": "Acme"}), "id"),
        (json!({"id": "a", "extra": 1}), "extra"),
        (json!({"id": "a", "robaws": {"key": "k"}}), "robaws.secret"),
        (json!({"id": "a", "productflow": {"company_id": "42"}}), "productflow.company_id"),
        (json!({"id": "a", "productflow": {"company_id": -1}}), "productflow.company_id"),
        (json!({"id": "a", "settings": {"b2c_client_id": 5}}), "settings.b2c_client_id"),
        (json!({"id": "a", "settings": {"b2c_clientid": "5"}}), "settings.b2c_clientid"),
    ] {
        let (status, answer) = world.call_api("POST", "/api/connections", body).await;
        let message = answer["error"]["message"].as_str().unwrap();
        assert_eq!((status, error_code(&answer)), (400, "bad_request"));
        assert!(message.starts_with(&format!("{field}: ")), "{message}");
    }
    let (_, list) = world.call_api("GET", "/api/connections", Value::Null).await;
    assert_eq!(list["items"], json!([]));
    let large = json!({"id": "a", "language": "x".repeat(300 * 1024)});
    assert_eq!(world.call_api("POST", "/api/connections", large).await.0, 413);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn activation_names_what_is_missing_in_the_connections_language() {
    let world = Empty::open().await;
    world.call_api("POST", "/api/connections", json!({"id": "acme"})).await;
    let (status, answer) = world.call_api("POST", "/api/connections/acme/activate", Value::Null).await;
    assert_eq!((status, error_code(&answer)), (422, "activation_failed"));
    assert_eq!(
        refused_fields(&answer),
        [
            "productflow.access_token",
            "productflow.company_id",
            "robaws.key",
            "settings.b2c_client_id",
            "settings.stock_location_id"
        ]
    );
    let messages = answer["error"]["details"].to_string();
    assert!(messages.contains("B2C klant") && messages.contains("nog niet ingevuld"), "{messages}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn activation_names_every_fault_and_changes_nothing() {
    let world = Empty::open().await;
    world.stack.robaws.tenant_named(demo::TENANT).put_company("2", "Demo 2 BV");
    let wrong = json!({
        "b2c_client_id": "99", "stock_location_id": "98", "fbm_stock_location_id": "97", "costs_vat_tariff_id": "8",
        "sale_price_vat_tariff_id": "96", "task_user_id": "95", "payment_condition_id": "94",
    });
    world
        .create_connection_as("acme", json!({"productflow": {"access_token": "wrong"}, "settings": wrong}))
        .await;
    let (status, answer) = world.call_api("POST", "/api/connections/acme/activate", Value::Null).await;
    assert_eq!(status, 422);
    assert_eq!(
        refused_fields(&answer),
        [
            "productflow.access_token",
            "settings.b2c_client_id",
            "settings.costs_vat_tariff_id",
            "settings.fbm_stock_location_id",
            "settings.payment_condition_id",
            "settings.robaws_company_id",
            "settings.sale_price_vat_tariff_id",
            "settings.stock_location_id",
            "settings.task_user_id"
        ]
    );
    let (_, shown) = world.call_api("GET", "/api/connections/acme", Value::Null).await;
    assert_eq!((&shown["state"], &shown["go_live"]), (&json!("inactive"), &Value::Null));
    world.poll_and_work().await;
    assert_eq!(world.stack.productflow.count_calls("GET", "/api/v1/order"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_credentials_and_missing_modules_are_told_apart() {
    let world = Empty::open().await;
    let tenant = world.stack.robaws.tenant_named(demo::TENANT);
    tenant.add_user("poor", "poor-secret", &[Module::Articles, Module::VatTariffs]);
    let activate = |id: &'static str| world.call_api("POST", id, Value::Null);
    world.create_connection_as("a", json!({"robaws": {"key": "poor", "secret": "poor-secret"}})).await;
    let (_, answer) = activate("/api/connections/a/activate").await;
    assert_eq!(refused_fields(&answer), ["robaws.permissions"]);
    let message = answer["error"]["details"][0]["message"].as_str().unwrap();
    assert!(message.contains("stock-changes") && message.contains("sales-invoices"), "{message}");
    world.create_connection_as("b", json!({"robaws": {"secret": "wrong"}})).await;
    let (_, answer) = activate("/api/connections/b/activate").await;
    assert_eq!(refused_fields(&answer), ["robaws.key"]);
    world.create_connection_as("c", json!({"productflow": {"company_id": 43}})).await;
    let (_, answer) = activate("/api/connections/c/activate").await;
    assert_eq!(refused_fields(&answer), ["productflow.company_id"]);
    world.create_connection_as("d", json!({})).await;
    world.stack.robaws.set_outage(Some(Outage::Unavailable));
    let (status, answer) = activate("/api/connections/d/activate").await;
    assert_eq!((status, refused_fields(&answer)), (422, vec!["robaws.key"]));
    world.stack.robaws.set_outage(None);
    assert_eq!(activate("/api/connections/d/activate").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_belongs_to_one_connection() {
    let world = Empty::open().await;
    world.create_connection_as("a", json!({})).await;
    world.create_connection_as("b", json!({})).await;
    let (first, second) = tokio::join!(
        world.call_api("POST", "/api/connections/a/activate", Value::Null),
        world.call_api("POST", "/api/connections/b/activate", Value::Null),
    );
    let mut answers = [first, second];
    answers.sort_by_key(|(status, _)| *status);
    assert_eq!((answers[0].0, answers[1].0), (200, 422), "{answers:?}");
    assert_eq!(refused_fields(&answers[1].1), ["productflow.company_id"]);
    let (status, answer) = world.call_api("POST", "/api/connections", complete_connection("c")).await;
    assert_eq!((status, error_code(&answer)), (409, "company_taken"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn go_live_is_kept_and_fixed_once_something_is_booked() {
    let world = Empty::open().await;
    let productflow = world.stack.productflow.company_numbered(demo::COMPANY);
    world.create_connection_as("a", json!({})).await;
    let path = "/api/connections/a/activate";
    let (_, answer) = world.call_api("POST", path, json!({"go_live": "2026-11-23T09:00:00+01:00"})).await;
    assert_eq!(answer["go_live"], "2026-11-23T08:00:00Z");
    productflow.place_order(order_of_one_line("PF-1").with_placed_at("2026-11-22T10:00:00Z"));
    world.poll_and_work().await;
    let (_, order) = world.call_api("GET", "/api/connections/a/orders/PF-1", Value::Null).await;
    assert_eq!(order["state"], "skipped");
    // Nothing was booked yet: go-live may move, and what was left alone is looked at.
    let (status, answer) = world.call_api("POST", path, json!({"go_live": "2026-11-22T00:00:00Z"})).await;
    assert_eq!((status, &answer["go_live"]), (200, &json!("2026-11-22T00:00:00Z")));
    world.poll_and_work().await;
    let (_, order) = world.call_api("GET", "/api/connections/a/orders/PF-1", Value::Null).await;
    assert_eq!(order["state"], "booked");
    let (status, answer) = world.call_api("POST", path, json!({"go_live": "2026-11-21T00:00:00Z"})).await;
    assert_eq!((status, error_code(&answer)), (409, "go_live_is_fixed"));
    let (status, answer) =
        world.call_api("POST", path, json!({"go_live": "2026-11-22T01:00:00+01:00"})).await;
    assert_eq!(status, 200, "the same moment is no other value: {answer}");
    let (status, answer) = world.call_api("POST", path, json!({"go_live": "yesterday"})).await;
    assert_eq!((status, error_code(&answer)), (400, "bad_request"));
    assert!(answer["error"]["message"].as_str().unwrap().starts_with("go_live"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deactivated_means_no_further_call_and_goes_on_where_it_stopped() {
    let world = World::new().await;
    let api = |method: &'static str, path: &'static str| async {
        world.stack.call_api(method, path, &Value::Null).await.unwrap()
    };
    world.place_order(order_of_one_line("PF-1"));
    world.poll_and_work().await;
    let (status, answer) = api("POST", "/api/connections/shop/deactivate").await;
    assert_eq!((status, &answer["state"]), (200, &json!("inactive")));
    world.stack.robaws.clear_calls();
    world.stack.productflow.clear_calls();
    world.productflow.ship_order("PF-1");
    world.poll_for_minutes(30).await;
    assert!(world.stack.robaws.calls().is_empty() && world.stack.productflow.calls().is_empty());
    let (status, answer) = api("POST", "/api/connections/shop/orders/PF-1/retry").await;
    assert_eq!((status, error_code(&answer)), (409, "inactive"));
    assert_eq!(api("POST", "/api/connections/shop/activate").await.0, 200);
    world.poll_for_minutes(15).await;
    assert_eq!(world.order_state("PF-1").await, "invoiced");
    assert_eq!(world.robaws.stock_changes().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_long_break_it_is_asked_whether_to_catch_up() {
    for catch_up in [true, false] {
        let world = World::new().await;
        world.place_order(order_of_one_line("PF-1"));
        world.place_order(order_of_one_line("PF-2"));
        world.poll_and_work().await;
        world.stack.call_api("POST", "/api/connections/shop/deactivate", &Value::Null).await.unwrap();
        world.clock.advance_by(SignedDuration::from_hours(8 * 24));
        world.productflow.ship_order("PF-1");
        world.place_order(order_of_one_line("PF-3"));
        world.place_order(order_of_one_line("PF-4").with_status("cancelled"));
        let path = "/api/connections/shop/activate";
        let (status, answer) = world.stack.call_api("POST", path, &Value::Null).await.unwrap();
        assert_eq!((status, error_code(&answer)), (409, "catch_up_needed"));
        assert_eq!(
            answer["error"]["details"],
            json!([{"orders": 2, "total_cents": 2 * 5998, "complete": true}])
        );
        let (status, answer) =
            world.stack.call_api("POST", path, &json!({"catch_up": catch_up})).await.unwrap();
        assert_eq!(status, 200, "{answer}");
        world.poll_for_minutes(15).await;
        let states = [
            world.order_state("PF-1").await,
            world.order_state("PF-2").await,
            world.order_state("PF-3").await,
        ];
        if catch_up {
            assert_eq!(states, ["invoiced", "booked", "booked"]);
        } else {
            assert_eq!(states, ["skipped", "booked", "skipped"]);
            assert!(world.robaws.invoices().is_empty());
            assert_eq!(world.robaws.stock_changes().len(), 2);
        }
        // What was left alone stays so; what comes now is booked.
        world.place_order(order_of_one_line("PF-5"));
        world.poll_for_minutes(10).await;
        assert_eq!(world.order_state("PF-5").await, "booked");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_take_effect_on_the_next_effect_and_wake_what_waited() {
    let world = World::new().await;
    world.robaws.put_client("7", "Other");
    world.place_order(order_of_one_line("PF-1").with_line("B-1", 1, 349, Some("7")));
    world.robaws.remove_record(Module::StockLocations, demo::STOCK_LOCATION);
    world.poll_for_minutes(30).await;
    assert_eq!(world.problem_codes("PF-1").await, ["setting_gone"]);
    let patch = |body: Value| {
        let stack = &world.stack;
        async move { stack.call_api("PATCH", "/api/connections/shop", &body).await.unwrap() }
    };
    let (status, answer) = patch(json!({"settings": {"stock_location_id": "77"}})).await;
    assert_eq!((status, error_code(&answer)), (422, "settings_refused"));
    assert_eq!(refused_fields(&answer), ["settings.stock_location_id"]);
    let (status, answer) = patch(json!({"settings": {"stock_location_id": null}})).await;
    assert_eq!((status, refused_fields(&answer)), (422, vec!["settings.stock_location_id"]));
    let (status, answer) = patch(json!({"settings": {"stock_location_id": "4"}, "language": "fr"})).await;
    assert_eq!((status, &answer["language"]), (200, &json!("fr")), "{answer}");
    assert_eq!(answer["settings"]["b2c_client_id"], demo::B2C_CLIENT, "the rest is kept");
    world.poll_and_work().await;
    assert_eq!(world.order_state("PF-1").await, "booked", "woken by the change, not by its round");
    assert_eq!(world.robaws.stock_at("12", "4"), Decimal::from(-2));
    // What is booked stays where it was booked.
    let (status, _) = patch(json!({"settings": {"b2c_client_id": "7"}})).await;
    assert_eq!(status, 200);
    world.productflow.cancel_order("PF-1");
    world.poll_for_minutes(10).await;
    assert_eq!(world.robaws.stock_at("12", "4"), Decimal::ZERO);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_company_is_fixed_and_credentials_of_another_tenant_are_refused() {
    let world = World::new().await;
    let other = world.stack.robaws.tenant_named("other");
    other.add_admin("other-key", "other-secret").put_stock_location("3", "Depot");
    world.place_order(order_of_one_line("PF-1"));
    world.poll_and_work().await;
    let patch = |body: Value| {
        let stack = &world.stack;
        async move { stack.call_api("PATCH", "/api/connections/shop", &body).await.unwrap() }
    };
    let (status, answer) = patch(json!({"productflow": {"company_id": 43}})).await;
    assert_eq!((status, error_code(&answer)), (409, "company_is_fixed"));
    let (status, _) = patch(json!({"productflow": {"company_id": demo::COMPANY}})).await;
    assert_eq!(status, 200, "the same company is no change");
    let (status, answer) = patch(json!({"robaws": {"key": "other-key", "secret": "other-secret"}})).await;
    assert_eq!((status, error_code(&answer)), (422, "other_robaws_tenant"));
    let (status, answer) = patch(json!({"robaws": {"key": demo::ROBAWS_KEY, "secret": "typo"}})).await;
    assert_eq!((status, refused_fields(&answer)), (422, vec!["robaws.key"]));
    let (status, answer) = patch(json!({"productflow": {"access_token": "typo"}})).await;
    assert_eq!((status, refused_fields(&answer)), (422, vec!["productflow.access_token"]));
    world.robaws.add_admin("second-key", "second-secret");
    let (status, _) = patch(json!({"robaws": {"key": "second-key", "secret": "second-secret"}})).await;
    assert_eq!(status, 200);
    world.robaws.remove_user(demo::ROBAWS_KEY);
    world.productflow.ship_order("PF-1");
    world.poll_for_minutes(10).await;
    assert_eq!(world.order_state("PF-1").await, "invoiced");
    assert!(other.stock_changes().is_empty() && other.invoices().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_credentials_end_needs_credentials_at_once() {
    let world = World::new().await;
    world.stack.productflow.revoke_token(demo::TOKEN);
    world.poll_for_minutes(10).await;
    let get = || async {
        let (_, shown) = world.stack.call_api("GET", "/api/connections/shop", &Value::Null).await.unwrap();
        shown["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(get().await, "needs_credentials");
    world.productflow.add_token("fresh");
    let body = json!({"productflow": {"access_token": " fresh\n"}});
    let (status, answer) = world.stack.call_api("PATCH", "/api/connections/shop", &body).await.unwrap();
    assert_eq!((status, &answer["state"]), (200, &json!("active")));
    world.place_order(order_of_one_line("PF-1"));
    world.poll_and_work().await;
    assert_eq!(world.order_state("PF-1").await, "booked");
}

#[tokio::test]
async fn the_plan_shows_what_orders_would_do_without_doing_it() {
    let empty = Empty::open().await;
    empty.create_connection_as("shop", json!({})).await;
    let productflow = empty.stack.productflow.company_numbered(demo::COMPANY);
    let place = |order: simulators::OrderBuilder| {
        productflow.place_order(order.with_placed_at("2026-11-20T08:00:00Z"))
    };
    place(order_of_one_line("PF-1").with_shipping_cost(495));
    productflow.ship_order("PF-1");
    place(order_of_one_line("PF-2").with_line("A-9", 1, 100, None));
    place(order_of_one_line("PF-3").with_status("cancelled"));
    let path = "/api/connections/shop/plan";
    let (status, answer) = empty.call_api("GET", path, Value::Null).await;
    assert_eq!((status, &answer["truncated"]), (200, &json!(false)), "{answer}");
    let of = |id: &str| {
        let items = answer["items"].as_array().unwrap();
        items.iter().find(|item| item["identifier"] == id).unwrap().clone()
    };
    let shipped = of("PF-1");
    assert_eq!(shipped["effects"][0]["kind"], "stock_change");
    assert_eq!(shipped["effects"][0]["lines"], json!([{ "sku": "A-1", "article_id": "12", "quantity": 2 }]));
    let invoice = &shipped["effects"][1];
    assert_eq!(invoice["total_cents"], 5998 + 495);
    let total: i64 = invoice["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["quantity"].as_i64().unwrap() * line["price_cents"].as_i64().unwrap())
        .sum();
    assert_eq!(total, 5998 + 495);
    assert_eq!(invoice["lines"][0]["vat_percentage"], "21");
    let codes: Vec<Value> =
        of("PF-2")["problems"].as_array().unwrap().iter().map(|p| p["code"].clone()).collect();
    assert_eq!(codes, ["article_not_found", "vat_code_missing"]);
    assert_eq!(of("PF-3")["effects"], json!([]));
    assert_eq!(of("PF-3")["state"], "skipped");
    // Nothing was done, and nothing remembered.
    let robaws = empty.stack.robaws.tenant_named(demo::TENANT);
    assert_eq!((robaws.stock_changes().len(), robaws.invoices().len()), (0, 0));
    assert_eq!(
        empty.call_api("GET", "/api/connections/shop/orders", Value::Null).await.1["items"],
        json!([])
    );
    // Once active its own start counts, or the one that is asked for.
    assert_eq!(empty.call_api("POST", "/api/connections/shop/activate", Value::Null).await.0, 200);
    let (_, answer) = empty.call_api("GET", path, Value::Null).await;
    assert!(answer["items"].as_array().unwrap().iter().all(|item| item["effects"] == json!([])), "{answer}");
    let (_, answer) =
        empty.call_api("GET", &format!("{path}?limit=2&go_live=2026-11-01T00:00:00Z"), Value::Null).await;
    assert_eq!(answer["items"].as_array().unwrap().len(), 2);
    assert!(answer["items"].as_array().unwrap().iter().any(|item| item["effects"] != json!([])), "{answer}");
    for bad in ["?limit=51", "?go_live=yesterday"] {
        assert_eq!(empty.call_api("GET", &format!("{path}{bad}"), Value::Null).await.0, 400, "{bad}");
    }
    // What is not filled in yet is named.
    let bare = json!({ "id": "bare", "language": "en" });
    assert_eq!(empty.call_api("POST", "/api/connections", bare).await.0, 201);
    let (status, answer) = empty.call_api("GET", "/api/connections/bare/plan", Value::Null).await;
    assert_eq!((status, &answer["error"]["details"][0]["field"]), (422, &json!("robaws.key")));
}
