//! The answer of a page: HTML, a redirect or a file, with the security headers that every answer carries.

use crate::api_error::ApiError;
use askama::Template;
use aws_lambda_events::encodings::Body;
use aws_lambda_events::event::apigw::ApiGatewayV2httpResponse;
use domain::ids::ConnectionId;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use store::StoreError;

/// The Content-Security-Policy of every answer: styles, images and forms of this server alone, and no scripts.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    content: Content,
    cookies: Vec<String>,
}

#[derive(Debug)]
enum Content {
    Html(String),
    SeeOther(String),
    /// A file that browsers may keep for good, because its path changes with its content.
    Asset {
        kind: &'static str,
        body: &'static str,
    },
    /// A file that the browser saves.
    Download {
        kind: &'static str,
        name: String,
        body: String,
    },
}

impl Answer {
    /// Renders a template.
    pub fn render_template(template: &impl Template) -> Result<Self, PageError> {
        let html = template.render().map_err(PageError::Template)?;
        Ok(Self::from_content(Content::Html(html)))
    }

    /// A redirect (303) after a form was taken. The browser loads this path, so that going back or reloading sends nothing twice.
    pub fn see_other(path: impl Into<String>) -> Self {
        Self { status: StatusCode::SEE_OTHER, ..Self::from_content(Content::SeeOther(path.into())) }
    }

    /// A file that browsers may keep for good.
    pub fn from_asset(kind: &'static str, body: &'static str) -> Self {
        Self::from_content(Content::Asset { kind, body })
    }

    /// A file that the browser saves under `name`.
    pub fn from_download(kind: &'static str, name: impl Into<String>, body: String) -> Self {
        Self::from_content(Content::Download { kind, name: name.into(), body })
    }

    fn from_content(content: Content) -> Self {
        Self { status: StatusCode::OK, content, cookies: Vec::new() }
    }

    /// Sets the status; it is 200 otherwise.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Sets a cookie, if there is one. `cookie` is the whole value of the header.
    pub fn with_cookie(mut self, cookie: Option<String>) -> Self {
        self.cookies.extend(cookie);
        self
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The answer in the form that API Gateway takes.
    pub fn into_response(self) -> ApiGatewayV2httpResponse {
        let mut headers = HeaderMap::new();
        let mut set = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        set(header::REFERRER_POLICY, "no-referrer");
        set(header::CONTENT_SECURITY_POLICY, POLICY);
        set(header::X_FRAME_OPTIONS, "DENY");
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
        set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
        set(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()");
        let is_kept = matches!(self.content, Content::Asset { .. });
        set(header::CACHE_CONTROL, if is_kept { "public, max-age=31536000, immutable" } else { "no-store" });
        let body = match self.content {
            Content::Html(html) => {
                set(header::CONTENT_TYPE, "text/html; charset=utf-8");
                html
            }
            Content::SeeOther(path) => {
                set(header::LOCATION, &path);
                String::new()
            }
            Content::Asset { kind, body } => {
                set(header::CONTENT_TYPE, kind);
                body.to_owned()
            }
            Content::Download { kind, name, body } => {
                set(header::CONTENT_TYPE, kind);
                set(header::CONTENT_DISPOSITION, &format!("attachment; filename=\"{name}\""));
                body
            }
        };
        let mut response = ApiGatewayV2httpResponse::default();
        response.status_code = i64::from(self.status.as_u16());
        response.headers = headers;
        response.body = Some(Body::Text(body));
        response.cookies = self.cookies;
        response
    }
}

/// Why a page cannot be shown or a form cannot be taken.
#[derive(Debug)]
pub enum PageError {
    /// There is no such page for this connection. The answer does not tell whether another connection has it.
    NotFound,
    /// Nobody is signed in to this connection.
    SignIn {
        /// The connection of the path, if its id is well-formed.
        connection: Option<ConnectionId>,
        /// The path to go on to after signing in.
        next: Option<String>,
    },
    /// The form carries no valid token of this session, or comes from another site.
    Forged,
    /// Too many tries within the time window.
    TooMany,
    /// The error that the API would answer.
    Api(ApiError),
    Template(askama::Error),
}

impl From<ApiError> for PageError {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        Self::Api(error.into())
    }
}

impl From<store::secrets::SecretError> for PageError {
    fn from(error: store::secrets::SecretError) -> Self {
        Self::Api(error.into())
    }
}
