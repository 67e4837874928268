//! Sends the calls of the AWS SDK through the HTTP client that the peers are called with, so that a function
//! has one HTTP client and one TLS implementation.

use crate::http;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

/// The HTTP client for SDK clients. It connects within two seconds; the SDK's own time-outs limit the call.
///
/// # Errors
///
/// A [`reqwest::Error`] when the client cannot be built.
pub fn http_client() -> Result<SharedHttpClient, reqwest::Error> {
    Ok(SharedHttpClient::new(Connector(http::aws_client()?)))
}

/// As [`http_client`], for a program that people run: it trusts the certificates that their machine trusts.
///
/// # Errors
///
/// A [`reqwest::Error`] when the client cannot be built.
pub fn http_client_with_machine_roots() -> Result<SharedHttpClient, reqwest::Error> {
    Ok(SharedHttpClient::new(Connector(http::aws_client_with_machine_roots()?)))
}

#[derive(Debug, Clone)]
struct Connector(reqwest::Client);

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let answer = client.execute(to_reqwest(request)?).await.map_err(to_connector_error)?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = answer.bytes().await.map_err(to_connector_error)?;
            let mut received = ::http::Response::new(SdkBody::from(body));
            *received.status_mut() = status;
            *received.headers_mut() = headers;
            HttpResponse::try_from(received).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

fn to_reqwest(request: HttpRequest) -> Result<reqwest::Request, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let body =
        body.bytes().ok_or_else(|| ConnectorError::user("no call of ours streams its body".into()))?.to_vec();
    ::http::Request::from_parts(parts, body)
        .try_into()
        .map_err(|error: reqwest::Error| ConnectorError::user(error.into()))
}

/// Sorts an error for the SDK, which repeats calls after time-outs and lost connections only.
fn to_connector_error(error: reqwest::Error) -> ConnectorError {
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else if error.is_builder() {
        ConnectorError::user(error.into())
    } else {
        ConnectorError::io(error.into())
    }
}
