//! What Robaws announces: only what its webhook signed comes in, and a burst of it ends with both peers equal.

use crate::catalogue::{Catalogue, euros};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use sha2::Sha256;
use simulators::demo;
use simulators::robaws::Article;

const ARTICLES: &str = "articles.fifo";

pub(crate) fn signature(secret: &str, at: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.").as_bytes());
    mac.update(body);
    format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()))
}

/// A delivery as API Gateway hands it on.
pub(crate) async fn deliver(
    shop: &Catalogue,
    id: &str,
    header: Option<&str>,
    body: &[u8],
    encode: bool,
) -> u16 {
    let mut headers = json!({ "content-type": "application/json" });
    if let Some(header) = header {
        headers["robaws-signature"] = header.into();
    }
    let body = if encode {
        STANDARD.encode(body)
    } else {
        String::from_utf8(body.to_vec()).unwrap()
    };
    let path = format!("/webhooks/robaws/{id}");
    let event = json!({
        "version": "2.0", "routeKey": "POST /webhooks/robaws/{id}", "rawPath": path, "rawQueryString": "",
        "headers": headers, "pathParameters": { "id": id }, "body": body, "isBase64Encoded": encode,
        "requestContext": {
            "http": { "method": "POST", "path": path }, "stage": "$default", "domainName": "x.example", "requestId": "r",
        },
    });
    let (status, answer) = shop.stack.call_http(event).await.unwrap();
    if status >= 400 {
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer["error"]["message"].is_string(), "{answer}");
    }
    status
}

pub(crate) fn event(id: &str, article: &str) -> Vec<u8> {
    json!({ "id": id, "event": "article.updated", "data": { "id": article } })
        .to_string()
        .into_bytes()
}

#[tokio::test]
async fn only_what_the_webhook_signed_comes_in() {
    let shop = Catalogue::open().await;
    let secret = shop.robaws.webhook_endpoints()[0].secret.clone();
    let now = shop.now().as_second();
    let body = event("e-1", "12");
    let good = signature(&secret, now, &body);
    for (header, expected) in [
        (None, 401),
        (Some("nonsense".to_owned()), 401),
        (Some(signature("another secret", now, &body)), 401),
        (Some(signature(&secret, now - 301, &body)), 401),
        (Some(signature(&secret, now + 301, &body)), 401),
        (Some(signature(&secret, now, b"{}")), 401),
    ] {
        assert_eq!(
            deliver(&shop, "shop", header.as_deref(), &body, false).await,
            expected,
            "{header:?}"
        );
    }
    assert_eq!(deliver(&shop, "nobody", Some(&good), &body, false).await, 404);
    assert_eq!(deliver(&shop, "NOT an id", Some(&good), &body, false).await, 404);
    let large = format!("{{\"id\":\"{}\"}}", "x".repeat(1 << 20)).into_bytes();
    let signed = signature(&secret, now, &large);
    for encode in [true, false] {
        assert_eq!(deliver(&shop, "shop", Some(&signed), &large, encode).await, 413);
    }
    let signed = signature(&secret, now, b"<html>");
    assert_eq!(deliver(&shop, "shop", Some(&signed), b"<html>", false).await, 400);
    for other in [
        &br#"{"id":"x","event":"client.updated","data":{"id":"12"}}"#[..],
        b"{}",
        b"[1]",
    ] {
        let signed = signature(&secret, now, other);
        assert_eq!(deliver(&shop, "shop", Some(&signed), other, false).await, 202);
    }
    assert!(shop.stack.aws.queues.messages(ARTICLES).is_empty());
    // Several signatures, an encoded body, and a repeat that changes nothing.
    let header = format!("v0=1,v1={},{good}", "0".repeat(64));
    assert_eq!(deliver(&shop, "shop", Some(&header), &body, true).await, 202);
    assert_eq!(deliver(&shop, "shop", Some(&good), &body, false).await, 202);
    let queued = shop.stack.aws.queues.messages(ARTICLES);
    assert_eq!(queued.len(), 1);
    assert_eq!(queued[0].group, "shop");
    shop.post("deactivate", json!({})).await;
    assert_eq!(deliver(&shop, "shop", Some(&good), &body, false).await, 404);
}

