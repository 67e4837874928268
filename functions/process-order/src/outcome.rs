//! Records how a look ended, and when the order is looked at next.
//!
//! The record is always changed as it is stored now. What the poll or the merchant wrote during a look that came to its end
//! stays, and keeps the order due. A look that was cut off sets its own next look.

use crate::context::ConnectionContext;
use connection::Trouble;
use domain::ids::OrderIdentifier;
use domain::ledger::OrderState;
use domain::plan::{Plan, Sentence};
use domain::problem::{Arg, Args, Holds, Problem, ProblemCode, WaitsFor, build_args};
use jiff::{SignedDuration, Timestamp};
use runtime::metrics::{self, Metric};
use std::sync::atomic::{AtomicBool, Ordering};
use store::StoreError;
use store::model::{Due, DueKind, OrderRecord, Peer, doubled_wait};

/// Wait before the second look at a blocked order. Each further round doubles the wait, up to an hour.
const FIRST_ROUND_WAIT: SignedDuration = SignedDuration::from_mins(5);
/// Wait between two looks at an order that waits for VAT tariffs only. One list of tariffs serves all orders.
const TARIFF_ROUND_WAIT: SignedDuration = SignedDuration::from_mins(15);
/// Wait after a failed call. Each further failure doubles the wait, up to an hour.
const FIRST_RETRY_WAIT: SignedDuration = SignedDuration::from_mins(1);
/// Longest wait of both kinds.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);
/// Wait between two relooks at an open order with nothing to do.
pub(crate) const RELOOK_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// Looks in a row that may end without an outcome. Afterwards the order is given up.
pub(crate) const MOST_STARTS: u32 = 3;

/// How a look ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LookEnd {
    /// There was nothing to look at: the order is not due, or not known.
    NotDue,
    /// The order was not looked at: so many looks at it were interrupted, and other orders are processed at the same time.
    Interrupted(u32),
    /// The outcome is recorded.
    Recorded(OrderState),
    /// Time is short. The rest follows in the next invocation.
    Continues,
    /// A peer is paused or refuses the credentials, or the look was cut off. The order stays due.
    Held,
    /// A call failed. The failure is recorded, and the order is looked at again.
    Failed(Peer, Trouble),
}

/// The record when the look began, to tell what others wrote meanwhile.
#[derive(Debug, Clone)]
pub(crate) struct LookStart {
    due: Option<Due>,
    forced: bool,
}

impl LookStart {
    pub(crate) fn from_record(record: &OrderRecord) -> Self {
        Self { due: record.due, forced: record.forced }
    }

    fn is_outdated_by(&self, record: &OrderRecord) -> bool {
        record.due != self.due || (record.forced && !self.forced)
    }
}

/// Changes the record, and counts the order when the change blocks it.
async fn amend_record(
    ctx: &ConnectionContext,
    identifier: &OrderIdentifier,
    now: Timestamp,
    change: impl Fn(&mut OrderRecord) -> bool,
) -> Result<Option<OrderRecord>, StoreError> {
    let was_blocked = AtomicBool::new(false);
    let amended = ctx
        .store
        .amend_order(&ctx.item.connection.id, identifier, now, |record| {
            was_blocked.store(record.state == OrderState::Blocked, Ordering::Relaxed);
            change(record)
        })
        .await?;
    let is_blocked = |record: &OrderRecord| record.state == OrderState::Blocked;
    if amended.as_ref().is_some_and(is_blocked) && !was_blocked.into_inner() {
        metrics::add_count(Metric::OrdersBlocked, 1);
    }
    Ok(amended)
}

/// Records the outcome of a look that ran to its end.
pub(crate) async fn record_outcome(
    ctx: &ConnectionContext,
    identifier: &OrderIdentifier,
    began: &LookStart,
    plan: Plan,
    seen: impl Fn(&mut OrderRecord),
    tariffs_digest: Option<String>,
) -> Result<LookEnd, StoreError> {
    let now = ctx.clock.now();
    let state = plan.state;
    let waits_for = plan.collect_waits_for();
    amend_record(ctx, identifier, now, |record| {
        seen(record);
        let blocked = plan.problems.iter().any(|p| p.holds > Holds::Nothing);
        record.rounds = if needs_rounds(&plan) { record.rounds.saturating_add(1) } else { 0 };
        let outdated = began.is_outdated_by(record);
        let due = decide_next_look(&plan, &waits_for, record.rounds, now);
        record.set_problems(plan.problems.clone(), now);
        record.state = plan.state;
        record.explanation.clone_from(&plan.explanation);
        // Naming what it waits for spares the order a whole look per round: a thousand orders that wait for one article cost one
        // look-up a round.
        record.waits_for = if blocked { waits_for.clone() } else { Vec::new() };
        record.tariffs_digest.clone_from(&tariffs_digest);
        record.is_final = plan.is_final;
        record.starts = 0;
        record.failures = 0;
        record.queued_at = None;
        if outdated {
            // The poll or the merchant made the order due meanwhile, for something that this look may not have seen.
            record.waits_for = Vec::new();
        } else {
            record.due = due;
            record.forced = false;
        }
        true
    })
    .await?;
    if state == OrderState::InDoubt {
        metrics::add_count(Metric::OrdersInDoubt, 1);
    }
    Ok(LookEnd::Recorded(state))
}

