//! What a page answers: HTML, a redirect, a file; and the headers that keep it safe.

use crate::api_error::ApiError;
use askama::Template;
use aws_lambda_events::encodings::Body;
use aws_lambda_events::event::apigw::ApiGatewayV2httpResponse;
use domain::ids::ConnectionId;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use store::StoreError;

/// Nothing but what this server itself sends, and no script at all.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// What a page answers.
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
    /// A file that may be kept for good: its path names its content.
    Asset {
        kind: &'static str,
        body: &'static str,
    },
    /// A file to save.
    Download {
        kind: &'static str,
        name: String,
        body: String,
    },
}

impl Answer {
    /// A rendered page.
    pub fn html(template: &impl Template) -> Result<Self, PageError> {
        let html = template.render().map_err(PageError::Template)?;
        Ok(Self::of(Content::Html(html)))
    }

    /// After a form was taken: the browser asks for this path, so that going back or reloading sends nothing twice.
    pub fn see_other(path: impl Into<String>) -> Self {
        Self {
            status: StatusCode::SEE_OTHER,
            ..Self::of(Content::SeeOther(path.into()))
        }
    }

    /// A file whose path changes with its content.
    pub fn asset(kind: &'static str, body: &'static str) -> Self {
        Self::of(Content::Asset { kind, body })
    }

    /// A file to save under `name`.
    pub fn download(kind: &'static str, name: impl Into<String>, body: String) -> Self {
        Self::of(Content::Download {
            kind,
            name: name.into(),
            body,
        })
    }

    fn of(content: Content) -> Self {
        Self {
            status: StatusCode::OK,
            content,
            cookies: Vec::new(),
        }
    }

    /// With another status.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Sets a cookie; `cookie` is the whole header value.
    pub fn with_cookie(mut self, cookie: Option<String>) -> Self {
        self.cookies.extend(cookie);
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// As API Gateway takes it.
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
        set(
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        );
        set(
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=()",
        );
        let is_kept = matches!(self.content, Content::Asset { .. });
        set(
            header::CACHE_CONTROL,
            if is_kept {
                "public, max-age=31536000, immutable"
            } else {
                "no-store"
            },
        );
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
                set(
                    header::CONTENT_DISPOSITION,
                    &format!("attachment; filename=\"{name}\""),
                );
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

/// Why a page can't be shown, or a form not taken.
#[derive(Debug)]
pub enum PageError {
    /// There is no such page, or none of this connection: whoever asks learns nothing about others.
    NotFound,
    /// Nobody is signed in; the page to go on to afterwards.
    SignIn {
        /// The connection that was asked for.
        connection: Option<ConnectionId>,
        /// The path that was asked for.
        next: Option<String>,
    },
    /// The form carries no token of this session, or comes from another site.
    Forged,
    /// Too many tries.
    TooMany,
    /// What the API would have answered.
    Api(ApiError),
    /// The template failed.
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
