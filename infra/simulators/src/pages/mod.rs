//! Web pages for people who try the product: plain HTML without scripts, made here, changed by forms.
//!
//! They stand beside the API and the control API, go through the same handles as the latter, and are no calls: no fault
//! strikes them and no log holds them.

pub(crate) mod form;
pub(crate) mod frame;
pub(crate) mod paging;
pub(crate) mod text;

use askama::Template;
use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;

pub(crate) use form::Form;
pub(crate) use frame::{Frame, House, Scope};
pub(crate) use paging::Pager;

use crate::traffic::{Reply, Request};

const STYLE: &str = include_str!("style.css");
/// No script, nothing from elsewhere, forms only to here.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What a page is made from.
pub(crate) struct Ask<'a> {
    /// `GET` or `POST`.
    pub(crate) method: Method,
    segments: Vec<String>,
    request: &'a Request,
    pub(crate) scope: Scope,
}

impl Ask<'_> {
    /// The parts of the path, each decoded by itself: a `/` in an identifier stays in it.
    pub(crate) fn segments(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// What was typed into the form that was sent.
    pub(crate) fn form(&self) -> Form {
        Form::read(&self.request.body)
    }

    /// A parameter of the query.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.request.param(name)
    }

    /// The frame of a page with this title, in this section of the navigation.
    pub(crate) fn frame(&self, title: impl Into<String>, section: &'static str) -> Frame {
        Frame {
            scope: self.scope.clone(),
            title: title.into(),
            section,
            // What a form that is refused was sent from says nothing about the form.
            notice: self
                .param("note")
                .filter(|_| self.method == Method::GET)
                .and_then(frame::notice),
        }
    }

    /// 303 to a page that then says what was done.
    pub(crate) fn done(&self, parts: &[&str], note: &str) -> Reply {
        let link = self.scope.link(parts);
        let sign = if link.contains('?') { '&' } else { '?' };
        redirect(&format!("{link}{sign}note={note}"))
    }

    /// 303 to a page.
    pub(crate) fn see(&self, parts: &[&str]) -> Reply {
        redirect(&self.scope.link(parts))
    }
}

/// A page, or why there is none.
pub(crate) type Answer = Result<Reply, NoPage>;

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum NoPage {
    /// It does not exist: "article 12".
    Missing(String),
    /// Its template failed.
    Broken(askama::Error),
}

impl NoPage {
    /// No page at all has this address.
    pub(crate) fn here() -> Self {
        Self::Missing("page at this address".to_owned())
    }
}

/// Something to say instead of a page, with links to choose from.
#[derive(Template)]
#[template(path = "message.html")]
struct Message {
    frame: Frame,
    text: String,
    choices: Vec<(String, String)>,
}

/// Answers a request that is none of the API: chooses whose pages are meant, then lets `pages` make one.
pub(crate) fn answer(
    house: &'static House,
    owners: &[String],
    request: &Request,
    pages: impl FnOnce(&str, &Ask<'_>) -> Answer,
) -> Reply {
    let method = match request.method {
        Method::GET | Method::HEAD => Method::GET,
        Method::POST => Method::POST,
        _ => return Reply::html(StatusCode::METHOD_NOT_ALLOWED, "").with("Allow", "GET, HEAD, POST"),
    };
    if method == Method::GET && request.path == "/style.css" {
        let style = Reply::html(StatusCode::OK, STYLE);
        return style
            .with("Content-Type", "text/css; charset=UTF-8")
            .with("Cache-Control", "no-cache");
    }
    let is_form = request.media_type() == "application/x-www-form-urlencoded" || request.body.is_empty();
    if method == Method::POST && !is_form {
        return Reply::html(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Only forms are taken here.");
    }
    let asked = request.param(house.owner);
    let owner = match (asked, owners) {
        (Some(asked), _) => owners.iter().find(|owner| *owner == asked),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let Some(owner) = owner else {
        return choose(house, owners, asked, &method, request);
    };
    let ask = Ask {
        segments: segments(request),
        scope: Scope::new(house, owner, owners.len() > 1),
        method,
        request,
    };
    whole(pages(owner, &ask).or_else(|reason| match reason {
        NoPage::Missing(what) => {
            let message = Message {
                frame: ask.frame("Not found", ""),
                text: format!("There is no {what}."),
                choices: Vec::new(),
            };
            html(StatusCode::NOT_FOUND, &message)
        }
        NoPage::Broken(_) => Err(reason),
    }))
}

/// The answer itself, or that it could not be made.
fn whole(answer: Answer) -> Reply {
    answer.unwrap_or_else(|reason| {
        let text = match reason {
            NoPage::Missing(what) => format!("There is no {what}."),
            NoPage::Broken(error) => format!("The page could not be made: {error}"),
        };
        let reply = Reply::html(StatusCode::INTERNAL_SERVER_ERROR, &text);
        reply.with("Content-Type", "text/plain; charset=UTF-8")
    })
}

fn segments(request: &Request) -> Vec<String> {
    let parts = request.raw_path.split('/').filter(|part| !part.is_empty());
    parts
        .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
        .collect()
}

/// The page that asks whose pages are meant.
fn choose(
    house: &'static House,
    owners: &[String],
    asked: Option<&str>,
    method: &Method,
    request: &Request,
) -> Reply {
    let (status, text) = match asked {
        Some(asked) => (
            StatusCode::NOT_FOUND,
            format!("There is no {} {asked}.", house.owner),
        ),
        None if owners.is_empty() => (
            StatusCode::NOT_FOUND,
            format!(
                "There is no {} yet. The control API makes one: GET /_control lists how.",
                house.owner
            ),
        ),
        // What was sent is lost, and must not look as if it were done.
        None if *method == Method::POST => (
            StatusCode::BAD_REQUEST,
            format!("Nothing was changed: it was not said for which {}.", house.owner),
        ),
        None => (StatusCode::OK, format!("Which {} is it?", house.owner)),
    };
    let path = if *method == Method::GET {
        segments(request)
    } else {
        Vec::new()
    };
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let choices = owners
        .iter()
        .map(|owner| (Scope::new(house, owner, true).link(&path), owner.clone()));
    let message = Message {
        choices: choices.collect(),
        frame: Frame {
            scope: Scope::nobody(house),
            title: format!("Choose a {}", house.owner),
            section: "",
            notice: None,
        },
        text,
    };
    whole(html(status, &message))
}

/// A page.
pub(crate) fn html(status: StatusCode, page: &impl Template) -> Answer {
    let body = page.render().map_err(NoPage::Broken)?;
    Ok(Reply::html(status, &body)
        .with("Cache-Control", "no-store")
        .with("Content-Security-Policy", POLICY)
        .with("X-Content-Type-Options", "nosniff")
        .with("Referrer-Policy", "no-referrer"))
}

fn redirect(link: &str) -> Reply {
    Reply::empty(StatusCode::SEE_OTHER).with("Location", link)
}
