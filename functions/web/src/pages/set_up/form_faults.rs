//! Faults of forms: what the API finds wrong, at the field where the reader can correct it.

use crate::api_error::ApiError;
use crate::checks::Fault;
use crate::pages::answer::PageError;
use crate::pages::layout::typeset_for_language;
use crate::pages::texts::text_for;
use domain::Language;
use http::StatusCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetUpStep {
    /// The credentials of both peers.
    Credentials,
    /// The settings.
    Settings,
    /// The moment of go-live, and activation.
    GoLive,
}

/// The fields whose id on the page is not the last part of their name in the API: name in the API, id on the page.
const FIELD_ELEMENTS: [(&str, &str); 9] = [
    ("robaws.key", "robaws_key"),
    ("robaws.permissions", "robaws_key"),
    ("robaws.webhooks", "robaws_key"),
    ("robaws.secret", "robaws_secret"),
    ("productflow.access_token", "access_token"),
    ("productflow.company_id", "company_id"),
    ("settings.status_words.open", "status_open"),
    ("settings.status_words.shipped", "status_shipped"),
    ("settings.status_words.cancelled", "status_cancelled"),
];

/// A fault at a field of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// Id of the field on the page.
    pub element: String,
    pub step: SetUpStep,
    /// What is wrong, in the reader's language.
    pub text: String,
    /// Value of the parameter `check` with which the page of the field shows the fault, too.
    pub check: &'static str,
}

/// The faults of a form, or of what is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormFaults {
    /// A sentence about the form as a whole.
    pub intro: Option<String>,
    pub list: Vec<FieldFault>,
}

/// The id of a field of the API on the page, and the step that holds the field.
fn locate_field(field: &str) -> (String, SetUpStep) {
    let known = FIELD_ELEMENTS.iter().find(|(name, _)| *name == field);
    let element = known.map_or_else(|| field.rsplit('.').next().unwrap_or(field), |(_, element)| *element);
    let step = match field.split('.').next() {
        Some("robaws" | "productflow") => SetUpStep::Credentials,
        Some("go_live") => SetUpStep::GoLive,
        _ => SetUpStep::Settings,
    };
    (element.to_owned(), step)
}

impl FormFaults {
    /// No faults.
    pub fn no_faults() -> Self {
        Self::default()
    }

    pub fn is_empty(&self) -> bool {
        self.intro.is_none() && self.list.is_empty()
    }

    /// The faults that checks found.
    pub fn from_checks(found: &[Fault], language: Language) -> Self {
        let mut faults = Self::no_faults();
        for fault in found {
            faults.add_fault(fault.field, &fault.render_message(language), language);
        }
        faults
    }

    /// The faults in an error of the API. An error that no reader can correct is given back as an error.
    pub fn from_api_error(error: ApiError, language: Language) -> Result<Self, PageError> {
        let error = error.for_reader(language);
        let mut faults = Self::from_checks(error.faults(), language);
        let message = error.render_message();
        let named = |name| error.text_argument(name).unwrap_or_default();
        match error.code() {
            "activation_failed" | "settings_refused" | "credentials_refused" => {
                faults.intro = Some(typeset_for_language(&message, language));
            }
            "bad_request" => {
                let field = named("field").to_owned();
                faults.add_fault(&field, malformed_field_text(&field, named("reason"), language), language);
            }
            "company_taken" => {
                let taken = crate::checks::company_taken_fault();
                faults.add_fault(taken.field, &taken.render_message(language), language);
            }
            "company_is_fixed" => faults.add_fault("productflow.company_id", &message, language),
            "other_robaws_tenant" => faults.add_fault("robaws.key", &message, language),
            "go_live_is_fixed" => faults.add_fault("go_live", &message, language),
            "suspended" => faults.intro = Some(text_for("set_up.suspended", language).to_owned()),
            _ if is_for_readers(&error) => faults.intro = Some(typeset_for_language(&message, language)),
            _ => return Err(PageError::Api(error)),
        }
        Ok(faults)
    }

