//! The pages of notifications: the open ones, worst first; the solved ones; and one notification with what to do about it.

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

const PER_PAGE: usize = 50;
/// Most open notifications shown, the worst of them.
const MOST_OPEN: usize = 100;

/// A notification in a list.
pub struct Entry {
    /// Path of the page of the notification.
    pub path: String,
    pub title: String,
    /// Number of the article, or reference of the only order, that the notification is about.
    pub subject: Option<String>,
    /// How many orders wait for a solution, if that is more than one.
    pub orders: Option<String>,
    /// Since when it is open, or when it was solved.
    pub when: String,
    /// Class of its colour, by its rank.
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

/// A link to an order that the notification is about.
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

/// Answers the requests below `/notifications`.
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

/// The open notifications: worst rank first, then the one with the most orders, then the oldest.
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

/// Renders a notification for a list.
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
