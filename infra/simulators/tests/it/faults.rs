//! Faults on demand and outages, at the connection and at the effect.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use runtime::clock::Clock as _;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::traffic::{Answer, Effect};
use simulators::{Fault, Gate, Outage, Outcome};

use crate::support::{Bench, read_answer, start_bench};

const CHANGES: &str = "/stock-changes";

fn stock_change_body(bench: &Bench, key: &str) -> RequestBuilder {
    bench.robaws_request(Method::POST, CHANGES).header("Idempotency-Key", key).json(&json!({
        "date": "2026-11-23", "description": "Order PF-1", "fromStockLocationId": "3", "booked": true,
        "lineItems": [{"articleId": "12", "quantity": 1}],
    }))
}

async fn send_stock_change(request: RequestBuilder) -> (u16, Value) {
    read_answer(request.send().await.unwrap()).await
}

fn stock_of_article(bench: &Bench) -> Decimal {
    bench.tenant.stock_at("12", "3")
}

#[tokio::test]
async fn dropped_before_the_effect() {
    let bench = start_bench().await;
    bench.robaws.add_fault(Fault::for_call("POST", CHANGES).drop_before());
    let error = stock_change_body(&bench, "k").send().await.unwrap_err();
    assert!(error.is_request(), "{error:?}");
    assert_eq!(stock_of_article(&bench), Decimal::from(25));
    let calls = bench.robaws.calls();
    assert_eq!((calls[0].outcome, calls[0].fault), (Outcome::Dropped, true));
    assert_eq!(send_stock_change(stock_change_body(&bench, "k")).await.0, 201);
    assert_eq!(stock_of_article(&bench), Decimal::from(24));
}

#[tokio::test]
async fn dropped_after_the_effect() {
    let bench = start_bench().await;
    bench.robaws.add_fault(Fault::for_call("POST", CHANGES).drop_after());
    assert!(stock_change_body(&bench, "k").send().await.is_err());
    assert_eq!(stock_of_article(&bench), Decimal::from(24));
    // The key finds the answer that was lost.
    assert_eq!(send_stock_change(stock_change_body(&bench, "k")).await.0, 201);
    assert_eq!(stock_of_article(&bench), Decimal::from(24));
    assert_eq!(bench.robaws.calls().len(), 2);
}

#[tokio::test]
async fn a_500_after_the_effect_is_not_remembered_and_a_502_is() {
    let bench = start_bench().await;
    bench.robaws.add_fault(Fault::for_call("POST", CHANGES).status_after(500));
    assert_eq!(send_stock_change(stock_change_body(&bench, "a")).await.0, 500);
    assert_eq!(stock_of_article(&bench), Decimal::from(24));
    assert_eq!(send_stock_change(stock_change_body(&bench, "a")).await.0, 201);
    assert_eq!(stock_of_article(&bench), Decimal::from(23));
    bench.robaws.clear_faults();
    bench.robaws.add_fault(Fault::for_call("POST", CHANGES).status_after(502));
    let response = stock_change_body(&bench, "b").send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/html; charset=UTF-8");
    assert_eq!(response.text().await.unwrap(), "<html><body><h1>502</h1></body></html>");
    assert_eq!(send_stock_change(stock_change_body(&bench, "b")).await.0, 201);
    assert_eq!(stock_of_article(&bench), Decimal::from(22));
}

#[tokio::test]
async fn an_answer_without_effect_spares_quota_and_key() {
    let bench = start_bench().await;
    let answer = Answer::with_json(429, json!({"error": "slow"})).with_header("Retry-After", "7");
    bench.robaws.add_fault(Fault::for_call("POST", CHANGES).with_effect(Effect::Answer(answer)));
    let response = stock_change_body(&bench, "k").send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "7");
    assert_eq!(read_answer(response).await, (429, json!({"error": "slow"})));
    assert_eq!(bench.tenant.used_today(), (0, 0));
    assert_eq!(send_stock_change(stock_change_body(&bench, "k")).await.0, 201);
}

#[tokio::test]
async fn a_truncated_answer_is_no_json() {
    let bench = start_bench().await;
    bench.robaws.add_fault(Fault::for_call("POST", CHANGES).truncate_answer());
    let response = stock_change_body(&bench, "k").send().await.unwrap();
    assert_eq!(response.status(), 201);
    let text = response.text().await.unwrap();
    assert!(text.starts_with('{') && serde_json::from_str::<Value>(&text).is_err(), "{text}");
    let (status, body) = send_stock_change(stock_change_body(&bench, "k")).await;
    assert_eq!((status, &body["booked"]), (201, &json!(true)));
    assert_eq!(stock_of_article(&bench), Decimal::from(24));
}

#[tokio::test]
async fn an_answer_can_be_patched() {
    let bench = start_bench().await;
    bench.robaws.add_fault(
        Fault::for_call("POST", CHANGES).patch_answer(json!({"booked": false, "description": null})),
    );
    let (status, body) = send_stock_change(stock_change_body(&bench, "k")).await;
    assert_eq!((status, &body["booked"]), (201, &json!(false)));
    assert!(body.get("description").is_none());
    assert_eq!(stock_of_article(&bench), Decimal::from(24));
}