/// Whether the order is looked at again by itself: it has a problem that may be solved without the poll noticing.
fn needs_rounds(plan: &Plan) -> bool {
    let asked = matches!(plan.state, OrderState::InDoubt) || {
        // The merchant is asked. Only a change of the order or the merchant's answer moves the order, and both make it due.
        plan.problems.iter().all(|p| {
            matches!(
                p.code,
                ProblemCode::CancelledAfterInvoice
                    | ProblemCode::ChangedAfterInvoice
                    | ProblemCode::ChangedAfterHandled
            )
        })
    };
    !asked && !plan.problems.is_empty()
}

/// Decides when the order is looked at next. `None`: only when the order changes or somebody decides.
fn decide_next_look(plan: &Plan, waits_for: &[WaitsFor], rounds: u32, now: Timestamp) -> Option<Due> {
    let after = |wait: SignedDuration, kind| Some(Due { at: now.checked_add(wait).ok()?, kind });
    if plan.is_final {
        return None;
    }
    if needs_rounds(plan) {
        let wait = if !waits_for.is_empty() && waits_for.iter().all(|w| *w == WaitsFor::Tariffs) {
            TARIFF_ROUND_WAIT
        } else {
            doubled_wait(FIRST_ROUND_WAIT, rounds.saturating_sub(1), LONGEST_WAIT)
        };
        return after(wait, DueKind::Work);
    }
    match plan.state {
        OrderState::Waiting | OrderState::Booked => after(RELOOK_AFTER, DueKind::Relook),
        OrderState::InDoubt
        | OrderState::Conflict
        | OrderState::Blocked
        | OrderState::Skipped
        | OrderState::Invoiced
        | OrderState::Reversed => None,
    }
}

/// Records that nothing came in that the order waits for. The order waits on without another look.
pub(crate) async fn record_postponement(
    ctx: &ConnectionContext,
    identifier: &OrderIdentifier,
    began: &LookStart,
) -> Result<LookEnd, StoreError> {
    let now = ctx.clock.now();
    let amended = amend_record(ctx, identifier, now, |record| {
        record.starts = 0;
        record.queued_at = None;
        for problem in &mut record.problems {
            problem.last_seen_at = now;
            problem.count += 1;
        }
        if !began.is_outdated_by(record) {
            record.rounds = record.rounds.saturating_add(1);
            let wait = if record.waits_for.iter().all(|w| *w == WaitsFor::Tariffs) {
                TARIFF_ROUND_WAIT
            } else {
                doubled_wait(FIRST_ROUND_WAIT, record.rounds.saturating_sub(1), LONGEST_WAIT)
            };
            record.due = now.checked_add(wait).ok().map(|at| Due { at, kind: DueKind::Work });
        }
        true
    })
    .await?;
    Ok(LookEnd::Recorded(amended.map_or(OrderState::Blocked, |record| record.state)))
}

/// Records a failed call. The failure counts against the order first, before it counts against the peer.
pub(crate) async fn record_failed_call(
    ctx: &ConnectionContext,
    identifier: &OrderIdentifier,
    began: &LookStart,
    peer: Peer,
    trouble: Trouble,
) -> Result<LookEnd, StoreError> {
    let now = ctx.clock.now();
    let paused = ctx.health.paused_until(peer).await;
    amend_record(ctx, identifier, now, |record| {
        record.starts = 0;
        record.queued_at = None;
        record.failures = record.failures.saturating_add(1);
        let wait = doubled_wait(FIRST_RETRY_WAIT, record.failures.saturating_sub(1), LONGEST_WAIT);
        // While the peer is paused a look could do nothing.
        let at = now.checked_add(wait).ok().max(paused);
        if !began.is_outdated_by(record) {
            record.due = at.map(|at| Due { at, kind: DueKind::Work });
            record.forced = false;
        }
        if record.state == OrderState::Waiting
            && let Some(time) = record.due.map(|due| due.at)
        {
            record.explanation = vec![waiting_sentence(peer, time)];
        }
        if let Trouble::Permission { module } = &trouble {
            open_permission_problem(record, module, now);
        }
        true
    })
    .await?;
    Ok(LookEnd::Failed(peer, trouble))
}

