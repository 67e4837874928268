//! The clients for a preview. A preview may be made before anything was checked, so credentials of either peer may be missing.

use crate::api_error::ApiError;
use crate::checks::{Fault, find_missing_fields};
use crate::config::Deps;
use store::model::ConnectionItem;

/// The clients of a connection, as far as credentials were entered.
pub(crate) struct PreviewClients {
    /// `None` without credentials of Robaws.
    pub robaws: Option<robaws::Client>,
    /// `None` without credentials of ProductFlow or without its company.
    pub productflow: Option<productflow::Client>,
    /// The faults of what is required for activation and still empty.
    pub missing: Vec<Fault>,
}

/// Makes the clients with the credentials that are stored now.
pub(crate) async fn load_preview_clients(
    deps: &Deps,
    item: &ConnectionItem,
) -> Result<PreviewClients, ApiError> {
    let connection = &item.connection;
    let credentials = deps.peers.secrets().reload_credentials(&connection.id).await?;
    let robaws = deps.peers.robaws_client(&connection.id, &credentials);
    let productflow =
        connection.company.and_then(|company| deps.peers.productflow_client(&credentials, company));
    let missing = find_missing_fields(
        &connection.settings,
        credentials.robaws.is_some(),
        credentials.productflow.is_some(),
        connection.company.is_some(),
    );
    Ok(PreviewClients { robaws, productflow, missing })
}
