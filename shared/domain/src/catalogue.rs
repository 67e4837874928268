//! The articles and VAT tariffs of Robaws that are known while an order is planned, and the answers that are still missing.

use crate::ids::{ArticleId, Sku, VatTariffId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A Robaws article with the fields that orders need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Article {
    pub id: ArticleId,
    /// `articleNumber` in Robaws. Robaws does not require a number, and several articles may have the same one.
    pub number: Option<String>,
    /// `stockArticle` in Robaws. Other articles cannot have stock changes.
    pub stock_article: bool,
    /// Whether the article is neither archived nor deleted.
    pub live: bool,
}

/// The answer to the look-up of an article number. Only live articles with exactly this number count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArticleAnswer {
    /// No live article has the number.
    NotFound,
    /// Several live articles have the number.
    NotUnique,
    /// Exactly one live article has the number.
    Found(Article),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VatTariff {
    /// Id of the tariff, which merchants use as VAT code in ProductFlow.
    pub id: VatTariffId,
    pub name: String,
    /// Percentage, 0 to 100, possibly with decimals.
    pub percentage: Decimal,
    /// "BTW berekening inclusief" in Robaws: the price of a line with this tariff includes VAT.
    pub vat_inclusive: bool,
}

/// Answers of Robaws. An entry is there only if Robaws was asked for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// Answers by article number.
    pub articles: BTreeMap<Sku, ArticleAnswer>,
    /// Articles that a merchant chose, by id. `None`: Robaws has no article with this id.
    pub articles_by_id: BTreeMap<ArticleId, Option<Article>>,
    /// All VAT tariffs by id. `None`: Robaws was not asked for the tariffs.
    pub tariffs: Option<BTreeMap<VatTariffId, VatTariff>>,
}

/// Answers that a plan needs and the [`Catalogue`] does not hold. The caller asks Robaws for them and plans again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MissingAnswers {
    /// Article numbers to look up.
    pub articles: BTreeSet<Sku>,
    /// Ids of chosen articles to read.
    pub articles_by_id: BTreeSet<ArticleId>,
    /// Whether the list of VAT tariffs has to be read.
    pub tariffs: bool,
}

impl MissingAnswers {
    /// Whether the catalogue holds all that the plan needs.
    pub fn is_empty(&self) -> bool {
        self.articles.is_empty() && self.articles_by_id.is_empty() && !self.tariffs
    }
}
