//! Load: many merchants over hours of polls, one with a crowd of orders waiting, one whose Robaws is down, one with an order that
//! always fails. The others' orders are booked within two polls, and nothing is lost or doubled.
//!
//! The connector runs in a process of its own, so that its memory can be told from what the simulated peers hold; and with its table in
//! a file when `SOAK_DIRECTORY` names a directory for it. Only then it must not grow. `just soak` runs it in full; sizes come from the
//! environment, see [`Size`].

use domain::ids::{ClientId, StockLocationId};
use domain::settings::ConnectionSettings;
use jiff::{SignedDuration, Timestamp};
use local::stack::StackOptions;
use local::{Directory, Stack};
use runtime::clock::{Clock as _, ManualClock};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::robaws::{Article, VatTariff};
use simulators::{Company, Fault, OrderBuilder, ProductFlowSim, RobawsSim, RobawsTenant, demo};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The merchant with a crowd of orders waiting.
const CROWDED: usize = 0;
/// The merchant whose Robaws is down.
const DOWN: usize = 1;
/// The merchant with an order that always fails.
const FAILING: usize = 2;
/// Every so many orders of the others one is not shipped.
const OPEN_EVERY: usize = 10;
/// Rounds after everything is up again, within which everything is done.
const MOST_LAST_ROUNDS: usize = 40;
/// Invocations of process-order side by side.
const WORKERS: usize = 32;
/// What lines of the connector's process begin with.
const MARK: &str = "soak: ";

fn read_number(name: &'static str, default: usize) -> usize {
    let text = runtime::env::read_optional(name);
    text.map_or(default, |text| text.parse().unwrap())
}

/// How much there is of it.
#[derive(Clone, Copy, Debug)]
struct Size {
    /// Merchants: `SOAK_TENANTS`.
    tenants: usize,
    /// Polls during which orders come in: `SOAK_ROUNDS`.
    rounds: usize,
    /// Orders of each merchant between two polls: `SOAK_ORDERS`.
    orders: usize,
    /// Orders that wait at the first poll at one merchant: `SOAK_CROWD`.
    crowd: usize,
}

impl Size {
    fn of_environment() -> Self {
        Self {
            tenants: read_number("SOAK_TENANTS", 12),
            rounds: read_number("SOAK_ROUNDS", 3),
            orders: read_number("SOAK_ORDERS", 2),
            crowd: read_number("SOAK_CROWD", 205),
        }
    }
}

fn name_of_tenant(tenant: usize) -> String {
    format!("m{tenant:04}")
}

fn company_of_tenant(tenant: usize) -> u64 {
    1_000 + u64::try_from(tenant).unwrap()
}

fn start_of_soak() -> Timestamp {
    world::START.parse().unwrap()
}