#[tokio::test]
async fn a_call_goes_on_when_its_caller_has_gone() {
    let bench = start_bench().await;
    let gate = Gate::new();
    bench.robaws.add_fault(Fault::for_call("POST", CHANGES).hold_before(&gate));
    let error = stock_change_body(&bench, "k").timeout(Duration::from_millis(50)).send().await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(stock_of_article(&bench), Decimal::from(25));
    gate.open();
    bench.robaws.wait_until_idle().await;
    assert_eq!(stock_of_article(&bench), Decimal::from(24));
}

#[tokio::test]
async fn a_delay_takes_time_of_the_clock_alone() {
    let bench = start_bench().await;
    let hour = Duration::from_hours(1);
    let fault = Fault::for_call("POST", CHANGES).delay_before(hour).delay_after(hour);
    bench.robaws.add_fault(fault);
    let before = bench.clock.now();
    assert_eq!(send_stock_change(stock_change_body(&bench, "k")).await.0, 201);
    assert_eq!(bench.clock.now().duration_since(before).as_hours(), 2);
}

#[tokio::test]
async fn a_hook_runs_between_the_effect_and_the_answer() {
    let bench = start_bench().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (tenant, noted) = (bench.tenant.clone(), Arc::clone(&seen));
    let fault =
        Fault::for_call("POST", CHANGES).then(move || noted.lock().unwrap().push(tenant.stock_at("12", "3")));
    bench.robaws.add_fault(fault.drop_after());
    assert!(stock_change_body(&bench, "k").send().await.is_err());
    assert_eq!(*seen.lock().unwrap(), [Decimal::from(24)]);
}

#[tokio::test]
async fn a_delay_after_has_the_effect_first() {
    let bench = start_bench().await;
    bench.robaws.add_fault(Fault::for_call("POST", CHANGES).hold_after(&Gate::new()));
    let error = stock_change_body(&bench, "k").timeout(Duration::from_millis(200)).send().await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(stock_of_article(&bench), Decimal::from(24));
    assert_eq!(bench.robaws.calls()[0].outcome, Outcome::Running);
    // For as long as it runs its key is taken.
    assert_eq!(send_stock_change(stock_change_body(&bench, "k")).await.0, 409);
}

#[tokio::test]
async fn faults_choose_their_calls() {
    let bench = start_bench().await;
    bench
        .robaws
        .add_fault(Fault::for_call("GET", "/articles/*").at_nth_call(2).for_calls(2).answer_status(503));
    bench
        .robaws
        .add_fault(Fault::for_call("*", "/clients/**").of_tenant("other").until_cleared().answer_status(503));
    bench
        .robaws
        .add_fault(Fault::for_call("*", "**").whose_text_contains("PF-9").until_cleared().answer_status(504));
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(bench.get_robaws("/articles/12").await.0);
    }
    assert_eq!(seen, [200, 503, 503, 200]);
    assert_eq!(bench.get_robaws("/articles").await.0, 200);
    assert_eq!(bench.get_robaws("/clients").await.0, 200);
    bench.robaws.tenant_named("other").add_admin("k2", "s2");
    let url = format!("{}/api/v2/clients", bench.robaws_server.url());
    assert_eq!(bench.http.get(url).basic_auth("k2", Some("s2")).send().await.unwrap().status(), 503);
    assert_eq!(bench.get_robaws("/sales-invoices?clientReference=1%20(PF-9)").await.0, 504);
    assert_eq!(bench.post_robaws("/tasks", json!({"title": "Order PF-9"})).await.0, 504);
    assert_eq!(bench.tenant.tasks(), []);
    assert_eq!(bench.robaws.faults()[0].seen, 4);
    bench.robaws.clear_faults();
    assert_eq!(bench.post_robaws("/tasks", json!({"title": "Order PF-9"})).await.0, 201);
}

#[tokio::test]
async fn an_outage_of_the_whole_peer() {
    let bench = start_bench().await;
    bench.robaws.set_outage(Some(Outage::Drop));
    assert!(bench.robaws_request(Method::GET, "/articles").send().await.is_err());
    assert!(stock_change_body(&bench, "k").send().await.is_err());
    bench.robaws.set_outage(Some(Outage::Unavailable));
    let response = stock_change_body(&bench, "k").send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.text().await.unwrap().starts_with("<html>"));
    // The other peer has nothing to do with it.
    assert_eq!(bench.get_productflow("marketplace").await.0, 200);
    bench.robaws.set_outage(None);
    assert_eq!(stock_of_article(&bench), Decimal::from(25));
    assert_eq!(send_stock_change(stock_change_body(&bench, "k")).await.0, 201);
}

#[tokio::test]
async fn productflow_has_the_same_faults() {
    let bench = start_bench().await;
    bench.productflow.add_fault(Fault::for_call("GET", "/order").answer_status(500));
    bench.productflow.add_fault(Fault::for_call("GET", "/order").at_nth_call(2).drop_after());
    bench.productflow.add_fault(Fault::for_call("GET", "/order").at_nth_call(3).truncate_answer());
    assert_eq!(bench.get_productflow("order").await.0, 500);
    assert!(bench.productflow_request(Method::GET, "order").send().await.is_err());
    assert_eq!(bench.get_productflow("order").await, (200, Value::Null));
    assert_eq!(bench.get_productflow("order").await.1["data"], json!([]));
    bench.productflow.set_outage(Some(Outage::Drop));
    assert!(bench.productflow_request(Method::GET, "marketplace").send().await.is_err());
}
