//! Which table it is. A table that was restored to an earlier moment is another one, even under the same name: what was booked
//! since is missing from its ledgers (design.md, "Two guards against a ledger that describes another world").

use crate::Store;
use crate::error::StoreError;
use std::time::Duration;
use tokio::time::Instant;

/// How long an answer holds. Bringing back a table under its old name takes longer, and all the while it can't be asked.
const HOLDS: Duration = Duration::from_mins(1);

/// The table as it was last asked for.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    id: String,
    at: Instant,
}

impl Store {
    /// Asks anew which table it is, as a new process does.
    pub async fn forget_table(&self) {
        *self.identity.lock().await = None;
    }

    /// The id that DynamoDB gave the table when it was made; asked for once a minute at most.
    pub async fn table_id(&self) -> Result<String, StoreError> {
        let mut known = self.identity.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.at.elapsed() < HOLDS) {
            return Ok(known.id.clone());
        }
        let at = Instant::now();
        let described = self.client.describe_table().table_name(&self.table).send().await;
        let table = described
            .map_err(StoreError::sdk)?
            .table
            .ok_or_else(|| StoreError::missing("the table"))?;
        let id = table
            .table_id
            .or(table.table_arn)
            .ok_or_else(|| StoreError::missing("the table's id"))?;
        *known = Some(Known { id: id.clone(), at });
        Ok(id)
    }
}
