//! The entry of every request: reads the HTTP event, hands it to the API or to the pages, and logs one line about the answer.

use crate::api_error::ApiError;
use crate::config::Deps;
use crate::request::Request;
use crate::{api_routes, pages};
use aws_lambda_events::event::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use domain::ids::{ConnectionId, OrderIdentifier};
use futures::FutureExt;
use http::{HeaderValue, StatusCode, header};
use lambda_runtime::{Error, LambdaEvent};
use runtime::http_event;
use serde_json::Value;
use std::panic::AssertUnwindSafe;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span};

/// An answer of the API.
pub(crate) struct Reply {
    pub status: StatusCode,
    /// JSON; `null` for a 204, which is sent without a body.
    pub body: Value,
}

impl Reply {
    /// A 200 with this body.
    pub(crate) fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body }
    }
}

/// Answers one invocation of the function, which is one HTTP request.
pub async fn handle_request(
    deps: &Deps,
    event: LambdaEvent<ApiGatewayV2httpRequest>,
) -> Result<ApiGatewayV2httpResponse, Error> {
    let LambdaEvent { payload, context } = event;
    let answering = async {
        // The span is created in here so that it lies inside the invocation's span.
        let span = tracing::info_span!(
            "request",
            http.method = %payload.request_context.http.method,
            connection.id = Empty,
            order.identifier = Empty,
        );
        Ok(Box::pin(answer_request(deps, payload)).instrument(span).await)
    };
    deps.invocations.run_invocation(&context, answering).await
}

/// Adds the connection's id to all further log lines of this request.
pub(crate) fn name_connection_in_logs(id: &ConnectionId) {
    Span::current().record("connection.id", tracing::field::display(id));
}

/// Adds the order's identifier to all further log lines of this request.
pub(crate) fn name_order_in_logs(identifier: &OrderIdentifier) {
    Span::current().record("order.identifier", tracing::field::display(identifier));
}

async fn answer_request(deps: &Deps, event: ApiGatewayV2httpRequest) -> ApiGatewayV2httpResponse {
    let began = Instant::now();
    let request = Request::from_event(event);
    if let Ok(request) = &request
        && !api_routes::is_api_request(request)
    {
        // A panic is caught so that the caller gets a 500 and the process stays usable for the next request.
        let shown =
            AssertUnwindSafe(Box::pin(pages::answer_page_request(deps, request))).catch_unwind().await;
        let Ok(answer) = shown else {
            tracing::error!("a page panicked");
            let error = ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal");
            return build_json_response(error.status(), &error.to_json());
        };
        let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(http.status = answer.status().as_u16(), took_ms = took, "page answered");
        return answer.into_response();
    }
    let answered = match request {
        Ok(request) => AssertUnwindSafe(Box::pin(api_routes::answer_api_request(deps, &request)))
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
        Err(error) => (error.status(), error.to_json()),
    };
    let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let code = body.pointer("/error/code").and_then(Value::as_str);
    tracing::info!(http.status = status.as_u16(), error.code = code, took_ms = took, "answered");
    build_json_response(status, &body)
}

fn build_json_response(status: StatusCode, body: &Value) -> ApiGatewayV2httpResponse {
    let mut response = http_event::json_response(status, body);
    if status == StatusCode::UNAUTHORIZED {
        let bearer = HeaderValue::from_static("Bearer");
        response.headers.insert(header::WWW_AUTHENTICATE, bearer);
    }
    response
}
