//! Records how a look ended, and when the article is looked at next.
//!
//! The record is always changed as it is stored now. What was announced meanwhile stays due, and the outcome of a write counts
//! only if nobody began to write after it.

use crate::batch::{Announcement, ConnectionContext};
use crate::look::may_be_unread;
use crate::writes::{FinishedWrites, PlannedWrites};
use connection::Trouble;
use domain::article::Listing;
use domain::ids::{ArticleId, ConnectionId};
use domain::problem::{Holds, Problem, ProblemCode, build_args};
use jiff::{SignedDuration, Timestamp};
use runtime::metrics::{self, Metric};
use store::article_record::{ArticleDue, ArticleDueKind, ArticleRecord};
use store::model::{Peer, doubled_wait};
use store::{Store, StoreError};

/// Wait after a failed call. Each further failure doubles the wait, up to an hour.
const FIRST_RETRY_WAIT: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_RETRY_WAIT: SignedDuration = SignedDuration::from_hours(1);
/// Wait before the second look at an article with a problem that people solve. Each further round doubles the wait, up to a
/// day. Usually the solution is announced.
const FIRST_ROUND_WAIT: SignedDuration = SignedDuration::from_mins(15);
const LONGEST_ROUND_WAIT: SignedDuration = SignedDuration::from_hours(24);
/// Wait before the next look at an article whose values flip: then the flips are forgotten.
const FLIPS_FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// Looks in a row that may end without an outcome. Afterwards the article is left alone for an hour.
pub(crate) const MOST_STARTS: u32 = 3;

