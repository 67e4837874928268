//! The HTTP clients for the peers and for AWS. No other file builds one.

use reqwest::Response;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use std::sync::LazyLock;
use std::time::Duration;
use url::Url;

/// Largest answer of a peer that is read, in bytes after unpacking: ten times a full list page of large orders.
/// A larger answer is no answer of theirs, and must not fill the memory.
pub const MOST_ANSWER_BYTES: usize = 8 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection dropped, or the call timed out.
    #[error("the answer was not received whole")]
    Lost(#[source] reqwest::Error),
    /// The body is larger than [`MOST_ANSWER_BYTES`].
    #[error("the answer is larger than 8 MiB")]
    TooLarge,
}

/// Reads the unpacked body of an answer.
///
/// # Errors
///
/// [`BodyError::Lost`] when the connection drops or the call times out; [`BodyError::TooLarge`] above
/// [`MOST_ANSWER_BYTES`].
pub async fn read_body(mut answer: Response) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(BodyError::Lost)? {
        if body.len().saturating_add(chunk.len()) > MOST_ANSWER_BYTES {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A client for the peers. It follows no redirect, since a peer may redirect an unauthenticated call to a login
/// page. It speaks plain HTTP only when a base URL does. The peers' clients set a time-out per call.
///
/// # Errors
///
/// A [`reqwest::Error`] when the client cannot be built.
pub fn peer_client(base_urls: &[&Url]) -> Result<reqwest::Client, reqwest::Error> {
    build_for_peers(client_builder().tls_backend_preconfigured(tls_config()), base_urls)
}

/// As [`peer_client`], for a program that people run: it trusts the certificates that their machine trusts, which
/// may stand behind a proxy with a certificate of its own.
///
/// # Errors
///
/// A [`reqwest::Error`] when the client cannot be built.
pub fn peer_client_with_machine_roots(base_urls: &[&Url]) -> Result<reqwest::Client, reqwest::Error> {
    build_for_peers(client_builder(), base_urls)
}

fn build_for_peers(
    builder: reqwest::ClientBuilder,
    base_urls: &[&Url],
) -> Result<reqwest::Client, reqwest::Error> {
    let https_only = base_urls.iter().all(|url| url.scheme() == "https");
    builder.https_only(https_only).build()
}

/// A client for AWS. It unpacks nothing, since DynamoDB's checksum is that of the bytes sent.
pub(crate) fn aws_client() -> Result<reqwest::Client, reqwest::Error> {
    build_for_aws(client_builder().tls_backend_preconfigured(tls_config()))
}

/// As [`aws`], for a program that people run.
pub(crate) fn aws_client_with_machine_roots() -> Result<reqwest::Client, reqwest::Error> {
    build_for_aws(client_builder())
}

fn build_for_aws(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, reqwest::Error> {
    builder.no_gzip().connect_timeout(Duration::from_secs(2)).build()
}

#[expect(clippy::disallowed_methods, reason = "the one place that builds a client")]
fn client_builder() -> reqwest::ClientBuilder {
    // An error means that another part of the process installed a provider before, which is just as good.
    let _chosen = ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .user_agent(concat!("robaws-productflow-connector/", env!("CARGO_PKG_VERSION")))
}

/// A TLS configuration that trusts Mozilla's certificate authorities, compiled in. Reading the machine's some
/// 150 files would slow every cold start.
fn tls_config() -> ClientConfig {
    static TLS: LazyLock<ClientConfig> = LazyLock::new(|| {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
    });
    TLS.clone()
}
