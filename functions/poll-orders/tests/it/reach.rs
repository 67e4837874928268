//! How far the poll reaches: a backlog of one connection, many connections in shards, and how little an idle one takes.

use jiff::SignedDuration;
use local::stack::ORDERS_QUEUE;
use serde_json::json;
use simulators::demo;
use simulators::traffic::ViolationKind;
use std::collections::BTreeMap;
use world::{START, World, default_settings, order_of_one_line};

/// Calls of the poll since they were last taken: queries of the index of what is due, and all that read or write the table itself.
fn count_polled_connections(world: &World) -> (u64, u64) {
    let (mut of_index, mut of_table) = (0, 0);
    for (call, times) in world.stack.aws.iam.take_calls() {
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

async fn looked_at(world: &World, identifier: &str) -> Option<jiff::Timestamp> {
    world.read_order(identifier).await.looked_at
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_goes_on_without_the_next_poll() {
    let world = World::new().await;
    world.robaws.change_settings(|settings| {
        settings.rate_per_second = 10_000;
        settings.burst = 10_000;
        settings.daily_limit = 100_000;
    });
    for at in 0..450 {
        world.place_order(order_of_one_line(&format!("PF-{at}")));
    }
    world.clock.advance_by(SignedDuration::from_mins(5));
    world.stack.run_poll().await.unwrap();
    let queued = || {
        let messages = world.stack.aws.queues.messages_in(ORDERS_QUEUE);
        let looks = messages.iter().filter(|message| message.body.contains("PF-"));
        (looks.count(), messages.len())
    };
    assert_eq!(queued(), (200, 201), "the orders, and the message that asks for more");
    while world.stack.work_orders().await.unwrap() > 0 {
        let (looks, messages) = queued();
        assert!(looks <= 200 && messages <= looks + 1, "{looks} of {messages}");
    }
    assert_eq!(world.robaws.stock_changes().len(), 450);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_waits_while_robaws_is_paused_and_goes_on_with_the_poll() {
    let world = World::new().await;
    for at in 0..250 {
        world.place_order(order_of_one_line(&format!("PF-{at}")));
    }
    world.clock.advance_by(SignedDuration::from_mins(5));
    world.stack.run_poll().await.unwrap();
    world.robaws.set_used_today(10_000, 0);
    world.expect_violation(ViolationKind::RateLimit);
    world.stack.drain_queues().await.unwrap();
    assert!(world.robaws.stock_changes().is_empty());
    let left = world.stack.aws.queues.messages_in(ORDERS_QUEUE);
    assert!(left.is_empty(), "nothing is queued for a peer that is paused");
    world.robaws.change_settings(|settings| {
        settings.rate_per_second = 10_000;
        settings.burst = 10_000;
    });
    world.clock.advance_by(SignedDuration::from_hours(24));
    world.poll_for_minutes(20).await;
    assert_eq!(world.robaws.stock_changes().len(), 250);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_costs_few_calls() {
    let world = World::new().await;
    world.poll_for_minutes(10).await;
    world.stack.aws.iam.take_calls();
    world.poll_for_minutes(50).await;
    // Each of ten polls asks the index for due orders, relooks, changed articles and bulk work, reads the eight parts of the
    // connections, and writes down where it stands.
    assert_eq!(count_polled_connections(&world), (10 * 4, 10 * (8 + 1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_whose_message_was_lost_is_found_by_the_next_polls() {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1"));
    world.poll_for_minutes(30).await;
    assert_eq!(world.order_state("PF-1").await, "booked");
    let before = looked_at(&world, "PF-1").await;
    let path = "/api/connections/shop/orders/PF-1/retry";
    let (status, _) = world.stack.call_api("POST", path, &json!(null)).await.unwrap();
    assert_eq!(status, 202);
    world.stack.aws.queues.lose_messages(ORDERS_QUEUE);
    world.poll_for_minutes(15).await;
    assert!(looked_at(&world, "PF-1").await > before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_is_due_later_is_looked_at_then() {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1"));
    world.poll_for_minutes(10).await;
    // The list does not show it any more: only the re-look, an hour after the last one, can see that it shipped.
    world.productflow.change_settings(|settings| settings.list_frozen = true);
    world.productflow.ship_order("PF-1");
    world.poll_for_minutes(75).await;
    assert_eq!(world.order_state("PF-1").await, "invoiced");
}

/// Makes more connections and gives their companies.
async fn connect_others(world: &World, connections: u64) -> Vec<u64> {
    let companies: Vec<u64> = (100..100 + connections).collect();
    for company in &companies {
        let token = format!("token-{company}");
        world.stack.productflow.company_numbered(*company).add_token(&token);
        let robaws = (demo::ROBAWS_KEY, demo::ROBAWS_SECRET);
        let id = format!("shop-{company}");
        let connected = world
            .stack
            .create_active_connection(
                &id,
                robaws,
                (*company, &token),
                default_settings(),
                START.parse().unwrap(),
            )
            .await;
        connected.unwrap();
    }
    companies
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_connection_is_polled_by_exactly_one_shard() {
    let world = World::new().await;
    let mut companies = connect_others(&world, 40).await;
    companies.push(demo::COMPANY);
    for shards in [1, 2, 4, 8] {
        world.stack.productflow.clear_calls();
        let mut polled = Vec::new();
        for shard in 0..shards {
            let answer = world.stack.run_poll_shard(shard, shards).await.unwrap();
            polled.push(answer["polled"].as_u64().unwrap());
        }
        assert_eq!(polled.iter().sum::<u64>(), 41);
        assert!(polled.iter().all(|of_shard| *of_shard > 0), "{polled:?}");
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for call in world.stack.productflow.calls() {
            *times.entry(call.tenant.unwrap()).or_default() += 1;
        }
        let once: BTreeMap<String, usize> = companies.iter().map(|id| (id.to_string(), 1)).collect();
        assert_eq!(times, once, "{shards} shards");
    }
    assert!(world.stack.run_poll_shard(4, 4).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_polled_least_recently_come_first() {
    let world = World::new().await;
    connect_others(&world, 200).await;
    let companies_called = || -> Vec<String> {
        let calls = world.stack.productflow.calls().into_iter();
        let called = calls.map(|call| call.tenant.unwrap()).collect();
        world.stack.productflow.clear_calls();
        called
    };
    companies_called();
    // A round reads shard 0 first; here that was polled last.
    let mut least_recent = Vec::new();
    for shard in (0..8).rev() {
        world.clock.advance_by(SignedDuration::from_mins(1));
        world.stack.run_poll_shard(shard, 8).await.unwrap();
        let called = companies_called();
        if shard == 7 {
            least_recent = called;
        }
    }
    world.stack.run_poll_shard(0, 1).await.unwrap();
    let called = companies_called();
    assert_eq!(called.len(), 201);
    // 64 connections are polled at a time, so the order is exact only so far.
    let first = &called[..least_recent.len() + 64];
    assert!(least_recent.iter().all(|company| first.contains(company)));
}
