//! A request as the simulators see it, read whole, and the reply they give.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::DropConnection;

/// A request with its body, its path and query decoded.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The path below the peer's base path, percent-decoded, with a leading `/`.
    pub(crate) path: String,
    /// The parts of the path as it was sent, each decoded by itself.
    raw_segments: Vec<String>,
    /// The query as sent.
    pub(crate) raw_query: String,
    /// The query as name and value, decoded, in the order sent.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn new(
        method: Method,
        uri: &Uri,
        base: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Option<Self> {
        let below = uri.path().strip_prefix(base)?;
        if !(below.is_empty() || below.starts_with('/')) {
            return None;
        }
        let path = percent_decode_str(below).decode_utf8().ok()?.into_owned();
        let raw_query = uri.query().unwrap_or_default().to_owned();
        let query = url::form_urlencoded::parse(raw_query.as_bytes()).into_owned().collect();
        let raw_segments = below.trim_matches('/').split('/');
        let raw_segments = raw_segments.map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned());
        Some(Self { method, path, raw_segments: raw_segments.collect(), raw_query, query, headers, body })
    }

    /// A header as text; `None` when it is absent or not printable.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The media type of the body in lower case, without parameters.
    pub(crate) fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The first value of a query parameter.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The parts of the decoded path; a `/` that was percent-encoded separates like any other.
    pub(crate) fn segments(&self) -> Vec<&str> {
        self.path.trim_matches('/').split('/').collect()
    }

    /// The parts of the path as it was sent. A `/` that was percent-encoded stays in its part, as in an order's identifier.
    pub(crate) fn raw_segments(&self) -> Vec<&str> {
        self.raw_segments.iter().map(String::as_str).collect()
    }

    pub(crate) fn body_text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What goes back: a response, or nothing but the end of the connection.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) dropped: bool,
}

impl Reply {
    pub(crate) fn without_body(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new(), dropped: false }
    }

    pub(crate) fn json(status: StatusCode, body: &Value) -> Self {
        let mut reply = Self::without_body(status);
        reply.body = Bytes::from(body.to_string());
        reply.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        reply
    }

    pub(crate) fn html(status: StatusCode, body: &str) -> Self {
        let mut reply = Self::without_body(status);
        reply.body = Bytes::from(body.to_owned());
        reply.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=UTF-8"));
        reply
    }

    /// No answer: the connection ends.
    pub(crate) fn no_answer() -> Self {
        Self { dropped: true, ..Self::without_body(StatusCode::INTERNAL_SERVER_ERROR) }
    }

    /// Sets a header; a name or value that HTTP does not allow is left out.
    pub(crate) fn set_header(&mut self, name: &str, value: &str) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            self.headers.insert(name, value);
        }
    }

    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.set_header(name, value);
        self
    }

    pub(crate) fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if self.dropped {
            response.extensions_mut().insert(DropConnection);
        }
        response
    }
}
