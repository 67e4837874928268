//! Plans an order that is open or shipped and has no invoice: its stock changes, its invoice, and what holds them up.

use super::after_invoice::business_buyer_problem;
use super::lines::{LineArticle, LineProblems, setting_gone_problem};
use super::{Plan, PlannedEffect, Sentence, add_order_to_refusals};
use crate::catalogue::{Catalogue, MissingAnswers};
use crate::ids::StockLocationId;
use crate::invoice::{self, GoodsLine, InvoicePlan};
use crate::ledger::{ArticleChoice, Ledger, LookRefusal, OrderState, StockKey};
use crate::money::Cents;
use crate::order::{Order, OrderLine, OrderStatus};
use crate::problem::{Arg, Holds, Problem, ProblemCode, WaitsFor, build_args};
use crate::settings::Settings;
use crate::stock::{BookedStock, WantedStock, plan_stock_changes};
use std::collections::BTreeMap;

/// Every line's quantity has to be out, and a shipped order needs one invoice.
pub(super) fn plan_before_invoice(
    order: &Order,
    ledger: &Ledger,
    catalogue: &Catalogue,
    settings: &Settings,
) -> Plan {
    let connection = &settings.connection;
    let mut troubles = LineProblems::default();
    let mut wanted: BTreeMap<StockKey, WantedStock> = BTreeMap::new();
    let mut goods = Vec::new();
    let mut own_problems = Vec::new();
    for line in &order.lines {
        let article = troubles.find_article(line, ledger, catalogue);
        let location =
            if line.fbm { &connection.fbm_stock_location_id } else { &connection.stock_location_id };
        add_wanted_stock(&mut wanted, line, ledger, &article, location.as_ref());
        let tariff = troubles.find_tariff(line, ledger, catalogue);
        let article_id = match article {
            LineArticle::Found { id, .. } => Some(id),
            LineArticle::None | LineArticle::NotKnown => None,
        };
        if let Some(tariff) = tariff {
            goods.push(GoodsLine {
                line: line.id.clone(),
                sku: line.sku.clone(),
                title: line.title.clone(),
                quantity: line.quantity,
                price: line.price,
                tariff,
                article_id,
            });
        }
    }
    if connection.stock_location_id.is_none() {
        let mut problem = setting_gone_problem("stock_location_id", "–");
        problem.holds = Holds::Lines;
        own_problems.push(problem);
    }
    own_problems.extend(find_invoice_problems(order, catalogue, settings, &mut troubles.missing));
    let booked = BookedStock::from_ledger(ledger);
    let (stock, refused) = plan_stock_changes(&booked, &wanted, ledger);
    let (mut problems, missing) = troubles.into_problems(order);
    problems.extend(own_problems);
    problems.extend(refused);
    problems.extend(ledger.look_refusals.iter().filter_map(|refusal| match refusal {
        LookRefusal::Invoice { reason } => {
            Some(refused_problem("invoice", &order.reference(), reason, Holds::Invoice))
        }
        LookRefusal::SettingGone { setting, value } if !setting.ends_with("stock_location_id") => {
            Some(setting_gone_problem(setting, value))
        }
        LookRefusal::SeveralItems
        | LookRefusal::Item { .. }
        | LookRefusal::SettingGone { .. }
        | LookRefusal::CreditNote { .. } => None,
    }));
    add_order_to_refusals(&mut problems, &order.reference());
    let held = problems.iter().map(|p| p.holds).max().unwrap_or(Holds::Nothing);
    // Stock is booked whatever holds up the invoice. The invoice is made only when nothing at all is held up.
    let mut effects = stock;
    if order.status == OrderStatus::Shipped
        && held == Holds::Nothing
        && missing.is_empty()
        && let Some(invoice) = build_invoice_plan(order, ledger, &goods, settings)
    {
        effects.push(PlannedEffect::Invoice(Box::new(invoice)));
    }
    let anything_out = !booked.is_empty();
    let (state, code) = if held > Holds::Nothing {
        let code = match (held, anything_out) {
            (Holds::Invoice, true) => "blocked_invoice",
            (_, true) => "blocked_partly",
            (_, false) => "blocked",
        };
        (OrderState::Blocked, code)
    } else if !effects.is_empty() {
        (OrderState::Waiting, "waiting")
    } else if anything_out {
        (OrderState::Booked, "booked")
    } else if order.lines.iter().all(|l| l.fbm) {
        (OrderState::Waiting, "booked_fbm")
    } else {
        (OrderState::Waiting, "waiting_open")
    };
    let mut explanation = vec![Sentence::without_args(code)];
    explanation.extend(explain_choices(ledger));
    Plan { effects, problems, state, explanation, missing, is_final: false }
}

