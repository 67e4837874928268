//! The webhook by which Robaws announces changes of articles: registered once, replaced when its secret is lost.

use domain::ids::ConnectionId;
use jiff::Timestamp;
use runtime::error::Chain;
use secrecy::SecretString;
use store::model::{Connection, ConnectionItem, Webhook};
use store::secrets::{Credentials, SecretError, SecretStore, WebhookSecret};
use store::{Store, StoreError};

/// Times the connection is written anew when somebody else wrote it meanwhile.
const MOST_TRIES: usize = 5;

/// Where Robaws delivers to.
pub fn url(base: &str, connection: &ConnectionId) -> String {
    format!("{}/webhooks/robaws/{connection}", base.trim_end_matches('/'))
}

/// An endpoint that was just made.
#[derive(Debug)]
pub struct Registered {
    /// Its id.
    pub endpoint_id: String,
    /// What its deliveries are signed with.
    pub secret: SecretString,
}

/// What became of a registration.
#[derive(Debug)]
pub enum Ensured {
    /// The one we know is there.
    Known,
    /// A new one replaces whatever delivered to the URL before.
    New(Registered),
}

/// Sees to it that one endpoint delivers to `url`, and that we hold its secret. `known`: the one whose secret we hold; it stays
/// if it is there. Others that deliver there are removed, as far as Robaws lets us: what they sign we can't verify.
pub async fn ensure(
    robaws: &robaws::Client,
    url: &str,
    known: Option<&str>,
) -> Result<Ensured, robaws::Error> {
    let there = robaws.webhooks_to(url).await?;
    let is_known = |endpoint: &&robaws::WebhookEndpoint| Some(endpoint.id.as_str()) == known;
    let ensured = if there.iter().any(|endpoint| is_known(&endpoint)) {
        Ensured::Known
    } else {
        let made = robaws.create_webhook(url).await?;
        // Without its secret it is as good as none; the next try replaces it.
        let missing = || serde::de::Error::missing_field("secret");
        let secret = made
            .secret
            .ok_or_else(|| robaws::Error::unreadable("a new webhook endpoint", &missing()))?;
        Ensured::New(Registered {
            endpoint_id: made.id,
            secret,
        })
    };
    for endpoint in there.iter().filter(|endpoint| !is_known(endpoint)) {
        remove(robaws, &endpoint.id).await;
    }
    Ok(ensured)
}

/// Removes an endpoint where Robaws lets us. Tells whether it is gone.
pub async fn remove(robaws: &robaws::Client, endpoint_id: &str) -> bool {
    match robaws.delete_webhook(endpoint_id).await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(webhook.id = endpoint_id, error = %Chain(&error), "a webhook endpoint could not be removed");
            false
        }
    }
}

/// The endpoint whose secret we hold, if it is the one registered.
pub fn known<'a>(item: &'a ConnectionItem, credentials: &Credentials, url: &str) -> Option<&'a str> {
    let webhook = item.webhook.as_ref().filter(|webhook| webhook.url == url)?;
    let held = credentials.webhook.as_ref()?;
    (held.endpoint_id == webhook.endpoint_id).then_some(webhook.endpoint_id.as_str())
}

/// Why a registration could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The table failed.
    #[error("the webhook could not be stored")]
    Store(#[from] StoreError),
    /// Secrets Manager failed.
    #[error("the webhook's secret could not be stored")]
    Secret(#[from] SecretError),
}

/// Keeps a new endpoint of a connection that stays as it is otherwise: its secret, and that it is registered. Credentials that
/// somebody enters at the same moment are not lost.
pub async fn keep(
    store: &Store,
    secrets: &SecretStore,
    connection: &Connection,
    registered: Registered,
    url: &str,
    now: Timestamp,
) -> Result<(), KeepError> {
    let mut connection = connection.clone();
    let mut credentials = secrets.refresh(&connection.id).await?;
    let endpoint_id = registered.endpoint_id.clone();
    for _ in 0..MOST_TRIES {
        credentials.webhook = Some(WebhookSecret {
            endpoint_id: endpoint_id.clone(),
            secret: registered.secret.clone(),
        });
        let version = secrets.put(&connection.id, &credentials).await?;
        connection.secret_version = Some(version);
        match store.update_connection(&connection).await {
            Ok(_) => {
                let webhook = Webhook {
                    endpoint_id,
                    url: url.to_owned(),
                    registered_at: now,
                };
                store.save_webhook(&connection.id, Some(&webhook)).await?;
                return Ok(());
            }
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
        let item = store.connection(&connection.id).await?;
        connection = item
            .ok_or_else(|| StoreError::missing("the connection"))?
            .connection;
        if let Some(version) = &connection.secret_version {
            credentials = secrets.of_version(&connection.id, version).await?;
        }
    }
    Err(StoreError::Conflict.into())
}
