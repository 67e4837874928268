//! The form of the credentials. They are tried at both peers at once, and stored unless a peer refuses them. Stored secrets are
//! never shown.

use super::form_faults::{FormFaults, SetUpStep};
use super::form_fields::{Field, FieldKind};
use crate::checks::Fault;
use crate::pages::answer::PageError;
use crate::pages::forms::Form;
use crate::pages::texts::text_for;
use crate::pages::visit::Visit;
use crate::{connections_api, credential_check};
use domain::Language;
use serde_json::{Map, Value, json};
use store::model::ConnectionItem;

/// The page of ProductFlow that shows access tokens and the company's number.
const PRODUCTFLOW_PROFILE: &str = "https://cloud.productflow.com/profile";
/// The ids of the fields of Robaws.
const ROBAWS_FIELDS: [&str; 2] = ["robaws_key", "robaws_secret"];
/// The ids of the fields of ProductFlow.
const PRODUCTFLOW_FIELDS: [&str; 2] = ["access_token", "company_id"];

pub struct CredentialsForm {
    /// The fields of key and secret.
    pub robaws: Vec<Field>,
    /// The fields of access token and company.
    pub productflow: Vec<Field>,
    /// What each peer said of the credentials; empty before they are tried.
    pub said: Vec<PeerVerdict>,
}

/// What a peer said of the credentials that were tried.
pub struct PeerVerdict {
    /// Name of the peer.
    pub system: &'static str,
    /// What is wrong, or that the credentials work.
    pub text: String,
    /// Id of the first field that is wrong.
    pub wrong: Option<String>,
}

/// Builds the form.
pub fn build_credentials_form(
    item: &ConnectionItem,
    language: Language,
    form: Option<&Form>,
    faults: &FormFaults,
) -> CredentialsForm {
    let connection = &item.connection;
    let t = |key: &'static str| text_for(key, language);
    let field = |name: &'static str, setting: &str, kind: FieldKind, hint: &str| {
        let label = domain::text::setting_label(setting, language);
        Field::new(name, label, kind).with_hint(hint).with_faults(faults.texts_of_field(name))
    };
    let kept = |is_stored: bool| {
        if is_stored { t("set_up.secret_saved") } else { "" }
    };
    let in_robaws = kept(connection.has_robaws);
    let robaws = vec![
        field("robaws_key", "robaws.key", FieldKind::Secret, in_robaws)
            .with_hint(t("set_up.hint_robaws_key")),
        field("robaws_secret", "robaws.secret", FieldKind::Secret, in_robaws)
            .with_hint(t("set_up.hint_robaws_secret")),
    ];
    let stored = connection.company.map(|company| company.to_string());
    let typed = form.and_then(|form| form.field_as_typed("company_id"));
    let company = typed.map(str::to_owned).or(stored).unwrap_or_default();
    let company = if connection.first_activated_at.is_some() {
        field(
            "company_id",
            "productflow.company_id",
            FieldKind::Fixed(connection.company.map(|c| c.to_string()).unwrap_or_default()),
            t("set_up.company_is_fixed"),
        )
    } else {
        let kind = FieldKind::Text { value: company, numeric: true };
        field("company_id", "productflow.company_id", kind, t("set_up.hint_company_id"))
    };
    let kept_token = kept(connection.has_productflow);
    let token = field("access_token", "productflow.access_token", FieldKind::Secret, kept_token)
        .with_hint(t("set_up.hint_access_token"))
        .with_link(PRODUCTFLOW_PROFILE, t("set_up.open_profile"));
    CredentialsForm { robaws, productflow: vec![token, company], said: Vec::new() }
}

/// What each peer said, taken from the faults of its fields.
pub fn peer_verdicts(faults: &FormFaults, language: Language) -> Vec<PeerVerdict> {
    [("Robaws", ROBAWS_FIELDS), ("ProductFlow", PRODUCTFLOW_FIELDS)]
        .into_iter()
        .map(|(system, fields)| {
            let wrong = faults.first_of_fields(&fields);
            let works = || text_for("set_up.works", language).to_owned();
            PeerVerdict {
                system,
                text: wrong.map_or_else(works, |fault| fault.text.clone()),
                wrong: wrong.map(|fault| fault.element.clone()),
            }
        })
        .collect()
}

/// What was typed for each peer, as a body of `PATCH /api/connections/{id}`; `None` when nothing was typed.
fn typed_credentials(form: &Form, item: &ConnectionItem) -> [Option<Value>; 2] {
    let some = |fields: Map<String, Value>, name: &str| (!fields.is_empty()).then(|| json!({ name: fields }));
    let mut robaws = Map::new();
    for (name, field) in [("key", "robaws_key"), ("secret", "robaws_secret")] {
        robaws.extend(form.field_value(field).map(|value| (name.to_owned(), value.into())));
    }
    let mut productflow = Map::new();
    let token = form.field_value("access_token");
    productflow.extend(token.map(|value| ("access_token".to_owned(), value.into())));
    let known = item.connection.company.map(|company| company.to_string());
    if let Some(company) = form.field_value("company_id")
        && Some(company) != known.as_deref()
    {
        // A text that is no number is passed on as it is, so that the API refuses it at this field.
        let number = company.parse::<u64>().map_or_else(|_| company.into(), Value::from);
        productflow.insert("company_id".to_owned(), number);
    }
    [some(robaws, "robaws"), some(productflow, "productflow")]
}

