//! Who may call: API users, the modules that they were granted, and the body of a refusal.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::traffic::{Reply, Request, ViolationKind};

/// A part of Robaws that a role grants or does not; the API's first path segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Module {
    Articles,
    StockLocations,
    StockChanges,
    VatTariffs,
    Clients,
    Users,
    Companies,
    PaymentConditions,
    SalesInvoices,
    Tasks,
    /// Administrators only.
    WebhookEndpoints,
}

impl Module {
    /// All modules: the role of an administrator.
    pub const ALL: [Self; 11] = [
        Self::Articles,
        Self::StockLocations,
        Self::StockChanges,
        Self::VatTariffs,
        Self::Clients,
        Self::Users,
        Self::Companies,
        Self::PaymentConditions,
        Self::SalesInvoices,
        Self::Tasks,
        Self::WebhookEndpoints,
    ];

    pub(crate) fn from_segment(segment: &str) -> Option<Self> {
        Some(match segment {
            "articles" => Self::Articles,
            "stock-locations" => Self::StockLocations,
            "stock-changes" => Self::StockChanges,
            "vat-tariffs" => Self::VatTariffs,
            "clients" => Self::Clients,
            "users" => Self::Users,
            "companies" => Self::Companies,
            "payment-conditions" => Self::PaymentConditions,
            "sales-invoices" => Self::SalesInvoices,
            "tasks" => Self::Tasks,
            "webhook-endpoints" => Self::WebhookEndpoints,
            _ => return None,
        })
    }
}

/// An "API only" user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiUser {
    pub(crate) secret: String,
    pub(crate) tenant: String,
    pub(crate) modules: BTreeSet<Module>,
}

/// Key and secret of a Basic authentication.
pub(crate) fn basic_credentials(request: &Request) -> Option<(String, String)> {
    let (scheme, encoded) = request.header("authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let plain = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (key, secret) = plain.split_once(':')?;
    Some((key.to_owned(), secret.to_owned()))
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    /// The mistake of the client that is recorded, if any.
    pub(crate) violation: Option<ViolationKind>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), violation: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "")
    }

    pub(crate) fn with_violation(mut self, kind: ViolationKind) -> Self {
        self.violation = Some(kind);
        self
    }

    /// The error body as Robaws' framework writes it, with `message` unless the message is empty.
    pub(crate) fn to_reply(&self, now: Timestamp, path: &str) -> Reply {
        let correlation = uuid::Uuid::new_v4().to_string();
        let mut body = json!({
            "timestamp": now.strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string(),
            "status": self.status.as_u16(),
            "error": self.status.canonical_reason().unwrap_or("Error"),
            "path": format!("{}{path}", super::BASE),
            "correlationId": correlation,
        });
        if !self.message.is_empty() {
            body["message"] = json!(self.message);
        }
        let reply = Reply::json(self.status, &body).with_header("X-Correlation-Id", &correlation);
        if self.status == StatusCode::UNAUTHORIZED {
            return reply.with_header("WWW-Authenticate", "Basic realm=\"Robaws\"");
        }
        reply
    }
}
