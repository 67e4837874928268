//! Ticks the checkbox of every live article, one after the other, since orders come first.

use crate::due::{self, Candidate};
use crate::push;
use crate::sweeps::{Page, Stop, robaws};
use robaws::{ArticleList, Error};
use store::sweep::SweepRun;

/// Ticks the unticked articles of one list page. Gives the next step of the sweep.
pub async fn page(page: &Page<'_>, run: &mut SweepRun) -> Result<Option<&'static str>, Stop> {
    let client = &page.live.clients.robaws;
    let listed = client
        .articles_page(run.page, ArticleList::AllOfReplica)
        .await
        .map_err(|error| robaws(&error))?;
    let mut ticked = Vec::new();
    let mut stopped = None;
    for article in listed.articles {
        if !article.live || article.ticked != Some(false) {
            continue;
        }
        if !page.session.has_time() {
            stopped = Some(Stop::OutOfTime);
            break;
        }
        if !page.quota_allows() {
            stopped = Some(Stop::Quota);
            break;
        }
        match client.tick(&article.id, true).await {
            Ok(()) => ticked.push(Candidate {
                id: article.id,
                number: article.number,
            }),
            // The replica shows an article that is gone by now.
            Err(Error::NotFound { .. }) => {}
            Err(Error::Rejected { status: 400, .. }) if run.seen == 0 && ticked.is_empty() => {
                push::checkbox(page).await?;
                return Ok(None);
            }
            Err(Error::Rejected { .. }) => {
                tracing::warn!(article.id = %article.id, "could not be ticked");
            }
            Err(error) => {
                stopped = Some(robaws(&error));
                break;
            }
        }
    }
    run.seen += u64::try_from(ticked.len()).unwrap_or(u64::MAX);
    due::make(page.deps, page.connection(), ticked, false).await?;
    if let Some(stop) = stopped {
        return Err(stop);
    }
    run.page += 1;
    Ok((!listed.is_last).then_some("tick"))
}
