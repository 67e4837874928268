//! The routes of the pages, and the page that is shown when a page fails.

use super::answer::{Answer, PageError};
use super::layout::{Layout, Tab};
use super::session::{Keys, end_cookie};
use super::visit::{self, Visit};
use super::{
    articles, assets, checklist, forms, help, home, notifications, orders, preview, set_up, sign_in, texts,
};
use crate::api_error::ApiError;
use crate::config::Deps;
use crate::request::Request;
use askama::Template;
use domain::Language;
use http::{Method, StatusCode};
use runtime::error::Chain;

/// Answers a request for a page. Failures are answered with a page, too.
pub async fn answer(deps: &Deps, request: &Request) -> Answer {
    let keys = match Keys::of(&deps.operator).await {
        Ok(keys) => keys,
        Err(error) => return instead(PageError::Api(ApiError::internal(&error)), request, None),
    };
    match Box::pin(page(deps, request, &keys)).await {
        Ok(answer) => answer,
        Err(error) => instead(error, request, Some(&keys)),
    }
}

async fn page(deps: &Deps, request: &Request, keys: &Keys) -> Result<Answer, PageError> {
    let now = deps.clock.now();
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    match (&request.method, path.as_slice()) {
        (&Method::GET, ["assets", ..]) => assets::answer(&path),
        (&Method::GET, [] | [""]) => match visit::session(request, keys, now) {
            Some(session) => Ok(Answer::see_other(format!("/c/{}", session.connection))),
            None => sign_in::page(request, keys, None, None, None),
        },
        (_, ["in", token]) => sign_in::link(deps, request, keys, token).await,
        (&Method::POST, ["sign-in"]) => sign_in::ask(deps, request, keys).await,
        (&Method::POST, ["sign-out"]) => {
            let session = visit::session(request, keys, now).ok_or(PageError::NotFound)?;
            // Signing out needs the form token, too, so that another site cannot sign a reader out.
            forms::of_session(request, keys, &session.id)?;
            Ok(Answer::see_other("/").with_cookie(Some(end_cookie())))
        }
        (_, ["c", id, rest @ ..]) => {
            let visit = Visit::of(deps, request, keys.clone(), id, now).await?;
            let language = visit.language;
            let answered = of_connection(&visit, rest).await;
            let answer = answered.unwrap_or_else(|error| match error {
                PageError::SignIn { .. } => instead(error, request, Some(keys)),
                other => inside(other, &visit, language),
            });
            Ok(visit.finish(answer))
        }
        _ => Err(PageError::NotFound),
    }
}

/// Answers the requests below `/c/{connection}` of a reader who is signed in.
async fn of_connection(visit: &Visit<'_>, path: &[&str]) -> Result<Answer, PageError> {
    match path {
        ["language"] if visit.request.method == Method::POST => sign_in::language(visit),
        [] | [""] => Box::pin(home::answer(visit)).await,
        ["set-up" | "settings" | "activate" | "deactivate", ..] => {
            Box::pin(set_up::answer(visit, path)).await
        }
        ["preview", ..] => Box::pin(preview::answer(visit, path)).await,
        ["checklist", ..] => Box::pin(checklist::answer(visit, path)).await,
        ["orders", rest @ ..] => Box::pin(orders::answer(visit, rest)).await,
        ["articles", rest @ ..] => Box::pin(articles::answer(visit, rest)).await,
        ["notifications", rest @ ..] => Box::pin(notifications::answer(visit, rest)).await,
        ["help"] => help::answer(visit),
        _ => Err(PageError::NotFound),
    }
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message<'a> {
    page: &'a Layout,
    text: String,
    details: Vec<String>,
}

/// The page about an error, for a reader who is signed in.
fn inside(error: PageError, visit: &Visit<'_>, language: Language) -> Answer {
    let (status, title, text, details) = explained(error, language);
    let layout = visit.layout(texts::text(title, language), Tab::None);
    let message = Message {
        page: &layout,
        text,
        details,
    };
    shown(&message).with_status(status)
}

/// The page about an error, for a reader who is not signed in. Where signing in would help, the sign-in page is shown.
fn instead(error: PageError, request: &Request, keys: Option<&Keys>) -> Answer {
    let language = texts::accepted(request.header("accept-language"));
    let (error, keys) = match (error, keys) {
        (PageError::SignIn { connection, next }, Some(keys)) => {
            return match sign_in::page(request, keys, connection, next, None) {
                Ok(answer) => answer.with_status(StatusCode::UNAUTHORIZED),
                Err(error) => instead(error, request, None),
            };
        }
        (error, keys) => (error, keys),
    };
    let (status, title, text, details) = explained(error, language);
    let token = keys.map(|keys| forms::visitor(request, keys).0);
    let layout = Layout::outside(title, language, token.unwrap_or_default());
    let message = Message {
        page: &layout,
        text,
        details,
    };
    shown(&message).with_status(status)
}

fn shown(message: &Message<'_>) -> Answer {
    Answer::html(message).unwrap_or_else(|error| {
        tracing::error!(error = ?error, "a page could not be rendered");
        Answer::see_other("/").with_status(StatusCode::INTERNAL_SERVER_ERROR)
    })
}

/// Status, title, text and details of an error.
fn explained(error: PageError, language: Language) -> (StatusCode, &'static str, String, Vec<String>) {
    let plain = |status, title, key| (status, title, texts::text(key, language).to_owned(), Vec::new());
    match error {
        PageError::NotFound => plain(StatusCode::NOT_FOUND, "error.not_found_title", "error.not_found"),
        PageError::SignIn { .. } => plain(StatusCode::UNAUTHORIZED, "sign_in.title", "sign_in.needed"),
        PageError::Forged => plain(StatusCode::FORBIDDEN, "error.forged_title", "error.forged"),
        PageError::TooMany => plain(
            StatusCode::TOO_MANY_REQUESTS,
            "error.too_many_title",
            "error.too_many",
        ),
        PageError::Api(error) => {
            let error = error.in_language(language);
            (
                error.status(),
                "error.title",
                error.message(),
                error.detail_messages(),
            )
        }
        PageError::Template(error) => {
            tracing::error!(error = %Chain(&error), "a page could not be rendered");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "error.title", "error.internal")
        }
    }
}
