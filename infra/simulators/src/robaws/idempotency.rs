//! Keeps what was done under each idempotency key, so that a repeated call is answered without a second effect.

use jiff::{SignedDuration, Timestamp};

use super::access::Refusal;
use super::state::Tenant;
use crate::traffic::{Reply, Request, ViolationKind};

#[derive(Clone, Debug)]
pub(crate) enum KeyRecord {
    /// A call under this key is running.
    Running,
    /// A call under this key succeeded.
    Done {
        /// Method, path and body of that call.
        fingerprint: String,
        reply: Reply,
        at: Timestamp,
    },
}

/// Whether a call under a key is to be handled.
pub(crate) enum Verdict {
    /// No call under this key has succeeded yet.
    Fresh,
    /// The call is answered from the record of an earlier one.
    Replay {
        reply: Box<Reply>,
        /// Whether the request differs from the one that the answer belongs to.
        differs: bool,
    },
}

fn request_fingerprint(request: &Request) -> String {
    format!("{} {}?{} {}", request.method, request.path, request.raw_query, request.body_text())
}

impl Tenant {
    /// Looks a key up, and records it as running when the call is to be handled.
    pub(crate) fn begin_keyed_call(
        &mut self,
        user: &str,
        key: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Verdict, Refusal> {
        let length = key.chars().count();
        if length == 0 || length > 128 {
            let message = "an Idempotency-Key has 1 to 128 characters";
            return Err(Refusal::bad_request(message).with_violation(ViolationKind::IdempotencyKeyInvalid));
        }
        let slot = (user.to_owned(), key.to_owned());
        let ttl = SignedDuration::from_secs(self.settings.idempotency_ttl_s.try_into().unwrap_or(i64::MAX));
        match self.keys.get(&slot) {
            Some(KeyRecord::Running) => {
                return Err(Refusal::new(
                    http::StatusCode::CONFLICT,
                    "a request with this Idempotency-Key is still running",
                ));
            }
            Some(KeyRecord::Done { fingerprint: first, reply, at }) if now.duration_since(*at) < ttl => {
                let differs = *first != request_fingerprint(request);
                return Ok(Verdict::Replay { reply: Box::new(reply.clone()), differs });
            }
            Some(KeyRecord::Done { .. }) | None => {}
        }
        self.keys.insert(slot, KeyRecord::Running);
        Ok(Verdict::Fresh)
    }

    /// Records how the call under a key ended. Only a success is remembered.
    pub(crate) fn end_keyed_call(
        &mut self,
        user: &str,
        key: &str,
        request: &Request,
        reply: &Reply,
        remember: bool,
        at: Timestamp,
    ) {
        let slot = (user.to_owned(), key.to_owned());
        if remember && reply.status.is_success() {
            let record =
                KeyRecord::Done { fingerprint: request_fingerprint(request), reply: reply.clone(), at };
            self.keys.insert(slot, record);
        } else {
            self.keys.remove(&slot);
        }
    }
}
