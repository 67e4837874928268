//! The texts by which our documents are found again in Robaws: the order's reference and, in the description of a stock
//! change, the mark of its row behind the reference.

use crate::ids::{ConnectionId, OrderIdentifier};
use crate::ledger::Ledger;

/// The first word of each stock change's description that the connector writes.
const STOCK_CHANGE: &str = "ProductFlow ";

/// Builds the description of a stock change: `ProductFlow <reference> #<row>-<key>`.
pub fn stock_change(reference: &str, mark: &str) -> String {
    format!("{STOCK_CHANGE}{reference} {mark}")
}

/// Whether a description carries the mark of any connection: a word of the form `#<row>-<12 hex digits>`.
pub fn is_marked(description: &str) -> bool {
    description.starts_with(STOCK_CHANGE) && description.split(' ').any(|word| row_of(word).is_some())
}

/// Reads the row number out of a mark. `None` when the text has not the form of a mark.
fn row_of(mark: &str) -> Option<u32> {
    let (row, key) = mark.strip_prefix('#')?.split_once('-')?;
    let is_key = key.len() == 12 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    row.parse().ok().filter(|_| is_key)
}

/// Lists the identifiers that a reference may name: of `1083993841 (PF-100234)` the part in parentheses and the whole text.
/// Both are returned, because an identifier may itself look like `… (…)`.
pub fn identifiers_in(reference: &str) -> Vec<OrderIdentifier> {
    let inner = reference
        .strip_suffix(')')
        .and_then(|text| text.rsplit_once(" (").map(|(_, inner)| inner));
    inner
        .into_iter()
        .chain([reference])
        .filter_map(|text| OrderIdentifier::parse(text).ok())
        .collect()
}

/// Reads the order and the row number out of the description of a stock change. `None` when the connector did not make the
/// mark for this connection.
pub fn named_in(description: &str, connection: &ConnectionId) -> Option<(OrderIdentifier, u32)> {
    let (reference, mark) = description.strip_prefix(STOCK_CHANGE)?.rsplit_once(' ')?;
    let row = row_of(mark)?;
    // The mark holds a digest of connection and order, so the right identifier is the candidate whose mark is the same.
    let is_marked = |identifier: &OrderIdentifier| {
        Ledger::new(connection.clone(), identifier.clone()).row_mark(row) == mark
    };
    let identifier = identifiers_in(reference).into_iter().find(is_marked)?;
    Some((identifier, row))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> ConnectionId {
        ConnectionId::parse("shop").unwrap()
    }

    fn order() -> OrderIdentifier {
        OrderIdentifier::parse("PF-1").unwrap()
    }

    #[test]
    fn a_mark_names_its_order_and_row_and_nobody_elses() {
        let mark = Ledger::new(connection(), order()).row_mark(4);
        let text = stock_change("108 (PF-1)", &mark);
        assert!(is_marked(&text));
        let named = named_in(&text, &connection()).unwrap();
        assert_eq!((named.0.as_str(), named.1), ("PF-1", 4));
        let other = ConnectionId::parse("other").unwrap();
        for (text, of) in [
            (text.as_str(), &other),
            (&format!("ProductFlow 108 (PF-2) {mark}"), &connection()),
            (&format!("108 (PF-1) {mark}"), &connection()),
            ("ProductFlow 108 (PF-1) #4", &connection()),
            ("ProductFlow 108 (PF-1) #x-0123456789ab", &connection()),
            ("ProductFlow ", &connection()),
            ("", &connection()),
        ] {
            assert_eq!(named_in(text, of), None, "{text}");
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
            assert_eq!(is_marked(&stock_change("108 (PF-1)", mark)), is_ours, "{mark}");
        }
        assert!(!is_marked("108 (PF-1) #4-0123456789ab"));
    }

    #[test]
    fn a_reference_may_be_an_identifier_that_looks_like_one() {
        let found =
            |text: &str| -> Vec<String> { identifiers_in(text).iter().map(ToString::to_string).collect() };
        assert_eq!(found("108 (PF-1)"), ["PF-1", "108 (PF-1)"]);
        assert_eq!(found("PF-1"), ["PF-1"]);
        assert_eq!(found("(PF-1)"), ["(PF-1)"]);
    }
}
