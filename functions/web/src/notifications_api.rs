//! API of notifications: the open and the solved ones, in words.

use crate::api_error::ApiError;
use crate::config::Deps;
use crate::handler::Reply;
use crate::request::Request;
use connection::notification_updates;
use domain::Language;
use domain::text;
use jiff::Timestamp;
use serde_json::{Value, json};
use store::StoreError;
use store::model::ConnectionItem;
use store::notifications::Notification;

/// `GET …/notifications?state=&lang=`: lists notifications.
pub(crate) async fn list_notifications(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
) -> Result<Reply, ApiError> {
    let is_open = parse_state_filter(request)?;
    let language = parse_language(request, item)?;
    let limit = request.parse_limit(50, 100)?;
    refresh_notifications(deps, item).await?;
    let page = deps
        .store
        .list_notifications(&item.connection.id, is_open, request.query_parameter("cursor"), limit)
        .await?;
    let items: Vec<Value> =
        page.records.iter().map(|notification| render_notification_json(notification, language)).collect();
    Ok(Reply::ok(json!({ "items": items, "cursor": page.cursor })))
}

fn parse_state_filter(request: &Request) -> Result<Option<bool>, ApiError> {
    match request.query_parameter("state") {
        None | Some("open") => Ok(Some(true)),
        Some("resolved") => Ok(Some(false)),
        Some("all") => Ok(None),
        Some(_) => Err(ApiError::bad_request("state", "must be one of open, resolved, all")),
    }
}

fn parse_language(request: &Request, item: &ConnectionItem) -> Result<Language, ApiError> {
    match request.query_parameter("lang") {
        None => Ok(item.connection.language),
        Some(tag) => Language::from_tag(tag).ok_or_else(|| {
            let tags = Language::TAGS.join(", ");
            ApiError::bad_request("lang", format!("must be one of {tags}"))
        }),
    }
}

/// Groups the open problems into notifications again, so that those of the last minutes are in the list, too. The tasks in
/// Robaws are made and closed by the poll.
pub(crate) async fn refresh_notifications(deps: &Deps, item: &ConnectionItem) -> Result<(), StoreError> {
    let now: Timestamp = deps.clock.now();
    if notification_updates::has_few_open(item) || notification_updates::may_be_outdated(item, now) {
        notification_updates::update_notifications(&deps.store, item, None, now).await?;
    }
    Ok(())
}

fn render_notification_json(notification: &Notification, language: Language) -> Value {
    let rendered = text::render_problem(&notification.problem, language);
    let orders: Vec<&str> = notification.orders.iter().map(|order| order.identifier.as_str()).collect();
    let only = match orders.as_slice() {
        [only] if notification.orders_in_all == 1 => Some(*only),
        _ => None,
    };
    json!({
        "id": notification.id,
        "code": notification.problem.code.as_str(),
        "title": rendered.title,
        "message": rendered.message,
        "fix": rendered.fix,
        "order": only,
        "orders": orders,
        "orders_in_all": notification.orders_in_all,
        "article": notification.article,
        "state": if notification.is_open() { "open" } else { "resolved" },
        "count": notification.count,
        "opened_at": notification.opened_at,
        "last_seen_at": notification.last_seen_at,
        "resolved_at": notification.resolved_at,
    })
}
