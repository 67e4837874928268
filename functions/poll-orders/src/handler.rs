//! Translates the scheduled event; nothing else.

use crate::round::{self, Deps};
use lambda_runtime::{Error, LambdaEvent};
use runtime::deadline;
use serde_json::{Value, json};

/// One invocation. What the rule sends beside "now" is of no interest. A connection that fails costs the others nothing; the
/// invocation fails only when the connections themselves can't be read.
pub async fn handle(deps: &Deps, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let report = round::run(deps, deadline::of(&event.context)).await?;
    Ok(json!({ "polled": report.polled, "failed": report.failed, "queued": report.queued }))
}
