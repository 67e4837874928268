//! The identity of the table. A table that was restored to an earlier moment has another id, even under the
//! same name, and its ledgers lack what was booked since (design.md, "Two guards against a ledger that
//! describes another world").

use crate::Store;
use crate::error::StoreError;
use std::time::Duration;
use tokio::time::Instant;

/// How long a known table id is used without asking again. Restoring a table under its old name takes longer,
/// and the table cannot be read meanwhile.
const KNOWN_FOR: Duration = Duration::from_mins(1);

/// The id of the table, and when DynamoDB gave it.
#[derive(Debug, Clone)]
pub(crate) struct KnownTable {
    id: String,
    asked_at: Instant,
}

impl Store {
    /// Makes the next [`Store::load_table_id`] ask DynamoDB, as in a new process.
    pub async fn forget_table_id(&self) {
        *self.known_table.lock().await = None;
    }

    /// The id that DynamoDB gave the table when the table was created. DynamoDB is asked once a minute at most.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails; [`StoreError::Corrupt`] when its answer names no table or
    /// no id.
    pub async fn load_table_id(&self) -> Result<String, StoreError> {
        let mut known = self.known_table.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.asked_at.elapsed() < KNOWN_FOR) {
            return Ok(known.id.clone());
        }
        let at = Instant::now();
        let described = self.client.describe_table().table_name(&self.table).send().await;
        let table = described
            .map_err(StoreError::from_sdk)?
            .table
            .ok_or_else(|| StoreError::missing_item("the table"))?;
        let id =
            table.table_id.or(table.table_arn).ok_or_else(|| StoreError::missing_item("the table's id"))?;
        *known = Some(KnownTable { id: id.clone(), asked_at: at });
        Ok(id)
    }
}
