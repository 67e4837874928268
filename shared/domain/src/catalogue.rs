//! What is known of Robaws' articles and VAT tariffs at one look at an order.

use crate::ids::{ArticleId, Sku, VatTariffId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A Robaws article, as far as orders need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Article {
    /// Its id.
    pub id: ArticleId,
    /// Its number; not unique, may be missing.
    pub number: Option<String>,
    /// Only such articles can have stock changes.
    pub stock_article: bool,
    /// Neither archived nor deleted.
    pub live: bool,
}

/// What a look-up of an article number gave: only exact, live matches count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArticleAnswer {
    /// No live article has this number.
    NotFound,
    /// Several live articles have it.
    NotUnique,
    /// Exactly one.
    Found(Article),
}

/// A Robaws VAT tariff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VatTariff {
    /// Its id, which is the VAT code in ProductFlow.
    pub id: VatTariffId,
    /// Its name.
    pub name: String,
    /// Per cent, possibly with decimals.
    pub percentage: Decimal,
    /// "BTW berekening inclusief": prices on lines with it include VAT.
    pub vat_inclusive: bool,
}

/// Answers of Robaws, each present only if it was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// By article number.
    pub articles: BTreeMap<Sku, ArticleAnswer>,
    /// By id, for the merchant's choices; `None`: gone.
    pub articles_by_id: BTreeMap<ArticleId, Option<Article>>,
    /// All VAT tariffs.
    pub tariffs: Option<BTreeMap<VatTariffId, VatTariff>>,
}

/// Answers that a plan would need and the catalogue does not hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing {
    /// Article numbers.
    pub articles: BTreeSet<Sku>,
    /// Article ids.
    pub articles_by_id: BTreeSet<ArticleId>,
    /// The list of VAT tariffs.
    pub tariffs: bool,
}

impl Missing {
    /// Whether everything is known.
    pub fn is_empty(&self) -> bool {
        self.articles.is_empty() && self.articles_by_id.is_empty() && !self.tariffs
    }
}
