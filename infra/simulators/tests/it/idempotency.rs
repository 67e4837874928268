//! Robaws: one key, one effect.

use jiff::SignedDuration;
use reqwest::{Method, RequestBuilder};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::{Fault, Gate, ViolationKind};

use crate::support::{Bench, read_answer, start_bench};

fn stock_change_body(bench: &Bench, key: &str, quantity: u32) -> RequestBuilder {
    bench.robaws_request(Method::POST, "/stock-changes").header("Idempotency-Key", key).json(&json!({
        "date": "2026-11-23", "fromStockLocationId": "3", "booked": true,
        "lineItems": [{"articleId": "12", "quantity": quantity}],
    }))
}

async fn send_keyed(request: RequestBuilder) -> (u16, Value) {
    read_answer(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_success_is_replayed() {
    let bench = start_bench().await;
    let first = send_keyed(stock_change_body(&bench, "k", 2)).await;
    let second = send_keyed(stock_change_body(&bench, "k", 2)).await;
    assert_eq!(first.0, 201);
    assert_eq!(second, first);
    assert_eq!(bench.tenant.stock_at("12", "3"), Decimal::from(23));
    let replayed: Vec<_> = bench.robaws.calls().iter().map(|call| call.replayed).collect();
    assert_eq!(replayed, [false, true]);
    assert_eq!(bench.robaws.calls()[1].idempotency_key.as_deref(), Some("k"));
    assert_eq!(bench.robaws.violations(), []);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_a_violation() {
    let bench = start_bench().await;
    let first = send_keyed(stock_change_body(&bench, "k", 2)).await;
    assert_eq!(send_keyed(stock_change_body(&bench, "k", 3)).await, first);
    assert_eq!(bench.tenant.stock_at("12", "3"), Decimal::from(23));
    let seen = bench.robaws.violations();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].kind, ViolationKind::IdempotencyKeyReused);
    assert_eq!(seen[0].tenant.as_deref(), Some("acme"));
}

#[tokio::test]
async fn a_refusal_is_not_remembered() {
    let bench = start_bench().await;
    bench.tenant.archive_article("12");
    assert_eq!(send_keyed(stock_change_body(&bench, "k", 2)).await.0, 400);
    bench.tenant.restore_article("12");
    assert_eq!(send_keyed(stock_change_body(&bench, "k", 2)).await.0, 201);
    assert_eq!(bench.tenant.stock_at("12", "3"), Decimal::from(23));
}

#[tokio::test]
async fn keys_belong_to_an_api_user() {
    let bench = start_bench().await;
    bench.tenant.add_admin("key2", "secret2");
    assert_eq!(send_keyed(stock_change_body(&bench, "k", 2)).await.0, 201);
    let url = format!("{}/api/v2/stock-changes", bench.robaws_server.url());
    let mut request = stock_change_body(&bench, "k", 2).build().unwrap();
    *request.url_mut() = url.parse().unwrap();
    let other = bench.http.post(url).basic_auth("key2", Some("secret2"));
    let body = String::from_utf8(request.body().unwrap().as_bytes().unwrap().to_vec()).unwrap();
    let other = other.header("Idempotency-Key", "k").header("content-type", "application/json").body(body);
    assert_eq!(send_keyed(other).await.0, 201);
    assert_eq!(bench.tenant.stock_at("12", "3"), Decimal::from(21));
}

#[tokio::test]
async fn a_key_has_1_to_128_characters() {
    let bench = start_bench().await;
    assert_eq!(send_keyed(stock_change_body(&bench, &"x".repeat(129), 2)).await.0, 400);
    assert_eq!(send_keyed(stock_change_body(&bench, "", 2)).await.0, 400);
    assert_eq!(bench.tenant.stock_changes(), []);
    assert_eq!(send_keyed(stock_change_body(&bench, &"x".repeat(128), 2)).await.0, 201);
    let kinds: Vec<_> = bench.robaws.violations().into_iter().map(|seen| seen.kind).collect();
    assert_eq!(kinds, [ViolationKind::IdempotencyKeyInvalid; 2]);
}

#[tokio::test]
async fn a_key_is_forgotten_after_its_time() {
    let bench = start_bench().await;
    send_keyed(stock_change_body(&bench, "k", 2)).await;
    bench.clock.advance_by(SignedDuration::from_hours(23));
    send_keyed(stock_change_body(&bench, "k", 2)).await;
    assert_eq!(bench.tenant.stock_at("12", "3"), Decimal::from(23));
    bench.clock.advance_by(SignedDuration::from_hours(1));
    send_keyed(stock_change_body(&bench, "k", 2)).await;
    assert_eq!(bench.tenant.stock_at("12", "3"), Decimal::from(21));
}

#[tokio::test]
async fn while_the_first_runs_the_second_is_409() {
    let bench = start_bench().await;
    let gate = Gate::new();
    bench.robaws.add_fault(Fault::for_call("POST", "/stock-changes").hold_before(&gate));
    let first = tokio::spawn(stock_change_body(&bench, "k", 2).send());
    gate.wait_for_calls(1).await;
    assert_eq!(send_keyed(stock_change_body(&bench, "k", 2)).await.0, 409);
    assert_eq!(send_keyed(stock_change_body(&bench, "other", 1)).await.0, 201);
    gate.open();
    assert_eq!(first.await.unwrap().unwrap().status(), 201);
    assert_eq!(send_keyed(stock_change_body(&bench, "k", 2)).await.0, 201);
    assert_eq!(bench.tenant.stock_at("12", "3"), Decimal::from(22));
}

#[tokio::test]
async fn a_merge_patch_is_replayed_too() {
    let bench = start_bench().await;
    let patch = |name: &str| {
        let request = bench.robaws_request(Method::PATCH, "/articles/12").header("Idempotency-Key", "p");
        request.header("content-type", "application/merge-patch+json").body(json!({"name": name}).to_string())
    };
    assert_eq!(send_keyed(patch("One")).await.0, 204);
    bench.tenant.edit_article("12", |article| article.name = Some("Two".to_owned()));
    assert_eq!(send_keyed(patch("One")).await.0, 204);
    assert_eq!(bench.tenant.find_article("12").unwrap().name.as_deref(), Some("Two"));
}
