//! `/vat-tariffs`.

use crate::transport::{Client, LIST_TIMEOUT};
use crate::{Error, wire};
use domain::catalogue::VatTariff;

impl Client {
    /// All VAT tariffs. One without an id or a percentage is no tariff.
    pub async fn vat_tariffs(&self) -> Result<Vec<VatTariff>, Error> {
        let found = self
            .list(
                "vat-tariffs",
                &[],
                "VAT tariffs",
                LIST_TIMEOUT,
                |t: &wire::WireTariff| &t.id,
                |_| false,
            )
            .await?;
        Ok(found
            .into_iter()
            .filter_map(wire::WireTariff::into_tariff)
            .collect())
    }
}
