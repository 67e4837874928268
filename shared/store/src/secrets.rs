//! The credentials of each connection: one secret, cached for an hour by version, read past the cache after a 401.

use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_sdk_secretsmanager::operation::delete_secret::DeleteSecretError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueError;
use domain::ids::{CompanyId, ConnectionId};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long credentials are cached.
const CACHED_FOR: Duration = Duration::from_hours(1);
/// Connections cached at most: more than one invocation can poll, since a cache that is too small by one is as good as none.
const MOST_CACHED: usize = 50_000;

/// Key and secret of the Robaws API user.
#[derive(Debug, Clone)]
pub struct RobawsLogin {
    /// The key.
    pub key: SecretString,
    /// The secret.
    pub secret: SecretString,
}

/// The ProductFlow token.
#[derive(Debug, Clone)]
pub struct ProductflowLogin {
    /// The personal access token.
    pub access_token: SecretString,
}

/// What deliveries of the webhook are signed with.
#[derive(Debug, Clone)]
pub struct WebhookSecret {
    /// Of which endpoint in Robaws.
    pub endpoint_id: String,
    /// The secret.
    pub secret: SecretString,
}

/// The credentials of a connection, as far as they were entered.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// Of the webhook.
    pub webhook: Option<WebhookSecret>,
    /// For Robaws.
    pub robaws: Option<RobawsLogin>,
    /// For ProductFlow.
    pub productflow: Option<ProductflowLogin>,
    /// That there is a ledger: kept here because a lost table can't tell.
    pub past: Option<Past>,
}

/// What tells, when the table is lost, that a connection booked something before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// The ProductFlow company.
    pub company: CompanyId,
    /// Orders placed before this moment are never touched.
    pub go_live: Timestamp,
    /// The first activation.
    pub first_activated_at: Timestamp,
}

/// A secret could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager did not do it.
    #[error("Secrets Manager failed")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The secret is not what we wrote. Its content is never shown.
    #[error("the secret of connection {0} can't be read")]
    Corrupt(ConnectionId),
}

