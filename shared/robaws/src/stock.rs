//! Stock changes: the resource `/stock-changes` of Robaws.

use crate::transport::{Client, LIST_TIMEOUT, Request};
use crate::wire::StockChange;
use crate::{Error, wire};
use domain::ids::DocumentId;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

/// The answer to a look-up for a stock change by its mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockChangeLookUp {
    /// The stock change with the mark.
    pub found: Option<StockChange>,
    /// Whether the look-up shows stock changes of ours at all. Only such a look-up proves that a stock change is absent.
    pub shows_ours: bool,
}

/// One list page of documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentListPage<T> {
    pub documents: Vec<T>,
    /// Whether no list page follows.
    pub is_last: bool,
}

impl Client {
    /// Books a stock change. `body` is sent as it is. The same `key` with the same `body` books nothing twice.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected. Only after
    /// [`Error::is_certain_refusal`] is it certain that nothing was booked.
    pub async fn create_stock_change(&self, body: &str, key: &str) -> Result<StockChange, Error> {
        self.send_write(Request::post_json("stock-changes", body, key)).await?.parse_json("a stock change")
    }

    /// Reads a stock change by its id, without its lines. Gives `None` when Robaws does not have the stock change.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn read_stock_change(&self, id: &DocumentId) -> Result<Option<StockChange>, Error> {
        self.get_optional_json(Request::get(&format!("stock-changes/{id}"), &[]), "a stock change").await
    }

    /// Reads a stock change by its id, with its lines. Gives `None` when Robaws does not have the stock change.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn read_stock_change_with_lines(&self, id: &DocumentId) -> Result<Option<StockChange>, Error> {
        let path = format!("stock-changes/{id}");
        let request = Request::get(&path, &[("include", "lineItems")]);
        self.get_optional_json(request, "a stock change").await
    }

    /// Reads one list page of 100 stock changes with their lines from the replica, which may lag behind: for sweeps, never for
    /// decisions. `page` counts from 0. Robaws may ignore the filter `updated_from`.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn read_stock_change_list_page(
        &self,
        page: u32,
        updated_from: Timestamp,
    ) -> Result<DocumentListPage<StockChange>, Error> {
        self.read_document_list_page("stock-changes", page, updated_from, true, "stock changes").await
    }

    /// Reads one list page of 100 stock changes with their lines from the live database, for decisions. `page` counts from 0.
    /// Robaws may ignore the filter `updated_from`.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn read_live_stock_change_list_page(
        &self,
        page: u32,
        updated_from: Timestamp,
    ) -> Result<DocumentListPage<StockChange>, Error> {
        self.read_document_list_page("stock-changes", page, updated_from, false, "stock changes").await
    }

    pub(crate) async fn read_document_list_page<T: DeserializeOwned>(
        &self,
        path: &str,
        page: u32,
        updated_from: Timestamp,
        replica: bool,
        what: &'static str,
    ) -> Result<DocumentListPage<T>, Error> {
        let since = wire::format_timestamp(updated_from);
        let page_text = page.to_string();
        let query = [
            ("updatedFrom", since.as_str()),
            ("include", "lineItems"),
            ("page", &page_text),
            ("size", "100"),
        ];
        let request = Request { timeout: LIST_TIMEOUT, ..Request::get(path, &query) };
        let answer: wire::ListPage<T> = self.get_json(request.with_replica(replica), what).await?;
        let is_last = answer.items.is_empty() || u64::from(page) + 1 >= answer.total_pages;
        Ok(DocumentListPage { documents: answer.items, is_last })
    }

    /// Looks in the live database for the stock change whose description carries `mark`.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn find_stock_change(
        &self,
        mark: &str,
        updated_from: Timestamp,
    ) -> Result<StockChangeLookUp, Error> {
        let since = wire::format_timestamp(updated_from);
        let query = [("updatedFrom", since.as_str())];
        let has_mark = |change: &StockChange| {
            change.description.as_deref().is_some_and(|text| text.split(' ').any(|word| word == mark))
        };
        let changes = self
            .read_whole_list(
                "stock-changes",
                &query,
                "stock changes",
                LIST_TIMEOUT,
                |c: &StockChange| c.id.as_str(),
                |found| found.iter().any(has_mark),
            )
            .await?;
        let shows_ours = changes.iter().any(StockChange::has_mark_of_ours);
        Ok(StockChangeLookUp { found: changes.into_iter().find(has_mark), shows_ours })
    }
}
