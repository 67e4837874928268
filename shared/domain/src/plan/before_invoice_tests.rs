//! Tables over what holds up an order that has no invoice yet, and what its invoice says when it has one.

use super::lines::format_line_name;
use super::undo_tests::{effect_kinds, invoiced_ledger, now, order_with_status, sentence_codes};
use super::*;
use crate::catalogue::{Article, ArticleAnswer, VatTariff};
use crate::ids::{
    ArticleId, ClientId, ConnectionId, LineId, OrderIdentifier, Sku, StockLocationId, VatTariffId,
};
use crate::ledger::{ArticleChoice, Choice, DraftReason, LookRefusal, RowEffect};
use crate::locale::Language;
use crate::money::Cents;
use crate::order::Costs;
use crate::problem::Arg;
use crate::settings::ConnectionSettings;
use rstest::rstest;
use rust_decimal::Decimal;

fn vat_tariff(id: &str, vat_inclusive: bool) -> (VatTariffId, VatTariff) {
    let id = VatTariffId::parse(id).unwrap();
    let tariff =
        VatTariff { id: id.clone(), name: format!("21% {id}"), percentage: Decimal::from(21), vat_inclusive };
    (id, tariff)
}

fn catalogue_article(id: &str, live: bool) -> Article {
    Article { id: ArticleId::parse(id).unwrap(), number: Some("A-1".to_owned()), stock_article: true, live }
}

/// The number A-1 belongs to article 12. Tariffs 7 and 9 include VAT, tariff 8 does not.
fn catalogue_of_one_article() -> Catalogue {
    let sku = Sku::parse("A-1").unwrap();
    Catalogue {
        articles: [(sku, ArticleAnswer::Found(catalogue_article("12", true)))].into(),
        tariffs: Some([vat_tariff("7", true), vat_tariff("8", false), vat_tariff("9", true)].into()),
        ..Catalogue::default()
    }
}

fn settings_with_costs_tariff(costs_tariff: Option<&str>) -> Settings {
    Settings {
        ledger_loss: None,
        language: Language::EN,
        go_live: now(),
        connection: ConnectionSettings {
            b2c_client_id: Some(ClientId::parse("5").unwrap()),
            stock_location_id: Some(StockLocationId::parse("3").unwrap()),
            costs_vat_tariff_id: costs_tariff.map(|id| VatTariffId::parse(id).unwrap()),
            ..ConnectionSettings::default()
        },
    }
}

fn empty_ledger() -> Ledger {
    let connection = ConnectionId::parse("shop").unwrap();
    Ledger::new(connection, OrderIdentifier::parse("PF-1").unwrap())
}

fn problem_codes(plan: &Plan) -> Vec<ProblemCode> {
    plan.problems.iter().map(|problem| problem.code).collect()
}

#[rstest]
#[case::none(None, &[])]
#[case::the_same(Some(5998), &[])]
#[case::a_cent_more(Some(5999), &[ProblemCode::TotalMismatch])]
#[case::a_cent_less(Some(5997), &[ProblemCode::TotalMismatch])]
fn a_total_that_productflow_gives_must_be_the_sum_of_the_lines(
    #[case] total: Option<i64>,
    #[case] expected: &[ProblemCode],
) {
    let order = Order { total: total.map(Cents), ..order_with_status(OrderStatus::Shipped) };
    let found =
        plan_order(&order, &empty_ledger(), &catalogue_of_one_article(), &settings_with_costs_tariff(None));
    assert_eq!(problem_codes(&found), expected);
    let invoiced = effect_kinds(&found).contains(&"invoice");
    assert_eq!(invoiced, expected.is_empty());
    assert!(effect_kinds(&found).contains(&"out"), "its stock is not held up");
}

#[rstest]
#[case::of_its_own(Some("9"), 495, &[])]
#[case::of_the_lines(None, 495, &[])]
#[case::without_vat(Some("8"), 495, &[ProblemCode::SettingGone])]
#[case::gone(Some("1"), 495, &[ProblemCode::SettingGone])]
#[case::gone_but_there_are_no_costs(Some("1"), 0, &[])]
fn costs_need_a_tariff_that_includes_vat(
    #[case] costs_tariff: Option<&str>,
    #[case] cents: i64,
    #[case] expected: &[ProblemCode],
) {
    for kind in 0..3 {
        let cents_of = |of: usize| if of == kind { Cents(cents) } else { Cents::ZERO };
        let order = Order {
            costs: Costs {
                shipping: cents_of(0),
                transaction: cents_of(1),
                additional: cents_of(2),
                ..Costs::default()
            },
            ..order_with_status(OrderStatus::Shipped)
        };
        let found = plan_order(
            &order,
            &empty_ledger(),
            &catalogue_of_one_article(),
            &settings_with_costs_tariff(costs_tariff),
        );
        assert_eq!(problem_codes(&found), expected, "{kind}");
        assert_eq!(effect_kinds(&found).contains(&"invoice"), expected.is_empty());
    }
}

