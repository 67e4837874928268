//! The way of a call through a simulated peer: outage, faults, admission, effect, answer, log.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;
use tokio::sync::Notify;

use super::{Answer, Call, Effect, Fault, Outage, Outcome, Reply, Request, Violation, ViolationKind};
use crate::clock::Clock;

/// No request of the contracts comes near this.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// What a simulated peer does with a call, once the faults have let it through.
pub(crate) trait Peer: Clone + Send + Sync + 'static {
    /// What is known of a call from its admission to its end.
    type Admission: Send;

    /// The path below which the API lives.
    const BASE: &'static str;

    /// The log, the faults and the outage switch.
    fn traffic(&self) -> &Traffic;

    /// The tenant or company that the credentials name, whether or not they are valid.
    fn tenant_of(&self, request: &Request) -> Option<String>;

    /// Checks authentication, quota and idempotency key: whether the call is handled at all.
    fn admit_call(&self, request: &Request) -> Result<Self::Admission, Box<Reply>>;

    /// Has the effect of the call and returns the answer, and whether the answer is a replay.
    fn handle_call(&self, request: &Request, admission: &Self::Admission) -> (Reply, bool);

    /// Ends the call. With `remember` its idempotency key stands for this answer from then on.
    fn finish_call(&self, admission: Self::Admission, request: &Request, reply: &Reply, remember: bool);

    /// A call of the control API; the path is the one below `/_control`.
    fn answer_control_call(&self, request: &Request) -> Reply;

    /// Answers a request of neither API: the page at `/`.
    fn serve_page(&self, request: &Request) -> Reply;
}

/// What a peer keeps about its traffic.
pub(crate) struct Traffic {
    clock: Clock,
    inner: Mutex<Inner>,
    /// Rings when a call ends.
    ended: Notify,
}

#[derive(Default)]
struct Inner {
    calls: Vec<Call>,
    /// How many calls were cleared away, so that a running call still finds its record.
    cleared: usize,
    violations: Vec<Violation>,
    faults: Vec<Fault>,
    outage: Option<Outage>,
}

impl Traffic {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, inner: Mutex::default(), ended: Notify::new() }
    }

    fn lock_inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.lock_inner().calls.clone()
    }

    pub(crate) fn clear_calls(&self) {
        let mut inner = self.lock_inner();
        inner.cleared += inner.calls.len();
        inner.calls.clear();
    }

    pub(crate) fn clear_violations(&self) {
        self.lock_inner().violations.clear();
    }

    pub(crate) fn violations(&self) -> Vec<Violation> {
        self.lock_inner().violations.clone()
    }

    pub(crate) fn add_violation(&self, kind: ViolationKind, tenant: Option<&str>, detail: String) {
        let violation = Violation { at: self.clock.now(), kind, tenant: tenant.map(str::to_owned), detail };
        self.lock_inner().violations.push(violation);
    }

    pub(crate) fn add_fault(&self, fault: Fault) {
        self.lock_inner().faults.push(fault);
    }

    pub(crate) fn faults(&self) -> Vec<Fault> {
        self.lock_inner().faults.clone()
    }

    pub(crate) fn clear_faults(&self) {
        let mut inner = self.lock_inner();
        inner.faults.clear();
        inner.outage = None;
    }

    pub(crate) fn outage(&self) -> Option<Outage> {
        self.lock_inner().outage
    }

    pub(crate) fn set_outage(&self, outage: Option<Outage>) {
        self.lock_inner().outage = outage;
    }

    /// Records the call and finds the fault that strikes it.
    fn record_arrival(&self, request: &Request, tenant: Option<String>) -> (usize, Option<Fault>) {
        let mut inner = self.lock_inner();
        let outage = inner.outage.map(|outage| {
            Fault::for_call("*", "**").with_effect(match outage {
                Outage::Drop => Effect::Drop,
                Outage::Unavailable => Effect::Answer(Answer::with_html(503)),
            })
        });
        let fault = outage.or_else(|| {
            // Every matching fault counts the call, so that "the third one" means the third call.
            let mut struck = inner.faults.iter_mut().filter_map(|fault| {
                let strikes = fault.strikes_call(request, tenant.as_deref());
                strikes.then(|| fault.clone())
            });
            let first = struck.next();
            struck.for_each(drop);
            first
        });
        inner.calls.push(Call {
            at: self.clock.now(),
            method: request.method.to_string(),
            path: request.path.clone(),
            query: request.raw_query.clone(),
            tenant,
            idempotency_key: request.header("idempotency-key").map(str::to_owned),
            replica: request.header("database-mode") == Some("replica"),
            body: request.body_text(),
            fault: fault.is_some(),
            replayed: false,
            outcome: Outcome::Running,
        });
        (inner.cleared + inner.calls.len() - 1, fault)
    }

    /// What the fault does to the call before the call is handled.
    async fn hold_before(&self, fault: &Fault) {
        self.wait_millis(fault.delay_before_ms).await;
        if let Some(gate) = &fault.held_before {
            gate.pass().await;
        }
    }

    /// What the fault does to the call after the call was handled.
    async fn hold_after(&self, fault: &Fault) {
        if let Some(hook) = &fault.hook {
            hook.run();
        }
        if let Some(gate) = &fault.held_after {
            gate.pass().await;
        }
        self.wait_millis(fault.delay_after_ms).await;
    }

    async fn wait_millis(&self, millis: u64) {
        if millis > 0 {
            self.clock.sleep(Duration::from_millis(millis)).await;
        }
    }

    /// Waits until no call is being handled.
    pub(crate) async fn wait_until_idle(&self) {
        loop {
            let ended = self.ended.notified();
            let is_running = |call: &Call| call.outcome == Outcome::Running;
            if !self.lock_inner().calls.iter().any(is_running) {
                return;
            }
            ended.await;
        }
    }

    fn end_call(&self, number: usize, reply: &Reply, replayed: bool) {
        self.record_end(number, reply, replayed);
        self.ended.notify_waiters();
    }

    fn record_end(&self, number: usize, reply: &Reply, replayed: bool) {
        let mut inner = self.lock_inner();
        let Some(index) = number.checked_sub(inner.cleared) else {
            return;
        };
        if let Some(call) = inner.calls.get_mut(index) {
            call.replayed = replayed;
            call.outcome =
                if reply.dropped { Outcome::Dropped } else { Outcome::Answered(reply.status.as_u16()) };
        }
    }
}

