//! A step of the nightly check: reads every article from the replica. Articles that differ from what was last read or sent
//! become due.

use crate::due_candidates::{self, Candidate};
use crate::sweeps::{SweepContext, SweepStop, stop_from_robaws};
use connection::Trouble;
use domain::article::{ArticleDetail, WantedListing, decide_listing};
use domain::catalogue::VatTariff;
use domain::ids::VatTariffId;
use robaws::ArticleList;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::article_record::ArticleRecord;
use store::model::Peer;
use store::sweep::{SweepRun, SweptArticle};

/// How an article of the list compares with its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ArticleChange {
    Nothing,
    /// The article changed in Robaws, and no event said so.
    Unannounced,
    /// The article is the same, but ProductFlow is to have another offer, since a VAT tariff or a setting changed.
    OfferDiffers,
}

/// Compares one list page of articles with the records. Gives the next step of the sweep.
pub(crate) async fn check_article_list_page(
    sweep: &SweepContext<'_>,
    run: &mut SweepRun,
) -> Result<Option<&'static str>, SweepStop> {
    let session = sweep.session;
    let connection = sweep.connection_id();
    let listed = sweep
        .live
        .clients
        .robaws
        .read_article_list_page(run.page, ArticleList::AllOfReplica)
        .await
        .map_err(|error| stop_from_robaws(&error))?;
    let count = |is: &dyn Fn(&ArticleDetail) -> bool| {
        let found = listed.articles.iter().filter(|article| is(article)).count();
        u64::try_from(found).unwrap_or(u64::MAX)
    };
    run.seen += count(&|_| true);
    run.readable += count(&|article| article.ticked.is_some());
    run.has_checkbox |= listed.articles.iter().any(|article| article.has_checkbox);
    let known =
        session.store.load_articles(connection, listed.articles.iter().map(|article| &article.id)).await?;
    let tariffs =
        read_tariffs_if_needed(sweep).await.map_err(|trouble| SweepStop::Failed(Peer::Robaws, trouble))?;
    let mut candidates = Vec::new();
    let mut swept = Vec::new();
    for article in listed.articles {
        let compared = compare_with_record(sweep, &article, known.get(&article.id), &tariffs);
        if compared == ArticleChange::Unannounced {
            run.unannounced += 1;
        }
        if compared != ArticleChange::Nothing {
            candidates.push(Candidate { id: article.id.clone(), number: article.number.clone() });
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
    session.store.save_swept_page(connection, &run.ask.id, run.page, swept, now).await?;
    due_candidates::make_candidates_due(sweep.deps, connection, candidates, false).await?;
    run.page += 1;
    Ok(Some(if listed.is_last { "compare" } else { "articles" }))
}

async fn read_tariffs_if_needed(
    sweep: &SweepContext<'_>,
) -> Result<Arc<BTreeMap<VatTariffId, VatTariff>>, Trouble> {
    if sweep.session.item.connection.settings.send_sale_price {
        sweep.live.lookups.look_up_tariffs().await
    } else {
        Ok(Arc::default())
    }
}

/// Compares one article with its record.
///
/// An article that must be withdrawn is left to the next step, which counts the withdrawals: too many at once are held.
fn compare_with_record(
    sweep: &SweepContext<'_>,
    article: &ArticleDetail,
    known: Option<&ArticleRecord>,
    tariffs: &BTreeMap<VatTariffId, VatTariff>,
) -> ArticleChange {
    let is_ticked = article.live && article.ticked == Some(true);
    let Some(record) = known else {
        return if is_ticked { ArticleChange::Unannounced } else { ArticleChange::Nothing };
    };
    if record.due.is_some() || !is_ticked {
        return ArticleChange::Nothing;
    }
    if record.source.as_ref() != Some(&article.compute_digest()) {
        return ArticleChange::Unannounced;
    }
    let settings = &sweep.session.item.connection.settings;
    match (decide_listing(Some(article), true, settings, tariffs), &record.sent) {
        (WantedListing::Listing(listing), Some(sent)) if !sent.agrees_with(&listing) => {
            ArticleChange::OfferDiffers
        }
        (WantedListing::Listing(_), None) if record.problems.is_empty() => ArticleChange::OfferDiffers,
        _ => ArticleChange::Nothing,
    }
}
