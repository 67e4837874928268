//! The routes of the API. Every path under `/api` asks for the operator's token before anything else.

use crate::api_error::ApiError;
use crate::config::Deps;
use crate::handler::{Reply, about_connection, about_order};
use crate::request::{Request, order_identifier};
use crate::{activation, articles, choose, connections, life, links, notifications, orders, preview, settle};
use domain::ids::{ConnectionId, OrderIdentifier};
use http::{Method, StatusCode};
use serde_json::json;
use store::model::ConnectionItem;

/// Whether the request is for the API. Every other request is for a page.
pub fn is_api(request: &Request) -> bool {
    let first = request.path.first().map(String::as_str);
    matches!(first, Some("api" | "health"))
}

/// Answers a request to `/health` or to a path under `/api`.
pub async fn answer(deps: &Deps, request: &Request) -> Result<Reply, ApiError> {
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["health"] if request.method == Method::GET => Ok(Reply::ok(
            json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }),
        )),
        ["health"] => Err(not_allowed(request)),
        ["api", rest @ ..] => {
            authorize(deps, request).await?;
            api(deps, request, rest).await
        }
        _ => Err(ApiError::not_found("no_route")),
    }
}

async fn authorize(deps: &Deps, request: &Request) -> Result<(), ApiError> {
    let known = match request.bearer() {
        Some(token) => deps
            .operator
            .is(token)
            .await
            .map_err(|error| ApiError::internal(&error))?,
        None => false,
    };
    if known {
        Ok(())
    } else {
        Err(ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized"))
    }
}

fn not_allowed(request: &Request) -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
        .arg("method", request.method.to_string())
}

async fn api(deps: &Deps, request: &Request, path: &[&str]) -> Result<Reply, ApiError> {
    match (&request.method, path) {
        (&Method::POST, ["connections"]) => connections::create(deps, request).await,
        (&Method::GET, ["connections"]) => connections::list(deps, request).await,
        (_, ["connections"]) => Err(not_allowed(request)),
        // Errors below are worded in the connection's language unless the handler chose another.
        (_, ["connections", id, rest @ ..]) => {
            let item = connection(deps, id).await?;
            let language = item.connection.language;
            of_connection(deps, request, item, rest)
                .await
                .map_err(|error| error.in_language(language))
        }
        _ => Err(ApiError::not_found("no_route")),
    }
}

/// Loads the connection that the path names; 404 when there is none.
async fn connection(deps: &Deps, id: &str) -> Result<ConnectionItem, ApiError> {
    let unknown = || ApiError::not_found("no_connection").arg("id", id);
    let parsed = ConnectionId::parse(id).map_err(|_| unknown())?;
    let item = deps.store.connection(&parsed).await?.ok_or_else(unknown)?;
    about_connection(&parsed);
    Ok(item)
}

/// Reads the order's identifier from the path and adds it to the log lines of this request.
fn order_of(part: &str) -> Result<OrderIdentifier, ApiError> {
    let identifier = order_identifier(part)?;
    about_order(&identifier);
    Ok(identifier)
}

async fn of_connection(
    deps: &Deps,
    request: &Request,
    item: ConnectionItem,
    path: &[&str],
) -> Result<Reply, ApiError> {
    match (&request.method, path) {
        (&Method::GET, []) => Ok(connections::show(deps, &item)),
        (&Method::PATCH, []) => Box::pin(connections::change(deps, request, item)).await,
        (&Method::DELETE, []) => Box::pin(life::delete(deps, request, item)).await,
        (&Method::POST, ["suspend"]) => life::suspend(deps, request, &item).await,
        (&Method::POST, ["rebuild"]) => life::rebuild(deps, request, &item).await,
        (&Method::POST, ["activate"]) => Box::pin(activation::activate(deps, request, item)).await,
        (&Method::POST, ["deactivate"]) => Box::pin(activation::deactivate(deps, request, item)).await,
        (&Method::GET, ["orders"]) => orders::list(deps, request, &item).await,
        (&Method::GET, ["orders", order]) => orders::show(deps, &item, &order_of(order)?).await,
        (&Method::POST, ["orders", order, "retry"]) => {
            orders::retry(deps, request, &item, &order_of(order)?).await
        }
        (&Method::POST, ["orders", order, "settle"]) => {
            Box::pin(settle::settle(deps, request, &item, &order_of(order)?)).await
        }
        (&Method::POST, ["orders", order, "choose"]) => {
            choose::choose(deps, request, &item, &order_of(order)?).await
        }
        (&Method::GET, ["notifications"]) => notifications::list(deps, request, &item).await,
        (&Method::POST, ["sign-in-link"]) => links::create(deps, request, &item).await,
        (&Method::GET, ["plan"]) => Box::pin(preview::preview(deps, request, &item)).await,
        (&Method::GET, ["articles"]) => articles::list(deps, request, &item).await,
        (&Method::POST, ["articles", "push"]) => articles::push(deps, request, &item).await,
        (&Method::POST, ["articles", "tick"]) => articles::tick(deps, request, &item).await,
        (&Method::POST, ["reconcile"]) => articles::reconcile(deps, request, &item).await,
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
        ) => Err(not_allowed(request)),
        _ => Err(ApiError::not_found("no_route")),
    }
}
