//! What a newer version wrote is refused by this one and stays as it is (docs/UPGRADING.md).

use crate::catalogue::Catalogue;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::OrderIdentifier;
use jiff::SignedDuration;
use local::aws::TABLE;
use serde_json::{Value, json};
use simulators::Fault;
use std::collections::HashMap;

type Item = HashMap<String, AttributeValue>;

/// The only item whose partition key begins like this and whose sort key is this one.
async fn find_item(shop: &Catalogue, pk: &str, sk: &str) -> Item {
    let found = shop
        .stack
        .aws
        .dynamodb
        .scan()
        .table_name(TABLE)
        .send()
        .await
        .unwrap();
    let mut items = found.items.unwrap();
    items.retain(|item| item["pk"].as_s().unwrap().starts_with(pk) && item["sk"].as_s().unwrap() == sk);
    assert_eq!(items.len(), 1, "{pk} {sk}");
    items.remove(0)
}

async fn put_item(shop: &Catalogue, item: &Item) {
    let put = shop.stack.aws.dynamodb.put_item().table_name(TABLE);
    put.set_item(Some(item.clone())).send().await.unwrap();
}

fn set_schema(record: &mut Item, schema: u32) {
    let known = record.insert("schema".to_owned(), AttributeValue::N(schema.to_string()));
    assert!(known.is_some(), "every record has a schema");
}

/// The record that an item holds under a name.
fn record_in<'a>(item: &'a mut Item, name: &str) -> &'a mut Item {
    let Some(AttributeValue::M(record)) = item.get_mut(name) else {
        panic!("the item holds no {name}");
    };
    record
}

/// Rounds of five minutes without webhooks.
async fn pass_minutes(shop: &Catalogue, minutes: i64) {
    for _ in 0..minutes / 5 {
        shop.clock.advance(SignedDuration::from_mins(5));
        shop.stack.round().await.unwrap();
    }
}

async fn state(shop: &Catalogue, identifier: &str) -> &'static str {
    let order = shop.stack.order(&shop.connection, identifier).await.unwrap();
    order.state.as_str()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_newer_version_wrote_is_refused_without_change() {
    let shop = Catalogue::open().await;
    let lost = Fault::on("POST", "/stock-changes").containing("(PF-lost)");
    shop.stack.robaws.fault(lost.drop_after().forever());
    shop.place("PF-lost", "A-1");
    pass_minutes(&shop, 5).await;
    shop.stack.robaws.clear_faults();
    assert_eq!(shop.robaws.stock_changes_of("(PF-lost)").len(), 1);
    shop.place("PF-waiting", "A-1");
    shop.clock.advance(SignedDuration::from_mins(5));
    shop.stack.poll().await.unwrap();
    let mut changed = Vec::new();
    for (pk, sk) in [
        ("ORDER#shop", "PF-lost"),
        ("ORDER#shop", "PF-waiting"),
        ("ARTICLE#shop", "12"),
    ] {
        let mut item = find_item(&shop, pk, sk).await;
        set_schema(&mut item, 2);
        put_item(&shop, &item).await;
        changed.push((pk, sk, item));
    }
    shop.place("PF-next", "A-1");
    pass_minutes(&shop, 60).await;
    for (pk, sk, item) in &changed {
        // The poll notes beside the record when its message was sent.
        let without_queued_at = |item: &Item| {
            let mut item = item.clone();
            item.remove("queued_at");
            item
        };
        let stored = find_item(&shop, pk, sk).await;
        assert_eq!(without_queued_at(&stored), without_queued_at(item), "{sk}");
    }
    // Nothing was called for them, and the others went on.
    assert_eq!(shop.robaws.stock_changes_of("(PF-lost)").len(), 1);
    assert!(shop.robaws.stock_changes_of("(PF-waiting)").is_empty());
    assert_eq!(state(&shop, "PF-next").await, "booked");
    let path = "/api/connections/shop/orders/PF-lost";
    let (status, _) = shop.stack.api("GET", path, &Value::Null).await.unwrap();
    assert_eq!(status, 500);
    let identifier = OrderIdentifier::parse("PF-lost").unwrap();
    let refused = shop.stack.store.order(&shop.connection, &identifier).await;
    assert_eq!(
        refused.unwrap_err().to_string(),
        "an order (ORDER#shop PF-lost) of a newer version can't be read"
    );
    // Deployed again, the newer version goes on; so does this one, once it is told that the record is its own.
    for (_, _, mut item) in changed {
        set_schema(&mut item, 1);
        put_item(&shop, &item).await;
    }
    pass_minutes(&shop, 90).await;
    for order in ["PF-lost", "PF-waiting"] {
        assert_eq!(state(&shop, order).await, "booked");
        assert_eq!(shop.robaws.stock_changes_of(&format!("({order})")).len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_of_a_newer_version_is_left_alone() {
    let shop = Catalogue::open().await;
    shop.place("PF-1", "A-1");
    let mut item = find_item(&shop, "CONNECTIONS#", "shop").await;
    set_schema(record_in(&mut item, "connection"), 2);
    put_item(&shop, &item).await;
    shop.clear_calls();
    for _ in 0..3 {
        shop.clock.advance(SignedDuration::from_mins(5));
        shop.stack.poll().await.unwrap();
    }
    shop.stack.work().await.unwrap();
    assert_eq!(find_item(&shop, "CONNECTIONS#", "shop").await, item);
    assert_eq!(shop.calls(), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_a_newer_version_that_cant_be_read_is_left_out() {
    let shop = Catalogue::open().await;
    shop.place("PF-waiting", "A-1");
    shop.clock.advance(SignedDuration::from_mins(5));
    shop.stack.poll().await.unwrap();
    let queues = &shop.stack.aws.queues;
    queues.lose_all("orders.fifo");
    let newer =
        json!({ "schema_version": 2, "connection": "shop", "order": "PF-waiting", "why": "priority" });
    let message = shop.stack.aws.sqs.send_message();
    let message = message.queue_url("http://localhost/000000000000/orders.fifo");
    let message = message.message_group_id("shop").message_deduplication_id("newer");
    message.message_body(newer.to_string()).send().await.unwrap();
    assert_eq!(shop.stack.work().await.unwrap(), 1);
    // It is taken from the queue, and what it was about is still due in the table.
    assert!(queues.messages("orders.fifo").is_empty());
    assert!(shop.robaws.stock_changes().is_empty());
    pass_minutes(&shop, 30).await;
    assert_eq!(state(&shop, "PF-waiting").await, "booked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_of_a_newer_versions_deleted_connection_is_not_taken_up() {
    let shop = Catalogue::open().await;
    assert_eq!(shop.post("deactivate", Value::Null).await.0, 200);
    let (status, _) = shop
        .stack
        .api("DELETE", "/api/connections/shop", &Value::Null)
        .await
        .unwrap();
    assert_eq!(status, 204);
    let mut item = find_item(&shop, "DELETED#shop", "CONNECTION").await;
    set_schema(record_in(record_in(&mut item, "deleted"), "connection"), 2);
    put_item(&shop, &item).await;
    let create = json!({ "id": "shop" });
    let (status, answer) = shop.stack.api("POST", "/api/connections", &create).await.unwrap();
    assert_eq!(status, 500, "{answer}");
    assert_eq!(find_item(&shop, "DELETED#shop", "CONNECTION").await, item);
}
