//! How a look ends, and when the article is looked at next. The record is always amended as it is stored now: what was announced
//! meanwhile stays due, and an outcome counts only if nobody began to write after it.

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

/// A failed call: 1 min, doubling to 1 h.
const FIRST_RETRY: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_RETRY: SignedDuration = SignedDuration::from_hours(1);
/// A problem that people mend, or a refusal: 15 min, doubling to a day. Usually the mending is announced.
const FIRST_ROUND: SignedDuration = SignedDuration::from_mins(15);
const LONGEST_ROUND: SignedDuration = SignedDuration::from_hours(24);
/// An article that flips is looked at again when its flips are forgotten.
const FLIPS_FORGOTTEN: SignedDuration = SignedDuration::from_hours(1);
/// Looks that may end without an outcome before the article is left alone for a while.
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
    /// A peer is paused, or the day's requests are for orders; the article stays due.
    Held,
    /// A call failed; recorded, to be tried again.
    Failed(Peer, Trouble),
    /// Time is short; it follows in the next invocation.
    Continues,
}

/// What the record looked like when the look began, to tell what others wrote meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct Began {
    due: Option<ArticleDue>,
}

impl Began {
    /// From the record as it was.
    pub fn of(record: &ArticleRecord) -> Self {
        Self { due: record.due }
    }
}

/// What a look found and did.
#[derive(Debug, Clone)]
pub struct Ended {
    /// What was to be written.
    pub todo: Todo,
    /// How far it came.
    pub done: Done,
    /// Why ProductFlow refused the rest.
    pub refused: Option<String>,
    /// What is wrong with the article.
    pub problems: Vec<Problem>,
    /// When it is looked at again, if that is known.
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

/// Takes over what the writes of `mine` did. Somebody who began to write after it makes all of it uncertain: whose came last is
/// not known.
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

/// Keeps what was read of the article.
fn take_over(record: &mut ArticleRecord, seen: &ArticleRecord) {
    // Somebody else may have read it later.
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

/// Keeps how far the writes came before a call failed.
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

/// A call failed: the article stays due.
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

/// The answer lacked something that must not be guessed.
pub async fn unread(ctx: &Context, id: &ArticleId, began: &Began) -> Result<End, StoreError> {
    amend(ctx, id, |record, now| {
        retry(record, began, None, now);
        true
    })
    .await?;
    Ok(End::Settled { wrote: false })
}

/// Held back: it stays due as it was, and does not count as a look.
pub async fn held(ctx: &Context, id: &ArticleId) -> Result<End, StoreError> {
    amend(ctx, id, |record, _| {
        record.starts = 0;
        record.queued_at = None;
        true
    })
    .await?;
    Ok(End::Held)
}

/// A look ended without an outcome: tried again in a minute.
pub async fn without_outcome(ctx: &Context, id: &ArticleId) -> Result<End, StoreError> {
    amend(ctx, id, |record, now| {
        record.queued_at = None;
        record.due = after(now, FIRST_RETRY, ArticleDueKind::Change);
        true
    })
    .await?;
    Ok(End::Held)
}

/// Several looks ended without an outcome: left alone for an hour, so that it does not hold up the others.
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

/// What a message announces stays due, when nothing can be looked at now.
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
