//! `/stock-changes`.

use crate::transport::{Client, LIST_TIMEOUT, Request};
use crate::wire::StockChange;
use crate::{Error, wire};
use domain::ids::DocumentId;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

/// What a look-up for a stock change gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockLookUp {
    /// The one with the mark.
    pub found: Option<StockChange>,
    /// The look-up shows stock changes of ours, so it can be trusted.
    pub shows_ours: bool,
}

/// A page of documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentsPage<T> {
    /// Its documents.
    pub documents: Vec<T>,
    /// No page follows.
    pub is_last: bool,
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

    /// A stock change with its lines.
    pub async fn stock_change_with_lines(&self, id: &DocumentId) -> Result<Option<StockChange>, Error> {
        let path = format!("stock-changes/{id}");
        let request = Request::get(&path, &[("include", "lineItems")]);
        self.get_optional(request, "a stock change").await
    }

    /// One page of 100 stock changes with their lines, from 0, from the replica: for sweeps, never for decisions (contract). The
    /// filter may be ignored.
    pub async fn stock_changes_page(
        &self,
        page: u32,
        updated_from: Timestamp,
    ) -> Result<DocumentsPage<StockChange>, Error> {
        self.documents_page("stock-changes", page, updated_from, true, "stock changes")
            .await
    }

    /// The same, live: for decisions.
    pub async fn stock_changes_now(
        &self,
        page: u32,
        updated_from: Timestamp,
    ) -> Result<DocumentsPage<StockChange>, Error> {
        self.documents_page("stock-changes", page, updated_from, false, "stock changes")
            .await
    }

    pub(crate) async fn documents_page<T: DeserializeOwned>(
        &self,
        path: &str,
        page: u32,
        updated_from: Timestamp,
        replica: bool,
        what: &'static str,
    ) -> Result<DocumentsPage<T>, Error> {
        let since = wire::timestamp(updated_from);
        let page_text = page.to_string();
        let query = [
            ("updatedFrom", since.as_str()),
            ("include", "lineItems"),
            ("page", &page_text),
            ("size", "100"),
        ];
        let request = Request {
            timeout: LIST_TIMEOUT,
            ..Request::get(path, &query)
        };
        let answer: wire::Page<T> = self.get(request.of_replica(replica), what).await?;
        let is_last = answer.items.is_empty() || u64::from(page) + 1 >= answer.total_pages;
        Ok(DocumentsPage {
            documents: answer.items,
            is_last,
        })
    }

    /// Looks, live, for the stock change whose description carries `mark`.
    pub async fn find_stock_change(&self, mark: &str, updated_from: Timestamp) -> Result<StockLookUp, Error> {
        let since = wire::timestamp(updated_from);
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
