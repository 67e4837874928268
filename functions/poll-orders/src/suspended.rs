//! Connections that book nothing until their ledger has been rebuilt.

use crate::articles;
use crate::poll::PollError;
use crate::round::Deps;
use store::StoreError;
use store::model::ConnectionItem;
use store::queue::Sweep;

/// Writes down that a connection was found suspended, because its table is not the one its ledger was written to; and goes on
/// with a rebuild that nobody goes on with.
pub async fn keep(deps: &Deps, mut item: ConnectionItem) -> Result<(), PollError> {
    let now = deps.clock.now();
    let found = item.connection.clone();
    item.connection.suspend(Some(now));
    if item.connection != found {
        tracing::error!(
            connection.id = %item.connection.id,
            "the table is not the one that the ledger was written to: suspended until the ledger has been rebuilt"
        );
        match deps.store.update_connection(&item.connection).await {
            // Whoever wrote it meanwhile found the same.
            Ok(_) | Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    articles::revive(deps, &mut item, &[Sweep::Rebuild]).await
}
