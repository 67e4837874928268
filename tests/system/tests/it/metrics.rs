//! The metrics of whole stories, as CloudWatch would get them.

use crate::order_pages;
use crate::shop::{Shop, one_line, settings};
use jiff::SignedDuration;
use serde_json::{Value, json};
use simulators::traffic::{Answer, Effect};
use simulators::{Fault, Outage};
use std::time::Duration;
use store::model::ConnectionState;
use template::Samples;

/// All values of a metric so far, on lines that hold this.
fn values_with(shop: &Shop, metric: &str, key: &str, value: &str) -> Vec<u64> {
    let lines = shop.stack.metrics.lines();
    let mut values = Vec::new();
    for line in lines.iter().filter(|line| line[key] == value) {
        match &line[metric] {
            Value::Array(several) => values.extend(several.iter().filter_map(Value::as_u64)),
            one => values.extend(one.as_u64()),
        }
    }
    values
}

fn values(shop: &Shop, metric: &str) -> Vec<u64> {
    let services = [
        "poll-orders",
        "process-order",
        "sync-article",
        "reconcile",
        "web",
        "article-push",
    ];
    let of = |service: &&str| values_with(shop, metric, "service", service);
    services.iter().flat_map(of).collect()
}

fn sum(shop: &Shop, metric: &str) -> u64 {
    values(shop, metric).iter().sum()
}

