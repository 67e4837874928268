//! Stores and loads article records, and which article holds which article number.

use crate::Store;
use crate::article_record::{ArticleDueKind, ArticleRecord, ArticleState};
use crate::error::StoreError;
use crate::keys::{self, Key, text_value};
use crate::record::{ListPage, read_item, readable_records};
use domain::ids::{ArticleId, ConnectionId, Sku};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};

/// What is stored about an article number.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NumberRecord {
    /// The article that was last sent under the number. An order for the number is for this article, even after the
    /// article got another number.
    pub article_id: Option<ArticleId>,
    /// Live articles that had the same number at the last look-up. Each is looked at again when another one leaves
    /// the number.
    pub namesakes: BTreeSet<ArticleId>,
}

/// Counts over a connection's articles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ArticleCounts {
    /// Articles of which ProductFlow has an offer.
    pub sent: u64,
    /// Articles with an open problem.
    pub with_problem: u64,
    /// Whether all articles were counted. `false`: the limit of pages was reached first.
    pub complete: bool,
}

/// Some of a connection's articles by id, and the last id if more follow.
pub type ArticlesFrom = (Vec<ArticleRecord>, Option<ArticleId>);

impl Store {
    /// Loads an article record. `None`: there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails; [`StoreError::Corrupt`] when the stored item cannot be
    /// read.
    pub async fn load_article(
        &self,
        connection: &ConnectionId,
        id: &ArticleId,
    ) -> Result<Option<ArticleRecord>, StoreError> {
        self.load_record(keys::article_key(connection, id)).await
    }

    /// Loads several article records. Records that do not exist are left out.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails. An item that cannot be read is logged and left out.
    pub async fn load_articles(
        &self,
        connection: &ConnectionId,
        ids: impl IntoIterator<Item = &ArticleId>,
    ) -> Result<HashMap<ArticleId, ArticleRecord>, StoreError> {
        let keys = ids.into_iter().map(|id| keys::article_key(connection, id)).collect();
        let records: Vec<ArticleRecord> = self.load_records(keys).await?;
        Ok(records.into_iter().map(|record| (record.article_id.clone(), record)).collect())
    }

    /// Stores an article record. The record in memory gets its new version only after the write.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when another writer stored the item since it was read; [`StoreError::TooLarge`]
    /// above 400 KB; [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn save_article(&self, record: &mut ArticleRecord, now: Timestamp) -> Result<(), StoreError> {
        self.save_record(record, now).await
    }

    /// Applies `change` to the stored record, or to a new one if there is none, and saves. Loads and tries again
    /// when another writer was faster. `change` returns whether it changed anything.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] after 30 tries that another writer won; otherwise as [`Store::load_article`] and
    /// [`Store::save_article`].
    pub async fn amend_article(
        &self,
        connection: &ConnectionId,
        id: &ArticleId,
        now: Timestamp,
        change: impl Fn(&mut ArticleRecord) -> bool,
    ) -> Result<ArticleRecord, StoreError> {
        let fresh = || Some(ArticleRecord::new(connection.clone(), id.clone(), now));
        self.amend_record(keys::article_key(connection, id), now, fresh, change)
            .await?
            .ok_or_else(|| StoreError::missing_item("a new article"))
    }

    /// Loads articles that are due at `until`, longest due first, `limit` at most.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails. An item that cannot be read is logged and left out.
    pub async fn load_due_articles(
        &self,
        connection: &ConnectionId,
        kind: ArticleDueKind,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ArticleRecord>, StoreError> {
        self.load_due_records(keys::due_articles_pk(connection, kind), until, limit).await
    }

    /// Stores that a message for a due article was sent. `false`: the due time changed meanwhile, so the message
    /// may be outdated and nothing was stored.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn note_article_queued(
        &self,
        connection: &ConnectionId,
        id: &ArticleId,
        due_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.note_record_queued(keys::article_key(connection, id), due_at, now).await
    }

    /// One list page of a connection's articles, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadCursor`] when `cursor` is not from an earlier list page; [`StoreError::Unavailable`] when
    /// DynamoDB fails.
    pub async fn list_articles(
        &self,
        connection: &ConnectionId,
        state: Option<ArticleState>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<ListPage<ArticleRecord>, StoreError> {
        let wanted = |record: &ArticleRecord| state.is_none_or(|state| record.state() == state);
        self.load_newest_records(
            &keys::newest_articles_pk(connection),
            &keys::articles_pk(connection),
            wanted,
            cursor,
            limit,
        )
        .await
    }

    /// Loads a connection's articles ordered by id, those after `after`. Sweeps go over all articles with it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails. An item that cannot be read is logged and left out.
    pub async fn load_articles_from(
        &self,
        connection: &ConnectionId,
        after: Option<&ArticleId>,
    ) -> Result<ArticlesFrom, StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text_value(keys::articles_pk(connection)))
            .set_exclusive_start_key(after.map(|id| keys::article_key(connection, id)))
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        let next = page
            .last_evaluated_key
            .and_then(|key| key.get("sk")?.as_s().ok().cloned())
            .and_then(|id| ArticleId::parse(id).ok());
        Ok((readable_records(page.items.unwrap_or_default()), next))
    }

    /// Counts a connection's articles. Reads `most_pages` query results of DynamoDB at most (1 MB each).
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn count_articles(
        &self,
        connection: &ConnectionId,
        most_pages: usize,
    ) -> Result<ArticleCounts, StoreError> {
        let mut tally = ArticleCounts::default();
        let mut after = None;
        for _ in 0..most_pages {
            let (records, next) = self.load_articles_from(connection, after.as_ref()).await?;
            for record in &records {
                tally.sent += u64::from(record.sent.is_some());
                tally.with_problem += u64::from(!record.problems.is_empty());
            }
            after = next;
            if after.is_none() {
                tally.complete = true;
                break;
            }
        }
        Ok(tally)
    }

    /// Loads what is stored about an article number; a number never seen has an empty record.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails; [`StoreError::Corrupt`] when the stored item cannot be
    /// read.
    pub async fn load_number(
        &self,
        connection: &ConnectionId,
        sku: &Sku,
    ) -> Result<NumberRecord, StoreError> {
        let found = self.load_item(keys::number_key(connection, sku)).await?;
        found.map(|item| read_item("an article number", item)).transpose().map(Option::unwrap_or_default)
    }

    /// Stores which article was last sent under a number. Orders with this number mean that article, even after Robaws
    /// renumbered it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn claim_number(
        &self,
        connection: &ConnectionId,
        sku: &Sku,
        id: &ArticleId,
    ) -> Result<(), StoreError> {
        self.set_number(connection, sku, "article_id", id).await
    }

    /// Stores which live articles share a number.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn note_namesakes(
        &self,
        connection: &ConnectionId,
        sku: &Sku,
        namesakes: &BTreeSet<ArticleId>,
    ) -> Result<(), StoreError> {
        self.set_number(connection, sku, "namesakes", namesakes).await
    }

    async fn set_number<T: Serialize>(
        &self,
        connection: &ConnectionId,
        sku: &Sku,
        name: &str,
        value: &T,
    ) -> Result<(), StoreError> {
        let value = serde_dynamo::to_attribute_value(value)
            .map_err(|e| StoreError::corrupt_item("an article number to store", e))?;
        let key: Key = keys::number_key(connection, sku);
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .update_expression("SET #name = :value")
            .expression_attribute_names("#name", name)
            .expression_attribute_values(":value", value)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        Ok(())
    }
}
