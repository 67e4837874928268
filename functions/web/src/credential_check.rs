//! Tries the credentials that somebody typed at the peers before they are stored. Nothing is changed.

use crate::api_error::ApiError;
use crate::checks::{self, Fault};
use crate::config::Deps;
use crate::credentials::{self, ProductflowBody, RobawsBody};
use crate::json_body;
use domain::settings::ConnectionSettings;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;
use store::model::ConnectionItem;

/// Longest wait for one peer. The reader sees no page until both peers answered.
const PEER_TIMEOUT: Duration = Duration::from_secs(12);

/// The credentials in a body of `PATCH /api/connections/{id}`; its other fields are ignored.
#[derive(Deserialize)]
struct TypedCredentials {
    robaws: Option<RobawsBody>,
    productflow: Option<ProductflowBody>,
}

fn parse_typed_credentials(body: &Value) -> Result<TypedCredentials, ApiError> {
    json_body::parse_body(body.to_string().as_bytes())
}

/// Tries `robaws` of a body, or what is stored where the body has none. Gives the faults of key and secret, and the modules
/// that the API user may not read.
pub(crate) async fn try_robaws_credentials(
    deps: &Deps,
    item: &ConnectionItem,
    body: &Value,
) -> Result<Vec<Fault>, ApiError> {
    let typed = parse_typed_credentials(body)?;
    let id = &item.connection.id;
    let known = deps.peers.secrets().reload_credentials(id).await?;
    let credentials = credentials::merge_credentials(&known, typed.robaws.as_ref(), None);
    let Some(client) = deps.peers.robaws_client(id, &credentials) else {
        return Ok(vec![Fault::missing_field("robaws.key")]);
    };
    let tried = async {
        if let Some(fault) = checks::check_robaws_key(&client).await {
            return vec![fault];
        }
        let mut found = checks::check_robaws_settings(&client, &ConnectionSettings::default()).await;
        found.retain(|fault| fault.field.starts_with("robaws."));
        found
    };
    let tried = tokio::time::timeout(PEER_TIMEOUT, tried).await;
    Ok(tried.unwrap_or_else(|_| vec![Fault::unreachable_peer("robaws.key", "Robaws")]))
}

/// Tries `productflow` of a body, completed by what is stored. Gives the faults of access token and company.
pub(crate) async fn try_productflow_credentials(
    deps: &Deps,
    item: &ConnectionItem,
    body: &Value,
) -> Result<Vec<Fault>, ApiError> {
    let typed = parse_typed_credentials(body)?;
    let id = &item.connection.id;
    let known = deps.peers.secrets().reload_credentials(id).await?;
    let credentials = credentials::merge_credentials(&known, None, typed.productflow.as_ref());
    let company = typed.productflow.as_ref().and_then(ProductflowBody::company);
    let company = company.or(item.connection.company);
    let mut missing = Vec::new();
    if credentials.productflow.is_none() {
        missing.push(Fault::missing_field("productflow.access_token"));
    }
    let Some(company) = company else {
        missing.push(Fault::missing_field("productflow.company_id"));
        return Ok(missing);
    };
    if let Some(taken) = checks::check_company_is_free(&deps.store, id, company).await? {
        missing.push(taken);
    }
    let Some(client) = deps.peers.productflow_client(&credentials, company).filter(|_| missing.is_empty())
    else {
        return Ok(missing);
    };
    let tried = tokio::time::timeout(PEER_TIMEOUT, checks::check_productflow_login(&client)).await;
    Ok(tried.unwrap_or_else(|_| vec![Fault::unreachable_peer("productflow.access_token", "ProductFlow")]))
}
