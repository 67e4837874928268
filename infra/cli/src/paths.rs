//! Paths of the API, percent-encoded.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters that are percent-encoded: all but the unreserved ones of RFC 3986.
const ENCODED_CHARACTERS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The path of a connection, or of `below` under it.
pub fn connection_path(id: &str, below: &str) -> String {
    let slash = if below.is_empty() { "" } else { "/" };
    format!("/api/connections/{}{slash}{below}", utf8_percent_encode(id, ENCODED_CHARACTERS))
}

/// The path of an order, or of `below` under it.
pub fn order_path(id: &str, identifier: &str, below: &str) -> String {
    let slash = if below.is_empty() { "" } else { "/" };
    connection_path(id, &format!("orders/{}{slash}{below}", encode_identifier(identifier)))
}

/// The path segment of an order. An identifier that a URL or API Gateway (which decodes paths before it hands them on) would
/// change goes as `~` and its unpadded base64url.
fn encode_identifier(identifier: &str) -> String {
    let is_plain = !identifier.starts_with('~')
        && !identifier.contains(['/', '?', '#', '%', '\\'])
        && !matches!(identifier, "." | "..");
    if is_plain {
        utf8_percent_encode(identifier, ENCODED_CHARACTERS).to_string()
    } else {
        format!("~{}", URL_SAFE_NO_PAD.encode(identifier))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("PF-1", "PF-1")]
    #[case("PF 1 ü", "PF%201%20%C3%BC")]
    #[case("PF/1", "~UEYvMQ")]
    #[case("a?b", "~YT9i")]
    #[case("a#b", "~YSNi")]
    #[case("100%", "~MTAwJQ")]
    #[case("a\\b", "~YVxi")]
    #[case("~1", "~fjE")]
    #[case("1~", "1~")]
    #[case("..", "~Li4")]
    fn orders_are_addressed(#[case] identifier: &str, #[case] part: &str) {
        assert_eq!(encode_identifier(identifier), part);
        assert_eq!(
            order_path("acme", identifier, "retry"),
            format!("/api/connections/acme/orders/{part}/retry")
        );
    }

    #[test]
    fn connections_are_addressed() {
        assert_eq!(connection_path("acme", ""), "/api/connections/acme");
        assert_eq!(connection_path("a/b", "plan"), "/api/connections/a%2Fb/plan");
    }
}
