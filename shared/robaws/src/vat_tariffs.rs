//! VAT tariffs: the resource `/vat-tariffs` of Robaws.

use crate::transport::{Client, LIST_TIMEOUT};
use crate::{Error, wire};
use domain::catalogue::VatTariff;

impl Client {
    /// Reads all VAT tariffs. An entry without an id or a percentage is left out.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn read_vat_tariffs(&self) -> Result<Vec<VatTariff>, Error> {
        let found = self
            .read_whole_list(
                "vat-tariffs",
                &[],
                "VAT tariffs",
                LIST_TIMEOUT,
                |t: &wire::WireTariff| &t.id,
                |_| false,
            )
            .await?;
        Ok(found.into_iter().filter_map(wire::WireTariff::into_tariff).collect())
    }
}
