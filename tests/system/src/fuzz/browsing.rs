//! A merchant's shop behind the HTTP API, and requests to it by anybody: the operator, the merchant, a visitor, a stranger.

use super::answered;
use local::stack::OPERATOR_TOKEN;
use local::{Stack, api_gateway, runner};
use runtime::clock::{Clock as _, ManualClock};
use serde_json::{Map, Value, json};
use simulators::{OrderBuilder, demo};
use std::sync::Arc;
use web::pages::session::{Session, SessionKeys};

/// The moment at which everything happens.
const NOW: &str = "2026-11-23T08:00:00Z";
/// In a path it stands for a sign-in link that was not used yet.
const LINK: &str = "LINK";
/// Somebody who has not signed in.
const VISIT: &str = "0123456789012345678901";

/// An activated connection `shop` with an article on sale, and with an order that is booked and one whose article is not known.
pub struct Shop {
    stack: Stack,
    cookie: String,
    token: String,
    visit: String,
    link: String,
    requests: u32,
}

/// What came of a request.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// Status of the answer.
    pub status: u16,
    /// Whether it may have changed something.
    pub changes: bool,
}

impl Shop {
    /// Opens it.
    pub async fn open() -> Self {
        let clock = ManualClock::starting_at(NOW.parse().unwrap());
        let stack = Stack::start_empty(Arc::new(clock.clone())).await.unwrap();
        demo::seed_demo_shop(&stack.robaws, &stack.productflow);
        // Nobody waits for the limits here.
        stack.robaws.tenant_named(demo::TENANT).change_settings(|settings| {
            settings.rate_per_second = 10_000;
            settings.burst = 10_000;
        });
        let id = runner::create_demo_connection(&stack).await.unwrap();
        let company = stack.productflow.company_numbered(demo::COMPANY);
        for (identifier, sku) in [("PF-1", "A-1"), ("PF/2", "gone")] {
            let order = OrderBuilder::new(identifier).with_placed_at(&clock.now().to_string());
            company.place_order(order.with_line(sku, 2, 5998, Some("7")));
        }
        stack.run_poll().await.unwrap();
        stack.run_until_quiet().await.unwrap();
        let path = format!("/api/connections/{id}/sign-in-link");
        let (_, link) = stack.call_api("POST", &path, &Value::Null).await.unwrap();
        let link = link["url"].as_str().and_then(|url| url.rsplit('/').next()).unwrap();
        let keys = SessionKeys::from_operator_token(&stack.web_deps().operator_token).await.unwrap();
        let item = stack.store.load_connection(&id).await.unwrap().unwrap();
        let session = Session::new(id, item.connection.created_at, clock.now());
        let cookie = session.cookie_header(&keys, clock.now());
        Self {
            cookie: cookie.split(';').next().unwrap().to_owned(),
            token: keys.form_token(&session.id),
            visit: keys.form_token(&format!("visit:{VISIT}")),
            link: link.to_owned(),
            requests: 0,
            stack,
        }
    }

    /// A request as text: method and path; who asks (`operator`, `merchant`, `visitor`, or cookies); the body. `None`: that is no
    /// request.
    pub async fn asked(&mut self, text: &str) -> Option<Outcome> {
        let mut lines = text.splitn(3, '\n');
        let (first, who) = (lines.next()?, lines.next()?);
        let body = lines.next().unwrap_or_default();
        let (method, path) = first.split_once(' ')?;
        // Nothing else is passed on by API Gateway.
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let path = path.replace(LINK, &self.link);
        let mut headers = Map::new();
        let (cookie, body) = match who {
            "operator" => {
                headers.insert("authorization".into(), format!("Bearer {OPERATOR_TOKEN}").into());
                (None, body.to_owned())
            }
            "merchant" => (Some(self.cookie.clone()), format!("token={}&{body}", self.token)),
            "visitor" => (Some(format!("__Host-visit={VISIT}")), format!("token={}&{body}", self.visit)),
            cookie => (Some(cookie.to_owned()), body.to_owned()),
        };
        // A path that no URL can hold never reaches us.
        let mut event =
            api_gateway::build_event(method, &path, query, &headers, "shop.example", &body.into()).ok()?;
        if let Some(cookie) = cookie {
            event["cookies"] = json!([cookie]);
        }
        // Tries are counted per address.
        event["requestContext"]["http"]["sourceIp"] = format!("2001:db8::{:x}", self.requests).into();
        self.requests += 1;
        let status = answered(&self.stack, event).await;
        // The operator's API and the merchant's pages are theirs alone.
        for (inside, whose) in [("/api/", "operator"), ("/c/", "merchant")] {
            let is_let_in = path.starts_with(inside) && status < 400;
            assert!(who == whose || !is_let_in, "{who:?} is let in: {status}");
        }
        Some(Outcome { status, changes: method != "GET" && status < 400 })
    }
}