/// The router of a peer: its API, its control API under `/_control`, and its page at `/`.
pub(crate) fn build_router<P: Peer>(peer: P) -> Router {
    Router::new().fallback(move |request: axum::extract::Request| {
        let peer = peer.clone();
        async move {
            // On a task of its own: a peer goes on with a call whose caller has hung up.
            match tokio::spawn(answer_request(peer, request)).await {
                Ok(response) => response,
                Err(_) => Reply::no_answer().into_response(),
            }
        }
    })
}

async fn answer_request<P: Peer>(peer: P, request: axum::extract::Request) -> Response {
    let (parts, body): (_, Body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return Reply::without_body(StatusCode::PAYLOAD_TOO_LARGE).into_response();
    };
    let of = |base| Request::new(parts.method.clone(), &parts.uri, base, parts.headers.clone(), body.clone());
    if let Some(request) = of("/_control") {
        return peer.answer_control_call(&request).into_response();
    }
    if let Some(request) = of(P::BASE) {
        return answer_call(&peer, &request).await.into_response();
    }
    match of("") {
        Some(request) => peer.serve_page(&request).into_response(),
        None => Reply::html(StatusCode::NOT_FOUND, "<html><body>Not Found</body></html>").into_response(),
    }
}

async fn answer_call<P: Peer>(peer: &P, request: &Request) -> Reply {
    let traffic = peer.traffic();
    let (number, fault) = traffic.record_arrival(request, peer.tenant_of(request));
    let (reply, replayed) = answer_under_fault(peer, request, fault.as_ref()).await;
    traffic.end_call(number, &reply, replayed);
    reply
}

async fn answer_under_fault<P: Peer>(peer: &P, request: &Request, fault: Option<&Fault>) -> (Reply, bool) {
    let traffic = peer.traffic();
    if let Some(fault) = fault
        && let Some(reply) = fault.effect.without_handling()
    {
        traffic.hold_before(fault).await;
        traffic.hold_after(fault).await;
        return (reply, false);
    }
    let admission = match peer.admit_call(request) {
        Ok(admission) => admission,
        Err(refusal) => return (*refusal, false),
    };
    let Some(fault) = fault else {
        let (reply, replayed) = peer.handle_call(request, &admission);
        peer.finish_call(admission, request, &reply, true);
        return (reply, replayed);
    };
    traffic.hold_before(fault).await;
    let (reply, replayed) = peer.handle_call(request, &admission);
    traffic.hold_after(fault).await;
    let failed_inside = matches!(&fault.effect, Effect::AnswerAfter(answer) if answer.status == 500);
    peer.finish_call(admission, request, &reply, !failed_inside);
    (apply_effect(&fault.effect, reply), replayed)
}

fn apply_effect(effect: &Effect, mut reply: Reply) -> Reply {
    match effect {
        Effect::None | Effect::Answer(_) | Effect::Drop => reply,
        Effect::AnswerAfter(answer) => answer.to_reply(),
        Effect::DropAfter => Reply::no_answer(),
        Effect::TruncateAfter => {
            reply.body.truncate(reply.body.len() / 2);
            reply
        }
        Effect::PatchAfter(patch) => {
            let mut body = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
            merge_patch(&mut body, patch);
            reply.body = body.to_string().into();
            reply
        }
    }
}

/// Applies a JSON merge patch (RFC 7386).
pub(crate) fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    if let Value::Object(target) = target {
        for (name, value) in patch {
            if value.is_null() {
                target.remove(name);
            } else {
                merge_patch(target.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
    }
}