/// The connector: connects the merchants, and goes through a round for each line that it is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the process that the soak starts"]
async fn connector() {
    let variable = |name: &'static str| runtime::env::read_optional(name).unwrap();
    let clock = ManualClock::starting_at(start_of_soak());
    let start = StackOptions {
        directory: runtime::env::read_optional("SOAK_DIRECTORY")
            .map(|path| Directory::open(Path::new(&path)).unwrap()),
        robaws_url: Some(variable("SOAK_ROBAWS").parse().unwrap()),
        productflow_url: Some(variable("SOAK_PRODUCTFLOW").parse().unwrap()),
        ..StackOptions::default()
    };
    let stack = Arc::new(Stack::start_with_options(Arc::new(clock.clone()), start).await.unwrap());
    for tenant in 0..Size::of_environment().tenants {
        let name = name_of_tenant(tenant);
        let settings = ConnectionSettings {
            b2c_client_id: Some(ClientId::parse(demo::B2C_CLIENT).unwrap()),
            stock_location_id: Some(StockLocationId::parse(demo::STOCK_LOCATION).unwrap()),
            ..ConnectionSettings::default()
        };
        stack
            .create_active_connection(
                &name,
                (&name, "secret"),
                (company_of_tenant(tenant), &name),
                settings,
                clock.now(),
            )
            .await
            .unwrap();
    }
    let mut out = std::io::stdout();
    writeln!(out, "{MARK}{}", json!({})).unwrap();
    for _ in std::io::stdin().lock().lines() {
        clock.advance_by(SignedDuration::from_mins(5));
        let began = Instant::now();
        stack.run_poll().await.unwrap();
        let polled = began.elapsed();
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..WORKERS {
            let stack = Arc::clone(&stack);
            workers.spawn(async move {
                let mut messages = 0;
                loop {
                    match stack.work_orders().await.unwrap() {
                        0 => return messages,
                        received => messages += received,
                    }
                }
            });
        }
        let messages: usize = workers.join_all().await.into_iter().sum();
        stack.drain_queues().await.unwrap();
        let worked = began.elapsed().saturating_sub(polled);
        let told = json!({
            "polled_ms": u64::try_from(polled.as_millis()).unwrap(),
            "worked_ms": u64::try_from(worked.as_millis()).unwrap(),
            "messages": messages,
        });
        writeln!(out, "{MARK}{told}").unwrap();
    }
    let refused = stack.aws.iam.refused_calls();
    assert!(refused.is_empty(), "{refused:#?}");
}

/// The connector's process.
struct Connector {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Connector {
    fn start_process(size: Size, robaws: &str, productflow: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "soak::connector", "--ignored", "--nocapture"])
            .env("SOAK_TENANTS", size.tenants.to_string())
            .env("SOAK_ROBAWS", format!("{robaws}/api/v2"))
            .env("SOAK_PRODUCTFLOW", format!("{productflow}/api/v1"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut connector = Self { process, input, output };
        connector.read_answer();
        connector
    }

    fn read_answer(&mut self) -> Value {
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).unwrap();
            assert!(read > 0, "the connector's process ended");
            // What the test harness prints goes before it on the same line.
            if let Some((_, told)) = line.split_once(MARK) {
                return serde_json::from_str(told).unwrap();
            }
        }
    }

    fn pass_round(&mut self) -> Value {
        writeln!(self.input.as_mut().unwrap()).unwrap();
        self.read_answer()
    }

    /// Memory that it holds, in MiB, where the machine tells.
    fn resident_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib / 1024)
    }

    /// Ends it, and tells whether it was content with what it saw.
    fn end_process(mut self) -> bool {
        self.input = None;
        self.process.wait().unwrap().success()
    }
}

