//! Faults of forms: what the API finds wrong, at the field where the reader can correct it.

use crate::api_error::ApiError;
use crate::checks::Fault;
use crate::pages::answer::PageError;
use crate::pages::layout::typeset;
use crate::pages::texts::text;
use domain::Language;
use http::StatusCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The credentials of both peers.
    Connect,
    /// The settings.
    Choices,
    /// The moment of go-live, and activation.
    Start,
}

/// The fields whose id on the page is not the last part of their name in the API: name in the API, id on the page.
const ELEMENTS: [(&str, &str); 9] = [
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
pub struct Shown {
    /// Id of the field on the page.
    pub element: String,
    pub step: Step,
    /// What is wrong, in the reader's language.
    pub text: String,
    /// Value of the parameter `check` with which the page of the field shows the fault, too.
    pub check: &'static str,
}

/// The faults of a form, or of what is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// A sentence about the form as a whole.
    pub intro: Option<String>,
    pub list: Vec<Shown>,
}

/// The id of a field of the API on the page, and the step that holds the field.
fn place(field: &str) -> (String, Step) {
    let known = ELEMENTS.iter().find(|(name, _)| *name == field);
    let element = known.map_or_else(
        || field.rsplit('.').next().unwrap_or(field),
        |(_, element)| *element,
    );
    let step = match field.split('.').next() {
        Some("robaws" | "productflow") => Step::Connect,
        Some("go_live") => Step::Start,
        _ => Step::Choices,
    };
    (element.to_owned(), step)
}

impl Faults {
    /// No faults.
    pub fn none() -> Self {
        Self::default()
    }

    pub fn is_empty(&self) -> bool {
        self.intro.is_none() && self.list.is_empty()
    }

    /// The faults that checks found.
    pub fn of(found: &[Fault], language: Language) -> Self {
        let mut faults = Self::none();
        for fault in found {
            faults.put(fault.field, &fault.message(language), language);
        }
        faults
    }

    /// The faults in an error of the API. An error that no reader can correct is given back as an error.
    pub fn read(error: ApiError, language: Language) -> Result<Self, PageError> {
        let error = error.for_reader(language);
        let mut faults = Self::of(error.faults(), language);
        let message = error.message();
        let named = |name| error.argument(name).unwrap_or_default();
        match error.code() {
            "activation_failed" | "settings_refused" | "credentials_refused" => {
                faults.intro = Some(typeset(&message, language));
            }
            "bad_request" => {
                let field = named("field").to_owned();
                faults.put(&field, malformed(&field, named("reason"), language), language);
            }
            "company_taken" => {
                let taken = crate::checks::taken();
                faults.put(taken.field, &taken.message(language), language);
            }
            "company_is_fixed" => faults.put("productflow.company_id", &message, language),
            "other_robaws_tenant" => faults.put("robaws.key", &message, language),
            "go_live_is_fixed" => faults.put("go_live", &message, language),
            "suspended" => faults.intro = Some(text("set_up.suspended", language).to_owned()),
            _ if is_for_readers(&error) => faults.intro = Some(typeset(&message, language)),
            _ => return Err(PageError::Api(error)),
        }
        Ok(faults)
    }

    /// Adds a fault at a field, which is named as in the API.
    pub fn put(&mut self, field: &str, text: &str, language: Language) {
        let (element, step) = place(field);
        // Only an activation finds out whether a webhook can be registered, so the page has to be asked for this fault.
        let check = if field == "robaws.webhooks" {
            "webhooks"
        } else {
            "1"
        };
        self.list.push(Shown {
            element,
            step,
            text: typeset(text, language),
            check,
        });
    }

    /// Adds the faults of `other` that are not known yet.
    pub fn join(&mut self, other: Self) {
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
    pub fn of_step(mut self, step: Step) -> Self {
        self.list.retain(|fault| fault.step == step);
        self
    }

    /// The texts of the faults at the field with this id.
    pub fn at(&self, element: &str) -> Vec<String> {
        let here = self.list.iter().filter(|fault| fault.element == element);
        here.map(|fault| fault.text.clone()).collect()
    }

    /// The first fault at any of the fields with these ids.
    pub fn first(&self, elements: &[&str]) -> Option<&Shown> {
        self.list
            .iter()
            .find(|fault| elements.contains(&fault.element.as_str()))
    }
}

/// Whether a reader can do something about the error: a conflict, a refusal, or a peer that does not answer.
fn is_for_readers(error: &ApiError) -> bool {
    error.status() == StatusCode::CONFLICT
        || error.status() == StatusCode::UNPROCESSABLE_ENTITY
        || matches!(error.code(), "peer_unavailable" | "out_of_time")
}

/// The text for a field whose value is malformed.
fn malformed(field: &str, reason: &str, language: Language) -> &'static str {
    let key = match field {
        "robaws.key" | "robaws.secret" if reason == "is missing" => "set_up.needs_both",
        "robaws.key" | "robaws.secret" | "productflow.access_token" => "set_up.bad_credential",
        "productflow.company_id" => "set_up.bad_company",
        "settings.product_language" => "set_up.bad_locale",
        "go_live" => "set_up.bad_moment",
        field if field.starts_with("settings.status_words") => "set_up.bad_words",
        _ => "set_up.bad_choice",
    };
    text(key, language)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("robaws.webhooks", "robaws_key", Step::Connect)]
    #[case("productflow.company_id", "company_id", Step::Connect)]
    #[case("settings.b2c_client_id", "b2c_client_id", Step::Choices)]
    #[case("settings.status_words.open", "status_open", Step::Choices)]
    #[case("language", "language", Step::Choices)]
    #[case("go_live", "go_live", Step::Start)]
    fn every_field_has_its_place(#[case] field: &str, #[case] element: &str, #[case] step: Step) {
        assert_eq!(place(field), (element.to_owned(), step));
    }

    #[test]
    fn an_error_stands_at_its_field_in_the_readers_language() {
        let error = ApiError::bad_request("robaws.secret", "is missing").in_language(Language::NL);
        let faults = Faults::read(error, Language::EN).unwrap();
        assert_eq!(
            faults.at("robaws_secret"),
            [text("set_up.needs_both", Language::EN)]
        );
        let error = ApiError::refused("settings_refused")
            .with_faults(vec![Fault::of("settings.stock_location_id")])
            .in_language(Language::NL);
        let faults = Faults::read(error, Language::FR).unwrap();
        assert!(faults.at("stock_location_id")[0].contains("Robaws"));
        assert!(faults.intro.unwrap().contains("rien n'a été modifié"));
    }

    #[test]
    fn what_went_wrong_on_our_side_is_no_fault_of_the_reader() {
        let error = ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal");
        assert!(Faults::read(error, Language::EN).is_err());
    }
}
