//! Errors of the API: `{"error":{"code","message","details"?}}`. A 5xx never shows its cause.

use crate::checks::Fault;
use domain::Language;
use domain::problem::{Arg, Args};
use domain::text;
use http::StatusCode;
use runtime::error::Chain;
use serde_json::{Value, json};
use store::StoreError;

/// An error answer. Its texts are rendered when it is sent, because the language is known only then.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    text_key: &'static str,
    args: Args,
    details: Vec<Value>,
    faults: Vec<Fault>,
    language: Option<Language>,
}

impl ApiError {
    /// An error whose `code` is also the key of its text.
    pub fn new(status: StatusCode, code: &'static str) -> Self {
        Self {
            status,
            code,
            text_key: code,
            args: Args::new(),
            details: Vec::new(),
            faults: Vec::new(),
            language: None,
        }
    }

    /// 400: `field` is malformed, for example `settings.b2c_client_id`.
    pub fn bad_request(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request")
            .with_arg("field", field.into())
            .with_arg("reason", reason.into())
    }

    /// 404; `text` is the key of its text.
    pub fn not_found(text_key: &'static str) -> Self {
        Self { text_key, ..Self::new(StatusCode::NOT_FOUND, "not_found") }
    }

    /// 409: the request contradicts the present state.
    pub fn http_conflict(code: &'static str) -> Self {
        Self::new(StatusCode::CONFLICT, code)
    }

    /// 422: the request was understood, and its content is refused.
    pub fn unprocessable_entity(code: &'static str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code)
    }

    /// 503: a peer does not answer, or not as it should.
    pub fn peer_unavailable(system: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "peer_unavailable").with_arg("system", system.to_owned())
    }

    /// 500; logs the cause, which is not shown.
    pub fn internal_error(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %Chain(error), "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal")
    }

    /// Sets one argument of the text.
    pub fn with_arg(mut self, name: &str, value: impl Into<Arg>) -> Self {
        self.args.insert(name.to_owned(), value.into());
        self
    }

    /// Sets details that are JSON already.
    pub fn with_details(mut self, details: Vec<Value>) -> Self {
        self.details = details;
        self
    }

    /// Sets faults of fields, which are rendered as details together with the message.
    pub fn with_faults(mut self, faults: Vec<Fault>) -> Self {
        self.faults = faults;
        self
    }

    /// Words the error in this language, even if a handler chose another: the reader of a page may not use the connection's.
    pub fn for_reader(mut self, language: Language) -> Self {
        self.language = Some(language);
        self
    }

    /// Words the error in this language, unless one was chosen before.
    pub fn in_language(mut self, language: Language) -> Self {
        self.language.get_or_insert(language);
        self
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The message in the chosen language, or in English.
    pub fn render_message(&self) -> String {
        let language = self.language();
        if self.code == "activation_failed" {
            text::render_activation_refusal("form", &self.args, language)
        } else {
            text::render_api_error(self.text_key, &self.args, language)
        }
    }

    /// The details that are JSON already, without the faults of fields.
    pub fn details(&self) -> &[Value] {
        &self.details
    }

    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// An argument of the text that is a plain text.
    pub fn text_argument(&self, name: &str) -> Option<&str> {
        match self.args.get(name)? {
            Arg::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The messages of all details and faults.
    pub fn render_details(&self) -> Vec<String> {
        let messages = self.details.iter().filter_map(|detail| detail["message"].as_str());
        let faults = self.faults.iter().map(|fault| fault.render_message(self.language()));
        messages.map(str::to_owned).chain(faults).collect()
    }

    fn language(&self) -> Language {
        self.language.unwrap_or(Language::EN)
    }

    /// The body that is sent.
    pub fn to_json(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.render_message() });
        let faults = self.faults.iter().map(|fault| fault.to_json_detail(self.language()));
        let details: Vec<Value> = self.details.iter().cloned().chain(faults).collect();
        if !details.is_empty() {
            error["details"] = Value::Array(details);
        }
        json!({ "error": error })
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::http_conflict("conflict"),
            StoreError::BadCursor => Self::bad_request("cursor", "is not one that a list gave"),
            other => Self::internal_error(&other),
        }
    }
}

impl From<store::secrets::SecretError> for ApiError {
    fn from(error: store::secrets::SecretError) -> Self {
        Self::internal_error(&error)
    }
}
