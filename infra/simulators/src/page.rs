//! The web page that each simulator serves at `/`. Its scripts call the control API of the same simulator.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::traffic::{Reply, Request};

/// One page: its text, and the headers that follow from it.
pub(crate) struct StaticPage {
    html: &'static str,
    policy: OnceLock<String>,
}

impl StaticPage {
    pub(crate) const fn new(html: &'static str) -> Self {
        Self { html, policy: OnceLock::new() }
    }

    /// Answers a request that belongs neither to the peer's API nor to the control API.
    pub(crate) fn serve_page(&self, request: &Request) -> Reply {
        if request.path != "/" && !request.path.is_empty() {
            return Reply::html(StatusCode::NOT_FOUND, "<!doctype html><title>Not found</title>Not found.");
        }
        if request.method != Method::GET && request.method != Method::HEAD {
            return Reply::without_body(StatusCode::METHOD_NOT_ALLOWED).with_header("Allow", "GET, HEAD");
        }
        let policy = self.policy.get_or_init(|| content_security_policy(self.html));
        Reply::html(StatusCode::OK, self.html)
            .with_header("Content-Security-Policy", policy)
            .with_header("Cache-Control", "no-store")
            .with_header("X-Content-Type-Options", "nosniff")
            .with_header("Referrer-Policy", "no-referrer")
    }
}

/// Allows the page's own scripts and styles by their hashes, and calls to the server that the page came from. Data that got
/// into the page as HTML by mistake could not run.
fn content_security_policy(html: &str) -> String {
    format!(
        "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; img-src data:; form-action 'none'; base-uri 'none'; \
         frame-ancestors 'none'",
        hash_elements(html, "script"),
        hash_elements(html, "style"),
    )
}

/// `'sha256-…'` of the text of every element with this tag. The tag has no attributes.
fn hash_elements(html: &str, tag: &str) -> String {
    let (start, end) = (format!("<{tag}>"), format!("</{tag}>"));
    let elements = html.split(&start).skip(1).filter_map(|rest| rest.split(&end).next());
    let hashes = elements.map(|text| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text))));
    hashes.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::hash_elements;

    #[test]
    fn every_script_is_allowed_by_its_hash() {
        // Computed with: printf '%s' 'a()' | openssl dgst -sha256 -binary | base64
        let wanted = "'sha256-qVpDBgj7bpq5hMAcGp3AOc79J3Y1Z4HvySTwKrWDoy4=' 'sha256-cf242PFc/kb7xD0Qzhsmd9vvRkc+cWFmbi+k+YvtdKc='";
        assert_eq!(hash_elements("<script>a()</script><p><script>b()</script>", "script"), wanted);
        assert_eq!(hash_elements("<p>none</p>", "script"), "");
    }
}
