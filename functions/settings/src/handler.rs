//! Translates the HTTP event and the answer; nothing else.

use crate::api_error::ApiError;
use crate::config::Deps;
use crate::request::Request;
use crate::{pages, route};
use aws_lambda_events::event::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use futures::FutureExt;
use http::{HeaderValue, StatusCode, header};
use lambda_runtime::{Error, LambdaEvent};
use runtime::http_event;
use serde_json::Value;
use std::panic::AssertUnwindSafe;
use tokio::time::Instant;

/// A status and a body; none with 204.
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Value,
}

impl Reply {
    /// 200.
    pub fn ok(body: Value) -> Self {
        Self {
            status: StatusCode::OK,
            body,
        }
    }
}

/// One request.
pub async fn handle(
    deps: &Deps,
    event: LambdaEvent<ApiGatewayV2httpRequest>,
) -> Result<ApiGatewayV2httpResponse, Error> {
    let began = Instant::now();
    let method = event.payload.request_context.http.method.clone();
    let request = Request::read(event.payload);
    if let Ok(request) = &request
        && !route::is_api(request)
    {
        let shown = AssertUnwindSafe(Box::pin(pages::answer(deps, request)))
            .catch_unwind()
            .await;
        let Ok(answer) = shown else {
            tracing::error!("a page panicked");
            let error = ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal");
            return Ok(response(error.status(), &error.body()));
        };
        let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(http.method = %method, http.status = answer.status().as_u16(), took_ms = took, "page answered");
        return Ok(answer.into_response());
    }
    let answered = match request {
        Ok(request) => AssertUnwindSafe(Box::pin(route::answer(deps, &request)))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| {
                tracing::error!("a request panicked");
                Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal"))
            }),
        Err(error) => Err(error),
    };
    let (status, body) = match answered {
        Ok(reply) => (reply.status, reply.body),
        Err(error) => (error.status(), error.body()),
    };
    let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let code = body.pointer("/error/code").and_then(Value::as_str);
    tracing::info!(http.method = %method, http.status = status.as_u16(), error.code = code, took_ms = took, "answered");
    Ok(response(status, &body))
}

fn response(status: StatusCode, body: &Value) -> ApiGatewayV2httpResponse {
    let mut response = http_event::json(status, body);
    if status == StatusCode::UNAUTHORIZED {
        let bearer = HeaderValue::from_static("Bearer");
        response.headers.insert(header::WWW_AUTHENTICATE, bearer);
    }
    response
}
