//! Strict reading of JSON bodies. An error names the field and says what was expected; it never repeats the value, which may be
//! a secret.

use crate::api_error::ApiError;
use domain::settings::ConnectionSettings;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_json::{Map, Value};

/// Reads a body as `T`. An empty body counts as `{}`.
pub(crate) fn parse_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let body = if body.iter().all(u8::is_ascii_whitespace) { b"{}" } else { body };
    // serde would accept an array for a struct.
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|byte| matches!(byte, b'[' | b'"' | b't' | b'f' | b'n' | b'-' | b'0'..=b'9')) {
        return Err(ApiError::bad_request("body", "must be a JSON object"));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let inner = error.inner();
        // serde reports a number where a word is expected as an error of syntax, so the syntax is checked separately.
        let is_json = || serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
        if matches!(inner.classify(), Category::Syntax | Category::Eof | Category::Io) && !is_json() {
            let at = format!("is not JSON (line {}, column {})", inner.line(), inner.column());
            return ApiError::bad_request("body", at);
        }
        name_malformed_field("", &error)
    })?;
    json.end().map_err(|_| ApiError::bad_request("body", "goes on after its JSON"))?;
    Ok(read)
}

/// Merges `settings` of a body into the stored settings: an absent key keeps its value, `null` returns to the default.
pub(crate) fn merge_settings(
    known: &ConnectionSettings,
    changes: Map<String, Value>,
) -> Result<ConnectionSettings, ApiError> {
    let Ok(Value::Object(mut merged)) = serde_json::to_value(known) else {
        return Err(ApiError::bad_request("settings", "can't be merged"));
    };
    for (key, value) in changes {
        if value.is_null() && merged.contains_key(&key) {
            merged.remove(&key);
        } else {
            merged.insert(key, value);
        }
    }
    let settings: ConnectionSettings = serde_path_to_error::deserialize(Value::Object(merged))
        .map_err(|error| name_malformed_field("settings.", &error))?;
    check_setting_values(&settings)?;
    Ok(settings)
}

fn check_setting_values(settings: &ConnectionSettings) -> Result<(), ApiError> {
    let s = settings;
    let ids = [
        ("b2c_client_id", s.b2c_client_id.as_ref().map(domain::ClientId::as_str)),
        ("stock_location_id", s.stock_location_id.as_ref().map(domain::StockLocationId::as_str)),
        ("task_user_id", s.task_user_id.as_ref().map(domain::UserId::as_str)),
        ("robaws_company_id", s.robaws_company_id.as_ref().map(domain::RobawsCompanyId::as_str)),
        ("payment_condition_id", s.payment_condition_id.as_ref().map(domain::PaymentConditionId::as_str)),
        ("costs_vat_tariff_id", s.costs_vat_tariff_id.as_ref().map(domain::VatTariffId::as_str)),
        ("sale_price_vat_tariff_id", s.sale_price_vat_tariff_id.as_ref().map(domain::VatTariffId::as_str)),
        ("fbm_stock_location_id", s.fbm_stock_location_id.as_ref().map(domain::StockLocationId::as_str)),
    ];
    for (name, id) in ids {
        if let Some(id) = id {
            check_robaws_id(&format!("settings.{name}"), id)?;
        }
    }
    let language = &s.product_language;
    let is_locale = language.len() <= 12
        && language.split(['-', '_']).next().is_some_and(|first| matches!(first.len(), 2 | 3))
        && language
            .split(['-', '_'])
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    if !is_locale {
        return Err(ApiError::bad_request("settings.product_language", "must be a locale like nl or nl-BE"));
    }
    let words = &s.status_words;
    for (list, words) in [("open", &words.open), ("shipped", &words.shipped), ("cancelled", &words.cancelled)]
    {
        if words.iter().any(|word| word.trim().is_empty() || word.len() > 100) {
            return Err(ApiError::bad_request(
                format!("settings.status_words.{list}"),
                "may not hold an empty word or one of more than 100 characters",
            ));
        }
    }
    match words.find_ambiguous_word() {
        Some(word) => Err(ApiError::unprocessable_entity("status_word_ambiguous").with_arg("word", word)),
        None => Ok(()),
    }
}

