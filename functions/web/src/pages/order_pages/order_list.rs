//! The list of orders, newest first: filtered by state, searched by any of their numbers; and the form for a month's file.

use super::super::answer::{Answer, PageError};
use super::super::layout::{Layout, Tab};
use super::super::texts;
use super::super::visit::Visit;
use super::order_words::{self, Link};
use crate::orders_api::parse_order_state;
use askama::Template;
use domain::ids::OrderIdentifier;
use domain::invoice::bookkeeping_day;
use http::StatusCode;
use store::model::OrderRecord;
use store::orders::OrderFilter;

/// Orders on one page.
const PER_PAGE: usize = 25;
/// Most documents shown of one order.
const MOST_DOCUMENTS: usize = 4;
/// The value of the state filter that stands for all orders that wait for people.
const WAITS_FOR_PEOPLE: &str = "mine";
const STATES: [&str; 8] =
    ["blocked", "in_doubt", "conflict", "waiting", "booked", "invoiced", "reversed", "skipped"];
/// Longest text searched for, in characters.
const MOST_SEARCHED: usize = 200;

#[derive(Template)]
#[template(path = "orders.html")]
struct OrdersPage {
    page: Layout,
    action: String,
    search: String,
    choices: Vec<StateOption>,
    rows: Vec<OrderRow>,
    /// The text shown instead of an empty table.
    empty: &'static str,
    older: Option<String>,
    older_text: &'static str,
    is_first: bool,
    is_filtered: bool,
    month: String,
    month_fault: Option<&'static str>,
}

struct StateOption {
    value: &'static str,
    text: String,
    chosen: bool,
}

struct OrderRow {
    href: String,
    number: String,
    identifier: Option<String>,
    marketplace: Option<String>,
    placed: String,
    status: String,
    state: &'static str,
    class: &'static str,
    reason: String,
    total: String,
    country: String,
    documents: Vec<Link>,
    more_documents: usize,
}

/// `GET …/orders`.
pub async fn show_orders_page(visit: &Visit<'_>) -> Result<Answer, PageError> {
    render_orders_page(visit, None).await
}

/// The list with a fault at the form for a month's file, because `typed` is no month.
pub async fn show_orders_page_with_month_fault(visit: &Visit<'_>, typed: &str) -> Result<Answer, PageError> {
    let answer = render_orders_page(visit, Some(typed)).await?;
    Ok(answer.with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

async fn render_orders_page(visit: &Visit<'_>, wrong_month: Option<&str>) -> Result<Answer, PageError> {
    let page = visit.page_layout(texts::text_for("menu.orders", visit.language), Tab::Orders);
    let asked = visit.request.query_parameter("state").unwrap_or_default();
    let search = visit.request.query_parameter("q").unwrap_or_default().trim();
    let search = order_words::cut_text(search, MOST_SEARCHED);
    let filter = OrderFilter {
        // An unknown state filters nothing, so that an old link does not end in an error.
        state: parse_order_state(asked).ok(),
        waits_for_people: asked == WAITS_FOR_PEOPLE,
        text: (!search.is_empty()).then(|| search.clone()),
    };
    let cursor = visit.request.query_parameter("cursor");
    let (records, next) = find_orders(visit, &filter, cursor).await?;
    let is_filtered = filter.state.is_some() || filter.waits_for_people || filter.text.is_some();
    let list = OrdersPage {
        action: visit.connection_path("/orders"),
        choices: state_options(&page, asked),
        rows: records.iter().map(|record| render_row(visit, &page, record)).collect(),
        empty: empty_list_text(&page, &filter, next.is_some(), cursor.is_some()),
        older_text: page.text_for(if is_filtered { "orders.search_on" } else { "orders.older" }),
        older: next.map(|cursor| older_orders_path(visit, asked, &search, &cursor)),
        is_first: cursor.is_none(),
        is_filtered,
        month: wrong_month
            .map_or_else(|| bookkeeping_day(visit.now).strftime("%Y-%m").to_string(), str::to_owned),
        month_fault: wrong_month.map(|_| page.text_for("orders.month_fault")),
        search,
        page,
    };
    Answer::render_template(&list)
}

/// Reads one page of orders and the cursor of the next. An order whose identifier equals the search comes first, however old.
async fn find_orders(
    visit: &Visit<'_>,
    filter: &OrderFilter,
    cursor: Option<&str>,
) -> Result<(Vec<OrderRecord>, Option<String>), PageError> {
    let store = &visit.deps.store;
    let exact = filter.text.as_deref().and_then(|text| OrderIdentifier::parse(text).ok());
    let mut records = Vec::new();
    if let (Some(identifier), None) = (&exact, cursor) {
        let known = store.load_order(visit.id(), identifier).await?;
        records.extend(known.filter(|record| filter.matches_order(record)));
    }
    let listed = store.list_orders(visit.id(), filter, cursor, PER_PAGE).await?;
    let others =
        listed.records.into_iter().filter(|record| Some(&record.ledger.identifier) != exact.as_ref());
    records.extend(others);
    Ok((records, listed.cursor))
}

fn state_options(page: &Layout, asked: &str) -> Vec<StateOption> {
    let choice = |value: &'static str, text: String| StateOption { value, chosen: value == asked, text };
    let named = [
        choice("", page.text_for("orders.all").to_owned()),
        choice(WAITS_FOR_PEOPLE, page.text_for("orders.mine").to_owned()),
    ];
    let states = STATES.into_iter().map(|state| choice(state, page.text_in_section("order_state", state)));
    named.into_iter().chain(states).collect()
}

fn empty_list_text(page: &Layout, filter: &OrderFilter, goes_on: bool, is_later: bool) -> &'static str {
    page.text_for(match filter {
        _ if goes_on => "orders.none_yet_found",
        OrderFilter { waits_for_people: true, text: None, .. } => "orders.nothing_waits",
        OrderFilter { state: None, text: None, .. } if !is_later => "orders.none",
        _ => "orders.none_found",
    })
}

fn older_orders_path(visit: &Visit<'_>, state: &str, search: &str, cursor: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("state", state), ("q", search), ("cursor", cursor)] {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    visit.connection_path(&format!("/orders?{}", query.finish()))
}

fn render_row(visit: &Visit<'_>, page: &Layout, record: &OrderRecord) -> OrderRow {
    let language = visit.language;
    let identifier = &record.ledger.identifier;
    let mut documents: Vec<Link> = order_words::rows_in_robaws(record)
        .filter_map(|row| {
            let number = order_words::document_number(row)?;
            let text =
                format!("{} {}", order_words::effect_text(row, language), order_words::shorten_text(&number));
            order_words::document_link(row, text, visit.deps)
        })
        .collect();
    let more_documents = documents.len().saturating_sub(MOST_DOCUMENTS);
    // The newest documents tell most, and an invoice is among them.
    documents.drain(..more_documents);
    let number = record.external_identifier.as_deref();
    OrderRow {
        href: visit.connection_path(&super::order_path(identifier)),
        number: order_words::shorten_text(number.unwrap_or(identifier.as_str())),
        identifier: number.map(|_| order_words::shorten_text(identifier.as_str())),
        marketplace: record.marketplace.as_deref().map(order_words::shorten_text),
        placed: record.placed_at.map_or_else(|| "–".to_owned(), |at| page.format_moment(at)),
        status: order_words::status_text(record, language),
        state: order_words::state_text(record, language),
        class: order_words::state_class(record),
        reason: order_words::reason_text(record, page),
        total: record.total.map_or_else(|| "–".to_owned(), |total| page.format_amount(total)),
        country: order_words::country_text(record, language),
        documents,
        more_documents,
    }
}
