//! The list of orders, newest first: filtered by state, searched by any of their numbers; and the form for a month's file.

use super::super::answer::{Answer, PageError};
use super::super::layout::{Layout, Tab};
use super::super::texts;
use super::super::visit::Visit;
use super::words::{self, Link};
use crate::orders::state_of;
use askama::Template;
use domain::ids::OrderIdentifier;
use domain::invoice::bookkeeping_day;
use http::StatusCode;
use store::model::OrderRecord;
use store::orders::OrderFilter;

/// Orders on one page.
const PAGE: usize = 25;
/// Most documents shown of one order.
const MOST_DOCUMENTS: usize = 4;
/// The value of the state filter that stands for all orders that wait for people.
const WAITING: &str = "mine";
const STATES: [&str; 8] = [
    "blocked", "in_doubt", "conflict", "waiting", "booked", "invoiced", "reversed", "skipped",
];
/// Longest text searched for, in characters.
const MOST_SEARCHED: usize = 200;

#[derive(Template)]
#[template(path = "orders.html")]
struct List {
    page: Layout,
    action: String,
    search: String,
    choices: Vec<Choice>,
    rows: Vec<Row>,
    /// The text shown instead of an empty table.
    empty: &'static str,
    older: Option<String>,
    older_text: &'static str,
    is_first: bool,
    is_filtered: bool,
    month: String,
    month_fault: Option<&'static str>,
}

struct Choice {
    value: &'static str,
    text: String,
    chosen: bool,
}

struct Row {
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
pub async fn answer(visit: &Visit<'_>) -> Result<Answer, PageError> {
    render(visit, None).await
}

/// The list with a fault at the form for a month's file, because `typed` is no month.
pub async fn with_month_fault(visit: &Visit<'_>, typed: &str) -> Result<Answer, PageError> {
    let answer = render(visit, Some(typed)).await?;
    Ok(answer.with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

async fn render(visit: &Visit<'_>, wrong_month: Option<&str>) -> Result<Answer, PageError> {
    let page = visit.layout(texts::text("menu.orders", visit.language), Tab::Orders);
    let asked = visit.request.parameter("state").unwrap_or_default();
    let search = visit.request.parameter("q").unwrap_or_default().trim();
    let search = words::cut(search, MOST_SEARCHED);
    let filter = OrderFilter {
        // An unknown state filters nothing, so that an old link does not end in an error.
        state: state_of(asked).ok(),
        waits_for_people: asked == WAITING,
        text: (!search.is_empty()).then(|| search.clone()),
    };
    let cursor = visit.request.parameter("cursor");
    let (records, next) = found(visit, &filter, cursor).await?;
    let is_filtered = filter.state.is_some() || filter.waits_for_people || filter.text.is_some();
    let list = List {
        action: visit.path("/orders"),
        choices: choices(&page, asked),
        rows: records.iter().map(|record| row(visit, &page, record)).collect(),
        empty: empty(&page, &filter, next.is_some(), cursor.is_some()),
        older_text: page.t(if is_filtered {
            "orders.search_on"
        } else {
            "orders.older"
        }),
        older: next.map(|cursor| older(visit, asked, &search, &cursor)),
        is_first: cursor.is_none(),
        is_filtered,
        month: wrong_month.map_or_else(
            || bookkeeping_day(visit.now).strftime("%Y-%m").to_string(),
            str::to_owned,
        ),
        month_fault: wrong_month.map(|_| page.t("orders.month_fault")),
        search,
        page,
    };
    Answer::html(&list)
}

/// Reads one page of orders and the cursor of the next. An order whose identifier equals the search comes first, however old.
async fn found(
    visit: &Visit<'_>,
    filter: &OrderFilter,
    cursor: Option<&str>,
) -> Result<(Vec<OrderRecord>, Option<String>), PageError> {
    let store = &visit.deps.store;
    let exact = filter
        .text
        .as_deref()
        .and_then(|text| OrderIdentifier::parse(text).ok());
    let mut records = Vec::new();
    if let (Some(identifier), None) = (&exact, cursor) {
        let known = store.order(visit.id(), identifier).await?;
        records.extend(known.filter(|record| filter.matches(record)));
    }
    let listed = store.list_orders(visit.id(), filter, cursor, PAGE).await?;
    let others = listed
        .records
        .into_iter()
        .filter(|record| Some(&record.ledger.identifier) != exact.as_ref());
    records.extend(others);
    Ok((records, listed.cursor))
}

fn choices(page: &Layout, asked: &str) -> Vec<Choice> {
    let choice = |value: &'static str, text: String| Choice {
        value,
        chosen: value == asked,
        text,
    };
    let named = [
        choice("", page.t("orders.all").to_owned()),
        choice(WAITING, page.t("orders.mine").to_owned()),
    ];
    let states = STATES
        .into_iter()
        .map(|state| choice(state, page.of("order_state", state)));
    named.into_iter().chain(states).collect()
}

fn empty(page: &Layout, filter: &OrderFilter, goes_on: bool, is_later: bool) -> &'static str {
    page.t(match filter {
        _ if goes_on => "orders.none_yet_found",
        OrderFilter {
            waits_for_people: true,
            text: None,
            ..
        } => "orders.nothing_waits",
        OrderFilter {
            state: None,
            text: None,
            ..
        } if !is_later => "orders.none",
        _ => "orders.none_found",
    })
}

fn older(visit: &Visit<'_>, state: &str, search: &str, cursor: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("state", state), ("q", search), ("cursor", cursor)] {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    visit.path(&format!("/orders?{}", query.finish()))
}

fn row(visit: &Visit<'_>, page: &Layout, record: &OrderRecord) -> Row {
    let language = visit.language;
    let identifier = &record.ledger.identifier;
    let mut documents: Vec<Link> = words::standing(record)
        .filter_map(|row| {
            let number = words::number(row)?;
            let text = format!("{} {}", words::effect(row, language), words::shortened(&number));
            words::document(row, text, visit.deps)
        })
        .collect();
    let more_documents = documents.len().saturating_sub(MOST_DOCUMENTS);
    // The newest documents tell most, and an invoice is among them.
    documents.drain(..more_documents);
    let number = record.external_identifier.as_deref();
    Row {
        href: visit.path(&super::path_of(identifier)),
        number: words::shortened(number.unwrap_or(identifier.as_str())),
        identifier: number.map(|_| words::shortened(identifier.as_str())),
        marketplace: record.marketplace.as_deref().map(words::shortened),
        placed: record
            .placed_at
            .map_or_else(|| "–".to_owned(), |at| page.moment(at)),
        status: words::status(record, language),
        state: words::state(record, language),
        class: words::state_class(record),
        reason: words::reason(record, page),
        total: record
            .total
            .map_or_else(|| "–".to_owned(), |total| page.amount(total)),
        country: words::country(record, language),
        documents,
        more_documents,
    }
}
