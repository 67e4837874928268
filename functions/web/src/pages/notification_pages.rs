//! The pages of notifications: the open ones, worst first; the solved ones; and one notification with what to do about it.

use super::answer::{Answer, PageError};
use super::layout::{Layout, Tab};
use super::texts;
use super::visit::Visit;
use crate::notifications_api::refresh_notifications;
use crate::request::encode_order_identifier;
use askama::Template;
use domain::text;
use http::Method;
use std::cmp::Reverse;
use store::notifications::Notification;

const PER_PAGE: usize = 50;
/// Most open notifications shown, the worst of them.
const MOST_OPEN: usize = 100;

/// A notification in a list.
pub struct NotificationEntry {
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
struct NotificationsPage {
    page: Layout,
    is_open: bool,
    entries: Vec<NotificationEntry>,
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
struct NotificationPage {
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
pub async fn route_notification_pages(visit: &Visit<'_>, path: &[&str]) -> Result<Answer, PageError> {
    match (&visit.request.method, path) {
        (&Method::GET, []) => match visit.request.query_parameter("state") {
            Some("resolved") => show_resolved_page(visit).await,
            _ => show_open_page(visit).await,
        },
        (&Method::GET, [id]) => show_notification_page(visit, id).await,
        _ => Err(PageError::NotFound),
    }
}

/// The open notifications: worst rank first, then the one with the most orders, then the oldest.
pub async fn load_open_worst_first(visit: &Visit<'_>) -> Result<Vec<Notification>, PageError> {
    refresh_notifications(visit.deps, &visit.item).await?;
    let mut open = visit.deps.store.load_unfinished_notifications(visit.id()).await?;
    open.retain(Notification::is_open);
    open.sort_by_key(|told| (told.problem.code.rank(), Reverse(told.orders_in_all), told.opened_at));
    Ok(open)
}

/// Renders a notification for a list.
pub fn render_entry(visit: &Visit<'_>, page: &Layout, told: &Notification) -> NotificationEntry {
    let rendered = text::render_problem(&told.problem, visit.language);
    let only = match told.orders.as_slice() {
        [order] if told.orders_in_all == 1 => Some(order.reference.clone()),
        _ => None,
    };
    let orders = (told.orders_in_all > 1).then(|| {
        let count = told.orders_in_all.to_string();
        page.fill_text("notifications.grouped", &[("count", &count)])
    });
    let at = |at| page.format_moment(at);
    NotificationEntry {
        path: visit.connection_path(&format!("/notifications/{}", told.id)),
        title: page.typeset_text(&rendered.title),
        subject: told.article.clone().or(only),
        orders,
        when: match told.resolved_at {
            Some(resolved) => page.fill_text("notifications.solved_at", &[("at", &at(resolved))]),
            None => page.fill_text("notifications.since", &[("at", &at(told.opened_at))]),
        },
        class: match told.problem.code.rank() {
            0 | 1 => "bad",
            2 => "wait",
            _ => "note",
        },
    }
}

async fn show_open_page(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let page = list_layout(visit, "notifications.title");
    let open = load_open_worst_first(visit).await?;
    let entries: Vec<NotificationEntry> =
        open.iter().take(MOST_OPEN).map(|told| render_entry(visit, &page, told)).collect();
    Answer::render_template(&NotificationsPage {
        more: open.len() - entries.len(),
        page,
        is_open: true,
        entries,
        next: None,
    })
}

async fn show_resolved_page(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let page = list_layout(visit, "notifications.solved_title");
    let cursor = visit.request.query_parameter("cursor");
    let listed = visit.deps.store.list_notifications(visit.id(), Some(false), cursor, PER_PAGE).await?;
    let entries = listed.records.iter().map(|told| render_entry(visit, &page, told)).collect();
    let next = listed
        .cursor
        .map(|cursor| visit.connection_path(&format!("/notifications?state=resolved&cursor={cursor}")));
    Answer::render_template(&NotificationsPage { page, is_open: false, entries, more: 0, next })
}

fn list_layout(visit: &Visit<'_>, title: &'static str) -> Layout {
    visit.page_layout(texts::text_for(title, visit.language), Tab::Notifications)
}

async fn show_notification_page(visit: &Visit<'_>, id: &str) -> Result<Answer, PageError> {
    refresh_notifications(visit.deps, &visit.item).await?;
    let found = visit.deps.store.load_notification(visit.id(), id).await?;
    let told = found.ok_or(PageError::NotFound)?;
    let rendered = text::render_problem(&told.problem, visit.language);
    let page = visit.page_layout(
        super::layout::typeset_for_language(&rendered.title, visit.language),
        Tab::Notifications,
    );
    let orders: Vec<OrderLink> = told
        .orders
        .iter()
        .map(|order| OrderLink {
            path: visit.connection_path(&format!("/orders/{}", encode_order_identifier(&order.identifier))),
            reference: order.reference.clone(),
        })
        .collect();
    let more = told.orders_in_all.saturating_sub(u64::try_from(orders.len()).unwrap_or(u64::MAX));
    let (count, last) = (told.count.to_string(), page.format_moment(told.last_seen_at));
    Answer::render_template(&NotificationPage {
        is_open: told.is_open(),
        message: page.typeset_text(&rendered.message),
        fix: page.typeset_text(&rendered.fix),
        article: told.article.clone(),
        orders,
        more,
        opened: page.fill_text("notifications.since", &[("at", &page.format_moment(told.opened_at))]),
        seen: page.fill_text("notifications.count", &[("count", &count), ("at", &last)]),
        resolved: told
            .resolved_at
            .map(|at| page.fill_text("notifications.solved_at", &[("at", &page.format_moment(at))])),
        page,
    })
}
