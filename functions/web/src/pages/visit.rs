//! Somebody who is signed in, looking at a page of their connection.

use super::answer::{Answer, PageError};
use super::forms::{self, Form};
use super::layout::{Layout, Tab};
use super::session::{COOKIE, Keys, Session};
use super::texts;
use crate::config::Deps;
use crate::handler::about_connection;
use crate::request::Request;
use domain::ids::ConnectionId;
use domain::settings::Language;
use http::Method;
use jiff::Timestamp;
use store::model::ConnectionItem;

/// One request of somebody who is signed in. Everything that a page reads or writes is of `item`'s connection.
pub struct Visit<'a> {
    /// What the function works with.
    pub deps: &'a Deps,
    /// The request.
    pub request: &'a Request,
    /// The session.
    pub session: Session,
    /// The connection that it sees.
    pub item: ConnectionItem,
    /// The reader's language.
    pub language: Language,
    /// Now.
    pub now: Timestamp,
    keys: Keys,
}

/// The session of a request, if there is a good one.
pub fn session(request: &Request, keys: &Keys, now: Timestamp) -> Option<Session> {
    Session::read(request.cookie(COOKIE)?, keys, now)
}

impl<'a> Visit<'a> {
    /// Who asks for a page of connection `id`. Without a session of that very connection nobody learns whether it exists.
    pub async fn of(
        deps: &'a Deps,
        request: &'a Request,
        keys: Keys,
        id: &str,
        now: Timestamp,
    ) -> Result<Self, PageError> {
        let asked = ConnectionId::parse(id).ok();
        let sign_in = || PageError::SignIn {
            connection: asked.clone(),
            next: (request.method == Method::GET).then(|| request.path_and_query()),
        };
        let session = session(request, &keys, now).ok_or_else(sign_in)?;
        if asked.as_ref() != Some(&session.connection) {
            return Err(sign_in());
        }
        let item = deps.store.connection(&session.connection).await?;
        let item = item
            .filter(|item| item.connection.created_at == session.made_at)
            .ok_or_else(sign_in)?;
        about_connection(&session.connection);
        let language = session.language.unwrap_or(item.connection.language);
        Ok(Self {
            deps,
            request,
            session,
            item,
            language,
            now,
            keys,
        })
    }

    /// The connection's id.
    pub fn id(&self) -> &ConnectionId {
        &self.item.connection.id
    }

    /// A path of this connection; `rest` begins with a slash, or is empty for the home page.
    pub fn path(&self, rest: &str) -> String {
        format!("/c/{}{rest}", self.id())
    }

    /// The form that was sent, if it carries this session's token.
    pub fn form(&self) -> Result<Form, PageError> {
        forms::of_session(self.request, &self.keys, &self.session.id)
    }

    /// Goes on to a page of this connection; `done` is the name of a text in the section `done`, shown there once.
    pub fn go(&self, rest: &str, done: Option<&str>) -> Answer {
        let sign = if rest.contains('?') { '&' } else { '?' };
        let path = self.path(rest);
        Answer::see_other(match done {
            Some(name) => format!("{path}{sign}done={name}"),
            None => path,
        })
    }

    /// What every page has around its content.
    pub fn layout(&self, title: impl Into<String>, tab: Tab) -> Layout {
        let done = self.request.parameter("done");
        Layout {
            title: title.into(),
            tab,
            language: self.language,
            token: self.keys.form_token(&self.session.id),
            base: self.path(""),
            connection: Some(self.id().to_string()),
            here: self.request.path_and_query(),
            done: done.and_then(|name| texts::find("done", name, self.language)),
            is_set_up: self.item.connection.first_activated_at.is_some(),
            state: self.item.api_state(),
        }
    }

    /// With the session's cookie set anew, when it is time.
    pub fn finish(&self, answer: Answer) -> Answer {
        let renewed = self
            .session
            .wants_renewal(self.now)
            .then(|| self.session.cookie(&self.keys, self.now));
        answer.with_cookie(renewed)
    }

    /// With another session's cookie.
    pub fn with_session(&self, answer: Answer, session: &Session) -> Answer {
        answer.with_cookie(Some(session.cookie(&self.keys, self.now)))
    }
}

/// A path with the parameters that have a value.
pub fn with_query(path: &str, parameters: &[(&str, Option<String>)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in parameters {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}