impl Drop for Connector {
    fn drop(&mut self) {
        // Also of a test that failed; one that has ended is gone already.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// A merchant in both peers.
struct Merchant {
    name: String,
    robaws: RobawsTenant,
    productflow: Company,
    placed: Vec<Placed>,
}

struct Placed {
    identifier: String,
    /// Before which round.
    round: usize,
    /// It is shipped, so that an invoice is made for it.
    shipped: bool,
}

impl Merchant {
    fn settle_in(tenant: usize, robaws: &RobawsSim, productflow: &ProductFlowSim) -> Self {
        let name = name_of_tenant(tenant);
        let of_robaws = robaws.tenant_named(&name);
        of_robaws.add_admin(&name, "secret");
        of_robaws.put_stock_location(demo::STOCK_LOCATION, "Magazijn");
        of_robaws.put_client(demo::B2C_CLIENT, "Webshop B2C");
        of_robaws.put_vat_tariff(VatTariff::new("7", Decimal::from(21), true));
        of_robaws.put_article(Article::new("12", "A-1").with_tariff("7"));
        of_robaws.set_stock("12", demo::STOCK_LOCATION, 1_000_000);
        // How fast a tenant may be called, and how often a day, is not what is measured here.
        of_robaws.change_settings(|settings| {
            settings.rate_per_second = 1_000_000;
            settings.burst = 1_000_000;
            settings.daily_limit = 10_000_000;
        });
        let of_productflow = productflow.company_numbered(company_of_tenant(tenant));
        of_productflow.add_token(&name);
        Self { name, robaws: of_robaws, productflow: of_productflow, placed: Vec::new() }
    }

    fn place_orders(&mut self, orders: usize, round: usize) {
        for _ in 0..orders {
            let no = self.placed.len();
            let identifier = format!("{}-{no}", self.name);
            // Robaws takes 15 calls a second of a tenant: the crowd is there for its number.
            let shipped = self.name != name_of_tenant(CROWDED) && !no.is_multiple_of(OPEN_EVERY);
            let status = if shipped { "shipped" } else { "open" };
            let order = OrderBuilder::new(&identifier).with_external_number(&format!("M{no}"));
            self.productflow.place_order(order.with_line("A-1", 1, 2_999, Some("7")).with_status(status));
            self.placed.push(Placed { identifier, round, shipped });
        }
    }

    /// How often each order was booked: stock changes and invoices, by what they name in parentheses.
    fn booked_orders(&self) -> BTreeMap<String, (usize, usize)> {
        let mut booked: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        let named = |text: Option<&str>| {
            let (_, rest) = text.unwrap().rsplit_once('(').unwrap();
            rest.split_once(')').unwrap().0.to_owned()
        };
        for change in self.robaws.stock_changes() {
            assert!(change.booked && change.from_stock_location_id.is_some());
            booked.entry(named(change.description.as_deref())).or_default().0 += 1;
        }
        for invoice in self.robaws.invoices() {
            assert_eq!(invoice.total_incl_vat, Decimal::new(2_999, 2), "{invoice:?}");
            booked.entry(named(invoice.client_reference.as_deref())).or_default().1 += 1;
        }
        booked
    }

    /// Orders placed before round `until` that are not booked as they should be.
    fn unbooked_orders(&self, until: usize) -> Vec<(&String, (usize, usize))> {
        let booked = self.booked_orders();
        let orders = self.placed.iter().filter(|order| order.round < until);
        let left = orders.filter_map(|order| {
            let found = booked.get(&order.identifier).copied().unwrap_or_default();
            (found != (1, usize::from(order.shipped))).then_some((&order.identifier, found))
        });
        left.collect()
    }
}

fn say_line(line: &str) {
    let mut err = std::io::stderr();
    writeln!(err, "{line}").unwrap();
}

#[test]
fn a_crowd_an_outage_and_a_failing_order_cost_the_others_nothing() {
    let size = Size::of_environment();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let clock = ManualClock::starting_at(start_of_soak());
    let sim_clock: simulators::Clock = Arc::new(clock.clone());
    let robaws = RobawsSim::new(sim_clock.clone());
    let productflow = ProductFlowSim::new(sim_clock);
    let mut merchants: Vec<Merchant> =
        (0..size.tenants).map(|tenant| Merchant::settle_in(tenant, &robaws, &productflow)).collect();
    let servers = runtime.block_on(async {
        let robaws = simulators::spawn_server(robaws.build_router()).await.unwrap();
        (robaws, simulators::spawn_server(productflow.build_router()).await.unwrap())
    });
    let mut connector = Connector::start_process(size, &servers.0.url(), &servers.1.url());

    robaws
        .add_fault(Fault::for_call("*", "**").of_tenant(&name_of_tenant(DOWN)).until_cleared().drop_before());
    let failing = format!("({}-0)", name_of_tenant(FAILING));
    let fault = Fault::for_call("POST", "/stock-changes")
        .of_tenant(&name_of_tenant(FAILING))
        .whose_text_contains(&failing);
    robaws.add_fault(fault.until_cleared().answer_status(500));
    merchants[CROWDED].place_orders(size.crowd, 0);
    let mut resident = Vec::new();
    let began = Instant::now();
    for round in 0..size.rounds {
        for merchant in &mut merchants {
            let crowded = merchant.name == name_of_tenant(CROWDED);
            merchant.place_orders(if crowded { 0 } else { size.orders }, round);
        }
        let told = next_round(&clock, &mut connector, &robaws, &productflow);
        for (tenant, merchant) in merchants.iter().enumerate() {
            let left = merchant.unbooked_orders(round);
            match tenant {
                CROWDED => {}
                DOWN => assert!(merchant.robaws.stock_changes().is_empty()),
                FAILING => assert!(
                    left.iter().all(|(identifier, found)| failing.contains(*identifier) && found.0 == 0),
                    "{left:?}"
                ),
                _ => assert!(left.is_empty(), "round {round}, not within two polls: {left:?}"),
            }
        }
        resident.push(connector.resident_memory());
        report_round(&format!("round {round}"), &merchants, &told, resident.last().copied().flatten(), began);
    }
    robaws.clear_faults();
    let all_left = |merchants: &[Merchant]| -> usize {
        merchants.iter().map(|merchant| merchant.unbooked_orders(usize::MAX).len()).sum()
    };
    let mut last = 0;
    while all_left(&merchants) > 0 {
        last += 1;
        assert!(
            last <= MOST_LAST_ROUNDS,
            "{:#?}",
            merchants
                .iter()
                .flat_map(|merchant| merchant.unbooked_orders(usize::MAX))
                .take(20)
                .collect::<Vec<_>>()
        );
        let told = next_round(&clock, &mut connector, &robaws, &productflow);
        resident.push(connector.resident_memory());
        report_round(
            &format!("last round {last}"),
            &merchants,
            &told,
            resident.last().copied().flatten(),
            began,
        );
    }
    // And nothing more comes of it.
    next_round(&clock, &mut connector, &robaws, &productflow);
    assert_eq!(all_left(&merchants), 0);
    assert!(connector.end_process());
    is_flat(&resident);
}

fn next_round(
    clock: &ManualClock,
    connector: &mut Connector,
    robaws: &RobawsSim,
    productflow: &ProductFlowSim,
) -> Value {
    clock.advance_by(SignedDuration::from_mins(5));
    let told = connector.pass_round();
    let violations = (robaws.violations(), productflow.violations());
    assert!(violations.0.is_empty() && violations.1.is_empty(), "{violations:#?}");
    robaws.clear_calls();
    productflow.clear_calls();
    told
}

fn report_round(round: &str, merchants: &[Merchant], told: &Value, resident: Option<u64>, began: Instant) {
    let placed: usize = merchants.iter().map(|merchant| merchant.placed.len()).sum();
    let left: usize = merchants.iter().map(|merchant| merchant.unbooked_orders(usize::MAX).len()).sum();
    let messages = told["messages"].as_u64().unwrap();
    let worked = Duration::from_millis(told["worked_ms"].as_u64().unwrap());
    let seconds = began.elapsed().as_secs();
    let resident = resident.map_or("?".to_owned(), |mib| mib.to_string());
    let a_second = u128::from(messages) * 1_000 / worked.as_millis().max(1);
    say_line(&format!(
        "{round}: {seconds} s, {} of {placed} orders done, {messages} looks in {worked:.1?} ({a_second} a second), poll {} ms, {resident} MiB",
        placed - left,
        told["polled_ms"]
    ));
}

/// Whether the memory of a long run did not grow after its first third, but for what an allocator does not give back.
fn is_flat(resident: &[Option<u64>]) {
    let resident: Vec<u64> = resident.iter().copied().flatten().collect();
    // A table in memory grows with what it holds, and a short run has only begun to fill the caches.
    if runtime::env::read_optional("SOAK_DIRECTORY").is_none() || resident.len() < 20 {
        return;
    }
    let third = resident.len() / 3;
    let early = resident[..third].iter().max().unwrap();
    let late = resident[third..].iter().max().unwrap();
    assert!(*late <= early + early / 4, "from {early} to {late} MiB");
}
