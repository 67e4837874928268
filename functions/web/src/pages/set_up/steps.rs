//! The first two steps of the set-up: the credentials, then the settings.

use super::choices::{self, Choices, Sources};
use super::connect::{self, Credentials};
use super::faults::{Faults, Step};
use super::fields::Kind;
use super::lists;
use super::{Summary, is_suspended, summary_here};
use crate::pages::answer::{Answer, PageError};
use crate::pages::forms::Form;
use crate::pages::layout::{Layout, Tab};
use crate::pages::texts::text;
use crate::pages::visit::Visit;
use crate::{checks, connections};
use askama::Template;
use http::StatusCode;
use store::model::ConnectionItem;

#[derive(Template)]
#[template(path = "set_up_connect.html")]
struct ConnectPage {
    page: Layout,
    is_suspended: bool,
    summary: Summary,
    credentials: Credentials,
}

#[derive(Template)]
#[template(path = "set_up_choices.html")]
struct ChoicesPage {
    page: Layout,
    is_suspended: bool,
    summary: Summary,
    choices: Choices,
}

/// `GET …/set-up`: shows the first step.
pub async fn connect(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let faults = connect::checked(visit, Some(Step::Connect)).await?;
    connect_page(visit, &visit.item, None, &faults)
}

/// `POST …/set-up`: tries and stores the credentials, and goes on to the next step when both peers accept them.
pub async fn take_credentials(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let form = visit.form()?;
    let (faults, item) = connect::take(visit, &form).await?;
    if faults.is_empty() {
        return Ok(visit.go("/set-up/choices", Some("connected")));
    }
    Ok(connect_page(visit, &item, Some(&form), &faults)?.with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

fn connect_page(
    visit: &Visit<'_>,
    item: &ConnectionItem,
    form: Option<&Form>,
    faults: &Faults,
) -> Result<Answer, PageError> {
    let mut credentials = connect::form(item, visit.language, form, faults);
    if form.is_some() {
        credentials.said = connect::said(faults, visit.language);
    }
    Answer::html(&ConnectPage {
        page: visit.layout(text("set_up.title", visit.language), Tab::None),
        is_suspended: is_suspended(visit),
        summary: summary_here(faults, &credentials.said),
        credentials,
    })
}

/// `GET …/set-up/choices`: shows the second step, once there are credentials of Robaws.
pub async fn choices(visit: &Visit<'_>) -> Result<Answer, PageError> {
    if !visit.item.connection.has_robaws {
        return Ok(visit.go("/set-up", None));
    }
    let faults = connect::checked(visit, Some(Step::Choices)).await?;
    choices_page(visit, &visit.item, None, &faults).await
}

/// `POST …/set-up/choices`: searches a client, or stores the settings and goes on to the last step when nothing is missing.
pub async fn take_choices(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let form = visit.form()?;
    if form.value("do") == Some("search") {
        return choices_page(visit, &visit.item, Some(&form), &Faults::none()).await;
    }
    let (mut faults, item) = keep(visit, &form).await?;
    if faults.is_empty() {
        faults = Faults::of(&wrong_choices(visit, &item).await?, visit.language);
    }
    if faults.is_empty() {
        return Ok(visit.go("/set-up/start", Some("saved")));
    }
    let page = choices_page(visit, &item, Some(&form), &faults).await?;
    Ok(page.with_status(StatusCode::UNPROCESSABLE_ENTITY))
}

/// The faults that activation would find in the settings, as far as Robaws answers now.
async fn wrong_choices(visit: &Visit<'_>, item: &ConnectionItem) -> Result<Vec<checks::Fault>, PageError> {
    let settings = &item.connection.settings;
    let mut found = checks::missing(settings, true, true, true);
    if let Some(robaws) = lists::robaws(visit).await? {
        found.extend(checks::robaws_settings(&robaws, settings).await);
    }
    found.retain(|fault| fault.field.starts_with("settings."));
    Ok(found)
}

/// Stores the settings that changed, through the API. Gives the faults of a refusal, and the connection as it is now.
pub async fn keep(visit: &Visit<'_>, form: &Form) -> Result<(Faults, ConnectionItem), PageError> {
    let Some(body) = choices::changes(form, &visit.item.connection) else {
        return Ok((Faults::none(), visit.item.clone()));
    };
    let request = visit.request.of_page(&body);
    match Box::pin(connections::change(visit.deps, &request, visit.item.clone())).await {
        Ok(_) => {
            let item = connections::read_again(visit.deps, visit.id()).await?;
            Ok((Faults::none(), item))
        }
        Err(error) => {
            let connection = &visit.item.connection;
            let word = error
                .argument("word")
                .filter(|_| error.code() == "status_word_ambiguous");
            let faults = match word {
                Some(word) => choices::word_twice(word, form, connection, visit.language),
                None => Faults::read(error, visit.language)?,
            };
            Ok((faults, visit.item.clone()))
        }
    }
}

/// Builds the form of the settings with the present lists of Robaws.
pub async fn offered(
    visit: &Visit<'_>,
    item: &ConnectionItem,
    form: Option<&Form>,
    faults: &Faults,
) -> Result<Choices, PageError> {
    let settings = &item.connection.settings;
    let typed = form.map(choices::searched).filter(|text| !text.is_empty());
    // As long as no client is set, an empty search offers the first few clients, which may be all there are.
    let searched = typed.or_else(|| settings.b2c_client_id.is_none().then(String::new));
    let lists = lists::read(visit, settings, searched.as_deref()).await?;
    let sources = Sources {
        connection: &item.connection,
        language: visit.language,
        form,
        lists: &lists,
        faults,
    };
    Ok(sources.choices())
}

async fn choices_page(
    visit: &Visit<'_>,
    item: &ConnectionItem,
    form: Option<&Form>,
    faults: &Faults,
) -> Result<Answer, PageError> {
    Answer::html(&ChoicesPage {
        choices: offered(visit, item, form, faults).await?,
        page: visit.layout(text("set_up.title", visit.language), Tab::None),
        is_suspended: is_suspended(visit),
        summary: summary_here(faults, &[]),
    })
}
