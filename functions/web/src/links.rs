//! API `sign-in-link`: makes the one-time link with which a merchant signs in.

use crate::api_error::ApiError;
use crate::body;
use crate::config::Deps;
use crate::handler::Reply;
use crate::request::Request;
use http::StatusCode;
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::json;
use store::links::{SignInLink, random_token};
use store::model::ConnectionItem;

/// A sign-in link is valid for 24 hours (`contracts/api.md`).
const GOOD_FOR: SignedDuration = SignedDuration::from_hours(24);

/// `POST …/sign-in-link`: creates a link and gives its URL. Only a digest of its token is stored.
pub async fn create(deps: &Deps, request: &Request, item: &ConnectionItem) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    let Nothing {} = body::read(&request.body)?;
    let now = deps.clock.now();
    let base = deps.public_base_url.as_ref().or(request.own_url.as_ref());
    let base = base.ok_or_else(|| ApiError::bad_request("host", "is missing"))?;
    let token = random_token();
    let link = SignInLink {
        connection: item.connection.id.clone(),
        next: None,
        ends_at: now.checked_add(GOOD_FOR).unwrap_or(now),
        used_at: None,
    };
    deps.store.save_link(&token, &link).await?;
    tracing::info!("a sign-in link was made");
    Ok(Reply {
        status: StatusCode::CREATED,
        body: json!({
            "url": format!("{}/in/{token}", base.trim_end_matches('/')),
            "expires_at": link.ends_at,
        }),
    })
}
