//! Lambda entry point.

use article_push::Deps;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let started = runtime::telemetry::start_logging("article-push");
    let deps = Deps::from_env(&started)?;
    run(service_fn(|event: LambdaEvent<_>| article_push::handle_request(&deps, event))).await
}
