//! Every example of docs/CLI.md is run in one shop, in the order below: the page must show what is really printed.

use crate::shop::{Shop, example_order};
use regex::Regex;
use simulators::OrderBuilder;
use std::fmt::Write as _;
use std::path::Path;

/// A command, and what happens in the shop before it.
struct Example {
    preparation: Preparation,
    command: &'static str,
}

enum Preparation {
    Nothing,
    /// Three orders come in, of which one cannot be booked and one is shipped.
    PlaceOrders,
    /// The shipped order is cancelled.
    CancelOrder,
    /// Five minutes pass, with a poll.
    FiveMinutes,
    /// Webhooks arrive and articles are sent to ProductFlow.
    SendArticles,
    /// A message arrives in the dead-letter queue of orders.
    AddDeadLetter,
}

const fn unprepared_example(command: &'static str) -> Example {
    prepared_example(Preparation::Nothing, command)
}

const fn prepared_example(before: Preparation, command: &'static str) -> Example {
    Example { preparation: before, command }
}

const EXAMPLES: [Example; 33] = [
    unprepared_example("connector health"),
    unprepared_example(
        "connector connection create acme --language en --company 42 --robaws-login env b2c_client_id=5",
    ),
    unprepared_example("connector connection activate acme"),
    unprepared_example("connector connection set acme stock_location_id=3 --productflow-token env --dry-run"),
    unprepared_example("connector connection set acme stock_location_id=3 --productflow-token env"),
    unprepared_example("connector connection activate acme"),
    unprepared_example("connector connection list"),
    prepared_example(Preparation::PlaceOrders, "connector order list acme"),
    unprepared_example("connector order list acme --state blocked --json"),
    unprepared_example("connector order show acme PF-100234"),
    unprepared_example("connector order show acme PF-100235"),
    unprepared_example("connector order choose acme PF-100235 --line 1=article:12"),
    prepared_example(Preparation::FiveMinutes, "connector order list acme --q 100235"),
    unprepared_example("connector order retry acme PF-100235 --dry-run"),
    prepared_example(Preparation::CancelOrder, "connector notifications acme"),
    unprepared_example("connector order show acme PF-100236"),
    unprepared_example(
        "connector order settle acme PF-100236 --as undo --invoice delete_draft --stock return --dry-run",
    ),
    unprepared_example("connector plan acme --limit 2"),
    prepared_example(Preparation::SendArticles, "connector articles list acme"),
    unprepared_example("connector articles push acme"),
    unprepared_example("connector articles tick acme --all"),
    unprepared_example("connector reconcile acme"),
    prepared_example(Preparation::AddDeadLetter, "connector dead-letters list"),
    unprepared_example("connector dead-letters redrive orders --dry-run"),
    unprepared_example("connector dead-letters redrive orders"),
    unprepared_example("connector connection set acme stok_location_id=4"),
    unprepared_example("connector order show acme PF-1"),
    unprepared_example("connector connection delete acme --dry-run"),
    unprepared_example("connector connection suspend acme --dry-run"),
    unprepared_example("connector connection link acme --dry-run"),
    unprepared_example("connector connection deactivate acme"),
    unprepared_example("connector connection show acme"),
    unprepared_example("connector notifications acme --lang nl"),
];

impl Preparation {
    async fn prepare_shop(&self, shop: &Shop) {
        match self {
            Self::Nothing => {}
            Self::PlaceOrders => {
                shop.place_order(example_order("PF-100234").with_shipping_cost(495));
                shop.place_order(
                    OrderBuilder::new("PF-100235").with_external_number("1083993842").with_line(
                        "A-9",
                        1,
                        2999,
                        Some("7"),
                    ),
                );
                shop.pass_five_minutes().await;
                shop.place_order(example_order("PF-100236").with_external_number("1083993843"));
                shop.productflow.ship_order("PF-100236");
                shop.pass_five_minutes().await;
            }
            Self::CancelOrder => {
                shop.productflow.cancel_order("PF-100236");
                shop.pass_five_minutes().await;
            }
            Self::FiveMinutes => shop.pass_five_minutes().await,
            Self::SendArticles => shop.stack.run_until_quiet().await.unwrap(),
            Self::AddDeadLetter => {
                let queue = "http://localhost/000000000000/orders-dead-letters.fifo";
                let look = crate::dead_letters::order_message("acme", "PF-100234");
                crate::dead_letters::send_message(shop, queue, "acme", &look).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_shows_what_is_printed() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/CLI.md");
    let page = std::fs::read_to_string(docs).unwrap();
    let shop = Shop::without_connection().await;
    let mut printed = String::new();
    let mut missing = Vec::new();
    let part_of_second = Regex::new(r"(:\d\d)\.\d+Z").unwrap();
    for example in EXAMPLES {
        example.preparation.prepare_shop(&shop).await;
        let arguments: Vec<&str> = example.command.split(' ').skip(1).collect();
        let run = shop.run_command(&arguments).await;
        if arguments == ["dead-letters", "list"] {
            // Listed messages are hidden for some seconds; the next command needs them.
            shop.clock.advance_by(jiff::SignedDuration::from_secs(5));
        }
        let code = if run.exit == 0 { String::new() } else { format!("(exit code {})\n", run.exit) };
        let block = format!("```\n$ {}\n{}{code}```\n", example.command, run.both);
        // A call that waits for a peer's limit moves the clock on by a part of a second.
        let block = part_of_second.replace_all(&block, "${1}Z");
        let block = block.replace(&shop.stack.api_server.url(), "https://api.example");
        if !page.contains(&block) {
            missing.push(example.command);
        }
        writeln!(printed, "{block}").unwrap();
    }
    // The file to copy into the page when the output has changed on purpose.
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples.md");
    std::fs::write(&kept, printed).unwrap();
    assert!(
        missing.is_empty(),
        "docs/CLI.md shows these otherwise than {} has them: {missing:#?}",
        kept.display()
    );
}
