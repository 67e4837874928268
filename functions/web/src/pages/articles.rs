//! The page of articles: what ProductFlow has of each article, what is wrong with it, and the sweeps that can be asked for.

mod rows;
mod sweeps;

use super::answer::{Answer, PageError};
use super::layout::{Layout, Tab};
use super::told::Told;
use super::visit::{Visit, with_query};
use crate::articles;
use askama::Template;
use domain::ids::Sku;
use domain::problem::ProblemCode;
use http::{Method, StatusCode};
use rows::Row;
use serde_json::json;
use std::collections::BTreeSet;
use store::article::{ArticleRecord, ArticleState};
use store::model::ConnectionState;
use store::queue::Sweep;

/// Articles on one page.
const PER_PAGE: usize = 50;

/// Answers the requests below `/articles`.
pub async fn answer(visit: &Visit<'_>, path: &[&str]) -> Result<Answer, PageError> {
    match (&visit.request.method, path) {
        (&Method::GET, []) => list(visit, None).await,
        (&Method::GET, ["tick"]) => confirm(visit),
        (&Method::POST, ["tick"]) => tick(visit).await,
        (&Method::POST, ["push"]) => push(visit).await,
        (&Method::POST, ["check"]) => check(visit).await,
        (&Method::POST, ["withdraw"]) => withdraw(visit).await,
        _ => Err(PageError::NotFound),
    }
}

#[derive(Template)]
#[template(path = "articles/list.html")]
struct Articles {
    page: Layout,
    /// Whether the connection is active, so that sweeps may be asked for.
    is_active: bool,
    fault: Option<&'static str>,
    problems: Vec<Told>,
    /// Withdrawals that the nightly check holds back until the merchant confirms them.
    held: Option<Held>,
    running: Vec<String>,
    states: Vec<(&'static str, &'static str, bool)>,
    number: String,
    rows: Vec<Row>,
    /// Whether the column of sale prices is shown: they are sent now, or were sent for an article of this page.
    with_sale_price: bool,
    /// What to do about the problems of the rows, each problem code once.
    fixes: Vec<Told>,
    empty: Option<&'static str>,
    next: Option<String>,
    /// Path of the first page, on every other page.
    first: Option<String>,
}

struct Held {
    told: Told,
    count: u64,
    button: String,
}

#[derive(Template)]
#[template(path = "articles/tick.html")]
struct Confirm {
    page: Layout,
}

/// The states to filter by: the word of the query, the state, and the key of its text.
const STATES: [(&str, Option<ArticleState>, &str); 5] = [
    ("", None, "articles.all"),
    ("sent", Some(ArticleState::Sent), "articles.state_sent"),
    ("due", Some(ArticleState::Due), "articles.state_waiting"),
    ("problem", Some(ArticleState::Problem), "articles.filter_problem"),
    ("off", Some(ArticleState::Off), "articles.filter_off"),
];

fn is_active(visit: &Visit<'_>) -> bool {
    visit.item.connection.state == ConnectionState::Active
}

async fn list(visit: &Visit<'_>, fault: Option<&'static str>) -> Result<Answer, PageError> {
    let asked = visit.request.parameter("state").unwrap_or_default();
    let (word, state, _) = STATES
        .into_iter()
        .find(|(word, ..)| *word == asked)
        .ok_or(PageError::NotFound)?;
    let number = visit
        .request
        .parameter("number")
        .map(str::trim)
        .unwrap_or_default();
    let cursor = visit.request.parameter("cursor");
    let (records, next) = if number.is_empty() {
        let store = &visit.deps.store;
        let found = store.list_articles(visit.id(), state, cursor, PER_PAGE).await?;
        (found.records, found.cursor)
    } else {
        (of_number(visit, number).await?, None)
    };
    let page = visit.layout(super::texts::text("menu.articles", visit.language), Tab::Articles);
    let is_further = cursor.is_some();
    let empty = records.is_empty().then(|| {
        page.t(match (number.is_empty(), state) {
            (false, _) => "articles.none_with_number",
            // A page of a filtered list may be empty although further pages have articles.
            (true, _) if next.is_some() => "articles.none_here",
            (true, Some(_)) => "articles.none_in_state",
            (true, None) if is_further => "articles.none_here",
            (true, None) => "articles.none",
        })
    });
    let of_list = |cursor: Option<String>| {
        let parameters = [("state", some(word)), ("cursor", cursor)];
        with_query(&visit.path("/articles"), &parameters)
    };
    let rows: Vec<Row> = records.iter().map(|record| Row::of(record, &page)).collect();
    let list = Articles {
        is_active: is_active(visit),
        fault: fault.map(|key| page.t(key)),
        problems: problems(visit, &page),
        held: held(visit, &page),
        running: sweeps::running(visit, &page),
        states: STATES
            .iter()
            .map(|(other, _, key)| (*other, page.t(key), *other == word))
            .collect(),
        number: number.to_owned(),
        fixes: fixes(&rows),
        with_sale_price: visit.item.connection.settings.send_sale_price
            || rows.iter().any(|row| row.sale_price.is_some()),
        rows,
        empty,
        next: next.map(|cursor| of_list(Some(cursor))),
        first: is_further.then(|| of_list(None)),
        page,
    };
    let answer = Answer::html(&list)?;
    Ok(if fault.is_some() {
        answer.with_status(StatusCode::UNPROCESSABLE_ENTITY)
    } else {
        answer
    })
}

