//! `connector connection rebuild`: asked for, and watched with `--wait`.

use crate::mock::{Mock, MockAnswer};
use crate::shop::{FinishedRun, Shop, example_order, run_connector, test_environment};
use serde_json::{Value, json};

fn connection_answer(rebuild: impl Into<Value>) -> MockAnswer {
    let rebuild: Value = rebuild.into();
    (200, json!({ "id": "acme", "state": "suspended", "rebuild": rebuild }))
}

fn rebuild_json(started: &str, finished: Option<&str>, orders: u32) -> Value {
    json!({
        "started_at": started, "finished_at": finished, "dry_run": false, "lost_at": "2026-11-22T00:00:00Z",
        "documents": 240, "known": 119, "orders": orders, "made": 118, "in_doubt": 2, "strangers": 1,
    })
}

async fn run_rebuild(mock: &Mock, more: &[&str]) -> FinishedRun {
    let url = mock.url();
    let arguments: Vec<&str> =
        ["connection", "rebuild", "acme"].iter().chain(more).copied().chain(["--api", &url]).collect();
    run_connector(&test_environment(), &arguments, "").await
}

#[tokio::test]
async fn a_rebuild_is_asked_for() {
    let mock = Mock::with_answers([(202, json!({}))]).await;
    let ended = run_rebuild(
        &mock,
        &["--go-live", "2026-01-01T00:00:00Z", "--lost-at", "2026-11-22T00:00:00+01:00", "--dry-run"],
    )
    .await;
    assert_eq!(ended.exit, 0, "{ended:#?}");
    insta::assert_snapshot!("rebuild", ended.out);
    let asked = mock.received_requests();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        asked[0].body,
        json!({ "go_live": "2026-01-01T00:00:00Z", "lost_at": "2026-11-21T23:00:00Z", "dry_run": true })
    );
    let mock = Mock::with_answers([(202, json!({}))]).await;
    run_rebuild(&mock, &[]).await;
    assert_eq!(mock.received_requests()[0].body, json!({}));
}

#[tokio::test]
async fn it_is_watched_until_it_is_finished() {
    let (old, new) = ("2026-11-20T08:00:00Z", "2026-11-23T08:00:00Z");
    let mock = Mock::with_answers([
        connection_answer(rebuild_json(old, Some("2026-11-20T08:10:00Z"), 1)),
        (202, json!({})),
        // The rebuild of before is still shown; it is not the one that was asked for.
        connection_answer(rebuild_json(old, Some("2026-11-20T08:10:00Z"), 1)),
        connection_answer(rebuild_json(new, None, 40)),
        (503, json!({})),
        connection_answer(rebuild_json(new, None, 80)),
        connection_answer(rebuild_json(new, Some("2026-11-23T08:04:00Z"), 121)),
    ])
    .await;
    let ended = run_rebuild(&mock, &["--wait"]).await;
    assert_eq!(ended.exit, 0, "{ended:#?}");
    insta::assert_snapshot!("rebuild_waited", ended.out);
    insta::assert_snapshot!("rebuild_waited_note", ended.err);
    let methods: Vec<String> = mock.received_requests().into_iter().map(|asked| asked.method).collect();
    assert_eq!(methods, ["GET", "POST", "GET", "GET", "GET", "GET", "GET"]);
}

#[tokio::test]
async fn what_can_not_be_watched_goes_on() {
    let broken = (500, json!({ "error": { "code": "internal", "message": "Something went wrong." } }));
    let mut answers = vec![connection_answer(Value::Null), (202, json!({}))];
    answers.extend(vec![broken; 4]);
    let mock = Mock::with_answers(answers).await;
    let ended = run_rebuild(&mock, &["--wait"]).await;
    assert_eq!((ended.exit, ended.out.as_str()), (1, ""));
    assert!(ended.err.contains("goes on without you"), "{}", ended.err);
}

#[tokio::test]
async fn it_shows_with_its_connection() {
    let mock = Mock::with_answers([connection_answer(rebuild_json("2026-11-23T08:00:00Z", None, 40))]).await;
    let url = mock.url();
    let ended = run_connector(&test_environment(), &["connection", "show", "acme", "--api", &url], "").await;
    insta::assert_snapshot!("show_rebuild", ended.out);
}

#[tokio::test]
async fn a_connection_is_suspended_rebuilt_and_deleted() {
    let shop = Shop::with_connection().await;
    shop.place_order(example_order("PF-1"));
    shop.pass_five_minutes().await;
    let suspended = shop.run_successfully(&["connection", "suspend", "acme"]).await;
    assert!(suspended.contains("nothing is booked"), "{suspended:#?}");
    let works = async {
        // Works off the queues until the rebuild is done and the connection is active again.
        loop {
            Box::pin(shop.stack.drain_queues()).await.unwrap();
            tokio::task::yield_now().await;
            let shown = shop.stack.call_api("GET", "/api/connections/acme", &Value::Null);
            if Box::pin(shown).await.unwrap().1["state"] == "active" {
                return;
            }
        }
    };
    let arguments = ["connection", "rebuild", "acme", "--wait"];
    let (rebuilt, ()) = tokio::join!(shop.run_successfully(&arguments), works);
    assert!(rebuilt.contains("made anew"), "{rebuilt:#?}");
    let shown = shop.run_successfully(&["connection", "show", "acme"]).await;
    assert!(shown.starts_with("acme  active"), "{shown}");
    shop.run_successfully(&["connection", "deactivate", "acme"]).await;
    shop.run_successfully(&["connection", "delete", "acme", "--yes"]).await;
    let gone = shop.run_command(&["connection", "show", "acme"]).await;
    assert_eq!(gone.exit, 3, "{gone:#?}");
}
