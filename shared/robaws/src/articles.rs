//! `/articles`.

use crate::transport::{Client, LIST_TIMEOUT, Request};
use crate::{Error, wire};
use domain::article::ArticleDetail;
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

    /// An article as it is now with all that a product needs, and the live articles with exactly this number, in one list. Read
    /// until the article and two of these are known.
    pub async fn namesakes(&self, number: &str, id: &ArticleId) -> Result<Namesakes, Error> {
        let exact = |row: &wire::WireArticle| row.is_live() && row.article_number.as_deref() == Some(number);
        let own = |row: &wire::WireArticle| row.id == id.as_str();
        let query = [("articleNumber", number), ("include", wire::ARTICLE_INCLUDES)];
        let rows = self
            .list(
                "articles",
                &query,
                "articles",
                LIST_TIMEOUT,
                |row: &wire::WireArticle| &row.id,
                |found| found.iter().any(own) && found.iter().filter(|row| exact(row)).count() >= 2,
            )
            .await?;
        let mut namesakes = Namesakes {
            crowded: rows.len() > 100,
            ..Namesakes::default()
        };
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

    /// Live articles whose number or name contains this, as people search: those whose number it is first, at most `most` and
    /// whether there are more. The filters may be ignored, and case is.
    pub async fn find_articles(&self, wanted: &str, most: usize) -> Result<(Vec<FoundArticle>, bool), Error> {
        let page = |filter: &'static str| async move {
            let query = [(filter, wanted), ("page", "0"), ("size", "100")];
            let request = Request {
                timeout: LIST_TIMEOUT,
                ..Request::get("articles", &query)
            };
            self.get::<wire::Page<wire::WireArticle>>(request, "articles")
                .await
        };
        let (by_number, by_name) = futures::join!(page("articleNumber"), page(wire::NAME_FILTER));
        let (by_number, by_name) = (by_number?, by_name?);
        let mut is_cut = by_number.total_pages > 1 || by_name.total_pages > 1;
        let rows = by_number.items.into_iter().chain(by_name.items);
        let mut found: Vec<FoundArticle> = Vec::new();
        for article in rows.filter_map(wire::WireArticle::into_found) {
            if article.matches(wanted) && found.iter().all(|known| known.id != article.id) {
                found.push(article);
            }
        }
        found.sort_by_key(|article| article.number.as_deref() != Some(wanted));
        is_cut |= found.len() > most;
        found.truncate(most);
        Ok((found, is_cut))
    }

    /// An article by its id with all that a product needs; `None` when it is not there.
    pub async fn article_detail(&self, id: &ArticleId) -> Result<Option<ArticleDetail>, Error> {
        let path = format!("articles/{id}");
        let request = Request::get(&path, &[("include", wire::ARTICLE_INCLUDES)]);
        let found: Option<wire::WireArticle> = self.get_optional(request, "an article").await?;
        Ok(found.and_then(wire::WireArticle::into_detail))
    }

    /// One page of 100 articles, from 0: all of them from the replica, or the ticked ones as they are now. The filter may be
    /// ignored.
    pub async fn articles_page(&self, page: u32, which: ArticleList) -> Result<ArticlesPage, Error> {
        let page_text = page.to_string();
        let mut query = vec![
            ("include", wire::ARTICLE_INCLUDES),
            ("page", &page_text),
            ("size", "100"),
        ];
        if which == ArticleList::Ticked {
            query.insert(0, (wire::TICKED_FILTER, "true"));
        }
        let request = Request {
            timeout: LIST_TIMEOUT,
            ..Request::get("articles", &query)
        };
        let answer: wire::Page<wire::WireArticle> = self
            .get(request.of_replica(which == ArticleList::AllOfReplica), "articles")
            .await?;
        let is_last = answer.items.is_empty() || u64::from(page) + 1 >= answer.total_pages;
        let articles = answer
            .items
            .into_iter()
            .filter_map(wire::WireArticle::into_detail)
            .collect();
        Ok(ArticlesPage {
            articles,
            total: answer.total_items,
            is_last,
        })
    }

    /// Ticks or unticks the checkbox. A 400 means that the tenant has no such checkbox.
    pub async fn tick(&self, id: &ArticleId, ticked: bool) -> Result<(), Error> {
        let path = format!("articles/{id}");
        let body = wire::tick_body(ticked);
        self.write(Request::patch(&path, &body, "").without_key())
            .await
            .map(drop)
    }
}

/// An article that people may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundArticle {
    /// Its id.
    pub id: ArticleId,
    /// Its number.
    pub number: Option<String>,
    /// Its name.
    pub name: Option<String>,
}

impl FoundArticle {
    fn matches(&self, wanted: &str) -> bool {
        let wanted = wanted.to_lowercase();
        [&self.number, &self.name]
            .into_iter()
            .flatten()
            .any(|text| text.to_lowercase().contains(&wanted))
    }
}

/// An article, and who shares its number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Namesakes {
    /// The article asked for, if the list held it.
    pub article: Option<ArticleDetail>,
    /// Live articles with exactly the number; two are enough to know.
    pub live: Vec<ArticleDetail>,
    /// So many numbers contain this one that the list took several calls.
    pub crowded: bool,
}

/// Which articles a page is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArticleList {
    /// The ticked ones, live.
    Ticked,
    /// All of them, from the replica: for sweeps, never for decisions (contract).
    AllOfReplica,
}

/// A page of articles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArticlesPage {
    /// Its articles.
    pub articles: Vec<ArticleDetail>,
    /// Rows of the whole list, as Robaws counts them.
    pub total: u64,
    /// No page follows.
    pub is_last: bool,
}
