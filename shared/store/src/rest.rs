//! Connections at rest: nothing of theirs is due, so the poll need not ask the index for each of them.
//!
//! A poll that finds nothing due writes down until when that holds. Whoever makes something due earlier than it was marks the connection
//! *before* writing that, at most once a minute per process. What was found counts only if the last mark is older by more than such a
//! minute, and than a write and the index behind it take: so a mark is never too late. And it never counts for more than an hour.

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

/// A mark stands for everything that its process makes due for so long.
const MARK_HOLDS: SignedDuration = SignedDuration::from_mins(1);
/// Nothing found counts if the last mark is older by so much.
const MARK_SETTLES: SignedDuration = SignedDuration::from_mins(3);
/// Nothing found counts for so long at most.
const LONGEST: SignedDuration = SignedDuration::from_hours(1);
/// Marks remembered at most.
const MOST_MARKS: usize = 10_000;

/// That nothing was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// When that was found.
    pub asked_at: Timestamp,
    /// When something is due next, as far as was known.
    pub until: Timestamp,
}

impl ConnectionItem {
    /// Whether nothing can be due.
    pub fn is_at_rest(&self, now: Timestamp) -> bool {
        self.rest.is_some_and(|rest| rest.holds(self.due_marked_at, now))
    }
}

impl Rest {
    /// Whether it holds, with the connection last marked then.
    fn holds(self, marked: Option<Timestamp>, now: Timestamp) -> bool {
        let settled = |marked: Timestamp| self.asked_at.duration_since(marked) >= MARK_SETTLES;
        self.asked_at <= now && now < self.until && marked.is_none_or(settled)
    }
}

impl Store {
    /// Something becomes due earlier than it was: called before that is written.
    pub(crate) async fn mark_due(&self, id: &ConnectionId, now: Timestamp) -> Result<(), StoreError> {
        if self.marked_due_lately(id, now) {
            return Ok(());
        }
        self.set(id, "due_marked_at", attribute(&now)?).await?;
        let mut marks = self.due_marks.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.len() >= MOST_MARKS {
            marks.clear();
        }
        marks.insert(id.clone(), now);
        Ok(())
    }

    /// Whether this process marked the connection a moment ago.
    pub fn marked_due_lately(&self, id: &ConnectionId, now: Timestamp) -> bool {
        let marks = self.due_marks.lock().unwrap_or_else(PoisonError::into_inner);
        // A mark from the future comes from a clock that jumped back.
        marks
            .get(id)
            .is_some_and(|at| *at <= now && now.duration_since(*at) < MARK_HOLDS)
    }

    /// Nothing of the connection is due: writes down until when.
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

    /// When the first of one partition of the index is due, however far that is.
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
