//! `/articles`.

use crate::transport::{Client, LIST_TIMEOUT, Request};
use crate::{Error, wire};
use domain::catalogue::{Article, ArticleAnswer};
use domain::ids::{ArticleId, Sku};

impl Client {
    /// The one live article with exactly this number. The filter gives candidates (it contains, and ignores case): compared
    /// here for equality; two exact matches are enough to know.
    pub async fn articles_by_number(&self, number: &Sku) -> Result<ArticleAnswer, Error> {
        let exact = |article: &wire::WireArticle| {
            article.is_live() && article.article_number.as_deref() == Some(number.as_str())
        };
        let query = [("articleNumber", number.as_str())];
        let enough = |found: &[wire::WireArticle]| found.iter().filter(|a| exact(a)).count() >= 2;
        let candidates = self
            .list(
                "articles",
                &query,
                "articles",
                LIST_TIMEOUT,
                |a: &wire::WireArticle| &a.id,
                enough,
            )
            .await?;
        let mut matches = candidates.into_iter().filter(exact);
        Ok(match (matches.next(), matches.next()) {
            (None, _) => ArticleAnswer::NotFound,
            (Some(_), Some(_)) => ArticleAnswer::NotUnique,
            (Some(article), None) => article
                .into_article()
                .map_or(ArticleAnswer::NotFound, ArticleAnswer::Found),
        })
    }

    /// An article by its id; `None` when it is not there.
    pub async fn article(&self, id: &ArticleId) -> Result<Option<Article>, Error> {
        let path = format!("articles/{id}");
        let found: Option<wire::WireArticle> =
            self.get_optional(Request::get(&path, &[]), "an article").await?;
        Ok(found.and_then(wire::WireArticle::into_article))
    }
}
