//! The metrics of whole stories, as CloudWatch would get them.

use jiff::SignedDuration;
use serde_json::{Value, json};
use simulators::traffic::{Answer, Effect};
use simulators::{Fault, Outage};
use std::time::Duration;
use store::model::ConnectionState;
use template::Samples;
use world::{World, default_settings, order_of_one_line};

/// All values of a metric so far, on lines that hold this.
fn values_with(world: &World, metric: &str, key: &str, value: &str) -> Vec<u64> {
    let lines = world.stack.metrics.lines();
    let mut values = Vec::new();
    for line in lines.iter().filter(|line| line[key] == value) {
        match &line[metric] {
            Value::Array(several) => values.extend(several.iter().filter_map(Value::as_u64)),
            one => values.extend(one.as_u64()),
        }
    }
    values
}

fn metric_values(world: &World, metric: &str) -> Vec<u64> {
    let services = ["poll-orders", "process-order", "sync-article", "reconcile", "web", "article-push"];
    let of = |service: &&str| values_with(world, metric, "service", service);
    services.iter().flat_map(of).collect()
}

fn sum_of_metric(world: &World, metric: &str) -> u64 {
    metric_values(world, metric).iter().sum()
}

/// CloudWatch takes all of the line, and no tenant is a dimension.
fn assert_is_emf(line: &Value) {
    assert!(template::emf::add_line(&mut Samples::default(), &line.to_string()).unwrap(), "{line}");
    for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
        assert_eq!(directive["Namespace"], "Connector");
        for metric in directive["Metrics"].as_array().unwrap() {
            let unit = metric["Unit"].as_str().unwrap();
            assert!(["Count", "Seconds", "Milliseconds", "Percent"].contains(&unit), "{line}");
        }
        for set in directive["Dimensions"].as_array().unwrap() {
            for key in set.as_array().unwrap() {
                let key = key.as_str().unwrap();
                assert!(["Peer", "State", "Function"].contains(&key), "{key} is no dimension: {line}");
                assert_ne!(line[key], "shop", "no tenant is a dimension");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_story_of_orders_is_counted() {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1"));
    world.place_order(order_of_one_line("PF-2"));
    world.place_order(order_of_one_line("PF-3").with_line("UNKNOWN", 1, 500, Some("7")));
    world.poll_and_work().await;
    assert_eq!(sum_of_metric(&world, "OrdersSeen"), 3);
    assert_eq!(sum_of_metric(&world, "StockChangesBooked"), 3, "the known line of PF-3 too");
    assert_eq!(metric_values(&world, "OrderToBooking"), [0, 0, 0]);
    assert_eq!(sum_of_metric(&world, "OrdersBlocked"), 1);
    assert_eq!(sum_of_metric(&world, "ProblemsOpened"), 1);
    world.productflow.ship_order("PF-1");
    world.productflow.cancel_order("PF-2");
    world.poll_for_minutes(20).await;
    assert_eq!(sum_of_metric(&world, "OrdersSeen"), 5);
    assert_eq!(sum_of_metric(&world, "InvoicesMade"), 1);
    assert_eq!(sum_of_metric(&world, "StockChangesReversed"), 1);
    assert_eq!(sum_of_metric(&world, "StockChangesBooked"), 3);
    assert_eq!(sum_of_metric(&world, "OrdersBlocked"), 1, "it was blocked all the time");
    assert_eq!(sum_of_metric(&world, "ProblemsClosed"), 0);
    assert_eq!(sum_of_metric(&world, "OrdersInDoubt"), 0);
    let (status, _) = world
        .stack
        .call_api("POST", "/api/connections/shop/orders/PF-3/settle", &json!({ "as": "handled" }))
        .await
        .unwrap();
    assert_eq!(status, 200);
    assert_eq!(sum_of_metric(&world, "ProblemsClosed"), 1);
    assert_eq!(values_with(&world, "ProblemsClosed", "service", "web"), [1]);
    world.stack.metrics.lines().iter().for_each(assert_is_emf);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_waited_for_robaws_tells_how_long() {
    let world = World::new().await;
    world.stack.robaws.set_outage(Some(Outage::Unavailable));
    world.place_order(order_of_one_line("PF-1"));
    world.poll_and_work().await;
    assert!(metric_values(&world, "OrderToBooking").is_empty());
    let failures = values_with(&world, "PeerFailures", "Peer", "robaws");
    assert!(failures.iter().sum::<u64>() > 0);
    world.stack.robaws.set_outage(None);
    world.poll_for_minutes(30).await;
    let waited = metric_values(&world, "OrderToBooking");
    assert!(matches!(waited.as_slice(), [seconds] if *seconds >= 300), "{waited:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_in_doubt_is_counted_by_the_look_and_by_the_night() {
    let world = world::build_world_with_order_in_doubt(false).await;
    let looks = sum_of_metric(&world, "OrdersInDoubt");
    assert!(looks >= 1);
    world.clock.advance_by(SignedDuration::from_hours(3));
    world.stack.run_nightly_check().await.unwrap();
    world.stack.drain_queues().await.unwrap();
    assert_eq!(values_with(&world, "OrdersInDoubt", "service", "reconcile"), [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_timed_and_throttling_and_the_quota_are_told() {
    let world = World::new().await;
    let throttled = Answer::with_json(429, json!({ "message": "too many" })).with_header("retry-after", "1");
    let throttled = Fault::for_call("POST", "/stock-changes").with_effect(Effect::Answer(throttled));
    world.stack.robaws.add_fault(throttled);
    world.place_order(order_of_one_line("PF-1"));
    world.poll_and_work().await;
    assert_eq!(world.order_state("PF-1").await, "booked");
    for peer in ["robaws", "productflow"] {
        let calls: u64 = values_with(&world, "PeerCalls", "Peer", peer).iter().sum();
        let latencies = values_with(&world, "PeerLatency", "Peer", peer);
        assert!(calls > 0);
        assert_eq!(u64::try_from(latencies.len()).unwrap(), calls, "each call is timed");
    }
    assert_eq!(values_with(&world, "PeerThrottled", "Peer", "robaws"), [1]);
    assert!(values_with(&world, "PeerFailures", "Peer", "robaws").is_empty(), "a 429 is no failure");
    let left = values_with(&world, "QuotaLeft", "connection", "shop");
    assert!(!left.is_empty() && left.iter().all(|percent| *percent <= 100), "{left:?}");
    world.stack.productflow.add_fault(Fault::for_call("GET", "/order").truncate_answer().for_calls(2));
    world.poll_and_work().await;
    let failures: u64 = values_with(&world, "PeerFailures", "Peer", "productflow").iter().sum();
    assert!(failures >= 1, "an answer that can't be read is a failure");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_tells_its_heartbeat_its_lag_and_the_connections() {
    let world = World::new().await;
    world.poll_and_work().await;
    world.poll_and_work().await;
    assert_eq!(metric_values(&world, "PollsCompleted"), [1, 1]);
    assert_eq!(metric_values(&world, "PollLag"), [300], "before the first pass nothing is known");
    let of_state = |state: &str| values_with(&world, "ConnectionsByState", "State", state);
    assert_eq!(of_state("active"), [1, 1]);
    assert_eq!(of_state("inactive"), [0, 0]);
    assert_eq!(of_state("suspended"), [0, 0]);
    assert_eq!(values_with(&world, "ConnectionsUnreachable", "Peer", "robaws"), [0, 0]);
    assert_eq!(metric_values(&world, "PollsUnfinished"), [0, 0]);
    assert_eq!(values_with(&world, "ColdStarts", "Function", "poll-orders"), [1]);
    assert_eq!(values_with(&world, "InitMilliseconds", "Function", "poll-orders").len(), 1);

    // ProductFlow is away for more than an hour.
    world.stack.productflow.set_outage(Some(Outage::Unavailable));
    world.poll_for_minutes(90).await;
    assert_eq!(values_with(&world, "ConnectionsUnreachable", "Peer", "productflow").last(), Some(&1));
    assert_eq!(sum_of_metric(&world, "ProblemsOpened"), 1);
    world.stack.productflow.set_outage(None);
    world.poll_for_minutes(30).await;
    assert_eq!(values_with(&world, "ConnectionsUnreachable", "Peer", "productflow").last(), Some(&0));
    assert_eq!(sum_of_metric(&world, "ProblemsClosed"), 1);

    let item = world.stack.store.load_connection(&world.connection).await.unwrap().unwrap();
    let mut connection = item.connection;
    connection.state = ConnectionState::Suspended;
    world.stack.store.update_connection(&connection).await.unwrap();
    world.poll_and_work().await;
    let last = |state: &str| values_with(&world, "ConnectionsByState", "State", state).last().copied();
    assert_eq!((last("suspended"), last("active")), (Some(1), Some(0)));
    world.stack.metrics.lines().iter().for_each(assert_is_emf);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_credentials_show_among_the_states() {
    let world = World::new().await;
    world.poll_and_work().await;
    let refused = Fault::for_call("GET", "/order").answer_status(401).until_cleared();
    world.stack.productflow.add_fault(refused);
    world.poll_for_minutes(10).await;
    let last = values_with(&world, "ConnectionsByState", "State", "needs_credentials");
    assert_eq!(last.last(), Some(&1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn articles_sent_are_counted_once_each() {
    let world = World::with_settings(default_settings()).await;
    let (status, answer) =
        world.stack.call_api("POST", "/api/connections/shop/articles/push", &Value::Null).await.unwrap();
    assert_eq!(status, 202, "{answer}");
    world.stack.drain_queues().await.unwrap();
    let ticked = world.productflow.products().len();
    assert!(ticked > 0);
    assert_eq!(sum_of_metric(&world, "ArticlesSent"), u64::try_from(ticked).unwrap());
    world.poll_for_minutes(10).await;
    assert_eq!(sum_of_metric(&world, "ArticlesSent"), u64::try_from(ticked).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_counted_before_a_failure_is_written() {
    let mut world = World::new().await;
    // The call has its effect after its caller is gone.
    world.leave_unfinished_rows();
    world.place_order(order_of_one_line("PF-1"));
    world.clock.advance_by(SignedDuration::from_mins(5));
    world.stack.run_poll().await.unwrap();
    // The invocation is ended by Lambda in the middle of a call.
    world.stack.set_time_limit(Duration::from_millis(1_500));
    let slow = Fault::for_call("POST", "/stock-changes").delay_before(Duration::from_secs(4));
    world.stack.robaws.add_fault(slow);
    drop(world.stack.work_orders().await);
    assert!(!values_with(&world, "PeerCalls", "service", "process-order").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_recorded_is_counted() {
    let world = World::new().await;
    // The table is gone at the end, and what was under way with it.
    world.leave_unfinished_rows();
    world.place_order(order_of_one_line("PF-1"));
    world.clock.advance_by(SignedDuration::from_mins(5));
    world.stack.run_poll().await.unwrap();
    world.stack.aws.dynamodb.delete_table().table_name(local::aws::TABLE).send().await.unwrap();
    world.stack.work_orders().await.unwrap();
    assert_eq!(values_with(&world, "RecordsUnrecorded", "Function", "process-order"), [1]);
    assert!(world.stack.run_poll().await.is_err());
    assert_eq!(sum_of_metric(&world, "PollsCompleted"), 1, "a poll that failed is no heartbeat");
}
