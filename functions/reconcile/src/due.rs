//! Makes articles due that a sweep found, and queues them. What becomes of an article is decided when it is looked at.

use crate::config::Deps;
use domain::ids::{ArticleId, ConnectionId};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use runtime::error::Chain;
use store::article::{ArticleDueKind, ArticleRecord};
use store::queue::ArticleMessage;
use store::{Store, StoreError};

/// Records written side by side.
const WRITES: usize = 8;

/// An article that a sweep found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub id: ArticleId,
    /// The article number, where it is known.
    pub number: Option<String>,
}

/// Makes the articles due as bulk work and queues them. With `again` ProductFlow gets product and offer again even when they
/// did not change.
pub async fn make(
    deps: &Deps,
    connection: &ConnectionId,
    candidates: Vec<Candidate>,
    again: bool,
) -> Result<(), StoreError> {
    let store = &deps.sessions.store;
    let now = deps.sessions.clock.now();
    let writes: Vec<_> = candidates
        .iter()
        .map(|candidate| one(store, connection, &candidate.id, again, now))
        .collect();
    let records: Vec<ArticleRecord> = stream::iter(writes).buffered(WRITES).try_collect().await?;
    let messages: Vec<ArticleMessage> = candidates
        .into_iter()
        .map(|candidate| ArticleMessage::due(connection.clone(), candidate.id, candidate.number))
        .collect();
    if let Err(error) = deps.articles_queue.send(&messages).await {
        tracing::warn!(error = %Chain(&error), "not queued: the polls will");
        return Ok(());
    }
    let marks: Vec<_> = records
        .into_iter()
        .map(|record| mark(store, connection, record, now))
        .collect();
    stream::iter(marks).buffer_unordered(WRITES).try_collect().await
}

async fn one(
    store: &Store,
    connection: &ConnectionId,
    id: &ArticleId,
    again: bool,
    now: Timestamp,
) -> Result<ArticleRecord, StoreError> {
    store
        .amend_article(connection, id, now, |record| {
            if again {
                record.doubt();
            }
            // Whether the number is unique is looked up anew.
            let knew = record.unique.take().is_some();
            record.due_now(ArticleDueKind::Bulk, now) || again || knew
        })
        .await
}

/// Stores that the article was queued, so that the polls need not queue it once more.
async fn mark(
    store: &Store,
    connection: &ConnectionId,
    record: ArticleRecord,
    now: Timestamp,
) -> Result<(), StoreError> {
    if let Some(due) = record.due {
        store
            .mark_article_queued(connection, &record.article_id, due.at, now)
            .await?;
    }
    Ok(())
}
