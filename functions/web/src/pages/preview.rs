//! The page of the preview: what the newest orders and the ticked articles would become if the connection were active.

mod articles;
mod orders;
mod question;

use super::answer::{Answer, PageError};
use super::layout::{Layout, Tab};
use super::visit::{Visit, with_query};
use crate::preview::clients::{Asked, asked};
use crate::preview::newest::{Newest, NotListed, newest};
use crate::preview::older::{Older, older};
use crate::preview::ticked::ticked;
use crate::preview::{asked_start, lookups, settings};
use articles::Articles;
use askama::Template;
use connection::Lookups;
use domain::settings::Settings;
use http::Method;
use jiff::Timestamp;
use orders::OrderView;
use question::Question;
use runtime::error::Chain;
use std::collections::BTreeMap;
use std::time::Duration;
use store::model::ConnectionState;
use tokio::time::Instant;

/// Time within which both peers have to answer. The page must come within 20 s.
const TIME: Duration = Duration::from_secs(18);
/// Most orders shown.
const ORDERS: usize = 10;

/// Answers the requests below `/preview`.
pub async fn answer(visit: &Visit<'_>, path: &[&str]) -> Result<Answer, PageError> {
    match (&visit.request.method, path) {
        (&Method::GET, ["preview"]) => page(visit).await,
        (&Method::POST, ["preview", "units"]) => question::store(visit).await,
        _ => Err(PageError::NotFound),
    }
}

#[derive(Template)]
#[template(path = "preview/page.html")]
struct Preview {
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
    question: Option<Question>,
    no_orders: bool,
    orders: Vec<OrderView>,
    older: Option<String>,
    articles: Option<Articles>,
    /// Path of the page that activates; `None` unless the connection is inactive.
    go_on: Option<String>,
}

/// What both peers answered in time; `None` for what was not asked.
struct Gathered {
    orders: Option<Result<Newest, NotListed>>,
    older: Option<Result<Older, productflow::Error>>,
    articles: Option<Result<crate::preview::ticked::Ticked, connection::Trouble>>,
    places: BTreeMap<String, String>,
}

async fn gather(
    visit: &Visit<'_>,
    asked: &Asked,
    lookups: Option<&Lookups>,
    settings: &Settings,
    start: Timestamp,
) -> Gathered {
    let until = Instant::now() + TIME;
    let connection = visit.id();
    let of_orders = async {
        let client = asked.productflow.as_ref()?;
        Some(newest(visit.deps, connection, settings, client, lookups, ORDERS, until).await)
    };
    let of_older = async {
        let client = asked.productflow.as_ref()?;
        Some(older(client, &settings.connection, start, until).await)
    };
    let of_articles = async { Some(ticked(lookups?, &settings.connection, until).await) };
    let (orders, older, articles, places) =
        futures::join!(of_orders, of_older, of_articles, places(lookups, until));
    Gathered {
        orders,
        older,
        articles,
        places,
    }
}

/// Names of the stock locations by their ids. Without an answer the page shows the ids.
async fn places(lookups: Option<&Lookups>, until: Instant) -> BTreeMap<String, String> {
    let Some(lookups) = lookups else {
        return BTreeMap::new();
    };
    match tokio::time::timeout_at(until, lookups.robaws().stock_locations()).await {
        Ok(Ok(found)) => found
            .into_iter()
            .filter_map(|place| Some((place.id, place.name?)))
            .collect(),
        Ok(Err(error)) => {
            tracing::warn!(error = %Chain(&error), "the stock locations of a preview could not be read");
            BTreeMap::new()
        }
        Err(_) => BTreeMap::new(),
    }
}

async fn page(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let start = asked_start(visit.request)?;
    let item = &visit.item;
    let settings = settings(item, start);
    let asked = asked(visit.deps, item).await?;
    let lookups = match asked.robaws.clone() {
        Some(robaws) => Some(lookups(visit.deps, item, robaws).await),
        None => None,
    };
    let begins = start.or(item.connection.go_live).unwrap_or(visit.now);
    let gathered = gather(visit, &asked, lookups.as_ref(), &settings, begins).await;
    let page = visit.layout(super::texts::text("preview.title", visit.language), Tab::None);
    let mut notices = notices(&gathered, &page);
    let newest = match gathered.orders {
        Some(Ok(newest)) => Some(newest),
        Some(Err(NotListed::Store(error))) => return Err(error.into()),
        Some(Err(NotListed::ProductFlow)) | None => None,
    };
    if newest.as_ref().is_some_and(|newest| newest.truncated) {
        notices.push(page.t("preview.truncated"));
    }
    let question = newest
        .as_ref()
        .and_then(|newest| Question::of(visit, &page, &newest.orders, start));
    let orders: Vec<OrderView> = newest
        .iter()
        .flat_map(|newest| {
            let view = |order| OrderView::of(&page, order, &newest.catalogue, &gathered.places);
            newest.orders.iter().map(view)
        })
        .collect();
    let older = gathered.older.and_then(|older| match older {
        Ok(older) => older_words(&page, older),
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "the open orders of a preview could not be read");
            None
        }
    });
    let articles = gathered
        .articles
        .and_then(Result::ok)
        .map(|ticked| Articles::of(visit, &page, &ticked));
    let preview = Preview {
        intro: page.t(match item.connection.state {
            ConnectionState::Inactive => "preview.intro",
            ConnectionState::Active | ConnectionState::Suspended => "preview.intro_active",
        }),
        go_live: start.map(|start| (start.to_string(), page.moment(start))),
        missing: asked
            .missing
            .iter()
            .filter_map(|fault| {
                let detail = fault.detail(visit.language);
                detail["message"].as_str().map(|message| page.typeset(message))
            })
            .collect(),
        missing_path: visit.path(if page.is_set_up { "/settings" } else { "/set-up" }),
        no_orders: newest.as_ref().is_some_and(|newest| newest.orders.is_empty()),
        question,
        orders,
        older,
        articles,
        go_on: go_on(visit, start),
        notices,
        page,
    };
    Answer::html(&preview)
}

/// A notice for each peer that did not answer.
fn notices(gathered: &Gathered, page: &Layout) -> Vec<&'static str> {
    let mut notices = Vec::new();
    let no_orders = matches!(gathered.orders, Some(Err(NotListed::ProductFlow)));
    if no_orders || matches!(gathered.older, Some(Err(_))) {
        notices.push(page.t("preview.no_productflow"));
    }
    let unplanned = matches!(&gathered.orders, Some(Ok(newest)) if newest.trouble.is_some());
    if unplanned || matches!(gathered.articles, Some(Err(_))) {
        notices.push(page.t("preview.no_robaws"));
    }
    notices
}

fn older_words(page: &Layout, older: Older) -> Option<String> {
    if older.count == 0 && !older.at_least {
        return None;
    }
    let count = older.count.to_string();
    let key = match (older.at_least, older.count) {
        (false, 1) => "preview.open_order",
        (false, _) => "preview.open_orders",
        (true, _) => "preview.open_orders_at_least",
    };
    Some(page.f(key, &[("count", count.as_str())]))
}

/// Path of the page that activates, with the go-live that was asked for.
fn go_on(visit: &Visit<'_>, start: Option<Timestamp>) -> Option<String> {
    let connection = &visit.item.connection;
    if connection.state != ConnectionState::Inactive {
        return None;
    }
    let page = if connection.first_activated_at.is_none() {
        "/set-up/start"
    } else {
        "/activate"
    };
    Some(with_query(
        &visit.path(page),
        &[("go_live", start.map(|start| start.to_string()))],
    ))
}
