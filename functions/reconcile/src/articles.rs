//! A step of the nightly check: reads every article from the replica. Articles that differ from what was last read or sent
//! become due.

use crate::due::{self, Candidate};
use crate::sweeps::{Page, Stop, robaws};
use connection::Trouble;
use domain::article::{ArticleDetail, Wanted, wanted};
use domain::catalogue::VatTariff;
use domain::ids::VatTariffId;
use robaws::ArticleList;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::article::ArticleRecord;
use store::model::Peer;
use store::sweep::{SweepRun, SweptArticle};

/// How an article of the list compares with its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compared {
    Same,
    /// The article changed in Robaws, and no event said so.
    Unannounced,
    /// The article is the same, but ProductFlow is to have another offer, since a VAT tariff or a setting changed.
    Other,
}

/// Compares one list page of articles with the records. Gives the next step of the sweep.
pub async fn page(page: &Page<'_>, run: &mut SweepRun) -> Result<Option<&'static str>, Stop> {
    let session = page.session;
    let connection = page.connection();
    let listed = page
        .live
        .clients
        .robaws
        .articles_page(run.page, ArticleList::AllOfReplica)
        .await
        .map_err(|error| robaws(&error))?;
    let count = |is: &dyn Fn(&ArticleDetail) -> bool| {
        let found = listed.articles.iter().filter(|article| is(article)).count();
        u64::try_from(found).unwrap_or(u64::MAX)
    };
    run.seen += count(&|_| true);
    run.readable += count(&|article| article.ticked.is_some());
    run.has_checkbox |= listed.articles.iter().any(|article| article.has_checkbox);
    let known = session
        .store
        .articles(connection, listed.articles.iter().map(|article| &article.id))
        .await?;
    let tariffs = tariffs(page)
        .await
        .map_err(|trouble| Stop::Failed(Peer::Robaws, trouble))?;
    let mut candidates = Vec::new();
    let mut swept = Vec::new();
    for article in listed.articles {
        let compared = compare(page, &article, known.get(&article.id), &tariffs);
        if compared == Compared::Unannounced {
            run.unannounced += 1;
        }
        if compared != Compared::Same {
            candidates.push(Candidate {
                id: article.id.clone(),
                number: article.number.clone(),
            });
        }
        if article.live {
            swept.push(SweptArticle {
                ticked: article.ticked == Some(true),
                id: article.id,
                number: article.number,
            });
        }
    }
    let now = session.clock.now();
    session
        .store
        .save_swept(connection, &run.ask.id, run.page, swept, now)
        .await?;
    due::make(page.deps, connection, candidates, false).await?;
    run.page += 1;
    Ok(Some(if listed.is_last { "compare" } else { "articles" }))
}

async fn tariffs(page: &Page<'_>) -> Result<Arc<BTreeMap<VatTariffId, VatTariff>>, Trouble> {
    if page.session.item.connection.settings.send_sale_price {
        page.live.lookups.all_tariffs().await
    } else {
        Ok(Arc::default())
    }
}

/// Compares one article with its record.
///
/// An article that must be withdrawn is left to the next step, which counts the withdrawals: too many at once are held.
fn compare(
    page: &Page<'_>,
    article: &ArticleDetail,
    known: Option<&ArticleRecord>,
    tariffs: &BTreeMap<VatTariffId, VatTariff>,
) -> Compared {
    let is_ticked = article.live && article.ticked == Some(true);
    let Some(record) = known else {
        return if is_ticked {
            Compared::Unannounced
        } else {
            Compared::Same
        };
    };
    if record.due.is_some() || !is_ticked {
        return Compared::Same;
    }
    if record.source.as_ref() != Some(&article.digest()) {
        return Compared::Unannounced;
    }
    let settings = &page.session.item.connection.settings;
    match (wanted(Some(article), true, settings, tariffs), &record.sent) {
        (Wanted::Listing(listing), Some(sent)) if !sent.is(&listing) => Compared::Other,
        (Wanted::Listing(_), None) if record.problems.is_empty() => Compared::Other,
        _ => Compared::Same,
    }
}
