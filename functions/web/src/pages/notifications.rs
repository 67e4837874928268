//! Notifications: what is open, worst first, each with what to do; and what was solved.

use super::answer::{Answer, PageError};
use super::layout::{Layout, Tab};
use super::texts;
use super::visit::Visit;
use crate::notifications::bring_up_to_date;
use crate::request::order_part;
use askama::Template;
use domain::text;
use http::Method;
use std::cmp::Reverse;
use store::notifications::Notification;

/// Notifications on one page.
const PER_PAGE: usize = 50;
/// Open ones shown; with more, the worst.
const MOST_OPEN: usize = 100;

/// One in a list.
pub struct Entry {
    /// Path of its page.
    pub path: String,
    /// What is wrong.
    pub title: String,
    /// The article or the order that it is about.
    pub subject: Option<String>,
    /// How many orders wait for it, if that is more than one.
    pub orders: Option<String>,
    /// Since when, or until when.
    pub when: String,
    /// How bad it is, as a class.
    pub class: &'static str,
}

#[derive(Template)]
#[template(path = "notifications.html")]
struct List {
    page: Layout,
    is_open: bool,
    entries: Vec<Entry>,
    more: usize,
    next: Option<String>,
}

/// An order that one is on.
struct OrderLink {
    path: String,
    reference: String,
}

#[derive(Template)]
#[template(path = "notification.html")]
struct One {
    page: Layout,
    is_open: bool,
    message: String,
    fix: String,
    article: Option<String>,
    orders: Vec<OrderLink>,
    more: u64,
    opened: String,
    seen: String,
    resolved: Option<String>,
}

/// Answers a request for one of these pages.
pub async fn answer(visit: &Visit<'_>, path: &[&str]) -> Result<Answer, PageError> {
    match (&visit.request.method, path) {
        (&Method::GET, []) => match visit.request.parameter("state") {
            Some("resolved") => resolved(visit).await,
            _ => open(visit).await,
        },
        (&Method::GET, [id]) => one(visit, id).await,
        _ => Err(PageError::NotFound),
    }
}

/// What is open, worst first.
pub async fn worst_first(visit: &Visit<'_>) -> Result<Vec<Notification>, PageError> {
    bring_up_to_date(visit.deps, &visit.item).await?;
    let mut open = visit.deps.store.unfinished_notifications(visit.id()).await?;
    open.retain(Notification::is_open);
    open.sort_by_key(|told| {
        (
            told.problem.code.rank(),
            Reverse(told.orders_in_all),
            told.opened_at,
        )
    });
    Ok(open)
}

/// One as a list shows it.
pub fn entry(visit: &Visit<'_>, page: &Layout, told: &Notification) -> Entry {
    let rendered = text::render(&told.problem, visit.language);
    let only = match told.orders.as_slice() {
        [order] if told.orders_in_all == 1 => Some(order.reference.clone()),
        _ => None,
    };
    let orders = (told.orders_in_all > 1).then(|| {
        let count = told.orders_in_all.to_string();
        page.f("notifications.grouped", &[("count", &count)])
    });
    let at = |at| page.moment(at);
    Entry {
        path: visit.path(&format!("/notifications/{}", told.id)),
        title: page.typeset(&rendered.title),
        subject: told.article.clone().or(only),
        orders,
        when: match told.resolved_at {
            Some(resolved) => page.f("notifications.solved_at", &[("at", &at(resolved))]),
            None => page.f("notifications.since", &[("at", &at(told.opened_at))]),
        },
        class: match told.problem.code.rank() {
            0 | 1 => "bad",
            2 => "wait",
            _ => "note",
        },
    }
}

async fn open(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let page = layout(visit, "notifications.title");
    let open = worst_first(visit).await?;
    let entries: Vec<Entry> = open
        .iter()
        .take(MOST_OPEN)
        .map(|told| entry(visit, &page, told))
        .collect();
    Answer::html(&List {
        more: open.len() - entries.len(),
        page,
        is_open: true,
        entries,
        next: None,
    })
}

async fn resolved(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let page = layout(visit, "notifications.solved_title");
    let cursor = visit.request.parameter("cursor");
    let listed = visit
        .deps
        .store
        .list_notifications(visit.id(), Some(false), cursor, PER_PAGE)
        .await?;
    let entries = listed
        .records
        .iter()
        .map(|told| entry(visit, &page, told))
        .collect();
    let next = listed
        .cursor
        .map(|cursor| visit.path(&format!("/notifications?state=resolved&cursor={cursor}")));
    Answer::html(&List {
        page,
        is_open: false,
        entries,
        more: 0,
        next,
    })
}

fn layout(visit: &Visit<'_>, title: &'static str) -> Layout {
    visit.layout(texts::text(title, visit.language), Tab::Notifications)
}

async fn one(visit: &Visit<'_>, id: &str) -> Result<Answer, PageError> {
    bring_up_to_date(visit.deps, &visit.item).await?;
    let found = visit.deps.store.notification(visit.id(), id).await?;
    let told = found.ok_or(PageError::NotFound)?;
    let rendered = text::render(&told.problem, visit.language);
    let page = visit.layout(
        super::layout::typeset(&rendered.title, visit.language),
        Tab::Notifications,
    );
    let orders: Vec<OrderLink> = told
        .orders
        .iter()
        .map(|order| OrderLink {
            path: visit.path(&format!("/orders/{}", order_part(&order.identifier))),
            reference: order.reference.clone(),
        })
        .collect();
    let more = told
        .orders_in_all
        .saturating_sub(u64::try_from(orders.len()).unwrap_or(u64::MAX));
    let (count, last) = (told.count.to_string(), page.moment(told.last_seen_at));
    Answer::html(&One {
        is_open: told.is_open(),
        message: page.typeset(&rendered.message),
        fix: page.typeset(&rendered.fix),
        article: told.article.clone(),
        orders,
        more,
        opened: page.f("notifications.since", &[("at", &page.moment(told.opened_at))]),
        seen: page.f("notifications.count", &[("count", &count), ("at", &last)]),
        resolved: told
            .resolved_at
            .map(|at| page.f("notifications.solved_at", &[("at", &page.moment(at))])),
        page,
    })
}
