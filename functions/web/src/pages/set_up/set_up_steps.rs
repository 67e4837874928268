//! The first two steps of the set-up: the credentials, then the settings.

use super::credentials_form::{self, CredentialsForm};
use super::form_faults::{FormFaults, SetUpStep};
use super::form_fields::FieldKind;
use super::robaws_lists;
use super::settings_form::{self, SettingsForm, SettingsFormSources};
use super::{FaultSummary, is_suspended, summarize_faults_here};
use crate::pages::answer::{Answer, PageError};
use crate::pages::forms::Form;
use crate::pages::layout::{Layout, Tab};
use crate::pages::texts::text_for;
use crate::pages::visit::Visit;
use crate::{checks, connections_api};
use askama::Template;
use http::StatusCode;
use store::model::ConnectionItem;

#[derive(Template)]
#[template(path = "set_up_connect.html")]
struct CredentialsStepPage {
    page: Layout,
    is_suspended: bool,
    summary: FaultSummary,
    credentials: CredentialsForm,
}

#[derive(Template)]
#[template(path = "set_up_choices.html")]
struct SettingsStepPage {
    page: Layout,
    is_suspended: bool,
    summary: FaultSummary,
    choices: SettingsForm,
}

/// `GET …/set-up`: shows the first step.
pub async fn show_credentials_step(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let faults = credentials_form::check_if_asked(visit, Some(SetUpStep::Credentials)).await?;
    render_credentials_step(visit, &visit.item, None, &faults)
}

/// `POST …/set-up`: tries and stores the credentials, and goes on to the next step when both peers accept them.
pub async fn take_credentials_step_form(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let form = visit.take_form()?;
    let (faults, item) = credentials_form::try_and_store_credentials(visit, &form).await?;
    if faults.is_empty() {
        return Ok(visit.redirect_to("/set-up/choices", Some("connected")));
    }
    Ok(render_credentials_step(visit, &item, Some(&form), &faults)?
        .with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

fn render_credentials_step(
    visit: &Visit<'_>,
    item: &ConnectionItem,
    form: Option<&Form>,
    faults: &FormFaults,
) -> Result<Answer, PageError> {
    let mut credentials = credentials_form::build_credentials_form(item, visit.language, form, faults);
    if form.is_some() {
        credentials.said = credentials_form::peer_verdicts(faults, visit.language);
    }
    Answer::render_template(&CredentialsStepPage {
        page: visit.page_layout(text_for("set_up.title", visit.language), Tab::None),
        is_suspended: is_suspended(visit),
        summary: summarize_faults_here(faults, &credentials.said),
        credentials,
    })
}

/// `GET …/set-up/choices`: shows the second step, once there are credentials of Robaws.
pub async fn show_settings_step(visit: &Visit<'_>) -> Result<Answer, PageError> {
    if !visit.item.connection.has_robaws {
        return Ok(visit.redirect_to("/set-up", None));
    }
    let faults = credentials_form::check_if_asked(visit, Some(SetUpStep::Settings)).await?;
    render_settings_step(visit, &visit.item, None, &faults).await
}

/// `POST …/set-up/choices`: searches a client, or stores the settings and goes on to the last step when nothing is missing.
pub async fn take_settings_step_form(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let form = visit.take_form()?;
    if form.field_value("do") == Some("search") {
        return render_settings_step(visit, &visit.item, Some(&form), &FormFaults::no_faults()).await;
    }
    let (mut faults, item) = store_changed_settings(visit, &form).await?;
    if faults.is_empty() {
        faults = FormFaults::from_checks(&check_settings_step(visit, &item).await?, visit.language);
    }
    if faults.is_empty() {
        return Ok(visit.redirect_to("/set-up/start", Some("saved")));
    }
    let page = render_settings_step(visit, &item, Some(&form), &faults).await?;
    Ok(page.with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

/// The faults that activation would find in the settings, as far as Robaws answers now.
async fn check_settings_step(
    visit: &Visit<'_>,
    item: &ConnectionItem,
) -> Result<Vec<checks::Fault>, PageError> {
    let settings = &item.connection.settings;
    let mut found = checks::find_missing_fields(settings, true, true, true);
    if let Some(robaws) = robaws_lists::open_robaws_client(visit).await? {
        found.extend(checks::check_robaws_settings(&robaws, settings).await);
    }
    found.retain(|fault| fault.field.starts_with("settings."));
    Ok(found)
}

/// Stores the settings that changed, through the API. Gives the faults of a refusal, and the connection as it is now.
pub async fn store_changed_settings(
    visit: &Visit<'_>,
    form: &Form,
) -> Result<(FormFaults, ConnectionItem), PageError> {
    let Some(body) = settings_form::changed_settings_body(form, &visit.item.connection) else {
        return Ok((FormFaults::no_faults(), visit.item.clone()));
    };
    let request = visit.request.to_api_request(&body);
    match Box::pin(connections_api::change_connection(visit.deps, &request, visit.item.clone())).await {
        Ok(_) => {
            let item = connections_api::reload_connection(visit.deps, visit.id()).await?;
            Ok((FormFaults::no_faults(), item))
        }
        Err(error) => {
            let connection = &visit.item.connection;
            let word = error.text_argument("word").filter(|_| error.code() == "status_word_ambiguous");
            let faults = match word {
                Some(word) => settings_form::word_twice_faults(word, form, connection, visit.language),
                None => FormFaults::from_api_error(error, visit.language)?,
            };
            Ok((faults, visit.item.clone()))
        }
    }
}

/// Builds the form of the settings with the present lists of Robaws.
pub async fn load_settings_form(
    visit: &Visit<'_>,
    item: &ConnectionItem,
    form: Option<&Form>,
    faults: &FormFaults,
) -> Result<SettingsForm, PageError> {
    let settings = &item.connection.settings;
    let typed = form.map(settings_form::client_search_text).filter(|text| !text.is_empty());
    // As long as no client is set, an empty search offers the first few clients, which may be all there are.
    let searched = typed.or_else(|| settings.b2c_client_id.is_none().then(String::new));
    let lists = robaws_lists::read_robaws_lists(visit, settings, searched.as_deref()).await?;
    let sources = SettingsFormSources {
        connection: &item.connection,
        language: visit.language,
        form,
        lists: &lists,
        faults,
    };
    Ok(sources.build_settings_form())
}

async fn render_settings_step(
    visit: &Visit<'_>,
    item: &ConnectionItem,
    form: Option<&Form>,
    faults: &FormFaults,
) -> Result<Answer, PageError> {
    Answer::render_template(&SettingsStepPage {
        choices: load_settings_form(visit, item, form, faults).await?,
        page: visit.page_layout(text_for("set_up.title", visit.language), Tab::None),
        is_suspended: is_suspended(visit),
        summary: summarize_faults_here(faults, &[]),
    })
}
