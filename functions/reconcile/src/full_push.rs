//! The full push: makes every ticked article due.

use crate::due_candidates::{self, Candidate};
use crate::sweeps::{SweepContext, SweepStop, stop_from_robaws};
use domain::problem::{Args, Holds, Problem, ProblemCode};
use robaws::{ArticleList, Error};
use runtime::error::Chain;
use store::queue::{Sweep, SweepMessage};
use store::sweep::{SweepRequest, SweepRun};

/// Makes the ticked articles of one list page due. Gives the next step of the sweep.
pub(crate) async fn push_list_page(
    sweep: &SweepContext<'_>,
    run: &mut SweepRun,
) -> Result<Option<&'static str>, SweepStop> {
    let item = &sweep.session.item;
    let store = &sweep.session.store;
    let listed = match sweep.live.clients.robaws.read_article_list_page(run.page, ArticleList::Ticked).await {
        Ok(listed) => listed,
        // Robaws refuses the filter when the tenant has no such checkbox.
        Err(Error::Rejected { status: 400, .. }) if run.page == 0 => {
            // The checkbox may exist all the same. Then the nightly check, which filters nothing, finds the ticked articles.
            if check_checkbox(sweep).await? == Some(true) {
                ask_for_check(sweep).await?;
            }
            return Ok(None);
        }
        Err(error) => return Err(stop_from_robaws(&error)),
    };
    sweep.session.health.record_success(store::model::Peer::Robaws).await?;
    if listed.articles.iter().any(|article| article.has_checkbox) {
        store.close_problem(item, ProblemCode::CheckboxMissing).await?;
    }
    let candidates = listed
        .articles
        .into_iter()
        .filter(|article| article.live && article.ticked == Some(true))
        .map(|article| Candidate { id: article.id, number: article.number })
        .collect();
    due_candidates::make_candidates_due(sweep.deps, sweep.connection_id(), candidates, run.ask.again).await?;
    run.page += 1;
    if !listed.is_last {
        return Ok(Some("push"));
    }
    if run.ask.again {
        // The nightly check finds the articles that are not ticked any more.
        ask_for_check(sweep).await?;
    }
    Ok(None)
}

async fn ask_for_check(sweep: &SweepContext<'_>) -> Result<(), SweepStop> {
    let connection = sweep.connection_id();
    let ask = SweepRequest::new(sweep.session.clock.now());
    sweep.session.store.request_sweep(connection, Sweep::Reconcile, &ask).await?;
    let message = SweepMessage::new(connection.clone(), Sweep::Reconcile);
    if let Err(error) = sweep.deps.sweeps_queue.send_messages(&[message]).await {
        tracing::warn!(error = %Chain(&error), "not queued: a poll revives the check");
    }
    Ok(())
}

/// Whether the tenant has the checkbox. Opens the problem `checkbox_missing` when it does not, and closes the problem when it
/// does.
pub(crate) async fn check_checkbox(sweep: &SweepContext<'_>) -> Result<Option<bool>, SweepStop> {
    let item = &sweep.session.item;
    let store = &sweep.session.store;
    let found = connection::checkbox::detect_checkbox(&sweep.live.clients.robaws)
        .await
        .map_err(|error| stop_from_robaws(&error))?;
    match found {
        Some(true) => store.close_problem(item, ProblemCode::CheckboxMissing).await?,
        Some(false) => {
            let missing = Problem::new(ProblemCode::CheckboxMissing, Holds::Nothing, Args::new());
            store.open_problem(item, missing, sweep.session.clock.now()).await?;
        }
        None => {}
    }
    Ok(found)
}
