//! Asks Robaws for an article as it is now, and who shares its number: one call when its number is known.

use crate::batch::Context;
use domain::article::{ArticleDetail, addressable};
use domain::ids::ArticleId;
use peers::{Live, Trouble};
use robaws::Namesakes;

/// An article as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The article; `None`: it is not there.
    pub article: Option<ArticleDetail>,
    /// The other live articles with its number.
    pub others: Vec<ArticleDetail>,
}

/// Reads it. `hints`: numbers that it may have, the likeliest first.
pub async fn read(
    ctx: &Context,
    live: &Live,
    id: &ArticleId,
    hints: [Option<&str>; 2],
) -> Result<Found, Trouble> {
    let robaws = &live.clients.robaws;
    let failed = |error: robaws::Error| Trouble::from(&error);
    let hint = hints.into_iter().flatten().find(|hint| !hint.is_empty());
    if let Some(number) = hint {
        let namesakes = robaws.namesakes(number, id).await.map_err(failed)?;
        let is_it = |article: &ArticleDetail| article.number.as_deref() == Some(number);
        if namesakes.article.as_ref().is_some_and(is_it) {
            return Ok(found(id, namesakes));
        }
    }
    tracing::debug!(
        connection.id = %ctx.session.item.connection.id, article.id = %id, "not found by its number: read by its id"
    );
    let article = robaws.article_detail(id).await.map_err(failed)?;
    // Who else has the number matters only for what would be sent.
    let number = article
        .as_ref()
        .filter(|article| article.live && article.ticked == Some(true))
        .and_then(|article| addressable(article.number.as_deref()));
    let Some(number) = number else {
        return Ok(Found {
            article,
            others: Vec::new(),
        });
    };
    let namesakes = robaws.namesakes(number.as_str(), id).await.map_err(failed)?;
    Ok(Found {
        article,
        ..found(id, namesakes)
    })
}

fn found(id: &ArticleId, namesakes: Namesakes) -> Found {
    let mut others = namesakes.live;
    others.retain(|other| other.id != *id);
    Found {
        article: namesakes.article,
        others,
    }
}
