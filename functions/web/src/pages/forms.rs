//! Reading of forms. A form is taken only when it comes from this site and carries the token of the session that it was made for.

use super::answer::PageError;
use super::session::{SessionKeys, set_cookie_header};
use crate::request::Request;
use store::links::generate_token;

/// Name of the field that holds the token, in every form.
pub const TOKEN_FIELD: &str = "token";
/// Name of the cookie that tells apart visitors who have not signed in.
const VISITOR_COOKIE: &str = "__Host-visit";
/// Lifetime of that cookie in seconds, and so the time within which a visitor has to send a form.
const VISITOR_COOKIE_SECONDS: i64 = 24 * 60 * 60;
/// Most fields read of one form.
const MOST_FIELDS: usize = 500;

/// Names and values of a form, in the order in which they were sent.
#[derive(Debug, Clone, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads the body of a request. A body that is no form gives a form without fields.
    pub fn from_request(request: &Request) -> Self {
        let fields = url::form_urlencoded::parse(&request.body).into_owned();
        Self(fields.take(MOST_FIELDS).collect())
    }

    /// The trimmed value of a field. An empty value counts as absent.
    pub fn field_value(&self, name: &str) -> Option<&str> {
        self.field_as_typed(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// The value of a field as it was typed.
    pub fn field_as_typed(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether the form has this field: a box that is ticked, or a button that was pressed.
    pub fn has_field(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// The fields whose names begin with `prefix`: the rest of each name, and its trimmed value.
    pub fn fields_with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.trim())))
    }
}

/// Whether the browser says that the form comes from this site. Old browsers say nothing; the token alone decides then.
pub fn comes_from_own_site(request: &Request) -> bool {
    request.header_text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"))
}

/// Reads the form of a session; refused as forged unless it carries the token of this session.
pub fn take_session_form(request: &Request, keys: &SessionKeys, session_id: &str) -> Result<Form, PageError> {
    let form = Form::from_request(request);
    let given = form.field_as_typed(TOKEN_FIELD).unwrap_or_default();
    if comes_from_own_site(request) && keys.is_form_token(session_id, given) {
        Ok(form)
    } else {
        Err(PageError::Forged)
    }
}

/// The form token of a visitor who has not signed in, and the cookie to set when the visitor has none yet.
pub fn visitor_form_token(request: &Request, keys: &SessionKeys) -> (String, Option<String>) {
    let known = request.cookie_value(VISITOR_COOKIE).filter(|id| is_visitor_id(id));
    if let Some(id) = known {
        return (keys.form_token(&visitor_key(id)), None);
    }
    let id = generate_token();
    let token = keys.form_token(&visitor_key(&id));
    (token, Some(set_cookie_header(VISITOR_COOKIE, &id, VISITOR_COOKIE_SECONDS)))
}

/// Reads the form of a visitor who has not signed in; refused as forged unless it carries the visitor's token.
pub fn take_visitor_form(request: &Request, keys: &SessionKeys) -> Result<Form, PageError> {
    let id = request.cookie_value(VISITOR_COOKIE).filter(|id| is_visitor_id(id)).ok_or(PageError::Forged)?;
    take_session_form(request, keys, &visitor_key(id))
}

fn is_visitor_id(id: &str) -> bool {
    (20..100).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The key from which a visitor's form token is made. Its prefix keeps it apart from every session id.
fn visitor_key(id: &str) -> String {
    format!("visit:{id}")
}