/// The part of a body that is stored after the try: nothing that the peer refused, but what it could not be asked about.
fn keep_what_is_not_refused(body: Option<Value>, found: &[Fault]) -> Option<Value> {
    let mut body = body?;
    let is_refused = |field: &str| found.iter().any(|fault| fault.field == field && !fault.is_unreachable());
    if is_refused("robaws.key") || is_refused("productflow.access_token") {
        return None;
    }
    if is_refused("productflow.company_id") {
        body["productflow"].as_object_mut()?.remove("company_id");
        body["productflow"].get("access_token")?;
    }
    Some(body)
}

/// Tries at both peers at once what was typed, or what is stored where nothing was typed, and stores what is not refused.
/// Gives the faults, and the connection as it is now.
pub async fn try_and_store_credentials(
    visit: &Visit<'_>,
    form: &Form,
) -> Result<(FormFaults, ConnectionItem), PageError> {
    let (deps, language) = (visit.deps, visit.language);
    let nothing = json!({});
    let [robaws, productflow] = typed_credentials(form, &visit.item);
    let (of_robaws, of_productflow) = futures::join!(
        credential_check::try_robaws_credentials(deps, &visit.item, robaws.as_ref().unwrap_or(&nothing)),
        credential_check::try_productflow_credentials(
            deps,
            &visit.item,
            productflow.as_ref().unwrap_or(&nothing)
        ),
    );
    let mut faults = FormFaults::no_faults();
    let mut item = visit.item.clone();
    // The peers' credentials are stored one after the other, because both are in the same secret.
    for (body, tried) in [(robaws, of_robaws), (productflow, of_productflow)] {
        let found = match tried {
            Ok(found) => found,
            Err(error) => {
                faults.add_all(FormFaults::from_api_error(error, language)?);
                continue;
            }
        };
        faults.add_all(FormFaults::from_checks(&found, language));
        let Some(body) = keep_what_is_not_refused(body, &found) else {
            continue;
        };
        let request = visit.request.to_api_request(&body);
        match Box::pin(connections_api::change_connection(deps, &request, item.clone())).await {
            Ok(_) => item = connections_api::reload_connection(deps, visit.id()).await?,
            Err(error) => faults.add_all(faults_of_refusal(error, language)?),
        }
    }
    Ok((faults, item))
}

/// The faults of credentials that the API did not store. A fault that names no field is put at the Robaws key.
fn faults_of_refusal(error: crate::api_error::ApiError, language: Language) -> Result<FormFaults, PageError> {
    let is_down = error.code() == "peer_unavailable";
    let mut faults = FormFaults::from_api_error(error, language)?;
    if is_down && let Some(text) = faults.intro.take() {
        faults.add_fault("robaws.key", &text, language);
    }
    Ok(faults)
}

/// Checks the stored settings and credentials. With `?check=webhooks` the fault of the webhook is added, which only an
/// activation finds.
pub async fn check_stored_settings(visit: &Visit<'_>) -> Result<FormFaults, PageError> {
    let credentials = visit.deps.peers.secrets().reload_credentials(visit.id()).await?;
    let found = crate::activation::find_activation_faults(visit.deps, &visit.item, &credentials).await?;
    let mut faults = FormFaults::from_checks(&found, visit.language);
    if visit.request.query_parameter("check") == Some("webhooks") {
        let webhooks = Fault::for_field("robaws.webhooks");
        faults.add_fault(webhooks.field, &webhooks.render_message(visit.language), visit.language);
    }
    Ok(faults)
}

/// Checks what is stored when the query has `check`. Gives the faults of one step, or of all.
pub async fn check_if_asked(visit: &Visit<'_>, step: Option<SetUpStep>) -> Result<FormFaults, PageError> {
    if visit.request.query_parameter("check").is_none() {
        return Ok(FormFaults::no_faults());
    }
    let faults = check_stored_settings(visit).await?;
    Ok(match step {
        Some(step) => faults.only_of_step(step),
        None => faults,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_peer_refused_is_kept() {
        let robaws = || Some(json!({"robaws": {"key": "k", "secret": "s"}}));
        let both = || Some(json!({"productflow": {"access_token": "t", "company_id": 42}}));
        assert_eq!(keep_what_is_not_refused(robaws(), &[Fault::for_field("robaws.key")]), None);
        assert_eq!(keep_what_is_not_refused(robaws(), &[Fault::for_field("robaws.permissions")]), robaws());
        let down = Fault::unreachable_peer("robaws.key", "Robaws");
        assert_eq!(keep_what_is_not_refused(robaws(), &[down]), robaws());
        assert_eq!(keep_what_is_not_refused(both(), &[Fault::for_field("productflow.access_token")]), None);
        let wrong_company = [Fault::for_field("productflow.company_id")];
        let token = json!({"productflow": {"access_token": "t"}});
        assert_eq!(keep_what_is_not_refused(both(), &wrong_company), Some(token));
        let company = Some(json!({"productflow": {"company_id": 42}}));
        assert_eq!(keep_what_is_not_refused(company, &wrong_company), None);
        assert_eq!(keep_what_is_not_refused(None, &[]), None);
    }
}
