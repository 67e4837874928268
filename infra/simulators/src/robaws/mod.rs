//! Robaws, simulated: any number of tenants behind one base URL, each with its API users.

mod access;
mod articles;
mod control;
mod delivery;
mod deviations;
mod directory;
mod fields;
mod idempotency;
mod invoices;
mod limits;
mod lists;
mod model;
mod settings;
mod state;
mod stock_changes;
mod tasks;
mod tenant;
mod webhooks;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::Router;
use http::{Method, StatusCode};
use tokio::sync::Notify;

pub use access::Module;
pub use delivery::DeliveryRecord;
pub use deviations::DEVIATIONS;
pub use model::{
    Article, Invoice, InvoiceKind, InvoiceLine, LineKind, StockChange, StockLine, Task, VatTariff,
    WebhookEndpoint,
};
pub use settings::Settings;
pub use tenant::RobawsTenant;

use access::Refusal;
use fields::{Answer, Scene};
use idempotency::Verdict;
use limits::Quota;
use state::{Data, State};

use crate::clock::Clock;
use crate::page::StaticPage;
use crate::traffic::{Call, Fault, Outage, Peer, Reply, Request, Traffic, Violation, ViolationKind};

/// The path below which the API lives.
pub(crate) const BASE: &str = "/api/v2";
static PAGE: StaticPage =
    StaticPage::new(concat!(include_str!("../page/shared.html"), include_str!("page.html")));

/// The simulated Robaws. Clones share one state.
#[derive(Clone)]
pub struct RobawsSim(Arc<Core>);

struct Core {
    clock: Clock,
    state: Mutex<State>,
    /// The state that a reset goes back to.
    baseline: Mutex<Option<Baseline>>,
    traffic: Traffic,
    /// The URL of the other simulator's page.
    other_page: Mutex<Option<String>>,
    /// Notified when a webhook waits to be delivered.
    delivery_waits: Notify,
    /// The client for deliveries, made for the first of them.
    http: OnceLock<reqwest::Client>,
}

struct Baseline {
    users: std::collections::BTreeMap<String, access::ApiUser>,
    tenants: Vec<(String, Settings, Data)>,
}

impl std::fmt::Debug for RobawsSim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RobawsSim").finish_non_exhaustive()
    }
}

impl RobawsSim {
    /// A Robaws without tenants.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Core {
            traffic: Traffic::new(clock.clone()),
            clock,
            state: Mutex::default(),
            baseline: Mutex::new(None),
            other_page: Mutex::default(),
            delivery_waits: Notify::new(),
            http: OnceLock::new(),
        }))
    }

    /// The API below `/api/v2`, the control API below `/_control`, and a page for people at `/`. Serve it with
    /// the functions of [`serve`](mod@crate::serve): only they can drop a connection.
    pub fn build_router(&self) -> Router {
        crate::traffic::build_router(self.clone())
    }

    /// The tenant with this name; it exists from the first time it is named.
    pub fn tenant_named(&self, name: &str) -> RobawsTenant {
        self.lock_state().tenant_or_new(name);
        RobawsTenant::new(self.clone(), name)
    }

    pub fn tenants(&self) -> Vec<String> {
        self.lock_state().tenants.keys().cloned().collect()
    }

    /// Every call since the start or the last clearing, in order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.0.traffic.calls()
    }

    /// How many calls there were with this method and a path that starts like this, answered or not.
    pub fn count_calls(&self, method: &str, path: &str) -> usize {
        self.calls().iter().filter(|call| call.method == method && call.path.starts_with(path)).count()
    }

    /// The mistakes of the client since the start or the last clearing.
    pub fn violations(&self) -> Vec<Violation> {
        self.0.traffic.violations()
    }

    /// Forgets calls; violations stay.
    pub fn clear_calls(&self) {
        self.0.traffic.clear_calls();
    }

    /// Waits until no call is being handled.
    pub async fn wait_until_idle(&self) {
        self.0.traffic.wait_until_idle().await;
    }

    /// Sets a fault; the first that matches a call strikes it.
    pub fn add_fault(&self, fault: Fault) {
        self.0.traffic.add_fault(fault);
    }

    /// The faults that are set, with how many calls each has seen.
    pub fn faults(&self) -> Vec<Fault> {
        self.0.traffic.faults()
    }

    /// Removes every fault and ends an outage.
    pub fn clear_faults(&self) {
        self.0.traffic.clear_faults();
    }

    /// Begins or ends an outage of the whole peer.
    pub fn set_outage(&self, outage: Option<Outage>) {
        self.0.traffic.set_outage(outage);
    }

    /// Keeps users, settings and data as they are now. A reset goes back to them.
    pub fn keep_baseline(&self) {
        let state = self.lock_state();
        let tenants = state.tenants.iter();
        let tenants =
            tenants.map(|(name, tenant)| (name.clone(), tenant.settings.clone(), tenant.data.clone()));
        let baseline = Baseline { users: state.users.clone(), tenants: tenants.collect() };
        *self.0.baseline.lock().unwrap_or_else(PoisonError::into_inner) = Some(baseline);
    }

    /// Goes back to the baseline, or to nothing, and forgets faults, calls and idempotency keys.
    pub fn reset_to_baseline(&self) {
        let mut fresh = State::default();
        if let Some(baseline) = &*self.0.baseline.lock().unwrap_or_else(PoisonError::into_inner) {
            fresh.users.clone_from(&baseline.users);
            for (name, settings, data) in &baseline.tenants {
                let tenant = fresh.tenant_or_new(name);
                tenant.data = data.clone();
                tenant.apply_settings(settings.clone());
            }
        }
        *self.lock_state() = fresh;
        self.clear_calls();
        self.0.traffic.clear_violations();
        self.clear_faults();
    }

    /// Lets the page of this simulator link to the page of the simulated ProductFlow.
    pub fn set_other_page(&self, url: &str) {
        *self.0.other_page.lock().unwrap_or_else(PoisonError::into_inner) = Some(url.to_owned());
    }

    fn other_page(&self) -> Option<String> {
        self.0.other_page.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> jiff::Timestamp {
        self.0.clock.now()
    }

    fn note_violation(&self, kind: ViolationKind, tenant: &str, request: &Request, detail: &str) {
        let detail = format!("{} {}: {detail}", request.method, request.path);
        self.0.traffic.add_violation(kind, Some(tenant), detail);
    }
}

