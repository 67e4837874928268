//! The messages of the queues, and sending them. A message says only "look at this". It may be lost, repeated
//! or late, since the table knows what is due.

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use domain::ids::{ArticleId, ConnectionId, OrderIdentifier};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// Version of the shape of all messages.
pub const MESSAGE_SCHEMA: u32 = 1;

/// "Look at this order."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderMessage {
    /// [`MESSAGE_SCHEMA`] of the program that sent the message.
    pub schema_version: u32,
    /// The connection, whose id is also the message group.
    pub connection: ConnectionId,
    pub order: OrderIdentifier,
}

impl OrderMessage {
    pub fn new(connection: ConnectionId, order: OrderIdentifier) -> Self {
        Self { schema_version: MESSAGE_SCHEMA, connection, order }
    }
}

/// "This article may have changed", or "look at this article again".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArticleMessage {
    /// [`MESSAGE_SCHEMA`] of the program that sent the message.
    pub schema_version: u32,
    /// The connection, whose id is also the message group.
    pub connection: ConnectionId,
    pub article_id: ArticleId,
    /// The article number, if the sender knows it. Only a hint where to look first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The event of Robaws that announced the change. Without an event the article is looked at only if it is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<ArticleEvent>,
}

/// An announcement of Robaws that an article changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArticleEvent {
    /// Robaws' id of the event, used as the de-duplication id of the message.
    pub id: String,
    /// When the event came in. Whatever is read later contains the change.
    pub at: Timestamp,
}

impl ArticleMessage {
    /// A message for an article that is due, without an event.
    pub fn for_due_article(connection: ConnectionId, article_id: ArticleId, number: Option<String>) -> Self {
        Self { schema_version: MESSAGE_SCHEMA, connection, article_id, number, event: None }
    }
}

/// A long work over all articles of a connection, list page by list page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sweep {
    /// Makes every ticked article due.
    Push,
    /// Ticks every article.
    Tick,
    /// Makes articles due that differ, and compares orders with their documents.
    Reconcile,
    /// Makes the ledger of a suspended connection anew from the documents in Robaws.
    Rebuild,
}

impl Sweep {
    pub const ALL: [Self; 4] = [Self::Push, Self::Tick, Self::Reconcile, Self::Rebuild];

    /// The sweeps of an active connection.
    pub const WHILE_ACTIVE: [Self; 3] = [Self::Push, Self::Tick, Self::Reconcile];

    /// The name in attributes and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Tick => "tick",
            Self::Reconcile => "reconcile",
            Self::Rebuild => "rebuild",
        }
    }
}

/// "Continue this sweep." The progress of the sweep is stored with the connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepMessage {
    /// [`MESSAGE_SCHEMA`] of the program that sent the message.
    pub schema_version: u32,
    /// The connection, whose id is also the message group.
    pub connection: ConnectionId,
    pub sweep: Sweep,
}

impl SweepMessage {
    pub fn new(connection: ConnectionId, sweep: Sweep) -> Self {
        Self { schema_version: MESSAGE_SCHEMA, connection, sweep }
    }
}

/// "Put a task with a sign-in link in Robaws." The page that sends the message does not know who asks, so it
/// must not reveal whether the connection exists: only the receiver checks that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInMessage {
    /// [`MESSAGE_SCHEMA`] of the program that sent the message.
    pub schema_version: u32,
    pub connection: ConnectionId,
    /// Base URL under which the page was reached; the link leads there.
    pub base_url: String,
    /// Path to go to after signing in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// "Queue more due orders of this connection." Stands halfway among the messages of a backlog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoOnMessage {
    /// [`MESSAGE_SCHEMA`] of the program that sent the message.
    pub schema_version: u32,
    /// The connection, whose id is also the message group.
    pub connection: ConnectionId,
    /// Tells this message from the others of the queue when JSON is read.
    pub queue: DueWork,
}

/// What is to be queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DueWork {
    DueOrders,
}

impl GoOnMessage {
    pub fn new(connection: ConnectionId) -> Self {
        Self { schema_version: MESSAGE_SCHEMA, connection, queue: DueWork::DueOrders }
    }
}

/// The messages of the orders queue. Sign-in links go through it too, because its function starts at once and
/// calls Robaws anyway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OrdersQueueMessage {
    /// Look at an order.
    Look(OrderMessage),
    /// Queue more due orders.
    GoOn(GoOnMessage),
    /// Put a sign-in link in Robaws.
    SignIn(SignInMessage),
}

/// A message that a queue takes.
pub trait QueueMessage: Serialize {
    /// The message group. Messages of one group are delivered one batch after the other.
    fn group_id(&self) -> &str;

    /// By default a fresh id. SQS remembers ids for five minutes even after delivery, and a record can be due again
    /// within them.
    fn deduplication_id(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }
}

impl QueueMessage for OrderMessage {
    fn group_id(&self) -> &str {
        self.connection.as_str()
    }
}

impl QueueMessage for ArticleMessage {
    fn group_id(&self) -> &str {
        self.connection.as_str()
    }