#[tokio::test]
async fn the_secret_of_another_merchant_opens_nothing() {
    let shop = Catalogue::open().await;
    let (other, _) = shop.second_merchant().await;
    let theirs = other.webhook_endpoints()[0].secret.clone();
    let body = event("e-1", "12");
    let signed = signature(&theirs, shop.now().as_second(), &body);
    assert_eq!(deliver(&shop, "shop", Some(&signed), &body, false).await, 401);
    assert_eq!(deliver(&shop, "other", Some(&signed), &body, false).await, 202);
    // The same event id of two merchants is two events.
    let ours = shop.robaws.webhook_endpoints()[0].secret.clone();
    let signed = signature(&ours, shop.now().as_second(), &body);
    assert_eq!(deliver(&shop, "shop", Some(&signed), &body, false).await, 202);
    assert_eq!(shop.stack.aws.queues.messages(ARTICLES).len(), 2);
}

#[tokio::test]
async fn an_event_without_its_article_is_taken_and_left_to_the_night() {
    let shop = Catalogue::open().await;
    let secret = shop.robaws.webhook_endpoints()[0].secret.clone();
    let body = br#"{"id":"e","event":"article.updated","data":{}}"#;
    let signed = signature(&secret, shop.now().as_second(), body);
    assert_eq!(deliver(&shop, "shop", Some(&signed), body, false).await, 202);
    assert!(shop.stack.aws.queues.messages(ARTICLES).is_empty());
}

/// Within the limits that Robaws really has: 15 requests a second, by the machine's clock.
#[tokio::test(flavor = "multi_thread")]
async fn a_burst_delivered_thrice_and_shuffled_ends_equal_without_a_single_429() {
    const TICKED: usize = 120;
    const CHANGED: usize = 40;
    let mut rng = StdRng::seed_from_u64(7);
    let shop = Catalogue::empty().await;
    for n in 0..TICKED {
        let article = Article::new(&format!("{}", 1000 + n), &format!("SKU-{n}"))
            .ticked(true)
            .tariff("7");
        shop.robaws
            .put_article(article.prices(euros(100 + i64::try_from(n).unwrap()), euros(200)));
        shop.robaws
            .set_stock(&format!("{}", 1000 + n), demo::STOCK_LOCATION, 5);
    }
    shop.create(json!({ "send_sale_price": true })).await;
    shop.activate().await;
    shop.settle().await;
    shop.assert_equal(true);
    assert_eq!(shop.writes().len(), 2 * (TICKED + 3));
    shop.clear_calls();
    let secret = shop.robaws.webhook_endpoints()[0].secret.clone();
    let mut events = Vec::new();
    for n in 0..CHANGED {
        let id = format!("{}", 1000 + n);
        let cost = euros(rng.random_range(1..9_999));
        shop.robaws
            .edit_article_silently(&id, |article| article.cost_price = cost);
        for _ in 0..3 {
            events.push(event(&format!("event-{n}"), &id));
        }
    }
    events.shuffle(&mut rng);
    for body in &events {
        let signed = signature(&secret, shop.now().as_second(), body);
        assert_eq!(deliver(&shop, "shop", Some(&signed), body, false).await, 202);
    }
    shop.settle().await;
    shop.assert_equal(true);
    // No write that changed nothing, one look for each.
    assert_eq!(shop.writes().len(), CHANGED);
    let (robaws, _) = shop.calls();
    assert!(robaws <= 2 * CHANGED, "{robaws} calls");
    let refused = |call: &simulators::Call| call.outcome == simulators::Outcome::Answered(429);
    assert_eq!(
        shop.stack
            .robaws
            .calls()
            .iter()
            .filter(|call| refused(call))
            .count(),
        0
    );
    shop.assert_clean();
}
