//! ProductFlow: the list of orders and one order.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use simulators::OrderBuilder;
use simulators::productflow::{Envelope, Sort};

use crate::support::{Bench, read_answer, start_bench};

fn place_orders(bench: &Bench, identifiers: &[&str]) {
    for identifier in identifiers {
        bench.company.place_order(OrderBuilder::new(identifier).with_line("A-1", 2, 5998, Some("7")));
        bench.clock.advance_by(SignedDuration::from_mins(1));
    }
}

fn identifiers_of_rows(rows: &Value) -> Vec<&str> {
    rows.as_array().unwrap().iter().map(|order| order["identifier"].as_str().unwrap()).collect()
}

async fn list_identifiers(bench: &Bench, query: &str) -> Vec<String> {
    let (status, body) = bench.get_productflow(&format!("order?{query}")).await;
    assert_eq!(status, 200, "{body}");
    identifiers_of_rows(&body["data"]).into_iter().map(str::to_owned).collect()
}

const NEWEST: &str = "sort%5B0%5D=-updated_at";

#[tokio::test]
async fn an_order_as_productflow_shows_it() {
    let bench = start_bench().await;
    bench.company.place_order(
        OrderBuilder::new("PF-1")
            .with_line("A-1", 2, 5998, Some("7"))
            .with_fbm_line("B-1", 1, 100, None)
            .with_shipping_cost(495),
    );
    let (status, body) = bench.get_productflow("order/PF-1").await;
    let order = &body["data"];
    assert_eq!((status, &order["identifier"], &order["status"]), (200, &json!("PF-1"), &json!("open")));
    assert_eq!(order["placed_at"], "2026-11-23T08:00:00Z");
    assert_eq!((&order["shipping_cost"], &order["discount_price"]), (&json!(495), &json!(0)));
    assert_eq!(
        order["lines"][0],
        json!({
            "id": "1", "sku": "A-1", "ean": null, "title": "Title of A-1", "quantity": 2, "price": 5998,
            "vat_code": "7", "fbm": false,
        })
    );
    assert_eq!((&order["lines"][1]["id"], &order["lines"][1]["fbm"]), (&json!("2"), &json!(true)));
    assert_eq!(order["billing_customer"]["country_code"], "BE");
    let (_, list) = bench.get_productflow("order").await;
    assert_eq!(&list["data"][0], order);
}

#[tokio::test]
async fn the_life_of_an_order() {
    let bench = start_bench().await;
    place_orders(&bench, &["PF-1"]);
    bench.company.set_status("PF-1", "accepted");
    bench.clock.advance_by(SignedDuration::from_mins(1));
    assert!(bench.company.ship_order("PF-1"));
    let (_, body) = bench.get_productflow("order/PF-1").await;
    assert_eq!(
        (&body["data"]["status"], &body["data"]["shipped_at"]),
        (&json!("shipped"), &json!("2026-11-23T08:02:00Z"))
    );
    assert_eq!(body["data"]["updated_at"], "2026-11-23T08:02:00Z");
    bench.company.edit_order("PF-1", |order| order["lines"][0]["quantity"] = json!(5));
    assert!(bench.company.cancel_order("PF-1"));
    let (_, body) = bench.get_productflow("order/PF-1").await;
    assert_eq!(
        (&body["data"]["status"], &body["data"]["lines"][0]["quantity"]),
        (&json!("cancelled"), &json!(5))
    );
    assert!(bench.company.remove_order("PF-1"));
    assert_eq!(bench.get_productflow("order/PF-1").await.0, 404);
    assert_eq!(list_identifiers(&bench, "").await, Vec::<String>::new());
    assert!(!bench.company.ship_order("PF-1"));
}

