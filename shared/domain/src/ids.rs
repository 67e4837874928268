//! Identifiers of orders, articles, documents and connections. Each kind is a type of its own, so that the compiler
//! refuses an article id where a SKU is asked for.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The text is no identifier of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {reason}")]
pub struct InvalidId {
    kind: &'static str,
    reason: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes the text unchanged.
            ///
            /// # Errors
            /// The text is empty.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                if text.is_empty() {
                    return Err(InvalidId { kind: $kind, reason: "is empty" });
                }
                Ok(Self(text))
            }

            /// The text as the peer wrote it, without any change.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// ProductFlow's id of an order, as its list gave it. The text is opaque: it is only compared and sent back.
    OrderIdentifier,
    "order identifier"
);
text_id!(
    /// Number of an article: `articleNumber` in Robaws, `sku` in ProductFlow.
    Sku,
    "SKU"
);
text_id!(
    /// ProductFlow's id of a line; unique only within its order.
    LineId,
    "order line id"
);
text_id!(ArticleId, "article id");
text_id!(StockLocationId, "stock location id");
text_id!(
    /// Id of a Robaws VAT tariff. Merchants type this id as VAT code into ProductFlow's VAT group.
    VatTariffId,
    "VAT tariff id"
);
text_id!(ClientId, "client id");
text_id!(
    /// Id of a stock change, sales invoice or credit note in Robaws.
    DocumentId,
    "document id"
);
text_id!(
    /// Id of a company within a Robaws tenant. A tenant with several companies invoices from one of them.
    RobawsCompanyId,
    "company id"
);
text_id!(PaymentConditionId, "payment condition id");
text_id!(UserId, "user id");

/// Id of a connection, chosen by the operator: 1 to 64 characters of `a-z`, `0-9` and `-` (`contracts/api.md`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConnectionId(String);

impl ConnectionId {
    /// Checks length and characters.
    ///
    /// # Errors
    /// The text is empty, longer than 64 characters, or holds another character than `a-z`, `0-9` and `-`.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        let reason = if text.is_empty() || text.len() > 64 {
            "must be 1 to 64 characters long"
        } else if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            "may hold only a-z, 0-9 and -"
        } else {
            return Ok(Self(text));
        };
        Err(InvalidId { kind: "connection id", reason })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ConnectionId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}

impl From<ConnectionId> for String {
    fn from(id: ConnectionId) -> String {
        id.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl OrderIdentifier {
    /// Placeholder for an order to which ProductFlow gave no identifier. It is only shown, never sent.
    pub fn not_given() -> Self {
        Self("–".to_owned())
    }
}

/// ProductFlow's number of a company, sent as header `X-Company-Id`. Robaws' companies have [`RobawsCompanyId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProductFlowCompanyId(pub u64);

impl fmt::Display for ProductFlowCompanyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Sku {
    /// Whether ProductFlow can take this number as a segment of a path and people can tell it from other numbers:
    /// no leading or trailing space, no control character, no `/` or `\`, not `.` or `..`, at most 191 characters.
    pub fn is_addressable(&self) -> bool {
        let text = self.0.as_str();
        !text.is_empty()
            && text.trim() == text
            && !text.chars().any(|c| c.is_control() || c == '/' || c == '\\')
            && text != "."
            && text != ".."
            && text.chars().count() <= 191
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("acme", true)]
    #[case("a-1", true)]
    #[case("", false)]
    #[case("Acme", false)]
    #[case("a_b", false)]
    #[case("a/b", false)]
    fn connection_ids(#[case] text: &str, #[case] valid: bool) {
        assert_eq!(ConnectionId::parse(text).is_ok(), valid);
    }

    #[test]
    fn connection_id_length_is_bounded() {
        assert!(ConnectionId::parse("a".repeat(64)).is_ok());
        assert!(ConnectionId::parse("a".repeat(65)).is_err());
    }

    #[rstest]
    #[case("A-1", true)]
    #[case("Ünïcode 1", true)]
    #[case(" A-1", false)]
    #[case("A-1 ", false)]
    #[case("A/1", false)]
    #[case("A\\1", false)]
    #[case("A\u{7}1", false)]
    #[case(".", false)]
    #[case("..", false)]
    #[case("...", true)]
    fn addressable_numbers(#[case] text: &str, #[case] addressable: bool) {
        assert_eq!(Sku::parse(text).unwrap().is_addressable(), addressable);
    }

    #[test]
    fn a_number_of_191_characters_is_the_longest() {
        assert!(Sku::parse("é".repeat(191)).unwrap().is_addressable());
        assert!(!Sku::parse("é".repeat(192)).unwrap().is_addressable());
    }
}
