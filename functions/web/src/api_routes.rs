//! The routes of the API. Every path under `/api` asks for the operator's token before anything else.

use crate::api_error::ApiError;
use crate::config::Deps;
use crate::handler::{Reply, name_connection_in_logs, name_order_in_logs};
use crate::request::{Request, decode_order_identifier};
use crate::{
    activation, articles_api, choose, connection_lifecycle, connections_api, notifications_api, orders_api,
    preview, settle, sign_in_links,
};
use domain::ids::{ConnectionId, OrderIdentifier};
use http::{Method, StatusCode};
use serde_json::json;
use store::model::ConnectionItem;

/// Whether the request is for the API. Every other request is for a page.
pub(crate) fn is_api_request(request: &Request) -> bool {
    let first = request.path.first().map(String::as_str);
    matches!(first, Some("api" | "health"))
}

/// Answers a request to `/health` or to a path under `/api`.
pub(crate) async fn answer_api_request(deps: &Deps, request: &Request) -> Result<Reply, ApiError> {
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["health"] if request.method == Method::GET => {
            Ok(Reply::ok(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") })))
        }
        ["health"] => Err(method_not_allowed(request)),
        ["api", rest @ ..] => {
            check_operator_token(deps, request).await?;
            route_api_path(deps, request, rest).await
        }
        _ => Err(ApiError::not_found("no_route")),
    }
}

async fn check_operator_token(deps: &Deps, request: &Request) -> Result<(), ApiError> {
    let known = match request.bearer_token() {
        Some(token) => {
            deps.operator_token.verify_token(token).await.map_err(|error| ApiError::internal_error(&error))?
        }
        None => false,
    };
    if known { Ok(()) } else { Err(ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized")) }
}

fn method_not_allowed(request: &Request) -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
        .with_arg("method", request.method.to_string())
}

async fn route_api_path(deps: &Deps, request: &Request, path: &[&str]) -> Result<Reply, ApiError> {
    match (&request.method, path) {
        (&Method::POST, ["connections"]) => connections_api::create_connection(deps, request).await,
        (&Method::GET, ["connections"]) => connections_api::list_connections(deps, request).await,
        (_, ["connections"]) => Err(method_not_allowed(request)),
        // Errors below are worded in the connection's language unless the handler chose another.
        (_, ["connections", id, rest @ ..]) => {
            let item = load_connection(deps, id).await?;
            let language = item.connection.language;
            route_connection_path(deps, request, item, rest)
                .await
                .map_err(|error| error.in_language(language))
        }
        _ => Err(ApiError::not_found("no_route")),
    }
}

/// Loads the connection that the path names; 404 when there is none.
async fn load_connection(deps: &Deps, id: &str) -> Result<ConnectionItem, ApiError> {
    let unknown = || ApiError::not_found("no_connection").with_arg("id", id);
    let parsed = ConnectionId::parse(id).map_err(|_| unknown())?;
    let item = deps.store.load_connection(&parsed).await?.ok_or_else(unknown)?;
    name_connection_in_logs(&parsed);
    Ok(item)
}

/// Reads the order's identifier from the path and adds it to the log lines of this request.
fn identify_order(part: &str) -> Result<OrderIdentifier, ApiError> {
    let identifier = decode_order_identifier(part)?;
    name_order_in_logs(&identifier);
    Ok(identifier)
}

async fn route_connection_path(
    deps: &Deps,
    request: &Request,
    item: ConnectionItem,
    path: &[&str],
) -> Result<Reply, ApiError> {
    match (&request.method, path) {
        (&Method::GET, []) => Ok(connections_api::show_connection(deps, &item)),
        (&Method::PATCH, []) => Box::pin(connections_api::change_connection(deps, request, item)).await,
        (&Method::DELETE, []) => Box::pin(connection_lifecycle::delete_connection(deps, request, item)).await,
        (&Method::POST, ["suspend"]) => connection_lifecycle::suspend_connection(deps, request, &item).await,
        (&Method::POST, ["rebuild"]) => {
            connection_lifecycle::start_ledger_rebuild(deps, request, &item).await
        }
        (&Method::POST, ["activate"]) => Box::pin(activation::activate_connection(deps, request, item)).await,
        (&Method::POST, ["deactivate"]) => {
            Box::pin(activation::deactivate_connection(deps, request, item)).await
        }
        (&Method::GET, ["orders"]) => orders_api::list_orders(deps, request, &item).await,
        (&Method::GET, ["orders", order]) => {
            orders_api::show_order(deps, &item, &identify_order(order)?).await
        }
        (&Method::POST, ["orders", order, "retry"]) => {
            orders_api::retry_order(deps, request, &item, &identify_order(order)?).await
        }
        (&Method::POST, ["orders", order, "settle"]) => {
            Box::pin(settle::settle_order(deps, request, &item, &identify_order(order)?)).await
        }
        (&Method::POST, ["orders", order, "choose"]) => {
            choose::choose_for_lines(deps, request, &item, &identify_order(order)?).await
        }
        (&Method::GET, ["notifications"]) => {
            notifications_api::list_notifications(deps, request, &item).await
        }
        (&Method::POST, ["sign-in-link"]) => sign_in_links::create_sign_in_link(deps, request, &item).await,
        (&Method::GET, ["plan"]) => Box::pin(preview::preview_newest_orders(deps, request, &item)).await,
        (&Method::GET, ["articles"]) => articles_api::list_articles(deps, request, &item).await,
        (&Method::POST, ["articles", "push"]) => articles_api::push_all_articles(deps, request, &item).await,
        (&Method::POST, ["articles", "tick"]) => articles_api::tick_all_articles(deps, request, &item).await,
        (&Method::POST, ["reconcile"]) => articles_api::start_reconciliation(deps, request, &item).await,
        (
            _,
            []
            | [
                "activate" | "deactivate" | "orders" | "articles" | "reconcile" | "plan" | "sign-in-link"
                | "notifications" | "suspend" | "rebuild",
            ]
            | ["articles", "push" | "tick"]
            | ["orders", _]
            | ["orders", _, "retry" | "settle" | "choose"],
        ) => Err(method_not_allowed(request)),
        _ => Err(ApiError::not_found("no_route")),
    }
}
