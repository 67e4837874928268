//! Records how a look ended, and when the article is looked at next.
//!
//! The record is always changed as it is stored now. What was announced meanwhile stays due, and the outcome of a write counts
//! only if nobody began to write after it.

use crate::batch::{Asked, Context};
use crate::look::is_news;
use crate::send::{Done, Todo};
use connection::Trouble;
use domain::article::Listing;
use domain::ids::{ArticleId, ConnectionId};
use domain::problem::{Holds, Problem, ProblemCode, args};
use jiff::{SignedDuration, Timestamp};
use runtime::metrics::{self, Metric};
use store::article::{ArticleDue, ArticleDueKind, ArticleRecord};
use store::model::{Peer, doubling};
use store::{Store, StoreError};

/// Wait after a failed call. Each further failure doubles the wait, up to an hour.
const FIRST_RETRY: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_RETRY: SignedDuration = SignedDuration::from_hours(1);
/// Wait before the second look at an article with a problem that people solve. Each further round doubles the wait, up to a
/// day. Usually the solution is announced.
const FIRST_ROUND: SignedDuration = SignedDuration::from_mins(15);
const LONGEST_ROUND: SignedDuration = SignedDuration::from_hours(24);
/// Wait before the next look at an article whose values flip: then the flips are forgotten.
const FLIPS_FORGOTTEN: SignedDuration = SignedDuration::from_hours(1);
/// Looks in a row that may end without an outcome. Afterwards the article is left alone for an hour.
pub const STARTS: u32 = 3;

/// How a look ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// There was nothing to look at.
    NotDue,
    /// The outcome is recorded.
    Settled {
        /// Whether anything was written to ProductFlow.
        wrote: bool,
    },
    /// A peer is paused, or the rest of the day's requests is for orders. The article stays due.
    Held,
    /// A call failed. The failure is recorded, and the article is looked at again.
    Failed(Peer, Trouble),
    /// Time is short. The look follows in the next invocation.
    Continues,
}

/// The record when the look began, to tell what others wrote meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct Began {
    due: Option<ArticleDue>,
}

impl Began {
    pub fn of(record: &ArticleRecord) -> Self {
        Self { due: record.due }
    }
}

/// What a look found and did.
#[derive(Debug, Clone)]
pub struct Ended {
    /// What was to be written to ProductFlow.
    pub todo: Todo,
    /// Which of the writes were made.
    pub done: Done,
    /// Why ProductFlow refused the rest, in its own sentence.
    pub refused: Option<String>,
    /// What is wrong with the article.
    pub problems: Vec<Problem>,
    /// When the article is looked at next, where that is known already.
    pub again_at: Option<Timestamp>,
}

async fn amend(
    ctx: &Context,
    id: &ArticleId,
    change: impl Fn(&mut ArticleRecord, Timestamp) -> bool,
) -> Result<ArticleRecord, StoreError> {
    let now = ctx.session.clock.now();
    let connection = &ctx.session.item.connection.id;
    ctx.session
        .store
        .amend_article(connection, id, now, |record| change(record, now))
        .await
}

/// The record as it is stored now.
pub async fn stored(ctx: &Context, id: &ArticleId) -> Result<ArticleRecord, StoreError> {
    amend(ctx, id, |_, _| false).await
}

fn after(now: Timestamp, wait: SignedDuration, kind: ArticleDueKind) -> Option<ArticleDue> {
    let at = now.checked_add(wait).ok()?;
    Some(ArticleDue { at, kind })
}

/// Takes the writes of this look over into the record as it is stored now. `mine` is the record as it was before the writes.
///
/// When another look began to write after this one, nothing of it is certain: nobody knows whose write came last. So the
/// article is sent again.
fn apply(record: &mut ArticleRecord, mine: &ArticleRecord, ended: &Ended, now: Timestamp) {
    let Ended { todo, done, .. } = ended;
    if record.attempt != mine.attempt {
        record.doubt();
        record.due_now(ArticleDueKind::Change, now);
        return;
    }
    record.withdraw.retain(|sku| !done.withdrawn.contains(sku));
    if let (Some(send), Some(sent)) = (&todo.send, record.sent.as_mut())
        && sent.sku == send.listing.sku
    {
        let Listing { product, offer, .. } = &send.listing;
        if done.product {
            sent.product = Some(product.digest());
        }
        if done.offer {
            sent.offer = Some(offer.digest());
            sent.values = send.listing.values();
            sent.at = Some(now);
        }
        if done.product {
            sent.at = Some(now);
        }
    }
    if done.product || done.offer || !done.withdrawn.is_empty() {
        record.wrote(&todo.digest(), now);
    }
}

/// Takes what this look read of the article over into the record as it is stored now.
fn take_over(record: &mut ArticleRecord, seen: &ArticleRecord) {
    // Another look may have read the article later.
    if record.read_at.max(seen.read_at) == seen.read_at {
        record.number.clone_from(&seen.number);
        record.ticked = seen.ticked;
        record.facts.clone_from(&seen.facts);
        record.source.clone_from(&seen.source);
        record.read_at = seen.read_at;
        record.unique.clone_from(&seen.unique);
    }
}

/// Records the outcome of a look that ran to its end.
pub async fn settled(
    ctx: &Context,
    seen: &ArticleRecord,
    began: &Began,
    ended: Ended,
) -> Result<End, StoreError> {
    let mut problems = ended.problems.clone();
    problems.extend(ended.refused.as_ref().map(|reason| refusal(seen, reason)));
    amend(ctx, &seen.article_id, |record, now| {
        take_over(record, seen);
        record.set_problems(problems.clone(), now);
        let waits = problems.iter().any(|problem| problem.holds > Holds::Nothing);
        record.rounds = if waits { record.rounds.saturating_add(1) } else { 0 };
        record.starts = 0;
        record.failures = 0;
        record.queued_at = None;
        // Otherwise a change was announced meanwhile, which this look may not have seen.
        if record.due == began.due {
            record.due = next_due(&problems, record.rounds, ended.again_at, now);
        }
        apply(record, seen, &ended, now);
        true
    })
    .await?;
    count(&ended.done);
    let wrote = ended.done != Done::default();
    Ok(End::Settled { wrote })
}

