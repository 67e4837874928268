//! An SQS batch as Lambda hands it on, and the partial batch response.

use crate::metrics::{self, Metric};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::Error;
use serde::de::DeserializeOwned;

/// One message of a batch.
#[derive(Debug, Clone)]
pub struct Message<M> {
    /// SQS' id of it.
    pub id: String,
    /// What it says.
    pub body: M,
}

/// The messages of a batch. One that does not parse can never be worked off: it is logged and done, since what it meant is
/// still due in the table. One without an id could not be named in the response: that fails the invocation.
pub fn messages<M: DeserializeOwned>(event: SqsEvent) -> Result<Vec<Message<M>>, Error> {
    let mut messages = Vec::with_capacity(event.records.len());
    for record in event.records {
        let id = record
            .message_id
            .filter(|id| !id.is_empty())
            .ok_or("an SQS record has no messageId")?;
        match serde_json::from_str(record.body.as_deref().unwrap_or_default()) {
            Ok(body) => messages.push(Message { id, body }),
            Err(error) => {
                // Its values stay out: nobody knows whose they are.
                tracing::error!(sqs.message_id = %id, json.line = error.line(), json.column = error.column(), "not a message of ours");
            }
        }
    }
    Ok(messages)
}

/// The response that names the messages of which not even the outcome could be recorded.
pub fn response(failed: Vec<String>) -> SqsBatchResponse {
    if !failed.is_empty() {
        let count = u64::try_from(failed.len()).unwrap_or(u64::MAX);
        metrics::count(Metric::RecordsUnrecorded, count);
    }
    let mut response = SqsBatchResponse::default();
    for id in failed {
        response.add_failure(id);
    }
    response
}
