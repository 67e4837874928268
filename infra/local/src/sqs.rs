//! Small, strict SQS FIFO queues behind the SQS wire protocol (AWS JSON 1.0). What the design relies on is enforced: the order
//! within a group, one receive of a group in flight at a time, visibility and redelivery, the dead-letter queue after too many
//! receives, and de-duplication ids that are remembered for five minutes even after delivery. The dead letters of `orders.fifo`
//! are in the queue `orders-dead-letters.fifo`, from which they can be received and deleted.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use jiff::{SignedDuration, Timestamp};
use md5::{Digest, Md5};
use runtime::clock::SharedClock;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long SQS remembers a de-duplication id.
const REMEMBERED_FOR: SignedDuration = SignedDuration::from_mins(5);
/// `maxReceiveCount` of the template's queues: after this many receives a message becomes a dead letter.
const MOST_RECEIVES: u32 = 5;
/// `VisibilityTimeout` of the template's queues, in seconds. `tests/template/check.py` compares both numbers with the template.
const VISIBILITY_SECONDS: i64 = 540;
/// Bytes of a message's body at most (1 MiB).
const MOST_BODY_BYTES: usize = 1_048_576;
/// Suffix of the names of dead-letter queues.
const DEAD_LETTERS_SUFFIX: &str = "-dead-letters.fifo";

#[derive(Debug, Clone)]
pub struct Message {
    pub id: String,
    pub group: String,
    /// The text that was sent.
    pub body: String,
    pub sent_at: Timestamp,
    deduplication_id: String,
    sequence: u64,
    receives: u32,
    receipt: Option<String>,
    invisible_until: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Queue {
    /// In the order in which they were sent. Most messages are received and deleted near the front.
    messages: VecDeque<Message>,
    /// By group and de-duplication id: the message id and sequence number that were answered.
    answers: HashMap<String, (String, u64)>,
    /// When each of those answers was given, with its key, oldest first.
    answered_at: VecDeque<(Timestamp, String)>,
    sequence: u64,
}

impl Queue {
    fn forget_old_ids(&mut self, now: Timestamp) {
        let is_old = |(at, _): &mut (Timestamp, String)| now.duration_since(*at) >= REMEMBERED_FOR;
        while let Some((_, id)) = self.answered_at.pop_front_if(is_old) {
            self.answers.remove(&id);
        }
    }
}

/// Name of the dead-letter queue of a queue; `None` for a dead-letter queue.
fn dead_letter_queue_of(name: &str) -> Option<String> {
    let stem = name.strip_suffix(".fifo").filter(|_| !name.ends_with(DEAD_LETTERS_SUFFIX))?;
    Some(format!("{stem}{DEAD_LETTERS_SUFFIX}"))
}

/// All queues by name. Each queue has a dead-letter queue of its own.
#[derive(Clone)]
pub struct Queues {
    clock: SharedClock,
    queues: Arc<Mutex<BTreeMap<String, Queue>>>,
}

impl Queues {
    /// No queues yet. A queue is created at its first use, if its name ends in `.fifo`.
    pub fn new(clock: SharedClock) -> Self {
        Self { clock, queues: Arc::default() }
    }

    fn with_queue<T>(&self, name: &str, act: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        act(queues.entry(name.to_owned()).or_default())
    }

    /// The messages of a queue, in flight or not.
    pub fn messages_in(&self, name: &str) -> Vec<Message> {
        self.with_queue(name, |queue| queue.messages.iter().cloned().collect())
    }

    /// The dead letters of a queue: messages that were received too often.
    pub fn dead_letters(&self, name: &str) -> Vec<Message> {
        dead_letter_queue_of(name).map_or_else(Vec::new, |name| self.messages_in(&name))
    }

    /// Deletes every dead letter of a queue, as a person does who has dealt with them.
    pub fn delete_dead_letters(&self, name: &str) {
        if let Some(dead) = dead_letter_queue_of(name) {
            self.lose_messages(&dead);
        }
    }

    /// Drops every message of a queue, to test that the work is queued again.
    pub fn lose_messages(&self, name: &str) {
        self.with_queue(name, |queue| queue.messages.clear());
    }

    /// Makes every message visible again, as if its visibility timeout had run out.
    pub fn release_messages(&self, name: &str) {
        self.with_queue(name, |queue| {
            for message in &mut queue.messages {
                message.invisible_until = None;
            }
        });
    }

