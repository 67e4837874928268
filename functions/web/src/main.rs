//! Entry point of the Lambda function: reads the environment and runs the handler.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use web::Deps;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let started = runtime::telemetry::start_logging("web");
    let deps = Deps::from_env(&started)?;
    run(service_fn(|event: LambdaEvent<_>| web::handle_request(&deps, event))).await
}
