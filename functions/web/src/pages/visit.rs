//! A visit: one request of a reader who is signed in, to the pages of one connection.

use super::answer::{Answer, PageError};
use super::forms::{self, Form};
use super::layout::{Layout, Tab};
use super::session::{SESSION_COOKIE, Session, SessionKeys};
use super::texts;
use crate::config::Deps;
use crate::handler::name_connection_in_logs;
use crate::request::Request;
use domain::Language;
use domain::ids::ConnectionId;
use http::Method;
use jiff::Timestamp;
use store::model::ConnectionItem;

/// One request of a reader who is signed in. A page reads and writes nothing but what belongs to the connection of `item`.
pub struct Visit<'a> {
    pub deps: &'a Deps,
    pub request: &'a Request,
    pub session: Session,
    /// The connection of the session.
    pub item: ConnectionItem,
    pub language: Language,
    pub now: Timestamp,
    keys: SessionKeys,
}

/// The session of a request, if its cookie is valid.
pub fn session_of_request(request: &Request, keys: &SessionKeys, now: Timestamp) -> Option<Session> {
    Session::verify_cookie(request.cookie_value(SESSION_COOKIE)?, keys, now)
}

impl<'a> Visit<'a> {
    /// Opens the visit of a request for a page of connection `id`.
    ///
    /// Without a session of this very connection the reader is asked to sign in, whether the connection exists or not.
    pub async fn open_visit(
        deps: &'a Deps,
        request: &'a Request,
        keys: SessionKeys,
        id: &str,
        now: Timestamp,
    ) -> Result<Self, PageError> {
        let asked = ConnectionId::parse(id).ok();
        let sign_in = || PageError::SignIn {
            connection: asked.clone(),
            next: (request.method == Method::GET).then(|| request.path_and_query()),
        };
        let session = session_of_request(request, &keys, now).ok_or_else(sign_in)?;
        if asked.as_ref() != Some(&session.connection) {
            return Err(sign_in());
        }
        let item = deps.store.load_connection(&session.connection).await?;
        let item = item
            // A connection that was deleted and created again under the same id is not the one that the reader signed in to.
            .filter(|item| item.connection.created_at == session.connection_created_at)
            .ok_or_else(sign_in)?;
        name_connection_in_logs(&session.connection);
        let language = session.language.unwrap_or(item.connection.language);
        Ok(Self { deps, request, session, item, language, now, keys })
    }

    pub fn id(&self) -> &ConnectionId {
        &self.item.connection.id
    }

    /// A path below this connection. `rest` begins with a slash, or is empty for the home page.
    pub fn connection_path(&self, rest: &str) -> String {
        format!("/c/{}{rest}", self.id())
    }

    /// Reads the form that was sent; refused as forged unless it carries this session's token.
    pub fn take_form(&self) -> Result<Form, PageError> {
        forms::take_session_form(self.request, &self.keys, &self.session.id)
    }

    /// Redirects to a page of this connection. `done` is the name of a text in the section `done`, which that page shows once.
    pub fn redirect_to(&self, rest: &str, done: Option<&str>) -> Answer {
        let sign = if rest.contains('?') { '&' } else { '?' };
        let path = self.connection_path(rest);
        Answer::see_other(match done {
            Some(name) => format!("{path}{sign}done={name}"),
            None => path,
        })
    }

    /// The layout of a page of this connection.
    pub fn page_layout(&self, title: impl Into<String>, tab: Tab) -> Layout {
        let done = self.request.query_parameter("done");
        Layout {
            title: title.into(),
            tab,
            language: self.language,
            token: self.keys.form_token(&self.session.id),
            base: self.connection_path(""),
            connection: Some(self.id().to_string()),
            here: self.request.path_and_query(),
            done: done.and_then(|name| texts::find_text("done", name, self.language)),
            is_set_up: self.item.connection.first_activated_at.is_some(),
            state: self.item.api_state(),
        }
    }

    /// Renews the session's cookie when the cookie is old enough.
    pub fn renew_session_cookie(&self, answer: Answer) -> Answer {
        let renewed =
            self.session.wants_renewal(self.now).then(|| self.session.cookie_header(&self.keys, self.now));
        answer.with_cookie(renewed)
    }

    /// Sets the cookie of a changed session.
    pub fn with_session(&self, answer: Answer, session: &Session) -> Answer {
        answer.with_cookie(Some(session.cookie_header(&self.keys, self.now)))
    }
}

/// A path with a query of those parameters that have a value.
pub fn with_query(path: &str, parameters: &[(&str, Option<String>)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in parameters {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}
