//! Faults on demand: which call a fault strikes, and what happens to that call.

use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Gate, Hook, Reply, Request};

/// The whole peer is away: every call of its API meets this, the control API stays up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outage {
    /// Every connection ends without an answer.
    Drop,
    /// Every call is answered 503 with a gateway's HTML page.
    Unavailable,
}

/// An answer that a fault gives in place of the peer's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    pub status: u16,
    /// A JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// An HTML body, sent when there is no JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// Headers to add.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

impl Answer {
    /// A status with an HTML page, as a gateway answers.
    #[must_use]
    pub fn with_html(status: u16) -> Self {
        let html = Some(format!("<html><body><h1>{status}</h1></body></html>"));
        Self { status, json: None, html, headers: BTreeMap::new() }
    }

    /// A status with a JSON body.
    #[must_use]
    pub fn with_json(status: u16, body: Value) -> Self {
        Self { status, json: Some(body), html: None, headers: BTreeMap::new() }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn to_reply(&self) -> Reply {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut reply = match (&self.json, &self.html) {
            (Some(body), _) => Reply::json(status, body),
            (None, Some(page)) => Reply::html(status, page),
            (None, None) => Reply::without_body(status),
        };
        for (name, value) in &self.headers {
            reply.set_header(name, value);
        }
        reply
    }
}

/// What a fault does to the call that it strikes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing but the delays.
    #[default]
    None,
    /// Answers before anything is handled: no effect, no authentication, no use of the quota.
    Answer(Answer),
    /// The connection ends before anything is handled.
    Drop,
    /// The call is handled, then answered with this. A 500 is the peer's own failure, so its idempotency key is not
    /// remembered; with any other status the peer succeeded and something between lost the answer.
    AnswerAfter(Answer),
    /// The call is handled, then the connection ends without an answer.
    DropAfter,
    /// The call is handled; the body of the answer is cut off in the middle.
    TruncateAfter,
    /// The call is handled; the JSON answer is changed by this merge patch, such as `{"booked": false}`.
    PatchAfter(Value),
}

