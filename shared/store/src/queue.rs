//! The orders queue. A message says only "look at this order": it may be lost, repeated or late, since the ledger knows
//! what is due.

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use domain::ids::{ConnectionId, OrderIdentifier};
use serde::{Deserialize, Serialize};

/// Version of the message's shape.
pub const MESSAGE_SCHEMA: u32 = 1;

/// "Look at this order."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderMessage {
    /// Shape of the message.
    pub schema_version: u32,
    /// The connection, which is also the message group.
    pub connection: ConnectionId,
    /// The order.
    pub order: OrderIdentifier,
}

impl OrderMessage {
    /// For an order of a connection.
    pub fn new(connection: ConnectionId, order: OrderIdentifier) -> Self {
        Self {
            schema_version: MESSAGE_SCHEMA,
            connection,
            order,
        }
    }
}

/// Messages could not be queued; they are still due in the ledger.
#[derive(Debug, thiserror::Error)]
#[error("the orders queue took {taken} of {asked} messages")]
pub struct QueueError {
    taken: usize,
    asked: usize,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Sends to the orders queue.
#[derive(Debug, Clone)]
pub struct OrderQueue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl OrderQueue {
    /// Of the queue with this URL.
    pub fn new(client: aws_sdk_sqs::Client, url: impl Into<String>) -> Self {
        Self {
            client,
            url: url.into(),
        }
    }

    /// Sends the messages in order, ten a call. Each has a fresh de-duplication id: SQS remembers ids for five minutes even
    /// after delivery, and an order may well be due again within them.
    pub async fn send(&self, messages: &[OrderMessage]) -> Result<(), QueueError> {
        let mut taken = 0;
        for chunk in messages.chunks(10) {
            let failed = |source| QueueError {
                taken,
                asked: messages.len(),
                source,
            };
            let mut request = self.client.send_message_batch().queue_url(&self.url);
            for (i, message) in chunk.iter().enumerate() {
                let body = serde_json::to_string(message).map_err(|e| failed(Some(e.into())))?;
                let entry = SendMessageBatchRequestEntry::builder()
                    .id(i.to_string())
                    .message_body(body)
                    .message_group_id(message.connection.as_str())
                    .message_deduplication_id(uuid::Uuid::new_v4().to_string())
                    .build()
                    .map_err(|e| failed(Some(e.into())))?;
                request = request.entries(entry);
            }
            let answer = request
                .send()
                .await
                .map_err(|e| failed(Some(e.into_service_error().into())))?;
            taken += answer.successful().len();
            if !answer.failed().is_empty() {
                return Err(QueueError {
                    taken,
                    asked: messages.len(),
                    source: None,
                });
            }
        }
        Ok(())
    }
}
