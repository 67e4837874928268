//! One-time sign-in links, and counters of limited actions. The table holds only a digest of a link's token, so
//! that nobody who reads the table can use a link.

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

/// How long an expired link is kept, so that the page can tell whose link it was.
const REMEMBERED_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInLink {
    /// The connection that the link signs in to.
    pub connection: ConnectionId,
    /// Path of the connection's pages to go to after signing in.
    pub next: Option<String>,
    /// The link does not sign in from this moment on.
    pub ends_at: Timestamp,
    /// When the link was used. `None`: not yet.
    pub used_at: Option<Timestamp>,
}

impl SignInLink {
    /// Whether the link still signs in.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.used_at.is_none() && now < self.ends_at
    }
}

/// A secret token: 244 random bits as base64url.
pub fn generate_token() -> String {
    let (a, b) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    URL_SAFE_NO_PAD.encode([a.into_bytes(), b.into_bytes()].concat())
}

/// The digest that the table holds in place of the token.
fn digest_token(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

impl Store {
    /// Stores a link under the digest of its token.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when the token exists already; [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn save_sign_in_link(&self, token: &str, link: &SignInLink) -> Result<(), StoreError> {
        let mut item: Key = serde_dynamo::to_item(link)
            .map_err(|error| StoreError::corrupt_item("a link to store", error))?;
        item.extend(keys::sign_in_link_key(&digest_token(token)));
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
            .map_err(StoreError::from_sdk)?;
        Ok(())
    }

    /// Loads the link of a token, whether it still signs in or not.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails; [`StoreError::Corrupt`] when the stored item cannot be
    /// read.
    pub async fn load_sign_in_link(&self, token: &str) -> Result<Option<SignInLink>, StoreError> {
        let found = self.load_item(keys::sign_in_link_key(&digest_token(token))).await?;
        found.map(|item| read_item("a sign-in link", item)).transpose()
    }

    /// Uses up a link. Returns `false` when the link was used before or does not exist.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn use_up_sign_in_link(&self, token: &str, now: Timestamp) -> Result<bool, StoreError> {
        let at =
            serde_dynamo::to_attribute_value(now).map_err(|e| StoreError::corrupt_item("a moment", e))?;
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::sign_in_link_key(&digest_token(token))))
            .update_expression("SET used_at = :now")
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(used_at) OR used_at = :none)",
            )
            .expression_attribute_values(":now", at)
            .expression_attribute_values(":none", AttributeValue::Null(true))
            .send()
            .await;
        match sent.map_err(StoreError::from_sdk) {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Counts one use of `what` in the window of time that holds `now`, unless `most` uses were counted already.
    /// Returns whether the use was counted, which means that it is allowed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn take_allowance(
        &self,
        what: &str,
        most: u32,
        window: SignedDuration,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let length = window.as_secs().max(1);
        let number = now.as_second().div_euclid(length);
        // The counter outlives its window by one more, so that clocks that differ do not count anew.
        let end = number.saturating_add(2).saturating_mul(length);
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::allowance_key(what, number)))
            .update_expression("SET expires_at = :end ADD counted :one")
            .condition_expression("attribute_not_exists(counted) OR counted < :most")
            .expression_attribute_values(":end", AttributeValue::N(end.to_string()))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .expression_attribute_values(":most", AttributeValue::N(most.to_string()))
            .send()
            .await;
        match sent.map_err(StoreError::from_sdk) {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether [`Store::take_allowance`] would still count a use. Counts nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn has_allowance(
        &self,
        what: &str,
        most: u32,
        window: SignedDuration,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let number = now.as_second().div_euclid(window.as_secs().max(1));
        let found = self.load_item(keys::allowance_key(what, number)).await?;
        let counted =
            found.and_then(|item| item.get("counted")?.as_n().ok()?.parse::<u32>().ok()).unwrap_or(0);
        Ok(counted < most)
    }
}
