//! What a newer version wrote is refused by this one and stays as it is (docs/UPGRADING.md).

use aws_sdk_dynamodb::types::AttributeValue;
use domain::OrderIdentifier;
use jiff::SignedDuration;
use local::aws::TABLE;
use serde_json::{Value, json};
use simulators::Fault;
use std::collections::HashMap;
use world::World;

type Item = HashMap<String, AttributeValue>;

/// The only item whose partition key begins like this and whose sort key is this one.
async fn find_item(world: &World, pk: &str, sk: &str) -> Item {
    let found = world.stack.aws.dynamodb.scan().table_name(TABLE).send().await.unwrap();
    let mut items = found.items.unwrap();
    items.retain(|item| item["pk"].as_s().unwrap().starts_with(pk) && item["sk"].as_s().unwrap() == sk);
    assert_eq!(items.len(), 1, "{pk} {sk}");
    items.remove(0)
}

async fn put_item(world: &World, item: &Item) {
    let put = world.stack.aws.dynamodb.put_item().table_name(TABLE);
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
async fn pass_minutes(world: &World, minutes: i64) {
    for _ in 0..minutes / 5 {
        world.clock.advance_by(SignedDuration::from_mins(5));
        world.stack.poll_and_drain().await.unwrap();
    }
}

async fn state(world: &World, identifier: &str) -> &'static str {
    let order = world.stack.order_record(&world.connection, identifier).await.unwrap();
    order.state.as_str()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_newer_version_wrote_is_refused_without_change() {
    let world = World::new_activated().await;
    // Messages about what can't be read.
    world.leave_dead_letters();
    let lost = Fault::for_call("POST", "/stock-changes").whose_text_contains("(PF-lost)");
    world.stack.robaws.add_fault(lost.drop_after().until_cleared());
    world.place_order_of_article("PF-lost", "A-1");
    pass_minutes(&world, 5).await;
    world.stack.robaws.clear_faults();
    assert_eq!(world.robaws.stock_changes_of("(PF-lost)").len(), 1);
    world.place_order_of_article("PF-waiting", "A-1");
    world.clock.advance_by(SignedDuration::from_mins(5));
    world.stack.run_poll().await.unwrap();
    let mut changed = Vec::new();
    for (pk, sk) in [("ORDER#shop", "PF-lost"), ("ORDER#shop", "PF-waiting"), ("ARTICLE#shop", "12")] {
        let mut item = find_item(&world, pk, sk).await;
        set_schema(&mut item, 2);
        put_item(&world, &item).await;
        changed.push((pk, sk, item));
    }
    world.place_order_of_article("PF-next", "A-1");
    pass_minutes(&world, 60).await;
    for (pk, sk, item) in &changed {
        // The poll notes beside the record when its message was sent.
        let without_queued_at = |item: &Item| {
            let mut item = item.clone();
            item.remove("queued_at");
            item
        };
        let stored = find_item(&world, pk, sk).await;
        assert_eq!(without_queued_at(&stored), without_queued_at(item), "{sk}");
    }
    // Nothing was called for them, and the others went on.
    assert_eq!(world.robaws.stock_changes_of("(PF-lost)").len(), 1);
    assert!(world.robaws.stock_changes_of("(PF-waiting)").is_empty());
    assert_eq!(state(&world, "PF-next").await, "booked");
    let path = "/api/connections/shop/orders/PF-lost";
    let (status, _) = world.stack.call_api("GET", path, &Value::Null).await.unwrap();
    assert_eq!(status, 500);
    let identifier = OrderIdentifier::parse("PF-lost").unwrap();
    let refused = world.stack.store.load_order(&world.connection, &identifier).await;
    assert_eq!(
        refused.unwrap_err().to_string(),
        "an order (ORDER#shop PF-lost) of a newer version can't be read"
    );
    // Deployed again, the newer version goes on; so does this one, once it is told that the record is its own.
    for (_, _, mut item) in changed {
        set_schema(&mut item, 1);
        put_item(&world, &item).await;
    }
    pass_minutes(&world, 90).await;
    for order in ["PF-lost", "PF-waiting"] {
        assert_eq!(state(&world, order).await, "booked");
        assert_eq!(world.robaws.stock_changes_of(&format!("({order})")).len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_of_a_newer_version_is_left_alone() {
    let world = World::new_activated().await;
    world.place_order_of_article("PF-1", "A-1");
    let mut item = find_item(&world, "CONNECTIONS#", "shop").await;
    set_schema(record_in(&mut item, "connection"), 2);
    put_item(&world, &item).await;
    world.clear_calls();
    for _ in 0..3 {
        world.clock.advance_by(SignedDuration::from_mins(5));
        world.stack.run_poll().await.unwrap();
    }
    world.stack.work_orders().await.unwrap();
    assert_eq!(find_item(&world, "CONNECTIONS#", "shop").await, item);
    assert_eq!(world.count_calls(), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_a_newer_version_that_cant_be_read_is_left_out() {
    let world = World::new_activated().await;
    world.place_order_of_article("PF-waiting", "A-1");
    world.clock.advance_by(SignedDuration::from_mins(5));
    world.stack.run_poll().await.unwrap();
    let queues = &world.stack.aws.queues;
    queues.lose_messages("orders.fifo");
    let newer =
        json!({ "schema_version": 2, "connection": "shop", "order": "PF-waiting", "why": "priority" });
    let message = world.stack.aws.sqs.send_message();
    let message = message.queue_url("http://localhost/000000000000/orders.fifo");
    let message = message.message_group_id("shop").message_deduplication_id("newer");
    message.message_body(newer.to_string()).send().await.unwrap();
    assert_eq!(world.stack.work_orders().await.unwrap(), 1);
    // It is taken from the queue, and what it was about is still due in the table.
    assert!(queues.messages_in("orders.fifo").is_empty());
    assert!(world.robaws.stock_changes().is_empty());
    pass_minutes(&world, 30).await;
    assert_eq!(state(&world, "PF-waiting").await, "booked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_of_a_newer_versions_deleted_connection_is_not_taken_up() {
    let world = World::new_activated().await;
    assert_eq!(world.post_to_api("deactivate", Value::Null).await.0, 200);
    let (status, _) = world.stack.call_api("DELETE", "/api/connections/shop", &Value::Null).await.unwrap();
    assert_eq!(status, 204);
    let mut item = find_item(&world, "DELETED#shop", "CONNECTION").await;
    set_schema(record_in(record_in(&mut item, "deleted"), "connection"), 2);
    put_item(&world, &item).await;
    let create = json!({ "id": "shop" });
    let (status, answer) = world.stack.call_api("POST", "/api/connections", &create).await.unwrap();
    assert_eq!(status, 500, "{answer}");
    assert_eq!(find_item(&world, "DELETED#shop", "CONNECTION").await, item);
}
