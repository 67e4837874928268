//! The page of one order: what is wrong and the controls that solve it, what happened, and what the order contains.

use super::super::answer::{Answer, PageError};
use super::super::layout::{Layout, Tab};
use super::super::visit::Visit;
use super::order_controls::{ControlContext, ProblemWithControl, RefusedForm, article_search_text};
use super::order_timeline::{TimelineEvent, list_events};
use super::order_words::{self, Link};
use super::problem_cards::{ProblemCard, Solution, render_cards};
use super::{order_path, robaws_answers};
use crate::orders_api::load_order;
use crate::robaws_web::RobawsRecord;
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
    problems: Vec<ProblemWithControl>,
    /// Whether looking again is offered for the order as a whole, because no problem offers it.
    retry: bool,
    /// Whether closing as handled is offered for the order as a whole, because no problem offers it.
    handled: bool,
    events: Vec<TimelineEvent>,
    events_left_out: usize,
    facts: Vec<(&'static str, String)>,
    lines: Vec<OrderLineRow>,
    more_lines: usize,
}

struct OrderLineRow {
    number: String,
    quantity: u32,
    total: String,
    vat_code: String,
    chosen: Vec<Link>,
    without_article: bool,
}

/// Shows the page. `sent` is a form that was refused, whose texts and faults are shown again.
pub async fn show_order_page(
    visit: &Visit<'_>,
    identifier: &OrderIdentifier,
    sent: Option<&RefusedForm<'_>>,
) -> Result<Answer, PageError> {
    let record = load_order(visit.deps, &visit.item, identifier).await?;
    let page = visit.page_layout(order_words::cut_text(&record.display_reference(), 200), Tab::Orders);
    let is_active = visit.item.connection.state == ConnectionState::Active;
    let cards = render_cards(&record, &page);
    let tariffs = |card: &ProblemCard| matches!(&card.solution, Solution::Tariff(lines) if !lines.is_empty());
    let asks_tariffs = is_active && cards.iter().any(tariffs);
    let find = match sent {
        Some(sent) => sent.form.field_value("find"),
        None => {
            order_words::order_lines(&record).iter().find_map(|line| article_search_text(visit, &line.id))
        }
    };
    let find = find.filter(|_| is_active).map(|find| order_words::cut_text(find, 200));
    let catalogue = robaws_answers::ask_robaws(visit, asks_tariffs, find.as_deref()).await;
    let ground =
        ControlContext { visit, page: &page, record: &record, catalogue: &catalogue, refused_form: sent };
    let problems: Vec<ProblemWithControl> =
        cards.into_iter().map(|card| ground.attach_control(card)).collect();
    let is_open = !record.is_final || !problems.is_empty();
    let (events, events_left_out) = list_events(visit, &page, &record);
    let shown = OrderPage {
        path: visit.connection_path(&order_path(identifier)),
        list: visit.connection_path("/orders"),
        state: order_words::state_text(&record, visit.language),
        class: order_words::state_class(&record),
        explanation: page.typeset_text(&order_words::explanation_text(&record, visit.language)),
        next_look: record.due.filter(|_| is_active).map(|due| page.format_moment(due.at.max(visit.now))),
        inactive: (!is_active)
            .then(|| text::render_api_error(inactive_text_key(visit), &Args::new(), visit.language)),
        faults: sent.map(|sent| sent.faults.clone()).unwrap_or_default(),
        retry: is_active && !record.is_final && problems.is_empty(),
        handled: is_open && problems.iter().all(|problem| !problem.card.handled),
        problems,
        events,
        events_left_out,
        facts: describe_facts(&record, &page),
        lines: render_lines(visit, &page, &record),
        more_lines: order_words::order_lines(&record).len().saturating_sub(MOST_LINES),
        page,
    };
    Answer::render_template(&shown)
}

fn inactive_text_key(visit: &Visit<'_>) -> &'static str {
    match visit.item.connection.state {
        ConnectionState::Suspended => "suspended",
        ConnectionState::Active | ConnectionState::Inactive => "inactive",
    }
}

/// Names and values of the order. Of the buyer only the country and "business or not" are stored, so only these are shown.
fn describe_facts(record: &OrderRecord, page: &Layout) -> Vec<(&'static str, String)> {
    let named = |text: Option<&str>| text.map(order_words::shorten_text);
    let buyer = if record.business { "order.business" } else { "order.consumer" };
    let mut facts = vec![
        ("order.marketplace", named(record.marketplace.as_deref())),
        ("order.number", named(record.external_identifier.as_deref())),
        ("order.identifier", named(Some(record.ledger.identifier.as_str()))),
        ("order.status", Some(order_words::status_text(record, page.language))),
        ("order.placed_at", record.placed_at.map(|at| page.format_moment(at))),
        ("order.country", Some(order_words::country_text(record, page.language))),
        ("order.buyer", record.facts.as_ref().map(|_| page.text_for(buyer).to_owned())),
    ];
    if let Some(known) = &record.facts {
        let amount = |cents: Cents| (cents != Cents::ZERO).then(|| page.format_amount(cents));
        let costs = known.costs;
        facts.extend([
            ("order.shipping_cost", amount(costs.shipping)),
            ("order.transaction_price", amount(costs.transaction)),
            ("order.additional_price", amount(costs.additional)),
            ("order.discount_price", amount(Cents(-costs.discount.0))),
        ]);
    }
    facts.push(("order.total", record.total.map(|total| page.format_amount(total))));
    facts.into_iter().filter_map(|(name, value)| Some((page.text_for(name), value?))).collect()
}

fn render_lines(visit: &Visit<'_>, page: &Layout, record: &OrderRecord) -> Vec<OrderLineRow> {
    let lines = order_words::order_lines(record).iter().take(MOST_LINES);
    lines.map(|line| render_line(visit, page, record, line)).collect()
}

fn render_line(visit: &Visit<'_>, page: &Layout, record: &OrderRecord, line: &LineFacts) -> OrderLineRow {
    let choice = record.ledger.find_choice(&line.id);
    let link = |kind, key, name, id: &str| Link {
        href: visit.deps.robaws_link(kind, id),
        text: page.fill_text(key, &[(name, id)]),
    };
    let tariff = choice
        .and_then(|choice| choice.vat_tariff_id.as_ref())
        .map(|id| link(RobawsRecord::VatTariff, "order.chosen_tariff", "tariff", id.as_str()));
    let article = choice.and_then(|choice| choice.article.as_ref());
    let (article, without_article) = match article {
        Some(ArticleChoice::Article(id)) => {
            (Some(link(RobawsRecord::Article, "order.chosen_article", "article", id.as_str())), false)
        }
        Some(ArticleChoice::None) => (None, true),
        None => (None, false),
    };
    let number = line.sku.as_ref().map(|sku| order_words::shorten_text(sku.as_str()));
    OrderLineRow {
        number: number.unwrap_or_else(|| page.text_for("order.without_number").to_owned()),
        quantity: line.quantity,
        total: page.format_amount(line.price),
        vat_code: line
            .vat_code
            .as_ref()
            .map_or_else(|| "–".to_owned(), |code| order_words::shorten_text(code.as_str())),
        chosen: tariff.into_iter().chain(article).collect(),
        without_article,
    }
}
