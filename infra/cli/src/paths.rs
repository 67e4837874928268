//! Paths of the API.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but what RFC 3986 never encodes.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The path of a connection, and what is below it.
pub fn connection(id: &str, below: &str) -> String {
    let slash = if below.is_empty() { "" } else { "/" };
    format!(
        "/api/connections/{}{slash}{below}",
        utf8_percent_encode(id, ENCODED)
    )
}

/// The path of an order, and what is below it.
pub fn order(id: &str, identifier: &str, below: &str) -> String {
    let slash = if below.is_empty() { "" } else { "/" };
    connection(id, &format!("orders/{}{slash}{below}", order_part(identifier)))
}

/// How an order is addressed: as it is, or `~` and its base64url without padding where API Gateway, which hands paths on decoded,
/// or a URL would make something else of it.
fn order_part(identifier: &str) -> String {
    let is_plain = !identifier.starts_with('~')
        && !identifier.contains(['/', '?', '#', '%', '\\'])
        && !matches!(identifier, "." | "..");
    if is_plain {
        utf8_percent_encode(identifier, ENCODED).to_string()
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
        assert_eq!(order_part(identifier), part);
        assert_eq!(
            order("acme", identifier, "retry"),
            format!("/api/connections/acme/orders/{part}/retry")
        );
    }

    #[test]
    fn connections_are_addressed() {
        assert_eq!(connection("acme", ""), "/api/connections/acme");
        assert_eq!(connection("a/b", "plan"), "/api/connections/a%2Fb/plan");
    }
}
