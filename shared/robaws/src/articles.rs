//! Articles: the resource `/articles` of Robaws.

use crate::transport::{Client, LIST_TIMEOUT, Request};
use crate::{Error, wire};
use domain::article::ArticleDetail;
use domain::catalogue::{Article, ArticleAnswer};
use domain::ids::{ArticleId, Sku};

impl Client {
    /// Finds the one live article with exactly this number.
    ///
    /// The filter of Robaws gives candidates: numbers that contain the text, in any case. The candidates are compared for
    /// equality here. Two exact matches are enough to know that the number is not unique.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn find_article_by_number(&self, number: &Sku) -> Result<ArticleAnswer, Error> {
        let exact = |article: &wire::WireArticle| {
            article.is_live() && article.article_number.as_deref() == Some(number.as_str())
        };
        let query = [("articleNumber", number.as_str())];
        let enough = |found: &[wire::WireArticle]| found.iter().filter(|a| exact(a)).count() >= 2;
        let candidates = self
            .read_whole_list(
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
            (Some(article), None) => {
                article.into_article().map_or(ArticleAnswer::NotFound, ArticleAnswer::Found)
            }
        })
    }

    /// Reads an article by its id. Gives `None` when Robaws does not have the article.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn read_article(&self, id: &ArticleId) -> Result<Option<Article>, Error> {
        let path = format!("articles/{id}");
        let found: Option<wire::WireArticle> =
            self.get_optional_json(Request::get(&path, &[]), "an article").await?;
        Ok(found.and_then(wire::WireArticle::into_article))
    }

    /// Reads an article with all that a product needs, together with the live articles that have exactly this number, by one
    /// list.
    ///
    /// The list is read until the article and two articles with the number are known.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn read_namesakes(&self, number: &str, id: &ArticleId) -> Result<Namesakes, Error> {
        let exact = |row: &wire::WireArticle| row.is_live() && row.article_number.as_deref() == Some(number);
        let own = |row: &wire::WireArticle| row.id == id.as_str();
        let query = [("articleNumber", number), ("include", wire::ARTICLE_INCLUDES)];
        let rows = self
            .read_whole_list(
                "articles",
                &query,
                "articles",
                LIST_TIMEOUT,
                |row: &wire::WireArticle| &row.id,
                |found| found.iter().any(own) && found.iter().filter(|row| exact(row)).count() >= 2,
            )
            .await?;
        let mut namesakes = Namesakes { is_crowded: rows.len() > 100, ..Namesakes::default() };
        for row in rows {
            let (is_exact, is_own) = (exact(&row), own(&row));
            let Some(detail) = row.into_detail() else { continue };
            if is_exact {
                namesakes.live.push(detail.clone());
            }
            if is_own {
                namesakes.article = Some(detail);
            }
        }
        Ok(namesakes)
    }

    /// Finds live articles whose number or name contains `wanted`, in any case, for people who choose an article.
    ///
    /// Articles with exactly that number come first. Gives at most `most` articles, and whether there may be others. Robaws may
    /// ignore the filters, so every article is compared here.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn find_articles(&self, wanted: &str, most: usize) -> Result<(Vec<FoundArticle>, bool), Error> {
        let page = |filter: &'static str| async move {
            let query = [(filter, wanted), ("page", "0"), ("size", "100")];
            let request = Request { timeout: LIST_TIMEOUT, ..Request::get("articles", &query) };
            self.get_json::<wire::ListPage<wire::WireArticle>>(request, "articles").await
        };
        let (by_number, by_name) = futures::join!(page("articleNumber"), page(wire::NAME_FILTER));
        let (by_number, by_name) = (by_number?, by_name?);
        let mut is_cut = by_number.total_pages > 1 || by_name.total_pages > 1;
        let rows = by_number.items.into_iter().chain(by_name.items);
        let mut found: Vec<FoundArticle> = Vec::new();
        for article in rows.filter_map(wire::WireArticle::into_found) {
            if article.is_match_for(wanted) && found.iter().all(|known| known.id != article.id) {
                found.push(article);
            }
        }
        found.sort_by_key(|article| article.number.as_deref() != Some(wanted));
        is_cut |= found.len() > most;
        found.truncate(most);
        Ok((found, is_cut))
    }

    /// Reads an article by its id with all that a product needs. Gives `None` when Robaws does not have the article.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn read_article_detail(&self, id: &ArticleId) -> Result<Option<ArticleDetail>, Error> {
        let path = format!("articles/{id}");
        let request = Request::get(&path, &[("include", wire::ARTICLE_INCLUDES)]);
        let found: Option<wire::WireArticle> = self.get_optional_json(request, "an article").await?;
        Ok(found.and_then(wire::WireArticle::into_detail))
    }

    /// Reads one list page of 100 articles. `page` counts from 0. Robaws may ignore the filter on ticked articles, so the
    /// caller checks each article.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn read_article_list_page(
        &self,
        page: u32,
        which: ArticleList,
    ) -> Result<ArticleListPage, Error> {
        let page_text = page.to_string();
        let mut query = vec![("include", wire::ARTICLE_INCLUDES), ("page", &page_text), ("size", "100")];
        if which == ArticleList::Ticked {
            query.insert(0, (wire::TICKED_FILTER, "true"));
        }
        let request = Request { timeout: LIST_TIMEOUT, ..Request::get("articles", &query) };
        let answer: wire::ListPage<wire::WireArticle> =
            self.get_json(request.with_replica(which == ArticleList::AllOfReplica), "articles").await?;
        let is_last = answer.items.is_empty() || u64::from(page) + 1 >= answer.total_pages;
        let articles = answer.items.into_iter().filter_map(wire::WireArticle::into_detail).collect();
        Ok(ArticleListPage { articles, total: answer.total_items, is_last })
    }

    /// Ticks or unticks the ProductFlow checkbox of an article.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] with status 400 when the tenant has no such checkbox. Fails also when Robaws cannot be reached or
    /// refuses the call otherwise.
    pub async fn set_checkbox(&self, id: &ArticleId, ticked: bool) -> Result<(), Error> {
        let path = format!("articles/{id}");
        let body = wire::checkbox_body(ticked);
        self.send_write(Request::merge_patch(&path, &body, "").without_idempotency_key()).await.map(drop)
    }
}

/// An article as people choose one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundArticle {
    /// Robaws' id of the article.
    pub id: ArticleId,
    /// The article number that people know.
    pub number: Option<String>,
    pub name: Option<String>,
}

impl FoundArticle {
    fn is_match_for(&self, wanted: &str) -> bool {
        let wanted = wanted.to_lowercase();
        [&self.number, &self.name].into_iter().flatten().any(|text| text.to_lowercase().contains(&wanted))
    }
}

/// An article, and the live articles with its number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Namesakes {
    /// The article asked for. `None` when the list did not show the article.
    pub article: Option<ArticleDetail>,
    /// Live articles with exactly the number, the article itself included. May stop at two: two are enough to know.
    pub live: Vec<ArticleDetail>,
    /// Whether so many article numbers contain this one that the list took several calls.
    pub is_crowded: bool,
}

/// Which articles a list page is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArticleList {
    /// Ticked articles, from the live database.
    Ticked,
    /// All articles, from the replica. The replica may lag behind, so it serves sweeps and never a decision.
    AllOfReplica,
}

/// One list page of articles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArticleListPage {
    pub articles: Vec<ArticleDetail>,
    /// Rows of the whole list, as Robaws counts them.
    pub total: u64,
    /// Whether no list page follows.
    pub is_last: bool,
}
