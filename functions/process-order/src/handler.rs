//! Translates the SQS event and the partial batch response; nothing else.

use crate::batch::{self, Deps, Message};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent};
use runtime::deadline;
use store::queue::OrderMessage;

/// One invocation. A message that does not parse can never be worked off: it is logged and done, since what it meant is still
/// due in the ledger. A message without an id could not be named in the response: that fails the invocation.
pub async fn handle(deps: &Deps, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let deadline = deadline::of(&event.context);
    let mut messages = Vec::with_capacity(event.payload.records.len());
    for record in event.payload.records {
        let id = record
            .message_id
            .filter(|id| !id.is_empty())
            .ok_or("an SQS record has no messageId")?;
        match serde_json::from_str::<OrderMessage>(record.body.as_deref().unwrap_or_default()) {
            Ok(body) => messages.push(Message { id, body }),
            Err(error) => tracing::error!(sqs.message.id = %id, error = %error, "not an order message"),
        }
    }
    let mut response = SqsBatchResponse::default();
    for id in batch::run(deps, messages, deadline).await {
        response.add_failure(id);
    }
    Ok(response)
}
