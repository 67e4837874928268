//! An upgrade in the middle of everything: what an older build left in the table and on the queues is read, and what it had begun
//! is ended, once.
//!
//! A file of `fixtures/v1` holds what a build of that name left: items of every kind as DynamoDB JSON, messages, the orders in
//! ProductFlow, and the calls that the peers carried out for it. [`written`] makes one, and never overwrites one.

mod item;
mod newer;
mod written;

pub(crate) use item::{Item, Items, text};

use domain::ids::ConnectionId;
use jiff::{SignedDuration, Timestamp};
use local::Stack;
use local::aws::TABLE;
use runtime::clock::ManualClock;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::robaws::Article;
use simulators::{RobawsTenant, demo};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::secrets::{Credentials, ProductflowLogin, RobawsLogin, WebhookSecret};
use world::browser::Browser;

/// The article that no order can be booked for until it is there.
const MISSING: &str = "NEW-1";
/// Each order is for two pieces of this one.
const ARTICLE: &str = "12";
/// The second company, of the connection that was deleted.
const OTHER: (u64, &str) = (43, "other-token");

/// The newest build of which there is a fixture.
const NEWEST: &str = "77f9035";

/// Both peers as every fixture finds them, and no connection yet.
async fn furnished(at: Timestamp) -> (Stack, ManualClock) {
    let clock = ManualClock::at(at);
    let stack = Stack::start(Arc::new(clock.clone())).await.unwrap();
    demo::seed(&stack.robaws, &stack.productflow);
    let robaws = stack.robaws.tenant(demo::TENANT);
    robaws.set(|settings| {
        settings.rate_per_second = 10_000;
        settings.burst = 10_000;
    });
    robaws.set_stock(ARTICLE, demo::STOCK_LOCATION, 1_000);
    robaws.put_article(Article::new("90", "BAD/NUMBER").ticked(true));
    stack.productflow.company(OTHER.0).add_token(OTHER.1);
    (stack, clock)
}

/// A build's leftovers, taken up by this one.
pub(crate) struct Upgraded {
    pub(crate) stack: Stack,
    clock: ManualClock,
    connection: ConnectionId,
    robaws: RobawsTenant,
    items: Items,
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/v1")
}

/// Every fixture, by the name of its build.
pub(crate) fn fixtures() -> Vec<(String, Value)> {
    let mut found: Vec<(String, Value)> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect();
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    assert!(!found.is_empty());
    found
}

/// What the newest of those builds left.
pub(crate) fn newest() -> Value {
    let found = fixtures().into_iter().find(|(build, _)| build == NEWEST);
    found.unwrap().1
}

impl Upgraded {
    pub(crate) async fn from(fixture: &Value) -> Self {
        let moment = |value: &Value| -> Timestamp { value.as_str().unwrap().parse().unwrap() };
        let mut calls: Vec<&Value> = fixture["calls"].as_array().unwrap().iter().collect();
        calls.sort_by_key(|call| moment(&call["at"]));
        let (stack, clock) = furnished(moment(&calls[0]["at"])).await;
        for order in fixture["orders"].as_array().unwrap() {
            clock.set(moment(&order["updated_at"]));
            stack.productflow.company(demo::COMPANY).place(order.clone());
        }
        let robaws = stack.robaws.tenant(demo::TENANT);
        for call in calls {
            // Of the webhooks there is one left, and Robaws gives each an id that nobody foresees.
            let is_hook = call["path"].as_str().unwrap().starts_with("/webhook-endpoints");
            if is_hook && !robaws.webhook_endpoints().is_empty() {
                continue;
            }
            clock.set(moment(&call["at"]));
            repeat(&stack, call).await;
        }
        clock.set(moment(&fixture["at"]));
        stack.robaws.clear_calls();
        stack.productflow.clear_calls();
        let upgraded = Self {
            connection: ConnectionId::parse("shop").unwrap(),
            robaws,
            items: Items::of(&fixture["items"]),
            stack,
            clock,
        };
        let table = upgraded.stack.store.table_id().await.unwrap();
        let hook = upgraded.robaws.webhook_endpoints().remove(0);
        for item in upgraded.items.in_table(&table, &hook.id) {
            upgraded.put(item).await;
        }
        let credentials = Credentials {
            robaws: Some(RobawsLogin {
                key: demo::ROBAWS_KEY.into(),
                secret: demo::ROBAWS_SECRET.into(),
            }),
            productflow: Some(ProductflowLogin {
                access_token: demo::TOKEN.into(),
            }),
            webhook: Some(WebhookSecret {
                endpoint_id: hook.id,
                secret: hook.secret.into(),
            }),
            past: None,
        };
        let secrets = &upgraded.stack.secrets;
        secrets.put(&upgraded.connection, &credentials).await.unwrap();
        for (queue, bodies) in fixture["messages"].as_object().unwrap() {
            for body in bodies.as_array().unwrap() {
                upgraded.send(queue, body).await;
            }
        }
        upgraded
    }

