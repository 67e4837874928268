//! API of what seldom happens to a connection: it is deleted or suspended, or its ledger is rebuilt.

use crate::api_error::ApiError;
use crate::articles_api;
use crate::config::Deps;
use crate::connections_api::{reload_connection, show_connection};
use crate::handler::Reply;
use crate::json_body;
use crate::request::Request;
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use store::StoreError;
use store::model::{ConnectionItem, ConnectionState};
use store::queue::Sweep;
use store::sweep::SweepRequest;

/// Attempts to store a change when others write the same connection at the same time.
const MOST_TRIES: usize = 5;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EmptyBody {}

/// `DELETE /api/connections/{id}`: deletes secrets and settings of an inactive connection; its ledger stays.
pub(crate) async fn delete_connection(
    deps: &Deps,
    request: &Request,
    item: ConnectionItem,
) -> Result<Reply, ApiError> {
    let EmptyBody {} = json_body::parse_body(&request.body)?;
    if item.connection.state == ConnectionState::Active {
        return Err(ApiError::http_conflict("still_active"));
    }
    let id = item.connection.id.clone();
    // The secret goes first. If this is interrupted, the connection can be deleted again; a secret without a connection would
    // be found by nobody.
    deps.peers.secrets().delete_credentials(&id).await?;
    // Read again, because somebody may have activated the connection meanwhile.
    let now = reload_connection(deps, &id).await?;
    if now.connection.state == ConnectionState::Active {
        return Err(ApiError::http_conflict("still_active"));
    }
    deps.store.delete_connection(&now).await?;
    tracing::info!(connection.id = %id, "connection deleted");
    Ok(Reply { status: StatusCode::NO_CONTENT, body: Value::Null })
}

/// `POST …/suspend`: from now on nothing is booked until the ledger has been rebuilt.
pub(crate) async fn suspend_connection(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
) -> Result<Reply, ApiError> {
    let EmptyBody {} = json_body::parse_body(&request.body)?;
    let id = &item.connection.id;
    let now = deps.clock.now();
    for _ in 0..MOST_TRIES {
        let item = reload_connection(deps, id).await?;
        let mut next = item.connection.clone();
        next.begin_suspension(Some(now));
        if next == item.connection {
            return Ok(show_connection(deps, &item));
        }
        match deps.store.update_connection(&next).await {
            Ok(_) => {
                tracing::warn!(connection.id = %id, "connection suspended");
                return Ok(show_connection(deps, &reload_connection(deps, id).await?));
            }
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RebuildBody {
    #[serde(default, deserialize_with = "json_body::deserialize_moment")]
    go_live: Option<Timestamp>,
    #[serde(default, deserialize_with = "json_body::deserialize_moment")]
    lost_at: Option<Timestamp>,
    #[serde(default)]
    dry_run: bool,
}

/// `POST …/rebuild`: asks for the sweep that makes the ledger again from the documents in Robaws.
pub(crate) async fn start_ledger_rebuild(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
) -> Result<Reply, ApiError> {
    let body: RebuildBody = json_body::parse_body(&request.body)?;
    let id = &item.connection.id;
    let now = deps.clock.now();
    if body.lost_at.is_some_and(|at| at > now) {
        return Err(ApiError::bad_request("lost_at", "lies in the future"));
    }
    for _ in 0..MOST_TRIES {
        let item = reload_connection(deps, id).await?;
        let known = &item.connection;
        if known.state != ConnectionState::Suspended {
            return Err(ApiError::http_conflict("not_suspended"));
        }
        let mut next = known.clone();
        match (known.go_live, body.go_live) {
            (None, None) => return Err(ApiError::http_conflict("go_live_lost")),
            (Some(known), Some(asked)) if asked != known => {
                let known = domain::problem::Arg::Time(known);
                return Err(ApiError::http_conflict("go_live_is_fixed").with_arg("go_live", known));
            }
            (Some(_), _) => {}
            (None, Some(asked)) => next.go_live = Some(asked),
        }
        next.begin_suspension(Some(now));
        if next != *known {
            match deps.store.update_connection(&next).await {
                Ok(_) => {}
                Err(StoreError::Conflict) => continue,
                Err(error) => return Err(error.into()),
            }
        }
        let ask = SweepRequest { lost_at: body.lost_at, dry_run: body.dry_run, ..SweepRequest::new(now) };
        articles_api::ask_for_sweep(deps, id, Sweep::Rebuild, ask).await?;
        let shown = show_connection(deps, &reload_connection(deps, id).await?);
        return Ok(Reply { status: StatusCode::ACCEPTED, ..shown });
    }
    Err(StoreError::Conflict.into())
}
