//! How far the poll reaches: a backlog of one connection, many connections in shards, and how little an idle one takes.

use crate::shop::{Shop, one_line, settings};
use domain::Language;
use domain::ids::ConnectionId;
use jiff::SignedDuration;
use local::stack::ORDERS_QUEUE;
use runtime::clock::Clock as _;
use serde_json::json;
use simulators::demo;
use std::collections::BTreeMap;
use store::model::{Connection, ConnectionState};

/// Calls of the poll since they were last taken: queries of the index of what is due, and all that read or write the table itself.
fn polled(shop: &Shop) -> (u64, u64) {
    let (mut of_index, mut of_table) = (0, 0);
    for (call, times) in shop.stack.aws.iam.take_calls() {
        if call.function != "poll-orders" || call.action == "dynamodb:DescribeTable" {
            continue;
        }
        if call.resource.ends_with("/index/due") {
            of_index += times;
        } else if call.action.starts_with("dynamodb:") {
            of_table += times;
        }
    }
    (of_index, of_table)
}

async fn looked_at(shop: &Shop, identifier: &str) -> Option<jiff::Timestamp> {
    shop.order(identifier).await.looked_at
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_goes_on_without_the_next_poll() {
    let shop = Shop::open().await;
    shop.robaws.set(|settings| {
        settings.rate_per_second = 10_000;
        settings.burst = 10_000;
        settings.daily_limit = 100_000;
    });
    for at in 0..450 {
        shop.place(one_line(&format!("PF-{at}")));
    }
    shop.clock.advance(SignedDuration::from_mins(5));
    shop.stack.poll().await.unwrap();
    let queued = || {
        let messages = shop.stack.aws.queues.messages(ORDERS_QUEUE);
        let looks = messages.iter().filter(|message| message.body.contains("PF-"));
        (looks.count(), messages.len())
    };
    assert_eq!(
        queued(),
        (200, 201),
        "the orders, and the message that asks for more"
    );
    while shop.stack.work().await.unwrap() > 0 {
        let (looks, messages) = queued();
        assert!(looks <= 200 && messages <= looks + 1, "{looks} of {messages}");
    }
    assert_eq!(shop.robaws.stock_changes().len(), 450);
    shop.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_waits_while_robaws_is_paused_and_goes_on_with_the_poll() {
    let shop = Shop::open().await;
    for at in 0..250 {
        shop.place(one_line(&format!("PF-{at}")));
    }
    shop.clock.advance(SignedDuration::from_mins(5));
    shop.stack.poll().await.unwrap();
    shop.robaws.set_used_today(10_000, 0);
    shop.stack.drain().await.unwrap();
    assert!(shop.robaws.stock_changes().is_empty());
    let left = shop.stack.aws.queues.messages(ORDERS_QUEUE);
    assert!(left.is_empty(), "nothing is queued for a peer that is paused");
    shop.robaws.set(|settings| {
        settings.rate_per_second = 10_000;
        settings.burst = 10_000;
    });
    shop.clock.advance(SignedDuration::from_hours(24));
    shop.rounds(20).await;
    assert_eq!(shop.robaws.stock_changes().len(), 250);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_reads_nothing_but_itself() {
    let shop = Shop::open().await;
    shop.rounds(10).await;
    shop.stack.aws.iam.take_calls();
    shop.rounds(50).await;
    // Ten polls read the eight parts of the connections, and each wrote down where it stands.
    assert_eq!(polled(&shop), (0, 10 * (8 + 1)));
    // Once an hour it is asked whether that is still so.
    shop.rounds(60).await;
    let (of_index, _) = polled(&shop);
    assert_eq!(of_index, 4 + 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_due_wakes_a_connection_at_rest() {
    let shop = Shop::open().await;
    shop.place(one_line("PF-1"));
    shop.rounds(30).await;
    assert_eq!(shop.state("PF-1").await, "booked");
    shop.stack.aws.iam.take_calls();
    shop.round().await;
    assert_eq!(polled(&shop).0, 0, "at rest");
    let before = looked_at(&shop, "PF-1").await;
    let path = "/api/connections/shop/orders/PF-1/retry";
    let (status, _) = shop.stack.api("POST", path, &json!(null)).await.unwrap();
    assert_eq!(status, 202);
    // The message is lost; what is due stands in the ledger, and the very next poll must find it.
    shop.stack.aws.queues.lose_all(ORDERS_QUEUE);
    shop.rounds(15).await;
    assert!(looked_at(&shop, "PF-1").await > before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_is_due_later_is_looked_at_then() {
    let shop = Shop::open().await;
    shop.place(one_line("PF-1"));
    shop.rounds(10).await;
    // The list does not show it any more: only the re-look, an hour after the last one, can see that it shipped.
    shop.productflow.set(|settings| settings.list_frozen = true);
    shop.productflow.ship("PF-1");
    shop.rounds(75).await;
    assert_eq!(shop.state("PF-1").await, "invoiced");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_connection_is_polled_by_exactly_one_shard() {
    let shop = Shop::open().await;
    let mut companies = vec![demo::COMPANY];
    for at in 0..40 {
        let company = 100 + at;
        shop.stack
            .productflow
            .company(company)
            .add_token(&format!("token-{at}"));
        let (login, token) = ((demo::ROBAWS_KEY, demo::ROBAWS_SECRET), format!("token-{at}"));
        let go_live = crate::shop::START.parse().unwrap();
        shop.stack
            .connect(
                &format!("shop-{at}"),
                login,
                (company, &token),
                settings(),
                go_live,
            )
            .await
            .unwrap();
        companies.push(company);
    }
    for shards in [1, 2, 4, 8] {
        shop.stack.productflow.clear_calls();
        let mut polled = Vec::new();
        for shard in 0..shards {
            let answer = shop.stack.poll_shard(shard, shards).await.unwrap();
            polled.push(answer["polled"].as_u64().unwrap());
        }
        assert_eq!(polled.iter().sum::<u64>(), 41);
        assert!(polled.iter().all(|of_shard| *of_shard > 0), "{polled:?}");
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for call in shop.stack.productflow.calls() {
            *times.entry(call.tenant.unwrap()).or_default() += 1;
        }
        let once: BTreeMap<String, usize> = companies.iter().map(|id| (id.to_string(), 1)).collect();
        assert_eq!(times, once, "{shards} shards");
    }
    assert!(shop.stack.poll_shard(4, 4).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_connections_than_are_kept_in_memory_are_each_come_to_once() {
    let shop = Shop::open().await;
    // Nothing was ever entered for them, so that each takes but a look.
    for at in 0..2_400 {
        let id = ConnectionId::parse(format!("empty-{at}")).unwrap();
        let connection = Connection {
            state: ConnectionState::Active,
            ..Connection::new(id, Language::EN, settings(), shop.clock.now())
        };
        shop.stack.store.create_connection(&connection).await.unwrap();
    }
    shop.place(one_line("PF-1"));
    shop.clock.advance(SignedDuration::from_mins(5));
    for _ in 0..2 {
        shop.stack.productflow.clear_calls();
        let answer = shop.stack.poll_shard(0, 1).await.unwrap();
        assert_eq!(
            (answer["polled"].as_u64(), answer["failed"].as_u64()),
            (Some(1), Some(2_400))
        );
        // Polled just before, it is the last in the second round, and read again for it.
        assert_eq!(shop.stack.productflow.calls().len(), 1);
        shop.clock.advance(SignedDuration::from_mins(5));
    }
    shop.stack.drain().await.unwrap();
    assert_eq!(shop.robaws.stock_changes().len(), 1);
}
