//! The `key=value` arguments of `connection create`, `connection set` and `doctor`: they get the types of the contract and are
//! checked before anything is sent. The value of an unknown key is never shown, because it may be a misplaced secret.

use crate::failure::Failure;
use domain::settings::ConnectionSettings;
use serde_json::{Map, Value};

/// The type of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SettingType {
    /// An id of Robaws: a text, also when it looks like a number.
    Id,
    Flag,
    Text,
    StatusWords,
}

/// Name and type of every setting (contract api.md).
const SETTINGS: [(&str, SettingType); 14] = [
    ("b2c_client_id", SettingType::Id),
    ("book_invoices", SettingType::Flag),
    ("costs_vat_tariff_id", SettingType::Id),
    ("fbm_stock_location_id", SettingType::Id),
    ("line_price", SettingType::Text),
    ("order_amounts", SettingType::Text),
    ("payment_condition_id", SettingType::Id),
    ("product_language", SettingType::Text),
    ("robaws_company_id", SettingType::Id),
    ("sale_price_vat_tariff_id", SettingType::Id),
    ("send_sale_price", SettingType::Flag),
    ("status_words", SettingType::StatusWords),
    ("stock_location_id", SettingType::Id),
    ("task_user_id", SettingType::Id),
];

/// The values that were assigned, by where they go in a request's body.
#[derive(Debug, Default, PartialEq)]
pub struct AssignedSettings {
    pub language: Option<String>,
    /// Every other setting, by name, for the body's `settings`.
    pub settings: Map<String, Value>,
}

pub fn parse_assignments(assignments: &[String]) -> Result<AssignedSettings, Failure> {
    let mut assigned = AssignedSettings::default();
    for assignment in assignments {
        let (key, value) = assignment.split_once('=').ok_or_else(|| {
            Failure::wrong_usage(
                "A setting is written KEY=VALUE, like stock_location_id=4; there is one without =.",
            )
        })?;
        if key == "language" {
            if !matches!(value, "en" | "de" | "fr" | "nl") {
                return Err(Failure::wrong_usage("language must be en, de, fr or nl."));
            }
            if assigned.language.replace(value.to_owned()).is_some() {
                return Err(duplicate_key_failure(key));
            }
            continue;
        }
        let known = SETTINGS.iter().find(|(name, _)| *name == key);
        let (name, kind) = known.ok_or_else(|| unknown_key_failure(key))?;
        let value = parse_value(name, *kind, value)?;
        if assigned.settings.insert((*name).to_owned(), value).is_some() {
            return Err(duplicate_key_failure(key));
        }
    }
    Ok(assigned)
}

fn duplicate_key_failure(key: &str) -> Failure {
    Failure::wrong_usage(format!("{key} is there twice."))
}

fn unknown_key_failure(key: &str) -> Failure {
    let names = SETTINGS.map(|(name, _)| name);
    if matches!(key, "robaws" | "key" | "secret" | "access_token" | "token" | "robaws_key" | "robaws_secret")
    {
        return Failure::wrong_usage(format!("{key} is a secret, and no secret is an argument."))
            .with_advice("Use --robaws-login and --productflow-token.");
    }
    if matches!(key, "company" | "company_id") {
        return Failure::wrong_usage(format!("{key} is no setting.")).with_advice("Use --company.");
    }
    let nearest = names
        .iter()
        .map(|name| (strsim::levenshtein(name, key), *name))
        .min()
        .filter(|(distance, name)| *distance <= name.len() / 3);
    let failure = Failure::wrong_usage("There is a setting that is not known.");
    match nearest {
        Some((_, name)) => failure.with_advice(format!("Is {name} meant?")),
        None => failure.with_advice(format!("Settings are: language, {}.", names.join(", "))),
    }
}

