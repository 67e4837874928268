//! Translates the HTTP event into a delivery, and the result into an answer.

use crate::config::Deps;
use crate::intake::{Refusal, accept_delivery};
use aws_lambda_events::event::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use domain::Language;
use domain::ids::ConnectionId;
use domain::problem::Args;
use domain::text;
use futures::FutureExt;
use http::{Method, StatusCode};
use lambda_runtime::{Error, LambdaEvent};
use runtime::error::Chain;
use runtime::http_event::{self, MalformedRequest};
use serde_json::json;
use std::panic::AssertUnwindSafe;
use tracing::Instrument;

/// Handles one HTTP request. A panic is answered with 500.
pub async fn handle_request(
    deps: &Deps,
    event: LambdaEvent<ApiGatewayV2httpRequest>,
) -> Result<ApiGatewayV2httpResponse, Error> {
    let LambdaEvent { payload, context } = event;
    let delivery = async {
        let mut event = payload;
        let answered = AssertUnwindSafe(Box::pin(answer_request(deps, &mut event))).catch_unwind().await;
        Ok(answered.unwrap_or_else(|_| {
            tracing::error!("a delivery panicked");
            error_answer(StatusCode::INTERNAL_SERVER_ERROR, "internal", "internal", Language::EN)
        }))
    };
    deps.invocations.run_invocation(&context, delivery).await
}

async fn answer_request(deps: &Deps, event: &mut ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
    let path = http_event::path_parts(event).unwrap_or_default();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let ["webhooks", "robaws", id] = path.as_slice() else {
        return error_answer(StatusCode::NOT_FOUND, "not_found", "no_route", Language::EN);
    };
    if event.request_context.http.method != Method::POST {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        return error_answer(status, "method_not_allowed", "no_route", Language::EN);
    }
    let body = match http_event::take_body(event) {
        Ok(body) => body,
        Err(MalformedRequest::TooLarge) => {
            return error_answer(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "too_large", Language::EN);
        }
        Err(MalformedRequest::Base64 | MalformedRequest::Path) => {
            return error_answer(StatusCode::BAD_REQUEST, "bad_request", "not_json", Language::EN);
        }
    };
    let signature = event.headers.get("robaws-signature").and_then(|value| value.to_str().ok());
    let span = tracing::info_span!("delivery", connection.id = %loggable_id(id));
    match accept_delivery(deps, id, signature, &body).instrument(span.clone()).await {
        Ok(()) => http_event::json_response(StatusCode::ACCEPTED, &json!({ "status": "accepted" })),
        Err(refused) => span.in_scope(|| answer_refusal(&refused)),
    }
}

/// The id as logs may show it. Anybody may call with anything in place of an id.
fn loggable_id(id: &str) -> &str {
    if ConnectionId::parse(id).is_ok() { id } else { "none" }
}

fn answer_refusal(refused: &Refusal) -> ApiGatewayV2httpResponse {
    let status = refused.status();
    if status.is_server_error() {
        tracing::error!(error = %Chain(refused), "a delivery could not be taken in");
    } else {
        tracing::warn!(http.status = status.as_u16(), error = %refused, "a delivery was refused");
    }
    let (code, text, language) = match refused {
        Refusal::NoActiveConnection => ("not_found", "no_route", Language::EN),
        Refusal::Signature(language) => ("unauthorized", "signature", *language),
        Refusal::NotJson(language) => ("bad_request", "not_json", *language),
        Refusal::Store(_) | Refusal::Secret(_) | Refusal::Queue(_) => ("internal", "internal", Language::EN),
    };
    error_answer(status, code, text, language)
}

fn error_answer(status: StatusCode, code: &str, key: &str, language: Language) -> ApiGatewayV2httpResponse {
    let message = text::render_api_error(key, &Args::new(), language);
    http_event::json_response(status, &json!({ "error": { "code": code, "message": message } }))
}