#[rstest]
#[case("b2c_client_id", 1)]
#[case("payment_condition_id", 1)]
// These two are told with the lines that they hold up.
#[case("stock_location_id", 0)]
#[case("fbm_stock_location_id", 0)]
fn a_setting_that_robaws_does_not_know_any_more_is_told(#[case] setting: &str, #[case] told: usize) {
    let mut ledger = empty_ledger();
    ledger
        .look_refusals
        .push(LookRefusal::SettingGone { setting: setting.to_owned(), value: "77".to_owned() });
    let found = plan_order(
        &order_with_status(OrderStatus::Shipped),
        &ledger,
        &catalogue_of_one_article(),
        &settings_with_costs_tariff(None),
    );
    assert_eq!(problem_codes(&found), vec![ProblemCode::SettingGone; told]);
}

#[rstest]
#[case(true, &[])]
#[case(false, &[ProblemCode::ArticleNotFound])]
fn a_chosen_article_must_not_be_archived(#[case] live: bool, #[case] expected: &[ProblemCode]) {
    let id = ArticleId::parse("13").unwrap();
    let mut ledger = empty_ledger();
    ledger.choices.push(Choice {
        line: LineId::parse("1").unwrap(),
        article: Some(ArticleChoice::Article(id.clone())),
        vat_tariff_id: None,
        at: now(),
    });
    let catalogue = Catalogue {
        articles_by_id: [(id, Some(catalogue_article("13", live)))].into(),
        ..catalogue_of_one_article()
    };
    let found = plan_order(
        &order_with_status(OrderStatus::Open),
        &ledger,
        &catalogue,
        &settings_with_costs_tariff(None),
    );
    assert_eq!(problem_codes(&found), expected);
    assert_eq!(effect_kinds(&found).is_empty(), !live);
}

#[rstest]
#[case("Wash mitt", "A-1 Wash mitt (2×)")]
#[case("", "A-1 (2×)")]
#[case("A-1", "A-1 (2×)")]
fn a_line_is_named_by_its_number_and_by_a_title_that_says_more(#[case] title: &str, #[case] named: &str) {
    let mut line = order_with_status(OrderStatus::Open).lines.remove(0);
    line.title = title.to_owned();
    assert_eq!(format_line_name(&line), named);
}

#[rstest]
#[case(true, false, None, "invoiced_booked")]
#[case(true, true, Some(DraftReason::EarlierMonth), "invoiced_booked")]
#[case(false, true, Some(DraftReason::EarlierMonth), "invoiced_draft_business")]
#[case(false, false, Some(DraftReason::EarlierMonth), "invoiced_draft_late")]
#[case(false, false, None, "invoiced_draft")]
fn an_invoice_is_said_to_be_booked_or_why_it_is_a_draft(
    #[case] booked: bool,
    #[case] business: bool,
    #[case] kept_draft: Option<DraftReason>,
    #[case] said: &str,
) {
    let mut ledger = invoiced_ledger(booked);
    let RowEffect::Invoice { progress, .. } = &mut ledger.find_row_mut(2).unwrap().effect else {
        unreachable!("it is the invoice");
    };
    (progress.business, progress.kept_draft) = (business, kept_draft);
    progress.business_dealt_with = business;
    let found = plan_order(
        &order_with_status(OrderStatus::Shipped),
        &ledger,
        &catalogue_of_one_article(),
        &settings_with_costs_tariff(None),
    );
    assert_eq!(sentence_codes(&found)[0], said);
}

#[test]
fn each_document_that_robaws_refuses_is_told_once_and_holds_up_no_other() {
    let mut ledger = invoiced_ledger(false);
    let RowEffect::Invoice { progress, .. } = &mut ledger.find_row_mut(2).unwrap().effect else {
        unreachable!("it is the invoice");
    };
    progress.step = 1;
    let shipped = order_with_status(OrderStatus::Shipped);
    let plan_with = |look: &[LookRefusal]| {
        let mut ledger = ledger.clone();
        ledger.look_refusals = look.to_vec();
        plan_order(&shipped, &ledger, &catalogue_of_one_article(), &settings_with_costs_tariff(None))
    };
    let refused = |reason: &str| LookRefusal::Invoice { reason: reason.to_owned() };
    let credit_note = LookRefusal::CreditNote { reason: "closed".to_owned() };
    assert_eq!(effect_kinds(&plan_with(&[])), ["finish"]);
    assert_eq!(effect_kinds(&plan_with(std::slice::from_ref(&credit_note))), ["finish"]);
    assert_eq!(effect_kinds(&plan_with(&[refused("no")])), [""; 0]);
    let found = plan_with(&[credit_note, refused("no"), refused("no again")]);
    let told: Vec<&Arg> = found.problems.iter().map(|p| &p.args["effect"]).collect();
    assert_eq!(told, [&Arg::Effect("credit_note".to_owned()), &Arg::Effect("invoice".to_owned())]);
    assert_eq!(found.problems[1].args["reason"], "no".into());
}
