//! Makes articles due that a sweep found, and queues them. What becomes of an article is decided when it is looked at.

use crate::config::Deps;
use domain::ids::{ArticleId, ConnectionId};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use runtime::error::Chain;
use store::article_record::{ArticleDueKind, ArticleRecord};
use store::queue::ArticleMessage;
use store::{Store, StoreError};

/// Records written side by side.
const CONCURRENT_WRITES: usize = 8;

/// An article that a sweep found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub id: ArticleId,
    /// The article number, where it is known.
    pub number: Option<String>,
}

/// Makes the articles due as bulk work and queues them. With `again` ProductFlow gets product and offer again even when they
/// did not change.
pub(crate) async fn make_candidates_due(
    deps: &Deps,
    connection: &ConnectionId,
    candidates: Vec<Candidate>,
    again: bool,
) -> Result<(), StoreError> {
    let store = &deps.sessions.store;
    let now = deps.sessions.clock.now();
    let writes: Vec<_> = candidates
        .iter()
        .map(|candidate| make_candidate_due(store, connection, &candidate.id, again, now))
        .collect();
    let records: Vec<ArticleRecord> = stream::iter(writes).buffered(CONCURRENT_WRITES).try_collect().await?;
    let messages: Vec<ArticleMessage> = candidates
        .into_iter()
        .map(|candidate| ArticleMessage::for_due_article(connection.clone(), candidate.id, candidate.number))
        .collect();
    if let Err(error) = deps.articles_queue.send_messages(&messages).await {
        tracing::warn!(error = %Chain(&error), "not queued: the polls will");
        return Ok(());
    }
    let marks: Vec<_> =
        records.into_iter().map(|record| record_queued(store, connection, record, now)).collect();
    stream::iter(marks).buffer_unordered(CONCURRENT_WRITES).try_collect().await
}

async fn make_candidate_due(
    store: &Store,
    connection: &ConnectionId,
    id: &ArticleId,
    again: bool,
    now: Timestamp,
) -> Result<ArticleRecord, StoreError> {
    store
        .amend_article(connection, id, now, |record| {
            if again {
                record.forget_sent_digests();
            }
            // Whether the number is unique is looked up anew.
            let knew = record.unique.take().is_some();
            record.make_due_now(ArticleDueKind::Bulk, now) || again || knew
        })
        .await
}

/// Stores that the article was queued, so that the polls need not queue it once more.
async fn record_queued(
    store: &Store,
    connection: &ConnectionId,
    record: ArticleRecord,
    now: Timestamp,
) -> Result<(), StoreError> {
    if let Some(due) = record.due {
        store.note_article_queued(connection, &record.article_id, due.at, now).await?;
    }
    Ok(())
}
