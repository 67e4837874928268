//! One-time sign-in links. Only a digest of a link's token is stored, so that whoever reads the table can't use one.

use crate::Store;
use crate::error::StoreError;
use crate::keys::{self, Key};
use crate::record::read_item;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::ConnectionId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How long after its end a link is remembered, so that whoever opens it is told whose it was.
const REMEMBERED_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A link as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInLink {
    /// The connection that it signs in to.
    pub connection: ConnectionId,
    /// Path to go on to, of that connection's pages.
    pub next: Option<String>,
    /// No use from this moment on.
    pub ends_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
}

impl SignInLink {
    /// Whether it still signs in.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.used_at.is_none() && now < self.ends_at
    }
}

/// A token that nobody guesses: 244 random bits as text.
pub fn random_token() -> String {
    let (a, b) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    URL_SAFE_NO_PAD.encode([a.into_bytes(), b.into_bytes()].concat())
}

/// What stands for a token in the table.
fn digest(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

impl Store {
    /// Stores a link under the digest of its token.
    pub async fn save_link(&self, token: &str, link: &SignInLink) -> Result<(), StoreError> {
        let mut item: Key =
            serde_dynamo::to_item(link).map_err(|error| StoreError::corrupt("a link to store", error))?;
        item.extend(keys::link(&digest(token)));
        let forgotten = link.ends_at.checked_add(REMEMBERED_FOR).unwrap_or(link.ends_at);
        let seconds = forgotten.as_second().to_string();
        item.insert("expires_at".to_owned(), AttributeValue::N(seconds));
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await
            .map_err(StoreError::sdk)?;
        Ok(())
    }

    /// The link that a token belongs to, good or not.
    pub async fn link(&self, token: &str) -> Result<Option<SignInLink>, StoreError> {
        let found = self.item(keys::link(&digest(token))).await?;
        found.map(|item| read_item("a sign-in link", item)).transpose()
    }

    /// Uses a link up. `false`: somebody else did, or it is not there.
    pub async fn use_link(&self, token: &str, now: Timestamp) -> Result<bool, StoreError> {
        let at = serde_dynamo::to_attribute_value(now).map_err(|e| StoreError::corrupt("a moment", e))?;
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::link(&digest(token))))
            .update_expression("SET used_at = :now")
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(used_at) OR used_at = :none)",
            )
            .expression_attribute_values(":now", at)
            .expression_attribute_values(":none", AttributeValue::Null(true))
            .send()
            .await;
        match sent.map_err(StoreError::sdk) {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Counts one more of `what` in the window that `now` lies in, unless `most` were counted in it already. Tells whether it was
    /// counted.
    pub async fn allow(
        &self,
        what: &str,
        most: u32,
        window: SignedDuration,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let length = window.as_secs().max(1);
        let number = now.as_second().div_euclid(length);
        let end = number.saturating_add(2).saturating_mul(length);
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::allowance(what, number)))
            .update_expression("SET expires_at = :end ADD counted :one")
            .condition_expression("attribute_not_exists(counted) OR counted < :most")
            .expression_attribute_values(":end", AttributeValue::N(end.to_string()))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .expression_attribute_values(":most", AttributeValue::N(most.to_string()))
            .send()
            .await;
        match sent.map_err(StoreError::sdk) {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether [`Store::allow`] would still count; counts nothing.
    pub async fn allows(
        &self,
        what: &str,
        most: u32,
        window: SignedDuration,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let number = now.as_second().div_euclid(window.as_secs().max(1));
        let found = self.item(keys::allowance(what, number)).await?;
        let counted = found
            .and_then(|item| item.get("counted")?.as_n().ok()?.parse::<u32>().ok())
            .unwrap_or(0);
        Ok(counted < most)
    }
}
