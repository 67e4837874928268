//! API `sign-in-link`: makes the one-time link with which a merchant signs in.

use crate::api_error::ApiError;
use crate::config::Deps;
use crate::handler::Reply;
use crate::json_body;
use crate::request::Request;
use http::StatusCode;
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::json;
use store::links::{SignInLink, generate_token};
use store::model::ConnectionItem;

/// A sign-in link is valid for 24 hours (`contracts/api.md`).
const LINK_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// `POST …/sign-in-link`: creates a link and gives its URL. Only a digest of its token is stored.
pub(crate) async fn create_sign_in_link(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct EmptyBody {}
    let EmptyBody {} = json_body::parse_body(&request.body)?;
    let now = deps.clock.now();
    let base = deps.public_base_url.as_ref().or(request.own_url.as_ref());
    let base = base.ok_or_else(|| ApiError::bad_request("host", "is missing"))?;
    let token = generate_token();
    let link = SignInLink {
        connection: item.connection.id.clone(),
        next: None,
        ends_at: now.checked_add(LINK_LIFETIME).unwrap_or(now),
        used_at: None,
    };
    deps.store.save_sign_in_link(&token, &link).await?;
    tracing::info!("a sign-in link was made");
    Ok(Reply {
        status: StatusCode::CREATED,
        body: json!({
            "url": format!("{}/in/{token}", base.trim_end_matches('/')),
            "expires_at": link.ends_at,
        }),
    })
}
