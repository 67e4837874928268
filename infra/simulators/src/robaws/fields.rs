//! Reads a request's body and query, and refuses what the contract does not allow.

use http::Method;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::access::Refusal;
use super::settings::Settings;
use super::state::Data;
use crate::number;
use crate::traffic::{Reply, Request, ViolationKind};

pub(crate) type Answer = Result<Reply, Refusal>;

/// The state that a handler reads and changes, with what it found out on the way.
pub(crate) struct Scene<'a> {
    pub(crate) now: Timestamp,
    pub(crate) settings: &'a Settings,
    pub(crate) data: &'a mut Data,
    /// Mistakes of the client that are answered as if they were none, but are recorded.
    pub(crate) notes: Vec<(ViolationKind, String)>,
    /// Events for webhooks: name and article id.
    pub(crate) events: Vec<(&'static str, String)>,
}

impl Scene<'_> {
    /// The relations in `include`. A relation that the resource does not have is ignored and recorded.
    pub(crate) fn asked_relations<'r>(&mut self, request: &'r Request, known: &[&str]) -> Vec<&'r str> {
        let asked = request.param("include").unwrap_or_default();
        let names: Vec<&str> = asked.split(',').filter(|name| !name.is_empty()).collect();
        for name in &names {
            if !known.contains(name) {
                self.notes.push((ViolationKind::UnknownParameter, format!("include={name}")));
            }
        }
        names
    }

    /// Records query parameters that are not in `known`.
    pub(crate) fn note_unknown_params(&mut self, request: &Request, known: &[&str]) {
        for (name, _) in &request.query {
            let common = ["page", "size", "sort", "include"].contains(&name.as_str());
            if !common && !known.contains(&name.as_str()) {
                self.notes.push((ViolationKind::UnknownParameter, name.clone()));
            }
        }
    }

    /// A filter's value, unless the tenant ignores that filter.
    pub(crate) fn filter_value<'r>(&self, request: &'r Request, name: &str) -> Option<&'r str> {
        if self.settings.ignored_filters.contains(name) { None } else { request.param(name) }
    }

    /// The time in `updatedFrom`: RFC 3339, or a day.
    pub(crate) fn updated_from(&self, request: &Request) -> Result<Option<Timestamp>, Refusal> {
        let Some(text) = self.filter_value(request, "updatedFrom") else {
            return Ok(None);
        };
        let day = || {
            text.parse::<Date>().ok()?.to_zoned_datetime(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        };
        let parsed = text.parse::<Timestamp>().ok().or_else(day);
        parsed.map(Some).ok_or_else(|| Refusal::bad_request(format!("updatedFrom: {text} is no time")))
    }

    /// Records fields of the body that are not in `known`.
    pub(crate) fn note_unknown_fields(&mut self, body: &Map<String, Value>, known: &[&str]) {
        for name in body.keys() {
            if !known.contains(&name.as_str()) {
                self.notes.push((ViolationKind::UnknownField, name.clone()));
            }
        }
    }
}

/// The JSON object in a body of the media type that the method asks for.
pub(crate) fn parse_object(request: &Request) -> Result<Map<String, Value>, Refusal> {
    let wanted =
        if request.method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
    let sent = request.media_type();
    if sent != wanted {
        let message = format!("Content-Type '{sent}' is not supported");
        return Err(Refusal::new(http::StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
            .with_violation(ViolationKind::MediaType));
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(body)) => Ok(body),
        Ok(_) => Err(Refusal::bad_request("the body is not an object")),
        Err(_) => Err(Refusal::bad_request("the body is not JSON")),
    }
}

fn refuse_field(name: &str, kind: &str) -> Refusal {
    Refusal::bad_request(format!("{name}: must be {kind}"))
}

/// A string; `None` when the field is absent or null.
pub(crate) fn optional_text(body: &Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(refuse_field(name, "a string")),
    }
}

/// A string that is not blank.
pub(crate) fn required_text(body: &Map<String, Value>, name: &str) -> Result<String, Refusal> {
    optional_text(body, name)?
        .filter(|text| !text.trim().is_empty())
        .ok_or_else(|| refuse_field(name, "given"))
}

/// An id: a string, never a number.
pub(crate) fn optional_id(body: &Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    match body.get(name) {
        Some(Value::Number(_)) => {
            Err(refuse_field(name, "a string").with_violation(ViolationKind::IdNotString))
        }
        _ => optional_text(body, name),
    }
}

/// The id of a record that must exist when it is given.
pub(crate) fn known_id(
    body: &Map<String, Value>,
    name: &str,
    exists: impl FnOnce(&str) -> bool,
) -> Result<Option<String>, Refusal> {
    let Some(given) = optional_id(body, name)? else {
        return Ok(None);
    };
    if exists(&given) {
        Ok(Some(given))
    } else {
        Err(Refusal::bad_request(format!("{name}: {given} does not exist")))
    }
}

/// A JSON number; `None` when the field is absent or null.
pub(crate) fn optional_decimal(body: &Map<String, Value>, name: &str) -> Result<Option<Decimal>, Refusal> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => number::from_json(value).map(Some).ok_or_else(|| refuse_field(name, "a number")),
    }
}

/// A JSON boolean; `None` when the field is absent or null.
pub(crate) fn optional_flag(body: &Map<String, Value>, name: &str) -> Result<Option<bool>, Refusal> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(refuse_field(name, "true or false")),
    }
}

/// A required day, `YYYY-MM-DD`.
pub(crate) fn required_date(body: &Map<String, Value>, name: &str) -> Result<String, Refusal> {
    let given = required_text(body, name)?;
    // The parser would also take a time of day after it.
    let is_day = given.len() == 10 && given.parse::<Date>().is_ok();
    if is_day { Ok(given) } else { Err(refuse_field(name, "a date, YYYY-MM-DD")) }
}