#[derive(Serialize, Deserialize, Default)]
struct Stored {
    #[serde(skip_serializing_if = "Option::is_none")]
    robaws: Option<StoredRobaws>,
    #[serde(skip_serializing_if = "Option::is_none")]
    productflow: Option<StoredProductflow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<StoredWebhook>,
    #[serde(skip_serializing_if = "Option::is_none")]
    past: Option<Past>,
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

impl From<&Credentials> for Stored {
    fn from(credentials: &Credentials) -> Self {
        let plain = |secret: &SecretString| secret.expose_secret().to_owned();
        Self {
            robaws: credentials.robaws.as_ref().map(|login| StoredRobaws {
                key: plain(&login.key),
                secret: plain(&login.secret),
            }),
            productflow: credentials.productflow.as_ref().map(|login| StoredProductflow {
                access_token: plain(&login.access_token),
            }),
            webhook: credentials.webhook.as_ref().map(|webhook| StoredWebhook {
                endpoint_id: webhook.endpoint_id.clone(),
                secret: plain(&webhook.secret),
            }),
            past: credentials.past,
        }
    }
}

impl From<Stored> for Credentials {
    fn from(stored: Stored) -> Self {
        Self {
            robaws: stored.robaws.map(|l| RobawsLogin {
                key: l.key.into(),
                secret: l.secret.into(),
            }),
            productflow: stored.productflow.map(|l| ProductflowLogin {
                access_token: l.access_token.into(),
            }),
            webhook: stored.webhook.map(|w| WebhookSecret {
                endpoint_id: w.endpoint_id,
                secret: w.secret.into(),
            }),
            past: stored.past,
        }
    }
}

impl Credentials {
    /// Whether both hold the same for the peers.
    pub fn same(&self, other: &Self) -> bool {
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

/// Why a text can't be read is not told: it would be shown with the text.
fn parsed(connection: &ConnectionId, text: &SecretString) -> Result<Credentials, SecretError> {
    serde_json::from_str::<Stored>(text.expose_secret())
        .map(Credentials::from)
        .map_err(|_| SecretError::Corrupt(connection.clone()))
}

/// What is known of a connection's secret. As the text that it is: its parts would take several times the memory, and tens of
/// thousands are kept.
struct Cached {
    version: Option<Box<str>>,
    text: SecretString,
    at: Instant,
}

type Cache = HashMap<ConnectionId, Cached>;

/// Secrets Manager.
#[derive(Clone)]
pub struct SecretStore {
    client: aws_sdk_secretsmanager::Client,
    prefix: String,
    cache: Arc<Mutex<Cache>>,
}

impl SecretStore {
    /// Secrets are named by this prefix and the connection's id.
    pub fn new(client: aws_sdk_secretsmanager::Client, prefix: impl Into<String>) -> Self {
        Self {
            client,
            prefix: prefix.into(),
            cache: Arc::default(),
        }
    }

    fn name(&self, connection: &ConnectionId) -> String {
        format!("{}{connection}", self.prefix)
    }

    /// Credentials of a connection; none at all when nothing was entered.
    pub async fn get(
        &self,
        connection: &ConnectionId,
        version: Option<&str>,
    ) -> Result<Credentials, SecretError> {
        let is_good =
            |cached: &&Cached| cached.version.as_deref() == version && cached.at.elapsed() < CACHED_FOR;
        let cached = self
            .lock()
            .get(connection)
            .filter(is_good)
            .map(|cached| cached.text.clone());
        if let Some(text) = cached {
            return parsed(connection, &text);
        }
        let text = self.read(connection, None).await?;
        let credentials = parsed(connection, &text)?;
        self.keep(connection, version, text);
        Ok(credentials)
    }

    /// Credentials read past the cache.
    pub async fn refresh(&self, connection: &ConnectionId) -> Result<Credentials, SecretError> {
        let text = self.read(connection, None).await?;
        let credentials = parsed(connection, &text)?;
        if let Some(cached) = self.lock().get_mut(connection) {
            cached.text = text;
            cached.at = Instant::now();
        }
        Ok(credentials)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, connection: &ConnectionId, version: Option<&str>, text: SecretString) {
        let mut cache = self.lock();
        if cache.len() >= MOST_CACHED && !cache.contains_key(connection) {
            cache.retain(|_, cached| cached.at.elapsed() < CACHED_FOR);
            if cache.len() >= MOST_CACHED {
                cache.clear();
            }
        }
        let cached = Cached {
            version: version.map(Box::from),
            text,
            at: Instant::now(),
        };
        cache.insert(connection.clone(), cached);
    }

    /// Credentials as they were in one version of the secret.
    pub async fn of_version(
        &self,
        connection: &ConnectionId,
        version: &str,
    ) -> Result<Credentials, SecretError> {
        let text = self.read(connection, Some(version.to_owned())).await?;
        parsed(connection, &text)
    }

    /// The secret's text; of a secret that is not there, one that says that nothing was entered.
    async fn read(
        &self,
        connection: &ConnectionId,
        version: Option<String>,
    ) -> Result<SecretString, SecretError> {
        let sent = self
            .client
            .get_secret_value()
            .secret_id(self.name(connection))
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
        answer
            .secret_string
            .map(SecretString::from)
            .ok_or_else(|| SecretError::Corrupt(connection.clone()))
    }

    /// Stores the credentials and gives the version of the secret.
    pub async fn put(
        &self,
        connection: &ConnectionId,
        credentials: &Credentials,
    ) -> Result<String, SecretError> {
        let text = serde_json::to_string(&Stored::from(credentials))
            .map_err(|error| SecretError::Unavailable(error.into()))?;
        let name = self.name(connection);
        let put = self
            .client
            .put_secret_value()
            .secret_id(&name)
            .secret_string(&text)
            .send()
            .await;
        let version = match put {
            Ok(answer) => answer.version_id,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutSecretValueError::is_resource_not_found_exception) =>
            {
                let created = self
                    .client
                    .create_secret()
                    .name(&name)
                    .secret_string(&text)
                    .send()
                    .await;
                created
                    .map_err(|error| SecretError::Unavailable(error.into()))?
                    .version_id
            }
            Err(error) => {
                let code = error
                    .as_service_error()
                    .and_then(ProvideErrorMetadata::code)
                    .map(str::to_owned);
                tracing::error!(connection.id = %connection, code, "the secret could not be stored");
                return Err(SecretError::Unavailable(error.into()));
            }
        };
        let version = version.ok_or_else(|| SecretError::Corrupt(connection.clone()))?;
        self.keep(connection, Some(&version), text.into());
        Ok(version)
    }

    /// Deletes the secret of a connection, at once and for good. One that is not there is deleted.
    pub async fn delete(&self, connection: &ConnectionId) -> Result<(), SecretError> {
        let deleted = self
            .client
            .delete_secret()
            .secret_id(self.name(connection))
            .force_delete_without_recovery(true)
            .send()
            .await;
        self.lock().remove(connection);
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
            robaws: Some(RobawsLogin {
                key: key.into(),
                secret: secret.into(),
            }),
            productflow: Some(ProductflowLogin {
                access_token: token.into(),
            }),
            webhook: None,
            past: None,
        };
        let known = credentials("key", "secret", "token");
        let with_webhook = Credentials {
            webhook: Some(WebhookSecret {
                endpoint_id: "1".to_owned(),
                secret: "webhook".into(),
            }),
            ..known.clone()
        };
        assert!(known.same(&with_webhook));
        for other in [
            credentials("other", "secret", "token"),
            credentials("key", "other", "token"),
            credentials("key", "secret", "other"),
            Credentials::default(),
        ] {
            assert!(!known.same(&other));
        }
    }

