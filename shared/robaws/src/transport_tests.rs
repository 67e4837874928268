//! Tests of how the answer to a call is understood, and which calls are repeated.

use super::*;
use http::HeaderMap;
use runtime::http::MOST_ANSWER_BYTES;
use std::sync::Mutex;
use tokio::time::Instant;

/// How every call ended.
#[derive(Debug, Default)]
struct RecordedCalls(Mutex<Vec<CallEnd>>);

impl runtime::observer::CallObserver for RecordedCalls {
    fn call_ended(&self, _took: Duration, ended: CallEnd) {
        self.0.lock().unwrap().push(ended);
    }

    fn answer_unreadable(&self) {}
}

impl RecordedCalls {
    fn call_ends(&self) -> Vec<CallEnd> {
        self.0.lock().unwrap().clone()
    }
}

/// A client whose calls end at once without an answer, since the client speaks HTTPS only.
fn client_without_answers() -> (Client, Arc<RecordedCalls>) {
    let heard = Arc::new(RecordedCalls::default());
    let credentials = Credentials { key: "key".into(), secret: "secret".into() };
    let client = Client::new(
        runtime::http::peer_client(&[]).unwrap(),
        "http://localhost/api/v2".parse().unwrap(),
        credentials,
        Arc::default(),
    );
    (client.with_observer(heard.clone()), heard)
}

#[test]
fn a_list_ends_with_its_last_page_or_an_empty_one_and_is_refused_when_it_does_not_end() {
    let end = |read, rows, total_pages| is_list_end(read, rows, total_pages).ok();
    assert_eq!(end(1, 100, 2), Some(false));
    assert_eq!(end(2, 100, 2), Some(true));
    assert_eq!(end(1, 100, 0), Some(true), "without a number of pages");
    assert_eq!(end(1, 0, u64::MAX), Some(true));
    assert_eq!(end(999, 100, u64::MAX), Some(false));
    assert_eq!(end(1_000, 100, 1_000), Some(true));
    assert_eq!(end(1_000, 100, u64::MAX), None);
}

#[test]
fn a_request_keeps_the_rest_of_what_it_is() {
    let body = Request::post_json("stock-changes", "{}", "key");
    assert_eq!(body.idempotency_key, Some("key"));
    let of_replica = body.with_replica(true);
    assert!(of_replica.from_replica && of_replica.idempotency_key == Some("key"));
    let without = of_replica.without_idempotency_key();
    assert_eq!((without.idempotency_key, without.path), (None, "stock-changes"));
    assert!(without.from_replica && without.method == Method::POST && without.body.is_some());
    assert!(!Request::get("articles", &[]).with_replica(false).from_replica);
}

#[test]
fn an_api_user_is_told_by_the_digest_of_his_key() {
    let digest = |key: &str, secret: &str| {
        let credentials = Credentials { key: key.into(), secret: secret.into() };
        let url = "http://localhost/api/v2".parse().unwrap();
        Client::new(runtime::http::peer_client(&[]).unwrap(), url, credentials, Arc::default()).key_digest()
    };
    assert_eq!(digest("key", "secret"), "2c70e12b7a0646f9");
    assert_eq!(digest("key", "other"), digest("key", "secret"));
    assert_ne!(digest("other", "secret"), digest("key", "secret"));
}

#[tokio::test(start_paused = true)]
async fn a_read_without_an_answer_is_made_once_more_and_a_write_is_not() {
    let (client, heard) = client_without_answers();
    let read = client.get_json::<serde_json::Value>(Request::get("articles", &[]), "articles");
    let answer = read.await;
    assert!(matches!(answer, Err(Error::NoAnswer { .. })), "{answer:?}");
    assert_eq!(heard.call_ends(), [CallEnd::Failed, CallEnd::Failed]);

    let (client, heard) = client_without_answers();
    let answer = client.send_write(Request::post_json("stock-changes", "{}", "key")).await;
    assert!(matches!(answer, Err(Error::NoAnswer { .. })));
    assert_eq!(heard.call_ends(), [CallEnd::Failed]);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_took_long_is_not_made_again() {
    let (client, heard) = client_without_answers();
    client.pacer.hold_requests(Duration::from_secs(6));
    let began = Instant::now();
    let read = client.get_json::<serde_json::Value>(Request::get("articles", &[]), "articles");
    read.await.unwrap_err();
    assert!(began.elapsed() >= Duration::from_secs(6));
    assert_eq!(heard.call_ends(), [CallEnd::Failed]);
}

#[tokio::test(start_paused = true)]
async fn a_path_that_names_a_folder_is_not_called() {
    for path in ["", "articles/", "articles/..", "./articles", "articles//12"] {
        let (client, heard) = client_without_answers();
        let answer = client.send_write(Request::get(path, &[])).await;
        assert!(matches!(answer, Err(Error::NotFound { .. })), "{path}");
        assert!(heard.call_ends().is_empty(), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_the_day_is_what_the_answers_say() {
    let (client, _) = client_without_answers();
    assert_eq!(client.limits(), Limits::default());
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("x-ratelimit-remaining", 14),
        ("x-ratelimit-daily-remaining", 9_000),
        ("x-ratelimit-daily-limit", 10_000),
        ("x-ratelimit-daily-reset", 3_600),
    ] {
        headers.insert(name, value.into());
    }
    client.pacer.learn_from_answer(&headers, true);
    let limits = Limits {
        remaining: Some(14),
        daily_remaining: Some(9_000),
        daily_limit: Some(10_000),
        daily_reset: Some(3_600),
    };
    assert_eq!(client.limits(), limits);
}

/// How an answer of this status with this body is understood: its status, or the error.
async fn describe_answer(status: u16, body: Vec<u8>) -> String {
    let response: Response = http::Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(body)
        .unwrap()
        .into();
    let observer: SharedObserver = Arc::new(NoObserver);
    match read_answer(response, "articles/12", &observer).await {
        Ok(answer) => format!("{}", answer.status),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn an_answer_is_told_by_its_status_however_large_it_is() {
    for (status, expected) in [
        (200, "200"),
        (204, "204"),
        (301, "Robaws redirects (301)"),
        (302, "Robaws redirects (302)"),
        (399, "Robaws redirects (399)"),
        (400, "Robaws refuses the request (400, correlation none)"),
        (401, "Robaws refuses the API key (401)"),
        (403, "Robaws refuses access to articles/12 (403)"),
        (404, "Robaws does not have articles/12 (404)"),
        (408, "Robaws is not available (408)"),
        (409, "the same request is still running at Robaws (409)"),
        (422, "Robaws refuses the request (422, correlation none)"),
        (429, "Robaws allows no more requests now (429, daily: false)"),
        (500, "Robaws is not available (500)"),
        (503, "Robaws is not available (503)"),
    ] {
        assert_eq!(describe_answer(status, Vec::new()).await, expected);
        let large = describe_answer(status, vec![b' '; MOST_ANSWER_BYTES + 1]).await;
        if status < 300 {
            assert_eq!(large, "the answer of Robaws can't be read as an answer");
        } else {
            assert_eq!(large, expected, "too large");
        }
    }
}
