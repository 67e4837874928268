//! A server in the place of the API: it gives prepared answers and keeps the requests.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use simulators::{Server, spawn};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// A request that the mock received.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Value,
    pub(crate) token: String,
}

/// Status and body of an answer.
pub(crate) type Answered = (u16, Value);

#[derive(Default)]
struct Inside {
    asked: Vec<Asked>,
    answers: VecDeque<Answered>,
}

pub(crate) struct Mock {
    pub(crate) server: Server,
    inside: Arc<Mutex<Inside>>,
}

impl Mock {
    /// A mock that gives these answers in their order, and then 200 with an empty list.
    pub(crate) async fn answering(answers: impl IntoIterator<Item = Answered>) -> Self {
        let inside = Arc::new(Mutex::new(Inside {
            asked: Vec::new(),
            answers: answers.into_iter().collect(),
        }));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&inside));
        let server = spawn(router).await.unwrap();
        Self { server, inside }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.inside.lock().unwrap().asked.clone()
    }
}

async fn answer(
    State(inside): State<Arc<Mutex<Inside>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut inside = inside.lock().unwrap();
    let token = headers
        .get("authorization")
        .and_then(|token| token.to_str().ok())
        .unwrap_or_default();
    inside.asked.push(Asked {
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