fn fixes(rows: &[Row]) -> Vec<Told> {
    let mut fixes: Vec<Told> = Vec::new();
    for told in rows.iter().flat_map(|row| &row.problems) {
        if fixes.iter().all(|known| known.code != told.code) {
            fixes.push(told.clone());
        }
    }
    fixes
}

fn some(word: &str) -> Option<String> {
    (!word.is_empty()).then(|| word.to_owned())
}

/// The article that was last sent under exactly this number, and the articles that share the number.
async fn of_number(visit: &Visit<'_>, number: &str) -> Result<Vec<ArticleRecord>, PageError> {
    let Ok(sku) = Sku::parse(number) else {
        return Ok(Vec::new());
    };
    let store = &visit.deps.store;
    let known = store.number(visit.id(), &sku).await?;
    let ids: BTreeSet<_> = known.namesakes.into_iter().chain(known.article_id).collect();
    let mut found: Vec<ArticleRecord> = store.articles(visit.id(), &ids).await?.into_values().collect();
    found.sort_by(|a, b| a.article_id.cmp(&b.article_id));
    found.truncate(PER_PAGE);
    Ok(found)
}

/// The problems of the connection that keep all articles from being sent.
fn problems(visit: &Visit<'_>, page: &Layout) -> Vec<Told> {
    let open = visit.item.problems.get(&ProblemCode::CheckboxMissing);
    open.iter().map(|open| Told::of(&open.problem, page)).collect()
}

fn held(visit: &Visit<'_>, page: &Layout) -> Option<Held> {
    let open = visit.item.problems.get(&ProblemCode::WithdrawalHeld)?;
    let count = visit.item.sweep(Sweep::Reconcile).progress.held;
    (count > 0).then(|| {
        let shown = count.to_string();
        Held {
            told: Told::of(&open.problem, page),
            count,
            button: page.f("articles.withdraw", &[("count", shown.as_str())]),
        }
    })
}

fn confirm(visit: &Visit<'_>) -> Result<Answer, PageError> {
    crate::orders::must_be_active(&visit.item)?;
    let page = visit.layout(
        super::texts::text("articles.tick_title", visit.language),
        Tab::Articles,
    );
    Answer::html(&Confirm { page })
}

async fn tick(visit: &Visit<'_>) -> Result<Answer, PageError> {
    visit.form()?;
    let request = visit.request.of_page(&json!({ "all": true }));
    articles::tick(visit.deps, &request, &visit.item).await?;
    Ok(visit.go("/articles", Some("tick_asked")))
}

async fn push(visit: &Visit<'_>) -> Result<Answer, PageError> {
    visit.form()?;
    articles::push(visit.deps, &visit.request.of_page(&json!({})), &visit.item).await?;
    Ok(visit.go("/articles", Some("push_asked")))
}

async fn check(visit: &Visit<'_>) -> Result<Answer, PageError> {
    visit.form()?;
    articles::reconcile(visit.deps, &visit.request.of_page(&json!({})), &visit.item).await?;
    Ok(visit.go("/articles", Some("check_asked")))
}

/// Confirms the withdrawals that are held back. Their number may have changed since the page was shown; then nothing is
/// confirmed and the page is shown again.
async fn withdraw(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let form = visit.form()?;
    let shown = form.value("count").and_then(|count| count.parse::<u64>().ok());
    let held = visit.item.sweep(Sweep::Reconcile).progress.held;
    if held == 0 || shown != Some(held) {
        return list(visit, Some("articles.withdraw_changed")).await;
    }
    let request = visit.request.of_page(&json!({ "confirm_withdrawals": true }));
    articles::reconcile(visit.deps, &request, &visit.item).await?;
    Ok(visit.go("/articles", Some("withdraw_asked")))
}
