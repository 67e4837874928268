//! A step of the nightly check: finds articles that were sent and must not be for sale any more.
//!
//! Many withdrawals at once are more likely a mistake than a decision, so they are held until the merchant confirms.

use crate::due_candidates::{self, Candidate};
use crate::sweeps::{SweepContext, SweepStop};
use domain::ids::ArticleId;
use domain::problem::{Holds, Problem, ProblemCode, build_args};
use std::collections::{BTreeMap, BTreeSet};
use store::article_record::ArticleRecord;
use store::sweep::{SweepProgress, SweepRun, SweptArticle};

/// So many withdrawals in one night are never held.
const WITHDRAWALS_NEVER_HELD: usize = 20;
/// Divisor: withdrawals of up to a tenth of the sent articles are never held either.
const DIVISOR_NEVER_HELD: usize = 10;

/// Compares every sent article with the articles that the list showed. Articles that are gone become due, unless there are too
/// many of them.
pub(crate) async fn make_gone_articles_due(
    sweep: &SweepContext<'_>,
    progress: &mut SweepProgress,
    run: &mut SweepRun,
) -> Result<Option<&'static str>, SweepStop> {
    let store = &sweep.session.store;
    let connection = sweep.connection_id();
    if run.seen == 0 || run.readable == 0 {
        // A list without articles or without extra fields is a failed read. It must never count as "everything unticked".
        tracing::warn!(
            seen = run.seen,
            readable = run.readable,
            "the list of articles is empty or lacks its extra fields: nothing is withdrawn for it"
        );
        return Ok(Some("webhook"));
    }
    let swept = store.load_swept_articles(connection, &run.ask.id).await?;
    let for_sale = find_articles_for_sale(&swept);
    let mut sent = 0;
    let mut gone: Vec<Candidate> = Vec::new();
    let mut after: Option<ArticleId> = None;
    loop {
        let (records, next) = store.load_articles_from(connection, after.as_ref()).await?;
        for record in records.iter().filter(|record| record.sent.is_some()) {
            sent += 1;
            if is_newly_gone(record, &for_sale) {
                gone.push(Candidate { id: record.article_id.clone(), number: record.number.clone() });
            }
        }
        match next {
            Some(_) => after = next,
            None => break,
        }
    }
    let count = gone.len();
    run.unannounced += u64::try_from(count).unwrap_or(u64::MAX);
    let item = &sweep.session.item;
    let confirmed = usize::try_from(run.ask.confirmed).unwrap_or(usize::MAX);
    if count > WITHDRAWALS_NEVER_HELD.max(sent / DIVISOR_NEVER_HELD) && count > confirmed {
        let arguments = build_args([("count", count.to_string().into()), ("total", sent.to_string().into())]);
        let held = Problem::new(ProblemCode::WithdrawalHeld, Holds::Nothing, arguments);
        store.open_problem(item, held, sweep.session.clock.now()).await?;
        tracing::warn!(withdrawals = count, sent, "held until the merchant confirms");
        progress.held = u64::try_from(count).unwrap_or(u64::MAX);
        return Ok(Some("webhook"));
    }
    progress.held = 0;
    store.close_problem(item, ProblemCode::WithdrawalHeld).await?;
    due_candidates::make_candidates_due(sweep.deps, connection, gone, false).await?;
    Ok(Some("webhook"))
}

/// The articles that may be for sale: live, ticked, and the only live article with their number.
fn find_articles_for_sale(swept: &[SweptArticle]) -> BTreeSet<&ArticleId> {
    // Rows may shift between two list pages, so an article may stand in both.
    let mut holders: BTreeMap<&str, BTreeSet<&ArticleId>> = BTreeMap::new();
    for article in swept {
        if let Some(number) = article.number.as_deref() {
            holders.entry(number).or_default().insert(&article.id);
        }
    }
    let alone = |article: &SweptArticle| {
        let number = article.number.as_deref();
        number.is_some_and(|number| holders.get(number).is_some_and(|ids| ids.len() == 1))
    };
    swept.iter().filter(|article| article.ticked && alone(article)).map(|article| &article.id).collect()
}

/// Whether a sent article must be withdrawn. An article that is due already is looked at anyway.
fn is_newly_gone(record: &ArticleRecord, for_sale: &BTreeSet<&ArticleId>) -> bool {
    record.due.is_none() && !for_sale.contains(&record.article_id)
}
