//! The texts by which our documents are found again in Robaws: the order's reference and, in the description of a stock
//! change, the mark of its row behind the reference.

use crate::ids::{ConnectionId, OrderIdentifier};
use crate::ledger::Ledger;

/// The first word of each stock change's description that the connector writes.
const STOCK_CHANGE_PREFIX: &str = "ProductFlow ";

/// Builds the description of a stock change: `ProductFlow <reference> #<row>-<key>`.
pub fn describe_stock_change(reference: &str, mark: &str) -> String {
    format!("{STOCK_CHANGE_PREFIX}{reference} {mark}")
}

/// Whether a description carries the mark of any connection: a word of the form `#<row>-<12 hex digits>`.
pub fn has_row_mark(description: &str) -> bool {
    description.starts_with(STOCK_CHANGE_PREFIX)
        && description.split(' ').any(|word| parse_row_mark(word).is_some())
}

/// Reads the row number out of a mark. `None` when the text has not the form of a mark.
fn parse_row_mark(mark: &str) -> Option<u32> {
    let (row, key) = mark.strip_prefix('#')?.split_once('-')?;
    let is_key = key.len() == 12 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    row.parse().ok().filter(|_| is_key)
}

/// Lists the identifiers that a reference may name: of `1083993841 (PF-100234)` the part in parentheses and the whole text.
/// Both are returned, because an identifier may itself look like `… (…)`.
pub fn find_identifiers(reference: &str) -> Vec<OrderIdentifier> {
    let inner = reference.strip_suffix(')').and_then(|text| text.rsplit_once(" (").map(|(_, inner)| inner));
    inner.into_iter().chain([reference]).filter_map(|text| OrderIdentifier::parse(text).ok()).collect()
}

/// Reads the order and the row number out of the description of a stock change. `None` when the connector did not make the
/// mark for this connection.
pub fn find_named_row(description: &str, connection: &ConnectionId) -> Option<(OrderIdentifier, u32)> {
    let (reference, mark) = description.strip_prefix(STOCK_CHANGE_PREFIX)?.rsplit_once(' ')?;
    let row = parse_row_mark(mark)?;
    // The mark holds a digest of connection and order, so the right identifier is the candidate whose mark is the same.
    let is_marked = |identifier: &OrderIdentifier| {
        Ledger::new(connection.clone(), identifier.clone()).row_mark(row) == mark
    };
    let identifier = find_identifiers(reference).into_iter().find(is_marked)?;
    Some((identifier, row))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop_connection() -> ConnectionId {
        ConnectionId::parse("shop").unwrap()
    }

    fn order_identifier() -> OrderIdentifier {
        OrderIdentifier::parse("PF-1").unwrap()
    }

    #[test]
    fn a_mark_names_its_order_and_row_and_nobody_elses() {
        let mark = Ledger::new(shop_connection(), order_identifier()).row_mark(4);
        let text = describe_stock_change("108 (PF-1)", &mark);
        assert!(has_row_mark(&text));
        let named = find_named_row(&text, &shop_connection()).unwrap();
        assert_eq!((named.0.as_str(), named.1), ("PF-1", 4));
        let other = ConnectionId::parse("other").unwrap();
        for (text, of) in [
            (text.as_str(), &other),
            (&format!("ProductFlow 108 (PF-2) {mark}"), &shop_connection()),
            (&format!("108 (PF-1) {mark}"), &shop_connection()),
            ("ProductFlow 108 (PF-1) #4", &shop_connection()),
            ("ProductFlow 108 (PF-1) #x-0123456789ab", &shop_connection()),
            ("ProductFlow ", &shop_connection()),
            ("", &shop_connection()),
        ] {
            assert_eq!(find_named_row(text, of), None, "{text}");
        }
    }

    #[test]
    fn only_twelve_hexadecimal_digits_make_a_mark() {
        for (mark, is_ours) in [
            ("#4-0123456789ab", true),
            ("#4-0123456789AB", true),
            ("#4-0123456789xy", false),
            ("#4-0123456789abc", false),
            ("#4-0123456789a", false),
            ("#4-", false),
            ("4-0123456789ab", false),
        ] {
            assert_eq!(has_row_mark(&describe_stock_change("108 (PF-1)", mark)), is_ours, "{mark}");
        }
        assert!(!has_row_mark("108 (PF-1) #4-0123456789ab"));
    }

    #[test]
    fn a_reference_may_be_an_identifier_that_looks_like_one() {
        let found =
            |text: &str| -> Vec<String> { find_identifiers(text).iter().map(ToString::to_string).collect() };
        assert_eq!(found("108 (PF-1)"), ["PF-1", "108 (PF-1)"]);
        assert_eq!(found("PF-1"), ["PF-1"]);
        assert_eq!(found("(PF-1)"), ["(PF-1)"]);
    }
}
