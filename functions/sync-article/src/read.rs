//! Asks Robaws for an article as it is now and for the articles that share its number. One call is enough when the number is
//! known.

use connection::{Live, Trouble};
use domain::article::{ArticleDetail, addressable};
use domain::ids::ArticleId;
use jiff::Timestamp;
use robaws::Namesakes;
use store::article::Unique;

/// An article as Robaws shows it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The article. `None` when Robaws does not have it.
    pub article: Option<ArticleDetail>,
    /// The other live articles with the same number.
    pub others: Vec<ArticleDetail>,
    /// The number, and when it was seen that no other live article has it. `None` when it is shared or was not looked up.
    pub unique: Option<Unique>,
}

/// What is known of the article before it is read.
pub struct Hints<'a> {
    /// Numbers that the article may have, the likeliest first.
    pub numbers: [Option<&'a str>; 2],
    /// A number that no other article has, as seen so recently that it need not be looked up again.
    pub unique: Option<&'a Unique>,
}

/// Reads the article and its namesakes.
pub async fn read(live: &Live, id: &ArticleId, hints: Hints<'_>, now: Timestamp) -> Result<Found, Trouble> {
    let robaws = &live.clients.robaws;
    let failed = |error: robaws::Error| Trouble::from(&error);
    let hint = hints.numbers.into_iter().flatten().find(|hint| !hint.is_empty());
    if let Some(number) = hint.filter(|_| hints.unique.is_none()) {
        let namesakes = robaws.namesakes(number, id).await.map_err(failed)?;
        let is_it = |article: &ArticleDetail| article.number.as_deref() == Some(number);
        if namesakes.article.as_ref().is_some_and(is_it) {
            return Ok(found(id, number, namesakes, now));
        }
    }
    // The number is not known, is known to be unique, or is not the article's any more.
    tracing::debug!("read by its id");
    let article = robaws.article_detail(id).await.map_err(failed)?;
    let own = article.as_ref().and_then(|article| article.number.as_deref());
    if let Some(unique) = hints.unique.filter(|unique| own == Some(unique.number.as_str())) {
        return Ok(Found {
            article,
            others: Vec::new(),
            unique: Some(unique.clone()),
        });
    }
    // Who else has the number matters only for an article that would be sent.
    let number = article
        .as_ref()
        .filter(|article| article.live && article.ticked == Some(true))
        .and_then(|article| addressable(article.number.as_deref()));
    let Some(number) = number else {
        return Ok(Found {
            article,
            others: Vec::new(),
            unique: None,
        });
    };
    let namesakes = robaws.namesakes(number.as_str(), id).await.map_err(failed)?;
    Ok(Found {
        article,
        ..found(id, number.as_str(), namesakes, now)
    })
}

fn found(id: &ArticleId, number: &str, namesakes: Namesakes, now: Timestamp) -> Found {
    let mut others = namesakes.live;
    others.retain(|other| other.id != *id);
    let unique = others.is_empty().then(|| Unique {
        number: number.to_owned(),
        at: now,
        crowded: namesakes.crowded,
    });
    Found {
        article: namesakes.article,
        others,
        unique,
    }
}
