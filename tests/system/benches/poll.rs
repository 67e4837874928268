//! How many idle connections one invocation of `poll-orders` gets through: wall time, processor time and memory of the function, which runs
//! in a process of its own, wired from its environment as on AWS. The peers and the AWS services are in this process; every answer of
//! ProductFlow takes 200 ms. `POLL_CONNECTIONS=1000,10000` are the sizes, `POLL_SHARDS=4` polls shard 0 of 4.
//!
//! The first round finds connections as they are after a start: credentials are read, and nothing is known to be at rest.

#![expect(clippy::unwrap_used, reason = "a benchmark that can't run says so")]

#[path = "bench/print.rs"]
mod print;
#[path = "bench/shop.rs"]
mod shop;
#[path = "bench/world.rs"]
mod world;

use futures::{StreamExt as _, stream};
use jiff::SignedDuration;
use lambda_runtime::{Context, LambdaEvent};
use local::Stack;
use local::aws::{SECRET_PREFIX, TABLE};
use runtime::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};
use simulators::demo;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const LATENCY: Duration = Duration::from_millis(200);
/// As in the template.
const TIME_LIMIT: Duration = Duration::from_mins(4);
/// Set in the process that is the function.
const FUNCTION: &str = "POLL_FUNCTION";
const ROUNDS: usize = 3;
/// Connections made at a time.
const SIDE_BY_SIDE: usize = 16;

fn main() {
    if runtime::env::optional(FUNCTION).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(Box::pin(function()));
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let sizes: String = world::from_env("POLL_CONNECTIONS", "1000,10000".to_owned());
    for size in sizes.split(',') {
        print::print(&runtime.block_on(Box::pin(polled(size.trim().parse().unwrap()))));
    }
}

async fn polled(connections: usize) -> Value {
    let stack = Arc::new(Stack::start(Arc::new(SystemClock)).await.unwrap());
    demo::seed(&stack.robaws, &stack.productflow);
    let go_live = SystemClock.now() - SignedDuration::from_hours(1);
    stream::iter(0..connections)
        .for_each_concurrent(SIDE_BY_SIDE, |at| {
            let stack = Arc::clone(&stack);
            async move {
                let company = 1_000 + u64::try_from(at).unwrap();
                let token = format!("token-{at}");
                stack.productflow.company(company).add_token(&token);
                let id = format!("shop-{at}");
                shop::connect(&stack, &id, (company, &token), go_live).await;
            }
        })
        .await;
    world::latency(&stack, LATENCY, LATENCY);
    stack.productflow.clear_calls();
    let rounds = {
        let command = command(&stack);
        tokio::task::spawn_blocking(move || rounds(command))
            .await
            .unwrap()
    };
    json!({
        "connections": connections, "shards": world::from_env("POLL_SHARDS", 1), "rounds": rounds,
        "productflow_calls": stack.productflow.calls().len(), "robaws_calls": stack.robaws.calls().len(),
    })
}

/// The function, with the environment that the template gives it.
fn command(stack: &Stack) -> Command {
    let endpoints = stack.aws.endpoints();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .env(FUNCTION, "1")
        .env("AWS_ENDPOINT_URL_DYNAMODB", endpoints.dynamodb)
        .env("AWS_ENDPOINT_URL_SQS", endpoints.sqs)
        .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoints.secretsmanager)
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("TABLE_NAME", TABLE)
        .env("SECRET_PREFIX", SECRET_PREFIX)
        .env("METRICS_NAMESPACE", "Connector/bench")
        .env("LOG_LEVEL", "error")
        .env("ROBAWS_BASE_URL", format!("{}/api/v2", stack.robaws_server.url()))
        .env(
            "PRODUCTFLOW_BASE_URL",
            format!("{}/api/v1", stack.productflow_server.url()),
        )
        .env("ORDERS_QUEUE_URL", "http://localhost/000000000000/orders.fifo")
        .env(
            "ARTICLES_QUEUE_URL",
            "http://localhost/000000000000/articles.fifo",
        )
        .env("SWEEPS_QUEUE_URL", "http://localhost/000000000000/sweeps.fifo")
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// What the function says of itself, a line a round; what else it says is passed on.
fn rounds(mut command: Command) -> Vec<Value> {
    let mut child = command.spawn().unwrap();
    let mut rounds = Vec::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        match serde_json::from_str(&line) {
            Ok(round) => rounds.push(round),
            Err(_) => std::io::stderr()
                .write_all(format!("{line}\n").as_bytes())
                .unwrap(),
        }
    }
    assert!(child.wait().unwrap().success());
    rounds
}

async fn function() {
    let started = runtime::telemetry::init("poll-orders");
    let deps = poll_orders::Deps::from_env(&started).unwrap();
    let shards: u8 = world::from_env("POLL_SHARDS", 1);
    for _ in 0..ROUNDS {
        let mut context = Context::default();
        let end = SystemClock.now() + SignedDuration::try_from(TIME_LIMIT).unwrap();
        context.deadline = u64::try_from(end.as_millisecond()).unwrap();
        let (began, processor) = (Instant::now(), processor_ms());
        let event = LambdaEvent::new(json!({ "shard": 0, "shards": shards }), context);
        let answer = Box::pin(poll_orders::handle(&deps, event)).await.unwrap();
        let round = json!({
            "seconds": began.elapsed().as_secs(), "processor_ms": processor_ms() - processor, "peak_mb": peak_kb() / 1024,
            "answer": answer,
        });
        std::io::stderr()
            .write_all(format!("{round}\n").as_bytes())
            .unwrap();
    }
}

/// The most memory that this process ever had, by the kernel.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Processor time of this process, in user and kernel; the kernel counts in hundredths of a second.
fn processor_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<u64>().unwrap() * 10).sum()
}
