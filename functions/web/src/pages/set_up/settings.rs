//! The page of settings of a connection that was activated before: state, settings and credentials.

use super::choices::Choices;
use super::connect::{self, Credentials};
use super::faults::Faults;
use super::fields::Kind;
use super::{Summary, is_suspended, steps, summary_here};
use crate::pages::answer::{Answer, PageError};
use crate::pages::forms::Form;
use crate::pages::layout::{Layout, Tab};
use crate::pages::sign_in;
use crate::pages::texts::text;
use crate::pages::visit::Visit;
use askama::Template;
use http::StatusCode;
use store::model::ConnectionItem;

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    page: Layout,
    is_suspended: bool,
    summary: Summary,
    state: State,
    choices: Choices,
    credentials: Credentials,
    /// Whether the reader signed in lately enough to change credentials.
    is_fresh: bool,
    /// Whether no user is set who gets the tasks, so that nobody would get the task with a new sign-in link.
    has_no_recipient: bool,
}

/// The state of the connection.
struct State {
    /// The state as the API names it.
    name: &'static str,
    /// The state in the reader's language.
    text: String,
    /// When the connection was last activated, in words.
    activated_at: Option<String>,
    /// When the connection was deactivated, in words.
    deactivated_at: Option<String>,
    /// The moment of go-live, in words.
    go_live: Option<String>,
}

/// `GET …/settings`; with `?check=` what is stored is checked, and faults are shown at their fields.
pub async fn show(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let faults = connect::checked(visit, None).await?;
    settings_page(visit, &visit.item, None, &faults, Sent::Nothing).await
}

/// `POST …/settings`: searches a client, or stores the settings.
pub async fn take(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let form = visit.form()?;
    if form.value("do") == Some("search") {
        return settings_page(visit, &visit.item, Some(&form), &Faults::none(), Sent::Choices).await;
    }
    let (faults, item) = steps::keep(visit, &form).await?;
    if faults.is_empty() {
        return Ok(visit.go("/settings", Some("saved")));
    }
    let page = settings_page(visit, &item, Some(&form), &faults, Sent::Choices).await?;
    Ok(page.with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

/// `POST …/settings/credentials`: tries and stores credentials. Refused unless the reader signed in lately, so that a browser
/// left open is not enough.
pub async fn take_credentials(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let form = visit.form()?;
    if !visit.session.is_fresh(visit.now) {
        let faults = Faults {
            intro: Some(text("set_up.not_fresh", visit.language).to_owned()),
            ..Faults::none()
        };
        let page = settings_page(visit, &visit.item, None, &faults, Sent::Nothing).await?;
        return Ok(page.with_status(StatusCode::FORBIDDEN));
    }
    let (faults, item) = connect::take(visit, &form).await?;
    if faults.is_empty() {
        return Ok(visit.go("/settings", Some("connected")));
    }
    let page = settings_page(visit, &item, Some(&form), &faults, Sent::Credentials).await?;
    Ok(page.with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

/// `POST …/settings/new-link`: asks for a task with a new sign-in link, which leads back to this page.
pub async fn new_link(visit: &Visit<'_>) -> Result<Answer, PageError> {
    visit.form()?;
    let back = visit.path("/settings");
    sign_in::send_link(visit.deps, visit.request, visit.id(), Some(&back)).await?;
    Ok(visit.go("/settings", Some("link_sent")))
}

/// Which form of the page was sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    Nothing,
    Choices,
    Credentials,
}

async fn settings_page(
    visit: &Visit<'_>,
    item: &ConnectionItem,
    form: Option<&Form>,
    faults: &Faults,
    sent: Sent,
) -> Result<Answer, PageError> {
    let page = visit.layout(text("menu.settings", visit.language), Tab::Settings);
    let moment = |at| page.moment(at);
    let connection = &item.connection;
    let state = State {
        name: item.api_state(),
        text: page.of("set_up_state", item.api_state()),
        activated_at: connection.activated_at.map(moment),
        deactivated_at: connection.deactivated_at.map(moment),
        go_live: connection.go_live.map(moment),
    };
    let of_choices = form.filter(|_| sent == Sent::Choices);
    let of_credentials = form.filter(|_| sent == Sent::Credentials);
    let mut credentials = connect::form(item, visit.language, of_credentials, faults);
    if of_credentials.is_some() {
        credentials.said = connect::said(faults, visit.language);
    }
    Answer::html(&SettingsPage {
        is_suspended: is_suspended(visit),
        summary: summary_here(faults, &credentials.said),
        state,
        choices: steps::offered(visit, item, of_choices, faults).await?,
        credentials,
        is_fresh: visit.session.is_fresh(visit.now),
        has_no_recipient: connection.settings.task_user_id.is_none(),
        page,
    })
}
