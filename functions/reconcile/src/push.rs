//! The full push: makes every ticked article due.

use crate::due::{self, Candidate};
use crate::sweeps::{Page, Stop, robaws};
use domain::problem::{Args, Holds, Problem, ProblemCode};
use robaws::{ArticleList, Error};
use runtime::error::Chain;
use store::queue::{Sweep, SweepMessage};
use store::sweep::{SweepAsk, SweepRun};

/// Makes the ticked articles of one list page due. Gives the next step of the sweep.
pub async fn page(page: &Page<'_>, run: &mut SweepRun) -> Result<Option<&'static str>, Stop> {
    let item = &page.session.item;
    let store = &page.session.store;
    let listed = match page
        .live
        .clients
        .robaws
        .articles_page(run.page, ArticleList::Ticked)
        .await
    {
        Ok(listed) => listed,
        // Robaws refuses the filter when the tenant has no such checkbox.
        Err(Error::Rejected { status: 400, .. }) if run.page == 0 => {
            // The checkbox may exist all the same. Then the nightly check, which filters nothing, finds the ticked articles.
            if checkbox(page).await? == Some(true) {
                ask_check(page).await?;
            }
            return Ok(None);
        }
        Err(error) => return Err(robaws(&error)),
    };
    page.session.health.succeeded(store::model::Peer::Robaws).await?;
    if listed.articles.iter().any(|article| article.has_checkbox) {
        store.close_problem(item, ProblemCode::CheckboxMissing).await?;
    }
    let candidates = listed
        .articles
        .into_iter()
        .filter(|article| article.live && article.ticked == Some(true))
        .map(|article| Candidate {
            id: article.id,
            number: article.number,
        })
        .collect();
    due::make(page.deps, page.connection(), candidates, run.ask.again).await?;
    run.page += 1;
    if !listed.is_last {
        return Ok(Some("push"));
    }
    if run.ask.again {
        // The nightly check finds the articles that are not ticked any more.
        ask_check(page).await?;
    }
    Ok(None)
}

async fn ask_check(page: &Page<'_>) -> Result<(), Stop> {
    let connection = page.connection();
    let ask = SweepAsk::new(page.session.clock.now());
    page.session
        .store
        .ask_sweep(connection, Sweep::Reconcile, &ask)
        .await?;
    let message = SweepMessage::new(connection.clone(), Sweep::Reconcile);
    if let Err(error) = page.deps.sweeps_queue.send(&[message]).await {
        tracing::warn!(error = %Chain(&error), "not queued: a poll revives the check");
    }
    Ok(())
}

/// Whether the tenant has the checkbox. Opens the problem `checkbox_missing` when it does not, and closes the problem when it
/// does.
pub async fn checkbox(page: &Page<'_>) -> Result<Option<bool>, Stop> {
    let item = &page.session.item;
    let store = &page.session.store;
    let found = connection::checkbox::exists(&page.live.clients.robaws)
        .await
        .map_err(|error| robaws(&error))?;
    match found {
        Some(true) => store.close_problem(item, ProblemCode::CheckboxMissing).await?,
        Some(false) => {
            let missing = Problem::new(ProblemCode::CheckboxMissing, Holds::Nothing, Args::new());
            store
                .open_problem(item, missing, page.session.clock.now())
                .await?;
        }
        None => {}
    }
    Ok(found)
}
