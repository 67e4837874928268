//! Orders a second through `process-order`: peers that answer at once, the embedded store, one processor for all of it. What the services
//! and the simulators take is in it, so this compares versions of the code on one machine and says little of AWS. Medians.

#![expect(clippy::unwrap_used, reason = "a benchmark that can't run says so")]

#[path = "bench/print.rs"]
mod print;
#[path = "bench/shop.rs"]
mod shop;

use jiff::SignedDuration;
use local::Stack;
use runtime::clock::{Clock as _, ManualClock};
use serde_json::{Value, json};
use simulators::{OrderBuilder, demo};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Orders in one run: what one poll queues.
const ORDERS: usize = 200;
/// Runs of which the middle one counts, after one that warms up.
const RUNS: usize = 7;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    print::print(&runtime.block_on(Box::pin(measure_looks())));
}

async fn measure_looks() -> Value {
    let clock = ManualClock::at("2026-11-23T08:00:00Z".parse().unwrap());
    let stack = Stack::start(Arc::new(clock.clone())).await.unwrap();
    demo::seed(&stack.robaws, &stack.productflow);
    shop::connect(&stack, "shop", (demo::COMPANY, demo::TOKEN), clock.now()).await;
    stack.robaws.tenant(demo::TENANT).set(|settings| {
        settings.rate_per_second = 100_000;
        settings.burst = 100_000;
        settings.daily_limit = 10_000_000;
    });
    let (mut booked, mut invoiced) = (Vec::new(), Vec::new());
    for run in 0..=RUNS {
        let company = stack.productflow.company(demo::COMPANY);
        for at in 0..ORDERS {
            let order = OrderBuilder::new(&format!("PF-{run}-{at}")).line("A-1", 2, 5998, Some("7"));
            company.place(order);
        }
        booked.push(drain_queues(&stack, &clock).await);
        for at in 0..ORDERS {
            company.ship(&format!("PF-{run}-{at}"));
        }
        invoiced.push(drain_queues(&stack, &clock).await);
        stack.robaws.clear_calls();
        stack.productflow.clear_calls();
    }
    assert_eq!(
        stack.robaws.tenant(demo::TENANT).invoices().len(),
        ORDERS * (RUNS + 1)
    );
    json!({
        "orders": ORDERS, "runs": RUNS,
        "stock_changes_per_second": per_second(booked), "invoices_per_second": per_second(invoiced),
    })
}

/// How long the queued orders take, without the poll.
async fn drain_queues(stack: &Stack, clock: &ManualClock) -> Duration {
    clock.advance(SignedDuration::from_mins(5));
    stack.poll().await.unwrap();
    let began = Instant::now();
    stack.drain().await.unwrap();
    began.elapsed()
}

fn per_second(mut took: Vec<Duration>) -> Value {
    took.remove(0);
    took.sort_unstable();
    let rate = |took: &Duration| ORDERS as u128 * 1_000_000 / took.as_micros();
    json!({ "median": rate(&took[RUNS / 2]), "fastest": rate(&took[0]), "slowest": rate(&took[RUNS - 1]) })
}
