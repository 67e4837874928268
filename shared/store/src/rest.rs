//! Connections at rest: nothing of theirs is due, so the poll need not query the index for each of them.
//!
//! A poll that finds nothing due stores until when that holds. Whoever makes something due earlier wakes the
//! connection before that write, at most once a minute per process. The finding counts only if it is newer than
//! the last wake by three minutes, which is more than that minute, a write and the lag of the index take
//! together, and it never counts for longer than an hour.

use crate::Store;
use crate::article::ArticleDueKind;
use crate::connections::attribute;
use crate::error::StoreError;
use crate::keys::{self, text};
use crate::model::{ConnectionItem, DueKind};
use crate::orders::due_pk;
use domain::ids::ConnectionId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::PoisonError;

/// One wake counts for everything that the process makes due within this time.
const MARK_HOLDS: SignedDuration = SignedDuration::from_mins(1);
/// The finding must be this much newer than the last wake.
const MARK_SETTLES: SignedDuration = SignedDuration::from_mins(3);
/// Longest rest.
const LONGEST: SignedDuration = SignedDuration::from_hours(1);
/// Connections whose last wake a process remembers.
const MOST_MARKS: usize = 10_000;

/// The finding that nothing of a connection was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// When the index was queried.
    pub asked_at: Timestamp,
    /// When the next record is due, one hour after `asked_at` at most.
    pub until: Timestamp,
}

impl ConnectionItem {
    /// Whether nothing of the connection can be due.
    pub fn is_at_rest(&self, now: Timestamp) -> bool {
        self.rest.is_some_and(|rest| rest.holds(self.due_marked_at, now))
    }
}

impl Rest {
    /// Whether the finding counts. `marked`: the last wake.
    fn holds(self, marked: Option<Timestamp>, now: Timestamp) -> bool {
        let settled = |marked: Timestamp| self.asked_at.duration_since(marked) >= MARK_SETTLES;
        self.asked_at <= now && now < self.until && marked.is_none_or(settled)
    }
}

impl Store {
    /// Wakes the connection. Called before the write that makes something due earlier.
    pub(crate) async fn mark_due(&self, id: &ConnectionId, now: Timestamp) -> Result<(), StoreError> {
        if self.marked_due_lately(id, now) {
            return Ok(());
        }
        // Stored before the record is: a poll that finds nothing due in between must not trust that for an hour.
        self.set(id, "due_marked_at", attribute(&now)?).await?;
        let mut marks = self.due_marks.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.len() >= MOST_MARKS {
            marks.clear();
        }
        marks.insert(id.clone(), now);
        Ok(())
    }

    /// Whether this process woke the connection within the last minute.
    pub fn marked_due_lately(&self, id: &ConnectionId, now: Timestamp) -> bool {
        let marks = self.due_marks.lock().unwrap_or_else(PoisonError::into_inner);
        // A time in the future comes from a clock that jumped back.
        marks
            .get(id)
            .is_some_and(|at| *at <= now && now.duration_since(*at) < MARK_HOLDS)
    }

    /// Stores until when nothing of the connection is due.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails; [`StoreError::Corrupt`] when the index holds an unreadable
    /// time.
    pub async fn save_rest(&self, id: &ConnectionId, now: Timestamp) -> Result<(), StoreError> {
        let mut until = now.checked_add(LONGEST).unwrap_or(now);
        for due_pk in [
            due_pk(id, DueKind::Work),
            due_pk(id, DueKind::Relook),
            keys::due_articles(id, ArticleDueKind::Change),
            keys::due_articles(id, ArticleDueKind::Bulk),
        ] {
            if let Some(next) = self.next_due(due_pk).await? {
                until = until.min(next);
            }
        }
        if until > now {
            let rest = Rest { asked_at: now, until };
            self.set(id, "rest", attribute(&rest)?).await?;
        }
        Ok(())
    }

    /// When the first record of one partition of the index is due, however far ahead.
    async fn next_due(&self, due_pk: String) -> Result<Option<Timestamp>, StoreError> {
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(keys::DUE_INDEX)
            .key_condition_expression("due_pk = :pk")
            .expression_attribute_values(":pk", text(due_pk))
            .projection_expression("due_at")
            .limit(1)
            .send()
            .await
            .map_err(StoreError::sdk)?;
        let due_at = found.items().first().and_then(|item| item.get("due_at"));
        due_at
            .map(|value| {
                value
                    .as_s()
                    .ok()
                    .and_then(|at| at.parse().ok())
                    .ok_or_else(|| StoreError::missing("a moment in the index of what is due"))
            })
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(clock: &str) -> Timestamp {
        format!("2026-11-23T{clock}Z").parse().unwrap()
    }

    fn rest() -> Rest {
        Rest {
            asked_at: at("09:00:00"),
            until: at("09:30:00"),
        }
    }

    #[test]
    fn rests_until_something_is_due() {
        assert!(rest().holds(None, at("09:00:00")));
        assert!(rest().holds(None, at("09:29:59")));
        assert!(!rest().holds(None, at("09:30:00")));
    }

    #[test]
    fn only_a_mark_that_was_certainly_seen_leaves_it_at_rest() {
        assert!(rest().holds(Some(at("08:57:00")), at("09:05:00")));
        for marked in ["08:57:01", "09:00:00", "09:04:00"] {
            assert!(!rest().holds(Some(at(marked)), at("09:05:00")), "{marked}");
        }
    }

    #[test]
    fn a_clock_that_jumped_back_wakes() {
        assert!(!rest().holds(None, at("08:59:59")));
    }

    #[test]
    fn a_connection_marked_a_moment_ago_is_not_marked_again_for_a_minute() {
        use aws_sdk_dynamodb::config::{BehaviorVersion, Config};
        let config = Config::builder().behavior_version(BehaviorVersion::v2026_01_12());
        let store = Store::new(aws_sdk_dynamodb::Client::from_conf(config.build()), "table");
        let (shop, other) = (
            ConnectionId::parse("shop").unwrap(),
            ConnectionId::parse("other").unwrap(),
        );
        store
            .due_marks
            .lock()
            .unwrap()
            .insert(shop.clone(), at("09:00:00"));
        for (clock, lately) in [
            ("08:59:59", false),
            ("09:00:00", true),
            ("09:00:59", true),
            ("09:01:00", false),
        ] {
            assert_eq!(store.marked_due_lately(&shop, at(clock)), lately, "{clock}");
            assert!(!store.marked_due_lately(&other, at(clock)), "{clock}");
        }
    }
}
