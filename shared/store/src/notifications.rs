//! Stored notifications: since when each is open, how often its problems were seen, and its task in Robaws.
//! Problems are stored with orders, articles and connections; notifications follow from them.

use crate::Store;
use crate::error::StoreError;
use crate::keys::{self, Key, text};
use crate::model::OpenProblem;
use crate::record::{Page, Record, read_item};
use domain::ids::{ConnectionId, DocumentId, OrderIdentifier};
use domain::notification::{Group, Seen, Subject};
use domain::problem::Problem;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Version of the stored shape of [`Notification`].
pub const NOTIFICATION_SCHEMA: u32 = 1;
/// Orders that one notification names.
const MOST_ORDERS: usize = 20;
/// How long a solved notification is kept.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(400 * 24);

/// Where the task in Robaws for a notification stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// There is no task, and none is to be made.
    None,
    /// A task is to be made.
    Wanted,
    /// The task with this id is open.
    Made(String),
    /// The task with this id was closed.
    Closed(String),
}

/// An order that a notification names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedOrder {
    pub identifier: OrderIdentifier,
    /// The order as people name it.
    pub reference: String,
}

/// One notification. Its id stays when it is solved and opens again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// [`NOTIFICATION_SCHEMA`] of the program that wrote the notification.
    pub schema: u32,
    /// Counts the writes; every write is conditional on the version that was read. 0: not stored yet.
    pub version: u64,
    pub connection: ConnectionId,
    /// Digest of connection and cause.
    pub id: String,
    /// The problem that the notification shows for all problems of its cause.
    pub problem: Problem,
    /// The first of the orders with the problem.
    pub orders: Vec<NamedOrder>,
    /// Number of orders with the problem.
    pub orders_in_all: u64,
    /// The invoice in Robaws, if only one order has the problem.
    pub invoice: Option<DocumentId>,
    /// Number of the article that the notification is about.
    pub article: Option<String>,
    /// How often looks found the problems.
    pub count: u64,
    /// When the notification opened; after it was solved, when it opened again.
    pub opened_at: Timestamp,
    /// When a look last found one of the problems.
    pub last_seen_at: Timestamp,
    /// When the last problem closed. `None`: open.
    pub resolved_at: Option<Timestamp>,
    /// How often the notification opened, from 1.
    pub episode: u32,
    pub task: Task,
}

impl Notification {
    /// A notification of problems that were not notified before.
    pub fn new(connection: ConnectionId, id: String, group: &Group) -> Self {
        let mut fresh = Self {
            schema: NOTIFICATION_SCHEMA,
            version: 0,
            connection,
            id,
            problem: group.problem.clone(),
            orders: Vec::new(),
            orders_in_all: 0,
            invoice: None,
            article: None,
            count: 0,
            opened_at: group.opened_at,
            last_seen_at: group.last_seen_at,
            resolved_at: None,
            episode: 1,
            task: Task::Wanted,
        };
        fresh.take_over(group);
        fresh
    }

    pub fn is_open(&self) -> bool {
        self.resolved_at.is_none()
    }

    /// Takes over the problems that are open now. A solved notification opens again.
    pub fn see(&mut self, group: &Group) {
        if self.resolved_at.take().is_some() {
            self.episode = self.episode.saturating_add(1);
            self.opened_at = group.opened_at;
            self.task = Task::Wanted;
        }
        self.take_over(group);
    }

    fn take_over(&mut self, group: &Group) {
        let named = group.orders.iter().take(MOST_ORDERS);
        self.orders = named
            .map(|(identifier, reference)| NamedOrder {
                identifier: identifier.clone(),
                reference: reference.clone(),
            })
            .collect();
        self.orders_in_all = u64::try_from(group.orders.len()).unwrap_or(u64::MAX);
        self.problem = group.problem.clone();
        self.invoice.clone_from(&group.invoice);
        self.article.clone_from(&group.article);
        self.count = group.count;
        self.opened_at = self.opened_at.min(group.opened_at);
        self.last_seen_at = group.last_seen_at;
    }

    /// Closes the notification, because its last problem closed.
    pub fn resolve(&mut self, now: Timestamp) {
        self.resolved_at = Some(now);
        if self.task == Task::Wanted {
            self.task = Task::None;
        }
    }
}

impl Record for Notification {
    const NAME: &'static str = "a notification";
    const SCHEMA: u32 = NOTIFICATION_SCHEMA;

