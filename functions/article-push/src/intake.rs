//! Decides whether a delivery is accepted, and queues the article.
//!
//! A delivery is accepted when its connection is not inactive, its signature was made with the secret of the connection's
//! webhook at most five minutes ago, and its body is JSON.

use crate::config::Deps;
use crate::delivery::{self, Delivery};
use crate::signature::Signature;
use domain::Language;
use domain::ids::ConnectionId;
use http::StatusCode;
use secrecy::ExposeSecret;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::StoreError;
use store::model::{Connection, ConnectionState};
use store::queue::{ArticleEvent, ArticleMessage, QueueError};
use store::secrets::SecretError;
use tokio::time::Instant;

/// When a signature does not fit, the secret is read past the cache at most this often for each connection. The webhook may
/// have been registered anew.
const REREAD_AT_MOST_EVERY: Duration = Duration::from_mins(1);
/// Most connections remembered. Beyond that number the memory starts anew.
const MOST_REMEMBERED: usize = 10_000;

/// When the secret of each connection was last read past the cache.
#[derive(Clone, Default)]
pub struct SecretRereads(Arc<Mutex<HashMap<ConnectionId, Instant>>>);

impl SecretRereads {
    fn try_take(&self, connection: &ConnectionId) -> bool {
        let now = Instant::now();
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.get(connection).is_some_and(|at| now.duration_since(*at) < REREAD_AT_MOST_EVERY) {
            return false;
        }
        if last.len() >= MOST_REMEMBERED {
            last.clear();
        }
        last.insert(connection.clone(), now);
        true
    }
}

/// Why a delivery is refused. The reason tells a stranger no more than the status of the answer does.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is no such connection, or the connection is inactive.
    #[error("there is no such active connection")]
    NoActiveConnection,
    /// There is no signature, or it is wrong, or it is old.
    #[error("the signature is missing, wrong or old")]
    Signature(Language),
    /// The body is signed but is not JSON.
    #[error("the body is not JSON")]
    NotJson(Language),
    /// The connection could not be read from the table.
    #[error("the connection could not be read")]
    Store(#[from] StoreError),
    /// The secret could not be read from Secrets Manager.
    #[error("the secret could not be read")]
    Secret(#[from] SecretError),
    /// The article could not be sent to SQS.
    #[error("the delivery could not be queued")]
    Queue(#[from] QueueError),
}

impl Refusal {
    /// The HTTP status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoActiveConnection => StatusCode::NOT_FOUND,
            Self::Signature(_) => StatusCode::UNAUTHORIZED,
            Self::NotJson(_) => StatusCode::BAD_REQUEST,
            Self::Store(_) | Self::Secret(_) | Self::Queue(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Accepts a delivery and queues its article, or says why the delivery is refused. A delivery that concerns no article is
/// accepted and does nothing.
pub async fn accept_delivery(
    deps: &Deps,
    id: &str,
    header: Option<&str>,
    body: &[u8],
) -> Result<(), Refusal> {
    let id = ConnectionId::parse(id).map_err(|_| Refusal::NoActiveConnection)?;
    let found = deps.store.load_connection(&id).await?;
    let connection = found
        .map(|item| item.connection)
        // A suspended connection sends every article once its ledger is rebuilt. Refusing its deliveries would only make Robaws
        // suspend the endpoint.
        .filter(|connection| connection.state != ConnectionState::Inactive)
        .ok_or(Refusal::NoActiveConnection)?;
    let language = connection.language;
    let now = deps.clock.now();
    let signature = header.and_then(Signature::parse);
    let signature =
        signature.filter(|signature| signature.is_fresh(now)).ok_or(Refusal::Signature(language))?;
    if !is_signed_by_webhook(deps, &connection, &signature, body).await? {
        return Err(Refusal::Signature(language));
    }
    let changed = match delivery::parse_delivery(body).ok_or(Refusal::NotJson(language))? {
        Delivery::Changed(changed) => changed,
        Delivery::Other => return Ok(()),
        Delivery::Nameless => {
            tracing::warn!("an event names no article: the nightly check finds what it was");
            return Ok(());
        }
    };
    let event = ArticleEvent { id: changed.event_id, at: now };
    tracing::info!(
        article.id = %changed.article_id, article.number = changed.number, event.id = %event.id, "article announced"
    );
    let message = ArticleMessage {
        event: Some(event),
        ..ArticleMessage::for_due_article(id, changed.article_id, changed.number)
    };
    deps.queue.send_messages(&[message]).await?;
    Ok(())
}

async fn is_signed_by_webhook(
    deps: &Deps,
    connection: &Connection,
    signature: &Signature,
    body: &[u8],
) -> Result<bool, SecretError> {
    let by = |credentials: &store::secrets::Credentials| {
        let webhook = credentials.webhook.as_ref();
        webhook.is_some_and(|webhook| signature.is_made_with(webhook.secret.expose_secret(), body))
    };
    let version = connection.secret_version.as_deref();
    if by(&deps.secrets.load_credentials(&connection.id, version).await?) {
        return Ok(true);
    }
    // Otherwise every wrong signature, which anybody can send, would cost a read of the secret.
    if !deps.secret_rereads.try_take(&connection.id) {
        return Ok(false);
    }
    Ok(by(&deps.secrets.reload_credentials(&connection.id).await?))
}
