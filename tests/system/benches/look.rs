//! What orders take of `process-order`: wall time and processor time of the function, which runs in a process of its own, wired from its
//! environment as on AWS. The peers and the AWS services are in this process; Robaws answers after 150 ms and enforces its limit, ProductFlow
//! answers after 100 ms. Orders come one by one, or by the ten. Medians over
//! `LOOK_INVOCATIONS` of each kind, after one that warms up.

#![expect(clippy::unwrap_used, reason = "a benchmark that can't run says so")]

#[path = "bench/function.rs"]
mod function;
#[path = "bench/print.rs"]
mod print;
#[path = "bench/shop.rs"]
mod shop;
#[path = "bench/world.rs"]
mod world;

use jiff::SignedDuration;
use lambda_runtime::LambdaEvent;
use local::Stack;
use runtime::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};
use simulators::{OrderBuilder, demo};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStderr, ChildStdin};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const ROBAWS_LATENCY: Duration = Duration::from_millis(150);
const PRODUCTFLOW_LATENCY: Duration = Duration::from_millis(100);
/// As in the template.
const TIME_LIMIT: Duration = Duration::from_mins(1);

fn main() {
    if function::is_this() {
        function::run(Box::pin(look_in_own_process()));
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    print::print(&runtime.block_on(Box::pin(measure_looks())));
}

/// The function: an event a line, and what it took.
async fn look_in_own_process() {
    let started = runtime::telemetry::start_logging("process-order");
    let deps = process_order::Deps::from_env(&started).unwrap();
    for line in std::io::stdin().lines() {
        let payload = serde_json::from_str(&line.unwrap()).unwrap();
        let event = LambdaEvent::new(payload, function::context(TIME_LIMIT));
        let (began, processor) = (Instant::now(), function::processor());
        let answer = Box::pin(process_order::handle_event(&deps, event)).await.unwrap();
        let (took, processor) = (began.elapsed(), function::processor().saturating_sub(processor));
        function::say(&json!({
            "wall_us": took.as_micros(), "processor_us": processor.as_micros(), "peak_mb": function::peak_kb() / 1024,
            "answer": answer,
        }));
    }
}

/// The function's process.
struct Function {
    child: Child,
    events: ChildStdin,
    answers: std::io::Lines<BufReader<ChildStderr>>,
}

impl Function {
    fn start(stack: &Stack) -> Self {
        let mut child = function::command(stack).spawn().unwrap();
        Self {
            events: child.stdin.take().unwrap(),
            answers: BufReader::new(child.stderr.take().unwrap()).lines(),
            child,
        }
    }

    /// One invocation.
    fn invoke(&mut self, event: &Value) -> Value {
        self.events.write_all(format!("{event}\n").as_bytes()).unwrap();
        let mut answers = self.answers.by_ref().map(Result::unwrap);
        answers.find_map(|line| function::said(&line)).unwrap()
    }

    fn end(mut self) {
        drop(self.events);
        assert!(self.child.wait().unwrap().success());
    }
}

async fn measure_looks() -> Value {
    let stack = Stack::start_empty(Arc::new(SystemClock)).await.unwrap();
    demo::seed_demo_shop(&stack.robaws, &stack.productflow);
    let go_live = SystemClock.now() - SignedDuration::from_hours(1);
    shop::connect(&stack, "shop", (demo::COMPANY, demo::TOKEN), go_live).await;
    world::latency(&stack, ROBAWS_LATENCY, PRODUCTFLOW_LATENCY);
    let function = Arc::new(Mutex::new(Function::start(&stack)));
    let invocations = world::from_env("LOOK_INVOCATIONS", 15);
    let mut found = Vec::new();
    for orders in [1, 10] {
        let (mut booked, mut invoiced) = (Vec::new(), Vec::new());
        for invocation in 0..=invocations {
            let company = stack.productflow.company_numbered(demo::COMPANY);
            let name = |at: usize| format!("PF-{orders}-{invocation}-{at}");
            for at in 0..orders {
                company.place_order(OrderBuilder::new(&name(at)).with_line("A-1", 2, 5998, Some("7")));
            }
            booked.push(work_on_orders(&stack, &function, orders).await);
            for at in 0..orders {
                company.ship_order(&name(at));
            }
            invoiced.push(work_on_orders(&stack, &function, orders).await);
        }
        found.push(
            json!({ "orders": orders, "booked": take_medians(&booked), "invoiced": take_medians(&invoiced) }),
        );
    }
    let all = (1 + 10) * (invocations + 1);
    assert_eq!(stack.robaws.tenant_named(demo::TENANT).invoices().len(), all);
    Arc::into_inner(function).unwrap().into_inner().unwrap().end();
    json!(found)
}

/// Polls, and has the function work off what was queued. Gives what it took for the orders.
async fn work_on_orders(stack: &Stack, function: &Arc<Mutex<Function>>, orders: usize) -> Value {
    stack.run_poll().await.unwrap();
    let taken = Mutex::new(None);
    let received = stack
        .work_orders_with(|event, _| async {
            let function = Arc::clone(function);
            let answer = tokio::task::spawn_blocking(move || function.lock().unwrap().invoke(&event)).await?;
            let response = answer["answer"].clone();
            *taken.lock().unwrap() = Some(answer);
            Ok(response)
        })
        .await
        .unwrap();
    assert_eq!(received, orders, "one invocation takes them all");
    taken.into_inner().unwrap().unwrap()
}

/// The middle of what the invocations took, the first left out; the most memory.
fn take_medians(taken: &[Value]) -> Value {
    let warm = &taken[1..];
    let middle = |what: &str| {
        let mut all: Vec<u64> = warm.iter().map(|one| one[what].as_u64().unwrap()).collect();
        all.sort_unstable();
        all[all.len() / 2]
    };
    let peak = taken.iter().map(|one| one["peak_mb"].as_u64().unwrap()).max();
    json!({ "wall_us": middle("wall_us"), "processor_us": middle("processor_us"), "peak_mb": peak })
}
