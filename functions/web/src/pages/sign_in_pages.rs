//! Signing in: the page of a one-time link, the page that offers a new link, and the form of the reader's language.

use super::answer::{Answer, PageError};
use super::forms;
use super::layout::Layout;
use super::session::{Session, SessionKeys};
use super::texts;
use super::visit::Visit;
use crate::config::Deps;
use crate::request::Request;
use askama::Template;
use domain::Language;
use domain::ids::ConnectionId;
use http::{Method, StatusCode};
use jiff::SignedDuration;
use runtime::error::Chain;
use store::links::SignInLink;
use store::queue::{MESSAGE_SCHEMA, SignInMessage};

/// Most unknown links that may be tried from one IP address within [`TRIES_WINDOW`].
const MOST_TRIES: u32 = 20;
const TRIES_WINDOW: SignedDuration = SignedDuration::from_mins(15);
/// Most new links that may be asked for within [`ASKED_WINDOW`] for one connection.
const MOST_ASKED: u32 = 3;
/// Most new links that may be asked for within [`ASKED_WINDOW`] from one IP address.
const MOST_ASKED_FROM_ONE: u32 = 30;
const ASKED_WINDOW: SignedDuration = SignedDuration::from_hours(1);

#[derive(Template)]
#[template(path = "link.html")]
struct LinkPage {
    page: Layout,
    path: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    page: Layout,
    connection: String,
    next: String,
    /// What came of the last attempt to sign in.
    notice: Option<&'static str>,
}

/// `/in/{token}`: `GET` shows a button, and only the `POST` of that button uses the link up, because mail scanners open links.
pub async fn answer_sign_in_link(
    deps: &Deps,
    request: &Request,
    keys: &SessionKeys,
    token: &str,
) -> Result<Answer, PageError> {
    let now = deps.clock.now();
    let from = format!("link-tries#{}", request.source_ip.as_deref().unwrap_or_default());
    if !deps.store.has_allowance(&from, MOST_TRIES, TRIES_WINDOW, now).await? {
        return Err(PageError::TooMany);
    }
    let found = deps.store.load_sign_in_link(token).await?;
    let Some(link) = found else {
        // Only unknown links count, so that nobody is locked out by using valid ones.
        deps.store.take_allowance(&from, MOST_TRIES, TRIES_WINDOW, now).await?;
        return show_link_used_up(request, keys, None, None);
    };
    let used_up = |link: SignInLink| show_link_used_up(request, keys, Some(link.connection), link.next);
    match request.method {
        Method::GET => {
            if !link.is_usable(now) {
                return used_up(link);
            }
            let language = texts::accepted_language(request.header_text("accept-language"));
            let (form_token, cookie) = forms::visitor_form_token(request, keys);
            let page = LinkPage {
                page: Layout::for_visitor("sign_in.title", language, form_token),
                path: format!("/in/{token}"),
            };
            Ok(Answer::render_template(&page)?.with_cookie(cookie))
        }
        Method::POST => {
            forms::take_visitor_form(request, keys)?;
            let item = deps.store.load_connection(&link.connection).await?;
            let good = link.is_usable(now) && deps.store.use_up_sign_in_link(token, now).await?;
            let (true, Some(item)) = (good, item) else {
                return used_up(link);
            };
            let session = Session::new(link.connection.clone(), item.connection.created_at, now);
            tracing::info!(connection.id = %link.connection, "signed in");
            let next = link.next.filter(|next| is_own_page(next, &link.connection));
            let path = next.unwrap_or_else(|| format!("/c/{}", link.connection));
            Ok(Answer::see_other(path).with_cookie(Some(session.cookie_header(keys, now))))
        }
        _ => Err(PageError::NotFound),
    }
}

fn show_link_used_up(
    request: &Request,
    keys: &SessionKeys,
    connection: Option<ConnectionId>,
    next: Option<String>,
) -> Result<Answer, PageError> {
    let answer = show_sign_in_page(request, keys, connection, next, Some("sign_in.used"))?;
    Ok(answer.with_status(StatusCode::GONE))
}

