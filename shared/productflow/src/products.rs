//! Writing products and offers: the resources `product/{sku}` and `product/{sku}/offer` of ProductFlow.

use crate::transport::{Client, Write, encode_path_segment};
use crate::{Error, wire};
use domain::article::{Offer, Product};
use domain::ids::Sku;
use reqwest::Method;

impl Client {
    /// Makes the product, or replaces its texts.
    ///
    /// # Errors
    ///
    /// Fails when ProductFlow cannot be reached or refuses the call. Unless it refused, the write may have had its effect.
    pub async fn put_product(&self, sku: &Sku, product: &Product) -> Result<(), Error> {
        let write = Write { form: &wire::product_form(product), language: Some(&product.language) };
        self.send_write(Method::POST, &product_path(sku), write).await
    }

    /// Makes the offer of a product, or replaces all of its fields.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when ProductFlow does not have the product. Fails also when ProductFlow cannot be reached or refuses
    /// the call; unless it refused, the write may have had its effect.
    pub async fn put_offer(&self, sku: &Sku, offer: &Offer) -> Result<(), Error> {
        let write = Write { form: &wire::offer_form(offer), language: None };
        self.send_write(Method::POST, &offer_path(sku), write).await
    }

    /// Withdraws the offer of a product. An offer that is not there counts as withdrawn.
    ///
    /// # Errors
    ///
    /// Fails when ProductFlow cannot be reached or refuses the call. Unless it refused, the offer may be withdrawn.
    pub async fn withdraw_offer(&self, sku: &Sku) -> Result<(), Error> {
        let write = Write { form: &[], language: None };
        match self.send_write(Method::DELETE, &offer_path(sku), write).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn product_path(sku: &Sku) -> String {
    format!("product/{}", encode_path_segment(sku.as_str()))
}

fn offer_path(sku: &Sku) -> String {
    format!("{}/offer", product_path(sku))
}
