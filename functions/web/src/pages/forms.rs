//! Forms: read, and taken only when they carry the token of the session that got them, and come from this site.

use super::answer::PageError;
use super::session::{Keys, set_cookie};
use crate::request::Request;
use store::links::random_token;

/// Field of the token in every form.
pub const TOKEN: &str = "token";
/// Cookie that stands for a visitor who has not signed in.
const VISIT: &str = "__Host-visit";
/// How long such a visitor may take over a form, in seconds.
const VISIT_LASTS: i64 = 24 * 60 * 60;
/// Fields read of a form.
const MOST_FIELDS: usize = 500;

/// The fields of a form, in their own order.
#[derive(Debug, Clone, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a body; what is no form has no fields.
    pub fn read(request: &Request) -> Self {
        let fields = url::form_urlencoded::parse(&request.body).into_owned();
        Self(fields.take(MOST_FIELDS).collect())
    }

    /// A field, trimmed; an empty one counts as absent.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.typed(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// A field as it was typed.
    pub fn typed(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether a box is ticked, or a button with this name was pressed.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// The fields whose name begins with `prefix`, without it.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .iter()
            .filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.trim())))
    }
}

/// Browsers say where a form comes from; one from another site is never taken.
pub fn comes_from_here(request: &Request) -> bool {
    request
        .header("sec-fetch-site")
        .is_none_or(|site| matches!(site, "same-origin" | "none"))
}

/// The form of a session, if it carries that session's token.
pub fn of_session(request: &Request, keys: &Keys, session_id: &str) -> Result<Form, PageError> {
    let form = Form::read(request);
    let given = form.typed(TOKEN).unwrap_or_default();
    if comes_from_here(request) && keys.is_form_token(session_id, given) {
        Ok(form)
    } else {
        Err(PageError::Forged)
    }
}

/// The token for the forms of somebody who has not signed in, and the cookie that it belongs to, if that must be set.
pub fn visitor(request: &Request, keys: &Keys) -> (String, Option<String>) {
    let known = request.cookie(VISIT).filter(|id| is_visit(id));
    if let Some(id) = known {
        return (keys.form_token(&visit_of(id)), None);
    }
    let id = random_token();
    let token = keys.form_token(&visit_of(&id));
    (token, Some(set_cookie(VISIT, &id, VISIT_LASTS)))
}

/// The form of somebody who has not signed in, if it carries their token.
pub fn of_visitor(request: &Request, keys: &Keys) -> Result<Form, PageError> {
    let id = request
        .cookie(VISIT)
        .filter(|id| is_visit(id))
        .ok_or(PageError::Forged)?;
    of_session(request, keys, &visit_of(id))
}

fn is_visit(id: &str) -> bool {
    (20..100).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// A visitor's id is never a session's.
fn visit_of(id: &str) -> String {
    format!("visit:{id}")
}
