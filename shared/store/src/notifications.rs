//! Stored notifications: since when each is open, how often its problems were seen, and its task in Robaws.
//! Problems are stored with orders, articles and connections; notifications follow from them.

use crate::Store;
use crate::error::StoreError;
use crate::keys::{self, Key, text_value};
use crate::model::OpenProblem;
use crate::record::{ListPage, Record, read_item};
use domain::ids::{ConnectionId, DocumentId, OrderIdentifier};
use domain::notification::{ProblemGroup, ProblemSubject, SeenProblem};
use domain::problem::Problem;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Version of the stored shape of [`Notification`].
pub const NOTIFICATION_SCHEMA: u32 = 1;
/// Orders that one notification names.
const MOST_NAMED_ORDERS: usize = 20;
/// How long a solved notification is kept.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(400 * 24);

/// Where the task in Robaws for a notification stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
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
    pub task: TaskState,
}

impl Notification {
    /// A notification of problems that were not notified before.
    pub fn new(connection: ConnectionId, id: String, group: &ProblemGroup) -> Self {
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
            task: TaskState::Wanted,
        };
        fresh.copy_group(group);
        fresh
    }

    pub fn is_open(&self) -> bool {
        self.resolved_at.is_none()
    }

    /// Takes over the problems that are open now. A solved notification opens again.
    pub fn update_from_group(&mut self, group: &ProblemGroup) {
        if self.resolved_at.take().is_some() {
            self.episode = self.episode.saturating_add(1);
            self.opened_at = group.opened_at;
            self.task = TaskState::Wanted;
        }
        self.copy_group(group);
    }

    fn copy_group(&mut self, group: &ProblemGroup) {
        let named = group.orders.iter().take(MOST_NAMED_ORDERS);
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
    pub fn set_solved(&mut self, now: Timestamp) {
        self.resolved_at = Some(now);
        if self.task == TaskState::Wanted {
            self.task = TaskState::None;
        }
    }
}

impl Record for Notification {
    const NAME: &'static str = "a notification";
    const SCHEMA: u32 = NOTIFICATION_SCHEMA;

    fn key(&self) -> Key {
        keys::notification_key(&self.connection, &self.id)
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn next_version(&self, _now: Timestamp) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    fn due_index_entry(&self) -> Option<(String, Timestamp)> {
        // A solved notification whose task is not closed yet stays in the index, so that the task is closed.
        let is_done = !self.is_open() && !matches!(self.task, TaskState::Made(_));
        (!is_done).then(|| (keys::notifications_index_pk(&self.connection), self.opened_at))
    }

    fn newest_index_entry(&self) -> (String, Timestamp) {
        (keys::notifications_index_pk(&self.connection), self.opened_at)
    }

    fn expires_at(&self) -> Option<Timestamp> {
        self.resolved_at?.checked_add(KEPT_FOR).ok()
    }
}

/// An order or article with open problems, as the index of open problems shows it.
#[derive(Deserialize)]
struct OpenItem {
    subject: ProblemSubject,
    #[serde(default)]
    problems: Vec<OpenProblem>,
    #[serde(default)]
    differences: Vec<OpenProblem>,
}

/// An open problem together with the order, article or connection that has it.
pub fn to_seen_problem(subject: &ProblemSubject, open: OpenProblem) -> SeenProblem {
    SeenProblem {
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
    pub async fn load_open_problems(
        &self,
        connection: &ConnectionId,
    ) -> Result<(Vec<SeenProblem>, u64), StoreError> {
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
                .expression_attribute_values(":pk", text_value(connection.as_str()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(StoreError::from_sdk)?;
            for item in page.items.unwrap_or_default() {
                match read_item::<OpenItem>("an open problem", item) {
                    Ok(item) => {
                        subjects += 1;
                        let open = item.problems.into_iter().chain(item.differences);
                        found.extend(open.map(|open| to_seen_problem(&item.subject, open)));
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
    pub async fn load_unfinished_notifications(
        &self,
        connection: &ConnectionId,
    ) -> Result<Vec<Notification>, StoreError> {
        self.load_due_records(keys::notifications_index_pk(connection), Timestamp::MAX, usize::MAX).await
    }

    /// Loads several notifications. Those that do not exist are left out.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails. An item that cannot be read is logged and left out.
    pub async fn load_notifications(
        &self,
        connection: &ConnectionId,
        ids: impl IntoIterator<Item = &String>,
    ) -> Result<Vec<Notification>, StoreError> {
        let keys = ids.into_iter().map(|id| keys::notification_key(connection, id)).collect();
        self.load_records(keys).await
    }

    /// Loads a notification. `None`: there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails; [`StoreError::Corrupt`] when the stored item cannot be
    /// read.
    pub async fn load_notification(
        &self,
        connection: &ConnectionId,
        id: &str,
    ) -> Result<Option<Notification>, StoreError> {
        self.load_record(keys::notification_key(connection, id)).await
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
    ) -> Result<ListPage<Notification>, StoreError> {
        self.load_newest_records(
            &keys::notifications_index_pk(connection),
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
    use domain::problem::{Holds, ProblemCode, build_args};
    use std::collections::BTreeMap;

    fn at_minute(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + minutes * 60).unwrap()
    }

    fn group_opened_at(opened_at: Timestamp) -> ProblemGroup {
        ProblemGroup {
            problem: Problem::new(ProblemCode::ArticleNotFound, Holds::Lines, build_args([])),
            orders: BTreeMap::new(),
            invoice: None,
            article: None,
            opened_at,
            last_seen_at: opened_at,
            count: 1,
        }
    }

    fn new_notification() -> Notification {
        let connection = ConnectionId::parse("shop").unwrap();
        Notification::new(connection, "0a".to_owned(), &group_opened_at(at_minute(0)))
    }

    #[test]
    fn a_notification_is_kept_for_400_days_after_it_is_solved_and_for_ever_before() {
        let mut solved = new_notification();
        assert_eq!(solved.expires_at(), None);
        solved.set_solved(at_minute(5));
        let days_400 = SignedDuration::from_hours(400 * 24);
        assert_eq!(solved.expires_at(), Some(at_minute(5) + days_400));
        solved.update_from_group(&group_opened_at(at_minute(9)));
        assert_eq!(solved.expires_at(), None, "it is open again");
        assert_eq!((solved.opened_at, solved.episode), (at_minute(9), 2));
    }

    #[test]
    fn a_solved_notification_is_unfinished_until_its_task_is_closed() {
        for (task, is_solved, is_unfinished) in [
            (TaskState::Wanted, false, true),
            (TaskState::None, true, false),
            (TaskState::Made("7".to_owned()), true, true),
            (TaskState::Closed("7".to_owned()), true, false),
            (TaskState::Closed("7".to_owned()), false, true),
        ] {
            let mut told = new_notification();
            told.task = task;
            told.resolved_at = is_solved.then(|| at_minute(5));
            assert_eq!(told.due_index_entry().is_some(), is_unfinished, "{:?}", told.task);
        }
    }

    #[test]
    fn a_notification_that_is_stored_has_the_next_version_and_says_the_same() {
        let told = new_notification();
        let next = told.next_version(at_minute(9));
        assert_eq!(next.version(), 1);
        assert_eq!(next.next_version(at_minute(9)).version(), 2);
        assert_eq!(next, Notification { version: 1, ..told });
    }
}
