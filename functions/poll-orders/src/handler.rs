//! Translates the scheduled event into a poll.

use crate::all_connections::{self, Deps};
use crate::shard::Shard;
use lambda_runtime::{Error, LambdaEvent};
use runtime::deadline;
use runtime::metrics::{self, Metric};
use serde_json::{Value, json};

/// Handles one tick of the EventBridge schedule. Of the event only a shard is read.
///
/// A connection that fails costs the other connections nothing. The invocation fails only when the connections themselves can't
/// be read.
pub async fn handle_event(deps: &Deps, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let deadline = deadline::from_context(&event.context, &*deps.clock);
    let round = async {
        let shard = Shard::from_event(&event.payload)?;
        let report = Box::pin(all_connections::poll_connections(deps, shard, deadline)).await?;
        metrics::add_count(Metric::PollsCompleted, 1);
        Ok(json!({ "polled": report.polled, "failed": report.failed, "queued": report.queued }))
    };
    deps.invocations.run_invocation(&event.context, round).await
}
