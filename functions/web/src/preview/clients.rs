//! Who can be asked for a preview: it is made before anything was checked, so either peer may be missing.

use crate::api_error::ApiError;
use crate::checks::{Fault, missing};
use crate::config::Deps;
use store::model::ConnectionItem;

/// The peers of a connection, as far as their credentials were entered.
pub struct Asked {
    /// Of Robaws.
    pub robaws: Option<robaws::Client>,
    /// Of ProductFlow.
    pub productflow: Option<productflow::Client>,
    /// What is not filled in.
    pub missing: Vec<Fault>,
}

/// With the credentials as they are stored now.
pub async fn asked(deps: &Deps, item: &ConnectionItem) -> Result<Asked, ApiError> {
    let connection = &item.connection;
    let credentials = deps.peers.secrets().refresh(&connection.id).await?;
    let robaws = deps.peers.robaws(&connection.id, &credentials);
    let productflow = connection
        .company
        .and_then(|company| deps.peers.productflow(&credentials, company));
    let missing = missing(
        &connection.settings,
        credentials.robaws.is_some(),
        credentials.productflow.is_some(),
        connection.company.is_some(),
    );
    Ok(Asked {
        robaws,
        productflow,
        missing,
    })
}
