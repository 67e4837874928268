//! How many idle connections one invocation of `poll-orders` gets through: wall time, processor time and memory of the function, which runs
//! in a process of its own, wired from its environment as on AWS. The peers and the AWS services are in this process; every answer of
//! ProductFlow takes 200 ms. `POLL_CONNECTIONS=1000,10000` are the sizes, `POLL_SHARDS=4` polls shard 0 of 4.
//!
//! The first round finds connections as they are after a start: credentials are read.

#![expect(clippy::unwrap_used, reason = "a benchmark that can't run says so")]

#[path = "bench/function.rs"]
mod function;
#[path = "bench/print.rs"]
mod print;
#[path = "bench/shop.rs"]
mod shop;
#[path = "bench/world.rs"]
mod world;

use futures::{StreamExt as _, stream};
use jiff::SignedDuration;
use lambda_runtime::LambdaEvent;
use local::Stack;
use runtime::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};
use simulators::demo;
use std::io::{BufRead as _, BufReader};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

const LATENCY: Duration = Duration::from_millis(200);
/// As in the template.
const TIME_LIMIT: Duration = Duration::from_mins(4);
const ROUNDS: usize = 3;
/// Connections made at a time.
const SIDE_BY_SIDE: usize = 16;

fn main() {
    if function::is_this() {
        function::run(Box::pin(poll_in_own_process()));
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let sizes: String = world::from_env("POLL_CONNECTIONS", "1000,10000".to_owned());
    for size in sizes.split(',') {
        print::print(&runtime.block_on(Box::pin(measure_polls(size.trim().parse().unwrap()))));
    }
}

async fn measure_polls(connections: usize) -> Value {
    let stack = Arc::new(Stack::start_empty(Arc::new(SystemClock)).await.unwrap());
    demo::seed_demo_shop(&stack.robaws, &stack.productflow);
    let go_live = SystemClock.now() - SignedDuration::from_hours(1);
    stream::iter(0..connections)
        .for_each_concurrent(SIDE_BY_SIDE, |at| {
            let stack = Arc::clone(&stack);
            async move {
                let company = 1_000 + u64::try_from(at).unwrap();
                let token = format!("token-{at}");
                stack.productflow.company_numbered(company).add_token(&token);
                let id = format!("shop-{at}");
                shop::connect(&stack, &id, (company, &token), go_live).await;
            }
        })
        .await;
    world::latency(&stack, LATENCY, LATENCY);
    stack.productflow.clear_calls();
    let rounds = {
        let command = function::command(&stack);
        tokio::task::spawn_blocking(move || read_rounds(command)).await.unwrap()
    };
    json!({
        "connections": connections, "shards": world::from_env("POLL_SHARDS", 1), "rounds": rounds,
        "productflow_calls": stack.productflow.calls().len(), "robaws_calls": stack.robaws.calls().len(),
    })
}

/// What the function says of itself, a line a round.
fn read_rounds(mut command: Command) -> Vec<Value> {
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let rounds = lines.filter_map(|line| function::said(&line.unwrap())).collect();
    assert!(child.wait().unwrap().success());
    rounds
}

async fn poll_in_own_process() {
    let started = runtime::telemetry::start_logging("poll-orders");
    let deps = poll_orders::Deps::from_env(&started).unwrap();
    let shards: u8 = world::from_env("POLL_SHARDS", 1);
    for _ in 0..ROUNDS {
        let context = function::context(TIME_LIMIT);
        let (began, processor) = (Instant::now(), function::processor());
        let event = LambdaEvent::new(json!({ "shard": 0, "shards": shards }), context);
        let answer = Box::pin(poll_orders::handle_event(&deps, event)).await.unwrap();
        let processor = function::processor().saturating_sub(processor);
        function::say(&json!({
            "seconds": began.elapsed().as_secs(), "processor_ms": processor.as_millis(), "peak_mb": function::peak_kb() / 1024,
            "answer": answer,
        }));
    }
}
