//! Robaws: webhooks as they are delivered.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use simulators::{Server, spawn_server};
use tokio::sync::Notify;

use crate::support::{Bench, start_bench};
use runtime::clock::Clock as _;

/// What a receiver got, and what it answers.
#[derive(Clone)]
pub(crate) struct Receiver {
    got: Arc<Mutex<Vec<(String, String)>>>,
    answer: Arc<Mutex<(u16, Duration)>>,
    came: Arc<Notify>,
}

async fn receive_delivery(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let signature = headers["robaws-signature"].to_str().unwrap().to_owned();
    assert_eq!(headers["content-type"], "application/json");
    receiver.got.lock().unwrap().push((signature, String::from_utf8(body.to_vec()).unwrap()));
    receiver.came.notify_one();
    let (status, delay) = *receiver.answer.lock().unwrap();
    tokio::time::sleep(delay).await;
    StatusCode::from_u16(status).unwrap()
}

impl Receiver {
    pub(crate) async fn start_receiver(bench: &Bench) -> (Self, Server, String) {
        let receiver = Self {
            got: Arc::default(),
            answer: Arc::new(Mutex::new((202, Duration::ZERO))),
            came: Arc::default(),
        };
        let router = Router::new().fallback(receive_delivery).with_state(receiver.clone());
        let server = spawn_server(router).await.unwrap();
        let events = json!(["article.created", "article.updated", "article.stock-changed"]);
        let (_, made) = bench
            .post_robaws(
                "/webhook-endpoints",
                json!({"url": format!("{}/hook", server.url()), "events": events}),
            )
            .await;
        (receiver, server, made["secret"].as_str().unwrap().to_owned())
    }

    pub(crate) fn received_bodies(&self) -> Vec<Value> {
        self.got.lock().unwrap().iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect()
    }

    fn answer_with(&self, status: u16, delay: Duration) {
        *self.answer.lock().unwrap() = (status, delay);
    }
}

fn rename_article(bench: &Bench, name: &str) {
    assert!(bench.tenant.edit_article("12", |article| article.name = Some(name.to_owned())));
}

#[tokio::test]
async fn a_delivery_is_signed_over_time_and_raw_body() {
    let bench = start_bench().await;
    let (receiver, _server, secret) = Receiver::start_receiver(&bench).await;
    rename_article(&bench, "New");
    let records = bench.robaws.deliver_webhooks().await;
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].event.as_str(), records[0].status), ("article.updated", Some(202)));
    let (signature, body) = receiver.got.lock().unwrap()[0].clone();
    let seconds = bench.clock.now().as_second();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{seconds}.{body}").as_bytes());
    assert_eq!(signature, format!("t={seconds},v1={}", hex::encode(mac.finalize().into_bytes())));
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["event"], &body["id"]), (&json!("article.updated"), &json!(records[0].event_id)));
    assert_eq!((&body["data"]["id"], &body["data"]["name"]), (&json!("12"), &json!("New")));
    assert_eq!(body["data"]["extraFields"]["ProductFlow"]["booleanValue"], true);
    assert_eq!(bench.robaws.waiting_deliveries(), 0);
}

#[tokio::test]
async fn which_changes_fire_and_which_do_not() {
    let bench = start_bench().await;
    let (receiver, _server, _) = Receiver::start_receiver(&bench).await;
    bench.tenant.create_article(simulators::robaws::Article::new("30", "C-1"));
    bench.patch_robaws("/articles/13", json!({"name": "New"})).await;
    let body = json!({
        "date": "2026-11-23", "fromStockLocationId": "3", "booked": true,
        "lineItems": [{"articleId": "12", "quantity": 2}],
    });
    bench.post_robaws("/stock-changes", body.clone()).await;
    let mut unbooked = body;
    unbooked["booked"] = json!(false);
    bench.post_robaws("/stock-changes", unbooked).await;
    bench.tenant.archive_article("13");
    bench.tenant.remove_article("13");
    bench.tenant.edit_article_silently("12", |article| article.name = None);
    bench.robaws.deliver_webhooks().await;
    let seen: Vec<_> = receiver
        .received_bodies()
        .iter()
        .map(|body| format!("{} {}", body["event"].as_str().unwrap(), body["data"]["id"].as_str().unwrap()))
        .collect();
    assert_eq!(seen, ["article.created 30", "article.updated 13", "article.stock-changed 12"]);
}

