//! Continues a sweep, one list page at a time. How far the sweep came is stored before the next list page is read.

use crate::config::Deps;
use crate::{articles, compare, push, rebuild, records, tick, webhook};
use connection::{Gate, Session, Trouble};
use domain::ids::ConnectionId;
use domain::problem::{Holds, Problem, ProblemCode, args};
use jiff::Timestamp;
use runtime::clock::timeout_at;
use runtime::error::Chain;
use store::StoreError;
use store::model::{ConnectionItem, ConnectionState, Peer, PeerHealth};
use store::queue::{Sweep, SweepMessage};
use store::sweep::{SweepAsk, SweepProgress, SweepRun};
use tokio::time::Instant;

/// How continuing a sweep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Nothing is left to do.
    Done,
    /// Time is short. Another message continues the sweep.
    Continues,
    /// A peer is paused or fails, or the rest of the day's requests is for orders. A poll revives the sweep.
    Held,
}

/// Why a step stops early.
#[derive(Debug)]
pub enum Stop {
    /// A call failed.
    Failed(Peer, Trouble),
    /// The table failed.
    Store(StoreError),
    /// The rest of the day's requests is for orders.
    Quota,
    /// Time is short.
    OutOfTime,
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The reason to stop after a failed call to Robaws.
pub fn robaws(error: &robaws::Error) -> Stop {
    Stop::Failed(Peer::Robaws, Trouble::from(error))
}

/// The reason to stop after a failed call to ProductFlow.
pub fn productflow(error: &productflow::Error) -> Stop {
    Stop::Failed(Peer::Productflow, Trouble::from(error))
}

/// What the steps of a sweep work with.
pub struct Page<'a> {
    pub deps: &'a Deps,
    pub session: &'a Session,
    /// The clients, with the credentials that count now.
    pub live: &'a connection::Live,
}

