//! `/stock-changes`.

use crate::Error;
use crate::transport::{Client, LIST_TIMEOUT, Request};
use crate::wire::StockChange;
use domain::ids::DocumentId;
use jiff::Timestamp;

/// What a look-up for a stock change gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockLookUp {
    /// The one with the mark.
    pub found: Option<StockChange>,
    /// The look-up shows stock changes of ours, so it can be trusted.
    pub shows_ours: bool,
}

impl Client {
    /// Books a stock change with exactly this body.
    pub async fn create_stock_change(&self, body: &str, key: &str) -> Result<StockChange, Error> {
        self.write(Request::post("stock-changes", body, key))
            .await?
            .json("a stock change")
    }

    /// A stock change by its id; `None` when it is not there.
    pub async fn stock_change(&self, id: &DocumentId) -> Result<Option<StockChange>, Error> {
        self.get_optional(
            Request::get(&format!("stock-changes/{id}"), &[]),
            "a stock change",
        )
        .await
    }

    /// Looks, live, for the stock change whose description carries `mark`.
    pub async fn find_stock_change(&self, mark: &str, updated_from: Timestamp) -> Result<StockLookUp, Error> {
        let since = updated_from.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let query = [("updatedFrom", since.as_str())];
        let has_mark = |change: &StockChange| {
            change
                .description
                .as_deref()
                .is_some_and(|text| text.split(' ').any(|word| word == mark))
        };
        let changes = self
            .list(
                "stock-changes",
                &query,
                "stock changes",
                LIST_TIMEOUT,
                |c: &StockChange| c.id.as_str(),
                |found| found.iter().any(has_mark),
            )
            .await?;
        let shows_ours = changes.iter().any(StockChange::is_ours);
        Ok(StockLookUp {
            found: changes.into_iter().find(has_mark),
            shows_ours,
        })
    }
}
