//! The credentials of each connection: one secret in Secrets Manager, cached for an hour under its version, and
//! read past the cache after a 401.

use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_sdk_secretsmanager::operation::delete_secret::DeleteSecretError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueError;
use domain::ids::{ConnectionId, ProductFlowCompanyId};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

const CACHED_FOR: Duration = Duration::from_hours(1);
/// Secrets cached at most. More than the connections that one poll reaches: a smaller cache would be emptied
/// before its entries are used again.
const MOST_CACHED: usize = 50_000;

/// Key and secret of the Robaws API user.
#[derive(Debug, Clone)]
pub struct RobawsLogin {
    pub key: SecretString,
    pub secret: SecretString,
}

/// The personal access token of ProductFlow.
#[derive(Debug, Clone)]
pub struct ProductflowLogin {
    pub access_token: SecretString,
}

/// The secret that signs the deliveries of a webhook.
#[derive(Debug, Clone)]
pub struct WebhookSecret {
    /// Robaws' id of the endpoint.
    pub endpoint_id: String,
    pub secret: SecretString,
}

/// The credentials of a connection, as far as they were entered.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    pub webhook: Option<WebhookSecret>,
    pub robaws: Option<RobawsLogin>,
    pub productflow: Option<ProductflowLogin>,
    /// What the connection is fixed to since its first activation. Kept in the secret, because it must survive the
    /// loss of the table.
    pub past: Option<PastActivation>,
}

/// Shows, when the table is lost, that a connection booked something before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastActivation {
    pub company: ProductFlowCompanyId,
    /// Orders placed before this moment are never touched.
    pub go_live: Timestamp,
    pub first_activated_at: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager did not answer, or refused the call.
    #[error("Secrets Manager failed")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The secret is not what the connector wrote. Its content is never shown.
    #[error("the secret of connection {0} can't be read")]
    Corrupt(ConnectionId),
}

#[derive(Serialize, Deserialize, Default)]
struct StoredCredentials {
    #[serde(skip_serializing_if = "Option::is_none")]
    robaws: Option<StoredRobaws>,
    #[serde(skip_serializing_if = "Option::is_none")]
    productflow: Option<StoredProductflow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<StoredWebhook>,
    #[serde(skip_serializing_if = "Option::is_none")]
    past: Option<PastActivation>,
}

#[derive(Serialize, Deserialize)]
struct StoredWebhook {
    endpoint_id: String,
    secret: String,
}

#[derive(Serialize, Deserialize)]
struct StoredRobaws {
    key: String,
    secret: String,
}

#[derive(Serialize, Deserialize)]
struct StoredProductflow {
    access_token: String,
}

impl From<&Credentials> for StoredCredentials {
    fn from(credentials: &Credentials) -> Self {
        let plain = |secret: &SecretString| secret.expose_secret().to_owned();
        Self {
            robaws: credentials
                .robaws
                .as_ref()
                .map(|login| StoredRobaws { key: plain(&login.key), secret: plain(&login.secret) }),
            productflow: credentials
                .productflow
                .as_ref()
                .map(|login| StoredProductflow { access_token: plain(&login.access_token) }),
            webhook: credentials.webhook.as_ref().map(|webhook| StoredWebhook {
                endpoint_id: webhook.endpoint_id.clone(),
                secret: plain(&webhook.secret),
            }),
            past: credentials.past,
        }
    }
}

impl From<StoredCredentials> for Credentials {
    fn from(stored: StoredCredentials) -> Self {
        Self {
            robaws: stored.robaws.map(|l| RobawsLogin { key: l.key.into(), secret: l.secret.into() }),
            productflow: stored.productflow.map(|l| ProductflowLogin { access_token: l.access_token.into() }),
            webhook: stored
                .webhook
                .map(|w| WebhookSecret { endpoint_id: w.endpoint_id, secret: w.secret.into() }),
            past: stored.past,
        }
    }
}

