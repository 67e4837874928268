//! A request as the routes read it, made from the event of API Gateway (HTTP API, payload format 2.0).

use crate::api_error::ApiError;
use aws_lambda_events::event::apigw::ApiGatewayV2httpRequest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use domain::ids::OrderIdentifier;
use http::{HeaderMap, Method, StatusCode, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use runtime::http_event::{self, MalformedRequest};
use serde_json::Value;

/// Characters that are percent-encoded in one part of a path.
const ESCAPED_IN_PATH_PART: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Recorded as the actor of what is decided through the API.
const OPERATOR: &str = "operator";
/// Recorded as the actor of what is decided through the pages.
const MERCHANT: &str = "merchant";

#[derive(Debug)]
pub struct Request {
    pub method: Method,
    /// The parts of the path between slashes, percent-decoded.
    pub path: Vec<String>,
    /// Names and values of the query, decoded, in the order of the query.
    pub query: Vec<(String, String)>,
    /// The body, base64 already decoded; at most 256 KiB.
    pub body: Bytes,
    /// `https://` and the domain that the request was sent to, without a path.
    pub own_url: Option<String>,
    /// IP address of the caller, as API Gateway saw it.
    pub source_ip: Option<String>,
    /// `operator` or `merchant`: recorded with every decision on an order.
    pub by: &'static str,
    headers: HeaderMap,
    cookies: Vec<String>,
}

impl Request {
    /// Reads the event of API Gateway: 400 when path or body is malformed, 413 when the body is over 256 KiB.
    pub fn from_event(mut event: ApiGatewayV2httpRequest) -> Result<Self, ApiError> {
        let malformed = |error: MalformedRequest| match error {
            MalformedRequest::Path => ApiError::bad_request("path", "is not UTF-8"),
            MalformedRequest::Base64 => ApiError::bad_request("body", "is not base64"),
            MalformedRequest::TooLarge => ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
        };
        let path = http_event::path_parts(&event).map_err(malformed)?;
        let body = http_event::take_body(&mut event).map_err(malformed)?;
        let query = url::form_urlencoded::parse(event.raw_query_string.unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
        let domain = event.request_context.domain_name.or_else(|| {
            let host = event.headers.get(header::HOST)?;
            host.to_str().ok().map(str::to_owned)
        });
        Ok(Self {
            method: event.request_context.http.method,
            path,
            query,
            body,
            own_url: domain.map(|domain| format!("https://{domain}")),
            by: OPERATOR,
            source_ip: event.request_context.http.source_ip,
            headers: event.headers,
            cookies: event.cookies.unwrap_or_default(),
        })
    }

    /// The request that asks the API for what a form asks for: this request with `body` in place of the form, acting as merchant.
    pub fn to_api_request(&self, body: &Value) -> Self {
        Self {
            method: self.method.clone(),
            path: self.path.clone(),
            query: Vec::new(),
            body: Bytes::from(body.to_string()),
            own_url: self.own_url.clone(),
            by: MERCHANT,
            source_ip: self.source_ip.clone(),
            headers: HeaderMap::new(),
            cookies: Vec::new(),
        }
    }

    /// The token of `Authorization: Bearer`.
    pub fn bearer_token(&self) -> Option<&str> {
        let value = self.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// The path, encoded again, and the query without its parameter `done`, whose message is shown only once.
    pub fn path_and_query(&self) -> String {
        let mut text = String::new();
        for part in &self.path {
            text.push('/');
            text.extend(utf8_percent_encode(part, ESCAPED_IN_PATH_PART));
        }
        let kept = self.query.iter().filter(|(name, _)| name != "done");
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept);
        let query = query.finish();
        if !query.is_empty() {
            text.push('?');
            text.push_str(&query);
        }
        text
    }

    /// The value of a header; `None` when it is absent or is not text.
    pub fn header_text(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The value of a cookie. API Gateway hands cookies on separately from the other headers; both places are searched.
    pub fn cookie_value(&self, name: &str) -> Option<&str> {
        let header = self.header_text(header::COOKIE.as_str());
        let all =
            self.cookies.iter().map(String::as_str).chain(header).flat_map(|cookies| cookies.split(';'));
        all.filter_map(|cookie| cookie.trim().split_once('='))
            .find_map(|(known, value)| (known == name).then_some(value))
    }

    /// The first parameter of the query with this name. An empty value counts as absent.
    pub fn query_parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The value of `?limit=`, from 1 to `most`.
    pub fn parse_limit(&self, default: usize, most: usize) -> Result<usize, ApiError> {
        let Some(text) = self.query_parameter("limit") else {
            return Ok(default);
        };
        text.parse()
            .ok()
            .filter(|limit| (1..=most).contains(limit))
            .ok_or_else(|| ApiError::bad_request("limit", format!("must be a number from 1 to {most}")))
    }
}

/// The part of a path that addresses an order, ready to stand in a link. [`decode_order_identifier`] reads it back.
///
/// `.` and `..` are encoded because browsers resolve them, and `month` because `/orders/month` is another page.
pub fn encode_order_identifier(identifier: &OrderIdentifier) -> String {
    let text = identifier.as_str();
    let is_plain = !text.starts_with('~')
        && !text.contains(['/', '?', '#', '%', '\\'])
        && !matches!(text, "." | ".." | "month");
    if is_plain {
        utf8_percent_encode(text, ESCAPED_IN_PATH_PART).to_string()
    } else {
        format!("~{}", URL_SAFE_NO_PAD.encode(text))
    }
}

/// Reads an order's identifier from the path: plain text, or `~` followed by base64url without padding.
pub fn decode_order_identifier(part: &str) -> Result<OrderIdentifier, ApiError> {
    let bad = |reason: &str| ApiError::bad_request("identifier", reason);
    let text = match part.strip_prefix('~') {
        None => part.to_owned(),
        Some(encoded) => {
            let bytes = URL_SAFE_NO_PAD
                .decode(encoded)
                .map_err(|_| bad("is not base64url without padding after its ~"))?;
            String::from_utf8(bytes).map_err(|_| bad("is not UTF-8"))?
        }
    };
    OrderIdentifier::parse(text).map_err(|error| bad(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use rstest::rstest;
    use runtime::http_event::MOST_BODY_BYTES;
    use serde_json::json;

    fn build_event(path: &str, body: &str, base64: bool) -> ApiGatewayV2httpRequest {
        serde_json::from_value(json!({
            "version": "2.0", "rawPath": path, "rawQueryString": "q=a%20b&limit=5", "headers": {"authorization": "bearer  t "},
            "requestContext": {"http": {"method": "GET"}, "stage": "$default", "domainName": "x.example"},
            "body": body, "isBase64Encoded": base64,
        }))
        .unwrap()
    }

    #[rstest]
    #[case("/api/connections/shop/orders/PF 1", &["api", "connections", "shop", "orders", "PF 1"])]
    #[case("/api/connections/shop/orders/PF%201", &["api", "connections", "shop", "orders", "PF 1"])]
    #[case("/api/..//é", &["api", "..", "", "é"])]
    #[case("", &[])]
    fn paths_come_decoded_or_not(#[case] path: &str, #[case] parts: &[&str]) {
        assert_eq!(Request::from_event(build_event(path, "", false)).unwrap().path, parts);
    }

    #[test]
    fn what_a_request_holds_is_read() {
        let request = Request::from_event(build_event("/", "e30=", true)).unwrap();
        assert_eq!(request.body, "{}");
        assert_eq!(request.bearer_token(), Some("t"));
        assert_eq!(request.query_parameter("q"), Some("a b"));
        assert_eq!(request.parse_limit(50, 100).unwrap(), 5);
        assert!(request.parse_limit(50, 4).is_err());
        assert_eq!(request.own_url.as_deref(), Some("https://x.example"));
        assert_eq!(
            Request::from_event(build_event("/", "!", true)).unwrap_err().status(),
            StatusCode::BAD_REQUEST
        );
    }

    #[rstest]
    #[case(false)]
    #[case(true)]
    fn a_body_over_256_kib_is_refused(#[case] base64: bool) {
        let text = "x".repeat(MOST_BODY_BYTES + 1);
        let body = if base64 { STANDARD.encode(&text) } else { text };
        let refused = Request::from_event(build_event("/", &body, base64)).unwrap_err();
        assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let text = "x".repeat(MOST_BODY_BYTES);
        let body = if base64 { STANDARD.encode(&text) } else { text };
        assert!(Request::from_event(build_event("/", &body, base64)).is_ok());
    }

    #[rstest]
    #[case("PF-1", "PF-1")]
    #[case("PF 1 ü", "PF%201%20%C3%BC")]
    #[case("PF/1", "~UEYvMQ")]
    #[case("100%", "~MTAwJQ")]
    #[case("~1", "~fjE")]
    #[case("..", "~Li4")]
    #[case("month", "~bW9udGg")]
    fn a_link_leads_to_its_order(#[case] identifier: &str, #[case] part: &str) {
        let identifier = OrderIdentifier::parse(identifier).unwrap();
        assert_eq!(encode_order_identifier(&identifier), part);
        let path = Request::from_event(build_event(&format!("/{part}"), "", false)).unwrap().path;
        assert_eq!(decode_order_identifier(&path[0]).unwrap(), identifier);
    }

    #[rstest]
    #[case("PF-1", Some("PF-1"))]
    #[case("~UEYvMQ", Some("PF/1"))]
    #[case("~fg", Some("~"))]
    #[case("~UEYvMQ==", None)]
    #[case("~", None)]
    #[case("", None)]
    fn identifiers_are_plain_or_base64url(#[case] part: &str, #[case] expected: Option<&str>) {
        let read = decode_order_identifier(part).ok();
        assert_eq!(read.as_ref().map(OrderIdentifier::as_str), expected);
    }
}
