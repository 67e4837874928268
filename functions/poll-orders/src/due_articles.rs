//! Queues due articles, and sweeps that nobody continues.
//!
//! Changes come before bulk work. Both leave the last requests of the day to orders.

use crate::all_connections::Deps;
use crate::one_connection::PollError;
use jiff::{SignedDuration, Timestamp};
use store::article_record::{ArticleDueKind, ArticleRecord};
use store::model::{ConnectionItem, PeerHealth};
use store::queue::{ArticleMessage, Sweep, SweepMessage};
use store::sweep::SweepState;

/// Most articles of one connection in the queue at a time.
const MOST_QUEUED: usize = 200;
/// An article or a sweep that was queued is not queued again for this long.
const QUEUED_FOR: SignedDuration = SignedDuration::from_mins(10);

/// Queues the due articles of a connection and returns their number.
pub(crate) async fn queue_due_articles(deps: &Deps, item: &ConnectionItem) -> Result<usize, PollError> {
    let now = deps.clock.now();
    let connection = &item.connection.id;
    // Changes come before bulk work.
    let mut kinds = Vec::new();
    if !item.robaws.is_quota_below(PeerHealth::ARTICLES_MIN_PERCENT, now) {
        kinds.push(ArticleDueKind::Change);
    }
    if !item.robaws.is_quota_below(PeerHealth::BULK_WORK_MIN_PERCENT, now) {
        kinds.push(ArticleDueKind::Bulk);
    }
    let mut free = MOST_QUEUED;
    let mut chosen: Vec<ArticleRecord> = Vec::new();
    for kind in kinds {
        let due = deps.store.load_due_articles(connection, kind, now, 2 * MOST_QUEUED).await?;
        let (queued, waiting): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|record| is_queued_recently(record.queued_at, now));
        free = free.saturating_sub(queued.len());
        let taken = waiting.into_iter().take(free);
        let before = chosen.len();
        chosen.extend(taken);
        free -= chosen.len() - before;
    }
    let messages: Vec<ArticleMessage> = chosen
        .iter()
        .map(|record| {
            ArticleMessage::for_due_article(
                connection.clone(),
                record.article_id.clone(),
                record.number.clone(),
            )
        })
        .collect();
    // The messages go out first: a message that goes out twice is harmless, while an article noted as queued without a message
    // would wait ten minutes.
    deps.articles_queue.send_messages(&messages).await?;
    for record in &chosen {
        if let Some(due) = record.due {
            deps.store.note_article_queued(connection, &record.article_id, due.at, now).await?;
        }
    }
    Ok(messages.len())
}

fn is_queued_recently(at: Option<Timestamp>, now: Timestamp) -> bool {
    // A time in the future comes from a clock that jumped back. Such a time must not hold anything back.
    at.is_some_and(|at| at <= now && now.duration_since(at) < QUEUED_FOR)
}

/// Queues sweeps that were asked for or begun and that nobody has touched for a while. Their message was lost, or the requests
/// of the day were used up.
pub(crate) async fn revive_sweeps(
    deps: &Deps,
    item: &mut ConnectionItem,
    sweeps: &[Sweep],
) -> Result<(), PollError> {
    let now = deps.clock.now();
    if is_queued_recently(item.poll.sweeps_queued_at, now) {
        return Ok(());
    }
    let connection = &item.connection.id;
    let is_left = |state: &SweepState| {
        let asked_at = state.request.as_ref().map(|ask| ask.at);
        state.is_pending() && !is_queued_recently(state.progress.touched_at.max(asked_at), now)
    };
    let left: Vec<SweepMessage> = sweeps
        .iter()
        .filter(|sweep| is_left(&item.sweep_state(**sweep)))
        .map(|sweep| SweepMessage::new(connection.clone(), *sweep))
        .collect();
    if left.is_empty() {
        return Ok(());
    }
    deps.sweeps_queue.send_messages(&left).await?;
    item.poll.sweeps_queued_at = Some(now);
    deps.store.save_poll_state(connection, &item.poll).await?;
    Ok(())
}
