//! Commands about connections, from `create` to `delete`.

use crate::mock::Mock;
use crate::shop::{Shop, run_connector, test_environment};
use domain::ids::ConnectionId;
use jiff::SignedDuration;
use serde_json::{Value, json};
use simulators::demo;

fn acme_id() -> ConnectionId {
    ConnectionId::parse("acme").unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_made_and_switched_on() {
    let shop = Shop::without_connection().await;
    insta::assert_snapshot!("connections_none", shop.run_successfully(&["connection", "list"]).await);
    let made = shop
        .run_with_input(
            &[
                "connection",
                "create",
                "acme",
                "--language",
                "en",
                "--company",
                "42",
                "--robaws-login",
                "-",
                "b2c_client_id=5",
            ],
            &format!("{}\n{}\n", demo::ROBAWS_KEY, demo::ROBAWS_SECRET),
        )
        .await;
    assert_eq!(made.exit, 0, "{made:#?}");
    insta::assert_snapshot!("create", made.out);
    // Activation names each fault and changes nothing.
    let refused = shop.run_command(&["connection", "activate", "acme"]).await;
    assert_eq!(refused.exit, 1);
    insta::assert_snapshot!("activation_failed", refused.err);
    assert_eq!(shop.run_for_json(&["connection", "show", "acme"]).await["state"], "inactive");
    let typed = shop
        .run_with_input(
            &[
                "connection",
                "set",
                "acme",
                "stock_location_id=3",
                "book_invoices=true",
                "--productflow-token",
                "ask",
            ],
            &format!("{}\n", demo::TOKEN),
        )
        .await;
    assert_eq!(typed.exit, 0, "{typed:#?}");
    insta::assert_snapshot!("activate", shop.run_successfully(&["connection", "activate", "acme"]).await);
    insta::assert_snapshot!("show", shop.run_successfully(&["connection", "show", "acme"]).await);
    insta::assert_snapshot!("connections", shop.run_successfully(&["connection", "list"]).await);
    let shown = shop
        .run_for_json(&["connection", "set", "acme", "book_invoices=null", "task_user_id=9", "language=nl"])
        .await;
    assert_eq!(shown["settings"]["book_invoices"], false);
    assert_eq!(shown["settings"]["task_user_id"], "9");
    assert_eq!(shown["language"], "nl");
    let link = shop.run_command(&["connection", "link", "acme"]).await;
    assert_eq!(link.exit, 0);
    assert!(link.out.starts_with(&format!("{}/in/", shop.stack.api_server.url())), "{link:?}");
    assert_eq!(link.out.lines().count(), 1);
    insta::assert_snapshot!("deactivate", shop.run_successfully(&["connection", "deactivate", "acme"]).await);
    assert_eq!(shop.run_for_json(&["connection", "show", "acme"]).await["state"], "inactive");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dry_runs_leave_the_store_alone() {
    let shop = Shop::with_connection().await;
    let before = shop.stack.store.load_connection(&acme_id()).await.unwrap().unwrap().connection;
    let changes = [
        &["connection", "create", "other", "--dry-run"][..],
        &["connection", "set", "acme", "stock_location_id=4", "--dry-run"],
        &["connection", "deactivate", "acme", "--dry-run"],
        &["connection", "delete", "acme", "--dry-run"],
        &["connection", "activate", "acme", "--go-live", "2026-01-01T00:00:00Z", "--dry-run"],
    ];
    for arguments in changes {
        let shown = shop.run_command(arguments).await;
        assert_eq!((shown.exit, shown.err.as_str()), (0, "Nothing was sent.\n"), "{shown:#?}");
    }
    let all = shop.stack.store.load_connections().await.unwrap();
    assert_eq!(all.len(), 1);
    let after = &all[0].connection;
    assert_eq!(after.version, before.version);
    assert_eq!(after.settings, before.settings);
    assert_eq!(after.state, before.state);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_is_the_apis_own() {
    let shop = Shop::with_connection().await;
    let (_, answer) = shop.stack.call_api("GET", "/api/connections/acme", &Value::Null).await.unwrap();
    let run = shop.run_command(&["connection", "show", "acme", "--json"]).await;
    assert_eq!(run.out, format!("{answer}\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_not_found() {
    let shop = Shop::with_connection().await;
    for arguments in
        [&["connection", "show", "none"][..], &["order", "show", "acme", "PF-9"], &["plan", "none"]]
    {
        let run = shop.run_command(arguments).await;
        assert_eq!((run.exit, run.out.as_str()), (3, ""), "{run:#?}");
    }
    let run = shop.run_command(&["order", "show", "acme", "PF-9"]).await;
    insta::assert_snapshot!("order_not_found", run.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_break_asks_what_to_do() {
    let shop = Shop::with_connection().await;
    shop.pass_five_minutes().await;
    shop.run_successfully(&["connection", "deactivate", "acme"]).await;
    shop.clock.advance_by(SignedDuration::from_hours(24 * 8));
    shop.place_order(crate::shop::example_order("PF-1"));
    shop.clock.advance_by(SignedDuration::from_mins(10));
    let asked = shop.run_command(&["connection", "activate", "acme"]).await;
    assert_eq!((asked.exit, asked.out.as_str()), (1, ""));
    insta::assert_snapshot!("catch_up_needed", asked.err);
    let asked = shop.run_command(&["connection", "activate", "acme", "--json"]).await;
    let document: Value = serde_json::from_str(&asked.out).unwrap();
    assert_eq!(document["error"]["details"][0]["orders"], 1);
    assert_eq!(shop.run_for_json(&["connection", "show", "acme"]).await["state"], "inactive");
    shop.run_successfully(&["connection", "activate", "acme", "--catch-up", "no"]).await;
    shop.pass_five_minutes().await;
    assert_eq!(shop.robaws.stock_changes().len(), 0);
    assert_eq!(
        shop.run_for_json(&["order", "show", "acme", "PF-1"]).await["settlements"][0]["as"],
        "handled"
    );
}

#[tokio::test]
async fn deleting_asks_first() {
    let connection = ["connection", "delete", "acme"];
    let run = async |mock: &Mock, more: &[&str], typed: &str| {
        let url = mock.url();
        let arguments: Vec<&str> =
            connection.iter().chain(more).copied().chain(["--api", url.as_str()]).collect();
        run_connector(&test_environment(), &arguments, typed).await
    };
    // Nothing, or something else than the id, is typed: nothing is sent.
    for typed in ["", "\n", "acm\n", "yes\n"] {
        let mock = Mock::with_answers([]).await;
        let ended = run(&mock, &[], typed).await;
        assert_eq!((ended.exit, ended.out.as_str()), (1, ""));
        assert_eq!(mock.received_requests(), []);
    }
    for (more, typed) in [(&[][..], "acme\n"), (&["--yes"], "")] {
        let mock = Mock::with_answers([(204, Value::Null)]).await;
        let ended = run(&mock, more, typed).await;
        assert_eq!((ended.exit, ended.out.as_str()), (0, "Connection acme was deleted.\n"));
        assert_eq!(mock.received_requests()[0].method, "DELETE");
    }
    let active = json!({ "error": { "code": "active", "message": "This connection is active." } });
    let mock = Mock::with_answers([(409, active)]).await;
    let ended = run(&mock, &["--yes"], "").await;
    assert_eq!(ended.exit, 1);
    insta::assert_snapshot!("delete_active", ended.err);
}

#[tokio::test]
async fn suspending_is_told() {
    let mock = Mock::with_answers([(200, json!({ "id": "acme", "state": "suspended" }))]).await;
    let url = mock.url();
    let ended =
        run_connector(&test_environment(), &["connection", "suspend", "acme", "--api", &url], "").await;
    assert_eq!(ended.exit, 0);
    insta::assert_snapshot!("suspend", ended.out);
}

/// A secret in a wrong argument is refused and not printed.
#[tokio::test]
async fn misplaced_secrets_are_not_shown() {
    for arguments in [
        &["connection", "set", "acme", "canary", "--local"][..],
        &["connection", "set", "acme", "robaws_secret=canary", "--local"],
        &["connection", "set", "acme", "--robaws-login", "canary", "--local"],
        &["connection", "set", "acme", "--productflow-token", "canary", "--local"],
        &["connection", "list", "--api", "https://user:canary@api.example"],
        &["connection", "list", "--api", "http://user:canary@api.example"],
    ] {
        // `connector` asserts that no output contains "canary".
        let ended = run_connector(&test_environment(), arguments, "").await;
        assert_eq!(ended.exit, 2, "{ended:#?}");
    }
}
