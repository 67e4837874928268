//! The form of the credentials. They are tried at both peers at once, and stored unless a peer refuses them. Stored secrets are
//! never shown.

use super::faults::{Faults, Step};
use super::fields::{Field, Kind};
use crate::checks::Fault;
use crate::pages::answer::PageError;
use crate::pages::forms::Form;
use crate::pages::texts::text;
use crate::pages::visit::Visit;
use crate::{connections, trial};
use domain::Language;
use serde_json::{Map, Value, json};
use store::model::ConnectionItem;

/// The page of ProductFlow that shows access tokens and the company's number.
const PRODUCTFLOW_PROFILE: &str = "https://cloud.productflow.com/profile";
/// The ids of the fields of Robaws.
const OF_ROBAWS: [&str; 2] = ["robaws_key", "robaws_secret"];
/// The ids of the fields of ProductFlow.
const OF_PRODUCTFLOW: [&str; 2] = ["access_token", "company_id"];

pub struct Credentials {
    /// The fields of key and secret.
    pub robaws: Vec<Field>,
    /// The fields of access token and company.
    pub productflow: Vec<Field>,
    /// What each peer said of the credentials; empty before they are tried.
    pub said: Vec<Said>,
}

/// What a peer said of the credentials that were tried.
pub struct Said {
    /// Name of the peer.
    pub system: &'static str,
    /// What is wrong, or that the credentials work.
    pub text: String,
    /// Id of the first field that is wrong.
    pub wrong: Option<String>,
}

/// Builds the form.
pub fn form(item: &ConnectionItem, language: Language, form: Option<&Form>, faults: &Faults) -> Credentials {
    let connection = &item.connection;
    let t = |key: &'static str| text(key, language);
    let field = |name: &'static str, setting: &str, kind: Kind, hint: &str| {
        let label = domain::text::setting(setting, language);
        Field::new(name, label, kind).hint(hint).faults(faults.at(name))
    };
    let kept = |is_stored: bool| {
        if is_stored { t("set_up.secret_saved") } else { "" }
    };
    let in_robaws = kept(connection.has_robaws);
    let robaws = vec![
        field("robaws_key", "robaws.key", Kind::Secret, in_robaws).hint(t("set_up.hint_robaws_key")),
        field("robaws_secret", "robaws.secret", Kind::Secret, in_robaws).hint(t("set_up.hint_robaws_secret")),
    ];
    let stored = connection.company.map(|company| company.to_string());
    let typed = form.and_then(|form| form.typed("company_id"));
    let company = typed.map(str::to_owned).or(stored).unwrap_or_default();
    let company = if connection.first_activated_at.is_some() {
        field(
            "company_id",
            "productflow.company_id",
            Kind::Fixed(connection.company.map(|c| c.to_string()).unwrap_or_default()),
            t("set_up.company_is_fixed"),
        )
    } else {
        let kind = Kind::Text {
            value: company,
            numeric: true,
        };
        field(
            "company_id",
            "productflow.company_id",
            kind,
            t("set_up.hint_company_id"),
        )
    };
    let kept_token = kept(connection.has_productflow);
    let token = field(
        "access_token",
        "productflow.access_token",
        Kind::Secret,
        kept_token,
    )
    .hint(t("set_up.hint_access_token"))
    .link(PRODUCTFLOW_PROFILE, t("set_up.open_profile"));
    Credentials {
        robaws,
        productflow: vec![token, company],
        said: Vec::new(),
    }
}

/// What each peer said, taken from the faults of its fields.
pub fn said(faults: &Faults, language: Language) -> Vec<Said> {
    [("Robaws", OF_ROBAWS), ("ProductFlow", OF_PRODUCTFLOW)]
        .into_iter()
        .map(|(system, fields)| {
            let wrong = faults.first(&fields);
            let works = || text("set_up.works", language).to_owned();
            Said {
                system,
                text: wrong.map_or_else(works, |fault| fault.text.clone()),
                wrong: wrong.map(|fault| fault.element.clone()),
            }
        })
        .collect()
}

