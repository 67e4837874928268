//! Translates the scheduled event and the SQS event into a nightly check or sweeps.

use crate::config::Deps;
use crate::{nightly_check, sweeps};
use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent};
use runtime::error::Chain;
use runtime::sqs_event::SqsMessage;
use runtime::{deadline, sqs_event};
use serde_json::{Value, json};
use store::queue::SweepMessage;
use tokio::time::Instant;
use tracing::Instrument;

/// Handles a batch of the sweeps queue, or one tick of the rule.
pub async fn handle_event(deps: &Deps, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let LambdaEvent { payload, context } = event;
    let deadline = deadline::from_context(&context, &*deps.sessions.clock);
    deps.invocations.run_invocation(&context, Box::pin(run_for_event(deps, payload, deadline))).await
}

async fn run_for_event(deps: &Deps, payload: Value, deadline: Instant) -> Result<Value, Error> {
    if payload.get("Records").is_none() {
        let checked = nightly_check::check_connections(deps, deadline).await?;
        return Ok(
            json!({ "checked": checked.checked_to_end, "left": checked.left_to_queue, "failed": checked.failed }),
        );
    }
    let event: SqsEvent = serde_json::from_value(payload)?;
    let mut failed = Vec::new();
    let messages: Vec<SqsMessage<SweepMessage>> = sqs_event::read_messages(event)?;
    for message in messages {
        let SweepMessage { connection, sweep, .. } = message.body;
        let span = tracing::info_span!("sweep", sweep = sweep.as_str());
        let swept = sweeps::run_sweep(deps, &connection, sweep, deadline);
        if let Err(error) = swept.instrument(span.clone()).await {
            span.in_scope(|| tracing::error!(error = %Chain(&error), "not recorded"));
            failed.push(message.id);
        }
    }
    Ok(serde_json::to_value(sqs_event::batch_response(failed))?)
}