impl Credentials {
    /// Whether both hold the same credentials for the two peers.
    pub fn has_same_logins(&self, other: &Self) -> bool {
        let plain = |c: &Self| {
            let text = |secret: &SecretString| secret.expose_secret().to_owned();
            (
                c.robaws.as_ref().map(|l| (text(&l.key), text(&l.secret))),
                c.productflow.as_ref().map(|l| text(&l.access_token)),
            )
        };
        plain(self) == plain(other)
    }
}

/// Parses a secret. The serde error is dropped, since it would quote the secret.
fn parse_credentials(connection: &ConnectionId, text: &SecretString) -> Result<Credentials, SecretError> {
    serde_json::from_str::<StoredCredentials>(text.expose_secret())
        .map(Credentials::from)
        .map_err(|_| SecretError::Corrupt(connection.clone()))
}

/// The cached secret of a connection, as text: parsed it would take several times the memory.
struct CachedSecret {
    version: Option<Box<str>>,
    text: SecretString,
    read_at: Instant,
}

type Cache = HashMap<ConnectionId, CachedSecret>;

/// Access to the secrets of all connections.
#[derive(Clone)]
pub struct SecretStore {
    client: aws_sdk_secretsmanager::Client,
    prefix: String,
    cache: Arc<Mutex<Cache>>,
}

impl SecretStore {
    /// `prefix`: the names of all secrets begin with it; the id of the connection follows.
    pub fn new(client: aws_sdk_secretsmanager::Client, prefix: impl Into<String>) -> Self {
        Self { client, prefix: prefix.into(), cache: Arc::default() }
    }

    fn secret_name(&self, connection: &ConnectionId) -> String {
        format!("{}{connection}", self.prefix)
    }

    /// Loads the credentials of a connection, from the cache if `version` is cached. Empty when nothing was
    /// entered.
    ///
    /// # Errors
    ///
    /// [`SecretError::Unavailable`] when Secrets Manager fails; [`SecretError::Corrupt`] when the secret is not
    /// what the connector wrote.
    pub async fn load_credentials(
        &self,
        connection: &ConnectionId,
        version: Option<&str>,
    ) -> Result<Credentials, SecretError> {
        let is_good = |cached: &&CachedSecret| {
            cached.version.as_deref() == version && cached.read_at.elapsed() < CACHED_FOR
        };
        let cached = self.lock_cache().get(connection).filter(is_good).map(|cached| cached.text.clone());
        if let Some(text) = cached {
            return parse_credentials(connection, &text);
        }
        let text = self.read_secret(connection, None).await?;
        let credentials = parse_credentials(connection, &text)?;
        self.cache_secret(connection, version, text);
        Ok(credentials)
    }

    /// Loads the credentials past the cache, and updates the cache.
    ///
    /// # Errors
    ///
    /// [`SecretError::Unavailable`] when Secrets Manager fails; [`SecretError::Corrupt`] when the secret is not
    /// what the connector wrote.
    pub async fn reload_credentials(&self, connection: &ConnectionId) -> Result<Credentials, SecretError> {
        let text = self.read_secret(connection, None).await?;
        let credentials = parse_credentials(connection, &text)?;
        if let Some(cached) = self.lock_cache().get_mut(connection) {
            cached.text = text;
            cached.read_at = Instant::now();
        }
        Ok(credentials)
    }

    fn lock_cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cache_secret(&self, connection: &ConnectionId, version: Option<&str>, text: SecretString) {
        let mut cache = self.lock_cache();
        if cache.len() >= MOST_CACHED && !cache.contains_key(connection) {
            cache.retain(|_, cached| cached.read_at.elapsed() < CACHED_FOR);
            if cache.len() >= MOST_CACHED {
                // No entry is outdated: the cache starts anew, which costs one read per connection.
                cache.clear();
            }
        }
        let cached = CachedSecret { version: version.map(Box::from), text, read_at: Instant::now() };
        cache.insert(connection.clone(), cached);
    }

