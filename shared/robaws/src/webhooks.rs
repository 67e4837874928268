//! `/webhook-endpoints`: who is told of changes of articles. Needs an admin user.

use crate::Error;
use crate::transport::{Client, LIST_TIMEOUT, Request};
use crate::wire::{self, WebhookEndpoint};

impl Client {
    /// The endpoints that deliver to this URL.
    pub async fn webhooks_to(&self, url: &str) -> Result<Vec<WebhookEndpoint>, Error> {
        let mut found = self
            .list(
                "webhook-endpoints",
                &[],
                "webhook endpoints",
                LIST_TIMEOUT,
                |endpoint: &WebhookEndpoint| &endpoint.id,
                |_| false,
            )
            .await?;
        found.retain(|endpoint| endpoint.url == url);
        Ok(found)
    }

    /// Makes an endpoint, with the secret of its deliveries. Without an idempotency key: one that was used before would answer
    /// with an endpoint that was removed since.
    pub async fn create_webhook(&self, url: &str) -> Result<WebhookEndpoint, Error> {
        let body = wire::webhook_body(url);
        self.write(Request::post("webhook-endpoints", &body, "").without_key())
            .await?
            .json("a webhook endpoint")
    }

    /// Removes an endpoint. Gone already is removed.
    pub async fn delete_webhook(&self, id: &str) -> Result<(), Error> {
        let path = format!("webhook-endpoints/{id}");
        match self.write(Request::delete(&path)).await {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
