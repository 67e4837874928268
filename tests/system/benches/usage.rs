//! What an order, an article and an idle connection use: calls to AWS and to the peers, invocations, and sizes of items, counted over
//! the real handlers on the embedded stack. Prints JSON for `infra/cost/cost.py`. Counts do not depend on the machine.

#![expect(clippy::unwrap_used, reason = "a benchmark that can't run says so")]

use domain::settings::ConnectionSettings;
use domain::{ClientId, StockLocationId};
use jiff::SignedDuration;
use local::Stack;
use runtime::clock::{Clock as _, ManualClock};
use serde_json::{Map, Value, json};
use simulators::{OrderBuilder, demo};
use std::io::Write as _;
use std::sync::Arc;

/// Orders counted over: enough that what happens once per batch is spread as in a busy hour.
const ORDERS: usize = 100;
/// Polls counted over.
const POLLS: usize = 12;

struct Usage {
    invocations: Map<String, Value>,
    aws: Map<String, Value>,
    robaws: usize,
    productflow: usize,
}

impl Usage {
    fn json(self, per: usize) -> Value {
        json!({
            "per": per, "invocations": self.invocations, "aws": self.aws,
            "robaws_calls": self.robaws, "productflow_calls": self.productflow,
        })
    }
}

struct Counted<'a> {
    stack: &'a Stack,
    invocations: [usize; 4],
}

impl<'a> Counted<'a> {
    fn begin(stack: &'a Stack) -> Self {
        stack.aws.iam.take_calls();
        stack.robaws.clear_calls();
        stack.productflow.clear_calls();
        Self { stack, invocations: [0; 4] }
    }

    async fn round(&mut self) {
        self.stack.run_poll().await.unwrap();
        self.invocations[0] += 1;
        loop {
            let worked = [
                self.stack.work_orders().await.unwrap(),
                self.stack.work_articles().await.unwrap(),
                self.stack.work_sweeps().await.unwrap(),
            ];
            for (at, messages) in worked.into_iter().enumerate() {
                self.invocations[at + 1] += usize::from(messages > 0);
            }
            if worked == [0; 3] {
                return;
            }
        }
    }

    fn end(self) -> Usage {
        let names = ["poll-orders", "process-order", "sync-article", "reconcile"];
        let invocations = names.iter().zip(self.invocations);
        let mut aws: Map<String, Value> = Map::new();
        for (call, times) in self.stack.aws.iam.take_calls() {
            let kind = if call.resource.contains("/index/") { " of an index" } else { "" };
            let name = format!("{}{kind}", call.action);
            let known = aws.get(&name).and_then(Value::as_u64).unwrap_or(0);
            aws.insert(name, json!(known + times));
        }
        Usage {
            invocations: invocations.map(|(name, times)| ((*name).to_owned(), json!(times))).collect(),
            aws,
            robaws: self.stack.robaws.calls().len(),
            productflow: self.stack.productflow.calls().len(),
        }
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let usage = runtime.block_on(Box::pin(measure_usage()));
    let mut out = std::io::stdout().lock();
    writeln!(out, "{usage:#}").unwrap();
}

async fn measure_usage() -> Value {
    let clock = ManualClock::starting_at("2026-11-23T08:00:00Z".parse().unwrap());
    let stack = Stack::start_empty(Arc::new(clock.clone())).await.unwrap();
    demo::seed_demo_shop(&stack.robaws, &stack.productflow);
    let settings = ConnectionSettings {
        b2c_client_id: Some(ClientId::parse(demo::B2C_CLIENT).unwrap()),
        stock_location_id: Some(StockLocationId::parse(demo::STOCK_LOCATION).unwrap()),
        ..ConnectionSettings::default()
    };
    let login = (demo::ROBAWS_KEY, demo::ROBAWS_SECRET);
    let company = (demo::COMPANY, demo::TOKEN);
    stack.create_active_connection("shop", login, company, settings, clock.now()).await.unwrap();
    let (robaws, productflow) =
        (stack.robaws.tenant_named(demo::TENANT), stack.productflow.company_numbered(demo::COMPANY));
    robaws.change_settings(|settings| {
        settings.rate_per_second = 10_000;
        settings.burst = 10_000;
    });
    let later = || clock.advance_by(SignedDuration::from_mins(5));
    Counted::begin(&stack).round().await;
    later();

    let mut idle = Counted::begin(&stack);
    for _ in 0..POLLS {
        idle.round().await;
        later();
    }
    let idle = idle.end();

    for at in 0..ORDERS {
        let order = OrderBuilder::new(&format!("PF-{at}")).with_external_number(&format!("n{at}"));
        let order = order.with_line("A-1", 2, 5998, Some("7"));
        productflow.place_order(order.with_placed_at(&clock.now().to_string()));
    }
    let mut booked = Counted::begin(&stack);
    booked.round().await;
    let booked = booked.end();
    later();
    for at in 0..ORDERS {
        productflow.ship_order(&format!("PF-{at}"));
    }
    let mut invoiced = Counted::begin(&stack);
    invoiced.round().await;
    let invoiced = invoiced.end();
    let whole = stack.order_record(&domain::ConnectionId::parse("shop").unwrap(), "PF-0").await.unwrap();
    assert_eq!(whole.state.as_str(), "invoiced");

    let backup = stack.back_up_table().await.unwrap();
    let mean = |pk: &str| {
        let sizes = backup.item_sizes(pk);
        sizes.iter().sum::<usize>() / sizes.len().max(1)
    };
    json!({
        "idle_poll": idle.json(POLLS), "order_registered": booked.json(ORDERS), "order_shipped": invoiced.json(ORDERS),
        "item_bytes": { "order": mean("ORDER#"), "invoice": mean("INVOICE#"), "connection": mean("CONNECTIONS#") },
    })
}