/// Checks that an id has the form of Robaws' ids, since it becomes part of a path of its API.
pub(crate) fn check_robaws_id(field: &str, id: &str) -> Result<(), ApiError> {
    let fits = (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if fits {
        Ok(())
    } else {
        Err(ApiError::bad_request(field, "must be an id of Robaws: 1 to 64 letters, digits, - or _"))
    }
}

/// Turns an error of serde into a 400 that names the field and what is wrong, without the value.
fn name_malformed_field<E: std::fmt::Display>(
    prefix: &str,
    error: &serde_path_to_error::Error<E>,
) -> ApiError {
    let path = error.path().to_string();
    let path = if path == "." { String::new() } else { path };
    let text = error.inner().to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let under = |key: &str| {
        let own = path.rsplit('.').next() == Some(key);
        let dot = if path.is_empty() { "" } else { "." };
        if own { format!("{prefix}{path}") } else { format!("{prefix}{path}{dot}{key}") }
    };
    let quoted = |rest: &str| rest.split('`').next().unwrap_or_default().to_owned();
    if let Some(rest) = text.strip_prefix("unknown field `") {
        return ApiError::bad_request(under(&quoted(rest)), "is not known");
    }
    if let Some(rest) = text.strip_prefix("missing field `") {
        return ApiError::bad_request(under(&quoted(rest)), "is missing");
    }
    if let Some(rest) = text.strip_prefix("duplicate field `") {
        return ApiError::bad_request(under(&quoted(rest)), "is there twice");
    }
    let field = if path.is_empty() {
        if prefix.is_empty() { "body" } else { prefix.trim_end_matches('.') }.to_owned()
    } else {
        format!("{prefix}{path}")
    };
    let reason = match text.rsplit_once(", expected ") {
        Some((_, expected)) if expected.starts_with("struct ") => "must be a JSON object".to_owned(),
        Some((_, expected)) => format!("must be {expected}"),
        None if text == "expected value" => "has a wrong type".to_owned(),
        // The types of ids word their own errors, without the text that was sent.
        None => text.to_owned(),
    };
    ApiError::bad_request(field, reason)
}

/// Reason of a 400 for a text that is not a moment.
pub(crate) const MOMENT_EXPECTED: &str = "must be a moment like 2026-11-23T08:00:00Z";

/// Reads an optional moment (RFC 3339). The error does not repeat the text that was sent.
pub(crate) fn deserialize_moment<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let read = text.map(|text| text.parse()).transpose();
    read.map_err(|_| serde::de::Error::custom(MOMENT_EXPECTED))
}

/// A key, secret or token that was sent, without the white space that copying leaves around it.
#[derive(Debug, Clone)]
pub(crate) struct Credential(pub SecretString);

