//! The queues. A message says only "look at this": it may be lost, repeated or late, since the table knows what is due.

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use domain::ids::{ArticleId, ConnectionId, OrderIdentifier};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

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

/// "This article may have changed", or "look at it again".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArticleMessage {
    /// Shape of the message.
    pub schema_version: u32,
    /// The connection, which is also the message group.
    pub connection: ConnectionId,
    /// The article.
    pub article_id: ArticleId,
    /// Its number, as far as whoever sends this knows: only a hint where to look first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// An event of Robaws said so. Without one the article is looked at only if it is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<ArticleEvent>,
}

/// An event of Robaws.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArticleEvent {
    /// Its id, which is the de-duplication id of the message.
    pub id: String,
    /// When it came in: what is read later has the change in it.
    pub at: Timestamp,
}

impl ArticleMessage {
    /// For an article that is due.
    pub fn due(connection: ConnectionId, article_id: ArticleId, number: Option<String>) -> Self {
        Self {
            schema_version: MESSAGE_SCHEMA,
            connection,
            article_id,
            number,
            event: None,
        }
    }
}

/// Work over all articles of a connection, in pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sweep {
    /// Every ticked article is due.
    Push,
    /// Every article is ticked.
    Tick,
    /// Articles that differ are due; the three-way check.
    Reconcile,
    /// The ledger is made anew from the documents in Robaws; of a suspended connection only.
    Rebuild,
}

impl Sweep {
    /// Every sweep.
    pub const ALL: [Self; 4] = [Self::Push, Self::Tick, Self::Reconcile, Self::Rebuild];

    /// Those of an active connection.
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

/// "Go on with this sweep": what it is at stands with the connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepMessage {
    /// Shape of the message.
    pub schema_version: u32,
    /// The connection, which is also the message group.
    pub connection: ConnectionId,
    /// Which.
    pub sweep: Sweep,
}

impl SweepMessage {
    /// For a sweep of a connection.
    pub fn new(connection: ConnectionId, sweep: Sweep) -> Self {
        Self {
            schema_version: MESSAGE_SCHEMA,
            connection,
            sweep,
        }
    }
}

/// "Put a task with a sign-in link in Robaws": asked for on a page that knows nobody, so whether there is such a connection is
/// found out by whoever receives this, not by whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInMessage {
    /// Shape of the message.
    pub schema_version: u32,
    /// The connection.
    pub connection: ConnectionId,
    /// Where the pages were reached: the link leads there.
    pub base_url: String,
    /// Path to go on to after signing in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// "Queue more of what is due of this connection": stands halfway among the orders of a backlog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoOnMessage {
    /// Shape of the message.
    pub schema_version: u32,
    /// The connection, which is also the message group.
    pub connection: ConnectionId,
    /// What tells it from the others.
    pub queue: WhatIsDue,
}

/// What is to be queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhatIsDue {
    /// Due orders.
    DueOrders,
}

impl GoOnMessage {
    /// For the orders of a connection.
    pub fn new(connection: ConnectionId) -> Self {
        Self {
            schema_version: MESSAGE_SCHEMA,
            connection,
            queue: WhatIsDue::DueOrders,
        }
    }
}

/// What the orders queue holds: its worker is the one that is quick to come and calls Robaws.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OrdersQueueMessage {
    /// Look at an order.
    Look(OrderMessage),
    /// Queue more of what is due.
    GoOn(GoOnMessage),
    /// Put a sign-in link in Robaws.
    SignIn(SignInMessage),
}

/// What can be queued.
pub trait Message: Serialize {
    /// Its group: within one, messages are worked off one after the other.
    fn group(&self) -> &str;

    /// By default a fresh one: SQS remembers ids for five minutes even after delivery, and what was looked at may well be due
    /// again within them.
    fn deduplication_id(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }
}

impl Message for OrderMessage {
    fn group(&self) -> &str {
        self.connection.as_str()
    }
}

impl Message for ArticleMessage {
    fn group(&self) -> &str {
        self.connection.as_str()
    }