#[tokio::test]
async fn payloads_can_lack_numbers_and_names() {
    let bench = start_bench().await;
    let (receiver, _server, _) = Receiver::start_receiver(&bench).await;
    bench.tenant.set_stock("12", "3", 7);
    bench.tenant.change_settings(|settings| {
        settings.webhook_without_numbers = false;
        settings.webhook_guid_keys = true;
    });
    bench.tenant.set_stock("12", "3", 8);
    bench.robaws.deliver_webhooks().await;
    let bodies = receiver.received_bodies();
    assert!(bodies[0]["data"].get("availableStock").is_none());
    assert_eq!(bodies[1]["data"]["availableStock"], 8);
    let extra = bodies[1]["data"]["extraFields"].as_object().unwrap();
    assert!(!extra.contains_key("ProductFlow") && extra.len() == 1, "{extra:?}");
}

#[tokio::test]
async fn deliveries_repeat_and_come_out_of_order() {
    let bench = start_bench().await;
    let (receiver, _server, _) = Receiver::start_receiver(&bench).await;
    bench.tenant.change_settings(|settings| {
        settings.webhook_repeat = true;
        settings.webhook_reorder = true;
    });
    rename_article(&bench, "One");
    rename_article(&bench, "Two");
    bench.robaws.deliver_webhooks().await;
    let bodies = receiver.received_bodies();
    let names: Vec<_> = bodies.iter().map(|body| body["data"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Two", "Two", "One", "One"]);
    let ids: BTreeSet<_> = bodies.iter().map(|body| body["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 2);
}

#[tokio::test]
async fn a_failure_is_retried_and_an_endpoint_that_keeps_failing_is_suspended() {
    let bench = start_bench().await;
    let (receiver, _server, _) = Receiver::start_receiver(&bench).await;
    bench.tenant.change_settings(|settings| {
        settings.webhook_retry_delays_ms = vec![0, 0];
        settings.webhook_suspend_after = 2;
    });
    receiver.answer_with(500, Duration::ZERO);
    for round in ["One", "Two"] {
        rename_article(&bench, round);
        for attempt in 0..3 {
            assert_eq!(bench.robaws.deliver_webhooks().await.len(), 1, "{round} {attempt}");
        }
        assert_eq!(bench.robaws.waiting_deliveries(), 0);
    }
    assert_eq!(receiver.received_bodies().len(), 6);
    assert_eq!(receiver.received_bodies()[0]["id"], receiver.received_bodies()[2]["id"]);
    assert!(bench.tenant.webhook_endpoints()[0].suspended);
    // Silently: nothing is even queued any more, and the API does not say so.
    rename_article(&bench, "Three");
    assert_eq!(bench.robaws.waiting_deliveries(), 0);
    assert!(bench.get_robaws("/webhook-endpoints").await.1["items"][0].get("suspended").is_none());
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_a_failure() {
    let bench = start_bench().await;
    let (receiver, _server, _) = Receiver::start_receiver(&bench).await;
    assert_eq!(bench.tenant.settings().webhook_timeout_ms, 2_000);
    bench.tenant.change_settings(|settings| settings.webhook_timeout_ms = 50);
    receiver.answer_with(202, Duration::from_mins(1));
    rename_article(&bench, "New");
    assert_eq!(bench.robaws.deliver_webhooks().await[0].status, None);
    assert_eq!(bench.robaws.waiting_deliveries(), 1);
}

#[tokio::test]
async fn a_task_delivers_by_itself() {
    let bench = start_bench().await;
    let (receiver, _server, _) = Receiver::start_receiver(&bench).await;
    let task = tokio::spawn(bench.robaws.clone().run_deliveries());
    rename_article(&bench, "New");
    let delivered = receiver.came.notified();
    tokio::time::timeout(Duration::from_secs(10), delivered).await.unwrap();
    task.abort();
}
