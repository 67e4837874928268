//! `product/{sku}` and its offer.

use crate::transport::{Client, Write, segment};
use crate::{Error, wire};
use domain::article::{Offer, Product};
use domain::ids::Sku;
use reqwest::Method;

impl Client {
    /// Makes or updates the product.
    pub async fn put_product(&self, sku: &Sku, product: &Product) -> Result<(), Error> {
        let write = Write {
            form: &wire::product_form(product),
            language: Some(&product.language),
        };
        self.write(Method::POST, &product_path(sku), write).await
    }

    /// Makes or updates the offer of a product, which must exist: 404 if not.
    pub async fn put_offer(&self, sku: &Sku, offer: &Offer) -> Result<(), Error> {
        let write = Write {
            form: &wire::offer_form(offer),
            language: None,
        };
        self.write(Method::POST, &offer_path(sku), write).await
    }

    /// Withdraws the offer. Gone already is withdrawn.
    pub async fn withdraw_offer(&self, sku: &Sku) -> Result<(), Error> {
        let write = Write {
            form: &[],
            language: None,
        };
        match self.write(Method::DELETE, &offer_path(sku), write).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn product_path(sku: &Sku) -> String {
    format!("product/{}", segment(sku.as_str()))
}

fn offer_path(sku: &Sku) -> String {
    format!("{}/offer", product_path(sku))
}
