//! Webhook endpoints: the resource `/webhook-endpoints` of Robaws, by which Robaws announces changes of articles. Needs an API
//! user with admin rights.

use crate::Error;
use crate::transport::{Client, LIST_TIMEOUT, Request};
use crate::wire::{self, WebhookEndpoint};

impl Client {
    /// Finds the endpoints that deliver to this URL.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn find_webhooks_to(&self, url: &str) -> Result<Vec<WebhookEndpoint>, Error> {
        let mut found = self
            .read_whole_list(
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

    /// Makes an endpoint. The answer shows the secret that its deliveries are signed with, once.
    ///
    /// No idempotency key is sent: a key that was used before would be answered with the earlier endpoint, which may have been
    /// removed.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn create_webhook(&self, url: &str) -> Result<WebhookEndpoint, Error> {
        let body = wire::webhook_body(url);
        self.send_write(Request::post_json("webhook-endpoints", &body, "").without_idempotency_key())
            .await?
            .parse_json("a webhook endpoint")
    }

    /// Removes an endpoint. An endpoint that is not there counts as removed.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached or refuses the call.
    pub async fn delete_webhook(&self, id: &str) -> Result<(), Error> {
        let path = format!("webhook-endpoints/{id}");
        match self.send_write(Request::delete(&path)).await {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
