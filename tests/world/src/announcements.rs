//! Announcements of Robaws, as its webhook sends them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::World;

pub fn sign_delivery(secret: &str, at: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.").as_bytes());
    mac.update(body);
    format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()))
}

/// A delivery as API Gateway hands it on.
pub async fn deliver_announcement(
    world: &World,
    id: &str,
    header: Option<&str>,
    body: &[u8],
    encode: bool,
) -> u16 {
    let mut headers = json!({ "content-type": "application/json" });
    if let Some(header) = header {
        headers["robaws-signature"] = header.into();
    }
    let body = if encode { STANDARD.encode(body) } else { String::from_utf8(body.to_vec()).unwrap() };
    let path = format!("/webhooks/robaws/{id}");
    let event = json!({
        "version": "2.0", "routeKey": "POST /webhooks/robaws/{id}", "rawPath": path, "rawQueryString": "",
        "headers": headers, "pathParameters": { "id": id }, "body": body, "isBase64Encoded": encode,
        "requestContext": {
            "http": { "method": "POST", "path": path }, "stage": "$default", "domainName": "x.example", "requestId": "r",
        },
    });
    let (status, answer) = world.stack.call_http(event).await.unwrap();
    if status >= 400 {
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer["error"]["message"].is_string(), "{answer}");
    }
    status
}

pub fn announce_change(id: &str, article: &str) -> Vec<u8> {
    json!({ "id": id, "event": "article.updated", "data": { "id": article } }).to_string().into_bytes()
}
