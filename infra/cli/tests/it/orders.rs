//! Commands about orders, articles and notifications.

use crate::shop::{Shop, environment, order};
use cli::console::Console;
use serde_json::json;
use simulators::{Company, OrderBuilder};

fn cancel(company: &Company, identifier: &str) {
    assert!(company.cancel(identifier));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_listed_and_shown() {
    let shop = Shop::connected().await;
    shop.place(order("PF-1"));
    shop.place(
        OrderBuilder::new("PF-2")
            .external("1083993842")
            .line("A-9", 1, 1000, Some("7")),
    );
    shop.round().await;
    shop.place(order("PF-3"));
    shop.productflow.ship("PF-3");
    shop.round().await;
    insta::assert_snapshot!("orders", shop.done(&["order", "list", "acme"]).await);
    insta::assert_snapshot!(
        "orders_blocked",
        shop.done(&["order", "list", "acme", "--state", "blocked"]).await
    );
    let found = shop.json(&["order", "list", "acme", "--q", "1083993842"]).await;
    assert_eq!(found["items"][0]["identifier"], "PF-2");
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    insta::assert_snapshot!(
        "order_booked",
        shop.done(&["order", "show", "acme", "PF-1"]).await
    );
    insta::assert_snapshot!(
        "order_blocked",
        shop.done(&["order", "show", "acme", "PF-2"]).await
    );
    insta::assert_snapshot!(
        "order_invoiced",
        shop.done(&["order", "show", "acme", "PF-3"]).await
    );
    insta::assert_snapshot!("notifications", shop.done(&["notifications", "acme"]).await);
    insta::assert_snapshot!(
        "notifications_nl",
        shop.done(&["notifications", "acme", "--lang", "nl"]).await
    );
    let run = shop.run(&["notifications", "acme", "--fail-if-any"]).await;
    assert_eq!(run.exit, 5);
    let run = shop
        .run(&["notifications", "acme", "--state", "resolved", "--fail-if-any"])
        .await;
    assert_eq!((run.exit, run.out.as_str()), (0, "No notifications.\n"));
    insta::assert_snapshot!("plan", shop.done(&["plan", "acme", "--limit", "3"]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_choice_and_a_look_book_an_order() {
    let shop = Shop::connected().await;
    shop.place(
        OrderBuilder::new("PF/2")
            .line("A-9", 1, 1000, Some("7"))
            .line("A-8", 3, 900, Some("7")),
    );
    shop.round().await;
    assert_eq!(
        shop.json(&["order", "show", "acme", "PF/2"]).await["state"],
        "blocked"
    );
    let lines = shop.json(&["order", "show", "acme", "PF/2"]).await["lines"].clone();
    let line = |at: usize| lines[at]["line"].as_str().unwrap().to_owned();
    let refused = shop
        .run(&[
            "order",
            "choose",
            "acme",
            "PF/2",
            "--line",
            &format!("{}=article:99", line(0)),
        ])
        .await;
    assert_eq!(refused.exit, 1);
    assert!(refused.err.contains("lines[0].article_id: "), "{refused:#?}");
    let chosen = shop
        .run(&[
            "order",
            "choose",
            "acme",
            "PF/2",
            "--line",
            &format!("{}=article:12", line(0)),
            "--line",
            &format!("{}=no-article", line(1)),
        ])
        .await;
    assert_eq!(chosen.exit, 0, "{chosen:#?}");
    assert!(
        chosen.out.contains("article 12") && chosen.out.contains("no article"),
        "{}",
        chosen.out
    );
    shop.done(&["order", "retry", "acme", "PF/2"]).await;
    shop.round().await;
    assert_eq!(shop.robaws.stock_changes().len(), 1);
    assert_eq!(
        shop.json(&["order", "show", "acme", "PF/2"]).await["state"],
        "booked"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_is_settled() {
    let shop = Shop::connected().await;
    shop.place(order("PF-1"));
    shop.productflow.ship("PF-1");
    shop.round().await;
    cancel(&shop.productflow, "PF-1");
    shop.round().await;
    insta::assert_snapshot!(
        "order_conflict",
        shop.done(&["order", "show", "acme", "PF-1"]).await
    );
    let settle = [
        "order",
        "settle",
        "acme",
        "PF-1",
        "--as",
        "undo",
        "--invoice",
        "delete_draft",
        "--stock",
        "return",
    ];
    let dry: Vec<&str> = settle.iter().copied().chain(["--dry-run"]).collect();
    insta::assert_snapshot!("settle_dry_run", shop.done(&dry).await);
    shop.round().await;
    assert_eq!(shop.robaws.invoices().len(), 1, "a dry run decides nothing");
    shop.done(&settle).await;
    shop.round().await;
    assert_eq!(shop.robaws.invoices().len(), 0);
    assert_eq!(shop.robaws.stock("12", "3"), 25.into());
    insta::assert_snapshot!(
        "order_undone",
        shop.done(&["order", "show", "acme", "PF-1"]).await
    );
    // The order is no longer in a state that can be settled.
    let again = shop
        .run(&["order", "settle", "acme", "PF-1", "--as", "not_done"])
        .await;
    assert_eq!(again.exit, 1);
    insta::assert_snapshot!("settle_refused", again.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn articles_are_listed_pushed_and_ticked() {
    let shop = Shop::connected().await;
    shop.stack.settle().await.unwrap();
    insta::assert_snapshot!("articles", shop.done(&["articles", "list", "acme"]).await);
    let due = shop.json(&["articles", "list", "acme", "--state", "due"]).await;
    assert_eq!(due["items"], json!([]));
    insta::assert_snapshot!("articles_push", shop.done(&["articles", "push", "acme"]).await);
    insta::assert_snapshot!(
        "articles_tick",
        shop.done(&["articles", "tick", "acme", "--all"]).await
    );
    insta::assert_snapshot!("reconcile", shop.done(&["reconcile", "acme"]).await);
    assert!(!shop.robaws.article("15").unwrap().is_ticked());
    shop.stack.settle().await.unwrap();
    assert!(shop.robaws.article("15").unwrap().is_ticked());
    let confirmed = shop.json(&["reconcile", "acme", "--confirm-withdrawals"]).await;
    assert_eq!(confirmed["id"], "acme");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_gets_colours_and_its_width() {
    let shop = Shop::connected().await;
    shop.place(
        OrderBuilder::new("PF-2")
            .external("a-rather-long-number-of-a-marketplace")
            .line("A-9", 1, 1000, Some("7")),
    );
    shop.round().await;
    for (colours, width) in [(true, 70), (false, 50)] {
        let (mut console, captured) = Console::captured("");
        console.colours = colours;
        console.width = width;
        let local = format!("--local={}", shop.port());
        for command in [["order", "list", "acme"], ["articles", "list", "acme"]] {
            let arguments = ["connector"]
                .iter()
                .chain(&command)
                .copied()
                .chain([local.as_str()]);
            let exit = cli::run(arguments, &environment(), &mut console).await;
            assert_eq!(exit.code(), 0);
        }
        let out = captured.out();
        assert_eq!(out.contains("\u{1b}["), colours, "{out}");
        let widest = out.lines().map(console::measure_text_width).max().unwrap();
        assert!(widest <= usize::from(width), "{out}");
    }
}
