//! The page of articles: what ProductFlow has of each article, what is wrong with it, and the sweeps that can be asked for.

mod article_row;
mod running_sweeps;

use super::answer::{Answer, PageError};
use super::layout::{Layout, Tab};
use super::problem_words::ProblemWords;
use super::visit::{Visit, with_query};
use crate::articles_api;
use article_row::ArticleRow;
use askama::Template;
use domain::ids::Sku;
use domain::problem::ProblemCode;
use http::{Method, StatusCode};
use serde_json::json;
use std::collections::BTreeSet;
use store::article_record::{ArticleRecord, ArticleState};
use store::model::ConnectionState;
use store::queue::Sweep;

/// Articles on one page.
const PER_PAGE: usize = 50;

/// Answers the requests below `/articles`.
pub async fn route_article_pages(visit: &Visit<'_>, path: &[&str]) -> Result<Answer, PageError> {
    match (&visit.request.method, path) {
        (&Method::GET, []) => show_articles_page(visit, None).await,
        (&Method::GET, ["tick"]) => show_tick_confirmation(visit),
        (&Method::POST, ["tick"]) => take_tick_form(visit).await,
        (&Method::POST, ["push"]) => take_push_form(visit).await,
        (&Method::POST, ["check"]) => take_check_form(visit).await,
        (&Method::POST, ["withdraw"]) => take_withdrawal_form(visit).await,
        _ => Err(PageError::NotFound),
    }
}

#[derive(Template)]
#[template(path = "articles/list.html")]
struct ArticlesPage {
    page: Layout,
    /// Whether the connection is active, so that sweeps may be asked for.
    is_active: bool,
    fault: Option<&'static str>,
    problems: Vec<ProblemWords>,
    /// Withdrawals that the nightly check holds back until the merchant confirms them.
    held: Option<HeldWithdrawals>,
    running: Vec<String>,
    states: Vec<(&'static str, &'static str, bool)>,
    number: String,
    rows: Vec<ArticleRow>,
    /// Whether the column of sale prices is shown: they are sent now, or were sent for an article of this page.
    with_sale_price: bool,
    /// What to do about the problems of the rows, each problem code once.
    fixes: Vec<ProblemWords>,
    empty: Option<&'static str>,
    next: Option<String>,
    /// Path of the first page, on every other page.
    first: Option<String>,
}

struct HeldWithdrawals {
    told: ProblemWords,
    count: u64,
    button: String,
}