/// A call that passed authentication, quota and the check of its idempotency key.
pub(crate) struct Admission {
    tenant: String,
    /// The API key.
    user: String,
    module: Module,
    quota: Quota,
    replica: bool,
    /// The idempotency key under which the call runs.
    key: Option<String>,
    replay: Option<Reply>,
}

impl Peer for RobawsSim {
    type Admission = Admission;

    const BASE: &'static str = BASE;

    fn traffic(&self) -> &Traffic {
        &self.0.traffic
    }

    fn tenant_of(&self, request: &Request) -> Option<String> {
        let (key, _) = access::basic_credentials(request)?;
        self.lock_state().users.get(&key).map(|user| user.tenant.clone())
    }

    fn admit_call(&self, request: &Request) -> Result<Admission, Box<Reply>> {
        let now = self.now();
        let mut state = self.lock_state();
        let known = access::basic_credentials(request).and_then(|(key, secret)| {
            let user = state.users.get(&key).filter(|user| user.secret == secret)?;
            Some((key, user.clone()))
        });
        let Some((key, user)) = known else {
            return Err(Box::new(Refusal::new(StatusCode::UNAUTHORIZED, "").to_reply(now, &request.path)));
        };
        let replica =
            request.header("database-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("replica"));
        let tenant = state.tenant_or_new(&user.tenant);
        let settings = tenant.settings.clone();
        let quota = tenant.limits.take_request(&settings, &*self.0.clock, replica);
        let refuse = |refusal: &Refusal| {
            if let Some(kind) = refusal.violation {
                self.note_violation(kind, &user.tenant, request, &refusal.message);
            }
            let mut reply = refusal.to_reply(now, &request.path);
            quota.write_headers(&mut reply, &settings);
            Box::new(reply)
        };
        if !quota.granted {
            let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, quota.refusal_reason());
            return Err(refuse(&refusal.with_violation(ViolationKind::RateLimit)));
        }
        let module = request.segments().first().and_then(|segment| Module::from_segment(segment));
        let Some(module) = module else {
            return Err(refuse(&Refusal::not_found()));
        };
        if !user.modules.contains(&module) {
            return Err(refuse(&Refusal::new(StatusCode::FORBIDDEN, "")));
        }
        if replica && request.method != Method::GET {
            let refusal = Refusal::bad_request("the replica can only be read");
            return Err(refuse(&refusal.with_violation(ViolationKind::ReplicaWrite)));
        }
        let mut admission = Admission {
            tenant: user.tenant.clone(),
            user: key,
            module,
            quota,
            replica,
            key: None,
            replay: None,
        };
        let honoured = [Method::POST, Method::PUT, Method::PATCH].contains(&request.method);
        if let Some(key) = request.header("idempotency-key").filter(|_| honoured) {
            match tenant.begin_keyed_call(&admission.user, key, request, now) {
                Ok(Verdict::Fresh) => admission.key = Some(key.to_owned()),
                Ok(Verdict::Replay { reply, differs }) => {
                    if differs {
                        let detail = format!("key {key} was used for another request");
                        self.note_violation(
                            ViolationKind::IdempotencyKeyReused,
                            &user.tenant,
                            request,
                            &detail,
                        );
                    }
                    admission.replay = Some(*reply);
                }
                Err(refusal) => return Err(refuse(&refusal)),
            }
        }
        Ok(admission)
    }

