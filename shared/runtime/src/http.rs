//! The HTTP client for the peers: the one place that builds one.

use reqwest::Response;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use std::sync::LazyLock;
use std::time::Duration;
use url::Url;

/// Largest answer of a peer that is read, unpacked: ten times a full page of large orders. What is larger is no answer of theirs,
/// and must not fill the memory.
pub const MOST_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Why the body of an answer could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection dropped, or the time was up.
    #[error("the answer was not received whole")]
    Lost(#[source] reqwest::Error),
    /// It is larger than [`MOST_ANSWER_BYTES`].
    #[error("the answer is larger than 8 MiB")]
    TooLarge,
}

/// The body of an answer, unpacked, as long as it is no larger than [`MOST_ANSWER_BYTES`].
pub async fn body(mut answer: Response) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(BodyError::Lost)? {
        if body.len().saturating_add(chunk.len()) > MOST_ANSWER_BYTES {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A client that follows no redirect (an unauthenticated call may be sent to a login page) and speaks plain HTTP only when
/// a base URL asks for it. The peers' clients set a time-out per call.
pub fn client(base_urls: &[&Url]) -> Result<reqwest::Client, reqwest::Error> {
    for_peers(builder().tls_backend_preconfigured(tls()), base_urls)
}

/// The same for a program that people run: it trusts whom their machine trusts, which may stand behind a proxy with a certificate of
/// its own.
pub fn client_of_this_machine(base_urls: &[&Url]) -> Result<reqwest::Client, reqwest::Error> {
    for_peers(builder(), base_urls)
}

fn for_peers(builder: reqwest::ClientBuilder, base_urls: &[&Url]) -> Result<reqwest::Client, reqwest::Error> {
    let https_only = base_urls.iter().all(|url| url.scheme() == "https");
    builder.https_only(https_only).build()
}

/// A client for AWS. It unpacks nothing: DynamoDB's checksum is of what was sent.
pub(crate) fn aws() -> Result<reqwest::Client, reqwest::Error> {
    for_aws(builder().tls_backend_preconfigured(tls()))
}

/// The same for a program that people run.
pub(crate) fn aws_of_this_machine() -> Result<reqwest::Client, reqwest::Error> {
    for_aws(builder())
}

fn for_aws(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, reqwest::Error> {
    builder.no_gzip().connect_timeout(Duration::from_secs(2)).build()
}

#[expect(clippy::disallowed_methods, reason = "the one place that builds a client")]
fn builder() -> reqwest::ClientBuilder {
    // An error says that another part of the process has chosen one before.
    let _chosen = ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .user_agent(concat!(
            "robaws-productflow-connector/",
            env!("CARGO_PKG_VERSION")
        ))
}

/// Trusts Mozilla's certificate authorities, compiled in: a function would read the machine's, some 150 files, in every cold start.
fn tls() -> ClientConfig {
    static TLS: LazyLock<ClientConfig> = LazyLock::new(|| {
        let roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth()
    });
    TLS.clone()
}