    fn key(&self) -> Key {
        keys::notification(&self.connection, &self.id)
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn next(&self, _now: Timestamp) -> Self {
        Self {
            version: self.version + 1,
            ..self.clone()
        }
    }

    fn due(&self) -> Option<(String, Timestamp)> {
        // A solved notification whose task is not closed yet stays in the index, so that the task is closed.
        let is_done = !self.is_open() && !matches!(self.task, Task::Made(_));
        (!is_done).then(|| (keys::notifications_index(&self.connection), self.opened_at))
    }

    fn newest(&self) -> (String, Timestamp) {
        (keys::notifications_index(&self.connection), self.opened_at)
    }

    fn expires(&self) -> Option<Timestamp> {
        self.resolved_at?.checked_add(KEPT_FOR).ok()
    }
}

/// An order or article with open problems, as the index of open problems shows it.
#[derive(Deserialize)]
struct OpenItem {
    subject: Subject,
    #[serde(default)]
    problems: Vec<OpenProblem>,
    #[serde(default)]
    differences: Vec<OpenProblem>,
}

/// An open problem together with the order, article or connection that has it.
pub fn seen(subject: &Subject, open: OpenProblem) -> Seen {
    Seen {
        subject: subject.clone(),
        problem: open.problem,
        opened_at: open.opened_at,
        last_seen_at: open.last_seen_at,
        count: open.count,
    }
}

impl Store {
    /// Loads every open problem of a connection's orders and articles, and the number of these orders and articles.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails. An item that cannot be read is logged and left out.
    pub async fn open_problems(&self, connection: &ConnectionId) -> Result<(Vec<Seen>, u64), StoreError> {
        let mut found = Vec::new();
        let mut subjects = 0;
        let mut start = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(keys::OPEN_INDEX)
                .key_condition_expression("open_pk = :pk")
                .expression_attribute_values(":pk", text(connection.as_str()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(StoreError::sdk)?;
            for item in page.items.unwrap_or_default() {
                match read_item::<OpenItem>("an open problem", item) {
                    Ok(item) => {
                        subjects += 1;
                        let open = item.problems.into_iter().chain(item.differences);
                        found.extend(open.map(|open| seen(&item.subject, open)));
                    }
                    // One unreadable item must not hide the others.
                    Err(error) => tracing::error!(error = %error, "a stored item can't be read"),
                }
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok((found, subjects));
            }
        }
    }

    /// Loads notifications that are open, or whose task is not closed yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails. An item that cannot be read is logged and left out.
    pub async fn unfinished_notifications(
        &self,
        connection: &ConnectionId,
    ) -> Result<Vec<Notification>, StoreError> {
        self.due_records(keys::notifications_index(connection), Timestamp::MAX, usize::MAX)
            .await
    }

    /// Loads several notifications. Those that do not exist are left out.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails. An item that cannot be read is logged and left out.
    pub async fn notifications(
        &self,
        connection: &ConnectionId,
        ids: impl IntoIterator<Item = &String>,
    ) -> Result<Vec<Notification>, StoreError> {
        let keys = ids
            .into_iter()
            .map(|id| keys::notification(connection, id))
            .collect();
        self.records(keys).await
    }

    /// Loads a notification. `None`: there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails; [`StoreError::Corrupt`] when the stored item cannot be
    /// read.
    pub async fn notification(
        &self,
        connection: &ConnectionId,
        id: &str,
    ) -> Result<Option<Notification>, StoreError> {
        self.record(keys::notification(connection, id)).await
    }

    /// Stores a notification.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when another writer stored the record since it was loaded; [`StoreError::TooLarge`]
    /// above 400 KB; [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn save_notification(
        &self,
        notification: &mut Notification,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.save_record(notification, now).await
    }

    /// One list page of notifications, newest first. `is_open`: only open or only solved ones.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadCursor`] when `cursor` is not from an earlier list page; [`StoreError::Unavailable`] when
    /// DynamoDB fails.
    pub async fn list_notifications(
        &self,
        connection: &ConnectionId,
        is_open: Option<bool>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Notification>, StoreError> {
        self.newest_records(
            &keys::notifications_index(connection),
            &keys::notifications_pk(connection),
            |notification: &Notification| is_open.is_none_or(|open| open == notification.is_open()),
            cursor,
            limit,
        )
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::problem::{Holds, ProblemCode, args};
    use std::collections::BTreeMap;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + minutes * 60).unwrap()
    }

    fn group(opened_at: Timestamp) -> Group {
        Group {
            problem: Problem::new(ProblemCode::ArticleNotFound, Holds::Lines, args([])),
            orders: BTreeMap::new(),
            invoice: None,
            article: None,
            opened_at,
            last_seen_at: opened_at,
            count: 1,
        }
    }

    fn notification() -> Notification {
        let connection = ConnectionId::parse("shop").unwrap();
        Notification::new(connection, "0a".to_owned(), &group(at(0)))
    }

    #[test]
    fn a_notification_is_kept_for_400_days_after_it_is_solved_and_for_ever_before() {
        let mut solved = notification();
        assert_eq!(solved.expires(), None);
        solved.resolve(at(5));
        let days_400 = SignedDuration::from_hours(400 * 24);
        assert_eq!(solved.expires(), Some(at(5) + days_400));
        solved.see(&group(at(9)));
        assert_eq!(solved.expires(), None, "it is open again");
        assert_eq!((solved.opened_at, solved.episode), (at(9), 2));
    }

    #[test]
    fn a_solved_notification_is_unfinished_until_its_task_is_closed() {
        for (task, is_solved, is_unfinished) in [
            (Task::Wanted, false, true),
            (Task::None, true, false),
            (Task::Made("7".to_owned()), true, true),
            (Task::Closed("7".to_owned()), true, false),
            (Task::Closed("7".to_owned()), false, true),
        ] {
            let mut told = notification();
            told.task = task;
            told.resolved_at = is_solved.then(|| at(5));
            assert_eq!(told.due().is_some(), is_unfinished, "{:?}", told.task);
        }
    }

    #[test]
    fn a_notification_that_is_stored_has_the_next_version_and_says_the_same() {
        let told = notification();
        let next = told.next(at(9));
        assert_eq!(next.version(), 1);
        assert_eq!(next.next(at(9)).version(), 2);
        assert_eq!(next, Notification { version: 1, ..told });
    }
}
