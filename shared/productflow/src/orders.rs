//! Reading orders: the resource `order` of ProductFlow.

use crate::transport::{Client, segment};
use crate::wire::{OrdersPage, RawOrder};
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
    pub async fn orders_page(&self, page: u32, per_page: u32, sorted: bool) -> Result<OrdersPage, Error> {
        let sort = if sorted { "&sort%5B0%5D=-updated_at" } else { "" };
        let answer = self
            .get("order", &format!("page={page}&per_page={per_page}{sort}"))
            .await?;
        self.noted(wire::orders_page(answer, page))
    }

    /// Reads one list page of the orders whose status is one of `words`. `page` counts from 1. ProductFlow may ignore the
    /// filter, so the caller checks the status of each order.
    ///
    /// # Errors
    ///
    /// Fails when ProductFlow cannot be reached, refuses the call, or answers with no list of orders.
    pub async fn orders_of_status(
        &self,
        words: &[String],
        page: u32,
        per_page: u32,
    ) -> Result<OrdersPage, Error> {
        let mut query = format!("page={page}&per_page={per_page}");
        for word in words {
            query.push_str("&status%5B%5D=");
            query.push_str(&segment(word));
        }
        let answer = self.get("order", &query).await?;
        self.noted(wire::orders_page(answer, page))
    }

    /// Reads one order as it is now. Gives `None` when ProductFlow does not have the order (404).
    ///
    /// # Errors
    ///
    /// Fails when ProductFlow cannot be reached, refuses the call, or answers with something else than one order.
    pub async fn order(&self, identifier: &OrderIdentifier) -> Result<Option<RawOrder>, Error> {
        // A URL takes these two for a folder, even percent-encoded: no URL names such an order, so ProductFlow cannot have it.
        if matches!(identifier.as_str(), "." | "..") {
            return Ok(None);
        }
        match self
            .get(&format!("order/{}", segment(identifier.as_str())), "")
            .await
        {
            Ok(answer) => self.noted(wire::one_order(answer, identifier)).map(Some),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
