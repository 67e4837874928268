//! The page of the preview: what the newest orders and the ticked articles would become if the connection were active.

mod amounts_question;
mod article_preview;
mod order_preview;

use super::answer::{Answer, PageError};
use super::layout::{Layout, Tab};
use super::visit::{Visit, with_query};
use crate::preview::newest_orders::{NewestOrders, NewestOrdersError, plan_newest_orders};
use crate::preview::older_orders::{OlderOrders, count_older_orders};
use crate::preview::preview_clients::{PreviewClients, load_preview_clients};
use crate::preview::ticked_articles::read_ticked_articles;
use crate::preview::{create_lookups, parse_go_live, preview_settings};
use amounts_question::AmountsQuestion;
use article_preview::ArticlePreview;
use askama::Template;
use connection::Lookups;
use domain::settings::Settings;
use http::Method;
use jiff::Timestamp;
use order_preview::OrderView;
use runtime::error::Chain;
use std::collections::BTreeMap;
use std::time::Duration;
use store::model::ConnectionState;
use tokio::time::Instant;

/// Time within which both peers have to answer. The page must come within 20 s.
const ASKING_TIME: Duration = Duration::from_secs(18);
/// Most orders shown.
const MOST_ORDERS: usize = 10;

/// Answers the requests below `/preview`.
pub async fn route_preview_pages(visit: &Visit<'_>, path: &[&str]) -> Result<Answer, PageError> {
    match (&visit.request.method, path) {
        (&Method::GET, ["preview"]) => show_preview_page(visit).await,
        (&Method::POST, ["preview", "units"]) => amounts_question::take_units_form(visit).await,
        _ => Err(PageError::NotFound),
    }
}

#[derive(Template)]
#[template(path = "preview/page.html")]
struct PreviewPage {
    page: Layout,
    intro: &'static str,
    /// The go-live that was asked for: as RFC 3339 for the forms, and in words.
    go_live: Option<(String, String)>,
    /// Messages about what is required for activation and still empty.
    missing: Vec<String>,
    /// Path of the page on which that can be filled in.
    missing_path: String,
    /// Why parts of the preview are missing.
    notices: Vec<&'static str>,
    question: Option<AmountsQuestion>,
    no_orders: bool,
    orders: Vec<OrderView>,
    older: Option<String>,
    articles: Option<ArticlePreview>,
    /// Path of the page that activates; `None` unless the connection is inactive.
    go_on: Option<String>,
}

/// What both peers answered in time; `None` for what was not asked.
struct PreviewAnswers {
    orders: Option<Result<NewestOrders, NewestOrdersError>>,
    older: Option<Result<OlderOrders, productflow::Error>>,
    articles: Option<Result<crate::preview::ticked_articles::TickedArticles, connection::Trouble>>,
    places: BTreeMap<String, String>,
}

async fn gather_answers(
    visit: &Visit<'_>,
    asked: &PreviewClients,
    lookups: Option<&Lookups>,
    settings: &Settings,
    start: Timestamp,
) -> PreviewAnswers {
    let until = Instant::now() + ASKING_TIME;
    let connection = visit.id();
    let of_orders = async {
        let client = asked.productflow.as_ref()?;
        Some(plan_newest_orders(visit.deps, connection, settings, client, lookups, MOST_ORDERS, until).await)
    };
    let of_older = async {
        let client = asked.productflow.as_ref()?;
        Some(count_older_orders(client, &settings.connection, start, until).await)
    };
    let of_articles = async { Some(read_ticked_articles(lookups?, &settings.connection, until).await) };
    let (orders, older, articles, places) =
        futures::join!(of_orders, of_older, of_articles, load_location_names(lookups, until));
    PreviewAnswers { orders, older, articles, places }
}

/// Names of the stock locations by their ids. Without an answer the page shows the ids.
async fn load_location_names(lookups: Option<&Lookups>, until: Instant) -> BTreeMap<String, String> {
    let Some(lookups) = lookups else {
        return BTreeMap::new();
    };
    match tokio::time::timeout_at(until, lookups.robaws().read_stock_locations()).await {
        Ok(Ok(found)) => found.into_iter().filter_map(|place| Some((place.id, place.name?))).collect(),
        Ok(Err(error)) => {
            tracing::warn!(error = %Chain(&error), "the stock locations of a preview could not be read");
            BTreeMap::new()
        }
        Err(_) => BTreeMap::new(),
    }
}

