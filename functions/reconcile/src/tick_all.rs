//! Ticks the checkbox of every live article, one after the other, since orders come first.

use crate::due_candidates::{self, Candidate};
use crate::full_push;
use crate::sweeps::{SweepContext, SweepStop, stop_from_robaws};
use robaws::{ArticleList, Error};
use store::sweep::SweepRun;

/// Ticks the unticked articles of one list page. Gives the next step of the sweep.
pub(crate) async fn tick_list_page(
    sweep: &SweepContext<'_>,
    run: &mut SweepRun,
) -> Result<Option<&'static str>, SweepStop> {
    let client = &sweep.live.clients.robaws;
    let listed = client
        .read_article_list_page(run.page, ArticleList::AllOfReplica)
        .await
        .map_err(|error| stop_from_robaws(&error))?;
    let mut ticked = Vec::new();
    let mut stopped = None;
    for article in listed.articles {
        if !article.live || article.ticked != Some(false) {
            continue;
        }
        if !sweep.session.has_time() {
            stopped = Some(SweepStop::OutOfTime);
            break;
        }
        if !sweep.quota_allows() {
            stopped = Some(SweepStop::Quota);
            break;
        }
        match client.set_checkbox(&article.id, true).await {
            Ok(()) => ticked.push(Candidate { id: article.id, number: article.number }),
            // The replica shows an article that is gone by now.
            Err(Error::NotFound { .. }) => {}
            Err(Error::Rejected { status: 400, .. }) if run.seen == 0 && ticked.is_empty() => {
                full_push::check_checkbox(sweep).await?;
                return Ok(None);
            }
            Err(Error::Rejected { .. }) => {
                tracing::warn!(article.id = %article.id, "could not be ticked");
            }
            Err(error) => {
                stopped = Some(stop_from_robaws(&error));
                break;
            }
        }
    }
    run.seen += u64::try_from(ticked.len()).unwrap_or(u64::MAX);
    due_candidates::make_candidates_due(sweep.deps, sweep.connection_id(), ticked, false).await?;
    if let Some(stop) = stopped {
        return Err(stop);
    }
    run.page += 1;
    Ok((!listed.is_last).then_some("tick"))
}
