//! What a newer build wrote is refused by this one, and stays as it is.

use super::item::{Item, json, text};
use super::{Upgraded, message, newest};
use aws_sdk_dynamodb::types::AttributeValue;
use local::aws::TABLE;
use serde_json::{Value, json};

impl Upgraded {
    async fn stored(&self, item: &Item) -> Item {
        let get = self.stack.aws.dynamodb.get_item().table_name(TABLE);
        let get = get.key("pk", item["pk"].clone()).key("sk", item["sk"].clone());
        get.send().await.unwrap().item.unwrap()
    }
}

/// The item as a newer build would write it.
fn newer(item: &Item) -> Item {
    let mut item = item.clone();
    let two = AttributeValue::N("2".to_owned());
    match item.get_mut("connection") {
        Some(AttributeValue::M(record)) => record.insert("schema".to_owned(), two),
        _ => item.insert("schema".to_owned(), two),
    };
    item
}

/// What a look would mark it with, beside the record.
fn without_marks(item: &Item) -> Value {
    let mut item = item.clone();
    item.remove("queued_at");
    json(&item)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_newer_build_wrote_is_refused_without_change() {
    let it = Upgraded::from(&newest()).await;
    let kinds = [
        ("ORDER#shop", "PF-waiting"),
        ("ORDER#shop", "PF-lost"),
        ("ARTICLE#shop", "12"),
    ];
    let mut changed = Vec::new();
    for (pk, sk) in kinds {
        let found = it
            .items
            .all()
            .iter()
            .find(|item| text(item, "pk") == pk && text(item, "sk") == sk);
        let item = newer(found.unwrap());
        it.put(item.clone()).await;
        changed.push(item);
    }
    let before = it.held("PF-lost");
    it.stack.drain().await.unwrap();
    it.rounds(60).await;
    for item in &changed {
        let stored = it.stored(item).await;
        assert_eq!(
            without_marks(&stored),
            without_marks(item),
            "{}",
            text(item, "sk")
        );
    }
    // Nothing was called for them, and the others went on.
    assert_eq!(it.held("PF-lost"), before);
    assert_eq!(it.held("PF-waiting").0, rust_decimal::Decimal::ZERO);
    assert_eq!(it.state("PF-header").await, "invoiced");
    let (status, _) = it
        .stack
        .api("GET", "/api/connections/shop/orders/PF-lost", &Value::Null)
        .await
        .unwrap();
    assert_eq!(status, 500);
    let refused = it.stack.order(&it.connection, "PF-lost").await.unwrap_err();
    assert_eq!(
        format!("{refused:#}"),
        "an order (ORDER#shop PF-lost) of a newer version can't be read"
    );
    // Deployed again, the newer build goes on; so does this one, once it is told that the record is its own.
    for mut item in changed {
        item.insert("schema".to_owned(), AttributeValue::N("1".to_owned()));
        it.put(item).await;
    }
    it.rounds(90).await;
    assert_eq!(
        (it.state("PF-lost").await, it.held("PF-lost")),
        ("booked", before)
    );
    assert_eq!(it.state("PF-waiting").await, "booked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_of_a_newer_build_is_left_alone() {
    let it = Upgraded::from(&newest()).await;
    let found = it
        .items
        .all()
        .iter()
        .find(|item| text(item, "sk") == "shop" && text(item, "pk").starts_with("CONNECTIONS#"));
    let item = newer(found.unwrap());
    it.put(item.clone()).await;
    // Its messages come back, and end as dead letters at the worst.
    for _ in 0..3 {
        it.clock.advance(jiff::SignedDuration::from_mins(5));
        it.stack.poll().await.unwrap();
    }
    it.stack.work().await.unwrap();
    assert_eq!(json(&it.stored(&item).await), json(&item));
    assert!(it.stack.robaws.calls().is_empty() && it.stack.productflow.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_a_newer_build_is_no_message_of_ours() {
    let it = Upgraded::from(&newest()).await;
    it.stack.aws.queues.lose_all("orders.fifo");
    let mut newer = message(&json!({ "order": "PF-waiting", "why": "priority" }));
    newer["schema_version"] = 2.into();
    it.send("orders.fifo", &newer).await;
    assert_eq!(it.stack.work().await.unwrap(), 1);
    // It is done with, and what it was about is still due in the table.
    assert!(it.stack.aws.queues.messages("orders.fifo").is_empty());
    it.rounds(30).await;
    assert_eq!(it.state("PF-waiting").await, "booked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_of_a_newer_builds_deleted_connection_is_not_taken_up() {
    let it = Upgraded::from(&newest()).await;
    let mut items = it.items.all().iter();
    let found = items.find(|item| text(item, "pk") == "DELETED#gone");
    let mut item = found.unwrap().clone();
    let Some(AttributeValue::M(kept)) = item.get_mut("deleted") else {
        panic!("nothing is kept of it")
    };
    let Some(AttributeValue::M(record)) = kept.get_mut("connection") else {
        panic!("no connection is kept")
    };
    record.insert("schema".to_owned(), AttributeValue::N("2".to_owned()));
    it.put(item.clone()).await;
    let create = json!({ "id": "gone" });
    let (status, answer) = it.stack.api("POST", "/api/connections", &create).await.unwrap();
    assert_eq!(status, 500, "{answer}");
    assert_eq!(json(&it.stored(&item).await), json(&item));
}
