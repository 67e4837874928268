//! A step of the nightly check: whether Robaws still announces changes of articles. Robaws suspends an endpoint that keeps
//! failing without telling anybody.

use crate::full_push;
use crate::sweeps::{SweepContext, SweepStop, stop_from_robaws};
use connection::Trouble;
use connection::webhook_registration::{self, EnsuredWebhook};
use domain::problem::{Args, Holds, Problem, ProblemCode};
use jiff::SignedDuration;
use runtime::error::Chain;
use store::sweep::SweepRun;

/// When articles changed without an event, a webhook without an event for this long is dead.
const SILENT_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Registers the webhook anew when it is dead or gone, and checks again for a checkbox that was missing. Gives the next step of
/// the sweep.
pub(crate) async fn check_webhook(
    sweep: &SweepContext<'_>,
    run: &mut SweepRun,
) -> Result<Option<&'static str>, SweepStop> {
    let item = &sweep.session.item;
    let store = &sweep.session.store;
    if run.has_checkbox {
        store.close_problem(item, ProblemCode::CheckboxMissing).await?;
    } else if item.problems.contains_key(&ProblemCode::CheckboxMissing) {
        full_push::check_checkbox(sweep).await?;
    }
    register_if_needed(sweep, run).await?;
    Ok(Some("orders"))
}

async fn register_if_needed(sweep: &SweepContext<'_>, run: &SweepRun) -> Result<(), SweepStop> {
    let item = &sweep.session.item;
    let store = &sweep.session.store;
    let connection = sweep.connection_id();
    let now = sweep.session.clock.now();
    let Some(base) = item.connection.public_base_url.as_deref() else {
        return Ok(());
    };
    let url = webhook_registration::delivery_url(base, connection);
    let registered_at = item.webhook.as_ref().map(|webhook| webhook.registered_at);
    let sign = item.last_event_at.max(registered_at);
    let is_silent = run.unannounced > 0
        && item.webhook.is_some()
        && sign.is_none_or(|sign| now.duration_since(sign) >= SILENT_AFTER);
    let secrets = sweep.deps.sessions.peers.secrets();
    let credentials =
        match secrets.load_credentials(connection, item.connection.secret_version.as_deref()).await {
            Ok(credentials) => credentials,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "the webhook could not be checked");
                return Ok(());
            }
        };
    let known = webhook_registration::known_endpoint(item, &credentials, &url).filter(|_| !is_silent);
    let client = &sweep.live.clients.robaws;
    match webhook_registration::ensure_webhook(client, &url, known).await {
        Ok(EnsuredWebhook::Known) => {}
        Ok(EnsuredWebhook::New(registered)) => {
            tracing::warn!(silent = is_silent, "the webhook is registered anew");
            let endpoint_id = registered.endpoint_id.clone();
            let kept = webhook_registration::save_registration(
                store,
                secrets,
                &item.connection,
                registered,
                &url,
                now,
            )
            .await;
            if let Err(error) = kept {
                tracing::error!(error = %Chain(&error), "the new webhook could not be kept");
                webhook_registration::remove_webhook(client, &endpoint_id).await;
                return Ok(());
            }
        }
        Err(error) => {
            let trouble = Trouble::from(&error);
            if !trouble.is_peer_well() {
                return Err(stop_from_robaws(&error));
            }
            tracing::warn!(error = %Chain(&error), "the webhook could not be registered");
            return Ok(());
        }
    }
    if is_silent {
        let silent = Problem::new(ProblemCode::WebhookSilent, Holds::Nothing, Args::new());
        store.open_problem(item, silent, now).await?;
    } else {
        store.close_problem(item, ProblemCode::WebhookSilent).await?;
    }
    Ok(())
}
