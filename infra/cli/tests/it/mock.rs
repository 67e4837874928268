//! A server in the place of the API: it gives prepared answers and keeps the requests.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use simulators::{Server, spawn_server};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// A request that the mock received.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReceivedRequest {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Value,
    pub(crate) token: String,
}

/// Status and body of an answer.
pub(crate) type MockAnswer = (u16, Value);

#[derive(Default)]
struct MockState {
    asked: Vec<ReceivedRequest>,
    answers: VecDeque<MockAnswer>,
}

pub(crate) struct Mock {
    pub(crate) server: Server,
    inside: Arc<Mutex<MockState>>,
}

impl Mock {
    /// A mock that gives these answers in their order, and then 200 with an empty list.
    pub(crate) async fn with_answers(answers: impl IntoIterator<Item = MockAnswer>) -> Self {
        let inside =
            Arc::new(Mutex::new(MockState { asked: Vec::new(), answers: answers.into_iter().collect() }));
        let router = Router::new().fallback(answer_request).with_state(Arc::clone(&inside));
        let server = spawn_server(router).await.unwrap();
        Self { server, inside }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) fn received_requests(&self) -> Vec<ReceivedRequest> {
        self.inside.lock().unwrap().asked.clone()
    }
}

async fn answer_request(
    State(inside): State<Arc<Mutex<MockState>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut inside = inside.lock().unwrap();
    let token = headers.get("authorization").and_then(|token| token.to_str().ok()).unwrap_or_default();
    inside.asked.push(ReceivedRequest {
        method: method.to_string(),
        path: uri.to_string(),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        token: token.to_owned(),
    });
    let nothing = || (200, json!({ "items": [], "cursor": null }));
    let (status, body) = inside.answers.pop_front().unwrap_or_else(nothing);
    let status = StatusCode::from_u16(status).unwrap();
    if body.is_null() {
        return status.into_response();
    }
    (status, body.to_string()).into_response()
}
