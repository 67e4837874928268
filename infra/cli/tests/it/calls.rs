//! The calls that each command makes, which of them are repeated, and the exit code when they fail.

use crate::mock::{Mock, MockAnswer};
use crate::shop::{FinishedRun, Shop, run_connector, test_environment};
use cli::environment::Environment;
use rstest::rstest;
use serde_json::{Value, json};
use std::collections::BTreeSet;

async fn run_against(mock: &Mock, arguments: &[&str], input: &str) -> FinishedRun {
    let url = mock.url();
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--api", url.as_str()]).collect();
    run_connector(&test_environment(), &arguments, input).await
}

fn failed_answer(status: u16) -> MockAnswer {
    (status, json!({ "error": { "code": "internal", "message": "Something went wrong." } }))
}

/// Every call of contract api.md: method, path, and a command that makes it.
const CALLS: [(&str, &str, &str); 26] = [
    ("GET", "/health", "health"),
    ("POST", "/api/connections", "connection create acme"),
    ("GET", "/api/connections", "connection list"),
    ("GET", "/api/connections/acme", "connection show acme"),
    ("PATCH", "/api/connections/acme", "connection set acme language=nl"),
    ("DELETE", "/api/connections/acme", "connection delete acme --yes"),
    ("POST", "/api/connections/acme/activate", "connection activate acme"),
    ("POST", "/api/connections/acme/deactivate", "connection deactivate acme"),
    ("POST", "/api/connections/acme/suspend", "connection suspend acme"),
    ("POST", "/api/connections/acme/rebuild", "connection rebuild acme"),
    ("POST", "/api/connections/acme/sign-in-link", "connection link acme"),
    ("GET", "/api/connections/acme/plan", "plan acme"),
    ("GET", "/api/connections/acme/orders", "order list acme"),
    ("GET", "/api/connections/acme/orders/PF-1", "order show acme PF-1"),
    ("POST", "/api/connections/acme/orders/PF-1/retry", "order retry acme PF-1"),
    ("POST", "/api/connections/acme/orders/PF-1/choose", "order choose acme PF-1 --line 1=tariff:7"),
    ("POST", "/api/connections/acme/orders/PF-1/settle", "order settle acme PF-1 --as handled"),
    ("POST", "/api/connections/acme/orders/PF-1/settle", "order settle acme PF-1 --as done --robaws-id 900"),
    ("POST", "/api/connections/acme/orders/PF-1/settle", "order settle acme PF-1 --as not_done"),
    (
        "POST",
        "/api/connections/acme/orders/PF-1/settle",
        "order settle acme PF-1 --as undo --invoice credit --stock return",
    ),
    ("GET", "/api/connections/acme/articles", "articles list acme"),
    ("POST", "/api/connections/acme/articles/push", "articles push acme"),
    ("POST", "/api/connections/acme/articles/tick", "articles tick acme --all"),
    ("POST", "/api/connections/acme/reconcile", "reconcile acme"),
    ("POST", "/api/connections/acme/reconcile", "reconcile acme --confirm-withdrawals"),
    ("GET", "/api/connections/acme/notifications", "notifications acme"),
];

fn split_words(command: &str) -> Vec<&str> {
    command.split(' ').collect()
}

fn path_of(asked: &str) -> &str {
    asked.split_once('?').map_or(asked, |(path, _)| path)
}

#[tokio::test]
async fn every_call_of_the_contract_has_a_command() {
    for (method, path, command) in CALLS {
        let mock = Mock::with_answers([]).await;
        let ended = run_against(&mock, &split_words(command), "").await;
        assert_eq!(ended.exit, 0, "{command}: {ended:#?}");
        let asked = mock.received_requests();
        assert_eq!(asked.len(), 1, "{command}");
        assert_eq!((asked[0].method.as_str(), path_of(&asked[0].path)), (method, path), "{command}");
        let token = format!("Bearer {}", local::stack::OPERATOR_TOKEN);
        let expected = if command == "health" { "" } else { &token };
        assert_eq!(asked[0].token, expected, "{command}");
    }
}

/// Runs every command against the real connector, so that no call exists in the mock alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connector_knows_every_call() {
    let shop = Shop::with_connection().await;
    let mut unknown = BTreeSet::new();
    for (_, _, command) in CALLS {
        let ended = shop.run_command(&split_words(command)).await;
        let nothing = ended.err.contains("There is nothing at this address");
        if nothing || ended.err.contains("does not know this call") {
            unknown.insert(command);
        }
    }
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[tokio::test]
async fn a_dry_run_sends_nothing() {
    let changing = CALLS.iter().filter(|(method, ..)| *method != "GET");
    // `connection rebuild --dry-run` is a call: the server counts.
    for (method, path, command) in changing.filter(|(_, _, command)| !command.contains("rebuild")) {
        let mock = Mock::with_answers([]).await;
        let mut arguments = split_words(command);
        arguments.push("--dry-run");
        let ended = run_against(&mock, &arguments, "").await;
        assert_eq!(ended.exit, 0, "{command}: {ended:#?}");
        assert!(ended.out.starts_with(&format!("{method} {path}")), "{command}: {}", ended.out);
        assert_eq!(ended.err, "Nothing was sent.\n");
        assert_eq!(mock.received_requests(), []);
        arguments.push("--json");
        let ended = run_against(&mock, &arguments, "").await;
        let shown: Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!((&shown["method"], &shown["path"]), (&json!(method), &json!(path)), "{command}");
        assert_eq!(mock.received_requests(), []);
    }
}