/// Shows the page that offers a new sign-in link.
pub fn show_sign_in_page(
    request: &Request,
    keys: &SessionKeys,
    connection: Option<ConnectionId>,
    next: Option<String>,
    notice: Option<&'static str>,
) -> Result<Answer, PageError> {
    let language = texts::accepted_language(request.header_text("accept-language"));
    let (token, cookie) = forms::visitor_form_token(request, keys);
    let page = SignInPage {
        page: Layout::for_visitor("sign_in.title", language, token),
        connection: connection.map(|id| id.to_string()).unwrap_or_default(),
        next: next.unwrap_or_default(),
        notice: notice.map(|key| texts::text_for(key, language)),
    };
    Ok(Answer::render_template(&page)?.with_cookie(cookie))
}

/// `POST /sign-in`: asks for a task with a new sign-in link in Robaws.
///
/// The answer is the same and takes as long whether the connection exists or not. Only the receiver of the message finds out.
pub async fn take_new_link_form(
    deps: &Deps,
    request: &Request,
    keys: &SessionKeys,
) -> Result<Answer, PageError> {
    let form = forms::take_visitor_form(request, keys)?;
    let now = deps.clock.now();
    let from = format!("links-asked-from#{}", request.source_ip.as_deref().unwrap_or_default());
    if !deps.store.take_allowance(&from, MOST_ASKED_FROM_ONE, ASKED_WINDOW, now).await? {
        return Err(PageError::TooMany);
    }
    let typed = form.field_value("connection").unwrap_or_default().to_ascii_lowercase();
    let asked = ConnectionId::parse(typed);
    let Ok(connection) = asked else {
        return show_sign_in_page(request, keys, None, None, Some("sign_in.which"));
    };
    let next = form.field_value("next").filter(|next| is_own_page(next, &connection)).map(str::to_owned);
    ask_for_sign_in_link(deps, request, &connection, next.as_deref()).await?;
    show_sign_in_page(request, keys, Some(connection), next, Some("sign_in.sent"))
}

/// Queues the message that makes a task with a new sign-in link in Robaws, unless too many were asked for within the hour.
pub async fn ask_for_sign_in_link(
    deps: &Deps,
    request: &Request,
    connection: &ConnectionId,
    next: Option<&str>,
) -> Result<(), PageError> {
    let now = deps.clock.now();
    let base_url = deps.public_base_url.clone().or_else(|| request.own_url.clone());
    let what = format!("links-asked#{connection}");
    // Beyond the limit nothing is queued and the answer is the same, so that the answer tells nothing about the connection.
    if let Some(base_url) = base_url
        && deps.store.take_allowance(&what, MOST_ASKED, ASKED_WINDOW, now).await?
    {
        let message = SignInMessage {
            schema_version: MESSAGE_SCHEMA,
            connection: connection.clone(),
            base_url,
            next: next.map(str::to_owned),
        };
        if let Err(error) = deps.orders_queue.send_sign_in(message).await {
            tracing::error!(error = %Chain(&error), "a sign-in link could not be asked for");
        }
    }
    Ok(())
}

/// `POST …/language`: stores the reader's language in the session.
pub fn take_language_form(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let form = visit.take_form()?;
    let chosen = form.field_value("language").and_then(Language::from_tag);
    let back = form.field_value("back").filter(|back| is_own_page(back, visit.id()));
    let session = Session { language: chosen.or(visit.session.language), ..visit.session.clone() };
    let path = back.map_or_else(|| visit.connection_path(""), str::to_owned);
    Ok(visit.with_session(Answer::see_other(path), &session))
}

/// Whether a path is a page of this connection. Redirects lead nowhere else.
pub fn is_own_page(path: &str, connection: &ConnectionId) -> bool {
    let home = format!("/c/{connection}");
    let rest = path.strip_prefix(&home);
    let is_below = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    is_below && path.len() <= 1_000 && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("/c/shop", true)]
    #[case("/c/shop/notifications/1?x=2", true)]
    #[case("/c/shop?x", true)]
    #[case("/c/shopper", false)]
    #[case("/c/other", false)]
    #[case("//evil.example/c/shop", false)]
    #[case("/c/shop/\\evil", false)]
    #[case("/c/shop/\r\nSet-Cookie: a", false)]
    #[case("https://evil.example", false)]
    fn only_pages_of_the_connection_are_gone_on_to(#[case] path: &str, #[case] own: bool) {
        assert_eq!(is_own_page(path, &ConnectionId::parse("shop").unwrap()), own);
    }
}