#[derive(Template)]
#[template(path = "articles/tick.html")]
struct TickConfirmationPage {
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

async fn show_articles_page(visit: &Visit<'_>, fault: Option<&'static str>) -> Result<Answer, PageError> {
    let asked = visit.request.query_parameter("state").unwrap_or_default();
    let (word, state, _) = STATES.into_iter().find(|(word, ..)| *word == asked).ok_or(PageError::NotFound)?;
    let number = visit.request.query_parameter("number").map(str::trim).unwrap_or_default();
    let cursor = visit.request.query_parameter("cursor");
    let (records, next) = if number.is_empty() {
        let store = &visit.deps.store;
        let found = store.list_articles(visit.id(), state, cursor, PER_PAGE).await?;
        (found.records, found.cursor)
    } else {
        (find_articles_by_number(visit, number).await?, None)
    };
    let page = visit.page_layout(super::texts::text_for("menu.articles", visit.language), Tab::Articles);
    let is_further = cursor.is_some();
    let empty = records.is_empty().then(|| {
        page.text_for(match (number.is_empty(), state) {
            (false, _) => "articles.none_with_number",
            // A page of a filtered list may be empty although further pages have articles.
            (true, _) if next.is_some() => "articles.none_here",
            (true, Some(_)) => "articles.none_in_state",
            (true, None) if is_further => "articles.none_here",
            (true, None) => "articles.none",
        })
    });
    let of_list = |cursor: Option<String>| {
        let parameters = [("state", non_empty_word(word)), ("cursor", cursor)];
        with_query(&visit.connection_path("/articles"), &parameters)
    };
    let rows: Vec<ArticleRow> = records.iter().map(|record| ArticleRow::from_record(record, &page)).collect();
    let list = ArticlesPage {
        is_active: is_active(visit),
        fault: fault.map(|key| page.text_for(key)),
        problems: describe_connection_problems(visit, &page),
        held: find_held_withdrawals(visit, &page),
        running: running_sweeps::describe_running_sweeps(visit, &page),
        states: STATES.iter().map(|(other, _, key)| (*other, page.text_for(key), *other == word)).collect(),
        number: number.to_owned(),
        fixes: collect_fixes(&rows),
        with_sale_price: visit.item.connection.settings.send_sale_price
            || rows.iter().any(|row| row.sale_price.is_some()),
        rows,
        empty,
        next: next.map(|cursor| of_list(Some(cursor))),
        first: is_further.then(|| of_list(None)),
        page,
    };
    let answer = Answer::render_template(&list)?;
    Ok(if fault.is_some() { answer.with_status(StatusCode::UNPROCESSABLE_ENTITY) } else { answer })
}

fn collect_fixes(rows: &[ArticleRow]) -> Vec<ProblemWords> {
    let mut fixes: Vec<ProblemWords> = Vec::new();
    for told in rows.iter().flat_map(|row| &row.problems) {
        if fixes.iter().all(|known| known.code != told.code) {
            fixes.push(told.clone());
        }
    }
    fixes
}

fn non_empty_word(word: &str) -> Option<String> {
    (!word.is_empty()).then(|| word.to_owned())
}

/// The article that was last sent under exactly this number, and the articles that share the number.
async fn find_articles_by_number(visit: &Visit<'_>, number: &str) -> Result<Vec<ArticleRecord>, PageError> {
    let Ok(sku) = Sku::parse(number) else {
        return Ok(Vec::new());
    };
    let store = &visit.deps.store;
    let known = store.load_number(visit.id(), &sku).await?;
    let ids: BTreeSet<_> = known.namesakes.into_iter().chain(known.article_id).collect();
    let mut found: Vec<ArticleRecord> = store.load_articles(visit.id(), &ids).await?.into_values().collect();
    found.sort_by(|a, b| a.article_id.cmp(&b.article_id));
    found.truncate(PER_PAGE);
    Ok(found)
}

/// The problems of the connection that keep all articles from being sent.
fn describe_connection_problems(visit: &Visit<'_>, page: &Layout) -> Vec<ProblemWords> {
    let open = visit.item.problems.get(&ProblemCode::CheckboxMissing);
    open.iter().map(|open| ProblemWords::from_problem(&open.problem, page)).collect()
}

fn find_held_withdrawals(visit: &Visit<'_>, page: &Layout) -> Option<HeldWithdrawals> {
    let open = visit.item.problems.get(&ProblemCode::WithdrawalHeld)?;
    let count = visit.item.sweep_state(Sweep::Reconcile).progress.held;
    (count > 0).then(|| {
        let shown = count.to_string();
        HeldWithdrawals {
            told: ProblemWords::from_problem(&open.problem, page),
            count,
            button: page.fill_text("articles.withdraw", &[("count", shown.as_str())]),
        }
    })
}

fn show_tick_confirmation(visit: &Visit<'_>) -> Result<Answer, PageError> {
    crate::orders_api::must_be_active(&visit.item)?;
    let page =
        visit.page_layout(super::texts::text_for("articles.tick_title", visit.language), Tab::Articles);
    Answer::render_template(&TickConfirmationPage { page })
}

async fn take_tick_form(visit: &Visit<'_>) -> Result<Answer, PageError> {
    visit.take_form()?;
    let request = visit.request.to_api_request(&json!({ "all": true }));
    articles_api::tick_all_articles(visit.deps, &request, &visit.item).await?;
    Ok(visit.redirect_to("/articles", Some("tick_asked")))
}

async fn take_push_form(visit: &Visit<'_>) -> Result<Answer, PageError> {
    visit.take_form()?;
    articles_api::push_all_articles(visit.deps, &visit.request.to_api_request(&json!({})), &visit.item)
        .await?;
    Ok(visit.redirect_to("/articles", Some("push_asked")))
}

async fn take_check_form(visit: &Visit<'_>) -> Result<Answer, PageError> {
    visit.take_form()?;
    articles_api::start_reconciliation(visit.deps, &visit.request.to_api_request(&json!({})), &visit.item)
        .await?;
    Ok(visit.redirect_to("/articles", Some("check_asked")))
}

/// Confirms the withdrawals that are held back. Their number may have changed since the page was shown; then nothing is
/// confirmed and the page is shown again.
async fn take_withdrawal_form(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let form = visit.take_form()?;
    let shown = form.field_value("count").and_then(|count| count.parse::<u64>().ok());
    let held = visit.item.sweep_state(Sweep::Reconcile).progress.held;
    if held == 0 || shown != Some(held) {
        return show_articles_page(visit, Some("articles.withdraw_changed")).await;
    }
    let request = visit.request.to_api_request(&json!({ "confirm_withdrawals": true }));
    articles_api::start_reconciliation(visit.deps, &request, &visit.item).await?;
    Ok(visit.redirect_to("/articles", Some("withdraw_asked")))
}
