//! Turns a Robaws article whose checkbox "ProductFlow" is ticked into a ProductFlow product with its offer, and says why an
//! article cannot be sent.

use crate::catalogue::VatTariff;
use crate::ids::{ArticleId, Sku, VatTariffId};
use crate::problem::{Arg, Holds, Problem, ProblemCode, build_args};
use crate::settings::ConnectionSettings;
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Characters of the longest SKU that ProductFlow can address.
const MOST_SKU_CHARACTERS: usize = 191;
/// Decimals to which a cost price is rounded.
const COST_PRICE_DECIMALS: u32 = 4;

/// A Robaws article with all fields that a product and its offer need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArticleDetail {
    pub id: ArticleId,
    /// `articleNumber` in Robaws. Robaws does not require a number, and several articles may have the same one.
    pub number: Option<String>,
    /// The name that the tenant uses internally.
    pub name: Option<String>,
    /// The name that customers see.
    pub sale_name: Option<String>,
    pub description: Option<String>,
    /// Euros, VAT excluded, up to 4 decimals.
    pub cost_price: Option<Decimal>,
    /// Euros. VAT is included when the article's tariff includes VAT (\[A:rw-sale-price-vat\]).
    pub sale_price: Option<Decimal>,
    /// Pieces in stock that are not reserved. May be negative or fractional. `None`: Robaws' answer named no stock.
    pub available_stock: Option<Decimal>,
    /// VAT tariff of the article.
    pub vat_tariff_id: Option<VatTariffId>,
    /// `stockArticle` in Robaws. Other articles cannot have stock changes.
    pub stock_article: bool,
    /// Whether the article is neither archived nor deleted.
    pub live: bool,
    /// Whether the checkbox "ProductFlow" is ticked. `None`: Robaws' answer had no extra fields at all.
    pub ticked: Option<bool>,
    /// Whether Robaws' answer shows the checkbox, ticked or not: the tenant has the checkbox.
    #[serde(skip)]
    pub has_checkbox: bool,
}

impl ArticleDetail {
    /// Digest of all fields in 16 hex digits. It tells whether the article changed in Robaws.
    pub fn compute_digest(&self) -> String {
        digest_as_json(self)
    }

    /// The fields that orders use.
    pub fn to_facts(&self) -> ArticleFacts {
        ArticleFacts { number: self.number.clone(), stock_article: self.stock_article, live: self.live }
    }
}

/// The fields of an article that orders use. When one of them changes, earlier look-ups of the article are no longer valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArticleFacts {
    /// `articleNumber` in Robaws.
    pub number: Option<String>,
    /// `stockArticle` in Robaws. Other articles cannot have stock changes.
    pub stock_article: bool,
    /// Whether the article is neither archived nor deleted.
    pub live: bool,
}

/// A product as ProductFlow should have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Product {
    /// Locale of the texts, for example `nl`.
    pub language: String,
    pub title: String,
    /// `None` when the description in Robaws is empty: an empty description is not sent.
    pub description: Option<String>,
}

/// An offer as ProductFlow should have it: how many pieces are for sale, and at which prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offer {
    pub title: String,
    /// Whole pieces for sale, never below 0.
    pub quantity: u64,
    /// Euros, VAT excluded, above 0, up to 4 decimals.
    pub cost_price: Option<Decimal>,
    /// Euros, VAT included, above 0, with at most 2 decimals.
    pub sale_price: Option<Decimal>,
}

impl Product {
    /// Digest in 16 hex digits. A product whose digest was sent is not sent again.
    pub fn compute_digest(&self) -> String {
        digest_as_json(self)
    }
}

impl Offer {
    /// Digest in 16 hex digits. An offer whose digest was sent is not sent again.
    pub fn compute_digest(&self) -> String {
        digest_as_json(self)
    }
}

fn digest_as_json<T: Serialize>(value: &T) -> String {
    // A struct of texts and numbers always has a JSON form, so the default is never used.
    let json = serde_json::to_vec(value).unwrap_or_default();
    hex::encode(&Sha256::digest(json)[..8])
}

/// The product and offer of one article, and the problems that do not keep them from being sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    pub sku: Sku,
    pub product: Product,
    pub offer: Offer,
    /// Problems that do not keep the listing from being sent.
    pub problems: Vec<Problem>,
}

impl Listing {
    /// The values of the listing by name: `title`, `description`, `quantity`, `cost_price` and `sale_price`. Texts are given as
    /// digests. Two sets of values are compared to say what changed.
    pub fn to_values(&self) -> BTreeMap<String, String> {
        let price = |price: Option<Decimal>| price.map_or_else(String::new, |price| price.to_string());
        [
            ("title", digest_as_json(&self.product.title)),
            ("description", digest_as_json(&self.product.description)),
            ("quantity", self.offer.quantity.to_string()),
            ("cost_price", price(self.offer.cost_price)),
            ("sale_price", price(self.offer.sale_price)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }
}

/// What ProductFlow should have of an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WantedListing {
    /// No offer: the article is not ticked, archived, deleted, or Robaws does not have it.
    Nothing,
    /// No offer, although the article is ticked. The merchant is told why.
    Impossible(Problem),
    /// Robaws' answer lacked a field that must not be guessed. The article has to be read again.
    Unread,
    /// A product with its offer.
    Listing(Box<Listing>),
}

/// Whether the VAT tariffs must be known before [`decide_listing`] can decide.
pub fn needs_tariffs(article: &ArticleDetail, settings: &ConnectionSettings) -> bool {
    settings.send_sale_price
        && keep_positive(article.sale_price).is_some()
        && find_sale_price_tariff(article, settings).is_some()
}

fn find_sale_price_tariff<'a>(
    article: &'a ArticleDetail,
    settings: &'a ConnectionSettings,
) -> Option<&'a VatTariffId> {
    let own = article.vat_tariff_id.as_ref();
    own.or(settings.sale_price_vat_tariff_id.as_ref())
}

