//! Continues a sweep, one list page at a time. How far the sweep came is stored before the next list page is read.

use crate::config::Deps;
use crate::{article_check, full_push, ledger_check, rebuild, tick_all, webhook_check, withdrawal_check};
use connection::{ConnectionSession, Gate, Trouble};
use domain::ids::ConnectionId;
use domain::problem::{Holds, Problem, ProblemCode, build_args};
use jiff::Timestamp;
use runtime::clock::timeout_at;
use runtime::error::Chain;
use store::StoreError;
use store::model::{ConnectionItem, ConnectionState, Peer, PeerHealth};
use store::queue::{Sweep, SweepMessage};
use store::sweep::{SweepProgress, SweepRequest, SweepRun};
use tokio::time::Instant;

/// How continuing a sweep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SweepEnd {
    /// Nothing is left to do.
    Done,
    /// Time is short. Another message continues the sweep.
    Continues,
    /// A peer is paused or fails, or the rest of the day's requests is for orders. A poll revives the sweep.
    Held,
}

/// Why a step stops early.
#[derive(Debug)]
pub(crate) enum SweepStop {
    /// A call failed.
    Failed(Peer, Trouble),
    /// The table failed.
    Store(StoreError),
    /// The rest of the day's requests is for orders.
    Quota,
    /// Time is short.
    OutOfTime,
}

impl From<StoreError> for SweepStop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The reason to stop after a failed call to Robaws.
pub(crate) fn stop_from_robaws(error: &robaws::Error) -> SweepStop {
    SweepStop::Failed(Peer::Robaws, Trouble::from(error))
}

/// The reason to stop after a failed call to ProductFlow.
pub(crate) fn stop_from_productflow(error: &productflow::Error) -> SweepStop {
    SweepStop::Failed(Peer::Productflow, Trouble::from(error))
}

/// What the steps of a sweep work with.
pub(crate) struct SweepContext<'a> {
    pub deps: &'a Deps,
    pub session: &'a ConnectionSession,
    /// The clients, with the credentials that count now.
    pub live: &'a connection::LiveClients,
}

impl SweepContext<'_> {
    pub(crate) fn connection_id(&self) -> &ConnectionId {
        &self.session.item.connection.id
    }

    /// Whether the day's requests allow more bulk work, as far as the last answer of Robaws tells.
    pub(crate) fn quota_allows(&self) -> bool {
        let limits = self.live.clients.robaws.limits();
        let low = |(left, limit): (u64, u64)| {
            left.saturating_mul(100) < limit.saturating_mul(PeerHealth::BULK_WORK_MIN_PERCENT)
        };
        !limits.daily_remaining.zip(limits.daily_limit).is_some_and(low)
    }
}

/// The first step of a sweep. Steps are stored by name.
fn first_step(sweep: Sweep) -> &'static str {
    match sweep {
        Sweep::Push => "push",
        Sweep::Tick => "tick",
        Sweep::Reconcile => "articles",
        Sweep::Rebuild => "rebuild_stock",
    }
}

/// Continues a sweep, or begins one that was asked for. An error means that not even how far the sweep came could be stored.
pub(crate) async fn run_sweep(
    deps: &Deps,
    id: &ConnectionId,
    sweep: Sweep,
    deadline: Instant,
) -> Result<SweepEnd, StoreError> {
    let store = &deps.sessions.store;
    let found = store.load_connection(id).await?;
    let works_in = if sweep == Sweep::Rebuild { ConnectionState::Suspended } else { ConnectionState::Active };
    let Some(item) = found.filter(|item| item.connection.state == works_in) else {
        return Ok(SweepEnd::Done);
    };
    if !item.sweep_state(sweep).is_pending() {
        return Ok(SweepEnd::Done);
    }
    let end = match Box::pin(continue_sweep(deps, item, sweep, deadline)).await {
        Ok(end) => end,
        Err(SweepStop::Store(error)) => return Err(error),
        Err(SweepStop::OutOfTime) => SweepEnd::Continues,
        Err(SweepStop::Failed(..) | SweepStop::Quota) => SweepEnd::Held,
    };
    tracing::info!(sweep = sweep.as_str(), end = ?end, "sweep");
    if end == SweepEnd::Continues
        && let Err(error) = deps.sweeps_queue.send_messages(&[SweepMessage::new(id.clone(), sweep)]).await
    {
        tracing::warn!(error = %Chain(&error), "not queued: a poll revives the sweep");
    }
    Ok(end)
}