/// CloudWatch takes all of the line, and no tenant is a dimension.
fn assert_is_emf(line: &Value) {
    assert!(
        template::emf::add(&mut Samples::default(), &line.to_string()).unwrap(),
        "{line}"
    );
    for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
        assert_eq!(directive["Namespace"], "Connector");
        for metric in directive["Metrics"].as_array().unwrap() {
            let unit = metric["Unit"].as_str().unwrap();
            assert!(
                ["Count", "Seconds", "Milliseconds", "Percent"].contains(&unit),
                "{line}"
            );
        }
        for set in directive["Dimensions"].as_array().unwrap() {
            for key in set.as_array().unwrap() {
                let key = key.as_str().unwrap();
                assert!(
                    ["Peer", "State", "Function"].contains(&key),
                    "{key} is no dimension: {line}"
                );
                assert_ne!(line[key], "shop", "no tenant is a dimension");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_story_of_orders_is_counted() {
    let shop = Shop::open().await;
    shop.place(one_line("PF-1"));
    shop.place(one_line("PF-2"));
    shop.place(one_line("PF-3").line("UNKNOWN", 1, 500, Some("7")));
    shop.round().await;
    assert_eq!(sum(&shop, "OrdersSeen"), 3);
    assert_eq!(sum(&shop, "StockChangesBooked"), 3, "the known line of PF-3 too");
    assert_eq!(values(&shop, "OrderToBooking"), [0, 0, 0]);
    assert_eq!(sum(&shop, "OrdersBlocked"), 1);
    assert_eq!(sum(&shop, "ProblemsOpened"), 1);
    shop.productflow.ship("PF-1");
    shop.productflow.cancel("PF-2");
    shop.rounds(20).await;
    assert_eq!(sum(&shop, "OrdersSeen"), 5);
    assert_eq!(sum(&shop, "InvoicesMade"), 1);
    assert_eq!(sum(&shop, "StockChangesReversed"), 1);
    assert_eq!(sum(&shop, "StockChangesBooked"), 3);
    assert_eq!(sum(&shop, "OrdersBlocked"), 1, "it was blocked all the time");
    assert_eq!(sum(&shop, "ProblemsClosed"), 0);
    assert_eq!(sum(&shop, "OrdersInDoubt"), 0);
    let (status, _) = shop
        .stack
        .api(
            "POST",
            "/api/connections/shop/orders/PF-3/settle",
            &json!({ "as": "handled" }),
        )
        .await
        .unwrap();
    assert_eq!(status, 200);
    assert_eq!(sum(&shop, "ProblemsClosed"), 1);
    assert_eq!(values_with(&shop, "ProblemsClosed", "service", "web"), [1]);
    shop.stack.metrics.lines().iter().for_each(assert_is_emf);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_waited_for_robaws_tells_how_long() {
    let shop = Shop::open().await;
    shop.stack.robaws.outage(Some(Outage::Unavailable));
    shop.place(one_line("PF-1"));
    shop.round().await;
    assert!(values(&shop, "OrderToBooking").is_empty());
    let failures = values_with(&shop, "PeerFailures", "Peer", "robaws");
    assert!(failures.iter().sum::<u64>() > 0);
    shop.stack.robaws.outage(None);
    shop.rounds(30).await;
    let waited = values(&shop, "OrderToBooking");
    assert!(
        matches!(waited.as_slice(), [seconds] if *seconds >= 300),
        "{waited:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_in_doubt_is_counted_by_the_look_and_by_the_night() {
    let shop = order_pages::in_doubt(false).await;
    let looks = sum(&shop, "OrdersInDoubt");
    assert!(looks >= 1);
    shop.clock.advance(SignedDuration::from_hours(3));
    shop.stack.night().await.unwrap();
    shop.stack.drain().await.unwrap();
    assert_eq!(values_with(&shop, "OrdersInDoubt", "service", "reconcile"), [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_timed_and_throttling_and_the_quota_are_told() {
    let shop = Shop::open().await;
    let throttled = Answer::json(429, json!({ "message": "too many" })).header("retry-after", "1");
    let throttled = Fault::on("POST", "/stock-changes").effect(Effect::Answer(throttled));
    shop.stack.robaws.fault(throttled);
    shop.place(one_line("PF-1"));
    shop.round().await;
    assert_eq!(shop.state("PF-1").await, "booked");
    for peer in ["robaws", "productflow"] {
        let calls: u64 = values_with(&shop, "PeerCalls", "Peer", peer).iter().sum();
        let latencies = values_with(&shop, "PeerLatency", "Peer", peer);
        assert!(calls > 0);
        assert_eq!(
            u64::try_from(latencies.len()).unwrap(),
            calls,
            "each call is timed"
        );
    }
    assert_eq!(values_with(&shop, "PeerThrottled", "Peer", "robaws"), [1]);
    assert!(
        values_with(&shop, "PeerFailures", "Peer", "robaws").is_empty(),
        "a 429 is no failure"
    );
    let left = values_with(&shop, "QuotaLeft", "connection", "shop");
    assert!(
        !left.is_empty() && left.iter().all(|percent| *percent <= 100),
        "{left:?}"
    );
    shop.stack
        .productflow
        .fault(Fault::on("GET", "/order").truncate().times(2));
    shop.round().await;
    let failures: u64 = values_with(&shop, "PeerFailures", "Peer", "productflow")
        .iter()
        .sum();
    assert!(failures >= 1, "an answer that can't be read is a failure");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_tells_its_heartbeat_its_lag_and_the_connections() {
    let shop = Shop::open().await;
    shop.round().await;
    shop.round().await;
    assert_eq!(values(&shop, "PollsCompleted"), [1, 1]);
    assert_eq!(
        values(&shop, "PollLag"),
        [300],
        "before the first pass nothing is known"
    );
    let of_state = |state: &str| values_with(&shop, "ConnectionsByState", "State", state);
    assert_eq!(of_state("active"), [1, 1]);
    assert_eq!(of_state("inactive"), [0, 0]);
    assert_eq!(of_state("suspended"), [0, 0]);
    assert_eq!(
        values_with(&shop, "ConnectionsUnreachable", "Peer", "robaws"),
        [0, 0]
    );
    assert_eq!(values(&shop, "PollsUnfinished"), [0, 0]);
    assert_eq!(values_with(&shop, "ColdStarts", "Function", "poll-orders"), [1]);
    assert_eq!(
        values_with(&shop, "InitMilliseconds", "Function", "poll-orders").len(),
        1
    );

    // ProductFlow is away for more than an hour.
    shop.stack.productflow.outage(Some(Outage::Unavailable));
    shop.rounds(90).await;
    assert_eq!(
        values_with(&shop, "ConnectionsUnreachable", "Peer", "productflow").last(),
        Some(&1)
    );
    assert_eq!(sum(&shop, "ProblemsOpened"), 1);
    shop.stack.productflow.outage(None);
    shop.rounds(30).await;
    assert_eq!(
        values_with(&shop, "ConnectionsUnreachable", "Peer", "productflow").last(),
        Some(&0)
    );
    assert_eq!(sum(&shop, "ProblemsClosed"), 1);

    let item = shop
        .stack
        .store
        .connection(&shop.connection)
        .await
        .unwrap()
        .unwrap();
    let mut connection = item.connection;
    connection.state = ConnectionState::Suspended;
    shop.stack.store.update_connection(&connection).await.unwrap();
    shop.round().await;
    let last = |state: &str| {
        values_with(&shop, "ConnectionsByState", "State", state)
            .last()
            .copied()
    };
    assert_eq!((last("suspended"), last("active")), (Some(1), Some(0)));
    shop.stack.metrics.lines().iter().for_each(assert_is_emf);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_credentials_show_among_the_states() {
    let shop = Shop::open().await;
    shop.round().await;
    let refused = Fault::on("GET", "/order").status(401).forever();
    shop.stack.productflow.fault(refused);
    shop.rounds(10).await;
    let last = values_with(&shop, "ConnectionsByState", "State", "needs_credentials");
    assert_eq!(last.last(), Some(&1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn articles_sent_are_counted_once_each() {
    let shop = Shop::open_with(settings()).await;
    let (status, answer) = shop
        .stack
        .api("POST", "/api/connections/shop/articles/push", &Value::Null)
        .await
        .unwrap();
    assert_eq!(status, 202, "{answer}");
    shop.stack.drain().await.unwrap();
    let ticked = shop.productflow.products().len();
    assert!(ticked > 0);
    assert_eq!(sum(&shop, "ArticlesSent"), u64::try_from(ticked).unwrap());
    shop.rounds(10).await;
    assert_eq!(sum(&shop, "ArticlesSent"), u64::try_from(ticked).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_counted_before_a_failure_is_written() {
    let mut shop = Shop::open().await;
    shop.place(one_line("PF-1"));
    shop.clock.advance(SignedDuration::from_mins(5));
    shop.stack.poll().await.unwrap();
    // The invocation is ended by Lambda in the middle of a call.
    shop.stack.set_time_limit(Duration::from_millis(1_500));
    let slow = Fault::on("POST", "/stock-changes").delay_before(Duration::from_secs(4));
    shop.stack.robaws.fault(slow);
    drop(shop.stack.work().await);
    assert!(!values_with(&shop, "PeerCalls", "service", "process-order").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_recorded_is_counted() {
    let shop = Shop::open().await;
    shop.place(one_line("PF-1"));
    shop.clock.advance(SignedDuration::from_mins(5));
    shop.stack.poll().await.unwrap();
    shop.stack
        .aws
        .dynamodb
        .delete_table()
        .table_name(local::aws::TABLE)
        .send()
        .await
        .unwrap();
    shop.stack.work().await.unwrap();
    assert_eq!(
        values_with(&shop, "RecordsUnrecorded", "Function", "process-order"),
        [1]
    );
    assert!(shop.stack.poll().await.is_err());
    assert_eq!(
        sum(&shop, "PollsCompleted"),
        1,
        "a poll that failed is no heartbeat"
    );
}
