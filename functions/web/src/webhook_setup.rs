//! The webhook by which Robaws announces changes of articles, and the checkbox that people tick on articles for ProductFlow:
//! registered and checked by activation, removed by deactivation.

use crate::api_error::ApiError;
use crate::checks::Fault;
use crate::config::Deps;
use connection::webhook_registration::{self, EnsuredWebhook, RegisteredWebhook};
use connection::{Trouble, checkbox};
use domain::problem::{Args, Holds, Problem, ProblemCode};
use jiff::Timestamp;
use runtime::error::Chain;
use std::time::Duration;
use store::model::{Connection, ConnectionItem, Webhook};
use store::secrets::{Credentials, SecretError, WebhookSecret};

/// Time for removing a webhook at Robaws. Deactivation must not wait for a peer that hangs.
const REMOVAL_TIME: Duration = Duration::from_secs(8);

/// Makes sure that Robaws has our webhook registered. `None`: the webhook that the connection knows is still registered.
pub(crate) async fn register_webhook(
    item: &ConnectionItem,
    credentials: &Credentials,
    robaws: &robaws::Client,
    next: &Connection,
) -> Result<Option<RegisteredWebhook>, Fault> {
    let refused = || Fault::for_field("robaws.webhooks");
    let Some(base) = next.public_base_url.as_deref() else {
        tracing::error!(connection.id = %next.id, "nothing tells where the API is reached: no webhook can be registered");
        return Err(refused());
    };
    let url = webhook_registration::delivery_url(base, &next.id);
    let known = webhook_registration::known_endpoint(item, credentials, &url);
    let ensured = webhook_registration::ensure_webhook(robaws, &url, known).await;
    if ensured.is_ok()
        && let Some(old) = item.webhook.as_ref().filter(|old| old.url != url)
    {
        // The public base URL changed, so the webhook with the old URL is removed.
        webhook_registration::remove_webhook(robaws, &old.endpoint_id).await;
    }
    match ensured {
        Ok(EnsuredWebhook::Known) => Ok(None),
        Ok(EnsuredWebhook::New(registered)) => Ok(Some(registered)),
        Err(error) => {
            tracing::warn!(connection.id = %next.id, error = %Chain(&error), "the webhook could not be registered");
            Err(match Trouble::from(&error) {
                Trouble::Permission { .. } | Trouble::Refused { .. } | Trouble::Unreadable => refused(),
                Trouble::Credentials => Fault::for_field("robaws.key"),
                Trouble::Quota { .. } | Trouble::RateLimited { .. } | Trouble::Down | Trouble::OutOfTime => {
                    Fault::unreachable_peer("robaws.key", "Robaws")
                }
            })
        }
    }
}

/// Stores the webhook's signing secret with the credentials and gives the new version of the connection's secret.
pub(crate) async fn store_webhook_secret(
    deps: &Deps,
    next: &Connection,
    credentials: Credentials,
    registered: &RegisteredWebhook,
) -> Result<String, SecretError> {
    let credentials = Credentials {
        webhook: Some(WebhookSecret {
            endpoint_id: registered.endpoint_id.clone(),
            secret: registered.secret.clone(),
        }),
        ..credentials
    };
    deps.peers.secrets().save_credentials(&next.id, &credentials).await
}

/// Removes the webhook at Robaws when its signing secret could not be stored: its deliveries could never be verified.
pub(crate) async fn remove_webhook_unless_stored(
    robaws: &robaws::Client,
    registered: &RegisteredWebhook,
    version: Result<String, SecretError>,
) -> Result<String, SecretError> {
    if version.is_err() {
        webhook_registration::remove_webhook(robaws, &registered.endpoint_id).await;
    }
    version
}

/// Stores a newly registered webhook with the connection.
pub(crate) async fn record_webhook(
    deps: &Deps,
    next: &Connection,
    registered: Option<&RegisteredWebhook>,
    now: Timestamp,
) -> Result<(), ApiError> {
    let (Some(registered), Some(base)) = (registered, next.public_base_url.as_deref()) else {
        return Ok(());
    };
    let webhook = Webhook {
        endpoint_id: registered.endpoint_id.clone(),
        url: webhook_registration::delivery_url(base, &next.id),
        registered_at: now,
    };
    deps.store.save_webhook(&next.id, Some(&webhook)).await?;
    Ok(())
}

/// Opens the problem `checkbox_missing` when the tenant has no checkbox, and closes it when there is one.
///
/// Failures are only logged: orders are processed without the checkbox, and the first push finds out again.
pub(crate) async fn check_for_checkbox(deps: &Deps, item: &ConnectionItem, robaws: &robaws::Client) {
    let id = &item.connection.id;
    let found = match checkbox::detect_checkbox(robaws).await {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(connection.id = %id, error = %Chain(&error), "whether the checkbox exists could not be found out");
            return;
        }
    };
    let stored = match found {
        Some(true) => deps.store.close_problem(item, ProblemCode::CheckboxMissing).await,
        Some(false) => {
            let missing = Problem::new(ProblemCode::CheckboxMissing, Holds::Nothing, Args::new());
            let opened = deps.store.open_problem(item, missing, deps.clock.now()).await;
            opened.map(drop)
        }
        None => Ok(()),
    };
    if let Err(error) = stored {
        tracing::warn!(connection.id = %id, error = %Chain(&error), "what was found out of the checkbox could not be stored");
    }
}

/// Removes the webhook at Robaws, as far as Robaws allows it. Deliveries are refused from now on in any case.
pub(crate) async fn remove_webhook(deps: &Deps, item: &ConnectionItem) {
    let id = &item.connection.id;
    let Some(webhook) = &item.webhook else { return };
    let credentials = match deps.peers.secrets().reload_credentials(id).await {
        Ok(credentials) => credentials,
        Err(error) => {
            tracing::warn!(connection.id = %id, error = %Chain(&error), "the webhook stays registered");
            return;
        }
    };
    if let Some(robaws) = deps.peers.robaws_client(id, &credentials) {
        let removal = webhook_registration::remove_webhook(&robaws, &webhook.endpoint_id);
        if tokio::time::timeout(REMOVAL_TIME, removal).await.is_err() {
            tracing::warn!(connection.id = %id, "the webhook stays registered: Robaws does not answer");
        }
    }
    if let Err(error) = deps.store.save_webhook(id, None).await {
        tracing::warn!(connection.id = %id, error = %Chain(&error), "that the webhook is gone could not be stored");
    }
}
