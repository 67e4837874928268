//! Detects whether a Robaws tenant has the checkbox "ProductFlow" on its articles. No public API tells
//! (contracts/robaws.md).

use robaws::{ArticleList, Client, Error};

/// Whether the tenant has the checkbox. `None`: unknown, since there is no article to try it on, or writing is
/// forbidden.
///
/// Reads first, and only if no article shows the checkbox writes to one article the value that it already has.
///
/// # Errors
///
/// The error of Robaws, unless it answers the question.
pub async fn detect_checkbox(robaws: &Client) -> Result<Option<bool>, Error> {
    match robaws.read_article_list_page(0, ArticleList::Ticked).await {
        Ok(page) if page.articles.iter().any(|article| article.has_checkbox) => return Ok(Some(true)),
        // Robaws may refuse a filter on an extra field that does not exist.
        Ok(_) | Err(Error::Rejected { .. }) => {}
        Err(error) => return Err(error),
    }
    let page = robaws.read_article_list_page(0, ArticleList::AllOfReplica).await?;
    if page.articles.iter().any(|article| article.has_checkbox) {
        return Ok(Some(true));
    }
    let Some(article) = page.articles.iter().find(|article| article.live) else {
        return Ok(None);
    };
    // Read again: the list may show an old value, and the value that is written must be the present one.
    let Some(current) = robaws.read_article_detail(&article.id).await? else {
        return Ok(None);
    };
    match (current.has_checkbox, current.ticked) {
        (true, _) => Ok(Some(true)),
        (false, None) => Ok(None),
        (false, Some(ticked)) => match robaws.set_checkbox(&current.id, ticked).await {
            Ok(()) => Ok(Some(true)),
            Err(Error::Rejected { status: 400, .. }) => Ok(Some(false)),
            // Readable but not writable: nothing can be concluded.
            Err(Error::Forbidden { .. } | Error::NotFound { .. } | Error::Rejected { .. }) => Ok(None),
            Err(error) => Err(error),
        },
    }
}
