//! Delivers webhooks: signed and retried, and, where the settings say so, repeated or out of order.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::time::Instant;
use uuid::Uuid;

use super::RobawsSim;
use super::articles::render_article;
use super::state::Tenant;

/// The GUID that stands for the checkbox where a payload does not name it.
const CHECKBOX_GUID: &str = "C965754A-0000-4000-8000-000000000001";

/// How long a task that delivers rests at most, without anything to deliver.
const IDLE: Duration = Duration::from_hours(1);

/// A delivery that waits for its next attempt.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    endpoint: String,
    event_id: String,
    event: String,
    body: String,
    /// Attempts made so far.
    attempts: usize,
    /// When it is tried again; `None`: at once.
    deliver_at: Option<Instant>,
}

/// One attempt to deliver a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryRecord {
    pub tenant: String,
    pub endpoint_id: String,
    /// The id in the body. Repeats and retries have the same one.
    pub event_id: String,
    /// `article.updated`, …
    pub event: String,
    /// The status of the answer; `None` when there was none in time.
    pub status: Option<u16>,
}

impl Tenant {
    /// Queues an event for every endpoint that is registered for it.
    pub(crate) fn queue_event(&mut self, event: &str, article: &str) {
        let Some(record) = self.data.articles.get(article) else {
            return;
        };
        let mut payload = render_article(&self.data, record, &["extraFields", "availableStock"]);
        if let Value::Object(fields) = &mut payload {
            let lacks_numbers = event != "article.stock-changed" || self.settings.webhook_without_numbers;
            if lacks_numbers {
                fields.remove("availableStock");
            }
            if self.settings.webhook_guid_keys
                && let Some(Value::Object(extra)) = fields.get_mut("extraFields")
                && let Some(checkbox) = extra.remove("ProductFlow")
            {
                extra.insert(CHECKBOX_GUID.to_owned(), checkbox);
            }
        }
        let event_id = Uuid::new_v4().to_string();
        let body = json!({"id": event_id, "event": event, "data": payload}).to_string();
        let copies = if self.settings.webhook_repeat { 2 } else { 1 };
        let wanting = |endpoint: &&super::WebhookEndpoint| {
            !endpoint.suspended && endpoint.events.iter().any(|wanted| wanted == event)
        };
        for endpoint in self.data.endpoints.iter().filter(wanting) {
            for _ in 0..copies {
                self.outbox.push_back(Pending {
                    endpoint: endpoint.id.clone(),
                    event_id: event_id.clone(),
                    event: event.to_owned(),
                    body: body.clone(),
                    attempts: 0,
                    deliver_at: None,
                });
            }
        }
    }

    /// Removes and returns the deliveries whose time has come.
    fn take_waiting(&mut self, now: Instant) -> Vec<Pending> {
        let (mut due, later): (Vec<_>, Vec<_>) =
            self.outbox.drain(..).partition(|pending| pending.deliver_at.is_none_or(|due| due <= now));
        self.outbox.extend(later);
        if self.settings.webhook_reorder {
            due.reverse();
        }
        due
    }

    /// Records the result of an attempt. A failed delivery is queued again until its attempts are used up.
    fn record_delivery(&mut self, mut pending: Pending, delivered: bool, now: Instant) {
        let delay = self.settings.webhook_retry_delays_ms.get(pending.attempts).copied();
        let limit = self.settings.webhook_suspend_after;
        let Some(endpoint) = self.data.endpoints.get_mut(&pending.endpoint) else {
            return;
        };
        if delivered {
            endpoint.failures = 0;
        } else if let Some(delay) = delay {
            pending.attempts += 1;
            pending.deliver_at = Some(now + Duration::from_millis(delay));
            self.outbox.push_back(pending);
        } else {
            endpoint.failures += 1;
            endpoint.suspended = endpoint.failures >= limit;
        }
    }
}

/// `Robaws-Signature`: the time in Unix seconds, and the HMAC of time, dot and body.
fn sign_body(secret: &str, seconds: i64, body: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(format!("{seconds}.{body}").as_bytes());
    Some(format!("t={seconds},v1={}", hex::encode(mac.finalize().into_bytes())))
}