fn add_wanted_stock(
    wanted: &mut BTreeMap<StockKey, WantedStock>,
    line: &OrderLine,
    ledger: &Ledger,
    article: &LineArticle,
    location: Option<&StockLocationId>,
) {
    let chosen = ledger.find_choice(&line.id).and_then(|c| c.article.as_ref());
    let key = match (chosen, &line.sku) {
        (Some(ArticleChoice::None), _) | (None, None) => return,
        (Some(ArticleChoice::Article(id)), _) => {
            StockKey::Chosen { line: line.id.clone(), article_id: id.clone(), fbm: line.fbm }
        }
        (None, Some(sku)) => StockKey::Sku { sku: sku.clone(), fbm: line.fbm },
    };
    let entry =
        wanted.entry(key).or_insert_with(|| WantedStock { sku: line.sku.clone(), ..WantedStock::default() });
    entry.quantity = entry.quantity.saturating_add(u64::from(line.quantity));
    if let (LineArticle::Found { id, stock_article: true }, Some(location)) = (article, location) {
        entry.bookable = Some((id.clone(), location.clone()));
    }
}

/// Finds what is wrong with the invoice beyond its lines. The check runs at every look, so that people can mend a problem
/// before the order ships.
fn find_invoice_problems(
    order: &Order,
    catalogue: &Catalogue,
    settings: &Settings,
    missing: &mut MissingAnswers,
) -> Vec<Problem> {
    let connection = &settings.connection;
    let reference = order.reference();
    let mut problems = Vec::new();
    if order.currency != "EUR" {
        let args =
            build_args([("order", reference.as_str().into()), ("currency", order.currency.as_str().into())]);
        problems.push(Problem::new(ProblemCode::CurrencyNotSupported, Holds::Invoice, args));
    }
    if let (Some(expected), Some(found)) = (order.total, order.compute_total())
        && expected != found
    {
        let args = build_args([
            ("order", reference.as_str().into()),
            ("expected", Arg::Amount(expected)),
            ("found", Arg::Amount(found)),
        ]);
        problems.push(Problem::new(ProblemCode::TotalMismatch, Holds::Invoice, args));
    }
    if connection.b2c_client_id.is_none() {
        problems.push(setting_gone_problem("b2c_client_id", "–"));
    }
    let costs = &order.costs;
    let has_costs = [costs.shipping, costs.transaction, costs.additional].iter().any(|c| *c != Cents::ZERO);
    if let Some(tariff) = connection.costs_vat_tariff_id.as_ref().filter(|_| has_costs) {
        match &catalogue.tariffs {
            None => missing.tariffs = true,
            Some(tariffs) if tariffs.get(tariff).is_some_and(|t| t.vat_inclusive) => {}
            Some(_) => {
                let mut problem = setting_gone_problem("costs_vat_tariff_id", tariff.as_str());
                problem.waits_for.push(WaitsFor::Tariffs);
                problems.push(problem);
            }
        }
    }
    if order.business.is_some() {
        problems.push(business_buyer_problem(&reference));
    }
    problems
}

fn build_invoice_plan(
    order: &Order,
    ledger: &Ledger,
    goods: &[GoodsLine],
    settings: &Settings,
) -> Option<InvoicePlan> {
    let connection = &settings.connection;
    let lines = invoice::build_invoice_lines(
        goods,
        &order.costs,
        connection.costs_vat_tariff_id.as_ref(),
        settings.language,
    );
    let total = order.compute_total()?;
    // An invoice is made whole or not at all: its lines must come to the order's total.
    if goods.len() != order.lines.len()
        || lines.iter().map(invoice::InvoiceLine::total).sum::<Cents>() != total
    {
        return None;
    }
    Some(InvoicePlan {
        client_id: connection.b2c_client_id.clone()?,
        company_id: connection.robaws_company_id.clone(),
        payment_condition_id: connection.payment_condition_id.clone(),
        reference: order.reference(),
        identifier: order.identifier.clone(),
        external_identifier: order.external_identifier.clone(),
        marketplace: order.marketplace.clone(),
        country: order.country.clone(),
        business: order.business.clone(),
        shipped_at: order.shipped_at.or(ledger.first_shipped_at),
        lines,
        total,
        book: connection.book_invoices,
        language: settings.language,
    })
}

/// The problem that Robaws refused an effect with a 4xx.
pub(crate) fn refused_problem(effect: &str, reference: &str, reason: &str, holds: Holds) -> Problem {
    Problem::new(
        ProblemCode::RobawsRefused,
        holds,
        build_args([
            ("order", reference.into()),
            ("effect", Arg::Effect(effect.to_owned())),
            ("reason", reason.into()),
        ]),
    )
}

pub(super) fn explain_choices(ledger: &Ledger) -> impl Iterator<Item = Sentence> {
    ledger.choices.iter().flat_map(|choice| {
        let line: Arg = choice.line.as_str().into();
        let tariff = choice.vat_tariff_id.as_ref().map(|id| Sentence {
            code: "choice_tariff".to_owned(),
            args: build_args([("line", line.clone()), ("tariff", id.as_str().into())]),
        });
        let article = choice.article.as_ref().map(|article| match article {
            ArticleChoice::Article(id) => Sentence {
                code: "choice_article".to_owned(),
                args: build_args([("line", line.clone()), ("article", id.as_str().into())]),
            },
            ArticleChoice::None => {
                Sentence { code: "choice_no_article".to_owned(), args: build_args([("line", line.clone())]) }
            }
        });
        [tariff, article].into_iter().flatten()
    })
}
