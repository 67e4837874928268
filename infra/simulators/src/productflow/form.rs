//! Form bodies with bracket keys, and the errors that validation gives.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};

use crate::traffic::{Reply, Request};

/// The fields of a form by key path: `prices[EUR][cost_price]` is `["prices", "EUR", "cost_price"]`.
pub(crate) type Form = BTreeMap<Vec<String>, String>;

/// Reads a form body; 415 for anything else, 422 for a key that is none.
pub(crate) fn parse_form(request: &Request) -> Result<Form, Box<Reply>> {
    if request.media_type() != "application/x-www-form-urlencoded" {
        let message = "The request body must be a form.";
        return Err(Box::new(message_reply(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)));
    }
    let mut form = Form::new();
    for (key, value) in url::form_urlencoded::parse(&request.body) {
        let path =
            key_path(&key).ok_or_else(|| Errors::for_field(&key, "The key is invalid.").into_reply())?;
        form.insert(path, value.into_owned());
    }
    Ok(form)
}

fn key_path(key: &str) -> Option<Vec<String>> {
    let (first, rest) = key.split_once('[').map_or((key, None), |(first, rest)| (first, Some(rest)));
    let mut path = vec![first.to_owned()];
    if let Some(rest) = rest {
        path.extend(rest.strip_suffix(']')?.split("][").map(str::to_owned));
    }
    path.iter().all(|part| !part.is_empty() && !part.contains(['[', ']'])).then_some(path)
}

/// The errors of a validation, by field in dot notation.
#[derive(Debug, Default)]
pub(crate) struct Errors(BTreeMap<String, Vec<String>>);

impl Errors {
    pub(crate) fn for_field(field: &str, message: &str) -> Self {
        let mut errors = Self::default();
        errors.add_error(field, message);
        errors
    }

    pub(crate) fn add_error(&mut self, field: &str, message: &str) {
        self.0.entry(field.to_owned()).or_default().push(message.to_owned());
    }

    /// Fails with 422 when there is an error.
    pub(crate) fn refuse_if_any(self) -> Result<(), Box<Reply>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into_reply()) }
    }

    pub(crate) fn into_reply(self) -> Box<Reply> {
        let body = json!({"message": "The given data was invalid.", "errors": self.0});
        Box::new(Reply::json(StatusCode::UNPROCESSABLE_ENTITY, &body))
    }
}

/// An answer with a body of only a `message`.
pub(crate) fn message_reply(status: StatusCode, message: &str) -> Reply {
    let body: Value = json!({"message": message});
    Reply::json(status, &body)
}

#[cfg(test)]
mod tests {
    use super::key_path;

    #[test]
    fn keys_become_paths() {
        let path = |key: &str| key_path(key).map(|path| path.join("."));
        assert_eq!(path("title").as_deref(), Some("title"));
        assert_eq!(path("prices[EUR][cost_price]").as_deref(), Some("prices.EUR.cost_price"));
        for wrong in ["prices[EUR", "prices[]", "[EUR]", "prices[EUR]x", "a]b", "prices[EUR]]"] {
            assert_eq!(path(wrong), None, "{wrong}");
        }
    }
}