impl Page<'_> {
    pub fn connection(&self) -> &ConnectionId {
        &self.session.item.connection.id
    }

    /// Whether the day's requests allow more bulk work, as far as the last answer of Robaws tells.
    pub fn quota_allows(&self) -> bool {
        let limits = self.live.clients.robaws.limits();
        let low = |(left, limit): (u64, u64)| {
            left.saturating_mul(100) < limit.saturating_mul(PeerHealth::BULK_ENDS)
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
pub async fn run(deps: &Deps, id: &ConnectionId, sweep: Sweep, deadline: Instant) -> Result<End, StoreError> {
    let store = &deps.sessions.store;
    let found = store.connection(id).await?;
    let works_in = if sweep == Sweep::Rebuild {
        ConnectionState::Suspended
    } else {
        ConnectionState::Active
    };
    let Some(item) = found.filter(|item| item.connection.state == works_in) else {
        return Ok(End::Done);
    };
    if !item.sweep(sweep).is_pending() {
        return Ok(End::Done);
    }
    let end = match Box::pin(go_on(deps, item, sweep, deadline)).await {
        Ok(end) => end,
        Err(Stop::Store(error)) => return Err(error),
        Err(Stop::OutOfTime) => End::Continues,
        Err(Stop::Failed(..) | Stop::Quota) => End::Held,
    };
    tracing::info!(sweep = sweep.as_str(), end = ?end, "sweep");
    if end == End::Continues
        && let Err(error) = deps
            .sweeps_queue
            .send(&[SweepMessage::new(id.clone(), sweep)])
            .await
    {
        tracing::warn!(error = %Chain(&error), "not queued: a poll revives the sweep");
    }
    Ok(end)
}

async fn go_on(deps: &Deps, item: ConnectionItem, sweep: Sweep, deadline: Instant) -> Result<End, Stop> {
    let store = &deps.sessions.store;
    let id = item.connection.id.clone();
    let now = deps.sessions.clock.now();
    let state = item.sweep(sweep);
    let mut progress = state.progress.clone();
    if progress.run.is_none() {
        progress.run = state.asked().map(|ask| begin(sweep, ask));
    }
    progress.touched_at = Some(now);
    // `false`: the connection was deleted meanwhile.
    if !store.save_sweep(&id, sweep, &progress).await? {
        return Ok(End::Done);
    }
    // A suspended connection books nothing, so it has no better use for the day's requests than its rebuild.
    if sweep != Sweep::Rebuild && item.robaws.quota_is_below(PeerHealth::BULK_ENDS, now) {
        return Err(Stop::Quota);
    }
    let session = match deps.sessions.open(item, deadline).await {
        Ok(session) => session,
        Err(error) => {
            tracing::error!(error = %Chain(&error), "no clients for this connection");
            return Ok(End::Held);
        }
    };
    let mut ended = pages(deps, &session, sweep, &mut progress).await;
    if let Err(Stop::Failed(peer, trouble)) = &ended {
        tracing::warn!(
            sweep = sweep.as_str(), peer = peer.as_str(), trouble = %trouble, "a call failed"
        );
        let live = session.live().await;
        session.failed(*peer, None, trouble, &live).await?;
        if trouble.peer_is_well() && *trouble != Trouble::OutOfTime {
            // No repeat solves that. The next night asks again.
            forbidden(&session, trouble).await?;
            if sweep == Sweep::Rebuild {
                // Half a ledger is worse than none: the rebuild continues once the cause is gone.
                session.close().await?;
                return Ok(End::Held);
            }
            finish(&mut progress, deps.sessions.clock.now());
            store.save_sweep(&id, sweep, &progress).await?;
            ended = Ok(End::Done);
        }
    }
    session.close().await?;
    ended
}

/// Opens the problem that says which module the API user may not read.
async fn forbidden(session: &Session, trouble: &Trouble) -> Result<(), StoreError> {
    if let Trouble::Permission { module } = trouble {
        let arguments = args([("module", module.as_str().into())]);
        let problem = Problem::new(ProblemCode::RobawsPermission, Holds::Nothing, arguments);
        let now = session.clock.now();
        session.store.open_problem(&session.item, problem, now).await?;
    }
    Ok(())
}

fn finish(progress: &mut SweepProgress, now: Timestamp) {
    progress.served = progress.run.take().map(|run| run.ask.id);
    progress.finished_at = Some(now);
}

fn begin(sweep: Sweep, ask: SweepAsk) -> SweepRun {
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

async fn pages(
    deps: &Deps,
    session: &Session,
    sweep: Sweep,
    progress: &mut SweepProgress,
) -> Result<End, Stop> {
    let store = &deps.sessions.store;
    let id = &session.item.connection.id;
    let mut live = session.live().await;
    if session.gate(Peer::Robaws, &live, false).await? != Gate::Open {
        return Ok(End::Held);
    }
    while let Some(mut run) = progress.run.clone() {
        if !session.has_time() {
            return Err(Stop::OutOfTime);
        }
        if session.still().await? != connection::Still::Same {
            return Err(Stop::OutOfTime);
        }
        let page = Page {
            deps,
            session,
            live: &live,
        };
        let next = match timeout_at(
            &*session.clock,
            session.cut_off,
            Box::pin(step(&page, progress, &mut run)),
        )
        .await
        {
            Ok(Err(Stop::Failed(Peer::Robaws, Trouble::Credentials))) if session.renew(&live).await => {
                live = session.live().await;
                continue;
            }
            Ok(stepped) => stepped?,
            Err(_) => return Err(Stop::OutOfTime),
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
            finish(progress, now);
        }
        store.save_sweep(id, sweep, progress).await?;
        if progress.run.is_some() && sweep != Sweep::Rebuild && !page.quota_allows() {
            return Err(Stop::Quota);
        }
    }
    Ok(End::Done)
}

/// Runs one list page of the current step. Gives the step that follows: the same step while there are more list pages, `None`
/// at the end.
async fn step(
    page: &Page<'_>,
    progress: &mut SweepProgress,
    run: &mut SweepRun,
) -> Result<Option<&'static str>, Stop> {
    match run.step.as_str() {
        "push" => push::page(page, run).await,
        "tick" => tick::page(page, run).await,
        "articles" => articles::page(page, run).await,
        "compare" => compare::all(page, progress, run).await,
        "webhook" => webhook::check(page, run).await,
        "orders" => crate::orders::page(page, run).await,
        "records" => records::page(page, run).await,
        "rebuild_stock" => Box::pin(rebuild::stock_changes(page, progress, run)).await,
        "rebuild_invoices" => Box::pin(rebuild::invoices(page, progress, run)).await,
        "rebuild_end" => Box::pin(rebuild::end(page, progress, run)).await,
        other => {
            // Another version of this program began this run, with a step that this version does not know.
            tracing::error!(step = other, "an unknown step: the sweep ends");
            Ok(None)
        }
    }
}
