//! Every example of docs/CLI.md is run in one shop, in the order below: the page must show what is really printed.

use crate::shop::{Shop, order};
use simulators::OrderBuilder;
use std::fmt::Write as _;
use std::path::Path;

/// A command, and what happens in the shop before it.
struct Example {
    before: Before,
    command: &'static str,
}

enum Before {
    Nothing,
    /// Three orders come in, of which one cannot be booked and one is shipped.
    Orders,
    /// The shipped order is cancelled.
    Cancelled,
    /// Five minutes pass, with a poll.
    Round,
    /// Webhooks arrive and articles are sent to ProductFlow.
    Settle,
    /// A message arrives in the dead-letter queue of orders.
    DeadLetter,
}

const fn plain(command: &'static str) -> Example {
    after(Before::Nothing, command)
}

const fn after(before: Before, command: &'static str) -> Example {
    Example { before, command }
}

const EXAMPLES: [Example; 33] = [
    plain("connector health"),
    plain("connector connection create acme --language en --company 42 --robaws-login env b2c_client_id=5"),
    plain("connector connection activate acme"),
    plain("connector connection set acme stock_location_id=3 --productflow-token env --dry-run"),
    plain("connector connection set acme stock_location_id=3 --productflow-token env"),
    plain("connector connection activate acme"),
    plain("connector connection list"),
    after(Before::Orders, "connector order list acme"),
    plain("connector order list acme --state blocked --json"),
    plain("connector order show acme PF-100234"),
    plain("connector order show acme PF-100235"),
    plain("connector order choose acme PF-100235 --line 1=article:12"),
    after(Before::Round, "connector order list acme --q 100235"),
    plain("connector order retry acme PF-100235 --dry-run"),
    after(Before::Cancelled, "connector notifications acme"),
    plain("connector order show acme PF-100236"),
    plain("connector order settle acme PF-100236 --as undo --invoice delete_draft --stock return --dry-run"),
    plain("connector plan acme --limit 2"),
    after(Before::Settle, "connector articles list acme"),
    plain("connector articles push acme"),
    plain("connector articles tick acme --all"),
    plain("connector reconcile acme"),
    after(Before::DeadLetter, "connector dead-letters list"),
    plain("connector dead-letters redrive orders --dry-run"),
    plain("connector dead-letters redrive orders"),
    plain("connector connection set acme stok_location_id=4"),
    plain("connector order show acme PF-1"),
    plain("connector connection delete acme --dry-run"),
    plain("connector connection suspend acme --dry-run"),
    plain("connector connection link acme --dry-run"),
    plain("connector connection deactivate acme"),
    plain("connector connection show acme"),
    plain("connector notifications acme --lang nl"),
];

impl Before {
    async fn happen(&self, shop: &Shop) {
        match self {
            Self::Nothing => {}
            Self::Orders => {
                shop.place(order("PF-100234").shipping_cost(495));
                shop.place(OrderBuilder::new("PF-100235").external("1083993842").line(
                    "A-9",
                    1,
                    2999,
                    Some("7"),
                ));
                shop.round().await;
                shop.place(order("PF-100236").external("1083993843"));
                shop.productflow.ship("PF-100236");
                shop.round().await;
            }
            Self::Cancelled => {
                shop.productflow.cancel("PF-100236");
                shop.round().await;
            }
            Self::Round => shop.round().await,
            Self::Settle => shop.stack.settle().await.unwrap(),
            Self::DeadLetter => {
                let queue = "http://localhost/000000000000/orders-dead-letters.fifo";
                let look = crate::dead_letters::look("acme", "PF-100234");
                crate::dead_letters::send(shop, queue, "acme", &look).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_shows_what_is_printed() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/CLI.md");
    let page = std::fs::read_to_string(docs).unwrap();
    let shop = Shop::open().await;
    let mut printed = String::new();
    let mut missing = Vec::new();
    for example in EXAMPLES {
        example.before.happen(&shop).await;
        let arguments: Vec<&str> = example.command.split(' ').skip(1).collect();
        let run = shop.run(&arguments).await;
        if arguments == ["dead-letters", "list"] {
            // Listed messages are hidden for some seconds; the next command needs them.
            shop.clock.advance(jiff::SignedDuration::from_secs(5));
        }
        let code = if run.exit == 0 {
            String::new()
        } else {
            format!("(exit code {})\n", run.exit)
        };
        let block = format!("```\n$ {}\n{}{code}```\n", example.command, run.both);
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
