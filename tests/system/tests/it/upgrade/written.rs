//! Makes a fixture: a shop in which everything happens that leaves an item of its own, stopped in the middle.

use super::{MISSING, OTHER, folder, furnished, item, table};
use domain::ids::ConnectionId;
use jiff::SignedDuration;
use local::Stack;
use runtime::clock::{Clock as _, ManualClock};
use serde_json::{Value, json};
use simulators::traffic::Outcome;
use simulators::{Call, Fault, OrderBuilder, demo};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::pin::Pin;
use store::queue::{MESSAGE_SCHEMA, OrderQueue, SignInMessage};
use world::START;

struct Shop {
    stack: Stack,
    clock: ManualClock,
    /// Calls that the peers carried out.
    calls: Vec<Value>,
}

impl Shop {
    fn place(&self, identifier: &str, change: impl FnOnce(OrderBuilder) -> OrderBuilder) {
        let order = OrderBuilder::new(identifier).external("1083993841");
        let order = order.placed_at(&self.clock.now().to_string());
        let company = self.stack.productflow.company(demo::COMPANY);
        company.place(change(order));
    }

    fn plain(&self, identifier: &str, status: &str) {
        self.place(identifier, |order| {
            order.line("A-1", 2, 5_998, Some("7")).status(status)
        });
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

    async fn post(&self, path: &str, body: Value) -> Value {
        let path = format!("/api/connections{path}");
        let (status, answer) = self.stack.api("POST", &path, &body).await.unwrap();
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    async fn is(&self, identifier: &str, state: &str) {
        let shop = ConnectionId::parse("shop").unwrap();
        let record = self.stack.order(&shop, identifier).await.unwrap();
        assert_eq!(record.state.as_str(), state, "{identifier}: {record:#?}");
    }

    /// Takes down what the peers carried out since it was last asked.
    fn take_calls(&mut self) {
        for (peer, calls) in [
            ("robaws", self.stack.robaws.calls()),
            ("productflow", self.stack.productflow.calls()),
        ] {
            // What the connection that is deleted sent to its own company is no matter of the shop's.
            let other = OTHER.0.to_string();
            let done = calls
                .iter()
                .filter(|call| is_done(call) && call.tenant.as_ref() != Some(&other));
            self.calls.extend(done.map(|call| {
                let form = peer == "productflow";
                json!({
                    "peer": peer, "at": call.at, "method": call.method, "path": call.path, "query": call.query,
                    "body": call.body, "key": call.idempotency_key,
                    "media_type": media_type(form, &call.body, &call.method),
                })
            }));
        }
        self.stack.robaws.clear_calls();
        self.stack.productflow.clear_calls();
    }
}

fn media_type(form: bool, body: &str, method: &str) -> &'static str {
    match (form && !body.starts_with('{'), method) {
        (true, _) => "application/x-www-form-urlencoded",
        (false, "PATCH") => "application/merge-patch+json",
        (false, _) => "application/json",
    }
}

/// Carried out, whether or not the answer arrived.
fn is_done(call: &Call) -> bool {
    let is_write = call.method != "GET" && !call.replayed;
    is_write
        && match call.outcome {
            Outcome::Answered(status) => (200..300).contains(&status),
            Outcome::Dropped => true,
            Outcome::Running => false,
        }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "writes a fixture: UPGRADE_FIXTURE names its build"]
async fn fixture() {
    let build = runtime::env::required("UPGRADE_FIXTURE").unwrap();
    let (stack, clock) = furnished(START.parse().unwrap()).await;
    let mut shop = Shop {
        stack,
        clock,
        calls: Vec::new(),
    };
    Box::pin(local::run::connect(&shop.stack)).await.unwrap();
    Box::pin(shop.stack.settle()).await.unwrap();
    for part in [doubted, ended, checked, deleted, interrupted, asked] {
        part(&mut shop).await;
    }
    shop.take_calls();
    write(&build, &shop).await;
}

type Part<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

fn undo() -> Value {
    json!({ "as": "undo", "invoice": "delete_draft", "stock": "return" })
}

fn doubted(shop: &mut Shop) -> Part<'_> {
    Box::pin(async move {
        let robaws = shop.stack.robaws.clone();
        // Nobody can tell whether this one was booked: nothing else was for more than an hour.
        shop.plain("PF-doubt", "open");
        robaws.fault(
            Fault::on("POST", "/stock-changes")
                .containing("(PF-doubt)")
                .forever()
                .status(500),
        );
        shop.rounds(5).await;
        robaws.fault(Fault::on("GET", "/stock-changes").forever().status(503));
        shop.rounds(90).await;
        robaws.clear_faults();
        shop.rounds(60).await;
        shop.is("PF-doubt", "in_doubt").await;
    })
}

