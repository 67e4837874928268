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
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn article() -> ArticleDetail {
        ArticleDetail {
            id: ArticleId::parse("12").unwrap(),
            number: Some("A-1".to_owned()),
            name: Some("Boormachine".to_owned()),
            sale_name: None,
            description: Some("  ".to_owned()),
            cost_price: Some(dec("4.5")),
            sale_price: Some(dec("10")),
            available_stock: Some(dec("7")),
            vat_tariff_id: None,
            stock_article: true,
            live: true,
            ticked: Some(true),
            has_checkbox: true,
        }
    }

    fn tariff(id: &str, percentage: &str, vat_inclusive: bool) -> (VatTariffId, VatTariff) {
        let id = VatTariffId::parse(id).unwrap();
        let tariff = VatTariff {
            id: id.clone(),
            name: String::new(),
            percentage: dec(percentage),
            vat_inclusive,
        };
        (id, tariff)
    }

    fn tariffs() -> BTreeMap<VatTariffId, VatTariff> {
        [
            tariff("7", "21", true),
            tariff("8", "21", false),
            tariff("9", "25.5", false),
        ]
        .into()
    }

    fn settings(send_sale_price: bool, tariff: Option<&str>) -> ConnectionSettings {
        ConnectionSettings {
            send_sale_price,
            sale_price_vat_tariff_id: tariff.map(|id| VatTariffId::parse(id).unwrap()),
            ..ConnectionSettings::default()
        }
    }

    fn listing(article: &ArticleDetail, settings: &ConnectionSettings) -> Listing {
        match wanted(Some(article), true, settings, &tariffs()) {
            Wanted::Listing(listing) => *listing,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_article_becomes_a_product_with_an_offer() {
        let found = listing(&article(), &settings(false, None));
        assert_eq!(found.sku.as_str(), "A-1");
        assert_eq!(found.product.title, "Boormachine");
        assert_eq!(found.product.description, None);
        assert_eq!(found.product.language, "nl");
        assert_eq!(found.offer.quantity, 7);
        assert_eq!(found.offer.cost_price, Some(dec("4.5")));
        assert_eq!(found.offer.sale_price, None);
        assert_eq!(found.problems, []);
    }

    #[rstest]
    #[case(Some("Klopboor"), Some("Boormachine"), "Klopboor")]
    #[case(Some("  "), Some(" Boormachine "), "Boormachine")]
    #[case(None, Some(""), "A-1")]
    fn the_name_for_customers_comes_first(
        #[case] sale_name: Option<&str>,
        #[case] name: Option<&str>,
        #[case] title: &str,
    ) {
        let article = ArticleDetail {
            sale_name: sale_name.map(str::to_owned),
            name: name.map(str::to_owned),
            ..article()
        };
        let found = listing(&article, &settings(false, None));
        assert_eq!(
            (found.product.title.as_str(), found.offer.title.as_str()),
            (title, title)
        );
    }

    #[rstest]
    #[case("7.999", 7)]
    #[case("0.5", 0)]
    #[case("-3", 0)]
    #[case("-0.5", 0)]
    #[case("79228162514264337593543950335", u64::MAX)]
    fn stock_is_whole_pieces_never_below_zero(#[case] stock: &str, #[case] quantity: u64) {
        let article = ArticleDetail {
            available_stock: Some(dec(stock)),
            ..article()
        };
        assert_eq!(listing(&article, &settings(false, None)).offer.quantity, quantity);
    }

    #[rstest]
    #[case(None, None)]
    #[case(Some("0"), None)]
    #[case(Some("-1"), None)]
    #[case(Some("0.0001"), Some("0.0001"))]
    #[case(Some("0.00001"), Some("0.00001"))]
    #[case(Some("1.23455"), Some("1.2346"))]
    #[case(Some("4.5000"), Some("4.5"))]
    fn cost_prices(#[case] price: Option<&str>, #[case] sent: Option<&str>) {
        let article = ArticleDetail {
            cost_price: price.map(dec),
            ..article()
        };
        let found = listing(&article, &settings(false, None)).offer.cost_price;
        assert_eq!(found, sent.map(dec));
    }

    #[rstest]
    // An inclusive tariff: as it is.
    #[case(Some("7"), None, Some("10"), Some("10"), false)]
    // Not inclusive: times 1 + percentage, to the cent, half away from zero.
    #[case(Some("8"), None, Some("10"), Some("12.1"), false)]
    #[case(Some("9"), None, Some("9.99"), Some("12.54"), false)]
    #[case(Some("8"), None, Some("0.0041"), None, false)]
    // Without a tariff the setting decides; without that nothing is sent, and said.
    #[case(None, Some("8"), Some("10"), Some("12.1"), false)]
    #[case(None, Some("7"), Some("10"), Some("10"), false)]
    #[case(None, None, Some("10"), None, true)]
    #[case(Some("99"), Some("7"), Some("10"), None, true)]
    // A price that is not there needs no tariff.
    #[case(None, None, Some("0"), None, false)]
    #[case(None, None, None, None, false)]
    fn sale_prices(
        #[case] own: Option<&str>,
        #[case] set: Option<&str>,
        #[case] price: Option<&str>,
        #[case] sent: Option<&str>,
        #[case] told: bool,
    ) {
        let article = ArticleDetail {
            vat_tariff_id: own.map(|id| VatTariffId::parse(id).unwrap()),
            sale_price: price.map(dec),
            ..article()
        };
        let found = listing(&article, &settings(true, set));
        assert_eq!(found.offer.sale_price, sent.map(dec));
        let codes: Vec<ProblemCode> = found.problems.iter().map(|p| p.code).collect();
        let expected: &[ProblemCode] = if told {
            &[ProblemCode::SalePriceVatUnknown]
        } else {
            &[]
        };
        assert_eq!(codes, expected);
        // The offer goes out without the price.
        assert!(
            found
                .problems
                .iter()
                .all(|problem| problem.holds == Holds::Nothing)
        );
        assert_eq!(listing(&article, &settings(false, set)).offer.sale_price, None);
    }

    #[rstest]
    #[case("A-1", true)]
    #[case("é ü 1", true)]
    #[case("a.b", true)]
    #[case("", false)]
    #[case(" A", false)]
    #[case("A ", false)]
    #[case("A\u{a0}", false)]
    #[case("A\tB", false)]
    #[case("A/B", false)]
    #[case("A\\B", false)]
    #[case(".", false)]
    #[case("..", false)]
    #[case("...", true)]
    fn numbers_must_be_addressable(#[case] number: &str, #[case] fits: bool) {
        assert_eq!(addressable(Some(number)).is_some(), fits);
    }

    #[test]
    fn a_number_has_at_most_191_characters() {
        assert!(addressable(Some(&"é".repeat(191))).is_some());
        assert!(addressable(Some(&"é".repeat(192))).is_none());
        assert!(addressable(None).is_none());
    }

    #[test]
    fn what_must_not_be_for_sale_is_not() {
        let decide = |article: &ArticleDetail, unique| {
            wanted(Some(article), unique, &settings(false, None), &tariffs())
        };
        assert_eq!(
            wanted(None, true, &settings(false, None), &tariffs()),
            Wanted::Nothing
        );
        let gone = ArticleDetail {
            live: false,
            ..article()
        };
        assert_eq!(decide(&gone, true), Wanted::Nothing);
        let unticked = ArticleDetail {
            ticked: Some(false),
            number: None,
            ..article()
        };
        assert_eq!(decide(&unticked, false), Wanted::Nothing);
        // What an answer leaves out is never guessed.
        assert_eq!(
            decide(
                &ArticleDetail {
                    ticked: None,
                    ..article()
                },
                true
            ),
            Wanted::Unread
        );
        assert_eq!(
            decide(
                &ArticleDetail {
                    available_stock: None,
                    ..article()
                },
                true
            ),
            Wanted::Unread
        );
        let code = |wanted| match wanted {
            Wanted::Impossible(problem) => problem.code,
            other => panic!("{other:?}"),
        };
        assert_eq!(code(decide(&article(), false)), ProblemCode::ArticleNotUnique);
        let invalid = ArticleDetail {
            number: Some("A/1".to_owned()),
            ..article()
        };
        assert_eq!(code(decide(&invalid, false)), ProblemCode::ArticleNumberInvalid);
    }

    #[test]
    fn digests_tell_whether_anything_changed() {
        let renamed = ArticleDetail {
            name: Some("Klopboor".to_owned()),
            ..article()
        };
        assert_eq!(article().digest(), article().digest());
        assert_ne!(article().digest(), renamed.digest());
        assert_eq!(article().digest().len(), 16);
        let (old, new) = (
            listing(&article(), &settings(false, None)),
            listing(&renamed, &settings(false, None)),
        );
        assert_ne!(old.product.digest(), new.product.digest());
        assert_ne!(old.offer.digest(), new.offer.digest());
        assert_eq!(old.offer.digest().len(), 16);
    }

    #[test]
    fn facts_are_what_orders_need() {
        let gone = ArticleDetail {
            live: false,
            stock_article: false,
            ..article()
        };
        let facts = gone.facts();
        assert_eq!(facts.number.as_deref(), Some("A-1"));
        assert!(!facts.live && !facts.stock_article);
    }

    #[test]
    fn values_are_told_by_name_and_texts_by_digest() {
        let priced = settings(true, Some("7"));
        let values = listing(&article(), &priced).values();
        let of = |name: &str| values.get(name).map(String::as_str);
        assert_eq!(of("quantity"), Some("7"));
        assert_eq!(of("cost_price"), Some("4.5"));
        assert_eq!(of("sale_price"), Some("10"));
        let described = ArticleDetail {
            description: Some("Met koffer".to_owned()),
            cost_price: None,
            ..article()
        };
        let changed = listing(&described, &priced).values();
        assert_eq!(of("title"), changed.get("title").map(String::as_str));
        assert_ne!(of("description"), changed.get("description").map(String::as_str));
        assert_eq!(changed.get("cost_price").map(String::as_str), Some(""));
        assert!(!changed.values().any(|value| value.contains("koffer")));
    }

    #[rstest]
    #[case(true, Some("10"), Some("7"), None, true)]
    #[case(true, Some("10"), None, Some("8"), true)]
    #[case(true, Some("10"), None, None, false)]
    #[case(true, Some("0"), Some("7"), None, false)]
    #[case(true, None, Some("7"), None, false)]
    #[case(false, Some("10"), Some("7"), Some("8"), false)]
    fn tariffs_are_looked_up_only_for_a_price_that_has_one(
        #[case] sent: bool,
        #[case] price: Option<&str>,
        #[case] own: Option<&str>,
        #[case] set: Option<&str>,
        #[case] needed: bool,
    ) {
        let article = ArticleDetail {
            vat_tariff_id: own.map(|id| VatTariffId::parse(id).unwrap()),
            sale_price: price.map(dec),
            ..article()
        };
        assert_eq!(needs_tariffs(&article, &settings(sent, set)), needed);
    }

    #[rstest]
    #[case(Some("A/1"), Some("Boor"), &["A/1"], "A/1")]
    #[case(Some(""), Some("Boor"), &[], "Boor")]
    #[case(None, Some("Boor"), &[], "Boor")]
    #[case(None, None, &[], "12")]
    fn an_article_that_cant_be_sent_is_named_as_people_know_it(
        #[case] number: Option<&str>,
        #[case] name: Option<&str>,
        #[case] skus: &[&str],
        #[case] shown: &str,
    ) {
        let article = ArticleDetail {
            number: number.map(str::to_owned),
            name: name.map(str::to_owned),
            ..article()
        };
        let Wanted::Impossible(problem) = wanted(Some(&article), true, &settings(false, None), &tariffs())
        else {
            panic!("it is sent");
        };
        assert_eq!(problem.holds, Holds::Everything);
        let named: Vec<&str> = problem.skus.iter().map(Sku::as_str).collect();
        assert_eq!(named, skus);
        assert_eq!(
            problem.args,
            args([("articles", Arg::List(vec![shown.to_owned()]))])
        );
    }

    proptest! {
        #[test]
        fn a_sent_price_is_never_zero_and_never_below_what_robaws_says(
            cents in 1_i64..1_000_000_000, percentage in 0_u32..40,
        ) {
            let price = Decimal::new(cents, 4);
            let tariffs = [tariff("5", &percentage.to_string(), false)].into();
            let article = ArticleDetail {
                cost_price: Some(price),
                sale_price: Some(price),
                vat_tariff_id: Some(VatTariffId::parse("5").unwrap()),
                ..article()
            };
            let Wanted::Listing(found) = wanted(Some(&article), true, &settings(true, None), &tariffs) else {
                return Err(TestCaseError::fail("not sent"));
            };
            prop_assert_eq!(found.offer.cost_price, Some(price.normalize()));
            let exact = price * (Decimal::ONE + Decimal::from(percentage) / Decimal::ONE_HUNDRED);
            let sent = found.offer.sale_price.unwrap_or_default();
            prop_assert!((sent - exact).abs() <= Decimal::new(5, 3));
            prop_assert!(found.offer.sale_price.is_none_or(|p| p > Decimal::ZERO && p.scale() <= 2));
        }
    }
}
