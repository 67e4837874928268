//! From a Robaws article to a ProductFlow product with its offer (manual: the checkbox "ProductFlow" on the article;
//! design.md, "Articles").

use crate::catalogue::VatTariff;
use crate::ids::{ArticleId, Sku, VatTariffId};
use crate::problem::{Arg, Holds, Problem, ProblemCode, args};
use crate::settings::ConnectionSettings;
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Longest SKU that ProductFlow can address.
const LONGEST_SKU: usize = 191;
/// Decimals of a cost price.
const COST_DECIMALS: u32 = 4;

/// A Robaws article with everything that a product needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArticleDetail {
    /// Its id.
    pub id: ArticleId,
    /// Its number; not unique, may be missing.
    pub number: Option<String>,
    /// The internal name.
    pub name: Option<String>,
    /// The name for customers.
    pub sale_name: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// Euros excluding VAT, up to 4 decimals.
    pub cost_price: Option<Decimal>,
    /// Euros; including VAT when the article's tariff is VAT-inclusive (\[A:rw-sale-price-vat\]).
    pub sale_price: Option<Decimal>,
    /// Pieces, less those reserved; may be negative or fractional. `None`: the answer did not tell.
    pub available_stock: Option<Decimal>,
    /// Its VAT tariff.
    pub vat_tariff_id: Option<VatTariffId>,
    /// Only such articles can have stock changes.
    pub stock_article: bool,
    /// Neither archived nor deleted.
    pub live: bool,
    /// The checkbox. `None`: the answer held no extra fields at all.
    pub ticked: Option<bool>,
    /// The answer shows the checkbox, ticked or not: the tenant has it.
    #[serde(skip)]
    pub has_checkbox: bool,
}

impl ArticleDetail {
    /// Digest of all that is read of it, 16 hex digits: tells whether it changed in Robaws.
    pub fn digest(&self) -> String {
        digest(self)
    }

    /// What orders need to know of it.
    pub fn facts(&self) -> ArticleFacts {
        ArticleFacts {
            number: self.number.clone(),
            stock_article: self.stock_article,
            live: self.live,
        }
    }
}

/// What orders need to know of an article: a change of it voids what was looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArticleFacts {
    /// Its number.
    pub number: Option<String>,
    /// Only such articles can have stock changes.
    pub stock_article: bool,
    /// Neither archived nor deleted.
    pub live: bool,
}

/// A product as ProductFlow is to have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Product {
    /// Locale of its texts.
    pub language: String,
    /// Its title.
    pub title: String,
    /// Its description; an empty one is left out.
    pub description: Option<String>,
}

/// An offer as ProductFlow is to have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// Its title.
    pub title: String,
    /// Whole pieces for sale.
    pub quantity: u64,
    /// Euros excluding VAT, above 0, up to 4 decimals.
    pub cost_price: Option<Decimal>,
    /// Euros including VAT, above 0, to the cent.
    pub sale_price: Option<Decimal>,
}

impl Product {
    /// Digest, 16 hex digits: what was sent is not sent again.
    pub fn digest(&self) -> String {
        digest(self)
    }
}

impl Offer {
    /// Digest, 16 hex digits: what was sent is not sent again.
    pub fn digest(&self) -> String {
        digest(self)
    }
}

fn digest<T: Serialize>(value: &T) -> String {
    // A struct of texts and numbers always has a JSON form.
    let json = serde_json::to_vec(value).unwrap_or_default();
    hex::encode(&Sha256::digest(json)[..8])
}

/// What ProductFlow is to have of an article, and what is wrong with it although it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The article number.
    pub sku: Sku,
    /// The product.
    pub product: Product,
    /// Its offer.
    pub offer: Offer,
    /// Problems that do not keep it from being sent.
    pub problems: Vec<Problem>,
}