#[tokio::test]
async fn identifiers_are_opaque() {
    let bench = start_bench().await;
    for (identifier, encoded) in [("PF 1#2", "PF%201%232"), ("a/b?c", "a%2Fb%3Fc"), ("é%20", "%C3%A9%2520")]
    {
        bench.company.place_order(OrderBuilder::new(identifier).with_line("A-1", 1, 1, None));
        let (status, body) = bench.get_productflow(&format!("order/{encoded}")).await;
        assert_eq!((status, &body["data"]["identifier"]), (200, &json!(identifier)));
    }
    let (status, body) = bench.get_productflow("order/PF-9").await;
    assert_eq!((status, body), (404, json!({"message": "No query results for model [Order]."})));
    assert_eq!(bench.productflow_request(Method::PUT, "order/a").send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn pages_count_from_1_and_have_15_rows() {
    let bench = start_bench().await;
    let all: Vec<String> = (1..=32).map(|number| format!("PF-{number}")).collect();
    place_orders(&bench, &all.iter().map(String::as_str).collect::<Vec<_>>());
    let (_, first) = bench.get_productflow("order").await;
    assert_eq!(identifiers_of_rows(&first["data"]).len(), 15);
    let meta = &first["meta"];
    assert_eq!(
        (&meta["current_page"], &meta["last_page"], &meta["per_page"], &meta["total"]),
        (&json!(1), &json!(3), &json!(15), &json!(32))
    );
    assert_eq!((&first["links"]["prev"], &meta["from"], &meta["to"]), (&Value::Null, &json!(1), &json!(15)));
    assert!(first["links"]["next"].as_str().unwrap().ends_with("/api/v1/order?page=2"));
    let (_, last) = bench.get_productflow("order?page=3").await;
    assert_eq!((identifiers_of_rows(&last["data"]).len(), &last["links"]["next"]), (2, &Value::Null));
    let (_, beyond) = bench.get_productflow("order?page=4").await;
    assert_eq!((&beyond["data"], &beyond["meta"]["from"]), (&json!([]), &Value::Null));
    bench.company.change_settings(|settings| settings.max_per_page = 20);
    let (_, capped) = bench.get_productflow("order?per_page=50").await;
    assert_eq!((identifiers_of_rows(&capped["data"]).len(), &capped["meta"]["per_page"]), (20, &json!(20)));
    for wrong in ["page=0", "page=x", "per_page=0"] {
        let (status, body) = bench.get_productflow(&format!("order?{wrong}")).await;
        assert_eq!(status, 422);
        assert!(body["message"].is_string() && body["errors"].is_object(), "{body}");
    }
}

#[tokio::test]
async fn other_envelopes() {
    let bench = start_bench().await;
    place_orders(&bench, &["PF-1", "PF-2"]);
    bench.company.change_settings(|settings| settings.envelope = Envelope::TopLevel);
    let (_, body) = bench.get_productflow("order?per_page=1").await;
    assert_eq!(
        (identifiers_of_rows(&body["data"]), &body["last_page"], &body["total"]),
        (vec!["PF-1"], &json!(2), &json!(2))
    );
    assert!(body["next_page_url"].is_string() && body.get("meta").is_none());
    bench.company.change_settings(|settings| settings.envelope = Envelope::BareArray);
    let (_, body) = bench.get_productflow("order?per_page=1&page=2").await;
    assert_eq!(identifiers_of_rows(&body), ["PF-2"]);
    assert_eq!(bench.get_productflow("order?per_page=1&page=3").await.1, json!([]));
}

#[tokio::test]
async fn status_filters() {
    let bench = start_bench().await;
    place_orders(&bench, &["PF-1", "PF-2", "PF-3"]);
    bench.company.ship_order("PF-2");
    bench.company.cancel_order("PF-3");
    assert_eq!(list_identifiers(&bench, "").await, ["PF-1", "PF-2", "PF-3"]);
    assert_eq!(list_identifiers(&bench, "status%5B%5D=shipped").await, ["PF-2"]);
    assert_eq!(
        list_identifiers(&bench, "status%5B0%5D=open&status%5B1%5D=cancelled").await,
        ["PF-1", "PF-3"]
    );
    bench.company.change_settings(|settings| settings.ignore_status_filter = true);
    assert_eq!(list_identifiers(&bench, "status%5B%5D=shipped").await.len(), 3);
}

#[tokio::test]
async fn sorting_is_honoured_ignored_or_refused() {
    let bench = start_bench().await;
    place_orders(&bench, &["PF-1", "PF-2", "PF-3", "PF-4", "PF-5", "PF-6"]);
    bench.company.edit_order("PF-2", |order| order["shipping_cost"] = json!(1));
    assert_eq!(list_identifiers(&bench, NEWEST).await, ["PF-2", "PF-6", "PF-5", "PF-4", "PF-3", "PF-1"]);
    assert_eq!(
        list_identifiers(&bench, "sort%5B%5D=placed_at").await,
        ["PF-1", "PF-2", "PF-3", "PF-4", "PF-5", "PF-6"]
    );
    assert_eq!(bench.get_productflow("order?sort%5B0%5D=colour").await.0, 422);
    bench.company.change_settings(|settings| settings.sort = Sort::Ignored);
    let mut scattered = list_identifiers(&bench, NEWEST).await;
    assert_ne!(scattered, ["PF-2", "PF-6", "PF-5", "PF-4", "PF-3", "PF-1"]);
    assert_eq!(list_identifiers(&bench, NEWEST).await, scattered);
    scattered.sort();
    assert_eq!(scattered, ["PF-1", "PF-2", "PF-3", "PF-4", "PF-5", "PF-6"]);
    bench.company.change_settings(|settings| settings.sort = Sort::Refused);
    assert_eq!(bench.get_productflow(&format!("order?{NEWEST}")).await.0, 422);
    assert_eq!(bench.get_productflow("order").await.0, 200);
}

#[tokio::test]
async fn sorting_compares_moments_and_not_texts() {
    let bench = start_bench().await;
    for (identifier, at) in [
        ("A", "2026-11-23T09:30:00+02:00"),
        ("B", "2026-11-23T08:00:00Z"),
        ("C", "2026-11-23T09:15:00+01:00"),
    ] {
        bench.company.place_order(OrderBuilder::new(identifier).with_field("updated_at", at));
    }
    assert_eq!(list_identifiers(&bench, NEWEST).await, ["C", "B", "A"]);
}

#[tokio::test]
async fn the_list_can_lag_behind_the_detail() {
    let bench = start_bench().await;
    place_orders(&bench, &["PF-1"]);
    bench.company.change_settings(|settings| settings.list_lag_ms = 60_000);
    bench.clock.advance_by(SignedDuration::from_mins(5));
    bench.company.ship_order("PF-1");
    bench.company.place_order(OrderBuilder::new("PF-2"));
    let status = async || bench.get_productflow("order").await.1["data"][0]["status"].clone();
    assert_eq!(status().await, "open");
    assert_eq!(list_identifiers(&bench, "").await, ["PF-1"]);
    assert_eq!(bench.get_productflow("order/PF-1").await.1["data"]["status"], "shipped");
    assert_eq!(bench.get_productflow("order/PF-2").await.0, 200);
    bench.clock.advance_by(SignedDuration::from_mins(1));
    assert_eq!(status().await, "shipped");
    assert_eq!(list_identifiers(&bench, "").await, ["PF-1", "PF-2"]);
    bench.company.remove_order("PF-2");
    assert_eq!(list_identifiers(&bench, "").await, ["PF-1", "PF-2"]);
    assert_eq!(bench.get_productflow("order/PF-2").await.0, 404);
}

#[tokio::test]
async fn the_list_can_stand_still() {
    let bench = start_bench().await;
    place_orders(&bench, &["PF-1"]);
    bench.company.change_settings(|settings| settings.list_frozen = true);
    bench.clock.advance_by(SignedDuration::from_hours(9));
    place_orders(&bench, &["PF-2"]);
    assert_eq!(list_identifiers(&bench, "").await, ["PF-1"]);
    bench.company.change_settings(|settings| settings.list_frozen = false);
    assert_eq!(list_identifiers(&bench, "").await, ["PF-1", "PF-2"]);
}

#[tokio::test]
async fn rows_shift_between_pages_when_asked_to() {
    let bench = start_bench().await;
    place_orders(&bench, &["PF-1", "PF-2", "PF-3", "PF-4"]);
    bench.company.change_settings(|settings| settings.page_drift = true);
    assert_eq!(list_identifiers(&bench, &format!("{NEWEST}&per_page=2")).await, ["PF-4", "PF-3"]);
    // PF-1 moved to the front: PF-3 comes again, and PF-1 is not on this page.
    assert_eq!(list_identifiers(&bench, &format!("{NEWEST}&per_page=2&page=2")).await, ["PF-3", "PF-2"]);
    assert_eq!(list_identifiers(&bench, &format!("{NEWEST}&per_page=2")).await, ["PF-1", "PF-4"]);
}

#[tokio::test]
async fn companies_see_nothing_of_each_other() {
    let bench = start_bench().await;
    place_orders(&bench, &["PF-1"]);
    bench
        .productflow
        .company_numbered(43)
        .add_token("token")
        .place_order(OrderBuilder::new("PF-1").with_status("cancelled"));
    let url = format!("{}/api/v1/order/PF-1", bench.productflow_server.url());
    let other = bench.http.get(url).bearer_auth("token").header("accept", "application/json");
    let (_, other) = read_answer(other.header("x-company-id", "43").send().await.unwrap()).await;
    assert_eq!(other["data"]["status"], "cancelled");
    assert_eq!(bench.get_productflow("order/PF-1").await.1["data"]["status"], "open");
}
