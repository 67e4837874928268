//! Robaws: requests per second, requests per day, and the replica.

use jiff::SignedDuration;
use reqwest::{Method, Response};
use serde_json::json;
use simulators::ViolationKind;

use crate::support::{Bench, read_answer, start_bench};

fn header_number(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
}

async fn call_articles(bench: &Bench, replica: bool) -> Response {
    let request = bench.robaws_request(Method::GET, "/companies");
    let request = if replica { request.header("Database-Mode", "replica") } else { request };
    request.send().await.unwrap()
}

#[tokio::test]
async fn an_empty_bucket_is_429_and_refills() {
    let bench = start_bench().await;
    bench.tenant.change_settings(|settings| {
        settings.burst = 3;
        // Slow enough that the calls below can't outlast it.
        settings.rate_per_second = 1;
    });
    for left in ["2", "1", "0"] {
        let response = call_articles(&bench, false).await;
        assert_eq!(response.status(), 200);
        assert_eq!(header_number(&response, "x-ratelimit-remaining").as_deref(), Some(left));
    }
    // The replica shares the bucket.
    for replica in [false, true] {
        let response = call_articles(&bench, replica).await;
        assert_eq!(response.status(), 429);
        assert_eq!(header_number(&response, "x-ratelimit-remaining").as_deref(), Some("0"));
        assert_ne!(header_number(&response, "x-ratelimit-daily-remaining").as_deref(), Some("0"));
        assert_eq!(header_number(&response, "retry-after"), None);
        assert_eq!(read_answer(response).await.1["error"], "Too Many Requests");
    }
    bench.tenant.change_settings(|settings| settings.retry_after = true);
    assert_eq!(header_number(&call_articles(&bench, false).await, "retry-after").as_deref(), Some("1"));
    assert!(bench.robaws.violations().iter().all(|seen| seen.kind == ViolationKind::RateLimit));
    assert_eq!(bench.robaws.violations().len(), 3);
    // A refused call counts for nothing.
    assert_eq!(bench.tenant.used_today(), (3, 0));

    bench.tenant.change_settings(|settings| settings.rate_per_second = 1000);
    let refilled = async {
        while call_articles(&bench, false).await.status() != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), refilled).await.unwrap();
}

#[tokio::test]
async fn a_used_up_day_is_429_until_midnight() {
    let bench = start_bench().await;
    bench.tenant.change_settings(|settings| settings.retry_after = true);
    bench.tenant.set_used_today(9_999, 5);
    let last = call_articles(&bench, false).await;
    assert_eq!(last.status(), 200);
    assert_eq!(header_number(&last, "x-ratelimit-daily-remaining").as_deref(), Some("0"));
    assert_eq!(header_number(&last, "x-ratelimit-daily-limit").as_deref(), Some("10000"));
    let refused = call_articles(&bench, false).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(header_number(&refused, "x-ratelimit-daily-remaining").as_deref(), Some("0"));
    assert_eq!(header_number(&refused, "x-ratelimit-daily-reset").as_deref(), Some("57600"));
    assert_eq!(header_number(&refused, "retry-after").as_deref(), Some("57600"));
    // The replica has a day of its own.
    let replica = call_articles(&bench, true).await;
    assert_eq!(replica.status(), 200);
    assert_eq!(header_number(&replica, "x-ratelimit-daily-remaining").as_deref(), Some("9994"));
    bench.clock.advance_by(SignedDuration::from_hours(16));
    assert_eq!(call_articles(&bench, false).await.status(), 200);
    assert_eq!(bench.tenant.used_today(), (1, 0));
}

#[tokio::test]
async fn headers_can_be_absent() {
    let bench = start_bench().await;
    bench.tenant.change_settings(|settings| settings.rate_limit_headers = false);
    assert_eq!(header_number(&call_articles(&bench, false).await, "x-ratelimit-remaining"), None);
}

#[tokio::test]
async fn tenants_have_buckets_of_their_own() {
    let bench = start_bench().await;
    bench.tenant.set_used_today(10_000, 0);
    bench.robaws.tenant_named("other").add_admin("k2", "s2");
    assert_eq!(call_articles(&bench, false).await.status(), 429);
    let url = format!("{}/api/v2/companies", bench.robaws_server.url());
    let other = bench.http.get(url).basic_auth("k2", Some("s2")).send().await.unwrap();
    assert_eq!(other.status(), 200);
}

#[tokio::test]
async fn the_replica_lags_behind() {
    let bench = start_bench().await;
    bench.tenant.change_settings(|settings| settings.replica_lag_ms = 10_000);
    let name = async || {
        let request = bench.robaws_request(Method::GET, "/articles/12").header("Database-Mode", "replica");
        read_answer(request.send().await.unwrap()).await.1["name"].as_str().unwrap().to_owned()
    };
    bench.clock.advance_by(SignedDuration::from_mins(1));
    assert_eq!(bench.patch_robaws("/articles/12", json!({"name": "New"})).await.0, 204);
    assert_eq!(bench.get_robaws("/articles/12").await.1["name"], "New");
    assert_eq!(name().await, "Article A-1");
    bench.clock.advance_by(SignedDuration::from_secs(9));
    assert_eq!(bench.patch_robaws("/articles/12", json!({"name": "Newer"})).await.0, 204);
    assert_eq!(name().await, "Article A-1");
    bench.clock.advance_by(SignedDuration::from_secs(1));
    assert_eq!(name().await, "New");
    bench.clock.advance_by(SignedDuration::from_secs(9));
    assert_eq!(name().await, "Newer");
    assert!(bench.robaws.calls().iter().any(|call| call.replica));
}

#[tokio::test]
async fn the_replica_can_only_be_read() {
    let bench = start_bench().await;
    let request = bench.robaws_request(Method::POST, "/tasks").header("Database-Mode", "replica");
    assert_eq!(request.json(&json!({"title": "x"})).send().await.unwrap().status(), 400);
    assert_eq!(bench.tenant.tasks(), []);
    assert_eq!(bench.robaws.violations()[0].kind, ViolationKind::ReplicaWrite);
}