    /// Adds a fault at a field, which is named as in the API.
    pub fn add_fault(&mut self, field: &str, text: &str, language: Language) {
        let (element, step) = locate_field(field);
        // Only an activation finds out whether a webhook can be registered, so the page has to be asked for this fault.
        let check = if field == "robaws.webhooks" { "webhooks" } else { "1" };
        self.list.push(FieldFault { element, step, text: typeset_for_language(text, language), check });
    }

    /// Adds the faults of `other` that are not known yet.
    pub fn add_all(&mut self, other: Self) {
        if self.intro.is_none() {
            self.intro = other.intro;
        }
        for fault in other.list {
            if !self.list.contains(&fault) {
                self.list.push(fault);
            }
        }
    }

    /// Keeps the faults of one step.
    #[must_use]
    pub fn only_of_step(mut self, step: SetUpStep) -> Self {
        self.list.retain(|fault| fault.step == step);
        self
    }

    /// The texts of the faults at the field with this id.
    pub fn texts_of_field(&self, element: &str) -> Vec<String> {
        let here = self.list.iter().filter(|fault| fault.element == element);
        here.map(|fault| fault.text.clone()).collect()
    }

    /// The first fault at any of the fields with these ids.
    pub fn first_of_fields(&self, elements: &[&str]) -> Option<&FieldFault> {
        self.list.iter().find(|fault| elements.contains(&fault.element.as_str()))
    }
}

/// Whether a reader can do something about the error: a conflict, a refusal, or a peer that does not answer.
fn is_for_readers(error: &ApiError) -> bool {
    error.status() == StatusCode::CONFLICT
        || error.status() == StatusCode::UNPROCESSABLE_ENTITY
        || matches!(error.code(), "peer_unavailable" | "out_of_time")
}

/// The text for a field whose value is malformed.
fn malformed_field_text(field: &str, reason: &str, language: Language) -> &'static str {
    let key = match field {
        "robaws.key" | "robaws.secret" if reason == "is missing" => "set_up.needs_both",
        "robaws.key" | "robaws.secret" | "productflow.access_token" => "set_up.bad_credential",
        "productflow.company_id" => "set_up.bad_company",
        "settings.product_language" => "set_up.bad_locale",
        "go_live" => "set_up.bad_moment",
        field if field.starts_with("settings.status_words") => "set_up.bad_words",
        _ => "set_up.bad_choice",
    };
    text_for(key, language)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("robaws.webhooks", "robaws_key", SetUpStep::Credentials)]
    #[case("productflow.company_id", "company_id", SetUpStep::Credentials)]
    #[case("settings.b2c_client_id", "b2c_client_id", SetUpStep::Settings)]
    #[case("settings.status_words.open", "status_open", SetUpStep::Settings)]
    #[case("language", "language", SetUpStep::Settings)]
    #[case("go_live", "go_live", SetUpStep::GoLive)]
    fn every_field_has_its_place(#[case] field: &str, #[case] element: &str, #[case] step: SetUpStep) {
        assert_eq!(locate_field(field), (element.to_owned(), step));
    }

    #[test]
    fn an_error_stands_at_its_field_in_the_readers_language() {
        let error = ApiError::bad_request("robaws.secret", "is missing").in_language(Language::NL);
        let faults = FormFaults::from_api_error(error, Language::EN).unwrap();
        assert_eq!(faults.texts_of_field("robaws_secret"), [text_for("set_up.needs_both", Language::EN)]);
        let error = ApiError::unprocessable_entity("settings_refused")
            .with_faults(vec![Fault::for_field("settings.stock_location_id")])
            .in_language(Language::NL);
        let faults = FormFaults::from_api_error(error, Language::FR).unwrap();
        assert!(faults.texts_of_field("stock_location_id")[0].contains("Robaws"));
        assert!(faults.intro.unwrap().contains("rien n'a été modifié"));
    }

    #[test]
    fn what_went_wrong_on_our_side_is_no_fault_of_the_reader() {
        let error = ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal");
        assert!(FormFaults::from_api_error(error, Language::EN).is_err());
    }
}