fn parse_value(name: &str, kind: SettingType, value: &str) -> Result<Value, Failure> {
    if value == "null" {
        return Ok(Value::Null);
    }
    let typed = match kind {
        SettingType::Flag => match value {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => return Err(Failure::wrong_usage(format!("{name} must be true or false."))),
        },
        SettingType::Id => {
            let fits = (1..=64).contains(&value.len())
                && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            if !fits {
                return Err(Failure::wrong_usage(format!(
                    "{name} must be an id of Robaws: letters, digits, - or _; or null."
                )));
            }
            Value::String(value.to_owned())
        }
        SettingType::Text => Value::String(value.to_owned()),
        SettingType::StatusWords => serde_json::from_str(value).map_err(|_| {
            Failure::wrong_usage(format!(
                "{name} must be JSON, like {{\"shipped\":[\"sent\"]}} with the lists open, shipped and cancelled; or null."
            ))
        })?,
    };
    // The domain's own type checks the value: an object with this setting alone is read as the settings of a connection.
    let mut alone = Map::new();
    alone.insert(name.to_owned(), typed.clone());
    serde_json::from_value::<ConnectionSettings>(Value::Object(alone)).map_err(|error| {
        let text = error.to_string();
        let expected = text
            // serde's message repeats the value before this word; only what was expected may be shown.
            .split_once(", expected ")
            .map_or(text.as_str(), |(_, expected)| expected);
        Failure::wrong_usage(format!("{name} must be {}.", expected.replace('`', "")))
    })?;
    Ok(typed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn parse_all(assignments: &[&str]) -> Result<AssignedSettings, Failure> {
        let assignments: Vec<String> = assignments.iter().map(|a| (*a).to_owned()).collect();
        super::parse_assignments(&assignments)
    }

    #[test]
    fn every_setting_of_the_contract_is_known() {
        let Ok(Value::Object(all)) = serde_json::to_value(ConnectionSettings::default()) else { panic!() };
        let mut names: Vec<&str> = all.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(SETTINGS.map(|(name, _)| name).to_vec(), names);
    }

    #[test]
    fn values_get_their_types() {
        let read = parse_all(&[
            "stock_location_id=4",
            "send_sale_price=true",
            "task_user_id=null",
            "language=nl",
            "order_amounts=euros",
            "product_language=nl-BE",
            r#"status_words={"shipped":["sent"]}"#,
        ]);
        let read = read.unwrap();
        assert_eq!(read.language.as_deref(), Some("nl"));
        assert_eq!(
            Value::Object(read.settings),
            json!({
                "stock_location_id": "4", "send_sale_price": true, "task_user_id": null, "order_amounts": "euros",
                "product_language": "nl-BE", "status_words": {"shipped": ["sent"]},
            })
        );
    }

    #[rstest]
    #[case("stok_location_id=canary", "There is a setting that is not known.\nIs stock_location_id meant?")]
    #[case("canary", "A setting is written KEY=VALUE, like stock_location_id=4; there is one without =.")]
    #[case(
        "robaws_secret=canary",
        "robaws_secret is a secret, and no secret is an argument.\nUse --robaws-login and --productflow-token."
    )]
    #[case("company_id=5", "company_id is no setting.\nUse --company.")]
    #[case("book_invoices=yes", "book_invoices must be true or false.")]
    #[case("b2c_client_id=", "b2c_client_id must be an id of Robaws: letters, digits, - or _; or null.")]
    #[case("b2c_client_id=5/6", "b2c_client_id must be an id of Robaws: letters, digits, - or _; or null.")]
    #[case("order_amounts=canary", "order_amounts must be cents or euros.")]
    #[case("language=canary", "language must be en, de, fr or nl.")]
    #[case(
        "status_words=canary",
        "status_words must be JSON, like {\"shipped\":[\"sent\"]} with the lists open, shipped and cancelled; or null."
    )]
    #[case(r#"status_words={"sent":[]}"#, "status_words must be one of open, shipped, cancelled.")]
    fn what_is_wrong_is_named_without_its_value(#[case] assignment: &str, #[case] told: &str) {
        let failure = parse_all(&[assignment]).unwrap_err();
        assert_eq!(failure.to_string(), told);
        assert_eq!(failure.exit.code(), 2);
        assert!(!failure.to_string().contains("canary"));
    }

    #[test]
    fn a_key_that_is_there_twice_is_refused() {
        assert!(parse_all(&["book_invoices=true", "book_invoices=false"]).is_err());
        assert!(parse_all(&["language=nl", "language=fr"]).is_err());
    }
}