/// What was typed for each peer, as a body of `PATCH /api/connections/{id}`; `None` when nothing was typed.
fn typed(form: &Form, item: &ConnectionItem) -> [Option<Value>; 2] {
    let some = |fields: Map<String, Value>, name: &str| (!fields.is_empty()).then(|| json!({ name: fields }));
    let mut robaws = Map::new();
    for (name, field) in [("key", "robaws_key"), ("secret", "robaws_secret")] {
        robaws.extend(form.value(field).map(|value| (name.to_owned(), value.into())));
    }
    let mut productflow = Map::new();
    let token = form.value("access_token");
    productflow.extend(token.map(|value| ("access_token".to_owned(), value.into())));
    let known = item.connection.company.map(|company| company.to_string());
    if let Some(company) = form.value("company_id")
        && Some(company) != known.as_deref()
    {
        // A text that is no number is passed on as it is, so that the API refuses it at this field.
        let number = company
            .parse::<u64>()
            .map_or_else(|_| company.into(), Value::from);
        productflow.insert("company_id".to_owned(), number);
    }
    [some(robaws, "robaws"), some(productflow, "productflow")]
}

/// The part of a body that is stored after the try: nothing that the peer refused, but what it could not be asked about.
fn kept(body: Option<Value>, found: &[Fault]) -> Option<Value> {
    let mut body = body?;
    let is_refused = |field: &str| {
        found
            .iter()
            .any(|fault| fault.field == field && !fault.is_unreachable())
    };
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
pub async fn take(visit: &Visit<'_>, form: &Form) -> Result<(Faults, ConnectionItem), PageError> {
    let (deps, language) = (visit.deps, visit.language);
    let nothing = json!({});
    let [robaws, productflow] = typed(form, &visit.item);
    let (of_robaws, of_productflow) = futures::join!(
        trial::robaws(deps, &visit.item, robaws.as_ref().unwrap_or(&nothing)),
        trial::productflow(deps, &visit.item, productflow.as_ref().unwrap_or(&nothing)),
    );
    let mut faults = Faults::none();
    let mut item = visit.item.clone();
    // The peers' credentials are stored one after the other, because both are in the same secret.
    for (body, tried) in [(robaws, of_robaws), (productflow, of_productflow)] {
        let found = match tried {
            Ok(found) => found,
            Err(error) => {
                faults.join(Faults::read(error, language)?);
                continue;
            }
        };
        faults.join(Faults::of(&found, language));
        let Some(body) = kept(body, &found) else {
            continue;
        };
        let request = visit.request.of_page(&body);
        match Box::pin(connections::change(deps, &request, item.clone())).await {
            Ok(_) => item = connections::read_again(deps, visit.id()).await?,
            Err(error) => faults.join(refused(error, language)?),
        }
    }
    Ok((faults, item))
}

/// The faults of credentials that the API did not store. A fault that names no field is put at the Robaws key.
fn refused(error: crate::api_error::ApiError, language: Language) -> Result<Faults, PageError> {
    let is_down = error.code() == "peer_unavailable";
    let mut faults = Faults::read(error, language)?;
    if is_down && let Some(text) = faults.intro.take() {
        faults.put("robaws.key", &text, language);
    }
    Ok(faults)
}

/// Checks the stored settings and credentials. With `?check=webhooks` the fault of the webhook is added, which only an
/// activation finds.
pub async fn check(visit: &Visit<'_>) -> Result<Faults, PageError> {
    let credentials = visit.deps.peers.secrets().refresh(visit.id()).await?;
    let found = crate::activation::faults(visit.deps, &visit.item, &credentials).await?;
    let mut faults = Faults::of(&found, visit.language);
    if visit.request.parameter("check") == Some("webhooks") {
        let webhooks = Fault::of("robaws.webhooks");
        faults.put(webhooks.field, &webhooks.message(visit.language), visit.language);
    }
    Ok(faults)
}

/// Checks what is stored when the query has `check`. Gives the faults of one step, or of all.
pub async fn checked(visit: &Visit<'_>, step: Option<Step>) -> Result<Faults, PageError> {
    if visit.request.parameter("check").is_none() {
        return Ok(Faults::none());
    }
    let faults = check(visit).await?;
    Ok(match step {
        Some(step) => faults.of_step(step),
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
        assert_eq!(kept(robaws(), &[Fault::of("robaws.key")]), None);
        assert_eq!(kept(robaws(), &[Fault::of("robaws.permissions")]), robaws());
        let down = Fault::unreachable("robaws.key", "Robaws");
        assert_eq!(kept(robaws(), &[down]), robaws());
        assert_eq!(kept(both(), &[Fault::of("productflow.access_token")]), None);
        let wrong_company = [Fault::of("productflow.company_id")];
        let token = json!({"productflow": {"access_token": "t"}});
        assert_eq!(kept(both(), &wrong_company), Some(token));
        let company = Some(json!({"productflow": {"company_id": 42}}));
        assert_eq!(kept(company, &wrong_company), None);
        assert_eq!(kept(None, &[]), None);
    }
}
