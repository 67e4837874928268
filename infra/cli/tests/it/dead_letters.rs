//! `connector dead-letters`: messages are listed and put back.

use crate::shop::{Shop, example_order};
use local::stack::{ARTICLES_QUEUE, ORDERS_QUEUE, SWEEPS_QUEUE};
use serde_json::{Value, json};

const DEAD_ORDERS: &str = "http://localhost/000000000000/orders-dead-letters.fifo";

pub(crate) async fn send_message(shop: &Shop, queue: &str, group: &str, body: &Value) {
    let request = shop.stack.aws.sqs.send_message().queue_url(queue).message_body(body.to_string());
    let id = uuid::Uuid::new_v4().to_string();
    request.message_group_id(group).message_deduplication_id(id).send().await.unwrap();
}

pub(crate) fn order_message(connection: &str, order: &str) -> Value {
    json!({ "schema_version": 1, "connection": connection, "order": order })
}

/// Receives the orders queue's messages without deleting them, until they are dead letters.
async fn receive_until_dead(shop: &Shop) {
    let url = format!("http://localhost/000000000000/{ORDERS_QUEUE}");
    for _ in 0..6 {
        shop.stack.aws.sqs.receive_message().queue_url(&url).max_number_of_messages(10).send().await.unwrap();
        shop.stack.aws.queues.release_messages(ORDERS_QUEUE);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_looked_at_and_put_back() {
    let shop = Shop::with_connection().await;
    shop.stack.run_until_quiet().await.unwrap();
    insta::assert_snapshot!("dead_letters_none", shop.run_successfully(&["dead-letters", "list"]).await);
    let run = shop.run_command(&["dead-letters", "list", "--fail-if-any"]).await;
    assert_eq!((run.exit, run.err.as_str()), (0, ""));
    // The message of an order becomes a dead letter.
    shop.place_order(example_order("PF-1"));
    shop.clock.advance_by(jiff::SignedDuration::from_mins(5));
    shop.stack.run_poll().await.unwrap();
    receive_until_dead(&shop).await;
    assert_eq!(shop.stack.aws.queues.messages_in(ORDERS_QUEUE).len(), 0);
    assert_eq!(shop.stack.aws.queues.dead_letters(ORDERS_QUEUE).len(), 1);
    send_message(&shop, DEAD_ORDERS, "other", &json!("gibberish")).await;
    let run = shop.run_command(&["dead-letters", "list", "--fail-if-any"]).await;
    assert_eq!(run.exit, 5);
    insta::assert_snapshot!("dead_letters", run.out);
    // Listing hides messages for some seconds; then they can be listed again.
    shop.clock.advance_by(jiff::SignedDuration::from_secs(5));
    let listed = shop.run_for_json(&["dead-letters", "list"]).await;
    assert_eq!(listed["queues"][0]["approximate_count"], 2);
    assert_eq!(listed["queues"][0]["messages"][0]["order"], "PF-1");
    assert_eq!(listed["queues"][1], json!({ "queue": "articles", "approximate_count": 0, "messages": [] }));
    shop.clock.advance_by(jiff::SignedDuration::from_secs(5));
    insta::assert_snapshot!(
        "redrive_dry_run",
        shop.run_successfully(&["dead-letters", "redrive", "orders", "--dry-run"]).await
    );
    assert_eq!(shop.stack.aws.queues.dead_letters(ORDERS_QUEUE).len(), 2);
    insta::assert_snapshot!("redrive", shop.run_successfully(&["dead-letters", "redrive", "orders"]).await);
    assert_eq!(shop.stack.aws.queues.dead_letters(ORDERS_QUEUE).len(), 0);
    let back = shop.stack.aws.queues.messages_in(ORDERS_QUEUE);
    assert_eq!(back.len(), 2);
    assert_eq!(back[0].group, "acme");
    shop.stack.work_orders().await.unwrap();
    assert_eq!(shop.robaws.stock_changes().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_are_put_back_in_their_order() {
    let shop = Shop::without_connection().await;
    for n in 0..25 {
        send_message(&shop, DEAD_ORDERS, "acme", &order_message("acme", &format!("PF-{n}"))).await;
    }
    let moved = shop.run_for_json(&["dead-letters", "redrive", "orders"]).await;
    assert_eq!(moved, json!({ "queue": "orders", "moved": 25 }));
    let back = shop.stack.aws.queues.messages_in(ORDERS_QUEUE);
    let orders: Vec<String> = back.iter().map(|message| message.body.clone()).collect();
    let expected: Vec<String> =
        (0..25).map(|n| order_message("acme", &format!("PF-{n}")).to_string()).collect();
    assert_eq!(orders, expected);
    assert_eq!(shop.stack.aws.queues.dead_letters(ORDERS_QUEUE).len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_queue_has_its_own() {
    let shop = Shop::without_connection().await;
    let url = |queue: &str| {
        format!("http://localhost/000000000000/{}-dead-letters.fifo", queue.trim_end_matches(".fifo"))
    };
    let article = json!({ "schema_version": 1, "connection": "acme", "article_id": "12" });
    send_message(&shop, &url(ARTICLES_QUEUE), "acme", &article).await;
    let sweep = json!({ "schema_version": 1, "connection": "acme", "sweep": "push" });
    send_message(&shop, &url(SWEEPS_QUEUE), "acme", &sweep).await;
    insta::assert_snapshot!("dead_letters_each", shop.run_successfully(&["dead-letters", "list"]).await);
    // While messages are hidden nothing can be put back, and a note says so.
    let hidden = shop.run_command(&["dead-letters", "redrive", "articles"]).await;
    assert_eq!(hidden.exit, 0);
    assert_eq!(hidden.out, "0 message(s) went back to the articles queue.\n");
    assert!(hidden.err.starts_with("About 1 message(s) are still there"), "{hidden:#?}");
    shop.clock.advance_by(jiff::SignedDuration::from_secs(5));
    for (name, queue) in [("articles", ARTICLES_QUEUE), ("sweeps", SWEEPS_QUEUE)] {
        let moved = shop.run_for_json(&["dead-letters", "redrive", name]).await;
        assert_eq!(moved["moved"], 1);
        assert_eq!(shop.stack.aws.queues.messages_in(queue).len(), 1);
    }
}