/// Decides when the article is looked at next. `None`: only when a change is announced or found.
fn next_due(
    problems: &[Problem],
    rounds: u32,
    again_at: Option<Timestamp>,
    now: Timestamp,
) -> Option<ArticleDue> {
    if let Some(at) = again_at {
        let kind = ArticleDueKind::Change;
        return Some(ArticleDue { at, kind });
    }
    if problems.iter().any(|problem| problem.holds > Holds::Nothing) {
        let wait = doubling(FIRST_ROUND, rounds.saturating_sub(1), LONGEST_ROUND);
        return after(now, wait, ArticleDueKind::Bulk);
    }
    let flips = problems
        .iter()
        .any(|problem| problem.code == ProblemCode::ArticleFlips);
    flips
        .then(|| after(now, FLIPS_FORGOTTEN, ArticleDueKind::Change))
        .flatten()
}

fn refusal(record: &ArticleRecord, reason: &str) -> Problem {
    let article = record
        .number
        .clone()
        .unwrap_or_else(|| record.article_id.to_string());
    Problem {
        skus: record.sent.iter().map(|sent| sent.sku.clone()).collect(),
        ..Problem::new(
            ProblemCode::ProductflowRefused,
            Holds::Everything,
            args([("article", article.into()), ("reason", reason.into())]),
        )
    }
}

fn count(done: &Done) {
    if done.product || done.offer {
        metrics::count(Metric::ArticlesSent, 1);
    }
}

/// Records which writes were made before a call failed.
pub async fn partly(ctx: &Context, seen: &ArticleRecord, ended: &Ended) -> Result<(), StoreError> {
    count(&ended.done);
    amend(ctx, &seen.article_id, |record, now| {
        take_over(record, seen);
        apply(record, seen, ended, now);
        true
    })
    .await
    .map(drop)
}

fn retry(record: &mut ArticleRecord, began: &Began, not_before: Option<Timestamp>, now: Timestamp) {
    record.starts = 0;
    record.queued_at = None;
    record.failures = record.failures.saturating_add(1);
    if record.due == began.due {
        let kind = began.due.map_or(ArticleDueKind::Change, |due| due.kind);
        let wait = doubling(FIRST_RETRY, record.failures.saturating_sub(1), LONGEST_RETRY);
        let at = now.checked_add(wait).ok().max(not_before);
        record.due = at.map(|at| ArticleDue { at, kind });
    }
}

/// Records a failed call. The article stays due.
pub async fn failed(
    ctx: &Context,
    id: &ArticleId,
    began: &Began,
    peer: Peer,
    trouble: Trouble,
) -> Result<End, StoreError> {
    let paused = ctx.session.health.paused_until(peer).await;
    amend(ctx, id, |record, now| {
        retry(record, began, paused, now);
        true
    })
    .await?;
    if let Trouble::Permission { module } = &trouble {
        let problem = Problem::new(
            ProblemCode::RobawsPermission,
            Holds::Nothing,
            args([("module", module.as_str().into())]),
        );
        let now = ctx.session.clock.now();
        ctx.session
            .store
            .open_problem(&ctx.session.item, problem, now)
            .await?;
    }
    Ok(End::Failed(peer, trouble))
}

/// Records that the answer of Robaws lacked something that must not be guessed. The article is read again.
pub async fn unread(ctx: &Context, id: &ArticleId, began: &Began) -> Result<End, StoreError> {
    amend(ctx, id, |record, now| {
        retry(record, began, None, now);
        true
    })
    .await?;
    Ok(End::Settled { wrote: false })
}

/// Records that the look was held back. The article stays due as it was, and the look does not count.
pub async fn held(ctx: &Context, id: &ArticleId) -> Result<End, StoreError> {
    amend(ctx, id, |record, _| {
        record.starts = 0;
        record.queued_at = None;
        true
    })
    .await?;
    Ok(End::Held)
}

/// Records that a look ended without an outcome. The article is looked at again in a minute.
pub async fn without_outcome(ctx: &Context, id: &ArticleId) -> Result<End, StoreError> {
    amend(ctx, id, |record, now| {
        record.queued_at = None;
        record.due = after(now, FIRST_RETRY, ArticleDueKind::Change);
        true
    })
    .await?;
    Ok(End::Held)
}

/// Gives the article up for an hour after several looks that ended without an outcome, so that it does not hold up the others.
pub async fn set_aside(ctx: &Context, id: &ArticleId) -> Result<End, StoreError> {
    tracing::error!("set aside: looks end without an outcome");
    amend(ctx, id, |record, now| {
        record.starts = 0;
        record.queued_at = None;
        record.due = after(now, LONGEST_RETRY, ArticleDueKind::Change);
        true
    })
    .await?;
    Ok(End::Held)
}

/// Keeps due what a message announces, when nothing can be looked at now.
pub async fn keep_due(
    store: &Store,
    connection: &ConnectionId,
    id: &ArticleId,
    asked: &Asked,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(at) = asked.event_at else {
        return Ok(());
    };
    let due = |record: &mut ArticleRecord| is_news(record, at) && record.due_now(ArticleDueKind::Change, now);
    store.amend_article(connection, id, now, due).await.map(drop)
}
