//! The dead-letter queues of a deployment: reads their messages, and puts messages back into the queues that they came from.
//!
//! Every deployment is handled alike: receive, send under a fresh de-duplication id, delete. Wherever that is interrupted no
//! message is lost. At worst a message exists twice, which is harmless, since it only says "look at this" (docs/adr/0023).

use crate::deployment::{Deployment, local_url};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::stack::{Stack, refused_by_aws};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use futures::future::join_all;
use runtime::error::Chain;
use serde_json::{Value, json};
use std::collections::HashSet;

/// Seconds for which listed messages are hidden (visibility timeout); afterwards they can be received again.
const PEEK_SECONDS: i32 = 5;
/// Seconds for which messages are hidden while they are put back (visibility timeout).
const MOVE_SECONDS: i32 = 60;
/// Messages of one queue that are shown at most.
const MOST_SHOWN: usize = 50;

/// Per queue: its name, the logical id of the dead-letter queue in the template, and the logical id of the queue that messages go
/// back to. A dead-letter queue without the latter holds invocations that an EventBridge rule could not deliver; they need not be
/// repeated, since the rule fires again by itself.
const QUEUES: [(&str, &str, Option<&str>); 5] = [
    ("orders", "OrdersDeadLetters", Some("OrdersQueue")),
    ("articles", "ArticlesDeadLetters", Some("ArticlesQueue")),
    ("sweeps", "SweepsDeadLetters", Some("SweepsQueue")),
    ("poll", "PollDeadLetters", None),
    ("nightly", "NightlyDeadLetters", None),
];

/// The dead-letter queues of one deployment.
pub struct DeadLetterQueues {
    client: Client,
    queues: Vec<DeadLetterQueue>,
    wait_seconds: i32,
}

#[derive(Debug, Clone)]
pub struct DeadLetterQueue {
    /// The name that people use, such as `orders`.
    pub name: &'static str,
    url: String,
    source: Option<String>,
}

/// What a dead-letter queue holds.
#[derive(Debug)]
pub struct QueueContents {
    /// The name that people use, such as `orders`.
    pub name: &'static str,
    /// Number of messages as SQS estimates it, and at least as many as were received.
    pub approximate_count: u64,
    /// The messages that were received, as JSON for people: ids and times, without the body.
    pub messages: Vec<Value>,
}

impl DeadLetterQueues {
    /// Finds the dead-letter queues of a deployment.
    pub async fn for_deployment(deployment: &Deployment, environment: &Environment) -> Result<Self, Failure> {
        let wait_seconds = environment.pace.queue_wait_seconds;
        match deployment {
            Deployment::Stack { name, region } => {
                let stack = Stack::for_name(name, region.clone(), environment).await?;
                let found = join_all(QUEUES.iter().map(|entry| find_stack_queue(&stack, entry))).await;
                let found: Result<Vec<Option<DeadLetterQueue>>, Failure> = found.into_iter().collect();
                Ok(Self {
                    client: Client::new(stack.config()),
                    queues: found?.into_iter().flatten().collect(),
                    wait_seconds,
                })
            }
            Deployment::Local(port) => Ok(Self {
                client: build_local_client(*port)?,
                queues: QUEUES.iter().filter_map(local_queue).collect(),
                wait_seconds,
            }),
            Deployment::Url(_) => Err(Failure::wrong_usage("Dead letters are not in the API but in SQS.")
                .with_advice("Say --stack NAME, with AWS credentials.")),
        }
    }

    pub fn queues(&self) -> &[DeadLetterQueue] {
        &self.queues
    }

    /// The queue of this name.
    pub fn find_queue(&self, name: &str) -> Result<DeadLetterQueue, Failure> {
        let found = self.queues.iter().find(|queue| queue.name == name);
        found
            .cloned()
            .ok_or_else(|| Failure::not_found(format!("the stack has no dead-letter queue for {name}.")))
    }

