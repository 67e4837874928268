//! HTTP requests and answers as API Gateway passes them (HTTP API, payload 2.0).

use aws_lambda_events::encodings::Body;
use aws_lambda_events::event::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Largest request body, in bytes.
pub const MOST_BODY_BYTES: usize = 256 * 1024;

/// Why a request cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedRequest {
    #[error("the path is not UTF-8")]
    Path,
    /// The body is marked as base64 and is not.
    #[error("the body is not base64")]
    Base64,
    /// The body is larger than [`MOST_BODY_BYTES`].
    #[error("the body is larger than 256 KiB")]
    TooLarge,
}

/// The parts of the path, without the stage. API Gateway decodes the path; a path that is still encoded is
/// decoded here. Decoding twice changes nothing, since identifiers with a `%` are addressed in base64url.
///
/// # Errors
///
/// [`MalformedRequest::Path`] when a part is not UTF-8.
pub fn path_parts(event: &ApiGatewayV2httpRequest) -> Result<Vec<String>, MalformedRequest> {
    let raw = event.raw_path.as_deref().unwrap_or_default();
    let mut path = Vec::new();
    for part in raw.split('/').skip(1) {
        let decoded = percent_decode_str(part).decode_utf8().map_err(|_| MalformedRequest::Path)?;
        path.push(decoded.into_owned());
    }
    let stage = event.request_context.stage.as_deref().unwrap_or_default();
    if stage != "$default" && path.first().is_some_and(|first| first == stage) {
        path.remove(0);
    }
    Ok(path)
}

/// Takes the body out of the event, byte for byte as the caller sent it.
///
/// # Errors
///
/// [`MalformedRequest::Base64`] when the body is marked as base64 and is not; [`MalformedRequest::TooLarge`] above
/// [`MOST_BODY_BYTES`].
pub fn take_body(event: &mut ApiGatewayV2httpRequest) -> Result<Bytes, MalformedRequest> {
    let body = event.body.take().unwrap_or_default();
    let body = if event.is_base64_encoded {
        // Checked before decoding, so that a large body costs no memory.
        if body.len() / 4 * 3 > MOST_BODY_BYTES + 3 {
            return Err(MalformedRequest::TooLarge);
        }
        Bytes::from(STANDARD.decode(body).map_err(|_| MalformedRequest::Base64)?)
    } else {
        Bytes::from(body)
    };
    if body.len() > MOST_BODY_BYTES {
        return Err(MalformedRequest::TooLarge);
    }
    Ok(body)
}

/// An answer in JSON that no cache keeps.
pub fn json_response(status: StatusCode, body: &Value) -> ApiGatewayV2httpResponse {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = i64::from(status.as_u16());
    response.headers = headers;
    response.body = Some(Body::Text(body.to_string()));
    response
}
