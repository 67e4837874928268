//! Articles: what was sent of each, who holds which number, and which are due.

use crate::Store;
use crate::article::{ArticleDueKind, ArticleRecord, ArticleState};
use crate::error::StoreError;
use crate::keys::{self, Key, text};
use crate::record::{Page, read_item, readable};
use domain::ids::{ArticleId, ConnectionId, Sku};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};

/// What is known of an article number.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NumberRecord {
    /// The article that was last sent under it: an order for the number is for this article, wherever it lives on.
    pub article_id: Option<ArticleId>,
    /// Live articles that shared it when it was last looked up: each waits for the others.
    pub namesakes: BTreeSet<ArticleId>,
}

/// How many of a connection's articles are what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ArticleTally {
    /// ProductFlow has an offer of them.
    pub sent: u64,
    /// Something is wrong with them.
    pub with_problem: u64,
    /// All were counted; there may be more when not.
    pub complete: bool,
}

/// Some of a connection's articles, and where to go on.
pub type ArticlesFrom = (Vec<ArticleRecord>, Option<ArticleId>);

impl Store {
    /// An article.
    pub async fn article(
        &self,
        connection: &ConnectionId,
        id: &ArticleId,
    ) -> Result<Option<ArticleRecord>, StoreError> {
        self.record(keys::article(connection, id)).await
    }

    /// Several articles at once; those that are not there are left out.
    pub async fn articles(
        &self,
        connection: &ConnectionId,
        ids: impl IntoIterator<Item = &ArticleId>,
    ) -> Result<HashMap<ArticleId, ArticleRecord>, StoreError> {
        let keys = ids.into_iter().map(|id| keys::article(connection, id)).collect();
        let records: Vec<ArticleRecord> = self.records(keys).await?;
        Ok(records
            .into_iter()
            .map(|record| (record.article_id.clone(), record))
            .collect())
    }

    /// Stores an article if nobody else did since it was read; the record gets its new version only then.
    pub async fn save_article(&self, record: &mut ArticleRecord, now: Timestamp) -> Result<(), StoreError> {
        self.save_record(record, now).await
    }

    /// Changes an article as it is stored now, a new one if there is none, and tries again when somebody else wrote it meanwhile.
    /// `change` tells whether it changed anything.
    pub async fn amend_article(
        &self,
        connection: &ConnectionId,
        id: &ArticleId,
        now: Timestamp,
        change: impl Fn(&mut ArticleRecord) -> bool,
    ) -> Result<ArticleRecord, StoreError> {
        let fresh = || Some(ArticleRecord::new(connection.clone(), id.clone(), now));
        self.amend_record(keys::article(connection, id), now, fresh, change)
            .await?
            .ok_or_else(|| StoreError::missing("a new article"))
    }

    /// Articles due until `until`, longest due first.
    pub async fn due_articles(
        &self,
        connection: &ConnectionId,
        kind: ArticleDueKind,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ArticleRecord>, StoreError> {
        self.due_records(keys::due_articles(connection, kind), until, limit)
            .await
    }

    /// Marks a due article as queued, unless what is due changed meanwhile.
    pub async fn mark_article_queued(
        &self,
        connection: &ConnectionId,
        id: &ArticleId,
        due_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.mark_record_queued(keys::article(connection, id), due_at, now)
            .await
    }

    /// Articles of a connection, newest first.
    pub async fn list_articles(
        &self,
        connection: &ConnectionId,
        state: Option<ArticleState>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<ArticleRecord>, StoreError> {
        let wanted = |record: &ArticleRecord| state.is_none_or(|state| record.state() == state);
        self.newest_records(
            &keys::newest_articles(connection),
            &keys::articles_pk(connection),
            wanted,
            cursor,
            limit,
        )
        .await
    }

    /// Articles of a connection by id, from `after` on: for sweeps over all of them.
    pub async fn articles_from(
        &self,
        connection: &ConnectionId,
        after: Option<&ArticleId>,
    ) -> Result<ArticlesFrom, StoreError> {
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(keys::articles_pk(connection)))
            .set_exclusive_start_key(after.map(|id| keys::article(connection, id)))
            .send()
            .await
            .map_err(StoreError::sdk)?;
        let next = page
            .last_evaluated_key
            .and_then(|key| key.get("sk")?.as_s().ok().cloned())
            .and_then(|id| ArticleId::parse(id).ok());
        Ok((readable(page.items.unwrap_or_default()), next))
    }

    /// Counts a connection's articles, those of so many pages of the table at most.
    pub async fn tally_articles(
        &self,
        connection: &ConnectionId,
        most_pages: usize,
    ) -> Result<ArticleTally, StoreError> {
        let mut tally = ArticleTally::default();
        let mut after = None;
        for _ in 0..most_pages {
            let (records, next) = self.articles_from(connection, after.as_ref()).await?;
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

    /// What is known of an article number.
    pub async fn number(&self, connection: &ConnectionId, sku: &Sku) -> Result<NumberRecord, StoreError> {
        let found = self.item(keys::number(connection, sku)).await?;
        found
            .map(|item| read_item("an article number", item))
            .transpose()
            .map(Option::unwrap_or_default)
    }

    /// From now on an order for this number is for this article.
    pub async fn claim_number(
        &self,
        connection: &ConnectionId,
        sku: &Sku,
        id: &ArticleId,
    ) -> Result<(), StoreError> {
        self.set_number(connection, sku, "article_id", id).await
    }

    /// Remembers who shares a number.
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
            .map_err(|e| StoreError::corrupt("an article number to store", e))?;
        let key: Key = keys::number(connection, sku);
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .update_expression("SET #name = :value")
            .expression_attribute_names("#name", name)
            .expression_attribute_values(":value", value)
            .send()
            .await
            .map_err(StoreError::sdk)?;
        Ok(())
    }
}