    fn handle_call(&self, request: &Request, admission: &Admission) -> (Reply, bool) {
        let now = self.now();
        let mut state = self.lock_state();
        let tenant = state.tenant_or_new(&admission.tenant);
        let settings = tenant.settings.clone();
        let replayed = admission.replay.is_some();
        let mut reply = if let Some(reply) = &admission.replay {
            reply.clone()
        } else {
            let mut copy = admission.replica.then(|| tenant.replica_data(now));
            let data = copy.as_mut().unwrap_or(&mut tenant.data);
            let mut scene = Scene { now, settings: &settings, data, notes: Vec::new(), events: Vec::new() };
            let understood = deviations::apply_to_request(&settings, request);
            let answer = route_call(&mut scene, &understood, admission.module);
            let (notes, events) = (scene.notes, scene.events);
            for (kind, detail) in notes {
                self.note_violation(kind, &admission.tenant, request, &detail);
            }
            match answer {
                Ok(reply) => {
                    if request.method != Method::GET {
                        tenant.keep_replica_copy(now);
                    }
                    for (event, article) in events {
                        tenant.queue_event(event, &article);
                    }
                    self.0.delivery_waits.notify_one();
                    reply
                }
                Err(refusal) => {
                    if let Some(kind) = refusal.violation {
                        self.note_violation(kind, &admission.tenant, request, &refusal.message);
                    }
                    refusal.to_reply(now, &request.path)
                }
            }
        };
        admission.quota.write_headers(&mut reply, &settings);
        let live_left = settings.daily_limit.saturating_sub(tenant.limits.used_today().0);
        deviations::apply_to_reply(&settings, now, live_left, request, &mut reply);
        (reply, replayed)
    }

    fn finish_call(&self, admission: Admission, request: &Request, reply: &Reply, remember: bool) {
        let Some(key) = admission.key else { return };
        let now = self.now();
        let mut state = self.lock_state();
        state.tenant_or_new(&admission.tenant).end_keyed_call(
            &admission.user,
            &key,
            request,
            reply,
            remember,
            now,
        );
    }

    fn answer_control_call(&self, request: &Request) -> Reply {
        control::answer_control_call(self, request)
    }

    fn serve_page(&self, request: &Request) -> Reply {
        PAGE.serve_page(request)
    }
}

fn route_call(scene: &mut Scene<'_>, request: &Request, module: Module) -> Answer {
    let segments = request.segments();
    let rest = segments.get(1..).unwrap_or_default();
    match module {
        Module::Articles => articles::answer_article_call(scene, request, rest),
        Module::StockChanges => stock_changes::answer_stock_change_call(scene, request, rest),
        Module::SalesInvoices => invoices::answer_invoice_call(scene, request, rest),
        Module::Tasks => tasks::answer_task_call(scene, request, rest),
        Module::WebhookEndpoints => webhooks::answer_webhook_call(scene, request, rest),
        Module::StockLocations
        | Module::VatTariffs
        | Module::Clients
        | Module::Users
        | Module::Companies
        | Module::PaymentConditions => directory::answer_directory_call(scene, request, module, rest),
    }
}

/// 405 where the path exists, 404 where it does not.
pub(crate) fn no_such_method(path_exists: bool) -> Refusal {
    if path_exists { Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "") } else { Refusal::not_found() }
}
