//! Reading orders: the resource `order` of ProductFlow.

use crate::transport::{Client, encode_path_segment};
use crate::wire::{OrderListPage, RawOrder};
use crate::{Error, wire};
use domain::ids::OrderIdentifier;

impl Client {
    /// Reads one list page of all orders, whatever their status. `page` counts from 1. With `sorted` ProductFlow is asked to
    /// list the latest update first; it may ignore that.
    ///
    /// # Errors
    ///
    /// Fails when ProductFlow cannot be reached, refuses the call (a refused sort is [`Error::Rejected`]), or answers with no
    /// list of orders.
    pub async fn read_order_list_page(
        &self,
        page: u32,
        per_page: u32,
        sorted: bool,
    ) -> Result<OrderListPage, Error> {
        let sort = if sorted { "&sort%5B0%5D=-updated_at" } else { "" };
        let answer = self.get_json("order", &format!("page={page}&per_page={per_page}{sort}")).await?;
        self.report_if_unreadable(wire::read_list_envelope(answer, page))
    }

    /// Reads one list page of the orders whose status is one of `words`. `page` counts from 1. ProductFlow may ignore the
    /// filter, so the caller checks the status of each order.
    ///
    /// # Errors
    ///
    /// Fails when ProductFlow cannot be reached, refuses the call, or answers with no list of orders.
    pub async fn read_order_list_page_of_status(
        &self,
        words: &[String],
        page: u32,
        per_page: u32,
    ) -> Result<OrderListPage, Error> {
        let mut query = format!("page={page}&per_page={per_page}");
        for word in words {
            query.push_str("&status%5B%5D=");
            query.push_str(&encode_path_segment(word));
        }
        let answer = self.get_json("order", &query).await?;
        self.report_if_unreadable(wire::read_list_envelope(answer, page))
    }

    /// Reads one order as it is now. Gives `None` when ProductFlow does not have the order (404).
    ///
    /// # Errors
    ///
    /// Fails when ProductFlow cannot be reached, refuses the call, or answers with something else than one order.
    pub async fn read_order(&self, identifier: &OrderIdentifier) -> Result<Option<RawOrder>, Error> {
        // A URL takes these two for a folder, even percent-encoded: no URL names such an order, so ProductFlow cannot have it.
        if matches!(identifier.as_str(), "." | "..") {
            return Ok(None);
        }
        match self.get_json(&format!("order/{}", encode_path_segment(identifier.as_str())), "").await {
            Ok(answer) => self.report_if_unreadable(wire::read_order_envelope(answer, identifier)).map(Some),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