impl Listing {
    /// Its values by name, as they are compared to say what changed: `title`, `description`, `quantity`, `cost_price`,
    /// `sale_price`. Texts by their digests.
    pub fn values(&self) -> BTreeMap<String, String> {
        let price = |price: Option<Decimal>| price.map_or_else(String::new, |price| price.to_string());
        [
            ("title", digest(&self.product.title)),
            ("description", digest(&self.product.description)),
            ("quantity", self.offer.quantity.to_string()),
            ("cost_price", price(self.offer.cost_price)),
            ("sale_price", price(self.offer.sale_price)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }
}

/// What ProductFlow is to have of an article now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// No offer: it is not ticked, archived, deleted or not there.
    Nothing,
    /// No offer, although it is ticked: the merchant is told why.
    Impossible(Problem),
    /// The answer lacked something that must not be guessed: read again.
    Unread,
    /// This.
    Listing(Box<Listing>),
}

/// Whether the VAT tariffs are needed to tell what ProductFlow is to have.
pub fn needs_tariffs(article: &ArticleDetail, settings: &ConnectionSettings) -> bool {
    settings.send_sale_price
        && positive(article.sale_price).is_some()
        && tariff_of(article, settings).is_some()
}

fn tariff_of<'a>(article: &'a ArticleDetail, settings: &'a ConnectionSettings) -> Option<&'a VatTariffId> {
    let own = article.vat_tariff_id.as_ref();
    own.or(settings.sale_price_vat_tariff_id.as_ref())
}

/// What ProductFlow is to have of an article as Robaws gives it now. `is_unique`: no other live article has its number.
pub fn wanted(
    article: Option<&ArticleDetail>,
    is_unique: bool,
    settings: &ConnectionSettings,
    tariffs: &BTreeMap<VatTariffId, VatTariff>,
) -> Wanted {
    let Some(article) = article.filter(|article| article.live) else {
        return Wanted::Nothing;
    };
    match article.ticked {
        None => return Wanted::Unread,
        Some(false) => return Wanted::Nothing,
        Some(true) => {}
    }
    let Some(sku) = addressable(article.number.as_deref()) else {
        return Wanted::Impossible(about(ProblemCode::ArticleNumberInvalid, article));
    };
    if !is_unique {
        return Wanted::Impossible(about(ProblemCode::ArticleNotUnique, article));
    }
    let Some(stock) = article.available_stock else {
        return Wanted::Unread;
    };
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
        sale_price(article, settings, tariffs).unwrap_or_else(|problem| {
            problems.push(problem);
            None
        })
    } else {
        None
    };
    Wanted::Listing(Box::new(Listing {
        sku,
        product: Product {
            language: settings.product_language.clone(),
            title: title.clone(),
            description: description.filter(|text| !text.is_empty()).map(str::to_owned),
        },
        offer: Offer {
            title,
            quantity: pieces(stock),
            cost_price: cost_price(article.cost_price),
            sale_price,
        },
        problems,
    }))
}

/// The number as SKU, if ProductFlow can address it: not empty, no leading or trailing space, no control character, no `/`
/// or `\`, not `.` or `..`, at most 191 characters.
pub fn addressable(number: Option<&str>) -> Option<Sku> {
    let number = number?;
    let fits = number.trim() == number
        && !number.chars().any(|c| c.is_control() || c == '/' || c == '\\')
        && number != "."
        && number != ".."
        && number.chars().count() <= LONGEST_SKU;
    if fits { Sku::parse(number).ok() } else { None }
}

fn about(code: ProblemCode, article: &ArticleDetail) -> Problem {
    let number = article.number.clone().filter(|number| !number.is_empty());
    // An article without a number is named by what people know it by.
    let shown = number
        .clone()
        .or_else(|| article.name.clone())
        .unwrap_or_else(|| article.id.to_string());
    Problem {
        skus: number
            .and_then(|number| Sku::parse(number).ok())
            .into_iter()
            .collect(),
        ..Problem::new(
            code,
            Holds::Everything,
            args([("articles", Arg::List(vec![shown]))]),
        )
    }
}

/// Whole pieces: what is left of a piece can't be sold, and what is not there neither.
fn pieces(stock: Decimal) -> u64 {
    stock.floor().max(Decimal::ZERO).to_u64().unwrap_or(u64::MAX)
}

fn positive(price: Option<Decimal>) -> Option<Decimal> {
    price.filter(|price| *price > Decimal::ZERO)
}

/// A price of 0 or below is absent, and a price is never rounded to 0.
fn cost_price(price: Option<Decimal>) -> Option<Decimal> {
    let price = positive(price)?;
    let rounded = price.round_dp_with_strategy(COST_DECIMALS, RoundingStrategy::MidpointAwayFromZero);
    positive(Some(rounded.normalize())).or(Some(price.normalize()))
}

/// VAT-inclusive to the cent: as it is when its tariff is VAT-inclusive, times 1 + percentage when not.
fn sale_price(
    article: &ArticleDetail,
    settings: &ConnectionSettings,
    tariffs: &BTreeMap<VatTariffId, VatTariff>,
) -> Result<Option<Decimal>, Problem> {
    let Some(price) = positive(article.sale_price) else {
        return Ok(None);
    };
    let unknown = || Problem {
        holds: Holds::Nothing,
        ..about(ProblemCode::SalePriceVatUnknown, article)
    };
    let tariff = tariff_of(article, settings)
        .and_then(|id| tariffs.get(id))
        .ok_or_else(unknown)?;
    let inclusive = if tariff.vat_inclusive {
        Some(price)
    } else {
        let factor = tariff
            .percentage
            .checked_div(Decimal::ONE_HUNDRED)
            .and_then(|part| part.checked_add(Decimal::ONE));
        factor.and_then(|factor| price.checked_mul(factor))
    };
    let rounded = inclusive
        .ok_or_else(unknown)?
        .round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    Ok(positive(Some(rounded.normalize())))
}

#[cfg(test)]
#[path = "article_tests.rs"]
mod tests;
