//! ProductFlow, simulated: any number of companies behind one base URL, reached with personal access tokens.

mod company;
mod control;
mod deviations;
mod form;
mod order_builder;
mod order_routes;
mod product_routes;
mod settings;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use http::{Method, StatusCode};
use serde_json::json;

pub use company::Company;
pub use deviations::DEVIATIONS;
pub use order_builder::OrderBuilder;
pub use settings::{Envelope, Settings, Sort, Unauthenticated};
pub use state::{Offer, Product};

use form::message_reply;
use order_routes::Target;
use product_routes::Notes;
use state::{State, StoredOrder};

use crate::clock::Clock;
use crate::page::StaticPage;
use crate::traffic::{Call, Fault, Outage, Peer, Reply, Request, Traffic, Violation, ViolationKind};

/// The path below which the API lives.
pub(crate) const BASE: &str = "/api/v1";
static PAGE: StaticPage =
    StaticPage::new(concat!(include_str!("../page/shared.html"), include_str!("page.html")));

/// The simulated ProductFlow. Clones share one state.
#[derive(Clone)]
pub struct ProductFlowSim(Arc<Core>);

struct Core {
    clock: Clock,
    state: Mutex<State>,
    /// The state that a reset goes back to.
    baseline: Mutex<Option<Baseline>>,
    traffic: Traffic,
    /// The URL of the other simulator's page.
    other_page: Mutex<Option<String>>,
}

struct Baseline {
    tokens: BTreeMap<String, BTreeSet<u64>>,
    companies: BTreeMap<u64, CompanyBaseline>,
}

/// The part of a company that belongs to a baseline.
#[derive(Clone)]
struct CompanyBaseline {
    settings: Settings,
    orders: Vec<StoredOrder>,
    products: BTreeMap<String, Product>,
}

impl std::fmt::Debug for ProductFlowSim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProductFlowSim").finish_non_exhaustive()
    }
}

impl ProductFlowSim {
    /// A ProductFlow without companies.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Core {
            traffic: Traffic::new(clock.clone()),
            clock,
            state: Mutex::default(),
            baseline: Mutex::new(None),
            other_page: Mutex::default(),
        }))
    }

    /// The API below `/api/v1`, the control API below `/_control`, and a page for people at `/`. Serve it with
    /// the functions of [`serve`](mod@crate::serve): only they can drop a connection.
    pub fn build_router(&self) -> Router {
        crate::traffic::build_router(self.clone())
    }

    /// The company with this number; it exists from the first time it is named.
    pub fn company_numbered(&self, id: u64) -> Company {
        self.lock_state().company_or_new(id);
        Company::new(self.clone(), id)
    }

    pub fn companies(&self) -> Vec<u64> {
        self.lock_state().companies.keys().copied().collect()
    }

    /// Removes a token from every company.
    pub fn revoke_token(&self, token: &str) {
        self.lock_state().tokens.remove(token);
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

    /// Keeps tokens, settings, orders and products as they are now. A reset goes back to them.
    pub fn keep_baseline(&self) {
        let state = self.lock_state();
        let companies = state.companies.iter().map(|(id, company)| {
            let kept = CompanyBaseline {
                settings: company.settings.clone(),
                orders: company.orders.clone(),
                products: company.products.clone(),
            };
            (*id, kept)
        });
        let baseline = Baseline { tokens: state.tokens.clone(), companies: companies.collect() };
        *self.0.baseline.lock().unwrap_or_else(PoisonError::into_inner) = Some(baseline);
    }

    /// Goes back to the baseline, or to nothing, and forgets faults and calls.
    pub fn reset_to_baseline(&self) {
        let now = self.now();
        let mut fresh = State::default();
        if let Some(baseline) = &*self.0.baseline.lock().unwrap_or_else(PoisonError::into_inner) {
            fresh.tokens.clone_from(&baseline.tokens);
            for (id, kept) in &baseline.companies {
                let company = fresh.company_or_new(*id);
                company.orders.clone_from(&kept.orders);
                company.products.clone_from(&kept.products);
                company.apply_settings(kept.settings.clone(), now);
            }
        }
        *self.lock_state() = fresh;
        self.clear_calls();
        self.0.traffic.clear_violations();
        self.clear_faults();
    }

    /// Lets the page of this simulator link to the page of the simulated Robaws.
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

    fn note_violation(&self, kind: ViolationKind, request: &Request, detail: &str) {
        let detail = format!("{} {}: {detail}", request.method, request.path);
        self.0.traffic.add_violation(kind, request.header("x-company-id"), detail);
    }
}

fn answer_bad_token(settings: &Settings, wants_json: bool) -> Reply {
    let page = "<html><body><h1>Log in</h1></body></html>";
    let redirect = || Reply::html(StatusCode::FOUND, page).with_header("Location", "/login");
    match settings.unauthenticated {
        Unauthenticated::Json if wants_json => message_reply(StatusCode::UNAUTHORIZED, "Unauthenticated."),
        Unauthenticated::Json | Unauthenticated::Redirect => redirect(),
        Unauthenticated::LoginPage => Reply::html(StatusCode::OK, page),
    }
}