impl<'de> Deserialize<'de> for Credential {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let text = text.trim();
        if text.is_empty() {
            return Err(serde::de::Error::custom("is empty"));
        }
        if text.len() > 8192 || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(serde::de::Error::custom(
                "may hold only letters, digits and punctuation, at most 8192",
            ));
        }
        Ok(Self(SecretString::from(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its reading is tested")]
    struct Body {
        id: String,
        robaws: Option<Login>,
        settings: Option<Map<String, Value>>,
        kind: Option<Kind>,
        #[serde(default, deserialize_with = "deserialize_moment")]
        at: Option<Timestamp>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        A,
        B,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its reading is tested")]
    struct Login {
        key: Credential,
    }

    fn error_message(error: &ApiError) -> String {
        error.to_json()["error"]["message"].as_str().unwrap().to_owned()
    }

    #[rstest]
    #[case("{", "body: is not JSON (line 1, column 1)")]
    #[case("[]", "body: must be a JSON object")]
    #[case("\"text\"", "body: must be a JSON object")]
    #[case("{}", "id: is missing")]
    #[case(r#"{"id":"a","robaws":"key:secret"}"#, "robaws: must be a JSON object")]
    #[case("nul", "body: must be a JSON object")]
    #[case("", "id: is missing")]
    #[case(r#"{"id":5}"#, "id: must be a string")]
    #[case(r#"{"id":"a","idd":1}"#, "idd: is not known")]
    #[case(r#"{"id":"a","id":"b"}"#, "id: is there twice")]
    #[case(r#"{"id":"a","robaws":{"key":1234}}"#, "robaws.key: must be a string")]
    #[case(r#"{"id":"a","robaws":{"key":" "}}"#, "robaws.key: is empty")]
    #[case(
        r#"{"id":"a","robaws":{"key":"a\nb"}}"#,
        "robaws.key: may hold only letters, digits and punctuation, at most 8192"
    )]
    #[case(r#"{"id":"a","robaws":{"key":"x","kee":"y"}}"#, "robaws.kee: is not known")]
    #[case(r#"{"id":"a","robaws":{}}"#, "robaws.key: is missing")]
    #[case(r#"{"id":"a"} x"#, "body: goes on after its JSON")]
    #[case(r#"{"id":"a","kind":1}"#, "kind: has a wrong type")]
    #[case(r#"{"id":"a","kind":"c"}"#, "kind: must be `a` or `b`")]
    #[case(r#"{"id":"a","at":"soon"}"#, "at: must be a moment like 2026-11-23T08:00:00Z")]
    #[case(r#"{"id":"a","at":5}"#, "at: must be a string")]
    #[case(r#"{"id":"a","kind":"#, "body: is not JSON (line 1, column 17)")]
    fn bodies_name_the_field(#[case] body: &str, #[case] expected: &str) {
        assert_eq!(error_message(&parse_body::<Body>(body.as_bytes()).unwrap_err()), expected);
    }

    #[rstest]
    #[case(json!({"b2c_client": "5"}), "settings.b2c_client: is not known")]
    #[case(json!({"b2c_client_id": 5}), "settings.b2c_client_id: must be a string")]
    #[case(json!({"b2c_client_id": "5/6"}), "settings.b2c_client_id: must be an id of Robaws: 1 to 64 letters, digits, - or _")]
    #[case(json!({"b2c_client_id": ""}), "settings.b2c_client_id: client id is empty")]
    #[case(json!({"order_amounts": "dollars"}), "settings.order_amounts: must be `cents` or `euros`")]
    #[case(json!({"send_sale_price": "yes"}), "settings.send_sale_price: must be a boolean")]
    #[case(json!({"status_words": {"opne": []}}), "settings.status_words.opne: is not known")]
    #[case(json!({"status_words": {"open": [1]}}), "settings.status_words.open[0]: must be a string")]
    #[case(json!({"product_language": "n l"}), "settings.product_language: must be a locale like nl or nl-BE")]
    fn settings_name_the_field(#[case] changes: Value, #[case] expected: &str) {
        let Value::Object(changes) = changes else { panic!() };
        let refused = merge_settings(&ConnectionSettings::default(), changes).unwrap_err();
        assert_eq!(error_message(&refused), expected);
    }

    #[test]
    fn settings_are_merged() {
        let merge = |known: &ConnectionSettings, changes: Value| {
            let Value::Object(changes) = changes else { panic!() };
            merge_settings(known, changes).unwrap()
        };
        let set =
            merge(&ConnectionSettings::default(), json!({"b2c_client_id": "5", "send_sale_price": true}));
        let set = merge(&set, json!({"stock_location_id": "3"}));
        assert_eq!(set.b2c_client_id.as_ref().unwrap().as_str(), "5");
        assert!(set.send_sale_price);
        let set = merge(&set, json!({"b2c_client_id": null, "send_sale_price": null}));
        assert_eq!(set.b2c_client_id, None);
        assert!(!set.send_sale_price);
        assert_eq!(set.stock_location_id.as_ref().unwrap().as_str(), "3");
    }

    #[test]
    fn a_word_in_two_lists_is_refused() {
        let Value::Object(changes) = json!({"status_words": {"shipped": ["open"]}}) else { panic!() };
        let refused = merge_settings(&ConnectionSettings::default(), changes).unwrap_err();
        assert_eq!(refused.to_json()["error"]["code"], "status_word_ambiguous");
    }
}