    /// Number of messages in a queue as SQS estimates it, the hidden ones included.
    pub async fn count_messages(&self, queue: &DeadLetterQueue) -> Result<u64, Failure> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(&queue.url)
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await
            .map_err(|error| refused_by_aws("a dead-letter queue", &error))?;
        let attributes = answer.attributes();
        let number = |name| {
            attributes
                .and_then(|attributes| attributes.get(name))
                .and_then(|text| text.parse::<u64>().ok())
                .unwrap_or_default()
        };
        Ok(names.iter().map(number).sum())
    }

    /// Receives messages and leaves them in the queue, hidden for some seconds. Of one message group only the messages of one
    /// receive can be seen, since SQS gives no more of a group while some of its messages are hidden.
    pub async fn peek_messages(&self, queue: &DeadLetterQueue) -> Result<QueueContents, Failure> {
        let about = self.count_messages(queue).await?;
        let mut seen = HashSet::new();
        let mut messages = Vec::new();
        while about > 0 && messages.len() < MOST_SHOWN {
            let received = self.receive_messages(queue, PEEK_SECONDS).await?;
            let fresh: Vec<&Message> = received
                .iter()
                .filter(|message| seen.insert(message.message_id().unwrap_or_default().to_owned()))
                .collect();
            if fresh.is_empty() {
                break;
            }
            messages.extend(fresh.into_iter().map(summarise_message));
        }
        let (name, about) = (queue.name, about.max(messages.len() as u64));
        Ok(QueueContents { name, approximate_count: about, messages })
    }

    /// Puts the messages of one receive back and returns their number. Zero: the queue is empty, or its messages are hidden.
    pub async fn redrive_messages(&self, queue: &DeadLetterQueue) -> Result<u64, Failure> {
        let source = queue.source.as_ref().ok_or_else(|| {
            Failure::not_found(format!("the stack has no queue that {} dead letters go back to.", queue.name))
        })?;
        let received = self.receive_messages(queue, MOVE_SECONDS).await?;
        let mut moved = 0;
        for message in &received {
            let group = message_attribute(message, &MessageSystemAttributeName::MessageGroupId);
            self.client
                .send_message()
                .queue_url(source)
                .message_body(message.body().unwrap_or_default())
                .set_message_group_id(group.map(str::to_owned))
                // The first id may still be remembered (5 minutes), and SQS would drop the message.
                .message_deduplication_id(uuid::Uuid::new_v4().to_string())
                .send()
                .await
                .map_err(|error| refused_by_aws("the queue that messages go back to", &error))?;
            self.client
                .delete_message()
                .queue_url(&queue.url)
                .set_receipt_handle(message.receipt_handle().map(str::to_owned))
                .send()
                .await
                .map_err(|error| refused_by_aws("a dead-letter queue", &error))?;
            moved += 1;
        }
        Ok(moved)
    }

    async fn receive_messages(
        &self,
        queue: &DeadLetterQueue,
        hidden_seconds: i32,
    ) -> Result<Vec<Message>, Failure> {
        let answer = self
            .client
            .receive_message()
            .queue_url(&queue.url)
            .max_number_of_messages(10)
            .visibility_timeout(hidden_seconds)
            .wait_time_seconds(self.wait_seconds)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await
            .map_err(|error| refused_by_aws("a dead-letter queue", &error))?;
        Ok(answer.messages.unwrap_or_default())
    }
}

async fn find_stack_queue(
    stack: &Stack,
    &(name, dead, source): &(&'static str, &str, Option<&str>),
) -> Result<Option<DeadLetterQueue>, Failure> {
    let Some(url) = stack.find_resource(dead).await? else {
        return Ok(None);
    };
    let source = match source {
        Some(source) => stack.find_resource(source).await?,
        None => None,
    };
    Ok(Some(DeadLetterQueue { name, url, source }))
}

/// A queue of the local stack, which has no EventBridge rules and therefore no dead letters of rules.
fn local_queue(&(name, _, source): &(&'static str, &str, Option<&str>)) -> Option<DeadLetterQueue> {
    source?;
    let url = |queue: String| format!("http://localhost/000000000000/{queue}.fifo");
    Some(DeadLetterQueue {
        name,
        url: url(format!("{name}-dead-letters")),
        source: Some(url(name.to_owned())),
    })
}

fn build_local_client(port: u16) -> Result<Client, Failure> {
    let http = runtime::aws::http_client_with_machine_roots()
        .map_err(|error| Failure::not_reachable(format!("no HTTP client can be made: {}", Chain(&error))))?;
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(format!("{}/_local/sqs", local_url(port)))
        .http_client(http)
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"));
    Ok(Client::from_conf(config.build()))
}

fn message_attribute<'a>(message: &'a Message, name: &MessageSystemAttributeName) -> Option<&'a str> {
    message.attributes()?.get(name).map(String::as_str)
}

/// What a message is about, as far as its body says so.
fn summarise_message(message: &Message) -> Value {
    let body: Value = message.body().and_then(|body| serde_json::from_str(body).ok()).unwrap_or(Value::Null);
    let sent = message_attribute(message, &MessageSystemAttributeName::SentTimestamp)
        .and_then(|at| at.parse().ok())
        .and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    json!({
        "id": message.message_id(),
        "connection": body["connection"],
        "order": body["order"],
        "article_id": body["article_id"],
        "sweep": body["sweep"],
        "kind": message_kind(&body),
        "sent_at": sent,
        "receives": message_attribute(message, &MessageSystemAttributeName::ApproximateReceiveCount).and_then(|n| n.parse::<u64>().ok()),
    })
}

fn message_kind(body: &Value) -> &'static str {
    if body["order"].is_string() {
        "order"
    } else if body["article_id"].is_string() {
        "article"
    } else if body["sweep"].is_string() {
        "sweep"
    } else if body["base_url"].is_string() {
        "sign-in link"
    } else if body["detail-type"].is_string() {
        "tick of a rule"
    } else {
        "unknown"
    }
}
