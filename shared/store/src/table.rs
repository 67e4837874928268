//! The identity of the table. A table that was restored to an earlier moment has another id, even under the
//! same name, and its ledgers lack what was booked since (design.md, "Two guards against a ledger that
//! describes another world").

use crate::Store;
use crate::error::StoreError;
use std::time::Duration;
use tokio::time::Instant;

/// How long a known table id is used without asking again. Restoring a table under its old name takes longer,
/// and the table cannot be read meanwhile.
const HOLDS: Duration = Duration::from_mins(1);

/// The id of the table, and when DynamoDB gave it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    id: String,
    at: Instant,
}

impl Store {
    /// Makes the next [`Store::table_id`] ask DynamoDB, as in a new process.
    pub async fn forget_table(&self) {
        *self.identity.lock().await = None;
    }

    /// The id that DynamoDB gave the table when the table was created. DynamoDB is asked once a minute at most.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails; [`StoreError::Corrupt`] when its answer names no table or
    /// no id.
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