/// Decides what ProductFlow should have of an article as Robaws gives it now. `is_unique` says that no other live article has
/// its number.
pub fn decide_listing(
    article: Option<&ArticleDetail>,
    is_unique: bool,
    settings: &ConnectionSettings,
    tariffs: &BTreeMap<VatTariffId, VatTariff>,
) -> WantedListing {
    let Some(article) = article.filter(|article| article.live) else {
        return WantedListing::Nothing;
    };
    match article.ticked {
        // An answer without extra fields is a failed read. Taken for "not ticked" it would withdraw the offer.
        None => return WantedListing::Unread,
        Some(false) => return WantedListing::Nothing,
        Some(true) => {}
    }
    let Some(sku) = parse_addressable_sku(article.number.as_deref()) else {
        return WantedListing::Impossible(article_problem(ProblemCode::ArticleNumberInvalid, article));
    };
    if !is_unique {
        return WantedListing::Impossible(article_problem(ProblemCode::ArticleNotUnique, article));
    }
    let Some(stock) = article.available_stock else {
        return WantedListing::Unread;
    };
    // The number stands in for a blank name, so that the article is sent all the same.
    let title = [&article.sale_name, &article.name]
        .into_iter()
        .flatten()
        .map(|name| name.trim())
        .find(|name| !name.is_empty())
        .unwrap_or(sku.as_str())
        .to_owned();
    let description = article.description.as_deref().map(str::trim);
    let mut problems = Vec::new();
    let sale_price = if settings.send_sale_price {
        compute_sale_price(article, settings, tariffs).unwrap_or_else(|problem| {
            problems.push(problem);
            None
        })
    } else {
        None
    };
    WantedListing::Listing(Box::new(Listing {
        sku,
        product: Product {
            language: settings.product_language.clone(),
            title: title.clone(),
            description: description.filter(|text| !text.is_empty()).map(str::to_owned),
        },
        offer: Offer {
            title,
            quantity: to_whole_pieces(stock),
            cost_price: round_cost_price(article.cost_price),
            sale_price,
        },
        problems,
    }))
}

/// The article number as a SKU, if ProductFlow can address it: not empty, no leading or trailing space, no control character,
/// no `/` or `\`, not `.` or `..`, at most 191 characters.
pub fn parse_addressable_sku(number: Option<&str>) -> Option<Sku> {
    let number = number?;
    let fits = number.trim() == number
        && !number.chars().any(|c| c.is_control() || c == '/' || c == '\\')
        && number != "."
        && number != ".."
        && number.chars().count() <= MOST_SKU_CHARACTERS;
    if fits { Sku::parse(number).ok() } else { None }
}

fn article_problem(code: ProblemCode, article: &ArticleDetail) -> Problem {
    let number = article.number.clone().filter(|number| !number.is_empty());
    // An article without a number is named by its name, or by its id when it has no name.
    let shown = number.clone().or_else(|| article.name.clone()).unwrap_or_else(|| article.id.to_string());
    Problem {
        skus: number.and_then(|number| Sku::parse(number).ok()).into_iter().collect(),
        ..Problem::new(code, Holds::Everything, build_args([("articles", Arg::List(vec![shown]))]))
    }
}

/// Whole pieces, never below 0: part of a piece cannot be sold.
fn to_whole_pieces(stock: Decimal) -> u64 {
    stock.floor().max(Decimal::ZERO).to_u64().unwrap_or(u64::MAX)
}

fn keep_positive(price: Option<Decimal>) -> Option<Decimal> {
    price.filter(|price| *price > Decimal::ZERO)
}

/// Rounds a cost price to 4 decimals. A price of 0 or below is absent. A price that would be rounded to 0 is sent unrounded.
fn round_cost_price(price: Option<Decimal>) -> Option<Decimal> {
    let price = keep_positive(price)?;
    let rounded = price.round_dp_with_strategy(COST_PRICE_DECIMALS, RoundingStrategy::MidpointAwayFromZero);
    keep_positive(Some(rounded.normalize())).or(Some(price.normalize()))
}

/// Computes the sale price with VAT, rounded to the cent. When the tariff does not include VAT, VAT is added.
///
/// # Errors
/// The problem [`ProblemCode::SalePriceVatUnknown`], when no known tariff says whether the price includes VAT.
fn compute_sale_price(
    article: &ArticleDetail,
    settings: &ConnectionSettings,
    tariffs: &BTreeMap<VatTariffId, VatTariff>,
) -> Result<Option<Decimal>, Problem> {
    let Some(price) = keep_positive(article.sale_price) else {
        return Ok(None);
    };
    let unknown =
        || Problem { holds: Holds::Nothing, ..article_problem(ProblemCode::SalePriceVatUnknown, article) };
    let tariff =
        find_sale_price_tariff(article, settings).and_then(|id| tariffs.get(id)).ok_or_else(unknown)?;
    let inclusive = if tariff.vat_inclusive {
        Some(price)
    } else {
        let factor = tariff
            .percentage
            .checked_div(Decimal::ONE_HUNDRED)
            .and_then(|part| part.checked_add(Decimal::ONE));
        factor.and_then(|factor| price.checked_mul(factor))
    };
    let rounded =
        inclusive.ok_or_else(unknown)?.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    Ok(keep_positive(Some(rounded.normalize())))
}

#[cfg(test)]
#[path = "article_tests.rs"]
mod tests;
