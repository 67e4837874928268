//! The JSON of a connection in the API: everything but its secrets.

use crate::problem_json::render_problems_json;
use jiff::Timestamp;
use serde_json::{Value, json};
use store::model::{ConnectionItem, Peer};
use store::queue::Sweep;

/// The progress or the result of rebuilding the ledger. A rebuild that was asked for and has not begun shows zeros.
fn render_rebuild_json(item: &ConnectionItem) -> Value {
    let state = item.sweep_state(Sweep::Rebuild);
    match (state.unserved_request(), &state.progress.rebuild) {
        (Some(ask), _) => json!({
            "started_at": ask.at, "finished_at": null, "dry_run": ask.dry_run, "lost_at": ask.lost_at,
            "documents": 0, "known": 0, "orders": 0, "made": 0, "in_doubt": 0, "strangers": 0,
        }),
        (None, Some(report)) => json!(report),
        (None, None) => Value::Null,
    }
}

/// The JSON of a connection. `now` serves to leave out pauses that have ended.
pub(crate) fn render_connection_json(item: &ConnectionItem, now: Timestamp) -> Value {
    let connection = &item.connection;
    let paused = |peer: Peer| item.health(peer).paused_until.filter(|until| now < *until);
    json!({
        "id": connection.id,
        "language": connection.language,
        "state": item.api_state(),
        "robaws": { "configured": connection.has_robaws },
        "productflow": { "configured": connection.has_productflow, "company_id": connection.company },
        "settings": connection.settings,
        "activated_at": connection.activated_at,
        "go_live": connection.go_live,
        "last_poll_at": item.poll.last_poll_at,
        "paused": { "robaws": paused(Peer::Robaws), "productflow": paused(Peer::Productflow) },
        "webhook": if item.webhook.is_some() { "registered" } else { "missing" },
        "problems": render_problems_json(item.problems.values(), connection.language),
        "quota_left": item.robaws.quota_left,
        "suspended_at": connection.suspension.as_ref().and_then(|suspension| suspension.since),
        "rebuild": render_rebuild_json(item),
        "created_at": connection.created_at,
    })
}