#[tokio::test]
async fn a_dry_run_masks_secrets() {
    let mock = Mock::with_answers([]).await;
    let arguments = split_words(
        "connection create acme --company 42 --robaws-login env --productflow-token - b2c_client_id=5 --dry-run",
    );
    let ended = run_against(&mock, &arguments, "canary-token\n").await;
    insta::assert_snapshot!("create_dry_run", ended.out);
    assert_eq!(mock.received_requests(), []);
}

#[rstest]
// Calls that read, and calls that the contract lets be repeated.
#[case("connection list", 503, 4)]
#[case("order show acme PF-1", 500, 4)]
#[case("connection deactivate acme", 502, 4)]
#[case("connection set acme language=nl", 502, 4)]
#[case("order retry acme PF-1", 502, 4)]
#[case("order choose acme PF-1 --line 1=tariff:7", 502, 4)]
#[case("articles push acme", 502, 4)]
#[case("articles tick acme --all", 502, 4)]
#[case("reconcile acme", 502, 4)]
// Calls that may have had their effect are not repeated.
#[case("connection create acme", 500, 1)]
#[case("connection activate acme", 503, 1)]
#[case("connection delete acme --yes", 500, 1)]
#[case("connection rebuild acme", 500, 1)]
#[case("connection link acme", 500, 1)]
#[case("order settle acme PF-1 --as not_done", 500, 1)]
#[case("reconcile acme --confirm-withdrawals", 500, 1)]
// A 429 means that nothing happened.
#[case("connection create acme", 429, 4)]
#[case("order settle acme PF-1 --as not_done", 429, 4)]
// The server understood the call: its answer is final.
#[case("connection list", 400, 1)]
#[case("order retry acme PF-1", 409, 1)]
#[tokio::test]
async fn only_what_is_harmless_is_repeated(#[case] command: &str, #[case] status: u16, #[case] calls: usize) {
    let mock = Mock::with_answers(vec![failed_answer(status); 9]).await;
    let ended = run_against(&mock, &split_words(command), "").await;
    assert_eq!(ended.exit, 1, "{ended:#?}");
    assert_eq!(mock.received_requests().len(), calls);
}

#[tokio::test]
async fn a_call_that_fails_once_is_not_noticed() {
    let mock = Mock::with_answers([failed_answer(503)]).await;
    let ended = run_against(&mock, &["connection", "list"], "").await;
    assert_eq!((ended.exit, ended.out.as_str(), ended.err.as_str()), (0, "No connections.\n", ""));
}

#[rstest]
#[case(401, json!({"error": {"code": "unauthorized", "message": "Sign in."}}), 4)]
#[case(403, json!({"message": "Forbidden"}), 4)]
#[case(404, json!({"error": {"code": "not_found", "message": "There is no connection acme."}}), 3)]
#[case(404, json!({"message": "Not Found"}), 1)]
#[case(409, json!({"error": {"code": "inactive", "message": "Not active."}}), 1)]
#[case(422, json!({"error": {"code": "activation_failed", "message": "Not activated.", "details": [{"field": "robaws.key", "message": "Refused."}]}}), 1)]
#[case(500, Value::Null, 1)]
#[tokio::test]
async fn failures_are_told_and_have_their_exit(#[case] status: u16, #[case] body: Value, #[case] exit: u8) {
    let mock = Mock::with_answers(vec![(status, body.clone()); 4]).await;
    let ended = run_against(&mock, &["connection", "show", "acme"], "").await;
    assert_eq!((ended.exit, ended.out.as_str()), (exit, ""));
    insta::assert_snapshot!(
        format!("failure_{status}_{}", body["error"]["code"].as_str().unwrap_or("none")),
        ended.err
    );
    // With `--json` the JSON of the error is printed to standard output.
    let mock = Mock::with_answers(vec![(status, body.clone()); 4]).await;
    let ended = run_against(&mock, &["connection", "show", "acme", "--json"], "").await;
    let expected = if body.is_null() { String::new() } else { format!("{body}\n") };
    assert_eq!(ended.out, expected);
}

#[tokio::test]
async fn nobody_there_is_said() {
    let mock = Mock::with_answers([]).await;
    let url = mock.url();
    drop(mock);
    let ended = run_connector(&test_environment(), &["connection", "list", "--api", &url], "").await;
    assert_eq!(ended.exit, 4);
    assert!(ended.err.starts_with(&format!("error: {url} can't be reached: ")), "{}", ended.err);
}

