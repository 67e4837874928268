//! A request as API Gateway hands it on (HTTP API, payload 2.0), and as the routes read it.

use crate::api_error::ApiError;
use aws_lambda_events::event::apigw::ApiGatewayV2httpRequest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use domain::ids::OrderIdentifier;
use http::{HeaderMap, Method, StatusCode, header};
use runtime::http_event::{self, Malformed};

/// A request.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The parts of the path, decoded.
    pub path: Vec<String>,
    /// The query, decoded, in its own order.
    pub query: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// `https://` and the domain that was called.
    pub own_url: Option<String>,
    headers: HeaderMap,
}

impl Request {
    /// Reads the event.
    pub fn read(mut event: ApiGatewayV2httpRequest) -> Result<Self, ApiError> {
        let malformed = |error: Malformed| match error {
            Malformed::Path => ApiError::bad_request("path", "is not UTF-8"),
            Malformed::Base64 => ApiError::bad_request("body", "is not base64"),
            Malformed::TooLarge => ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
        };
        let path = http_event::path(&event).map_err(malformed)?;
        let body = http_event::body(&mut event).map_err(malformed)?;
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
            headers: event.headers,
        })
    }

    /// The token of `Authorization: Bearer`.
    pub fn bearer(&self) -> Option<&str> {
        let value = self.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// A parameter of the query; an empty one counts as absent.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// `?limit=`, 1 to `most`.
    pub fn limit(&self, default: usize, most: usize) -> Result<usize, ApiError> {
        let Some(text) = self.parameter("limit") else {
            return Ok(default);
        };
        text.parse()
            .ok()
            .filter(|limit| (1..=most).contains(limit))
            .ok_or_else(|| ApiError::bad_request("limit", format!("must be a number from 1 to {most}")))
    }
}

/// An order identifier from the path: as it is, or `~` and its base64url without padding.
pub fn order_identifier(part: &str) -> Result<OrderIdentifier, ApiError> {
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
    use runtime::http_event::MOST_BYTES;
    use serde_json::json;

    fn event(path: &str, body: &str, base64: bool) -> ApiGatewayV2httpRequest {
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
        assert_eq!(Request::read(event(path, "", false)).unwrap().path, parts);
    }

    #[test]
    fn what_a_request_holds_is_read() {
        let request = Request::read(event("/", "e30=", true)).unwrap();
        assert_eq!(request.body, "{}");
        assert_eq!(request.bearer(), Some("t"));
        assert_eq!(request.parameter("q"), Some("a b"));
        assert_eq!(request.limit(50, 100).unwrap(), 5);
        assert!(request.limit(50, 4).is_err());
        assert_eq!(request.own_url.as_deref(), Some("https://x.example"));
        assert_eq!(
            Request::read(event("/", "!", true)).unwrap_err().status(),
            StatusCode::BAD_REQUEST
        );
    }

    #[rstest]
    #[case(false)]
    #[case(true)]
    fn a_body_over_256_kib_is_refused(#[case] base64: bool) {
        let text = "x".repeat(MOST_BYTES + 1);
        let body = if base64 { STANDARD.encode(&text) } else { text };
        let refused = Request::read(event("/", &body, base64)).unwrap_err();
        assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let text = "x".repeat(MOST_BYTES);
        let body = if base64 { STANDARD.encode(&text) } else { text };
        assert!(Request::read(event("/", &body, base64)).is_ok());
    }

    #[rstest]
    #[case("PF-1", Some("PF-1"))]
    #[case("~UEYvMQ", Some("PF/1"))]
    #[case("~fg", Some("~"))]
    #[case("~UEYvMQ==", None)]
    #[case("~", None)]
    #[case("", None)]
    fn identifiers_are_plain_or_base64url(#[case] part: &str, #[case] expected: Option<&str>) {
        let read = order_identifier(part).ok();
        assert_eq!(read.as_ref().map(OrderIdentifier::as_str), expected);
    }
}
