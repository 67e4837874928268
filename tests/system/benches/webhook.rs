//! How long a webhook's answer takes, warm: verified and queued, with the embedded DynamoDB, SQS and Secrets Manager behind it.
//! Robaws waits two seconds.

#![expect(clippy::unwrap_used, reason = "a benchmark that can't run says so")]

use criterion::{Criterion, criterion_group, criterion_main};
use hmac::{Hmac, KeyInit as _, Mac as _};
use local::Stack;
use runtime::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};
use sha2::Sha256;
use simulators::demo;
use std::sync::Arc;

async fn build_connected_stack() -> (Stack, String) {
    let stack = Stack::start_empty(Arc::new(SystemClock)).await.unwrap();
    demo::seed_demo_shop(&stack.robaws, &stack.productflow);
    local::runner::create_demo_connection(&stack).await.unwrap();
    stack.run_until_quiet().await.unwrap();
    let endpoints = stack.robaws.tenant_named(demo::TENANT).webhook_endpoints();
    let secret = endpoints[0].secret.clone();
    (stack, secret)
}

/// A delivery as API Gateway hands it on, each with an event of its own.
fn make_delivery(secret: &str) -> Value {
    let id = uuid::Uuid::new_v4().to_string();
    let data = json!({ "id": "12", "articleNumber": "A-1", "name": "x".repeat(2_000) });
    let body = json!({ "id": id, "event": "article.updated", "data": data }).to_string();
    let at = SystemClock.now().as_second();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.{body}").as_bytes());
    let signature = format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()));
    let path = format!("/webhooks/robaws/{}", local::runner::CONNECTION);
    json!({
        "version": "2.0", "routeKey": "POST /webhooks/robaws/{id}", "rawPath": path, "rawQueryString": "",
        "headers": { "robaws-signature": signature }, "body": body, "isBase64Encoded": false,
        "requestContext": {
            "http": { "method": "POST", "path": path }, "stage": "$default", "domainName": "x.example", "requestId": "r",
        },
    })
}

fn measure_webhook(criterion: &mut Criterion) {
    let tokio = tokio::runtime::Runtime::new().unwrap();
    let (stack, secret) = tokio.block_on(build_connected_stack());
    criterion.bench_function("webhook answer, warm", |bencher| {
        bencher.to_async(&tokio).iter_batched(
            || make_delivery(&secret),
            |event| async {
                let (status, _) = stack.call_http(event).await.unwrap();
                assert_eq!(status, 202);
            },
            criterion::BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, measure_webhook);
criterion_main!(benches);