#[tokio::test]
async fn a_wrong_token_is_said() {
    let shop = Shop::without_connection().await;
    let url = shop.stack.api_server.url();
    let wrong = Environment { token: Some("canary".into()), ..test_environment() };
    let ended = run_connector(&wrong, &["connection", "list", "--api", &url], "").await;
    assert_eq!(ended.exit, 4);
    assert!(ended.err.starts_with("error: not let in: "), "{}", ended.err);
    // `health` needs no token.
    let nobody = Environment { token: None, ..test_environment() };
    let ended = run_connector(&nobody, &["health", "--api", &url], "").await;
    assert_eq!((ended.exit, ended.err.as_str()), (0, ""));
    let ended = run_connector(&nobody, &["connection", "list", "--api", &url], "").await;
    assert_eq!(ended.exit, 2);
}

#[rstest]
#[case("connection list")]
#[case("connection list --stack a --api https://b")]
#[case("connection list --local --api https://b")]
#[case("connection create Acme")]
#[case("connection create acme stok=canary")]
#[case("connection set acme")]
#[case("connection activate acme --go-live yesterday")]
#[case("connection activate acme --catch-up maybe")]
#[case("order choose acme PF-1")]
#[case("order choose acme PF-1 --line 1=7")]
#[case("order settle acme PF-1 --as done")]
#[case("order settle acme PF-1 --as handled --robaws-id 5")]
#[case("order settle acme PF-1 --as undo --invoice credit")]
#[case("order list acme --limit 0")]
#[case("articles tick acme")]
#[case("plan acme --limit 51")]
#[case("dead-letters list --api https://b")]
#[case("dead-letters redrive poll")]
#[case("")]
#[case("frobnicate")]
#[tokio::test]
async fn wrong_arguments_are_told_before_anything_is_sent(#[case] command: &str) {
    let arguments: Vec<&str> = command.split_whitespace().collect();
    let ended = run_connector(&test_environment(), &arguments, "").await;
    assert_eq!((ended.exit, ended.out.as_str()), (2, ""), "{ended:#?}");
    assert!(!ended.err.is_empty());
}

#[tokio::test]
async fn pages_are_put_together() {
    let page = |ids: std::ops::Range<u32>, cursor: Value| {
        let items: Vec<Value> = ids.map(|id| json!({ "identifier": format!("PF-{id}") })).collect();
        (200, json!({ "items": items, "cursor": cursor }))
    };
    let pages = || [page(0..100, json!("a&b")), page(100..200, json!("c")), page(200..230, Value::Null)];
    let mock = Mock::with_answers(pages()).await;
    let ended = run_against(&mock, &split_words("order list acme --all --json"), "").await;
    let shown: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(shown["items"].as_array().unwrap().len(), 230);
    assert_eq!(shown["cursor"], Value::Null);
    let asked: Vec<String> = mock.received_requests().into_iter().map(|asked| asked.path).collect();
    let base = "/api/connections/acme/orders?limit=100";
    assert_eq!(asked, [base.to_owned(), format!("{base}&cursor=a%26b"), format!("{base}&cursor=c")]);
    // As many items as were asked for are shown, and a note says that there are more.
    let mock = Mock::with_answers(pages()).await;
    let ended = run_against(&mock, &split_words("order list acme --limit 200"), "").await;
    assert_eq!(ended.out.lines().count(), 201);
    assert_eq!(ended.err, "There are more than these 200; --all shows them too.\n");
    assert_eq!(mock.received_requests().len(), 2);
    // A single list page is printed as it came, unknown fields included.
    let mock = Mock::with_answers([(200, json!({ "cursor": "more", "items": [1], "new": true }))]).await;
    let ended = run_against(&mock, &split_words("order list acme --limit 1 --json"), "").await;
    assert_eq!(ended.out, "{\"cursor\":\"more\",\"items\":[1],\"new\":true}\n");
}

#[tokio::test]
async fn filters_reach_the_api() {
    let cases = [
        ("order list acme --state in_doubt --q a&b", "orders?state=in_doubt&q=a%26b&limit=50"),
        ("articles list acme --state problem --limit 5", "articles?state=problem&limit=5"),
        ("notifications acme --state all --lang fr --all", "notifications?state=all&lang=fr&limit=100"),
        ("plan acme --go-live 2026-11-23T08:00:00Z", "plan?limit=20&go_live=2026-11-23T08%3A00%3A00Z"),
        ("order show acme a/b", "orders/~YS9i"),
    ];
    for (command, path) in cases {
        let mock = Mock::with_answers([]).await;
        run_against(&mock, &split_words(command), "").await;
        assert_eq!(mock.received_requests()[0].path, format!("/api/connections/acme/{path}"));
    }
}

#[test]
fn the_local_stack_has_this_token() {
    assert_eq!(cli::deployment::LOCAL_TOKEN, local::stack::OPERATOR_TOKEN);
}