    fn deduplication_id(&self) -> String {
        match &self.event {
            Some(event) => event.id.clone(),
            None => uuid::Uuid::new_v4().to_string(),
        }
    }
}

impl Message for SweepMessage {
    fn group(&self) -> &str {
        self.connection.as_str()
    }
}

impl Message for SignInMessage {
    // A group of its own: it need not wait for the orders of its connection.
    fn group(&self) -> &'static str {
        "sign-in"
    }
}

impl Message for OrdersQueueMessage {
    fn group(&self) -> &str {
        match self {
            Self::Look(look) => look.group(),
            Self::GoOn(go_on) => go_on.connection.as_str(),
            Self::SignIn(ask) => ask.group(),
        }
    }
}

/// Messages could not be queued. What they are about is still due in the store, but for events of Robaws, which it repeats.
#[derive(Debug, thiserror::Error)]
#[error("the queue took {taken} of {asked} messages")]
pub struct QueueError {
    taken: usize,
    asked: usize,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Sends messages of one kind.
#[derive(Debug)]
pub struct Queue<M> {
    client: aws_sdk_sqs::Client,
    url: String,
    kind: PhantomData<fn(M)>,
}

/// The orders queue.
pub type OrderQueue = Queue<OrderMessage>;
/// The articles queue.
pub type ArticleQueue = Queue<ArticleMessage>;
/// The sweeps queue.
pub type SweepQueue = Queue<SweepMessage>;

impl<M> Clone for Queue<M> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            url: self.url.clone(),
            kind: PhantomData,
        }
    }
}

impl<M: Message> Queue<M> {
    /// Of the queue with this URL.
    pub fn new(client: aws_sdk_sqs::Client, url: impl Into<String>) -> Self {
        Self {
            client,
            url: url.into(),
            kind: PhantomData,
        }
    }

    /// Sends the messages in order, ten a call.
    pub async fn send(&self, messages: &[M]) -> Result<(), QueueError> {
        self.send_all(messages).await
    }

    pub(crate) async fn send_all<T: Message>(&self, messages: &[T]) -> Result<(), QueueError> {
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
                    .message_group_id(message.group())
                    .message_deduplication_id(message.deduplication_id())
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

impl OrderQueue {
    /// Sends what asks for a sign-in link.
    pub async fn send_sign_in(&self, message: SignInMessage) -> Result<(), QueueError> {
        self.send_all(&[message]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_one_connection_wait_for_each_other_and_a_sign_in_for_none() {
        let shop = || ConnectionId::parse("shop").unwrap();
        let order = OrderMessage::new(shop(), OrderIdentifier::parse("PF-1").unwrap());
        let article = ArticleMessage::due(shop(), ArticleId::parse("1").unwrap(), None);
        let sign_in = SignInMessage {
            schema_version: MESSAGE_SCHEMA,
            connection: shop(),
            base_url: "https://connector.example".to_owned(),
            next: None,
        };
        assert_eq!(order.group(), "shop");
        assert_eq!(article.group(), "shop");
        assert_eq!(SweepMessage::new(shop(), Sweep::Push).group(), "shop");
        assert_eq!(sign_in.group(), "sign-in");
        for (message, group) in [
            (OrdersQueueMessage::Look(order), "shop"),
            (OrdersQueueMessage::GoOn(GoOnMessage::new(shop())), "shop"),
            (OrdersQueueMessage::SignIn(sign_in), "sign-in"),
        ] {
            assert_eq!(message.group(), group);
        }
    }

    #[test]
    fn an_event_that_robaws_repeats_is_one_message_and_what_is_due_is_always_another() {
        let due = ArticleMessage::due(
            ConnectionId::parse("shop").unwrap(),
            ArticleId::parse("1").unwrap(),
            None,
        );
        assert_ne!(due.deduplication_id(), due.deduplication_id());
        let announced = ArticleMessage {
            event: Some(ArticleEvent {
                id: "event-1".to_owned(),
                at: Timestamp::UNIX_EPOCH,
            }),
            ..due
        };
        assert_eq!(announced.deduplication_id(), "event-1");
    }
}
