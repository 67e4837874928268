//! Reads the body of a delivery: which article changed.
//!
//! Everything else in the body may be old, incomplete or named by a GUID. The article is read anew from Robaws when it is
//! looked at.

use domain::ids::ArticleId;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Events of Robaws that concern articles.
const ARTICLE_EVENTS: [&str; 3] = ["article.created", "article.updated", "article.stock-changed"];
/// Longest de-duplication id that SQS takes, in characters.
const LONGEST_EVENT_ID: usize = 128;

/// A change of one article, as a delivery announces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArticleChanged {
    /// The id of the event. Deliveries of the same event share it.
    pub event_id: String,
    pub article_id: ArticleId,
    /// The article number, where the delivery names one. May be outdated.
    pub number: Option<String>,
}

/// What a delivery announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    Changed(ArticleChanged),
    /// An event that concerns no article.
    Other,
    /// An event that concerns an article without naming it by an id.
    Nameless,
}

/// Reads the body of a delivery. Gives `None` when the body is not JSON.
pub fn parse_delivery(body: &[u8]) -> Option<Delivery> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let event = json.get("event").and_then(Value::as_str).unwrap_or_default();
    if !ARTICLE_EVENTS.contains(&event) {
        return Some(Delivery::Other);
    }
    let data = json.get("data");
    let id = data.and_then(|data| data.get("id")).and_then(|id| match id {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    let Some(article_id) = id.and_then(|id| ArticleId::parse(id).ok()) else {
        return Some(Delivery::Nameless);
    };
    let number = data.and_then(|data| data.get("articleNumber")).and_then(Value::as_str);
    let event_id = json.get("id").and_then(Value::as_str);
    Some(Delivery::Changed(ArticleChanged {
        event_id: event_id
            .filter(|id| is_usable_event_id(id))
            // Without a usable id the body stands for the event: a repeated delivery has the same body.
            .map_or_else(|| hex::encode(Sha256::digest(body)), str::to_owned),
        article_id,
        number: number.filter(|number| !number.is_empty()).map(str::to_owned),
    }))
}

fn is_usable_event_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= LONGEST_EVENT_ID && id.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[test]
    fn an_event_names_its_article() {
        let body = br#"{"id":"e-1","event":"article.updated","data":{"id":"12","articleNumber":"A-1"}}"#;
        let Some(Delivery::Changed(changed)) = parse_delivery(body) else {
            panic!("not read");
        };
        assert_eq!(changed.event_id, "e-1");
        assert_eq!(changed.article_id.as_str(), "12");
        assert_eq!(changed.number.as_deref(), Some("A-1"));
    }

    #[rstest]
    #[case(r#"{"event":"article.stock-changed","data":{"id":12,"articleNumber":null}}"#)]
    #[case(r#"{"id":"with space","event":"article.created","data":{"id":"12"}}"#)]
    #[case(r#"{"id":7,"event":"article.updated","data":{"id":"12","articleNumber":""}}"#)]
    fn an_event_without_an_id_of_its_own_goes_by_its_body(#[case] body: &str) {
        let Some(Delivery::Changed(changed)) = parse_delivery(body.as_bytes()) else {
            panic!("not read");
        };
        assert_eq!(changed.event_id.len(), 64);
        assert_eq!((changed.article_id.as_str(), changed.number), ("12", None));
    }

    #[rstest]
    #[case("", None)]
    #[case("<html>", None)]
    #[case("{}", Some(Delivery::Other))]
    #[case("[]", Some(Delivery::Other))]
    #[case(r#"{"event":"client.updated","data":{"id":"1"}}"#, Some(Delivery::Other))]
    #[case(r#"{"event":"article.updated"}"#, Some(Delivery::Nameless))]
    #[case(r#"{"event":"article.updated","data":{"id":""}}"#, Some(Delivery::Nameless))]
    #[case(r#"{"event":"article.updated","data":{"id":null}}"#, Some(Delivery::Nameless))]
    fn other_bodies(#[case] body: &str, #[case] expected: Option<Delivery>) {
        assert_eq!(parse_delivery(body.as_bytes()), expected);
    }

    #[test]
    fn a_body_nested_too_deep_is_refused() {
        assert_eq!(parse_delivery("[".repeat(100_000).as_bytes()), None);
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = parse_delivery(&body);
        }
    }
}