    /// Puts an item, if DynamoDB takes it.
    pub(crate) async fn try_put(&self, item: Item) -> bool {
        let put = self.stack.aws.dynamodb.put_item().table_name(TABLE);
        put.set_item(Some(item)).send().await.is_ok()
    }

    async fn put(&self, item: Item) {
        assert!(self.try_put(item).await);
    }

    /// Everything that the table holds.
    pub(crate) async fn stored_items(&self) -> Vec<Item> {
        table(&self.stack).await
    }

    async fn send(&self, queue: &str, body: &Value) {
        let id = uuid::Uuid::new_v4().to_string();
        self.stack
            .aws
            .sqs
            .send_message()
            .queue_url(format!("http://localhost/000000000000/{queue}"))
            .message_body(body.to_string())
            .message_group_id(body["connection"].as_str().unwrap())
            .message_deduplication_id(id)
            .send()
            .await
            .unwrap();
    }

    async fn round(&self) {
        self.clock.advance(SignedDuration::from_mins(5));
        self.stack.round().await.unwrap();
    }

    async fn rounds(&self, minutes: i64) {
        for _ in 0..minutes / 5 {
            self.round().await;
        }
    }

    async fn state(&self, identifier: &str) -> &'static str {
        let record = self.stack.order(&self.connection, identifier).await.unwrap();
        record.state.as_str()
    }

    async fn states(&self) -> BTreeMap<String, &'static str> {
        let mut states = BTreeMap::new();
        for identifier in self.items.orders() {
            let state = self.state(&identifier).await;
            states.insert(identifier, state);
        }
        states
    }

    /// What Robaws holds of an order: pieces out, and the documents' totals in cents, those of credit notes below 0.
    fn held(&self, identifier: &str) -> (Decimal, Vec<Decimal>) {
        let reference = format!("({identifier})");
        let changes = self.robaws.stock_changes_of(&reference);
        let lines = changes.iter().flat_map(|change| {
            let sign = if change.from_stock_location_id.is_some() {
                1
            } else {
                -1
            };
            change
                .line_items
                .iter()
                .map(move |line| line.quantity * Decimal::from(sign))
        });
        let invoices = self.robaws.invoices_of(&reference);
        (
            lines.sum(),
            invoices.iter().map(|invoice| invoice.total_incl_vat).collect(),
        )
    }
}

/// Everything that the table of a stack holds.
async fn table(stack: &Stack) -> Vec<Item> {
    let mut items = Vec::new();
    let mut start = None;
    loop {
        let page = stack
            .aws
            .dynamodb
            .scan()
            .table_name(TABLE)
            .set_exclusive_start_key(start);
        let page = page.send().await.unwrap();
        items.extend(page.items.unwrap_or_default());
        start = page.last_evaluated_key;
        if start.is_none() {
            return items;
        }
    }
}

/// Makes a call that a peer carried out for the older build once more, at a peer that never saw it.
async fn repeat(stack: &Stack, call: &Value) {
    let text = |name: &str| call[name].as_str().unwrap();
    let is_robaws = text("peer") == "robaws";
    let url = if is_robaws {
        &stack.robaws_url
    } else {
        &stack.productflow_url
    };
    let http = runtime::http::client(&[url]).unwrap();
    let query = match text("query") {
        "" => String::new(),
        query => format!("?{query}"),
    };
    let path: String = text("path")
        .split('/')
        .map(|part| {
            url::form_urlencoded::byte_serialize(part.as_bytes())
                .collect::<String>()
                .replace('+', "%20")
        })
        .collect::<Vec<_>>()
        .join("/");
    let mut request = http
        .request(text("method").parse().unwrap(), format!("{url}{path}{query}"))
        .header("accept", "application/json")
        .header("accept-language", "en")
        .header("content-type", text("media_type"))
        .body(text("body").to_owned());
    request = if is_robaws {
        request.basic_auth(demo::ROBAWS_KEY, Some(demo::ROBAWS_SECRET))
    } else {
        request
            .bearer_auth(demo::TOKEN)
            .header("x-company-id", demo::COMPANY)
    };
    if let Some(key) = call["key"].as_str() {
        request = request.header("idempotency-key", key);
    }
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{} {call}", answer.status());
}

