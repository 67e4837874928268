//! The HTTP client for the peers: the one place that builds one.

use std::time::Duration;
use url::Url;

/// A client that follows no redirect (an unauthenticated call may be sent to a login page) and speaks plain HTTP only when
/// a base URL asks for it. The peers' clients set a time-out per call.
pub fn client(base_urls: &[&Url]) -> Result<reqwest::Client, reqwest::Error> {
    let https_only = base_urls.iter().all(|url| url.scheme() == "https");
    builder().https_only(https_only).build()
}

#[expect(clippy::disallowed_methods, reason = "the one place that builds a client")]
fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .user_agent(concat!(
            "robaws-productflow-connector/",
            env!("CARGO_PKG_VERSION")
        ))
}