async fn continue_sweep(
    deps: &Deps,
    item: ConnectionItem,
    sweep: Sweep,
    deadline: Instant,
) -> Result<SweepEnd, SweepStop> {
    let store = &deps.sessions.store;
    let id = item.connection.id.clone();
    let now = deps.sessions.clock.now();
    let state = item.sweep_state(sweep);
    let mut progress = state.progress.clone();
    if progress.run.is_none() {
        progress.run = state.unserved_request().map(|ask| begin_run(sweep, ask));
    }
    progress.touched_at = Some(now);
    // `false`: the connection was deleted meanwhile.
    if !store.save_sweep_progress(&id, sweep, &progress).await? {
        return Ok(SweepEnd::Done);
    }
    // A suspended connection books nothing, so it has no better use for the day's requests than its rebuild.
    if sweep != Sweep::Rebuild && item.robaws.is_quota_below(PeerHealth::BULK_WORK_MIN_PERCENT, now) {
        return Err(SweepStop::Quota);
    }
    let session = match deps.sessions.open_session(item, deadline).await {
        Ok(session) => session,
        Err(error) => {
            tracing::error!(error = %Chain(&error), "no clients for this connection");
            return Ok(SweepEnd::Held);
        }
    };
    let mut ended = run_steps(deps, &session, sweep, &mut progress).await;
    if let Err(SweepStop::Failed(peer, trouble)) = &ended {
        tracing::warn!(
            sweep = sweep.as_str(), peer = peer.as_str(), trouble = %trouble, "a call failed"
        );
        let live = session.live().await;
        session.record_failure(*peer, None, trouble, &live).await?;
        if trouble.is_peer_well() && *trouble != Trouble::OutOfTime {
            // No repeat solves that. The next night asks again.
            open_permission_problem(&session, trouble).await?;
            if sweep == Sweep::Rebuild {
                // Half a ledger is worse than none: the rebuild continues once the cause is gone.
                session.close_session().await?;
                return Ok(SweepEnd::Held);
            }
            finish_run(&mut progress, deps.sessions.clock.now());
            store.save_sweep_progress(&id, sweep, &progress).await?;
            ended = Ok(SweepEnd::Done);
        }
    }
    session.close_session().await?;
    ended
}

/// Opens the problem that says which module the API user may not read.
async fn open_permission_problem(session: &ConnectionSession, trouble: &Trouble) -> Result<(), StoreError> {
    if let Trouble::Permission { module } = trouble {
        let arguments = build_args([("module", module.as_str().into())]);
        let problem = Problem::new(ProblemCode::RobawsPermission, Holds::Nothing, arguments);
        let now = session.clock.now();
        session.store.open_problem(&session.item, problem, now).await?;
    }
    Ok(())
}

fn finish_run(progress: &mut SweepProgress, now: Timestamp) {
    progress.served = progress.run.take().map(|run| run.ask.id);
    progress.finished_at = Some(now);
}

fn begin_run(sweep: Sweep, ask: SweepRequest) -> SweepRun {
    SweepRun {
        ask,
        step: first_step(sweep).to_owned(),
        page: 0,
        after: None,
        readable: 0,
        seen: 0,
        unannounced: 0,
        has_checkbox: false,
    }
}

async fn run_steps(
    deps: &Deps,
    session: &ConnectionSession,
    sweep: Sweep,
    progress: &mut SweepProgress,
) -> Result<SweepEnd, SweepStop> {
    let store = &deps.sessions.store;
    let id = &session.item.connection.id;
    let mut live = session.live().await;
    if session.check_gate(Peer::Robaws, &live, false).await? != Gate::Open {
        return Ok(SweepEnd::Held);
    }
    while let Some(mut run) = progress.run.clone() {
        if !session.has_time() {
            return Err(SweepStop::OutOfTime);
        }
        if session.check_connection().await? != connection::ConnectionCheck::Same {
            return Err(SweepStop::OutOfTime);
        }
        let context = SweepContext { deps, session, live: &live };
        let next = match timeout_at(
            &*session.clock,
            session.cut_off,
            Box::pin(run_step(&context, progress, &mut run)),
        )
        .await
        {
            Ok(Err(SweepStop::Failed(Peer::Robaws, Trouble::Credentials)))
                if session.renew_credentials(&live).await =>
            {
                live = session.live().await;
                continue;
            }
            Ok(stepped) => stepped?,
            Err(_) => return Err(SweepStop::OutOfTime),
        };
        let now = deps.sessions.clock.now();
        progress.touched_at = Some(now);
        if let Some(step) = next {
            if run.step != step {
                run.page = 0;
                run.after = None;
            }
            step.clone_into(&mut run.step);
            progress.run = Some(run);
        } else {
            finish_run(progress, now);
        }
        store.save_sweep_progress(id, sweep, progress).await?;
        if progress.run.is_some() && sweep != Sweep::Rebuild && !context.quota_allows() {
            return Err(SweepStop::Quota);
        }
    }
    Ok(SweepEnd::Done)
}

/// Runs one list page of the current step. Gives the step that follows: the same step while there are more list pages, `None`
/// at the end.
async fn run_step(
    sweep: &SweepContext<'_>,
    progress: &mut SweepProgress,
    run: &mut SweepRun,
) -> Result<Option<&'static str>, SweepStop> {
    match run.step.as_str() {
        "push" => full_push::push_list_page(sweep, run).await,
        "tick" => tick_all::tick_list_page(sweep, run).await,
        "articles" => article_check::check_article_list_page(sweep, run).await,
        "compare" => withdrawal_check::make_gone_articles_due(sweep, progress, run).await,
        "webhook" => webhook_check::check_webhook(sweep, run).await,
        "orders" => crate::order_check::check_order_list_page(sweep, run).await,
        "records" => ledger_check::check_records(sweep, run).await,
        "rebuild_stock" => Box::pin(rebuild::recover_stock_change_list_page(sweep, progress, run)).await,
        "rebuild_invoices" => Box::pin(rebuild::recover_invoice_list_page(sweep, progress, run)).await,
        "rebuild_end" => Box::pin(rebuild::finish_rebuild(sweep, progress, run)).await,
        other => {
            // Another version of this program began this run, with a step that this version does not know.
            tracing::error!(step = other, "an unknown step: the sweep ends");
            Ok(None)
        }
    }
}
