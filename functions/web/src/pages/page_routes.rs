//! The routes of the pages, and the page that is shown when a page fails.

use super::answer::{Answer, PageError};
use super::layout::{Layout, Tab};
use super::session::{SessionKeys, end_cookie_header};
use super::visit::{self, Visit};
use super::{
    articles_page, assets, checklist_page, forms, help_page, home_page, notification_pages, order_pages,
    preview_page, set_up, sign_in_pages, texts,
};
use crate::api_error::ApiError;
use crate::config::Deps;
use crate::request::Request;
use askama::Template;
use domain::Language;
use http::{Method, StatusCode};
use runtime::error::Chain;

/// Answers a request for a page. Failures are answered with a page, too.
pub async fn answer_page_request(deps: &Deps, request: &Request) -> Answer {
    let keys = match SessionKeys::from_operator_token(&deps.operator_token).await {
        Ok(keys) => keys,
        Err(error) => {
            return render_error_page_for_visitor(
                PageError::Api(ApiError::internal_error(&error)),
                request,
                None,
            );
        }
    };
    match Box::pin(route_page(deps, request, &keys)).await {
        Ok(answer) => answer,
        Err(error) => render_error_page_for_visitor(error, request, Some(&keys)),
    }
}

async fn route_page(deps: &Deps, request: &Request, keys: &SessionKeys) -> Result<Answer, PageError> {
    let now = deps.clock.now();
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    match (&request.method, path.as_slice()) {
        (&Method::GET, ["assets", ..]) => assets::serve_asset(&path),
        (&Method::GET, [] | [""]) => match visit::session_of_request(request, keys, now) {
            Some(session) => Ok(Answer::see_other(format!("/c/{}", session.connection))),
            None => sign_in_pages::show_sign_in_page(request, keys, None, None, None),
        },
        (_, ["in", token]) => sign_in_pages::answer_sign_in_link(deps, request, keys, token).await,
        (&Method::POST, ["sign-in"]) => sign_in_pages::take_new_link_form(deps, request, keys).await,
        (&Method::POST, ["sign-out"]) => {
            let session = visit::session_of_request(request, keys, now).ok_or(PageError::NotFound)?;
            // Signing out needs the form token, too, so that another site cannot sign a reader out.
            forms::take_session_form(request, keys, &session.id)?;
            Ok(Answer::see_other("/").with_cookie(Some(end_cookie_header())))
        }
        (_, ["c", id, rest @ ..]) => {
            let visit = Visit::open_visit(deps, request, keys.clone(), id, now).await?;
            let language = visit.language;
            let answered = route_connection_page(&visit, rest).await;
            let answer = answered.unwrap_or_else(|error| match error {
                PageError::SignIn { .. } => render_error_page_for_visitor(error, request, Some(keys)),
                other => render_error_page(other, &visit, language),
            });
            Ok(visit.renew_session_cookie(answer))
        }
        _ => Err(PageError::NotFound),
    }
}

/// Answers the requests below `/c/{connection}` of a reader who is signed in.
async fn route_connection_page(visit: &Visit<'_>, path: &[&str]) -> Result<Answer, PageError> {
    match path {
        ["language"] if visit.request.method == Method::POST => sign_in_pages::take_language_form(visit),
        [] | [""] => Box::pin(home_page::show_home_page(visit)).await,
        ["set-up" | "settings" | "activate" | "deactivate", ..] => {
            Box::pin(set_up::route_set_up_pages(visit, path)).await
        }
        ["preview", ..] => Box::pin(preview_page::route_preview_pages(visit, path)).await,
        ["checklist", ..] => Box::pin(checklist_page::route_checklist_pages(visit, path)).await,
        ["orders", rest @ ..] => Box::pin(order_pages::route_order_pages(visit, rest)).await,
        ["articles", rest @ ..] => Box::pin(articles_page::route_article_pages(visit, rest)).await,
        ["notifications", rest @ ..] => {
            Box::pin(notification_pages::route_notification_pages(visit, rest)).await
        }
        ["help"] => help_page::show_help_page(visit),
        _ => Err(PageError::NotFound),
    }
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    page: &'a Layout,
    text: String,
    details: Vec<String>,
}

/// The page about an error, for a reader who is signed in.
fn render_error_page(error: PageError, visit: &Visit<'_>, language: Language) -> Answer {
    let (status, title, text, details) = explain_error(error, language);
    let layout = visit.page_layout(texts::text_for(title, language), Tab::None);
    let message = MessagePage { page: &layout, text, details };
    render_message_page(&message).with_status(status)
}

/// The page about an error, for a reader who is not signed in. Where signing in would help, the sign-in page is shown.
fn render_error_page_for_visitor(error: PageError, request: &Request, keys: Option<&SessionKeys>) -> Answer {
    let language = texts::accepted_language(request.header_text("accept-language"));
    let (error, keys) = match (error, keys) {
        (PageError::SignIn { connection, next }, Some(keys)) => {
            return match sign_in_pages::show_sign_in_page(request, keys, connection, next, None) {
                Ok(answer) => answer.with_status(StatusCode::UNAUTHORIZED),
                Err(error) => render_error_page_for_visitor(error, request, None),
            };
        }
        (error, keys) => (error, keys),
    };
    let (status, title, text, details) = explain_error(error, language);
    let token = keys.map(|keys| forms::visitor_form_token(request, keys).0);
    let layout = Layout::for_visitor(title, language, token.unwrap_or_default());
    let message = MessagePage { page: &layout, text, details };
    render_message_page(&message).with_status(status)
}

fn render_message_page(message: &MessagePage<'_>) -> Answer {
    Answer::render_template(message).unwrap_or_else(|error| {
        tracing::error!(error = ?error, "a page could not be rendered");
        Answer::see_other("/").with_status(StatusCode::INTERNAL_SERVER_ERROR)
    })
}

/// Status, title, text and details of an error.
fn explain_error(error: PageError, language: Language) -> (StatusCode, &'static str, String, Vec<String>) {
    let plain = |status, title, key| (status, title, texts::text_for(key, language).to_owned(), Vec::new());
    match error {
        PageError::NotFound => plain(StatusCode::NOT_FOUND, "error.not_found_title", "error.not_found"),
        PageError::SignIn { .. } => plain(StatusCode::UNAUTHORIZED, "sign_in.title", "sign_in.needed"),
        PageError::Forged => plain(StatusCode::FORBIDDEN, "error.forged_title", "error.forged"),
        PageError::TooMany => plain(StatusCode::TOO_MANY_REQUESTS, "error.too_many_title", "error.too_many"),
        PageError::Api(error) => {
            let error = error.in_language(language);
            (error.status(), "error.title", error.render_message(), error.render_details())
        }
        PageError::Template(error) => {
            tracing::error!(error = %Chain(&error), "a page could not be rendered");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "error.title", "error.internal")
        }
    }
}
