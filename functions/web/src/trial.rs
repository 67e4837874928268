//! Tries the credentials that somebody typed at the peers before they are stored. Nothing is changed.

use crate::api_error::ApiError;
use crate::body;
use crate::checks::{self, Fault};
use crate::config::Deps;
use crate::credentials::{self, ProductflowBody, RobawsBody};
use domain::settings::ConnectionSettings;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;
use store::model::ConnectionItem;

/// Longest wait for one peer. The reader sees no page until both peers answered.
const MOST_TIME: Duration = Duration::from_secs(12);

/// The credentials in a body of `PATCH /api/connections/{id}`; its other fields are ignored.
#[derive(Deserialize)]
struct Typed {
    robaws: Option<RobawsBody>,
    productflow: Option<ProductflowBody>,
}

fn read(body: &Value) -> Result<Typed, ApiError> {
    body::read(body.to_string().as_bytes())
}

/// Tries `robaws` of a body, or what is stored where the body has none. Gives the faults of key and secret, and the modules
/// that the API user may not read.
pub async fn robaws(deps: &Deps, item: &ConnectionItem, body: &Value) -> Result<Vec<Fault>, ApiError> {
    let typed = read(body)?;
    let id = &item.connection.id;
    let known = deps.peers.secrets().refresh(id).await?;
    let credentials = credentials::merged(&known, typed.robaws.as_ref(), None);
    let Some(client) = deps.peers.robaws(id, &credentials) else {
        return Ok(vec![Fault::missing("robaws.key")]);
    };
    let tried = async {
        if let Some(fault) = checks::robaws_key(&client).await {
            return vec![fault];
        }
        let mut found = checks::robaws_settings(&client, &ConnectionSettings::default()).await;
        found.retain(|fault| fault.field.starts_with("robaws."));
        found
    };
    let tried = tokio::time::timeout(MOST_TIME, tried).await;
    Ok(tried.unwrap_or_else(|_| vec![Fault::unreachable("robaws.key", "Robaws")]))
}

/// Tries `productflow` of a body, completed by what is stored. Gives the faults of access token and company.
pub async fn productflow(deps: &Deps, item: &ConnectionItem, body: &Value) -> Result<Vec<Fault>, ApiError> {
    let typed = read(body)?;
    let id = &item.connection.id;
    let known = deps.peers.secrets().refresh(id).await?;
    let credentials = credentials::merged(&known, None, typed.productflow.as_ref());
    let company = typed.productflow.as_ref().and_then(ProductflowBody::company);
    let company = company.or(item.connection.company);
    let mut missing = Vec::new();
    if credentials.productflow.is_none() {
        missing.push(Fault::missing("productflow.access_token"));
    }
    let Some(company) = company else {
        missing.push(Fault::missing("productflow.company_id"));
        return Ok(missing);
    };
    if let Some(taken) = checks::company_taken(&deps.store, id, company).await? {
        missing.push(taken);
    }
    let Some(client) = deps
        .peers
        .productflow(&credentials, company)
        .filter(|_| missing.is_empty())
    else {
        return Ok(missing);
    };
    let tried = tokio::time::timeout(MOST_TIME, checks::productflow(&client)).await;
    Ok(tried.unwrap_or_else(|_| vec![Fault::unreachable("productflow.access_token", "ProductFlow")]))
}
