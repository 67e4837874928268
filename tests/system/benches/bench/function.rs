//! A function in a process of its own, wired from its environment as on AWS: what it takes is not mixed up with what the peers and the AWS
//! services take, which are in the process of the benchmark. The process is this very program, told by `BENCH_FUNCTION`.

use lambda_runtime::Context;
use local::Stack;
use local::aws::{SECRET_PREFIX, TABLE};
use runtime::clock::{Clock as _, SystemClock};
use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

const FUNCTION: &str = "BENCH_FUNCTION";

/// Whether this process is the function.
pub(crate) fn is_this() -> bool {
    runtime::env::read_optional(FUNCTION).is_some()
}

/// Runs what the function does, on one thread as on Lambda.
pub(crate) fn run(function: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(function);
}

/// The function, with the environment that the template gives it. It says what it found on standard error, a line each.
pub(crate) fn command(stack: &Stack) -> Command {
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
        .env("PRODUCTFLOW_BASE_URL", format!("{}/api/v1", stack.productflow_server.url()))
        .env("ORDERS_QUEUE_URL", "http://localhost/000000000000/orders.fifo")
        .env("ARTICLES_QUEUE_URL", "http://localhost/000000000000/articles.fifo")
        .env("SWEEPS_QUEUE_URL", "http://localhost/000000000000/sweeps.fifo")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Tells the benchmark, from the function.
pub(crate) fn say(found: &Value) {
    std::io::stderr().write_all(format!("{found}\n").as_bytes()).unwrap();
}

/// What the function said in a line; what is not meant for the benchmark is passed on.
pub(crate) fn said(line: &str) -> Option<Value> {
    let found = serde_json::from_str(line).ok();
    if found.is_none() {
        std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
    }
    found
}

/// An invocation that may take so long from now.
pub(crate) fn context(time_limit: Duration) -> Context {
    let mut context = Context::default();
    let end = SystemClock.now() + jiff::SignedDuration::try_from(time_limit).unwrap();
    context.deadline = u64::try_from(end.as_millisecond()).unwrap();
    context
}

/// The most memory that this process ever had, by the kernel.
pub(crate) fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Processor time of all threads of this process, in user and kernel.
pub(crate) fn processor() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let nanoseconds = threads.map(|thread| {
        // A thread that ends meanwhile is not there any more; none here does much.
        let taken = std::fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap_or_default();
        let taken = taken.split_whitespace().next().map_or(Ok(0), str::parse);
        taken.unwrap_or(0)
    });
    Duration::from_nanos(nanoseconds.sum())
}
