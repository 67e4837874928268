//! Asks Robaws for an article as it is now and for the articles that share its number. One call is enough when the number is
//! known.

use connection::{LiveClients, Trouble};
use domain::article::{ArticleDetail, parse_addressable_sku};
use domain::ids::ArticleId;
use jiff::Timestamp;
use robaws::Namesakes;
use store::article_record::UniqueNumber;

/// An article as Robaws shows it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArticleReading {
    /// The article. `None` when Robaws does not have it.
    pub article: Option<ArticleDetail>,
    /// The other live articles with the same number.
    pub namesakes: Vec<ArticleDetail>,
    /// The number, and when it was seen that no other live article has it. `None` when it is shared or was not looked up.
    pub unique: Option<UniqueNumber>,
}

/// What is known of the article before it is read.
pub(crate) struct ReadingHints<'a> {
    /// Numbers that the article may have, the likeliest first.
    pub numbers: [Option<&'a str>; 2],
    /// A number that no other article has, as seen so recently that it need not be looked up again.
    pub unique: Option<&'a UniqueNumber>,
}

/// Reads the article and its namesakes.
pub(crate) async fn read_article(
    live: &LiveClients,
    id: &ArticleId,
    hints: ReadingHints<'_>,
    now: Timestamp,
) -> Result<ArticleReading, Trouble> {
    let robaws = &live.clients.robaws;
    let failed = |error: robaws::Error| Trouble::from(&error);
    let hint = hints.numbers.into_iter().flatten().find(|hint| !hint.is_empty());
    if let Some(number) = hint.filter(|_| hints.unique.is_none()) {
        let namesakes = robaws.read_namesakes(number, id).await.map_err(failed)?;
        let is_it = |article: &ArticleDetail| article.number.as_deref() == Some(number);
        if namesakes.article.as_ref().is_some_and(is_it) {
            return Ok(reading_from_namesakes(id, number, namesakes, now));
        }
    }
    // The number is not known, is known to be unique, or is not the article's any more.
    tracing::debug!("read by its id");
    let article = robaws.read_article_detail(id).await.map_err(failed)?;
    let own = article.as_ref().and_then(|article| article.number.as_deref());
    if let Some(unique) = hints.unique.filter(|unique| own == Some(unique.number.as_str())) {
        return Ok(ArticleReading { article, namesakes: Vec::new(), unique: Some(unique.clone()) });
    }
    // Who else has the number matters only for an article that would be sent.
    let number = article
        .as_ref()
        .filter(|article| article.live && article.ticked == Some(true))
        .and_then(|article| parse_addressable_sku(article.number.as_deref()));
    let Some(number) = number else {
        return Ok(ArticleReading { article, namesakes: Vec::new(), unique: None });
    };
    let namesakes = robaws.read_namesakes(number.as_str(), id).await.map_err(failed)?;
    Ok(ArticleReading { article, ..reading_from_namesakes(id, number.as_str(), namesakes, now) })
}

fn reading_from_namesakes(
    id: &ArticleId,
    number: &str,
    namesakes: Namesakes,
    now: Timestamp,
) -> ArticleReading {
    let mut others = namesakes.live;
    others.retain(|other| other.id != *id);
    let unique = others.is_empty().then(|| UniqueNumber {
        number: number.to_owned(),
        at: now,
        crowded: namesakes.is_crowded,
    });
    ArticleReading { article: namesakes.article, namesakes: others, unique }
}