fn ended(shop: &mut Shop) -> Part<'_> {
    Box::pin(async move {
        // What came to an end, or waits for people.
        shop.plain("PF-open", "open");
        shop.plain("PF-skipped", "cancelled");
        shop.plain("PF-reversed", "open");
        shop.plain("PF-handled", "open");
        for order in [
            "PF-shipped",
            "PF-differs",
            "PF-conflict",
            "PF-undone",
            "PF-undoing",
        ] {
            shop.plain(order, "shipped");
        }
        shop.place("PF-blocked", |order| order.line(MISSING, 2, 5_998, Some("7")));
        for order in ["PF-no-vat", "PF-chosen"] {
            shop.place(order, |order| order.line("A-1", 2, 5_998, None).status("shipped"));
        }
        shop.place("PF-business", |order| {
            order
                .line("A-1", 2, 5_998, Some("7"))
                .business("Bouw BV", "BE0123456789")
                .status("shipped")
        });
        shop.rounds(10).await;
        let company = shop.stack.productflow.company(demo::COMPANY);
        for order in ["PF-reversed", "PF-conflict", "PF-undone", "PF-undoing"] {
            company.cancel(order);
        }
        company.edit("PF-handled", |order| order["status"] = "returned".into());
        shop.rounds(10).await;
        shop.post("/shop/orders/PF-handled/settle", json!({ "as": "handled" }))
            .await;
        let line = {
            let order = company.order("PF-chosen").unwrap();
            order["lines"][0]["id"].clone()
        };
        let line = line.as_str().map_or_else(|| line.to_string(), str::to_owned);
        let choice = json!({ "lines": [{ "line": line, "vat_tariff_id": "7" }] });
        shop.post("/shop/orders/PF-chosen/choose", choice).await;
        shop.post("/shop/orders/PF-undone/settle", undo()).await;
        shop.rounds(10).await;
        for (order, state) in [
            ("PF-open", "booked"),
            ("PF-skipped", "skipped"),
            ("PF-reversed", "reversed"),
            ("PF-handled", "skipped"),
            ("PF-shipped", "invoiced"),
            ("PF-conflict", "conflict"),
            ("PF-blocked", "blocked"),
            ("PF-no-vat", "blocked"),
            ("PF-chosen", "invoiced"),
        ] {
            shop.is(order, state).await;
        }
    })
}

fn checked(shop: &mut Shop) -> Part<'_> {
    Box::pin(async move {
        let robaws = shop.stack.robaws.clone();
        // A night finds a document that somebody changed.
        let tenant = robaws.tenant(demo::TENANT);
        let made = tenant.invoices_of("(PF-differs)").remove(0);
        tenant.edit_invoice(&made.id, |invoice| {
            invoice.total_incl_vat = rust_decimal::Decimal::new(4_000, 2);
        });
        shop.clock.advance(SignedDuration::from_hours(16));
        shop.stack.night().await.unwrap();
        shop.round().await;
    })
}

fn deleted(shop: &mut Shop) -> Part<'_> {
    Box::pin(async move {
        // A connection that was deleted, where the build can.
        let create = json!({
            "id": "gone", "robaws": { "key": demo::ROBAWS_KEY, "secret": demo::ROBAWS_SECRET },
            "productflow": { "access_token": OTHER.1, "company_id": OTHER.0 },
            "settings": { "b2c_client_id": demo::B2C_CLIENT, "stock_location_id": demo::STOCK_LOCATION },
        });
        shop.take_calls();
        shop.post("", create).await;
        shop.post("/gone/activate", Value::Null).await;
        shop.post("/gone/deactivate", Value::Null).await;
        shop.stack.drain().await.unwrap();
        let (status, answer) = shop
            .stack
            .api("DELETE", "/api/connections/gone", &Value::Null)
            .await
            .unwrap();
        assert!([204, 405].contains(&status), "{status} {answer}");
        shop.take_calls();
    })
}