    fn send_message(&self, name: &str, entry: &Value) -> Result<Value, SqsFailure> {
        let text = |field: &str| {
            entry.get(field).and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned)
        };
        let body = text("MessageBody").ok_or(SqsFailure::missing_parameter("MessageBody"))?;
        let group = text("MessageGroupId").ok_or(SqsFailure::missing_parameter("MessageGroupId"))?;
        let deduplication_id = text("MessageDeduplicationId").ok_or(SqsFailure::invalid_parameter(
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ))?;
        if body.len() > MOST_BODY_BYTES || group.len() > 128 || deduplication_id.len() > 128 {
            return Err(SqsFailure::invalid_parameter("a value is too long"));
        }
        let now = self.clock.now();
        let md5 = hex::encode(Md5::digest(body.as_bytes()));
        let (id, sequence) = self.with_queue(name, |queue| {
            queue.forget_old_ids(now);
            // De-duplication works within the group, as the template configures it.
            let deduplication_key = format!("{group}\n{deduplication_id}");
            if let Some((id, sequence)) = queue.answers.get(&deduplication_key) {
                return (id.clone(), *sequence);
            }
            queue.sequence += 1;
            let id = uuid::Uuid::new_v4().to_string();
            queue.answered_at.push_back((now, deduplication_key.clone()));
            queue.answers.insert(deduplication_key, (id.clone(), queue.sequence));
            queue.messages.push_back(Message {
                id: id.clone(),
                group,
                body,
                deduplication_id,
                sequence: queue.sequence,
                sent_at: now,
                receives: 0,
                receipt: None,
                invisible_until: None,
            });
            (id, queue.sequence)
        });
        Ok(json!({ "MessageId": id, "MD5OfMessageBody": md5, "SequenceNumber": format!("{sequence:020}") }))
    }

    fn receive_messages(&self, name: &str, most: usize, visibility: i64) -> Vec<Value> {
        let now = self.clock.now();
        let until = now.checked_add(SignedDuration::from_secs(visibility)).ok();
        let dead_letters = dead_letter_queue_of(name);
        let (given, dead) = self.with_queue(name, |queue| {
            let hidden = |m: &Message| m.invisible_until.is_some_and(|until| until > now);
            // While a message of a group is in flight, no other message of that group is given out.
            let busy: HashSet<String> =
                queue.messages.iter().filter(|m| hidden(m)).map(|m| m.group.clone()).collect();
            let mut given = Vec::new();
            let mut dead = Vec::new();
            for (at, message) in queue.messages.iter_mut().enumerate() {
                if given.len() >= most || busy.contains(&message.group) {
                    continue;
                }
                message.receives += 1;
                if dead_letters.is_some() && message.receives > MOST_RECEIVES {
                    dead.push(at);
                    continue;
                }
                let receipt = uuid::Uuid::new_v4().to_string();
                message.receipt = Some(receipt.clone());
                message.invisible_until = until;
                given.push(json!({
                    "MessageId": message.id,
                    "ReceiptHandle": receipt,
                    "Body": message.body,
                    "MD5OfBody": hex::encode(Md5::digest(message.body.as_bytes())),
                    "Attributes": {
                        "ApproximateReceiveCount": message.receives.to_string(),
                        "SentTimestamp": message.sent_at.as_millisecond().to_string(),
                        "MessageGroupId": message.group,
                        "MessageDeduplicationId": message.deduplication_id,
                        "SequenceNumber": format!("{:020}", message.sequence),
                    },
                }));
            }
            // Removed from the back, so that the positions of the others stay right; the order is restored afterwards.
            let dead = dead.into_iter().rev().filter_map(|at| queue.messages.remove(at));
            let mut dead: Vec<Message> = dead.collect();
            dead.reverse();
            (given, dead)
        });
        if let Some(name) = dead_letters {
            self.with_queue(&name, |queue| {
                queue.messages.extend(dead.into_iter().map(|message| Message {
                    receipt: None,
                    invisible_until: None,
                    ..message
                }));
            });
        }
        given
    }

    /// The counts of a queue's visible and hidden messages, as `GetQueueAttributes` answers them.
    fn queue_attributes(&self, name: &str) -> Value {
        let now = self.clock.now();
        let (hidden, visible): (Vec<Message>, Vec<Message>) = self
            .messages_in(name)
            .into_iter()
            .partition(|message| message.invisible_until.is_some_and(|until| until > now));
        json!({
            "ApproximateNumberOfMessages": visible.len().to_string(),
            "ApproximateNumberOfMessagesNotVisible": hidden.len().to_string(),
        })
    }

