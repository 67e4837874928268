//! Tables and properties of what an article becomes in ProductFlow.

use super::*;
use proptest::prelude::*;
use rstest::rstest;

fn parse_decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn ticked_article() -> ArticleDetail {
    ArticleDetail {
        id: ArticleId::parse("12").unwrap(),
        number: Some("A-1".to_owned()),
        name: Some("Boormachine".to_owned()),
        sale_name: None,
        description: Some("  ".to_owned()),
        cost_price: Some(parse_decimal("4.5")),
        sale_price: Some(parse_decimal("10")),
        available_stock: Some(parse_decimal("7")),
        vat_tariff_id: None,
        stock_article: true,
        live: true,
        ticked: Some(true),
        has_checkbox: true,
    }
}

fn vat_tariff(id: &str, percentage: &str, vat_inclusive: bool) -> (VatTariffId, VatTariff) {
    let id = VatTariffId::parse(id).unwrap();
    let tariff = VatTariff {
        id: id.clone(),
        name: String::new(),
        percentage: parse_decimal(percentage),
        vat_inclusive,
    };
    (id, tariff)
}

fn vat_tariffs() -> BTreeMap<VatTariffId, VatTariff> {
    [vat_tariff("7", "21", true), vat_tariff("8", "21", false), vat_tariff("9", "25.5", false)].into()
}

fn sale_price_settings(send_sale_price: bool, tariff: Option<&str>) -> ConnectionSettings {
    ConnectionSettings {
        send_sale_price,
        sale_price_vat_tariff_id: tariff.map(|id| VatTariffId::parse(id).unwrap()),
        ..ConnectionSettings::default()
    }
}

fn expect_listing(article: &ArticleDetail, settings: &ConnectionSettings) -> Listing {
    match decide_listing(Some(article), true, settings, &vat_tariffs()) {
        WantedListing::Listing(listing) => *listing,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_article_becomes_a_product_with_an_offer() {
    let found = expect_listing(&ticked_article(), &sale_price_settings(false, None));
    assert_eq!(found.sku.as_str(), "A-1");
    assert_eq!(found.product.title, "Boormachine");
    assert_eq!(found.product.description, None);
    assert_eq!(found.product.language, "nl");
    assert_eq!(found.offer.quantity, 7);
    assert_eq!(found.offer.cost_price, Some(parse_decimal("4.5")));
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
        ..ticked_article()
    };
    let found = expect_listing(&article, &sale_price_settings(false, None));
    assert_eq!((found.product.title.as_str(), found.offer.title.as_str()), (title, title));
}

#[rstest]
#[case("7.999", 7)]
#[case("0.5", 0)]
#[case("-3", 0)]
#[case("-0.5", 0)]
#[case("79228162514264337593543950335", u64::MAX)]
fn stock_is_whole_pieces_never_below_zero(#[case] stock: &str, #[case] quantity: u64) {
    let article = ArticleDetail { available_stock: Some(parse_decimal(stock)), ..ticked_article() };
    assert_eq!(expect_listing(&article, &sale_price_settings(false, None)).offer.quantity, quantity);
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
    let article = ArticleDetail { cost_price: price.map(parse_decimal), ..ticked_article() };
    let found = expect_listing(&article, &sale_price_settings(false, None)).offer.cost_price;
    assert_eq!(found, sent.map(parse_decimal));
}

#[rstest]
// A tariff that includes VAT: the price as it is.
#[case(Some("7"), None, Some("10"), Some("10"), false)]
// A tariff that does not: the price times 1 + percentage, to the cent, half away from zero.
#[case(Some("8"), None, Some("10"), Some("12.1"), false)]
#[case(Some("9"), None, Some("9.99"), Some("12.54"), false)]
#[case(Some("8"), None, Some("0.0041"), None, false)]
// Without a tariff the setting decides. Without the setting no price is sent, and a problem says so.
#[case(None, Some("8"), Some("10"), Some("12.1"), false)]
#[case(None, Some("7"), Some("10"), Some("10"), false)]
#[case(None, None, Some("10"), None, true)]
#[case(Some("99"), Some("7"), Some("10"), None, true)]
// An absent price needs no tariff.
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
        sale_price: price.map(parse_decimal),
        ..ticked_article()
    };
    let found = expect_listing(&article, &sale_price_settings(true, set));
    assert_eq!(found.offer.sale_price, sent.map(parse_decimal));
    let codes: Vec<ProblemCode> = found.problems.iter().map(|p| p.code).collect();
    let expected: &[ProblemCode] = if told { &[ProblemCode::SalePriceVatUnknown] } else { &[] };
    assert_eq!(codes, expected);
    // The offer is sent without the price.
    assert!(found.problems.iter().all(|problem| problem.holds == Holds::Nothing));
    assert_eq!(expect_listing(&article, &sale_price_settings(false, set)).offer.sale_price, None);
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
    assert_eq!(parse_addressable_sku(Some(number)).is_some(), fits);
}

#[test]
fn a_number_has_at_most_191_characters() {
    assert!(parse_addressable_sku(Some(&"é".repeat(191))).is_some());
    assert!(parse_addressable_sku(Some(&"é".repeat(192))).is_none());
    assert!(parse_addressable_sku(None).is_none());
}