fn interrupted(shop: &mut Shop) -> Part<'_> {
    Box::pin(async move {
        let robaws = shop.stack.robaws.clone();
        // Interrupted, each in another place. The clock stands still, so that none of them is due again; and one that succeeds comes
        // after each, so that Robaws is not left alone.
        let containing = |identifier: &str, fault: Fault| fault.containing(&format!("({identifier})"));
        for (order, status, fault) in [
            (
                "PF-lost",
                "open",
                containing("PF-lost", Fault::on("POST", "/stock-changes").drop_after()),
            ),
            (
                "PF-unsent",
                "open",
                containing("PF-unsent", Fault::on("POST", "/stock-changes").status(500)),
            ),
            (
                "PF-header",
                "shipped",
                containing("PF-header", Fault::on("POST", "/sales-invoices").drop_after()),
            ),
            (
                "PF-lines",
                "shipped",
                Fault::on("POST", "/sales-invoices/*/line-items").status(500),
            ),
            (
                "PF-check",
                "shipped",
                Fault::on("GET", "/sales-invoices/*").status(500),
            ),
        ] {
            robaws.fault(fault.forever());
            shop.plain(order, status);
            shop.stack.round().await.unwrap();
            robaws.clear_faults();
            shop.plain(&format!("{order}-next"), "open");
            shop.stack.round().await.unwrap();
            shop.is(&format!("{order}-next"), "booked").await;
        }
    })
}

fn asked(shop: &mut Shop) -> Part<'_> {
    Box::pin(async move {
        shop.post("/shop/orders/PF-undoing/settle", undo()).await;
        shop.post("/shop/articles/push", json!({})).await;
        shop.post("/shop/sign-in-link", Value::Null).await;
        let connection = ConnectionId::parse("shop").unwrap();
        let (hour, now) = (SignedDuration::from_hours(1), shop.clock.now());
        assert!(
            shop.stack
                .store
                .allow("links-asked#shop", 3, hour, now)
                .await
                .unwrap()
        );
        assert!(
            shop.stack
                .store
                .tick_step(&connection, "stock", true)
                .await
                .unwrap()
        );
        let queue = OrderQueue::new(
            shop.stack.aws.sqs.clone(),
            "http://localhost/000000000000/orders.fifo",
        );
        let sign_in = SignInMessage {
            schema_version: MESSAGE_SCHEMA,
            connection,
            base_url: "https://connector.example".to_owned(),
            next: None,
        };
        queue.send_sign_in(sign_in).await.unwrap();
        shop.plain("PF-waiting", "open");
        shop.stack.poll().await.unwrap();
    })
}

async fn write(build: &str, shop: &Shop) {
    let mut items = table(&shop.stack).await;
    items.sort_by_key(|item| {
        (
            item::text(item, "pk").to_owned(),
            item::text(item, "sk").to_owned(),
        )
    });
    let messages = |queue: &str| -> Vec<Value> {
        let messages = shop.stack.aws.queues.messages(queue);
        messages
            .iter()
            .map(|message| serde_json::from_str(&message.body).unwrap())
            .collect()
    };
    let queues = ["orders.fifo", "articles.fifo", "sweeps.fifo"];
    let fixture = json!({
        "build": build,
        "at": shop.clock.now(),
        "items": items.iter().map(item::json).collect::<Vec<_>>(),
        "messages": queues.map(|queue| (queue.to_owned(), json!(messages(queue)))).into_iter().collect::<serde_json::Map<_, _>>(),
        "orders": shop.stack.productflow.company(demo::COMPANY).orders(),
        "calls": shop.calls,
    });
    std::fs::create_dir_all(folder()).unwrap();
    let path = folder().join(format!("{build}.json"));
    // What a build left never changes afterwards.
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .unwrap();
    writeln!(file, "{fixture:#}").unwrap();
}
