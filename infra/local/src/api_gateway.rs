//! API Gateway in front of the functions web and article-push: HTTP requests become HTTP API events (payload 2.0) with decoded
//! paths, as on AWS, and the functions' answers become HTTP responses.

use crate::sqs::{self, Queues};
use anyhow::{Context as _, anyhow};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Request, Response, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_runtime::{Context, LambdaEvent};
use percent_encoding::percent_decode_str;
use runtime::clock::{Clock, SystemClock};
use serde_json::{Map, Value, json};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Longest time that API Gateway gives a function for its answer.
const TIME_LIMIT: Duration = Duration::from_secs(29);
/// Bytes of a request's body that API Gateway takes at most.
const MOST_BYTES: usize = 10 * 1024 * 1024;

/// The functions behind the HTTP API.
#[derive(Clone)]
pub struct HttpFunctions {
    /// The function for the merchant's pages, `/api` and `/health`.
    pub web: web::Deps,
    /// The function for `/webhooks/robaws/{id}`.
    pub article_push: article_push::Deps,
}

/// The functions, empty until they are wired: their wiring needs the API's URL, which is known only once the server listens.
pub type WiredFunctions = Arc<OnceLock<HttpFunctions>>;

/// The routes of the HTTP API. SQS is reached beside them, so that the command line reaches the queues of a stack that runs in
/// another process.
pub fn build_router(functions: WiredFunctions, queues: Queues) -> Router {
    Router::new()
        .fallback(forward_request)
        .with_state(functions)
        .nest_service("/_local/sqs", sqs::build_router(queues))
}

async fn forward_request(State(functions): State<WiredFunctions>, request: Request<Body>) -> Response<Body> {
    let answered = match functions.get() {
        Some(functions) => answer_request(functions, request).await,
        None => Err(anyhow!("not wired yet")),
    };
    match answered {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the API failed");
            let body = json!({ "message": "Internal Server Error" }).to_string();
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}

async fn answer_request(functions: &HttpFunctions, request: Request<Body>) -> anyhow::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MOST_BYTES).await else {
        let mut response = Response::new(Body::from(json!({ "message": "Request Too Long" }).to_string()));
        *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return Ok(response);
    };
    let mut headers = Map::new();
    for name in parts.headers.keys() {
        let values: Vec<&str> =
            parts.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        // API Gateway hands cookies over in a field of their own.
        if *name != header::COOKIE {
            headers.insert(name.as_str().to_owned(), Value::from(values.join(",")));
        }
    }
    let cookies: Vec<String> = parts
        .headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split("; "))
        .map(str::to_owned)
        .collect();
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let mut event = build_event(
        parts.method.as_str(),
        parts.uri.path(),
        parts.uri.query().unwrap_or_default(),
        &headers,
        host,
        &body,
    )?;
    if !cookies.is_empty() {
        event["cookies"] = Value::from(cookies);
    }
    let answered = functions.invoke_http(event).await?;
    let status = u16::try_from(answered["statusCode"].as_u64().unwrap_or(500))?;
    let mut response = Response::builder().status(status);
    for (name, value) in answered["headers"].as_object().into_iter().flatten() {
        response = response.header(name, value.as_str().unwrap_or_default());
    }
    for cookie in answered["cookies"].as_array().into_iter().flatten() {
        response = response.header(header::SET_COOKIE, cookie.as_str().unwrap_or_default());
    }
    let body = answered["body"].as_str().unwrap_or_default().to_owned();
    Ok(response.body(Body::from(body))?)
}

/// The event that API Gateway makes of a request.
pub fn build_event(
    method: &str,
    path: &str,
    query: &str,
    headers: &Map<String, Value>,
    host: &str,
    body: &Bytes,
) -> anyhow::Result<Value> {
    let decoded = percent_decode_str(path).decode_utf8().context("the path is not UTF-8")?;
    let first = decoded.trim_start_matches('/').split('/').next().unwrap_or_default();
    let route = match first {
        "webhooks" => "POST /webhooks/robaws/{id}",
        "api" => "ANY /api/{proxy+}",
        _ => "$default",
    };
    let (text, encoded) = match std::str::from_utf8(body) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (STANDARD.encode(body), true),
    };
    Ok(json!({
        "version": "2.0", "routeKey": route, "rawPath": decoded, "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000", "apiId": "local", "domainName": host, "domainPrefix": "local",
            "http": { "method": method, "path": decoded, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "local" },
            "requestId": uuid::Uuid::new_v4().to_string(), "routeKey": route, "stage": "$default",
            "time": SystemClock.now().strftime("%d/%b/%Y:%H:%M:%S %z").to_string(), "timeEpoch": SystemClock.now().as_millisecond(),
        },
        "pathParameters": { "proxy": decoded.trim_start_matches("/api/") },
        "body": text, "isBase64Encoded": encoded,
    }))
}

impl HttpFunctions {
    /// Invokes the function that the event's path belongs to, and returns status and body of its answer.
    pub async fn call_http(&self, event: Value) -> anyhow::Result<(u16, String)> {
        let response = self.invoke_http(event).await?;
        let status = response["statusCode"]
            .as_u64()
            .and_then(|status| u16::try_from(status).ok())
            .context("the answer has no statusCode")?;
        let body = response["body"].as_str().unwrap_or_default().to_owned();
        Ok((status, body))
    }

    /// Invokes the function that the event's path belongs to, and returns its answer as API Gateway gets it.
    pub async fn invoke_http(&self, event: Value) -> anyhow::Result<Value> {
        let mut context = Context::default();
        context.request_id = uuid::Uuid::new_v4().to_string();
        let end = SystemClock.now().checked_add(jiff::SignedDuration::try_from(TIME_LIMIT)?)?;
        context.deadline = u64::try_from(end.as_millisecond())?;
        // Two functions stand behind the API: article-push for webhooks, web for everything else.
        let is_webhook = event["rawPath"].as_str().is_some_and(|path| path.starts_with("/webhooks/"));
        let event = LambdaEvent::new(serde_json::from_value(event)?, context);
        let response = if is_webhook {
            let answered = article_push::handle_request(&self.article_push, event).await;
            answered.map_err(|error| anyhow!("article-push: {error}"))?
        } else {
            let answered = web::handle_request(&self.web, event).await;
            answered.map_err(|error| anyhow!("web: {error}"))?
        };
        Ok(serde_json::to_value(&response)?)
    }
}
