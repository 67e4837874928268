//! `/clients`, `/users`, `/companies`, `/payment-conditions`, `/stock-locations`: what settings name.

use crate::transport::{Client, LIST_TIMEOUT, PROBE_TIMEOUT, Request};
use crate::wire::Named;
use crate::{Error, wire};
use domain::ids::ClientId;

impl Client {
    /// A client by its id; `None` when it is not there.
    pub async fn client(&self, id: &ClientId) -> Result<Option<Named>, Error> {
        self.get_optional(Request::get(&format!("clients/{id}"), &[]), "a client")
            .await
    }

    /// All users.
    pub async fn users(&self) -> Result<Vec<Named>, Error> {
        self.named("users").await
    }

    /// All companies of the tenant.
    pub async fn companies(&self) -> Result<Vec<Named>, Error> {
        self.named("companies").await
    }

    /// All payment conditions.
    pub async fn payment_conditions(&self) -> Result<Vec<Named>, Error> {
        self.named("payment-conditions").await
    }

    /// All stock locations.
    pub async fn stock_locations(&self) -> Result<Vec<Named>, Error> {
        self.named("stock-locations").await
    }

    /// The cheapest call, to find out whether Robaws answers: one stock location, a module that every booking needs.
    pub async fn cheapest_get(&self) -> Result<(), Error> {
        let page: wire::Page<Named> = self
            .get(
                Request {
                    timeout: PROBE_TIMEOUT,
                    ..Request::get("stock-locations", &[("page", "0"), ("size", "1")])
                },
                "stock locations",
            )
            .await?;
        drop(page);
        Ok(())
    }

    /// Whether the API user may read a module, by its path: one row of its list.
    pub async fn can_read(&self, module: &str) -> Result<(), Error> {
        let page: wire::Page<serde::de::IgnoredAny> = self
            .get(Request::get(module, &[("page", "0"), ("size", "1")]), "a list")
            .await?;
        drop(page);
        Ok(())
    }

    async fn named(&self, path: &str) -> Result<Vec<Named>, Error> {
        self.list(
            path,
            &[],
            "a list of names",
            LIST_TIMEOUT,
            |n: &Named| &n.id,
            |_| false,
        )
        .await
    }
}