    fn delete_message(&self, name: &str, receipt: &str) -> Result<(), SqsFailure> {
        self.with_queue(name, |queue| {
            let at = queue.messages.iter().position(|m| m.receipt.as_deref() == Some(receipt));
            match at {
                Some(at) => {
                    queue.messages.remove(at);
                    Ok(())
                }
                // As in SQS, deleting a message that is gone already succeeds.
                None if uuid::Uuid::parse_str(receipt).is_ok() => Ok(()),
                None => Err(SqsFailure {
                    code: "ReceiptHandleIsInvalid",
                    message: "not a receipt handle".to_owned(),
                }),
            }
        })
    }
}

struct SqsFailure {
    code: &'static str,
    message: String,
}

impl SqsFailure {
    fn missing_parameter(field: &str) -> Self {
        let message = format!("The request must contain the parameter {field}.");
        Self { code: "MissingParameter", message }
    }

    fn invalid_parameter(message: &str) -> Self {
        Self { code: "InvalidParameterValue", message: message.to_owned() }
    }
}

impl IntoResponse for SqsFailure {
    fn into_response(self) -> Response {
        let body = json!({ "__type": format!("com.amazonaws.sqs#{}", self.code), "message": self.message });
        (StatusCode::BAD_REQUEST, [("content-type", "application/x-amz-json-1.0")], body.to_string())
            .into_response()
    }
}

/// A server of SQS' wire protocol.
pub fn build_router(queues: Queues) -> Router {
    Router::new().route("/", post(handle_request)).with_state(queues)
}

async fn handle_request(
    State(queues): State<Queues>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, SqsFailure> {
    let target = headers.get("x-amz-target").and_then(|t| t.to_str().ok()).unwrap_or_default().to_owned();
    let request: Value = serde_json::from_slice(&body)
        .map_err(|_| SqsFailure::invalid_parameter("the request is not JSON"))?;
    let url = request.get("QueueUrl").and_then(Value::as_str).unwrap_or_default();
    let name = url.rsplit('/').next().unwrap_or_default().to_owned();
    // Queues are created at their first use, so a name that is not FIFO must be a mistake.
    if name.strip_suffix(".fifo").is_none() {
        let message = "The specified queue does not exist.".to_owned();
        return Err(SqsFailure { code: "QueueDoesNotExist", message });
    }
    let entries = || request.get("Entries").and_then(Value::as_array).cloned().unwrap_or_default();
    let answer = match target.as_str() {
        "AmazonSQS.SendMessage" => queues.send_message(&name, &request)?,
        "AmazonSQS.SendMessageBatch" => {
            let (mut successful, mut failed) = (Vec::new(), Vec::new());
            let entries = entries();
            if entries.is_empty() || entries.len() > 10 {
                return Err(SqsFailure {
                    code: "TooManyEntriesInBatchRequest",
                    message: "1 to 10 entries".to_owned(),
                });
            }
            for entry in entries {
                match queues.send_message(&name, &entry) {
                    Ok(mut sent) => {
                        sent["Id"] = entry["Id"].clone();
                        successful.push(sent);
                    }
                    Err(failure) => failed.push(json!({
                        "Id": entry["Id"], "SenderFault": true, "Code": failure.code, "Message": failure.message
                    })),
                }
            }
            json!({ "Successful": successful, "Failed": failed })
        }
        "AmazonSQS.ReceiveMessage" => {
            let number = |field: &str| request.get(field).and_then(Value::as_i64);
            let most = usize::try_from(number("MaxNumberOfMessages").unwrap_or(1)).unwrap_or(1).clamp(1, 10);
            let visibility = number("VisibilityTimeout").unwrap_or(VISIBILITY_SECONDS);
            let wait = u64::try_from(number("WaitTimeSeconds").unwrap_or(0)).unwrap_or(0).min(20);
            let end = queues.clock.instant() + Duration::from_secs(wait);
            loop {
                let given = queues.receive_messages(&name, most, visibility);
                if !given.is_empty() || queues.clock.instant() >= end {
                    break json!({ "Messages": given });
                }
                queues.clock.sleep(Duration::from_millis(50)).await;
            }
        }
        "AmazonSQS.GetQueueAttributes" => json!({ "Attributes": queues.queue_attributes(&name) }),
        "AmazonSQS.DeleteMessage" => {
            queues.delete_message(&name, request["ReceiptHandle"].as_str().unwrap_or_default())?;
            json!({})
        }
        other => {
            return Err(SqsFailure { code: "InvalidAction", message: format!("{other} is not known here") });
        }
    };
    Ok(([("content-type", "application/x-amz-json-1.0")], answer.to_string()).into_response())
}
