//! Whether the tenant has the checkbox "ProductFlow" on its articles: no public API tells (contract).

use robaws::{ArticleList, Client, Error};

/// `None`: that can't be told now, since there is no article to try it on, or it may not be tried.
pub async fn exists(robaws: &Client) -> Result<Option<bool>, Error> {
    match robaws.articles_page(0, ArticleList::Ticked).await {
        Ok(page) if page.articles.iter().any(|article| article.has_checkbox) => return Ok(Some(true)),
        // A filter on an extra field that is not there may be refused.
        Ok(_) | Err(Error::Rejected { .. }) => {}
        Err(error) => return Err(error),
    }
    let page = robaws.articles_page(0, ArticleList::AllOfReplica).await?;
    if page.articles.iter().any(|article| article.has_checkbox) {
        return Ok(Some(true));
    }
    let Some(article) = page.articles.iter().find(|article| article.live) else {
        return Ok(None);
    };
    // As it is now, since what the replica shows may be old: written is the value that it has.
    let Some(now) = robaws.article_detail(&article.id).await? else {
        return Ok(None);
    };
    match (now.has_checkbox, now.ticked) {
        (true, _) => Ok(Some(true)),
        (false, None) => Ok(None),
        (false, Some(ticked)) => match robaws.tick(&now.id, ticked).await {
            Ok(()) => Ok(Some(true)),
            Err(Error::Rejected { status: 400, .. }) => Ok(Some(false)),
            // It may be read but not written: then it can't be told.
            Err(Error::Forbidden { .. } | Error::NotFound { .. } | Error::Rejected { .. }) => Ok(None),
            Err(error) => Err(error),
        },
    }
}
