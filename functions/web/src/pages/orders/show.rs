//! The page of one order: what is wrong and the controls that solve it, what happened, and what the order contains.

use super::super::answer::{Answer, PageError};
use super::super::layout::{Layout, Tab};
use super::super::visit::Visit;
use super::cards::{Card, Solution, cards};
use super::controls::{Ground, Sent, Solvable, searched};
use super::timeline::{Event, events};
use super::words::{self, Link};
use super::{path_of, robaws};
use crate::orders::known;
use crate::robaws_web::Shown;
use askama::Template;
use domain::ids::OrderIdentifier;
use domain::ledger::ArticleChoice;
use domain::money::Cents;
use domain::order::LineFacts;
use domain::problem::Args;
use domain::text;
use store::model::{ConnectionState, OrderRecord};

/// Most lines shown.
const MOST_LINES: usize = 60;

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    page: Layout,
    path: String,
    list: String,
    state: &'static str,
    class: &'static str,
    explanation: String,
    next_look: Option<String>,
    /// Why no control works now, when the connection is not active.
    inactive: Option<String>,
    faults: Vec<String>,
    problems: Vec<Solvable>,
    /// Whether looking again is offered for the order as a whole, because no problem offers it.
    retry: bool,
    /// Whether closing as handled is offered for the order as a whole, because no problem offers it.
    handled: bool,
    events: Vec<Event>,
    events_left_out: usize,
    facts: Vec<(&'static str, String)>,
    lines: Vec<Line>,
    more_lines: usize,
}

struct Line {
    number: String,
    quantity: u32,
    total: String,
    vat_code: String,
    chosen: Vec<Link>,
    without_article: bool,
}

/// Shows the page. `sent` is a form that was refused, whose texts and faults are shown again.
pub async fn answer(
    visit: &Visit<'_>,
    identifier: &OrderIdentifier,
    sent: Option<&Sent<'_>>,
) -> Result<Answer, PageError> {
    let record = known(visit.deps, &visit.item, identifier).await?;
    let page = visit.layout(words::cut(&record.reference(), 200), Tab::Orders);
    let is_active = visit.item.connection.state == ConnectionState::Active;
    let cards = cards(&record, &page);
    let tariffs = |card: &Card| matches!(&card.solution, Solution::Tariff(lines) if !lines.is_empty());
    let asks_tariffs = is_active && cards.iter().any(tariffs);
    let find = match sent {
        Some(sent) => sent.form.value("find"),
        None => words::lines(&record)
            .iter()
            .find_map(|line| searched(visit, &line.id)),
    };
    let find = find.filter(|_| is_active).map(|find| words::cut(find, 200));
    let catalogue = robaws::ask(visit, asks_tariffs, find.as_deref()).await;
    let ground = Ground {
        visit,
        page: &page,
        record: &record,
        catalogue: &catalogue,
        sent,
    };
    let problems: Vec<Solvable> = cards.into_iter().map(|card| ground.solvable(card)).collect();
    let is_open = !record.is_final || !problems.is_empty();
    let (events, events_left_out) = events(visit, &page, &record);
    let shown = OrderPage {
        path: visit.path(&path_of(identifier)),
        list: visit.path("/orders"),
        state: words::state(&record, visit.language),
        class: words::state_class(&record),
        explanation: page.typeset(&words::explanation(&record, visit.language)),
        next_look: record
            .due
            .filter(|_| is_active)
            .map(|due| page.moment(due.at.max(visit.now))),
        inactive: (!is_active).then(|| text::error(inactive(visit), &Args::new(), visit.language)),
        faults: sent.map(|sent| sent.faults.clone()).unwrap_or_default(),
        retry: is_active && !record.is_final && problems.is_empty(),
        handled: is_open && problems.iter().all(|problem| !problem.card.handled),
        problems,
        events,
        events_left_out,
        facts: facts(&record, &page),
        lines: lines(visit, &page, &record),
        more_lines: words::lines(&record).len().saturating_sub(MOST_LINES),
        page,
    };
    Answer::html(&shown)
}

fn inactive(visit: &Visit<'_>) -> &'static str {
    match visit.item.connection.state {
        ConnectionState::Suspended => "suspended",
        ConnectionState::Active | ConnectionState::Inactive => "inactive",
    }
}

/// Names and values of the order. Of the buyer only the country and "business or not" are stored, so only these are shown.
fn facts(record: &OrderRecord, page: &Layout) -> Vec<(&'static str, String)> {
    let named = |text: Option<&str>| text.map(words::shortened);
    let buyer = if record.business {
        "order.business"
    } else {
        "order.consumer"
    };
    let mut facts = vec![
        ("order.marketplace", named(record.marketplace.as_deref())),
        ("order.number", named(record.external_identifier.as_deref())),
        ("order.identifier", named(Some(record.ledger.identifier.as_str()))),
        ("order.status", Some(words::status(record, page.language))),
        ("order.placed_at", record.placed_at.map(|at| page.moment(at))),
        ("order.country", Some(words::country(record, page.language))),
        (
            "order.buyer",
            record.facts.as_ref().map(|_| page.t(buyer).to_owned()),
        ),
    ];
    if let Some(known) = &record.facts {
        let amount = |cents: Cents| (cents != Cents::ZERO).then(|| page.amount(cents));
        let costs = known.costs;
        facts.extend([
            ("order.shipping_cost", amount(costs.shipping)),
            ("order.transaction_price", amount(costs.transaction)),
            ("order.additional_price", amount(costs.additional)),
            ("order.discount_price", amount(Cents(-costs.discount.0))),
        ]);
    }
    facts.push(("order.total", record.total.map(|total| page.amount(total))));
    facts
        .into_iter()
        .filter_map(|(name, value)| Some((page.t(name), value?)))
        .collect()
}

fn lines(visit: &Visit<'_>, page: &Layout, record: &OrderRecord) -> Vec<Line> {
    let lines = words::lines(record).iter().take(MOST_LINES);
    lines.map(|line| one_line(visit, page, record, line)).collect()
}

fn one_line(visit: &Visit<'_>, page: &Layout, record: &OrderRecord, line: &LineFacts) -> Line {
    let choice = record.ledger.choice(&line.id);
    let link = |kind, key, name, id: &str| Link {
        href: visit.deps.robaws_link(kind, id),
        text: page.f(key, &[(name, id)]),
    };
    let tariff = choice
        .and_then(|choice| choice.vat_tariff_id.as_ref())
        .map(|id| link(Shown::VatTariff, "order.chosen_tariff", "tariff", id.as_str()));
    let article = choice.and_then(|choice| choice.article.as_ref());
    let (article, without_article) = match article {
        Some(ArticleChoice::Article(id)) => (
            Some(link(
                Shown::Article,
                "order.chosen_article",
                "article",
                id.as_str(),
            )),
            false,
        ),
        Some(ArticleChoice::None) => (None, true),
        None => (None, false),
    };
    let number = line.sku.as_ref().map(|sku| words::shortened(sku.as_str()));
    Line {
        number: number.unwrap_or_else(|| page.t("order.without_number").to_owned()),
        quantity: line.quantity,
        total: page.amount(line.price),
        vat_code: line
            .vat_code
            .as_ref()
            .map_or_else(|| "–".to_owned(), |code| words::shortened(code.as_str())),
        chosen: tariff.into_iter().chain(article).collect(),
        without_article,
    }
}
