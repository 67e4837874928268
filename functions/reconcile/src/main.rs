//! Lambda entry point.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use reconcile::Deps;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let started = runtime::telemetry::start_logging("reconcile");
    let deps = Deps::from_env(&started)?;
    run(service_fn(|event: LambdaEvent<_>| reconcile::handle_event(&deps, event))).await
}
