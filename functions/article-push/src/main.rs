//! Lambda entry point.

use article_push::Deps;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let started = runtime::telemetry::init("article-push");
    let deps = Deps::from_env(&started)?;
    run(service_fn(|event: LambdaEvent<_>| {
        article_push::handle(&deps, event)
    }))
    .await
}
