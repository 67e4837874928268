//! SQS batches as Lambda passes them, and the partial batch response.

use crate::metrics::{self, Metric};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::Error;
use serde::de::DeserializeOwned;

/// One message of a batch.
#[derive(Debug, Clone)]
pub struct SqsMessage<M> {
    /// The id that SQS gave the message.
    pub id: String,
    pub body: M,
}

/// The messages of a batch. A message that does not parse is logged and left out, which deletes it: what it was
/// about is still due in the table.
///
/// # Errors
///
/// When a message has no id. Such a message could not be named in the response, so the whole invocation fails.
pub fn read_messages<M: DeserializeOwned>(event: SqsEvent) -> Result<Vec<SqsMessage<M>>, Error> {
    let mut messages = Vec::with_capacity(event.records.len());
    for record in event.records {
        let id = record.message_id.filter(|id| !id.is_empty()).ok_or("an SQS record has no messageId")?;
        match serde_json::from_str(record.body.as_deref().unwrap_or_default()) {
            Ok(body) => messages.push(SqsMessage { id, body }),
            Err(error) => {
                // The values of the message stay out of the log: nobody knows whose they are.
                tracing::error!(sqs.message_id = %id, json.line = error.line(), json.column = error.column(), "not a message of ours");
            }
        }
    }
    Ok(messages)
}

/// The response that has SQS deliver these messages again: those whose outcome could not even be recorded.
pub fn batch_response(failed: Vec<String>) -> SqsBatchResponse {
    if !failed.is_empty() {
        let count = u64::try_from(failed.len()).unwrap_or(u64::MAX);
        metrics::add_count(Metric::RecordsUnrecorded, count);
    }
    let mut response = SqsBatchResponse::default();
    for id in failed {
        response.add_failure(id);
    }
    response
}
