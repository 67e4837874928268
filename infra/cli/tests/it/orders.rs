//! Commands about orders, articles and notifications.

use crate::shop::{Shop, example_order, test_environment};
use cli::console::Console;
use serde_json::json;
use simulators::{Company, OrderBuilder};

fn cancel_order(company: &Company, identifier: &str) {
    assert!(company.cancel_order(identifier));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_listed_and_shown() {
    let shop = Shop::with_connection().await;
    shop.place_order(example_order("PF-1"));
    shop.place_order(OrderBuilder::new("PF-2").with_external_number("1083993842").with_line(
        "A-9",
        1,
        1000,
        Some("7"),
    ));
    shop.pass_five_minutes().await;
    shop.place_order(example_order("PF-3"));
    shop.productflow.ship_order("PF-3");
    shop.pass_five_minutes().await;
    insta::assert_snapshot!("orders", shop.run_successfully(&["order", "list", "acme"]).await);
    insta::assert_snapshot!(
        "orders_blocked",
        shop.run_successfully(&["order", "list", "acme", "--state", "blocked"]).await
    );
    let found = shop.run_for_json(&["order", "list", "acme", "--q", "1083993842"]).await;
    assert_eq!(found["items"][0]["identifier"], "PF-2");
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    insta::assert_snapshot!("order_booked", shop.run_successfully(&["order", "show", "acme", "PF-1"]).await);
    insta::assert_snapshot!("order_blocked", shop.run_successfully(&["order", "show", "acme", "PF-2"]).await);
    insta::assert_snapshot!(
        "order_invoiced",
        shop.run_successfully(&["order", "show", "acme", "PF-3"]).await
    );
    insta::assert_snapshot!("notifications", shop.run_successfully(&["notifications", "acme"]).await);
    insta::assert_snapshot!(
        "notifications_nl",
        shop.run_successfully(&["notifications", "acme", "--lang", "nl"]).await
    );
    let run = shop.run_command(&["notifications", "acme", "--fail-if-any"]).await;
    assert_eq!(run.exit, 5);
    let run = shop.run_command(&["notifications", "acme", "--state", "resolved", "--fail-if-any"]).await;
    assert_eq!((run.exit, run.out.as_str()), (0, "No notifications.\n"));
    insta::assert_snapshot!("plan", shop.run_successfully(&["plan", "acme", "--limit", "3"]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_choice_and_a_look_book_an_order() {
    let shop = Shop::with_connection().await;
    shop.place_order(OrderBuilder::new("PF/2").with_line("A-9", 1, 1000, Some("7")).with_line(
        "A-8",
        3,
        900,
        Some("7"),
    ));
    shop.pass_five_minutes().await;
    assert_eq!(shop.run_for_json(&["order", "show", "acme", "PF/2"]).await["state"], "blocked");
    let lines = shop.run_for_json(&["order", "show", "acme", "PF/2"]).await["lines"].clone();
    let line = |at: usize| lines[at]["line"].as_str().unwrap().to_owned();
    let refused = shop
        .run_command(&["order", "choose", "acme", "PF/2", "--line", &format!("{}=article:99", line(0))])
        .await;
    assert_eq!(refused.exit, 1);
    assert!(refused.err.contains("lines[0].article_id: "), "{refused:#?}");
    let chosen = shop
        .run_command(&[
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
    assert!(chosen.out.contains("article 12") && chosen.out.contains("no article"), "{}", chosen.out);
    shop.run_successfully(&["order", "retry", "acme", "PF/2"]).await;
    shop.pass_five_minutes().await;
    assert_eq!(shop.robaws.stock_changes().len(), 1);
    assert_eq!(shop.run_for_json(&["order", "show", "acme", "PF/2"]).await["state"], "booked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_is_settled() {
    let shop = Shop::with_connection().await;
    shop.place_order(example_order("PF-1"));
    shop.productflow.ship_order("PF-1");
    shop.pass_five_minutes().await;
    cancel_order(&shop.productflow, "PF-1");
    shop.pass_five_minutes().await;
    insta::assert_snapshot!(
        "order_conflict",
        shop.run_successfully(&["order", "show", "acme", "PF-1"]).await
    );
    let settle =
        ["order", "settle", "acme", "PF-1", "--as", "undo", "--invoice", "delete_draft", "--stock", "return"];
    let dry: Vec<&str> = settle.iter().copied().chain(["--dry-run"]).collect();
    insta::assert_snapshot!("settle_dry_run", shop.run_successfully(&dry).await);
    shop.pass_five_minutes().await;
    assert_eq!(shop.robaws.invoices().len(), 1, "a dry run decides nothing");
    shop.run_successfully(&settle).await;
    shop.pass_five_minutes().await;
    assert_eq!(shop.robaws.invoices().len(), 0);
    assert_eq!(shop.robaws.stock_at("12", "3"), 25.into());
    insta::assert_snapshot!("order_undone", shop.run_successfully(&["order", "show", "acme", "PF-1"]).await);
    // The order is no longer in a state that can be settled.
    let again = shop.run_command(&["order", "settle", "acme", "PF-1", "--as", "not_done"]).await;
    assert_eq!(again.exit, 1);
    insta::assert_snapshot!("settle_refused", again.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn articles_are_listed_pushed_and_ticked() {
    let shop = Shop::with_connection().await;
    shop.stack.run_until_quiet().await.unwrap();
    insta::assert_snapshot!("articles", shop.run_successfully(&["articles", "list", "acme"]).await);
    let due = shop.run_for_json(&["articles", "list", "acme", "--state", "due"]).await;
    assert_eq!(due["items"], json!([]));
    insta::assert_snapshot!("articles_push", shop.run_successfully(&["articles", "push", "acme"]).await);
    insta::assert_snapshot!(
        "articles_tick",
        shop.run_successfully(&["articles", "tick", "acme", "--all"]).await
    );
    insta::assert_snapshot!("reconcile", shop.run_successfully(&["reconcile", "acme"]).await);
    assert!(!shop.robaws.find_article("15").unwrap().is_ticked());
    shop.stack.run_until_quiet().await.unwrap();
    assert!(shop.robaws.find_article("15").unwrap().is_ticked());
    let confirmed = shop.run_for_json(&["reconcile", "acme", "--confirm-withdrawals"]).await;
    assert_eq!(confirmed["id"], "acme");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_gets_colours_and_its_width() {
    let shop = Shop::with_connection().await;
    shop.place_order(
        OrderBuilder::new("PF-2").with_external_number("a-rather-long-number-of-a-marketplace").with_line(
            "A-9",
            1,
            1000,
            Some("7"),
        ),
    );
    shop.pass_five_minutes().await;
    for (colours, width) in [(true, 70), (false, 50)] {
        let (mut console, captured) = Console::for_capture("");
        console.has_colours = colours;
        console.width = width;
        let local = format!("--local={}", shop.port());
        for command in [["order", "list", "acme"], ["articles", "list", "acme"]] {
            let arguments = ["connector"].iter().chain(&command).copied().chain([local.as_str()]);
            let exit = cli::run_program(arguments, &test_environment(), &mut console).await;
            assert_eq!(exit.code(), 0);
        }
        let out = captured.out();
        assert_eq!(out.contains("\u{1b}["), colours, "{out}");
        let widest = out.lines().map(console::measure_text_width).max().unwrap();
        assert!(widest <= usize::from(width), "{out}");
    }
}