/// How a look ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LookEnd {
    /// There was nothing to look at.
    NotDue,
    /// The outcome is recorded.
    Recorded {
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
pub(crate) struct LookStart {
    due: Option<ArticleDue>,
}

impl LookStart {
    pub(crate) fn from_record(record: &ArticleRecord) -> Self {
        Self { due: record.due }
    }
}

/// What a look found and did.
#[derive(Debug, Clone)]
pub(crate) struct LookOutcome {
    /// What was to be written to ProductFlow.
    pub planned: PlannedWrites,
    /// Which of the writes were made.
    pub done: FinishedWrites,
    /// Why ProductFlow refused the rest, in its own sentence.
    pub refused: Option<String>,
    /// What is wrong with the article.
    pub problems: Vec<Problem>,
    /// When the article is looked at next, where that is known already.
    pub again_at: Option<Timestamp>,
}

async fn amend_record(
    ctx: &ConnectionContext,
    id: &ArticleId,
    change: impl Fn(&mut ArticleRecord, Timestamp) -> bool,
) -> Result<ArticleRecord, StoreError> {
    let now = ctx.session.clock.now();
    let connection = &ctx.session.item.connection.id;
    ctx.session.store.amend_article(connection, id, now, |record| change(record, now)).await
}

/// The record as it is stored now.
pub(crate) async fn read_record(
    ctx: &ConnectionContext,
    id: &ArticleId,
) -> Result<ArticleRecord, StoreError> {
    amend_record(ctx, id, |_, _| false).await
}

fn due_after(now: Timestamp, wait: SignedDuration, kind: ArticleDueKind) -> Option<ArticleDue> {
    let at = now.checked_add(wait).ok()?;
    Some(ArticleDue { at, kind })
}

/// Takes the writes of this look over into the record as it is stored now. `mine` is the record as it was before the writes.
///
/// When another look began to write after this one, nothing of it is certain: nobody knows whose write came last. So the
/// article is sent again.
fn apply_writes(record: &mut ArticleRecord, mine: &ArticleRecord, ended: &LookOutcome, now: Timestamp) {
    let LookOutcome { planned: todo, done, .. } = ended;
    if record.attempt != mine.attempt {
        record.forget_sent_digests();
        record.make_due_now(ArticleDueKind::Change, now);
        return;
    }
    record.withdraw.retain(|sku| !done.withdrawn.contains(sku));
    if let (Some(send), Some(sent)) = (&todo.send, record.sent.as_mut())
        && sent.sku == send.listing.sku
    {
        let Listing { product, offer, .. } = &send.listing;
        if done.product {
            sent.product = Some(product.compute_digest());
        }
        if done.offer {
            sent.offer = Some(offer.compute_digest());
            sent.values = send.listing.to_values();
            sent.at = Some(now);
        }
        if done.product {
            sent.at = Some(now);
        }
    }
    if done.product || done.offer || !done.withdrawn.is_empty() {
        record.remember_write(&todo.digest(), now);
    }
}

/// Takes what this look read of the article over into the record as it is stored now.
fn take_over_reading(record: &mut ArticleRecord, seen: &ArticleRecord) {
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
pub(crate) async fn record_outcome(
    ctx: &ConnectionContext,
    seen: &ArticleRecord,
    began: &LookStart,
    ended: LookOutcome,
) -> Result<LookEnd, StoreError> {
    let mut problems = ended.problems.clone();
    problems.extend(ended.refused.as_ref().map(|reason| refusal_problem(seen, reason)));
    amend_record(ctx, &seen.article_id, |record, now| {
        take_over_reading(record, seen);
        record.set_problems(problems.clone(), now);
        let waits = problems.iter().any(|problem| problem.holds > Holds::Nothing);
        record.rounds = if waits { record.rounds.saturating_add(1) } else { 0 };
        record.starts = 0;
        record.failures = 0;
        record.queued_at = None;
        // Otherwise a change was announced meanwhile, which this look may not have seen.
        if record.due == began.due {
            record.due = decide_next_look(&problems, record.rounds, ended.again_at, now);
        }
        apply_writes(record, seen, &ended, now);
        true
    })
    .await?;
    count_sent_article(&ended.done);
    let wrote = ended.done != FinishedWrites::default();
    Ok(LookEnd::Recorded { wrote })
}

/// Decides when the article is looked at next. `None`: only when a change is announced or found.
fn decide_next_look(
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
        let wait = doubled_wait(FIRST_ROUND_WAIT, rounds.saturating_sub(1), LONGEST_ROUND_WAIT);
        return due_after(now, wait, ArticleDueKind::Bulk);
    }
    let flips = problems.iter().any(|problem| problem.code == ProblemCode::ArticleFlips);
    flips.then(|| due_after(now, FLIPS_FORGOTTEN_AFTER, ArticleDueKind::Change)).flatten()
}

fn refusal_problem(record: &ArticleRecord, reason: &str) -> Problem {
    let article = record.number.clone().unwrap_or_else(|| record.article_id.to_string());
    Problem {
        skus: record.sent.iter().map(|sent| sent.sku.clone()).collect(),
        ..Problem::new(
            ProblemCode::ProductflowRefused,
            Holds::Everything,
            build_args([("article", article.into()), ("reason", reason.into())]),
        )
    }
}

fn count_sent_article(done: &FinishedWrites) {
    if done.product || done.offer {
        metrics::add_count(Metric::ArticlesSent, 1);
    }
}

/// Records which writes were made before a call failed.
pub(crate) async fn record_partial_writes(
    ctx: &ConnectionContext,
    seen: &ArticleRecord,
    ended: &LookOutcome,
) -> Result<(), StoreError> {
    count_sent_article(&ended.done);
    amend_record(ctx, &seen.article_id, |record, now| {
        take_over_reading(record, seen);
        apply_writes(record, seen, ended, now);
        true
    })
    .await
    .map(drop)
}

fn schedule_retry(
    record: &mut ArticleRecord,
    began: &LookStart,
    not_before: Option<Timestamp>,
    now: Timestamp,
) {
    record.starts = 0;
    record.queued_at = None;
    record.failures = record.failures.saturating_add(1);
    if record.due == began.due {
        let kind = began.due.map_or(ArticleDueKind::Change, |due| due.kind);
        let wait = doubled_wait(FIRST_RETRY_WAIT, record.failures.saturating_sub(1), LONGEST_RETRY_WAIT);
        let at = now.checked_add(wait).ok().max(not_before);
        record.due = at.map(|at| ArticleDue { at, kind });
    }
}

/// Records a failed call. The article stays due.
pub(crate) async fn record_failed_call(
    ctx: &ConnectionContext,
    id: &ArticleId,
    began: &LookStart,
    peer: Peer,
    trouble: Trouble,
) -> Result<LookEnd, StoreError> {
    let paused = ctx.session.health.paused_until(peer).await;
    amend_record(ctx, id, |record, now| {
        schedule_retry(record, began, paused, now);
        true
    })
    .await?;
    if let Trouble::Permission { module } = &trouble {
        let problem = Problem::new(
            ProblemCode::RobawsPermission,
            Holds::Nothing,
            build_args([("module", module.as_str().into())]),
        );
        let now = ctx.session.clock.now();
        ctx.session.store.open_problem(&ctx.session.item, problem, now).await?;
    }
    Ok(LookEnd::Failed(peer, trouble))
}

/// Records that the answer of Robaws lacked something that must not be guessed. The article is read again.
pub(crate) async fn record_incomplete_reading(
    ctx: &ConnectionContext,
    id: &ArticleId,
    began: &LookStart,
) -> Result<LookEnd, StoreError> {
    amend_record(ctx, id, |record, now| {
        schedule_retry(record, began, None, now);
        true
    })
    .await?;
    Ok(LookEnd::Recorded { wrote: false })
}

/// Records that the look was held back. The article stays due as it was, and the look does not count.
pub(crate) async fn record_hold(ctx: &ConnectionContext, id: &ArticleId) -> Result<LookEnd, StoreError> {
    amend_record(ctx, id, |record, _| {
        record.starts = 0;
        record.queued_at = None;
        true
    })
    .await?;
    Ok(LookEnd::Held)
}

/// Records that a look ended without an outcome. The article is looked at again in a minute.
pub(crate) async fn record_missing_outcome(
    ctx: &ConnectionContext,
    id: &ArticleId,
) -> Result<LookEnd, StoreError> {
    amend_record(ctx, id, |record, now| {
        record.queued_at = None;
        record.due = due_after(now, FIRST_RETRY_WAIT, ArticleDueKind::Change);
        true
    })
    .await?;
    Ok(LookEnd::Held)
}

/// Gives the article up for an hour after several looks that ended without an outcome, so that it does not hold up the others.
pub(crate) async fn give_up(ctx: &ConnectionContext, id: &ArticleId) -> Result<LookEnd, StoreError> {
    tracing::error!("set aside: looks end without an outcome");
    amend_record(ctx, id, |record, now| {
        record.starts = 0;
        record.queued_at = None;
        record.due = due_after(now, LONGEST_RETRY_WAIT, ArticleDueKind::Change);
        true
    })
    .await?;
    Ok(LookEnd::Held)
}

/// Keeps due what a message announces, when nothing can be looked at now.
pub(crate) async fn keep_announced_due(
    store: &Store,
    connection: &ConnectionId,
    id: &ArticleId,
    asked: &Announcement,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(at) = asked.event_at else {
        return Ok(());
    };
    let due = |record: &mut ArticleRecord| {
        may_be_unread(record, at) && record.make_due_now(ArticleDueKind::Change, now)
    };
    store.amend_article(connection, id, now, due).await.map(drop)
}
