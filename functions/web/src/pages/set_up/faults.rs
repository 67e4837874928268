//! What the API finds wrong, put where the reader can mend it: at its field, on the page that holds that field.

use crate::api_error::ApiError;
use crate::checks::Fault;
use crate::pages::answer::PageError;
use crate::pages::layout::typeset;
use crate::pages::texts::text;
use domain::settings::Language;
use http::StatusCode;

/// The step of the set-up that holds a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Keys and tokens.
    Connect,
    /// What the merchant chooses.
    Choices,
    /// The start.
    Start,
}

/// The fields that have no setting of the same name: name in the API, id on the page.
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

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The id of its field on the page.
    pub element: String,
    /// The step that holds the field.
    pub step: Step,
    /// What is wrong.
    pub text: String,
    /// What its page is asked to check so that it shows there too.
    pub check: &'static str,
}

/// What is wrong with a form, or with what is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// What that means as a whole.
    pub intro: Option<String>,
    /// The faults of fields.
    pub list: Vec<Shown>,
}

/// Where a field of the API stands.
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
    /// Nothing wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.intro.is_none() && self.list.is_empty()
    }

    /// What the checks found.
    pub fn of(found: &[Fault], language: Language) -> Self {
        let mut faults = Self::none();
        for fault in found {
            faults.put(fault.field, &fault.message(language), language);
        }
        faults
    }

    /// What the API refused. An error that no reader can mend is none of these.
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

    /// Puts one more fault at a field of the API.
    pub fn put(&mut self, field: &str, text: &str, language: Language) {
        let (element, step) = place(field);
        // Only an activation finds out whether webhooks may be registered.
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

    /// Takes over what is wrong elsewhere.
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

    /// Only what belongs to one step.
    #[must_use]
    pub fn of_step(mut self, step: Step) -> Self {
        self.list.retain(|fault| fault.step == step);
        self
    }

    /// What is wrong with the field of this id.
    pub fn at(&self, element: &str) -> Vec<String> {
        let here = self.list.iter().filter(|fault| fault.element == element);
        here.map(|fault| fault.text.clone()).collect()
    }

    /// The first fault of one of these fields.
    pub fn first(&self, elements: &[&str]) -> Option<&Shown> {
        self.list
            .iter()
            .find(|fault| elements.contains(&fault.element.as_str()))
    }
}

/// Conflicts, refusals, and peers that do not answer; never what went wrong on our side.
fn is_for_readers(error: &ApiError) -> bool {
    error.status() == StatusCode::CONFLICT
        || error.status() == StatusCode::UNPROCESSABLE_ENTITY
        || matches!(error.code(), "peer_unavailable" | "out_of_time")
}

/// What is wrong with a field that can't be read as it was typed.
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
        let error = ApiError::bad_request("robaws.secret", "is missing").in_language(Language::Nl);
        let faults = Faults::read(error, Language::En).unwrap();
        assert_eq!(
            faults.at("robaws_secret"),
            [text("set_up.needs_both", Language::En)]
        );
        let error = ApiError::refused("settings_refused")
            .with_faults(vec![Fault::of("settings.stock_location_id")])
            .in_language(Language::Nl);
        let faults = Faults::read(error, Language::Fr).unwrap();
        assert!(faults.at("stock_location_id")[0].contains("Robaws"));
        assert!(faults.intro.unwrap().contains("rien n'a été modifié"));
    }

    #[test]
    fn what_went_wrong_on_our_side_is_no_fault_of_the_reader() {
        let error = ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal");
        assert!(Faults::read(error, Language::En).is_err());
    }
}
