//! Robaws: stock changes move exactly what they say, once booked, or nothing at all.

use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::ViolationKind;

use crate::support::{ids_of_items, start_bench};

fn stock_change_out(article: &Value, quantity: &Value) -> Value {
    json!({
        "date": "2026-11-23", "description": "Order PF-1", "fromStockLocationId": "3", "booked": true,
        "lineItems": [{"articleId": article, "quantity": quantity}],
    })
}

#[tokio::test]
async fn a_booked_change_moves_stock() {
    let bench = start_bench().await;
    let (status, made) = bench.post_robaws("/stock-changes", stock_change_out(&json!("12"), &json!(2))).await;
    assert_eq!(status, 201);
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["booked"], true);
    assert_eq!(made["description"], "Order PF-1");
    assert_eq!((&made["fromStockLocationId"], &made["toStockLocationId"]), (&json!("3"), &Value::Null));
    assert!(made.get("lineItems").is_none());
    assert_eq!(bench.tenant.stock_at("12", "3"), Decimal::from(23));

    let back = json!({
        "date": "2026-11-23", "toStockLocationId": "3", "booked": true,
        "lineItems": [{"articleId": "12", "quantity": 0.5}, {"articleId": "13", "quantity": 4}],
    });
    assert_eq!(bench.post_robaws("/stock-changes", back).await.0, 201);
    assert_eq!(bench.tenant.stock_at("12", "3"), Decimal::new(235, 1));
    assert_eq!(bench.tenant.stock_at("13", "3"), Decimal::from(4));

    let (_, read) = bench.get_robaws(&format!("/stock-changes/{id}?include=lineItems")).await;
    assert_eq!(read["lineItems"], json!([{"articleId": "12", "quantity": 2}]));
    assert_eq!(bench.tenant.stock_changes_of("PF-1").len(), 1);
    assert_eq!(bench.robaws.violations(), []);
}

#[tokio::test]
async fn a_transfer_moves_from_one_to_the_other() {
    let bench = start_bench().await;
    let mut body = stock_change_out(&json!("12"), &json!(5));
    body["toStockLocationId"] = json!("4");
    assert_eq!(bench.post_robaws("/stock-changes", body).await.0, 201);
    assert_eq!(bench.tenant.stock_at("12", "3"), Decimal::from(20));
    assert_eq!(bench.tenant.stock_at("12", "4"), Decimal::from(5));
}

#[tokio::test]
async fn an_unbooked_change_moves_nothing() {
    let bench = start_bench().await;
    for booked in [json!(false), Value::Null] {
        let mut body = stock_change_out(&json!("12"), &json!(2));
        body["booked"] = booked;
        let (status, made) = bench.post_robaws("/stock-changes", body).await;
        assert_eq!((status, &made["booked"]), (201, &json!(false)));
    }
    assert_eq!(bench.tenant.stock_at("12", "3"), Decimal::from(25));
    assert_eq!(bench.tenant.stock_changes().len(), 2);
    assert_eq!(bench.tenant.stock_changes_of("PF-1"), []);
}

#[tokio::test]
async fn a_change_with_anything_wrong_is_400_and_moves_nothing() {
    let bench = start_bench().await;
    bench.tenant.archive_article("13");
    let good = || stock_change_out(&json!("12"), &json!(2));
    let with = |field: &str, value: Value| {
        let mut body = good();
        body[field] = value;
        body
    };
    let two_lines = json!([{"articleId": "12", "quantity": 1}, {"articleId": "99", "quantity": 1}]);
    let mut same_place = with("toStockLocationId", json!("3"));
    same_place["fromStockLocationId"] = json!("3");
    for body in [
        stock_change_out(&json!("99"), &json!(1)),
        stock_change_out(&json!("13"), &json!(1)),
        stock_change_out(&json!("14"), &json!(1)),
        stock_change_out(&json!(12), &json!(1)),
        stock_change_out(&json!("12"), &json!(0)),
        stock_change_out(&json!("12"), &json!(-1)),
        stock_change_out(&json!("12"), &json!("1")),
        stock_change_out(&json!("12"), &Value::Null),
        stock_change_out(&Value::Null, &json!(1)),
        with("lineItems", two_lines),
        with("lineItems", json!([])),
        with("lineItems", Value::Null),
        with("fromStockLocationId", json!("99")),
        with("fromStockLocationId", json!(3)),
        with("fromStockLocationId", Value::Null),
        same_place,
        with("toStockLocationId", json!("99")),
        with("date", Value::Null),
        with("date", json!("2026-02-30")),
        with("date", json!("23-11-2026")),
        with("date", json!("2026-11-23T08:00:00Z")),
        with("booked", json!("true")),
        with("description", json!(1)),
    ] {
        assert_eq!(bench.post_robaws("/stock-changes", body.clone()).await.0, 400, "{body}");
    }
    let stock = bench.tenant.all_stock();
    assert_eq!(stock, [("12".to_owned(), "3".to_owned(), Decimal::from(25))]);
    assert_eq!(bench.tenant.stock_changes(), []);
    let kinds: Vec<_> = bench.robaws.violations().into_iter().map(|seen| seen.kind).collect();
    assert_eq!(kinds, [ViolationKind::IdNotString, ViolationKind::IdNotString]);
}

#[tokio::test]
async fn lists_show_lines_only_when_included() {
    let bench = start_bench().await;
    bench.post_robaws("/stock-changes", stock_change_out(&json!("12"), &json!(1))).await;
    bench.clock.advance_by(SignedDuration::from_hours(1));
    bench.post_robaws("/stock-changes", stock_change_out(&json!("12"), &json!(2))).await;
    let (_, page) = bench.get_robaws("/stock-changes").await;
    assert_eq!(ids_of_items(&page).len(), 2);
    assert!(page["items"][0].get("lineItems").is_none());
    assert_eq!(page["items"][0]["description"], "Order PF-1");
    let (_, page) =
        bench.get_robaws("/stock-changes?updatedFrom=2026-11-23T08:30:00Z&include=lineItems").await;
    assert_eq!(ids_of_items(&page).len(), 1);
    assert_eq!(page["items"][0]["lineItems"], json!([{"articleId": "12", "quantity": 2}]));
    assert_eq!(bench.get_robaws("/stock-changes/1").await.0, 404);
}

#[tokio::test]
async fn stock_locations_are_a_page_of_names() {
    let bench = start_bench().await;
    let (_, page) = bench.get_robaws("/stock-locations").await;
    assert_eq!(page["items"], json!([{"id": "3", "name": "Depot"}, {"id": "4", "name": "Shop"}]));
    assert_eq!(bench.get_robaws("/stock-locations/4").await.1["name"], "Shop");
}
