//! Answers "Send me a new sign-in link in Robaws": makes a task with a link for the user who gets the notifications.
//!
//! The page does not know who asks, so the result shows in Robaws only.

use crate::batch::Deps;
use domain::text;
use jiff::SignedDuration;
use robaws::NewTask;
use runtime::clock::timeout_at;
use runtime::error::Chain;
use std::time::Duration;
use store::links::{SignInLink, generate_token};
use store::queue::SignInMessage;
use tokio::time::Instant;

/// How long the link of a task is valid.
const LINK_VALID_FOR: SignedDuration = SignedDuration::from_mins(15);
/// Time left to the rest of the batch.
const TIME_RESERVED: Duration = Duration::from_secs(5);

/// Puts a sign-in link in Robaws. A failure is only logged: whoever asked may ask again.
pub(crate) async fn send_sign_in_link(deps: &Deps, message: SignInMessage, deadline: Instant) {
    let until = deadline.checked_sub(TIME_RESERVED).unwrap_or(deadline);
    match timeout_at(&*deps.sessions.clock, until, Box::pin(try_send_sign_in_link(deps, message))).await {
        Ok(Ok(true)) => tracing::info!("a sign-in link was put in Robaws"),
        Ok(Ok(false)) => tracing::info!("nobody gets a sign-in link"),
        Ok(Err(error)) => {
            tracing::warn!(error = %Chain(error.as_ref()), "no sign-in link was put in Robaws");
        }
        Err(_) => tracing::warn!("no sign-in link was put in Robaws: no time left"),
    }
}

/// Gives `false` when there is no such connection, or no user to give the link to.
async fn try_send_sign_in_link(
    deps: &Deps,
    message: SignInMessage,
) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    let sessions = &deps.sessions;
    let Some(item) = sessions.store.load_connection(&message.connection).await? else {
        return Ok(false);
    };
    let connection = item.connection;
    let Some(user) = connection.settings.task_user_id.clone() else {
        return Ok(false);
    };
    let credentials = sessions
        .peers
        .secrets()
        .load_credentials(&connection.id, connection.secret_version.as_deref())
        .await?;
    let Some(robaws) = sessions.peers.robaws_client(&connection.id, &credentials) else {
        return Ok(false);
    };
    let now = sessions.clock.now();
    let token = generate_token();
    let link = SignInLink {
        connection: connection.id.clone(),
        next: message.next,
        ends_at: now.checked_add(LINK_VALID_FOR)?,
        used_at: None,
    };
    sessions.store.save_sign_in_link(&token, &link).await?;
    let language = connection.language;
    let url = format!("{}/in/{token}", message.base_url.trim_end_matches('/'));
    let task = NewTask {
        title: text::render_task_text("sign_in_title", &[], language),
        description: text::render_task_text("sign_in_text", &[("url", &url)], language),
        user,
        related: None,
    };
    robaws.create_task(&task, &generate_token()).await?;
    Ok(true)
}
