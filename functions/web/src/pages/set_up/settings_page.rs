//! The page of settings of a connection that was activated before: state, settings and credentials.

use super::credentials_form::{self, CredentialsForm};
use super::form_faults::FormFaults;
use super::form_fields::FieldKind;
use super::settings_form::SettingsForm;
use super::{FaultSummary, is_suspended, set_up_steps, summarize_faults_here};
use crate::pages::answer::{Answer, PageError};
use crate::pages::forms::Form;
use crate::pages::layout::{Layout, Tab};
use crate::pages::sign_in_pages;
use crate::pages::texts::text_for;
use crate::pages::visit::Visit;
use askama::Template;
use http::StatusCode;
use store::model::ConnectionItem;

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    page: Layout,
    is_suspended: bool,
    summary: FaultSummary,
    state: StateWords,
    choices: SettingsForm,
    credentials: CredentialsForm,
    /// Whether the reader signed in lately enough to change credentials.
    is_fresh: bool,
    /// Whether no user is set who gets the tasks, so that nobody would get the task with a new sign-in link.
    has_no_recipient: bool,
}

/// The state of the connection.
struct StateWords {
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
pub async fn show_settings_page(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let faults = credentials_form::check_if_asked(visit, None).await?;
    render_settings_page(visit, &visit.item, None, &faults, SubmittedForm::Nothing).await
}

/// `POST …/settings`: searches a client, or stores the settings.
pub async fn take_settings_form(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let form = visit.take_form()?;
    if form.field_value("do") == Some("search") {
        return render_settings_page(
            visit,
            &visit.item,
            Some(&form),
            &FormFaults::no_faults(),
            SubmittedForm::Choices,
        )
        .await;
    }
    let (faults, item) = set_up_steps::store_changed_settings(visit, &form).await?;
    if faults.is_empty() {
        return Ok(visit.redirect_to("/settings", Some("saved")));
    }
    let page = render_settings_page(visit, &item, Some(&form), &faults, SubmittedForm::Choices).await?;
    Ok(page.with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

/// `POST …/settings/credentials`: tries and stores credentials. Refused unless the reader signed in lately, so that a browser
/// left open is not enough.
pub async fn take_credentials_form(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let form = visit.take_form()?;
    if !visit.session.is_fresh(visit.now) {
        let faults = FormFaults {
            intro: Some(text_for("set_up.not_fresh", visit.language).to_owned()),
            ..FormFaults::no_faults()
        };
        let page = render_settings_page(visit, &visit.item, None, &faults, SubmittedForm::Nothing).await?;
        return Ok(page.with_status(StatusCode::FORBIDDEN));
    }
    let (faults, item) = credentials_form::try_and_store_credentials(visit, &form).await?;
    if faults.is_empty() {
        return Ok(visit.redirect_to("/settings", Some("connected")));
    }
    let page = render_settings_page(visit, &item, Some(&form), &faults, SubmittedForm::Credentials).await?;
    Ok(page.with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

/// `POST …/settings/new-link`: asks for a task with a new sign-in link, which leads back to this page.
pub async fn take_new_link_form(visit: &Visit<'_>) -> Result<Answer, PageError> {
    visit.take_form()?;
    let back = visit.connection_path("/settings");
    sign_in_pages::ask_for_sign_in_link(visit.deps, visit.request, visit.id(), Some(&back)).await?;
    Ok(visit.redirect_to("/settings", Some("link_sent")))
}

/// Which form of the page was sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SubmittedForm {
    Nothing,
    Choices,
    Credentials,
}

async fn render_settings_page(
    visit: &Visit<'_>,
    item: &ConnectionItem,
    form: Option<&Form>,
    faults: &FormFaults,
    sent: SubmittedForm,
) -> Result<Answer, PageError> {
    let page = visit.page_layout(text_for("menu.settings", visit.language), Tab::Settings);
    let moment = |at| page.format_moment(at);
    let connection = &item.connection;
    let state = StateWords {
        name: item.api_state(),
        text: page.text_in_section("set_up_state", item.api_state()),
        activated_at: connection.activated_at.map(moment),
        deactivated_at: connection.deactivated_at.map(moment),
        go_live: connection.go_live.map(moment),
    };
    let of_choices = form.filter(|_| sent == SubmittedForm::Choices);
    let of_credentials = form.filter(|_| sent == SubmittedForm::Credentials);
    let mut credentials =
        credentials_form::build_credentials_form(item, visit.language, of_credentials, faults);
    if of_credentials.is_some() {
        credentials.said = credentials_form::peer_verdicts(faults, visit.language);
    }
    Answer::render_template(&SettingsPage {
        is_suspended: is_suspended(visit),
        summary: summarize_faults_here(faults, &credentials.said),
        state,
        choices: set_up_steps::load_settings_form(visit, item, of_choices, faults).await?,
        credentials,
        is_fresh: visit.session.is_fresh(visit.now),
        has_no_recipient: connection.settings.task_user_id.is_none(),
        page,
    })
}
