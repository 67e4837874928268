//! The calls that an order takes in its whole life, by kind of order, counted at the simulators by method and path: with nothing
//! remembered of the tenant's catalogue, and right after other orders. Counts do not depend on the machine.

#![expect(clippy::unwrap_used, reason = "a benchmark that can't run says so")]

#[path = "bench/print.rs"]
mod print;
#[path = "bench/shop.rs"]
mod shop;

use jiff::SignedDuration;
use local::Stack;
use runtime::clock::{Clock as _, ManualClock};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use simulators::robaws::Article;
use simulators::{Call, OrderBuilder, ProductFlowSim, demo};
use std::collections::BTreeMap;
use std::sync::Arc;

const CONNECTION: &str = "shop";
/// Nothing else of the shop is due by then.
const POLL: SignedDuration = SignedDuration::from_mins(5);

/// One kind of order, and what becomes of it.
struct Kind {
    name: &'static str,
    orders: usize,
    lines: usize,
    /// Minutes between what becomes of it. Answers of Robaws are remembered for five.
    apart: i64,
    life: &'static [Step],
}

#[derive(Clone, Copy)]
enum Step {
    Placed,
    PlacedShipped,
    Shipped,
    Cancelled,
}

const KINDS: &[Kind] = &[
    Kind { name: "one line", orders: 1, lines: 1, apart: 1, life: &[Step::Placed, Step::Shipped] },
    Kind {
        name: "one line, the only order of its day",
        orders: 1,
        lines: 1,
        apart: 30,
        life: &[Step::Placed, Step::Shipped],
    },
    Kind { name: "five lines", orders: 1, lines: 5, apart: 1, life: &[Step::Placed, Step::Shipped] },
    Kind {
        name: "cancelled after booking",
        orders: 1,
        lines: 1,
        apart: 1,
        life: &[Step::Placed, Step::Cancelled],
    },
    Kind { name: "shipped when first seen", orders: 1, lines: 1, apart: 1, life: &[Step::PlacedShipped] },
    Kind { name: "ten of one article", orders: 10, lines: 1, apart: 1, life: &[Step::Placed, Step::Shipped] },
];

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut found = Vec::new();
    for kind in KINDS {
        found.push(runtime.block_on(Box::pin(measure_lives(kind))));
    }
    print::print(&Value::Array(found));
}

/// A shop in which orders of this kind live twice: the first find nothing remembered, the second all of it.
async fn measure_lives(kind: &Kind) -> Value {
    let clock = ManualClock::starting_at("2026-11-23T08:00:00Z".parse().unwrap());
    let stack = Stack::start_empty(Arc::new(clock.clone())).await.unwrap();
    demo::seed_demo_shop(&stack.robaws, &stack.productflow);
    let company = (demo::COMPANY, demo::TOKEN);
    shop::connect(&stack, CONNECTION, company, clock.now()).await;
    let robaws = stack.robaws.tenant_named(demo::TENANT);
    for line in 0..kind.lines {
        let article = Article::new(&(100 + line).to_string(), &format!("S-{line}")).with_tariff("7");
        robaws.put_article(article.with_prices(Decimal::ONE, Decimal::TWO));
    }
    stack.poll_and_drain().await.unwrap();
    clock.advance_by(POLL);
    let cold = live_through(kind, &stack, &clock, "cold").await;
    let warm = live_through(kind, &stack, &clock, "warm").await;
    json!({ "kind": kind.name, "orders": kind.orders, "lines": kind.lines, "cold": cold, "warm": warm })
}

async fn live_through(kind: &Kind, stack: &Stack, clock: &ManualClock, round: &str) -> Value {
    let company = stack.productflow.company_numbered(demo::COMPANY);
    let identifier = |at: usize| format!("PF-{round}-{at}");
    stack.robaws.clear_calls();
    stack.productflow.clear_calls();
    let mut polls = 0;
    for step in kind.life {
        for at in 0..kind.orders {
            let mut order = OrderBuilder::new(&identifier(at));
            for line in 0..kind.lines {
                order = order.with_line(&format!("S-{line}"), 2, 5998, Some("7"));
            }
            match step {
                Step::Placed => drop(company.place_order(order)),
                Step::PlacedShipped => drop(company.place_order(order.with_status("shipped"))),
                Step::Shipped => assert!(company.ship_order(&identifier(at))),
                Step::Cancelled => assert!(company.cancel_order(&identifier(at))),
            }
        }
        stack.poll_and_drain().await.unwrap();
        polls += 1;
        clock.advance_by(SignedDuration::from_mins(kind.apart));
    }
    check_end(kind, stack, &identifier(0)).await;
    // The list page that every poll reads, orders or not, is no order's.
    let of_orders = polls_aside(&stack.productflow, polls);
    json!({
        "robaws": by_path(&stack.robaws.calls()), "robaws_calls": stack.robaws.calls().len(),
        "productflow": by_path(&of_orders), "productflow_calls": of_orders.len(), "polls": polls,
    })
}

fn polls_aside(productflow: &ProductFlowSim, polls: usize) -> Vec<Call> {
    let calls = productflow.calls();
    let (pages, others): (Vec<Call>, Vec<Call>) = calls.into_iter().partition(|call| call.path == "/order");
    assert_eq!(pages.len(), polls, "a poll reads one page");
    others
}

/// What it is all about must have happened.
async fn check_end(kind: &Kind, stack: &Stack, identifier: &str) {
    let connection = domain::ConnectionId::parse(CONNECTION).unwrap();
    let state = stack.order_record(&connection, identifier).await.unwrap().state;
    let cancelled = matches!(kind.life.last(), Some(Step::Cancelled));
    assert_eq!(state.as_str(), if cancelled { "reversed" } else { "invoiced" });
    assert_eq!(stack.robaws.violations(), []);
}

/// `POST /sales-invoices/{id}/line-items` and how often.
fn by_path(calls: &[Call]) -> Map<String, Value> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for call in calls {
        let parts = call.path.split('/').map(|part| {
            if part.starts_with("PF-") || (!part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
            {
                "{id}"
            } else {
                part
            }
        });
        let path = parts.collect::<Vec<_>>().join("/");
        *counts.entry(format!("{} {path}", call.method)).or_default() += 1;
    }
    counts.into_iter().map(|(path, count)| (path, json!(count))).collect()
}