/// A call that passed authentication and the rate limit.
pub(crate) struct Admission {
    company: u64,
    /// Requests per minute, and how many of them are left. `None` without a limit.
    quota: Option<(u32, u32)>,
}

fn write_quota_headers(reply: &mut Reply, limit: u32, remaining: u32) {
    reply.set_header("X-RateLimit-Limit", &limit.to_string());
    reply.set_header("X-RateLimit-Remaining", &remaining.to_string());
}

impl Peer for ProductFlowSim {
    type Admission = Admission;

    const BASE: &'static str = BASE;

    fn traffic(&self) -> &Traffic {
        &self.0.traffic
    }

    fn tenant_of(&self, request: &Request) -> Option<String> {
        request.header("x-company-id").map(str::to_owned)
    }

    fn admit_call(&self, request: &Request) -> Result<Admission, Box<Reply>> {
        let mut state = self.lock_state();
        let wanted = request.header("x-company-id").and_then(|id| id.parse::<u64>().ok());
        let settings = wanted.and_then(|id| state.companies.get(&id)).map(|company| company.settings.clone());
        let settings = settings.unwrap_or_default();
        let accept = request.header("accept").unwrap_or_default();
        let wants_json = accept.split(',').any(|part| part.trim().starts_with("application/json"));
        if !wants_json {
            self.note_violation(ViolationKind::MissingHeader, request, "Accept: application/json");
        }
        let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let Some(reached) = token.and_then(|token| state.tokens.get(token)) else {
            if settings.has_deviation("pf-bad-token") {
                return Err(Box::new(message_reply(StatusCode::BAD_REQUEST, "Invalid token.")));
            }
            return Err(Box::new(answer_bad_token(&settings, wants_json)));
        };
        if !wants_json {
            return Err(Box::new(message_reply(StatusCode::NOT_ACCEPTABLE, "Only JSON is served here.")));
        }
        let Some(id) = wanted.filter(|id| reached.contains(id)) else {
            let companies = reached.iter().filter_map(|id| state.companies.get(id));
            if companies.into_iter().any(|c| c.settings.has_deviation("pf-wrong-company")) {
                return Err(Box::new(Reply::json(StatusCode::OK, &json!({"data": []}))));
            }
            let status = StatusCode::from_u16(settings.wrong_company_status).unwrap_or(StatusCode::FORBIDDEN);
            return Err(Box::new(message_reply(status, "This action is unauthorized.")));
        };
        let mut admission = Admission { company: id, quota: None };
        if let Some(limit) = settings.rate_limit {
            match state.company_or_new(id).window.take_request(limit, self.0.clock.instant()) {
                Ok(remaining) => admission.quota = Some((limit, remaining)),
                Err(wait) => {
                    self.note_violation(ViolationKind::RateLimit, request, "too many requests");
                    let mut reply = message_reply(StatusCode::TOO_MANY_REQUESTS, "Too Many Attempts.");
                    write_quota_headers(&mut reply, limit, 0);
                    return Err(Box::new(reply.with_header("Retry-After", &wait.to_string())));
                }
            }
        }
        Ok(admission)
    }

    fn handle_call(&self, request: &Request, admission: &Admission) -> (Reply, bool) {
        let now = self.now();
        let mut notes = Notes::new();
        let mut reply = {
            let mut state = self.lock_state();
            let company = state.company_or_new(admission.company);
            let asked = request;
            let request = &deviations::apply_to_request(company, request);
            let routed = if let Some(target) = order_routes::find_target(&request.path) {
                order_routes::refuse_writes(&request.method).and_then(|()| match target {
                    Target::One(identifier) => Ok(order_routes::render_order(company, identifier)),
                    Target::List => order_routes::render_list_page(company, request, now),
                })
            } else {
                // Split after decoding: an encoded slash in a SKU makes another route of it.
                match request.segments().as_slice() {
                    ["marketplace"] if request.method == Method::GET => {
                        Ok(Reply::json(StatusCode::OK, &json!({"data": [{"id": 12, "name": "bol.com"}]})))
                    }
                    ["product", rest @ ..] => {
                        product_routes::answer_product_call(company, request, rest, &mut notes)
                    }
                    _ => Err(Box::new(message_reply(StatusCode::NOT_FOUND, ""))),
                }
            };
            let mut reply = routed.unwrap_or_else(|refusal| *refusal);
            deviations::apply_to_reply(company, asked, &mut reply);
            reply
        };
        if reply.status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            notes.push((ViolationKind::MediaType, request.media_type()));
        }
        for (kind, detail) in notes {
            self.note_violation(kind, request, &detail);
        }
        if let Some((limit, remaining)) = admission.quota {
            write_quota_headers(&mut reply, limit, remaining);
        }
        (reply, false)
    }

    fn finish_call(&self, _: Admission, _: &Request, _: &Reply, _: bool) {}

    fn answer_control_call(&self, request: &Request) -> Reply {
        control::answer_control_call(self, request)
    }

    fn serve_page(&self, request: &Request) -> Reply {
        PAGE.serve_page(request)
    }
}
