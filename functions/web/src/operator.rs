//! The operator's token. The string of the secret `OperatorToken` is the token. Tokens are compared in constant time.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long a process uses the token before it is read from Secrets Manager again.
const CACHED_FOR: Duration = Duration::from_mins(10);
/// Shortest time between two readings of the secret that a wrong token causes. A wrong token may be the new one after a rotation.
const REREAD_AFTER: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
pub enum OperatorTokenError {
    /// Secrets Manager did not give the secret.
    #[error("the operator token could not be read")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The secret holds no text, or an empty text.
    #[error("the operator token is empty")]
    Empty,
}

/// Reads, remembers and checks the operator's token.
#[derive(Clone)]
pub struct OperatorToken {
    client: aws_sdk_secretsmanager::Client,
    secret_id: String,
    cached: Arc<Mutex<Option<(SecretString, Instant)>>>,
}

impl OperatorToken {
    /// `secret_id` is the name or ARN of the secret that holds the token.
    pub fn new(client: aws_sdk_secretsmanager::Client, secret_id: impl Into<String>) -> Self {
        Self { client, secret_id: secret_id.into(), cached: Arc::default() }
    }

    /// Whether `given` is the token. Reads the secret again when `given` does not match what is remembered.
    pub async fn verify_token(&self, given: &str) -> Result<bool, OperatorTokenError> {
        let mut cached = self.cached.lock().await;
        if let Some((token, at)) = cached.as_ref() {
            let same = equals_in_constant_time(token, given);
            let age = at.elapsed();
            if age < CACHED_FOR && (same || age < REREAD_AFTER) {
                return Ok(same);
            }
        }
        let token = self.fetch_token().await?;
        let same = equals_in_constant_time(&token, given);
        *cached = Some((token, Instant::now()));
        Ok(same)
    }

    /// Derives a key for `purpose` from the token (HMAC-SHA-256). After a rotation the old key is used for at most ten minutes.
    pub async fn derived_key(&self, purpose: &str) -> Result<[u8; 32], OperatorTokenError> {
        let mut cached = self.cached.lock().await;
        let known = cached.as_ref().filter(|(_, at)| at.elapsed() < CACHED_FOR);
        let token = if let Some((token, _)) = known {
            token.clone()
        } else {
            let token = self.fetch_token().await?;
            *cached = Some((token.clone(), Instant::now()));
            token
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(token.expose_secret().as_bytes())
            .map_err(|error| OperatorTokenError::Unavailable(error.into()))?;
        mac.update(purpose.as_bytes());
        Ok(mac.finalize().into_bytes().into())
    }

    async fn fetch_token(&self) -> Result<SecretString, OperatorTokenError> {
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

/// Compares digests of equal length, so that the time taken tells neither the content nor the length of the token.
fn equals_in_constant_time(token: &SecretString, given: &str) -> bool {
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    digest(token.expose_secret()).ct_eq(&digest(given)).into()
}