#[test]
fn what_must_not_be_for_sale_is_not() {
    let decide = |article: &ArticleDetail, unique| {
        decide_listing(Some(article), unique, &sale_price_settings(false, None), &vat_tariffs())
    };
    assert_eq!(
        decide_listing(None, true, &sale_price_settings(false, None), &vat_tariffs()),
        WantedListing::Nothing
    );
    let gone = ArticleDetail { live: false, ..ticked_article() };
    assert_eq!(decide(&gone, true), WantedListing::Nothing);
    let unticked = ArticleDetail { ticked: Some(false), number: None, ..ticked_article() };
    assert_eq!(decide(&unticked, false), WantedListing::Nothing);
    // A field that the answer leaves out is never guessed.
    assert_eq!(decide(&ArticleDetail { ticked: None, ..ticked_article() }, true), WantedListing::Unread);
    assert_eq!(
        decide(&ArticleDetail { available_stock: None, ..ticked_article() }, true),
        WantedListing::Unread
    );
    let code = |wanted| match wanted {
        WantedListing::Impossible(problem) => problem.code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code(decide(&ticked_article(), false)), ProblemCode::ArticleNotUnique);
    let invalid = ArticleDetail { number: Some("A/1".to_owned()), ..ticked_article() };
    assert_eq!(code(decide(&invalid, false)), ProblemCode::ArticleNumberInvalid);
}

#[test]
fn digests_tell_whether_anything_changed() {
    let renamed = ArticleDetail { name: Some("Klopboor".to_owned()), ..ticked_article() };
    assert_eq!(ticked_article().compute_digest(), ticked_article().compute_digest());
    assert_ne!(ticked_article().compute_digest(), renamed.compute_digest());
    assert_eq!(ticked_article().compute_digest().len(), 16);
    let (old, new) = (
        expect_listing(&ticked_article(), &sale_price_settings(false, None)),
        expect_listing(&renamed, &sale_price_settings(false, None)),
    );
    assert_ne!(old.product.compute_digest(), new.product.compute_digest());
    assert_ne!(old.offer.compute_digest(), new.offer.compute_digest());
    assert_eq!(old.offer.compute_digest().len(), 16);
}

#[test]
fn facts_are_what_orders_need() {
    let gone = ArticleDetail { live: false, stock_article: false, ..ticked_article() };
    let facts = gone.to_facts();
    assert_eq!(facts.number.as_deref(), Some("A-1"));
    assert!(!facts.live && !facts.stock_article);
}

#[test]
fn values_are_told_by_name_and_texts_by_digest() {
    let priced = sale_price_settings(true, Some("7"));
    let values = expect_listing(&ticked_article(), &priced).to_values();
    let of = |name: &str| values.get(name).map(String::as_str);
    assert_eq!(of("quantity"), Some("7"));
    assert_eq!(of("cost_price"), Some("4.5"));
    assert_eq!(of("sale_price"), Some("10"));
    let described =
        ArticleDetail { description: Some("Met koffer".to_owned()), cost_price: None, ..ticked_article() };
    let changed = expect_listing(&described, &priced).to_values();
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
        sale_price: price.map(parse_decimal),
        ..ticked_article()
    };
    assert_eq!(needs_tariffs(&article, &sale_price_settings(sent, set)), needed);
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
        ..ticked_article()
    };
    let WantedListing::Impossible(problem) =
        decide_listing(Some(&article), true, &sale_price_settings(false, None), &vat_tariffs())
    else {
        panic!("it is sent");
    };
    assert_eq!(problem.holds, Holds::Everything);
    let named: Vec<&str> = problem.skus.iter().map(Sku::as_str).collect();
    assert_eq!(named, skus);
    assert_eq!(problem.args, build_args([("articles", Arg::List(vec![shown.to_owned()]))]));
}

proptest! {
    #[test]
    fn a_sent_price_is_never_zero_and_never_below_what_robaws_says(
        cents in 1_i64..1_000_000_000, percentage in 0_u32..40,
    ) {
        let price = Decimal::new(cents, 4);
        let tariffs = [vat_tariff("5", &percentage.to_string(), false)].into();
        let article = ArticleDetail {
            cost_price: Some(price),
            sale_price: Some(price),
            vat_tariff_id: Some(VatTariffId::parse("5").unwrap()),
            ..ticked_article()
        };
        let WantedListing::Listing(found) = decide_listing(Some(&article), true, &sale_price_settings(true, None), &tariffs) else {
            return Err(TestCaseError::fail("not sent"));
        };
        prop_assert_eq!(found.offer.cost_price, Some(price.normalize()));
        let exact = price * (Decimal::ONE + Decimal::from(percentage) / Decimal::ONE_HUNDRED);
        let sent = found.offer.sale_price.unwrap_or_default();
        prop_assert!((sent - exact).abs() <= Decimal::new(5, 3));
        prop_assert!(found.offer.sale_price.is_none_or(|p| p > Decimal::ZERO && p.scale() <= 2));
    }
}