impl Effect {
    /// The reply of a call that is not handled at all; `None`: it is handled.
    pub(crate) fn without_handling(&self) -> Option<Reply> {
        match self {
            Self::Answer(answer) => Some(answer.to_reply()),
            Self::Drop => Some(Reply::no_answer()),
            _ => None,
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the default of an optional field")]
fn default_times() -> Option<u32> {
    Some(1)
}

fn default_method() -> String {
    "*".to_owned()
}

/// A fault: the first one set that matches a call strikes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// `POST`, or `*` for any.
    #[serde(default = "default_method")]
    pub method: String,
    /// The path below the base path. `*` stands for one segment, `**` for the rest: `/sales-invoices/*/line-items`.
    pub path: String,
    /// Only calls of this Robaws tenant or ProductFlow company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Only calls whose decoded query or body contains this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// How many matching calls pass before it strikes; 0 strikes the first.
    #[serde(default)]
    pub skip: u32,
    /// How often it strikes; `null` for ever.
    #[serde(default = "default_times")]
    pub times: Option<u32>,
    /// Milliseconds that the call waits before it is handled.
    #[serde(default)]
    pub delay_before_ms: u64,
    /// Milliseconds that the call waits after it was handled and before it is answered.
    #[serde(default)]
    pub delay_after_ms: u64,
    /// Where the call is held before it is handled, after the delay.
    #[serde(skip)]
    pub held_before: Option<Gate>,
    /// Where the call is held after it was handled, before the delay.
    #[serde(skip)]
    pub held_after: Option<Gate>,
    /// What runs after the call was handled, before everything else that comes after.
    #[serde(skip)]
    pub hook: Option<Hook>,
    /// What happens to the call.
    #[serde(default)]
    pub effect: Effect,
    /// How many matching calls there were.
    #[serde(default)]
    pub seen: u32,
}

impl Fault {
    /// A fault for the next call with this method and path; it does nothing until one of the others is added.
    #[must_use]
    pub fn for_call(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            tenant: None,
            contains: None,
            skip: 0,
            times: Some(1),
            delay_before_ms: 0,
            delay_after_ms: 0,
            held_before: None,
            held_after: None,
            hook: None,
            effect: Effect::None,
            seen: 0,
        }
    }

    /// Only calls of this Robaws tenant (its name) or ProductFlow company (its number).
    #[must_use]
    pub fn of_tenant(mut self, tenant: &str) -> Self {
        self.tenant = Some(tenant.to_owned());
        self
    }

    /// Only calls whose query or body contains this text.
    #[must_use]
    pub fn whose_text_contains(mut self, text: &str) -> Self {
        self.contains = Some(text.to_owned());
        self
    }

    /// Strikes the n-th matching call, counted from 1.
    #[must_use]
    pub fn at_nth_call(mut self, n: u32) -> Self {
        self.skip = n.saturating_sub(1);
        self
    }

    /// Strikes so many matching calls in a row.
    #[must_use]
    pub fn for_calls(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Strikes until the faults are cleared.
    #[must_use]
    pub fn until_cleared(mut self) -> Self {
        self.times = None;
        self
    }

    /// Waits before the call is handled; it is handled even if the caller has gone by then.
    #[must_use]
    pub fn delay_before(mut self, delay: Duration) -> Self {
        self.delay_before_ms = to_millis(delay);
        self
    }

    /// Waits between the effect and the answer.
    #[must_use]
    pub fn delay_after(mut self, delay: Duration) -> Self {
        self.delay_after_ms = to_millis(delay);
        self
    }

    /// Holds the call before it is handled, until the gate is opened; it is handled even if the caller has gone by then.
    #[must_use]
    pub fn hold_before(mut self, gate: &Gate) -> Self {
        self.held_before = Some(gate.clone());
        self
    }

    /// Holds the answer after the effect, until the gate is opened.
    #[must_use]
    pub fn hold_after(mut self, gate: &Gate) -> Self {
        self.held_after = Some(gate.clone());
        self
    }

    /// Runs `hook` during the call: after its effect, before its answer. A call that has no effect by this fault runs it all
    /// the same.
    #[must_use]
    pub fn then(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.hook = Some(Hook::new(hook));
        self
    }

    /// Sets what happens to the call.
    #[must_use]
    pub fn with_effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// Answers with this status and an HTML page, without any effect.
    #[must_use]
    pub fn answer_status(self, status: u16) -> Self {
        self.with_effect(Effect::Answer(Answer::with_html(status)))
    }

    /// Has its effect, then answers with this status and an HTML page.
    #[must_use]
    pub fn status_after(self, status: u16) -> Self {
        self.with_effect(Effect::AnswerAfter(Answer::with_html(status)))
    }

    /// Drops the connection before any effect.
    #[must_use]
    pub fn drop_before(self) -> Self {
        self.with_effect(Effect::Drop)
    }

    /// Drops the connection after the effect.
    #[must_use]
    pub fn drop_after(self) -> Self {
        self.with_effect(Effect::DropAfter)
    }

    /// Has its effect, then sends half of the answer's body.
    #[must_use]
    pub fn truncate_answer(self) -> Self {
        self.with_effect(Effect::TruncateAfter)
    }

    /// Has its effect, then changes the answer by a merge patch.
    #[must_use]
    pub fn patch_answer(self, patch: Value) -> Self {
        self.with_effect(Effect::PatchAfter(patch))
    }

    /// Whether the fault strikes this call. Counts the call when the fault matches it.
    pub(crate) fn strikes_call(&mut self, request: &Request, tenant: Option<&str>) -> bool {
        let matches = (self.method == "*" || self.method.eq_ignore_ascii_case(request.method.as_str()))
            && path_matches(&self.path, &request.path)
            && self.tenant.as_deref().is_none_or(|wanted| tenant == Some(wanted))
            && self.contains.as_deref().is_none_or(|text| has_text(request, text));
        if !matches {
            return false;
        }
        self.seen = self.seen.saturating_add(1);
        self.seen > self.skip && self.times.is_none_or(|times| self.seen - self.skip <= times)
    }
}

fn to_millis(delay: Duration) -> u64 {
    u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)
}

fn has_text(request: &Request, text: &str) -> bool {
    request.body_text().contains(text)
        || request.query.iter().any(|(name, value)| name.contains(text) || value.contains(text))
}

fn path_matches(pattern: &str, path: &str) -> bool {
    let mut path = path.trim_matches('/').split('/');
    for wanted in pattern.trim_matches('/').split('/') {
        if wanted == "**" {
            return true;
        }
        match path.next() {
            Some(part) if wanted == "*" || wanted == part => {}
            _ => return false,
        }
    }
    path.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::path_matches;

    #[test]
    fn patterns_match_paths() {
        assert!(path_matches("/sales-invoices/*/line-items", "/sales-invoices/7/line-items"));
        assert!(!path_matches("/sales-invoices/*", "/sales-invoices/7/line-items"));
        assert!(!path_matches("/sales-invoices/*", "/sales-invoices"));
        assert!(path_matches("**", "/anything/at/all"));
        assert!(path_matches("/order/**", "/order/PF-1"));
        assert!(path_matches("order", "/order"));
    }
}