/// What was under way, and what it must come to: its state, pieces out, documents.
fn under_way() -> BTreeMap<&'static str, (&'static str, i64, Vec<i64>)> {
    BTreeMap::from([
        ("PF-lost", ("booked", 2, vec![])),
        ("PF-unsent", ("booked", 2, vec![])),
        ("PF-header", ("invoiced", 2, vec![5_998])),
        ("PF-lines", ("invoiced", 2, vec![5_998])),
        ("PF-check", ("invoiced", 2, vec![5_998])),
        ("PF-undoing", ("reversed", 0, vec![])),
        ("PF-waiting", ("booked", 2, vec![])),
    ])
}

async fn ends_what_was_begun(build: &str, fixture: &Value) {
    let it = Upgraded::from(fixture).await;
    let before = it.states().await;
    for kind in [
        "ORDER#",
        "INVOICE#",
        "ARTICLE#",
        "NUMBER#",
        "NOTIFICATION#",
        "LINK#",
        "ALLOWANCE#",
        "SWEEP#",
        "COMPANY#",
    ] {
        assert!(it.items.are_there(kind), "{build}: no {kind}");
    }
    let settled: Vec<&String> = before
        .keys()
        .filter(|order| !under_way().contains_key(order.as_str()))
        .collect();
    let held: Vec<_> = settled.iter().map(|order| it.held(order)).collect();

    it.stack.drain().await.unwrap();
    it.rounds(180).await;
    it.stack.night().await.unwrap();
    it.stack.drain().await.unwrap();
    it.rounds(60).await;

    let after = it.states().await;
    for (order, (state, pieces, documents)) in under_way() {
        let documents: Vec<Decimal> = documents.iter().map(|cents| Decimal::new(*cents, 2)).collect();
        assert_eq!(
            (after[order], it.held(order)),
            (state, (Decimal::from(pieces), documents)),
            "{build}: {order} was {}",
            before[order]
        );
    }
    for (order, held) in settled.iter().zip(held) {
        assert_eq!(
            (after[*order], it.held(order)),
            (before[*order], held),
            "{build}: {order}"
        );
    }
    let marks: Vec<_> = it
        .robaws
        .stock_changes()
        .into_iter()
        .map(|change| change.description)
        .collect();
    let distinct: std::collections::BTreeSet<_> = marks.iter().collect();
    assert_eq!(marks.len(), distinct.len(), "{build}: {marks:#?}");
    // What waited for people goes on when they have done their part.
    it.robaws.put_article(Article::new("91", MISSING).tariff("7"));
    it.rounds(90).await;
    assert_eq!(it.state("PF-blocked").await, "booked", "{build}");
    it.is_shown(build).await;
    for queue in ["orders.fifo", "articles.fifo", "sweeps.fifo"] {
        assert!(
            it.stack.aws.queues.dead_letters(queue).is_empty(),
            "{build}: {queue}"
        );
    }
    let violations = (it.stack.robaws.violations(), it.stack.productflow.violations());
    assert!(
        violations.0.is_empty() && violations.1.is_empty(),
        "{build}: {violations:#?}"
    );
    assert!(it.stack.aws.iam.refused().is_empty());
}

impl Upgraded {
    /// The API and the pages show everything.
    async fn is_shown(&self, build: &str) {
        let orders = self.items.orders();
        let api = |path: String| async move {
            let path = format!("/api/connections/shop{path}");
            let (status, answer) = self.stack.api("GET", &path, &Value::Null).await.unwrap();
            assert_eq!(status, 200, "{build}: {path}: {answer}");
            answer
        };
        let listed = api("/orders?limit=100".to_owned()).await;
        assert_eq!(listed["items"].as_array().unwrap().len(), orders.len(), "{build}");
        for path in ["", "/articles", "/notifications"] {
            api(path.to_owned()).await;
        }
        let mut browser = Browser::new_signed_in(&self.stack, "shop").await;
        for page in [
            "",
            "/orders",
            "/orders/month?month=2026-11",
            "/articles",
            "/notifications",
            "/set-up",
            "/checklist",
            "/preview",
        ] {
            let page = browser.get(&format!("/c/shop{page}")).await;
            assert_eq!(
                page.status,
                200,
                "{build}: {}: {}",
                page.path,
                page.visible_text()
            );
        }
        for order in orders {
            api(format!("/orders/{order}")).await;
            let page = browser.get(&format!("/c/shop/orders/{order}")).await;
            assert_eq!(page.status, 200, "{build}: {order}: {}", page.visible_text());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_older_build_began_is_ended_once() {
    for (build, fixture) in fixtures() {
        ends_what_was_begun(&build, &fixture).await;
    }
}

/// A body of a message about the connection that all fixtures have.
fn message(fields: &Value) -> Value {
    let mut message = json!({ "schema_version": 1, "connection": "shop" });
    if let (Value::Object(message), Value::Object(fields)) = (&mut message, fields) {
        message.extend(fields.clone());
    }
    message
}
