//! Lambda entry point.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use poll_orders::Deps;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let started = runtime::telemetry::start_logging("poll-orders");
    let deps = Deps::from_env(&started)?;
    run(service_fn(|event: LambdaEvent<_>| poll_orders::handle_event(&deps, event))).await
}
