//! The keys of all items in the table, and the partitions of its indexes.

use crate::article_record::ArticleDueKind;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::{ArticleId, ConnectionId, OrderIdentifier, ProductFlowCompanyId, Sku};
use jiff::{Timestamp, civil::Date};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// Shards that the connections are spread over, so that no partition takes every write.
pub const SHARDS: u8 = 8;
/// The index of due records.
pub const DUE_INDEX: &str = "due";
/// The index by age.
pub const NEWEST_INDEX: &str = "newest";

/// The index of orders and articles with open problems.
pub const OPEN_INDEX: &str = "open";

pub(crate) type Key = HashMap<String, AttributeValue>;

pub(crate) fn text_value(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn compose_key(pk: String, sk: String) -> Key {
    HashMap::from([("pk".to_owned(), text_value(pk)), ("sk".to_owned(), text_value(sk))])
}

/// The shard that a connection belongs to.
pub fn shard_of(connection: &ConnectionId) -> u8 {
    Sha256::digest(connection.as_str().as_bytes())[0] % SHARDS
}

pub(crate) fn connections_pk(shard: u8) -> String {
    format!("CONNECTIONS#{shard}")
}

pub(crate) fn connection_key(id: &ConnectionId) -> Key {
    compose_key(connections_pk(shard_of(id)), id.to_string())
}

pub(crate) fn company_claim_key(id: ProductFlowCompanyId) -> Key {
    compose_key(format!("COMPANY#{id}"), "CLAIM".to_owned())
}

pub(crate) fn deleted_connection_key(id: &ConnectionId) -> Key {
    compose_key(format!("DELETED#{id}"), "CONNECTION".to_owned())
}

pub(crate) fn orders_pk(connection: &ConnectionId) -> String {
    format!("ORDER#{connection}")
}

pub(crate) fn articles_pk(connection: &ConnectionId) -> String {
    format!("ARTICLE#{connection}")
}

pub(crate) fn article_key(connection: &ConnectionId, id: &ArticleId) -> Key {
    compose_key(articles_pk(connection), to_sort_key(id.as_str()))
}

pub(crate) fn number_key(connection: &ConnectionId, sku: &Sku) -> Key {
    compose_key(format!("NUMBER#{connection}"), to_sort_key(sku.as_str()))
}

/// Partition of the index of due records. The id of a connection has no `#`, so the suffix is unambiguous.
pub(crate) fn due_articles_pk(connection: &ConnectionId, kind: ArticleDueKind) -> String {
    match kind {
        ArticleDueKind::Change => format!("{connection}#articles"),
        ArticleDueKind::Bulk => format!("{connection}#articles-bulk"),
    }
}

pub(crate) fn newest_articles_pk(connection: &ConnectionId) -> String {
    format!("{connection}#articles")
}

pub(crate) fn notifications_pk(connection: &ConnectionId) -> String {
    format!("NOTIFICATION#{connection}")
}

pub(crate) fn notification_key(connection: &ConnectionId, id: &str) -> Key {
    compose_key(notifications_pk(connection), to_sort_key(id))
}

/// Partition of a connection's notifications: in the index of due records the open ones, in the index by age
/// all.
pub(crate) fn notifications_index_pk(connection: &ConnectionId) -> String {
    format!("{connection}#notifications")
}

/// Partition of the index by age that holds frozen invoices, by the date of the invoice.
pub(crate) fn newest_invoices_pk(connection: &ConnectionId) -> String {
    format!("{connection}#invoices")
}

pub(crate) fn sweep_pk(connection: &ConnectionId) -> String {
    format!("SWEEP#{connection}")
}

/// One page of what a sweep read. The number has eight digits, so that pages sort as text.
pub(crate) fn sweep_page_key(connection: &ConnectionId, run: &str, page: u32) -> Key {
    compose_key(sweep_pk(connection), format!("{run}#{page:08}"))
}

pub(crate) fn order_sk(identifier: &OrderIdentifier) -> String {
    to_sort_key(identifier.as_str())
}

/// A text as a sort key. DynamoDB takes 1,024 bytes, so a longer text is replaced by its digest.
fn to_sort_key(text: &str) -> String {
    if text.len() <= 900 {
        text.to_owned()
    } else {
        format!("~sha256:{}", hex::encode(Sha256::digest(text.as_bytes())))
    }
}

pub(crate) fn order_key(connection: &ConnectionId, identifier: &OrderIdentifier) -> Key {
    compose_key(orders_pk(connection), order_sk(identifier))
}

/// The key of the order whose sort key [`order_sk`] made.
pub(crate) fn order_key_by_sk(connection: &ConnectionId, sk: &str) -> Key {
    compose_key(orders_pk(connection), sk.to_owned())
}

pub(crate) fn invoice_key(connection: &ConnectionId, identifier: &OrderIdentifier, row: u32) -> Key {
    compose_key(format!("INVOICE#{connection}"), format!("{}#{row}", order_sk(identifier)))
}

/// The sort key of the order that a frozen invoice belongs to, from the sort key of the invoice.
pub(crate) fn order_sk_of_invoice(sk: &str) -> Option<&str> {
    sk.rsplit_once('#').map(|(order, _)| order)
}

/// A sign-in link by the digest of its token.
pub(crate) fn sign_in_link_key(digest: &str) -> Key {
    compose_key(format!("LINK#{digest}"), "LINK".to_owned())
}

/// The counter of something limited, for one window of time.
pub(crate) fn allowance_key(what: &str, window: i64) -> Key {
    compose_key(format!("ALLOWANCE#{}", to_sort_key(what)), window.to_string())
}

/// Midnight of a day, in the form of [`sortable`].
pub(crate) fn to_sortable_day(day: Date) -> String {
    day.strftime("%Y-%m-%dT00:00:00Z").to_string()
}

/// A moment that sorts as text: whole seconds, rounded down.
pub(crate) fn to_sortable(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_sort_as_text() {
        let at = |text: &str| to_sortable(text.parse().unwrap());
        assert_eq!(at("2026-11-23T08:20:11.999Z"), "2026-11-23T08:20:11Z");
        assert!(at("2026-11-23T08:20:11Z") < at("2026-11-23T08:20:12Z"));
    }

    #[test]
    fn an_invoice_leads_to_its_order() {
        let shop = ConnectionId::parse("shop").unwrap();
        for identifier in ["PF-1", "PF#2", &"x".repeat(2000)] {
            let identifier = OrderIdentifier::parse(identifier).unwrap();
            let key = invoice_key(&shop, &identifier, 12);
            let sk = key["sk"].as_s().unwrap();
            assert_eq!(order_sk_of_invoice(sk), Some(order_sk(&identifier).as_str()));
        }
    }

    #[test]
    fn long_identifiers_have_keys_of_their_own() {
        let long = |end: char| OrderIdentifier::parse(format!("{}{end}", "x".repeat(2000))).unwrap();
        assert_ne!(order_sk(&long('a')), order_sk(&long('b')));
        assert!(order_sk(&long('a')).len() < 1024);
    }

    /// The deployed tables hold their items under these keys.
    #[test]
    fn everything_stays_where_it_is() {
        let shop = ConnectionId::parse("shop").unwrap();
        let order_id = OrderIdentifier::parse("PF-1").unwrap();
        let of = |key: Key| {
            let part = |name: &str| key[name].as_s().unwrap().clone();
            (part("pk"), part("sk"))
        };
        let article_id = ArticleId::parse("12").unwrap();
        let keys = [
            (of(connection_key(&shop)), ("CONNECTIONS#5", "shop")),
            (of(company_claim_key(ProductFlowCompanyId(7))), ("COMPANY#7", "CLAIM")),
            (of(deleted_connection_key(&shop)), ("DELETED#shop", "CONNECTION")),
            (of(order_key(&shop, &order_id)), ("ORDER#shop", "PF-1")),
            (of(invoice_key(&shop, &order_id, 2)), ("INVOICE#shop", "PF-1#2")),
            (of(article_key(&shop, &article_id)), ("ARTICLE#shop", "12")),
            (of(number_key(&shop, &Sku::parse("A-1").unwrap())), ("NUMBER#shop", "A-1")),
            (of(notification_key(&shop, "0a")), ("NOTIFICATION#shop", "0a")),
            (of(sweep_page_key(&shop, "r", 3)), ("SWEEP#shop", "r#00000003")),
            (of(sign_in_link_key("d")), ("LINK#d", "LINK")),
            (of(allowance_key("sign-in", 4)), ("ALLOWANCE#sign-in", "4")),
        ];
        for (is, (pk, sk)) in keys {
            assert_eq!(is, (pk.to_owned(), sk.to_owned()));
        }
        let partitions = [
            (due_articles_pk(&shop, ArticleDueKind::Change), "shop#articles"),
            (due_articles_pk(&shop, ArticleDueKind::Bulk), "shop#articles-bulk"),
            (newest_articles_pk(&shop), "shop#articles"),
            (notifications_index_pk(&shop), "shop#notifications"),
            (newest_invoices_pk(&shop), "shop#invoices"),
        ];
        for (is, name) in partitions {
            assert_eq!(is, name);
        }
        assert_eq!(to_sortable_day(jiff::civil::date(2026, 1, 2)), "2026-01-02T00:00:00Z");
    }
}
