//! Suspended connections: they book nothing until their ledger has been rebuilt.

use crate::all_connections::Deps;
use crate::due_articles;
use crate::one_connection::PollError;
use store::StoreError;
use store::model::ConnectionItem;
use store::queue::Sweep;

/// Stores that a connection is suspended, because its table is not the one that its ledger was written to. Queues a rebuild
/// that nobody continues.
pub(crate) async fn keep_suspended(deps: &Deps, mut item: ConnectionItem) -> Result<(), PollError> {
    let now = deps.clock.now();
    let found = item.connection.clone();
    item.connection.begin_suspension(Some(now));
    if item.connection != found {
        tracing::error!(
            connection.id = %item.connection.id,
            "the table is not the one that the ledger was written to: suspended until the ledger has been rebuilt"
        );
        match deps.store.update_connection(&item.connection).await {
            // Whoever wrote the connection meanwhile found the same.
            Ok(_) | Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    due_articles::revive_sweeps(deps, &mut item, &[Sweep::Rebuild]).await
}
