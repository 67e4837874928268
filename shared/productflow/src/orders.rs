//! `order`.

use crate::transport::{Client, segment};
use crate::wire::{OrdersPage, RawOrder};
use crate::{Error, wire};
use domain::ids::OrderIdentifier;

impl Client {
    /// One page of all orders, whatever their status, from 1. `sorted`: newest update first, if ProductFlow does as asked.
    pub async fn orders_page(&self, page: u32, per_page: u32, sorted: bool) -> Result<OrdersPage, Error> {
        let sort = if sorted { "&sort%5B0%5D=-updated_at" } else { "" };
        let answer = self
            .get("order", &format!("page={page}&per_page={per_page}{sort}"))
            .await?;
        self.noted(wire::orders_page(answer, page))
    }

    /// One page of the orders whose status is one of these words, from 1. The filter may be ignored: look at each order.
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

    /// One order as it is now; `None` on 404.
    pub async fn order(&self, identifier: &OrderIdentifier) -> Result<Option<RawOrder>, Error> {
        // Also percent-encoded these name a folder: no URL names such an order.
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