    /// Loads the credentials as they were in one version of the secret.
    ///
    /// # Errors
    ///
    /// [`SecretError::Unavailable`] when Secrets Manager fails; [`SecretError::Corrupt`] when the secret is not
    /// what the connector wrote.
    pub async fn load_version(
        &self,
        connection: &ConnectionId,
        version: &str,
    ) -> Result<Credentials, SecretError> {
        let text = self.read_secret(connection, Some(version.to_owned())).await?;
        parse_credentials(connection, &text)
    }

    /// Reads the text of a secret; `{}` when the secret does not exist.
    async fn read_secret(
        &self,
        connection: &ConnectionId,
        version: Option<String>,
    ) -> Result<SecretString, SecretError> {
        let sent = self
            .client
            .get_secret_value()
            .secret_id(self.secret_name(connection))
            .set_version_id(version)
            .send()
            .await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetSecretValueError::is_resource_not_found_exception) =>
            {
                return Ok(SecretString::from("{}"));
            }
            Err(error) => return Err(SecretError::Unavailable(error.into())),
        };
        answer.secret_string.map(SecretString::from).ok_or_else(|| SecretError::Corrupt(connection.clone()))
    }

    /// Stores the credentials and returns the new version of the secret.
    ///
    /// # Errors
    ///
    /// [`SecretError::Unavailable`] when Secrets Manager fails; [`SecretError::Corrupt`] when its answer names no
    /// version.
    pub async fn save_credentials(
        &self,
        connection: &ConnectionId,
        credentials: &Credentials,
    ) -> Result<String, SecretError> {
        let text = serde_json::to_string(&StoredCredentials::from(credentials))
            .map_err(|error| SecretError::Unavailable(error.into()))?;
        let name = self.secret_name(connection);
        let put = self.client.put_secret_value().secret_id(&name).secret_string(&text).send().await;
        let version = match put {
            Ok(answer) => answer.version_id,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutSecretValueError::is_resource_not_found_exception) =>
            {
                let created = self.client.create_secret().name(&name).secret_string(&text).send().await;
                created.map_err(|error| SecretError::Unavailable(error.into()))?.version_id
            }
            Err(error) => {
                let code = error.as_service_error().and_then(ProvideErrorMetadata::code).map(str::to_owned);
                tracing::error!(connection.id = %connection, code, "the secret could not be stored");
                return Err(SecretError::Unavailable(error.into()));
            }
        };
        let version = version.ok_or_else(|| SecretError::Corrupt(connection.clone()))?;
        self.cache_secret(connection, Some(&version), text.into());
        Ok(version)
    }

    /// Deletes the secret of a connection at once, without recovery. A secret that does not exist counts as
    /// deleted.
    ///
    /// # Errors
    ///
    /// [`SecretError::Unavailable`] when Secrets Manager fails.
    pub async fn delete_credentials(&self, connection: &ConnectionId) -> Result<(), SecretError> {
        let deleted = self
            .client
            .delete_secret()
            .secret_id(self.secret_name(connection))
            .force_delete_without_recovery(true)
            .send()
            .await;
        self.lock_cache().remove(connection);
        match deleted {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DeleteSecretError::is_resource_not_found_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(SecretError::Unavailable(error.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_the_same_when_the_peers_see_no_difference() {
        let credentials = |key: &str, secret: &str, token: &str| Credentials {
            robaws: Some(RobawsLogin { key: key.into(), secret: secret.into() }),
            productflow: Some(ProductflowLogin { access_token: token.into() }),
            webhook: None,
            past: None,
        };
        let known = credentials("key", "secret", "token");
        let with_webhook = Credentials {
            webhook: Some(WebhookSecret { endpoint_id: "1".to_owned(), secret: "webhook".into() }),
            ..known.clone()
        };
        assert!(known.has_same_logins(&with_webhook));
        for other in [
            credentials("other", "secret", "token"),
            credentials("key", "other", "token"),
            credentials("key", "secret", "other"),
            Credentials::default(),
        ] {
            assert!(!known.has_same_logins(&other));
        }
    }

    /// A store whose Secrets Manager cannot be reached.
    fn offline_secrets() -> SecretStore {
        use aws_sdk_secretsmanager::config::retry::RetryConfig;
        use aws_sdk_secretsmanager::config::{BehaviorVersion, Config};
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .retry_config(RetryConfig::disabled());
        SecretStore::new(aws_sdk_secretsmanager::Client::from_conf(config.build()), "connector/")
    }

    fn shop_id(no: usize) -> ConnectionId {
        ConnectionId::parse(format!("shop-{no}")).unwrap()
    }

    fn secret_text(no: usize) -> SecretString {
        format!("{{\"productflow\":{{\"access_token\":\"{no}\"}}}}").into()
    }

    async fn is_known(secrets: &SecretStore, no: usize, version: &str) -> bool {
        match secrets.load_credentials(&shop_id(no), Some(version)).await {
            Ok(credentials) => {
                let login = credentials.productflow.unwrap();
                assert_eq!(login.access_token.expose_secret(), no.to_string());
                true
            }
            Err(SecretError::Unavailable(_)) => false,
            Err(error) => panic!("{error}"),
        }
    }

    fn set_age(secrets: &SecretStore, no: usize, age: Duration) {
        let at = Instant::now().checked_sub(age).unwrap();
        secrets.lock_cache().get_mut(&shop_id(no)).unwrap().read_at = at;
    }

    #[tokio::test]
    async fn secrets_manager_out_of_reach_is_not_taken_for_a_secret_that_is_not_there() {
        let secrets = offline_secrets();
        let unavailable = |ended: Result<(), SecretError>| {
            assert!(matches!(ended, Err(SecretError::Unavailable(_))), "{ended:?}");
        };
        unavailable(secrets.load_credentials(&shop_id(1), None).await.map(drop));
        unavailable(secrets.reload_credentials(&shop_id(1)).await.map(drop));
        unavailable(secrets.load_version(&shop_id(1), "1").await.map(drop));
        unavailable(secrets.save_credentials(&shop_id(1), &Credentials::default()).await.map(drop));
        unavailable(secrets.delete_credentials(&shop_id(1)).await);
    }

    #[tokio::test]
    async fn credentials_are_remembered_for_an_hour_under_their_version() {
        let secrets = offline_secrets();
        secrets.cache_secret(&shop_id(1), Some("v1"), secret_text(1));
        secrets.cache_secret(&shop_id(2), Some("v1"), secret_text(2));
        assert!(is_known(&secrets, 1, "v1").await);
        assert!(is_known(&secrets, 2, "v1").await);
        assert!(!is_known(&secrets, 1, "v2").await, "they were changed");
        assert!(!is_known(&secrets, 3, "v1").await);
        set_age(&secrets, 1, CACHED_FOR.saturating_sub(Duration::from_mins(1)));
        assert!(is_known(&secrets, 1, "v1").await);
        set_age(&secrets, 1, CACHED_FOR);
        assert!(!is_known(&secrets, 1, "v1").await);
    }

    #[tokio::test]
    async fn a_full_memory_forgets_what_is_too_old_and_all_only_if_nothing_is() {
        let secrets = offline_secrets();
        for no in 0..MOST_CACHED {
            secrets.cache_secret(&shop_id(no), Some("v1"), secret_text(no));
        }
        set_age(&secrets, 0, CACHED_FOR);
        let newer = MOST_CACHED;
        secrets.cache_secret(&shop_id(newer), Some("v1"), secret_text(newer));
        assert!(!is_known(&secrets, 0, "v1").await);
        for no in [1, newer - 1, newer] {
            assert!(is_known(&secrets, no, "v1").await, "{no}");
        }
        // One that is known takes no other's place.
        secrets.cache_secret(&shop_id(1), Some("v2"), secret_text(1));
        assert!(is_known(&secrets, 1, "v2").await);
        assert_eq!(secrets.lock_cache().len(), MOST_CACHED);
        secrets.cache_secret(&shop_id(0), Some("v1"), secret_text(0));
        assert_eq!(secrets.lock_cache().len(), 1);
        assert!(is_known(&secrets, 0, "v1").await);
    }
}