    /// Secrets Manager that can't be reached.
    fn offline() -> SecretStore {
        use aws_sdk_secretsmanager::config::retry::RetryConfig;
        use aws_sdk_secretsmanager::config::{BehaviorVersion, Config};
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .retry_config(RetryConfig::disabled());
        SecretStore::new(
            aws_sdk_secretsmanager::Client::from_conf(config.build()),
            "connector/",
        )
    }

    fn shop(no: usize) -> ConnectionId {
        ConnectionId::parse(format!("shop-{no}")).unwrap()
    }

    fn token(no: usize) -> SecretString {
        format!("{{\"productflow\":{{\"access_token\":\"{no}\"}}}}").into()
    }

    async fn is_known(secrets: &SecretStore, no: usize, version: &str) -> bool {
        match secrets.get(&shop(no), Some(version)).await {
            Ok(credentials) => {
                let login = credentials.productflow.unwrap();
                assert_eq!(login.access_token.expose_secret(), no.to_string());
                true
            }
            Err(SecretError::Unavailable(_)) => false,
            Err(error) => panic!("{error}"),
        }
    }

    fn age(secrets: &SecretStore, no: usize, age: Duration) {
        let at = Instant::now().checked_sub(age).unwrap();
        secrets.lock().get_mut(&shop(no)).unwrap().at = at;
    }

    #[tokio::test]
    async fn secrets_manager_out_of_reach_is_not_taken_for_a_secret_that_is_not_there() {
        let secrets = offline();
        let unavailable = |ended: Result<(), SecretError>| {
            assert!(matches!(ended, Err(SecretError::Unavailable(_))), "{ended:?}");
        };
        unavailable(secrets.get(&shop(1), None).await.map(drop));
        unavailable(secrets.refresh(&shop(1)).await.map(drop));
        unavailable(secrets.of_version(&shop(1), "1").await.map(drop));
        unavailable(secrets.put(&shop(1), &Credentials::default()).await.map(drop));
        unavailable(secrets.delete(&shop(1)).await);
    }

    #[tokio::test]
    async fn credentials_are_remembered_for_an_hour_under_their_version() {
        let secrets = offline();
        secrets.keep(&shop(1), Some("v1"), token(1));
        secrets.keep(&shop(2), Some("v1"), token(2));
        assert!(is_known(&secrets, 1, "v1").await);
        assert!(is_known(&secrets, 2, "v1").await);
        assert!(!is_known(&secrets, 1, "v2").await, "they were changed");
        assert!(!is_known(&secrets, 3, "v1").await);
        age(&secrets, 1, CACHED_FOR.saturating_sub(Duration::from_mins(1)));
        assert!(is_known(&secrets, 1, "v1").await);
        age(&secrets, 1, CACHED_FOR);
        assert!(!is_known(&secrets, 1, "v1").await);
    }

    #[tokio::test]
    async fn a_full_memory_forgets_what_is_too_old_and_all_only_if_nothing_is() {
        let secrets = offline();
        for no in 0..MOST_CACHED {
            secrets.keep(&shop(no), Some("v1"), token(no));
        }
        age(&secrets, 0, CACHED_FOR);
        let newer = MOST_CACHED;
        secrets.keep(&shop(newer), Some("v1"), token(newer));
        assert!(!is_known(&secrets, 0, "v1").await);
        for no in [1, newer - 1, newer] {
            assert!(is_known(&secrets, no, "v1").await, "{no}");
        }
        // One that is known takes no other's place.
        secrets.keep(&shop(1), Some("v2"), token(1));
        assert!(is_known(&secrets, 1, "v2").await);
        assert_eq!(secrets.lock().len(), MOST_CACHED);
        secrets.keep(&shop(0), Some("v1"), token(0));
        assert_eq!(secrets.lock().len(), 1);
        assert!(is_known(&secrets, 0, "v1").await);
    }
}
