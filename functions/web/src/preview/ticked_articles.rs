//! The articles that are ticked for ProductFlow: how many there are, and what ProductFlow would get of the first ones.

use connection::{Lookups, Trouble};
use domain::article::{ArticleDetail, WantedListing, decide_listing, needs_tariffs, parse_addressable_sku};
use domain::settings::ConnectionSettings;
use futures::future::join_all;
use robaws::{ArticleList, Error};
use runtime::error::Chain;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Most articles shown.
const MOST_SHOWN: usize = 10;
/// Most pages of 100 articles read to count them.
const MOST_PAGES: u32 = 5;
/// Time that counting leaves for deciding what is sent of the articles shown.
const KEPT_FOR_FIRST: Duration = Duration::from_secs(6);

/// What a preview shows of the ticked articles.
#[derive(Debug, Clone)]
pub(crate) struct TickedArticles {
    /// The first articles, each with what ProductFlow is to have of it.
    pub first: Vec<(ArticleDetail, WantedListing)>,
    /// The number of ticked articles.
    pub count: u64,
    /// Whether there may be more, because not the whole list was read.
    pub at_least: bool,
    /// Whether any article showed the checkbox.
    pub has_checkbox: bool,
}

/// Reads the ticked articles until `until`. Writes nothing.
pub(crate) async fn read_ticked_articles(
    lookups: &Lookups,
    settings: &ConnectionSettings,
    until: Instant,
) -> Result<TickedArticles, Trouble> {
    let listed = list_ticked_articles(lookups.robaws(), until).await?;
    let first = tokio::time::timeout_at(until, decide_listings(lookups, settings, listed.articles));
    Ok(TickedArticles {
        first: first.await.map_err(|_| Trouble::OutOfTime)??,
        count: listed.count,
        at_least: listed.at_least,
        has_checkbox: listed.has_checkbox,
    })
}

#[derive(Default)]
struct ListedArticles {
    articles: Vec<ArticleDetail>,
    count: u64,
    at_least: bool,
    has_checkbox: bool,
}

async fn list_ticked_articles(robaws: &robaws::Client, until: Instant) -> Result<ListedArticles, Trouble> {
    let mut found = ListedArticles::default();
    let mut seen = BTreeSet::new();
    let mut is_filtered = true;
    // Counting leaves time for the first articles, which matter more to the reader than the exact count.
    let count_until = until.checked_sub(KEPT_FOR_FIRST).unwrap_or(until);
    for page in 0..MOST_PAGES {
        let end = if page == 0 { until } else { count_until };
        let asked = tokio::time::timeout_at(end, robaws.read_article_list_page(page, ArticleList::Ticked));
        let listed = match asked.await {
            // Robaws may refuse to filter by a checkbox that the tenant does not have.
            Ok(Err(Error::Rejected { .. })) if page == 0 => break,
            Ok(Err(error)) if page == 0 => return Err(log_trouble(&error)),
            Err(_) if page == 0 => return Err(Trouble::OutOfTime),
            Ok(Err(_)) | Err(_) => {
                found.at_least = true;
                break;
            }
            Ok(Ok(listed)) => listed,
        };
        found.has_checkbox |= listed.articles.iter().any(|article| article.has_checkbox);
        let is_ticked = |article: &ArticleDetail| article.live && article.ticked == Some(true);
        is_filtered &= listed.articles.iter().all(is_ticked);
        for article in listed.articles.into_iter().filter(is_ticked) {
            // Rows may shift between pages, so an article may come twice.
            if seen.insert(article.id.clone()) && found.articles.len() < MOST_SHOWN {
                found.articles.push(article);
            }
        }
        if listed.is_last {
            break;
        }
        if page + 1 == MOST_PAGES {
            // If Robaws filtered every page as asked, its own count of the list is the number of ticked articles.
            found.count = if is_filtered { listed.total } else { 0 };
            found.at_least = !is_filtered;
        }
    }
    found.count = found.count.max(u64::try_from(seen.len()).unwrap_or(u64::MAX));
    if !found.has_checkbox {
        // An article that was ticked once and unticked again also shows that the tenant has the checkbox.
        let asked = robaws.read_article_list_page(0, ArticleList::AllOfReplica);
        if let Ok(Ok(all)) = tokio::time::timeout_at(count_until, asked).await {
            found.has_checkbox = all.articles.iter().any(|article| article.has_checkbox);
        }
    }
    Ok(found)
}

fn log_trouble(error: &Error) -> Trouble {
    tracing::warn!(error = %Chain(error), "the articles of a preview could not be read");
    Trouble::from(error)
}

async fn decide_listings(
    lookups: &Lookups,
    settings: &ConnectionSettings,
    articles: Vec<ArticleDetail>,
) -> Result<Vec<(ArticleDetail, WantedListing)>, Trouble> {
    let needs = articles.iter().any(|article| needs_tariffs(article, settings));
    let tariffs = if needs { lookups.look_up_tariffs().await? } else { Arc::default() };
    let alone = join_all(articles.iter().map(|article| has_unique_number(lookups.robaws(), article))).await;
    articles
        .into_iter()
        .zip(alone)
        .map(|(article, alone)| {
            let wanted = decide_listing(Some(&article), alone?, settings, &tariffs);
            Ok((article, wanted))
        })
        .collect()
}

/// Whether no other live article has the article's number.
async fn has_unique_number(robaws: &robaws::Client, article: &ArticleDetail) -> Result<bool, Trouble> {
    let Some(number) = parse_addressable_sku(article.number.as_deref()) else {
        return Ok(true);
    };
    let namesakes = robaws.read_namesakes(number.as_str(), &article.id).await;
    let namesakes = namesakes.map_err(|error| log_trouble(&error))?;
    Ok(namesakes.live.iter().all(|other| other.id == article.id))
}