    fn deduplication_id(&self) -> String {
        match &self.event {
            Some(event) => event.id.clone(),
            None => uuid::Uuid::new_v4().to_string(),
        }
    }
}

impl QueueMessage for SweepMessage {
    fn group_id(&self) -> &str {
        self.connection.as_str()
    }
}

impl QueueMessage for SignInMessage {
    // A group of its own: a sign-in link must not wait for the orders of its connection.
    fn group_id(&self) -> &'static str {
        "sign-in"
    }
}

impl QueueMessage for OrdersQueueMessage {
    fn group_id(&self) -> &str {
        match self {
            Self::Look(look) => look.group_id(),
            Self::GoOn(go_on) => go_on.connection.as_str(),
            Self::SignIn(ask) => ask.group_id(),
        }
    }
}

/// Some messages could not be queued. Their orders and articles are still due in the table; events are repeated
/// by Robaws.
#[derive(Debug, thiserror::Error)]
#[error("the queue took {taken} of {asked} messages")]
pub struct QueueError {
    taken: usize,
    asked: usize,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Sends messages of one kind to one queue.
#[derive(Debug)]
pub struct Queue<M> {
    client: aws_sdk_sqs::Client,
    url: String,
    kind: PhantomData<fn(M)>,
}

pub type OrderQueue = Queue<OrderMessage>;
pub type ArticleQueue = Queue<ArticleMessage>;
pub type SweepQueue = Queue<SweepMessage>;

impl<M> Clone for Queue<M> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), url: self.url.clone(), kind: PhantomData }
    }
}

impl<M: QueueMessage> Queue<M> {
    /// The queue with this URL.
    pub fn new(client: aws_sdk_sqs::Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into(), kind: PhantomData }
    }

    /// Sends the messages in their sequence, ten per call.
    ///
    /// # Errors
    ///
    /// [`QueueError`] when SQS fails or refuses a message; the messages of earlier calls are queued then.
    pub async fn send_messages(&self, messages: &[M]) -> Result<(), QueueError> {
        self.send_in_batches(messages).await
    }

    pub(crate) async fn send_in_batches<T: QueueMessage>(&self, messages: &[T]) -> Result<(), QueueError> {
        let mut taken = 0;
        for chunk in messages.chunks(10) {
            let failed = |source| QueueError { taken, asked: messages.len(), source };
            let mut request = self.client.send_message_batch().queue_url(&self.url);
            for (i, message) in chunk.iter().enumerate() {
                let body = serde_json::to_string(message).map_err(|e| failed(Some(e.into())))?;
                let entry = SendMessageBatchRequestEntry::builder()
                    .id(i.to_string())
                    .message_body(body)
                    .message_group_id(message.group_id())
                    .message_deduplication_id(message.deduplication_id())
                    .build()
                    .map_err(|e| failed(Some(e.into())))?;
                request = request.entries(entry);
            }
            let answer = request.send().await.map_err(|e| failed(Some(e.into_service_error().into())))?;
            taken += answer.successful().len();
            if !answer.failed().is_empty() {
                return Err(QueueError { taken, asked: messages.len(), source: None });
            }
        }
        Ok(())
    }
}

impl OrderQueue {
    /// Sends a request for a sign-in link.
    ///
    /// # Errors
    ///
    /// [`QueueError`] when SQS fails or refuses the message.
    pub async fn send_sign_in(&self, message: SignInMessage) -> Result<(), QueueError> {
        self.send_in_batches(&[message]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_one_connection_wait_for_each_other_and_a_sign_in_for_none() {
        let shop = || ConnectionId::parse("shop").unwrap();
        let order = OrderMessage::new(shop(), OrderIdentifier::parse("PF-1").unwrap());
        let article = ArticleMessage::for_due_article(shop(), ArticleId::parse("1").unwrap(), None);
        let sign_in = SignInMessage {
            schema_version: MESSAGE_SCHEMA,
            connection: shop(),
            base_url: "https://connector.example".to_owned(),
            next: None,
        };
        assert_eq!(order.group_id(), "shop");
        assert_eq!(article.group_id(), "shop");
        assert_eq!(SweepMessage::new(shop(), Sweep::Push).group_id(), "shop");
        assert_eq!(sign_in.group_id(), "sign-in");
        for (message, group) in [
            (OrdersQueueMessage::Look(order), "shop"),
            (OrdersQueueMessage::GoOn(GoOnMessage::new(shop())), "shop"),
            (OrdersQueueMessage::SignIn(sign_in), "sign-in"),
        ] {
            assert_eq!(message.group_id(), group);
        }
    }

    #[test]
    fn an_event_that_robaws_repeats_is_one_message_and_what_is_due_is_always_another() {
        let due = ArticleMessage::for_due_article(
            ConnectionId::parse("shop").unwrap(),
            ArticleId::parse("1").unwrap(),
            None,
        );
        assert_ne!(due.deduplication_id(), due.deduplication_id());
        let announced = ArticleMessage {
            event: Some(ArticleEvent { id: "event-1".to_owned(), at: Timestamp::UNIX_EPOCH }),
            ..due
        };
        assert_eq!(announced.deduplication_id(), "event-1");
    }
}
