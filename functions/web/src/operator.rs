//! The operator's token: the secret `OperatorToken`, whose string is the token, compared in constant time.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long the token is remembered.
const CACHED_FOR: Duration = Duration::from_mins(10);
/// A token that does not match is looked up anew, after a rotation, at most this often.
const REREAD_AFTER: Duration = Duration::from_secs(30);

/// The token could not be read.
#[derive(Debug, thiserror::Error)]
pub enum OperatorTokenError {
    /// Secrets Manager did not give it.
    #[error("the operator token could not be read")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The secret holds no text, or an empty one.
    #[error("the operator token is empty")]
    Empty,
}

/// Knows the operator's token.
#[derive(Clone)]
pub struct OperatorToken {
    client: aws_sdk_secretsmanager::Client,
    secret_id: String,
    cached: Arc<Mutex<Option<(SecretString, Instant)>>>,
}

impl OperatorToken {
    /// Kept in the secret with this name or ARN.
    pub fn new(client: aws_sdk_secretsmanager::Client, secret_id: impl Into<String>) -> Self {
        Self {
            client,
            secret_id: secret_id.into(),
            cached: Arc::default(),
        }
    }

    /// Whether `given` is the token.
    pub async fn is(&self, given: &str) -> Result<bool, OperatorTokenError> {
        let mut cached = self.cached.lock().await;
        if let Some((token, at)) = cached.as_ref() {
            let same = equal(token, given);
            let age = at.elapsed();
            if age < CACHED_FOR && (same || age < REREAD_AFTER) {
                return Ok(same);
            }
        }
        let token = self.read().await?;
        let same = equal(&token, given);
        *cached = Some((token, Instant::now()));
        Ok(same)
    }

    /// A key for `purpose`, which says nothing of the token. After a rotation it is the old one for at most ten minutes.
    pub async fn derived_key(&self, purpose: &str) -> Result<[u8; 32], OperatorTokenError> {
        let mut cached = self.cached.lock().await;
        let known = cached.as_ref().filter(|(_, at)| at.elapsed() < CACHED_FOR);
        let token = if let Some((token, _)) = known {
            token.clone()
        } else {
            let token = self.read().await?;
            *cached = Some((token.clone(), Instant::now()));
            token
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(token.expose_secret().as_bytes())
            .map_err(|error| OperatorTokenError::Unavailable(error.into()))?;
        mac.update(purpose.as_bytes());
        Ok(mac.finalize().into_bytes().into())
    }

    async fn read(&self) -> Result<SecretString, OperatorTokenError> {
        let answer = self
            .client
            .get_secret_value()
            .secret_id(&self.secret_id)
            .send()
            .await
            .map_err(|error| OperatorTokenError::Unavailable(error.into()))?;
        let token = answer.secret_string().unwrap_or_default();
        if token.is_empty() {
            return Err(OperatorTokenError::Empty);
        }
        Ok(token.into())
    }
}

/// Digests of equal length are compared, so that neither content nor length of the token shows in the time it takes.
fn equal(token: &SecretString, given: &str) -> bool {
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    digest(token.expose_secret()).ct_eq(&digest(given)).into()
}