impl RobawsSim {
    /// Delivers webhooks for ever, on a task of its own. Without such a task they wait until a test has them delivered.
    pub async fn run_deliveries(self) {
        loop {
            self.deliver_webhooks().await;
            let clock = &self.0.clock;
            let due = self.next_delivery_at().unwrap_or_else(|| clock.instant() + IDLE);
            tokio::select! {
                () = self.0.delivery_waits.notified() => {}
                () = clock.wait_until(due) => {}
            }
        }
    }

    fn next_delivery_at(&self) -> Option<Instant> {
        let state = self.lock_state();
        state
            .tenants
            .values()
            .flat_map(|tenant| &tenant.outbox)
            .map(|pending| pending.deliver_at.unwrap_or_else(|| self.0.clock.instant()))
            .min()
    }

    /// How many deliveries wait, those that are tried again later included.
    pub fn waiting_deliveries(&self) -> usize {
        self.lock_state().tenants.values().map(|tenant| tenant.outbox.len()).sum()
    }

    /// Makes every delivery whose time has come, one after the other, and returns the attempts.
    pub async fn deliver_webhooks(&self) -> Vec<DeliveryRecord> {
        let due: Vec<(String, Vec<Pending>)> = {
            let mut state = self.lock_state();
            let now = self.0.clock.instant();
            state.tenants.iter_mut().map(|(name, tenant)| (name.clone(), tenant.take_waiting(now))).collect()
        };
        let mut records = Vec::new();
        for (tenant, pending) in due {
            for pending in pending {
                records.extend(self.deliver_webhook(&tenant, pending).await);
            }
        }
        records
    }

    async fn deliver_webhook(&self, tenant: &str, pending: Pending) -> Option<DeliveryRecord> {
        let (url, secret, timeout) = {
            let mut state = self.lock_state();
            let tenant = state.tenant_or_new(tenant);
            let endpoint =
                tenant.data.endpoints.get(&pending.endpoint).filter(|endpoint| !endpoint.suspended)?;
            (endpoint.url.clone(), endpoint.secret.clone(), tenant.settings.webhook_timeout_ms)
        };
        let signature = sign_body(&secret, self.now().as_second(), &pending.body)?;
        let request = self
            .http_client()?
            .post(url)
            .timeout(Duration::from_millis(timeout))
            .header("content-type", "application/json")
            .header("robaws-signature", signature)
            .body(pending.body.clone());
        let status = request.send().await.ok().map(|response| response.status());
        let record = DeliveryRecord {
            tenant: tenant.to_owned(),
            endpoint_id: pending.endpoint.clone(),
            event_id: pending.event_id.clone(),
            event: pending.event.clone(),
            status: status.map(|status| status.as_u16()),
        };
        let delivered = status.is_some_and(|status| status.is_success());
        let now = self.0.clock.instant();
        self.lock_state().tenant_or_new(tenant).record_delivery(pending, delivered, now);
        Some(record)
    }

    fn http_client(&self) -> Option<&reqwest::Client> {
        if let Some(client) = self.0.http.get() {
            return Some(client);
        }
        // An error says that one was chosen before.
        let _chosen = rustls::crypto::ring::default_provider().install_default();
        #[expect(clippy::disallowed_methods, reason = "the simulator stands for Robaws, not for the product")]
        let builder = reqwest::Client::builder();
        let client = builder.redirect(reqwest::redirect::Policy::none()).no_proxy().build().ok()?;
        Some(self.0.http.get_or_init(|| client))
    }
}

#[cfg(test)]
mod tests {
    use super::sign_body;

    #[test]
    fn a_signature_covers_time_and_body() {
        // Computed with: printf '%s' '1700000000.{"id":"1"}' | openssl dgst -sha256 -hmac 's-e-c-r-e-t'
        let expected = "t=1700000000,v1=58bfc5957042bcc4e32f107d0e0e2943204d9ee0f18754b732df883c9d9925f5";
        assert_eq!(sign_body("s-e-c-r-e-t", 1_700_000_000, r#"{"id":"1"}"#).as_deref(), Some(expected));
    }
}
