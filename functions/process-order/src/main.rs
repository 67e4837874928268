//! Lambda entry point.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use process_order::Deps;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let started = runtime::telemetry::start_logging("process-order");
    let deps = Deps::from_env(&started)?;
    run(service_fn(|event: LambdaEvent<_>| process_order::handle_event(&deps, event))).await
}
