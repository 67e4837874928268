//! The webhook by which Robaws announces changes of articles: registered once, and replaced when its secret is
//! lost.

use domain::ids::ConnectionId;
use jiff::Timestamp;
use runtime::error::Chain;
use secrecy::SecretString;
use store::model::{Connection, ConnectionItem, Webhook};
use store::secrets::{Credentials, SecretError, SecretStore, WebhookSecret};
use store::{Store, StoreError};

/// Tries to store the webhook when other writers store the connection first.
const MOST_TRIES: usize = 5;

/// The URL that Robaws delivers to. `base`: the base URL of the connector.
pub fn delivery_url(base: &str, connection: &ConnectionId) -> String {
    format!("{}/webhooks/robaws/{connection}", base.trim_end_matches('/'))
}

/// A webhook endpoint that was just created.
#[derive(Debug)]
pub struct RegisteredWebhook {
    /// Robaws' id of the endpoint.
    pub endpoint_id: String,
    /// The secret that signs its deliveries. Robaws shows it only once.
    pub secret: SecretString,
}

/// The result of [`ensure_webhook`].
#[derive(Debug)]
pub enum EnsuredWebhook {
    /// The endpoint whose secret the connector has exists.
    Known,
    /// A new endpoint replaces every other that delivered to the URL.
    New(RegisteredWebhook),
}

/// Makes sure that one endpoint delivers to `url` and that the connector has its secret. `known`: the endpoint
/// whose secret the connector has; it stays if Robaws still has it. Other endpoints of the URL are removed
/// where Robaws permits it, since their signatures cannot be verified.
///
/// # Errors
///
/// The error of Robaws when the endpoints cannot be listed or created, or a new one shows no secret.
pub async fn ensure_webhook(
    robaws: &robaws::Client,
    url: &str,
    known: Option<&str>,
) -> Result<EnsuredWebhook, robaws::Error> {
    let there = robaws.find_webhooks_to(url).await?;
    let is_known = |endpoint: &&robaws::WebhookEndpoint| Some(endpoint.id.as_str()) == known;
    let ensured = if there.iter().any(|endpoint| is_known(&endpoint)) {
        EnsuredWebhook::Known
    } else {
        let made = robaws.create_webhook(url).await?;
        // An endpoint without its secret is useless; the next try replaces it.
        let missing = || serde::de::Error::missing_field("secret");
        let secret = made
            .secret
            .ok_or_else(|| robaws::Error::from_json_error("a new webhook endpoint", &missing()))?;
        EnsuredWebhook::New(RegisteredWebhook { endpoint_id: made.id, secret })
    };
    for endpoint in there.iter().filter(|endpoint| !is_known(endpoint)) {
        remove_webhook(robaws, &endpoint.id).await;
    }
    Ok(ensured)
}

/// Removes an endpoint where Robaws permits it. Returns whether it is gone.
pub async fn remove_webhook(robaws: &robaws::Client, endpoint_id: &str) -> bool {
    match robaws.delete_webhook(endpoint_id).await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(webhook.id = endpoint_id, error = %Chain(&error), "a webhook endpoint could not be removed");
            false
        }
    }
}

/// The endpoint whose secret the connector has, if it is the registered one.
pub fn known_endpoint<'a>(item: &'a ConnectionItem, credentials: &Credentials, url: &str) -> Option<&'a str> {
    let webhook = item.webhook.as_ref().filter(|webhook| webhook.url == url)?;
    let held = credentials.webhook.as_ref()?;
    (held.endpoint_id == webhook.endpoint_id).then_some(webhook.endpoint_id.as_str())
}

/// Why a new endpoint could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum SaveRegistrationError {
    #[error("the webhook could not be stored")]
    Store(#[from] StoreError),
    #[error("the webhook's secret could not be stored")]
    Secret(#[from] SecretError),
}

/// Stores a new endpoint: its secret with the credentials, and its registration with the connection.
/// Credentials that somebody enters at the same time are not lost.
///
/// # Errors
///
/// [`SaveRegistrationError::Secret`] when Secrets Manager fails; [`SaveRegistrationError::Store`] when the table fails, or other
/// writers won five times.
pub async fn save_registration(
    store: &Store,
    secrets: &SecretStore,
    connection: &Connection,
    registered: RegisteredWebhook,
    url: &str,
    now: Timestamp,
) -> Result<(), SaveRegistrationError> {
    let mut connection = connection.clone();
    let mut credentials = secrets.reload_credentials(&connection.id).await?;
    let endpoint_id = registered.endpoint_id.clone();
    for _ in 0..MOST_TRIES {
        credentials.webhook =
            Some(WebhookSecret { endpoint_id: endpoint_id.clone(), secret: registered.secret.clone() });
        let version = secrets.save_credentials(&connection.id, &credentials).await?;
        connection.secret_version = Some(version);
        match store.update_connection(&connection).await {
            Ok(_) => {
                let webhook = Webhook { endpoint_id, url: url.to_owned(), registered_at: now };
                store.save_webhook(&connection.id, Some(&webhook)).await?;
                return Ok(());
            }
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
        let item = store.load_connection(&connection.id).await?;
        connection = item.ok_or_else(|| StoreError::missing_item("the connection"))?.connection;
        // The other writer may have stored new credentials: the secret of the webhook is added to those.
        if let Some(version) = &connection.secret_version {
            credentials = secrets.load_version(&connection.id, version).await?;
        }
    }
    Err(StoreError::Conflict.into())
}
