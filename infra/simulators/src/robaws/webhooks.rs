//! Answers calls of `/webhook-endpoints`, the addresses to which events are delivered.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::access::Refusal;
use super::fields::{self, Answer, Scene};
use super::lists::answer_list_page;
use super::model::WebhookEndpoint;
use crate::traffic::{Reply, Request};

const EVENTS: [&str; 3] = ["article.created", "article.updated", "article.stock-changed"];

pub(crate) fn answer_webhook_call(scene: &mut Scene<'_>, request: &Request, rest: &[&str]) -> Answer {
    match (&request.method, rest) {
        (&Method::GET, []) => {
            let rows = scene.data.endpoints.iter().map(render_endpoint).collect();
            answer_list_page(scene, request, rows)
        }
        (&Method::POST, []) => create_endpoint(scene, request),
        (&Method::DELETE, [id]) => {
            if let Some(status) = scene.settings.webhook_delete_refused {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
                return Err(Refusal::new(status, ""));
            }
            if scene.data.endpoints.remove(id) {
                Ok(Reply::without_body(StatusCode::NO_CONTENT))
            } else {
                Err(Refusal::not_found())
            }
        }
        _ => Err(super::no_such_method(rest.len() < 2)),
    }
}

fn render_endpoint(endpoint: &WebhookEndpoint) -> Value {
    json!({
        "id": endpoint.id,
        "url": endpoint.url,
        "events": endpoint.events,
        "createdAt": endpoint.created_at,
    })
}

fn create_endpoint(scene: &mut Scene<'_>, request: &Request) -> Answer {
    let body = fields::parse_object(request)?;
    scene.note_unknown_fields(&body, &["url", "events"]);
    let url = fields::required_text(&body, "url")?;
    if !Url::parse(&url).is_ok_and(|url| ["http", "https"].contains(&url.scheme())) {
        return Err(Refusal::bad_request(format!("url: {url} is no address")));
    }
    let Some(Value::Array(events)) = body.get("events") else {
        return Err(Refusal::bad_request("events: must be a list"));
    };
    let mut wanted = Vec::new();
    for event in events {
        match event.as_str().filter(|event| EVENTS.contains(event)) {
            Some(event) => wanted.push(event.to_owned()),
            None => return Err(Refusal::bad_request(format!("events: {event} is not known"))),
        }
    }
    if wanted.is_empty() {
        return Err(Refusal::bad_request("events: must not be empty"));
    }
    let endpoint = WebhookEndpoint {
        id: Uuid::new_v4().to_string(),
        url,
        events: wanted,
        secret: Uuid::new_v4().to_string(),
        suspended: false,
        failures: 0,
        created_at: scene.now,
    };
    let mut row = render_endpoint(&endpoint);
    row["secret"] = json!(endpoint.secret);
    scene.data.endpoints.insert(&endpoint.id.clone(), endpoint);
    Ok(Reply::json(StatusCode::CREATED, &row))
}