/// The explanation that the merchant reads while a peer does not answer.
fn waiting_sentence(peer: Peer, time: Timestamp) -> Sentence {
    let system = match peer {
        Peer::Robaws => "Robaws",
        Peer::Productflow => "ProductFlow",
    };
    Sentence {
        code: "waiting_paused".to_owned(),
        args: build_args([("system", system.into()), ("time", Arg::Time(time))]),
    }
}

fn open_permission_problem(record: &mut OrderRecord, module: &str, now: Timestamp) {
    let mut found: Vec<Problem> = record.problems.iter().map(|open| open.problem.clone()).collect();
    found.retain(|p| p.code != ProblemCode::RobawsPermission);
    found.push(Problem::new(
        ProblemCode::RobawsPermission,
        Holds::Lines,
        build_args([("module", module.into())]),
    ));
    record.set_problems(found, now);
    record.state = OrderState::Blocked;
    record.explanation = vec![Sentence::without_args("blocked")];
}

/// Records that a pause or refused credentials held the look back. The order stays due as it was, and the look does not count.
pub(crate) async fn record_hold(
    ctx: &ConnectionContext,
    identifier: &OrderIdentifier,
) -> Result<LookEnd, StoreError> {
    let now = ctx.clock.now();
    amend_record(ctx, identifier, now, |record| {
        let changed = record.starts != 0 || record.queued_at.is_some() || record.forced;
        record.starts = 0;
        record.queued_at = None;
        record.forced = false;
        changed
    })
    .await?;
    Ok(LookEnd::Held)
}

/// Records that time was short. What was done is in the record already; the rest is due at once.
pub(crate) async fn record_continuation(
    ctx: &ConnectionContext,
    identifier: &OrderIdentifier,
) -> Result<LookEnd, StoreError> {
    let now = ctx.clock.now();
    amend_record(ctx, identifier, now, |record| {
        record.starts = 0;
        record.make_due_now(now);
        true
    })
    .await?;
    Ok(LookEnd::Continues)
}

/// Records that the look was cut off at the end of the invocation, since calls took too long. Counts as a failed call of the
/// order.
pub(crate) async fn record_cut_off(
    ctx: &ConnectionContext,
    identifier: &OrderIdentifier,
) -> Result<LookEnd, StoreError> {
    let now = ctx.clock.now();
    tracing::warn!("cut off: calls take too long");
    amend_record(ctx, identifier, now, |record| {
        record.starts = 0;
        record.queued_at = None;
        record.failures = record.failures.saturating_add(1);
        let wait = doubled_wait(FIRST_RETRY_WAIT, record.failures.saturating_sub(1), LONGEST_WAIT);
        record.due = now.checked_add(wait).ok().map(|at| Due { at, kind: DueKind::Work });
        true
    })
    .await?;
    Ok(LookEnd::Held)
}

/// Gives the order up after looks that ended without an outcome: it is looked at again when the merchant asks or the order
/// changes.
pub(crate) async fn give_up(
    ctx: &ConnectionContext,
    identifier: &OrderIdentifier,
) -> Result<LookEnd, StoreError> {
    tracing::error!("set aside: looks end without an outcome");
    let now = ctx.clock.now();
    amend_record(ctx, identifier, now, |record| {
        let reference = record.display_reference();
        let problem = Problem::new(
            ProblemCode::InternalError,
            Holds::Everything,
            build_args([("order", reference.into())]),
        );
        record.set_problems(vec![problem], now);
        record.state = OrderState::Blocked;
        record.explanation = vec![Sentence { code: "blocked".to_owned(), args: Args::new() }];
        record.due = None;
        record.queued_at = None;
        record.forced = false;
        true
    })
    .await?;
    Ok(LookEnd::Recorded(OrderState::Blocked))
}

/// Records that a look ended without an outcome while the process lives. The order is looked at again in a minute.
pub(crate) async fn record_missing_outcome(
    ctx: &ConnectionContext,
    identifier: &OrderIdentifier,
) -> Result<LookEnd, StoreError> {
    let now = ctx.clock.now();
    let record = amend_record(ctx, identifier, now, |record| {
        record.queued_at = None;
        record.due = now.checked_add(FIRST_RETRY_WAIT).ok().map(|at| Due { at, kind: DueKind::Work });
        true
    })
    .await?;
    match record {
        Some(record) if record.starts >= MOST_STARTS => give_up(ctx, identifier).await,
        _ => Ok(LookEnd::Held),
    }
}