async fn show_preview_page(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let start = parse_go_live(visit.request)?;
    let item = &visit.item;
    let settings = preview_settings(item, start);
    let asked = load_preview_clients(visit.deps, item).await?;
    let lookups = match asked.robaws.clone() {
        Some(robaws) => Some(create_lookups(visit.deps, item, robaws).await),
        None => None,
    };
    let begins = start.or(item.connection.go_live).unwrap_or(visit.now);
    let gathered = gather_answers(visit, &asked, lookups.as_ref(), &settings, begins).await;
    let page = visit.page_layout(super::texts::text_for("preview.title", visit.language), Tab::None);
    let mut notices = silent_peer_notices(&gathered, &page);
    let newest = match gathered.orders {
        Some(Ok(newest)) => Some(newest),
        Some(Err(NewestOrdersError::Store(error))) => return Err(error.into()),
        Some(Err(NewestOrdersError::ProductFlow)) | None => None,
    };
    if newest.as_ref().is_some_and(|newest| newest.truncated) {
        notices.push(page.text_for("preview.truncated"));
    }
    let question =
        newest.as_ref().and_then(|newest| AmountsQuestion::for_orders(visit, &page, &newest.orders, start));
    let orders: Vec<OrderView> = newest
        .iter()
        .flat_map(|newest| {
            let view = |order| OrderView::from_planned(&page, order, &newest.catalogue, &gathered.places);
            newest.orders.iter().map(view)
        })
        .collect();
    let older = gathered.older.and_then(|older| match older {
        Ok(older) => describe_older_orders(&page, older),
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "the open orders of a preview could not be read");
            None
        }
    });
    let articles = gathered
        .articles
        .and_then(Result::ok)
        .map(|ticked| ArticlePreview::from_ticked(visit, &page, &ticked));
    let preview = PreviewPage {
        intro: page.text_for(match item.connection.state {
            ConnectionState::Inactive => "preview.intro",
            ConnectionState::Active | ConnectionState::Suspended => "preview.intro_active",
        }),
        go_live: start.map(|start| (start.to_string(), page.format_moment(start))),
        missing: asked
            .missing
            .iter()
            .filter_map(|fault| {
                let detail = fault.to_json_detail(visit.language);
                detail["message"].as_str().map(|message| page.typeset_text(message))
            })
            .collect(),
        missing_path: visit.connection_path(if page.is_set_up { "/settings" } else { "/set-up" }),
        no_orders: newest.as_ref().is_some_and(|newest| newest.orders.is_empty()),
        question,
        orders,
        older,
        articles,
        go_on: activation_path(visit, start),
        notices,
        page,
    };
    Answer::render_template(&preview)
}

/// A notice for each peer that did not answer.
fn silent_peer_notices(gathered: &PreviewAnswers, page: &Layout) -> Vec<&'static str> {
    let mut notices = Vec::new();
    let no_orders = matches!(gathered.orders, Some(Err(NewestOrdersError::ProductFlow)));
    if no_orders || matches!(gathered.older, Some(Err(_))) {
        notices.push(page.text_for("preview.no_productflow"));
    }
    let unplanned = matches!(&gathered.orders, Some(Ok(newest)) if newest.trouble.is_some());
    if unplanned || matches!(gathered.articles, Some(Err(_))) {
        notices.push(page.text_for("preview.no_robaws"));
    }
    notices
}

fn describe_older_orders(page: &Layout, older: OlderOrders) -> Option<String> {
    if older.count == 0 && !older.at_least {
        return None;
    }
    let count = older.count.to_string();
    let key = match (older.at_least, older.count) {
        (false, 1) => "preview.open_order",
        (false, _) => "preview.open_orders",
        (true, _) => "preview.open_orders_at_least",
    };
    Some(page.fill_text(key, &[("count", count.as_str())]))
}

/// Path of the page that activates, with the go-live that was asked for.
fn activation_path(visit: &Visit<'_>, start: Option<Timestamp>) -> Option<String> {
    let connection = &visit.item.connection;
    if connection.state != ConnectionState::Inactive {
        return None;
    }
    let page = if connection.first_activated_at.is_none() { "/set-up/start" } else { "/activate" };
    Some(with_query(&visit.connection_path(page), &[("go_live", start.map(|start| start.to_string()))]))
}
