//! The program is killed at one call after another and started again with the same directory. At the end Robaws must hold what
//! one process would have made. The peers live in the test, so they outlive the program, and a kill happens at an exact call.

use crate::data::{fresh_path, local_program};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use local::runner::CONNECTION;
use local::stack::OPERATOR_TOKEN;
use rust_decimal::Decimal;
use simulators::{Company, OrderBuilder, ProductFlowSim, RobawsSim, RobawsTenant, Server, demo};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Kills in one history, after the one during the set-up.
const KILLS: usize = 5;
/// Number of orders placed before each kill.
const ORDERS: usize = 2;
/// Polls (one a second) within which all orders must be done.
const MOST_POLLS: usize = 90;
/// Polls after everything is done, during which nothing more may be written.
const QUIET_POLLS: usize = 3;
const ARTICLES: [(&str, &str); 2] = [("A-1", "12"), ("A-2", "13")];

/// At which moment of a call the process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KillMoment {
    /// The peer has received the call, and carries it out after the process is dead.
    Before,
    /// The peer has carried the call out, and its answer reaches nobody.
    After,
}

/// The running process, and the call that kills it.
#[derive(Default)]
struct Trap {
    process: Option<Child>,
    /// Number of calls until the one at which the process is killed, and the moment of that call.
    armed: Option<(usize, KillMoment)>,
    /// The call at which the process was killed.
    killed_at_call: Option<String>,
}

impl Trap {
    fn kill_process(&mut self) {
        if let Some(mut process) = self.process.take() {
            // This is SIGKILL. Waiting for the process makes sure that nothing of it runs any more.
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

type SharedTrap = Arc<Mutex<Trap>>;

async fn watch_call(State(trap): State<SharedTrap>, request: Request, next: Next) -> Response {
    let call = format!("{} {}", request.method(), request.uri().path());
    let strikes = {
        let mut trap = trap.lock().unwrap();
        match &mut trap.armed {
            Some((left, when)) => {
                *left -= 1;
                let strikes = (*left == 0).then_some(*when);
                if strikes.is_some() {
                    trap.armed = None;
                }
                strikes
            }
            None => None,
        }
    };
    let strike = |when| {
        if strikes == Some(when) {
            let mut trap = trap.lock().unwrap();
            trap.kill_process();
            trap.killed_at_call = Some(call.clone());
        }
    };
    strike(KillMoment::Before);
    let response = next.run(request).await;
    strike(KillMoment::After);
    response
}

/// What Robaws holds of one order: the pieces out per article, and per invoice its total and its number of lines.
type OrderHoldings = (Vec<Decimal>, Vec<(Decimal, usize)>);

/// A data directory, and the peers that the program with this directory calls.
struct World {
    directory: PathBuf,
    port: u16,
    trap: SharedTrap,
    robaws: RobawsTenant,
    productflow: Company,
    simulators: (RobawsSim, ProductFlowSim),
    servers: (Server, Server),
    orders: Vec<String>,
}

/// A port that stays free between two runs of the program. It is outside the range from which the system gives ports to outgoing
/// connections.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let from = u16::try_from(std::process::id() % 8_000).unwrap();
    loop {
        let port = 20_000 + from + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl World {
    async fn with_peers(name: &str) -> Self {
        let robaws = RobawsSim::new(simulators::system_clock());
        let productflow = ProductFlowSim::new(simulators::system_clock());
        demo::seed_demo_shop(&robaws, &productflow);
        let trap = SharedTrap::default();
        let trapped = |router: Router| router.layer(from_fn_with_state(trap.clone(), watch_call));
        let servers = (
            simulators::spawn_server(trapped(robaws.build_router())).await.unwrap(),
            simulators::spawn_server(trapped(productflow.build_router())).await.unwrap(),
        );
        let tenant = robaws.tenant_named(demo::TENANT);
        tenant.change_settings(|settings| {
            settings.rate_per_second = 10_000;
            settings.burst = 10_000;
        });
        for (_, article) in ARTICLES {
            tenant.set_stock(article, demo::STOCK_LOCATION, 1_000);
        }
        Self {
            directory: fresh_path(name),
            port: free_port(),
            trap,
            robaws: tenant,
            productflow: productflow.company_numbered(demo::COMPANY),
            simulators: (robaws, productflow),
            servers,
            orders: Vec::new(),
        }
    }

    fn start_program(&self, armed: Option<(usize, KillMoment)>) {
        let mut trap = self.trap.lock().unwrap();
        trap.armed = armed;
        trap.killed_at_call = None;
        let mut command = local_program(&self.directory);
        command
            .args(["--port", &self.port.to_string()])
            .args(["--robaws-url", &format!("{}/api/v2", self.servers.0.url())])
            .args(["--productflow-url", &format!("{}/api/v1", self.servers.1.url())])
            .stderr(Stdio::inherit());
        trap.process = Some(command.spawn().unwrap());
    }

    fn place_orders(&mut self) {
        for _ in 0..ORDERS {
            let identifier = format!("PF-{}", self.orders.len() + 1);
            let order = OrderBuilder::new(&identifier)
                .with_external_number(&format!("M{identifier}"))
                .with_line("A-1", 2, 5_998, Some("7"))
                .with_line("A-2", 1, 595, Some("7"))
                .with_shipping_cost(495)
                .with_status("shipped");
            self.productflow.place_order(order);
            self.orders.push(identifier);
        }
    }

    fn count_polls(&self) -> usize {
        let calls = self.simulators.1.calls();
        calls.iter().filter(|call| call.path == "/order").count()
    }

    /// Waits until `done` holds. The process must run on meanwhile, or have been killed by the trap.
    async fn wait_until(&self, what: &str, done: impl Fn() -> bool) {
        let from = self.count_polls();
        while !done() {
            self.assert_runs(what);
            assert!(self.count_polls() < from + MOST_POLLS, "{what}: {:#?}", self.documents_held());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn assert_runs(&self, what: &str) {
        if let Some(process) = &mut self.trap.lock().unwrap().process {
            let ended = process.try_wait().unwrap();
            assert!(ended.is_none(), "{what}: the process ended by itself: {ended:?}");
        }
    }

    /// Waits until every order is recorded as invoiced. Without this an order's looks could be killed three times in a row, and
    /// the connector would set the order aside.
    async fn wait_until_recorded(&self, what: &str) {
        let from = self.count_polls();
        loop {
            self.assert_runs(what);
            let states = self.order_states().await.unwrap_or_default();
            if states.len() == self.orders.len() && states.iter().all(|state| state == "invoiced") {
                return;
            }
            assert!(self.count_polls() < from + MOST_POLLS, "{what}: {states:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The documents that Robaws holds of each order.
    fn documents_held(&self) -> Vec<OrderHoldings> {
        let of = |identifier: &String| {
            let reference = format!("({identifier})");
            let changes = self.robaws.stock_changes_of(&reference);
            let pieces = ARTICLES.map(|(_, article)| {
                let lines = changes.iter().filter(|change| change.booked).flat_map(|change| {
                    let sign = if change.from_stock_location_id.is_some() { 1 } else { -1 };
                    let lines = change.line_items.iter().filter(|line| line.article_id == article);
                    lines.map(move |line| line.quantity * Decimal::from(sign))
                });
                lines.sum()
            });
            let invoices = self.robaws.invoices_of(&reference);
            let invoices = invoices.iter().map(|invoice| (invoice.total_incl_vat, invoice.line_items.len()));
            (pieces.into(), invoices.collect())
        };
        self.orders.iter().map(of).collect()
    }

    /// States of the orders, from the program's API; `None` while the API does not answer yet.
    async fn order_states(&self) -> Option<Vec<String>> {
        let url = format!("http://127.0.0.1:{}", self.port);
        let http = runtime::http::peer_client(&[&url.parse().unwrap()]).unwrap();
        let orders = http
            .get(format!("{url}/api/connections/{CONNECTION}/orders?limit=100"))
            .bearer_auth(OPERATOR_TOKEN);
        let body = runtime::http::read_body(orders.send().await.ok()?).await.unwrap();
        let shown: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let items = shown["items"].as_array()?.iter();
        Some(items.map(|item| item["state"].as_str().unwrap().to_owned()).collect())
    }

    fn is_killed(&self) -> bool {
        self.trap.lock().unwrap().killed_at_call.is_some()
    }

    fn is_done(&self) -> bool {
        let whole = (vec![Decimal::from(2), Decimal::ONE], vec![(Decimal::new(7_088, 2), 3)]);
        self.documents_held().iter().all(|held| *held == whole)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Ends the process of a failed test too.
        if let Ok(mut trap) = self.trap.lock() {
            trap.kill_process();
        }
    }
}

/// One history: kills the program at the calls `first`, `first` + 4, … and returns those calls.
async fn run_history(first: usize, when: KillMoment) -> Vec<String> {
    let mut world = World::with_peers(&format!("kills-{first}-{when:?}")).await;
    let mut struck = Vec::new();
    // The first kill happens while the connection is set up and activated. Orders placed before go-live would be left alone, so
    // none is placed yet.
    world.start_program(Some((first, when)));
    world.wait_until("the set-up", || world.is_killed()).await;
    struck.extend(world.trap.lock().unwrap().killed_at_call.clone());
    world.start_program(None);
    world.wait_until("the first poll", || world.count_polls() > 0).await;
    world.trap.lock().unwrap().kill_process();
    for kill in 0..KILLS {
        let at = first + 4 * kill;
        world.place_orders();
        world.start_program(Some((at, when)));
        world.wait_until(&format!("{when:?} call {at}"), || world.is_killed()).await;
        struck.extend(world.trap.lock().unwrap().killed_at_call.clone());
        world.start_program(None);
        let what = format!("after the kill {when:?} call {at}");
        world.wait_until(&what, || world.is_done()).await;
        world.wait_until_recorded(&what).await;
        world.trap.lock().unwrap().kill_process();
    }
    // A further process must find nothing to do.
    let calls = || {
        let calls = world.simulators.0.calls();
        calls.iter().filter(|call| call.method != "GET").count()
    };
    let before = calls();
    world.start_program(None);
    let polls = world.count_polls();
    world.wait_until("the end", || world.count_polls() > polls + QUIET_POLLS).await;
    assert!(world.is_done(), "{:#?}", world.documents_held());
    assert_eq!(calls(), before);
    world.wait_until_recorded("the end").await;
    let orders = Decimal::from(world.orders.len());
    assert_eq!(
        world.robaws.stock_at("12", demo::STOCK_LOCATION),
        Decimal::from(1_000) - orders * Decimal::TWO
    );
    assert_eq!(world.robaws.stock_at("13", demo::STOCK_LOCATION), Decimal::from(1_000) - orders);
    let violations = (world.simulators.0.violations(), world.simulators.1.violations());
    assert!(violations.0.is_empty() && violations.1.is_empty(), "{violations:#?}");
    struck
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_call_it_books_each_order_once() {
    let histories = [
        run_history(1, KillMoment::Before),
        run_history(3, KillMoment::Before),
        run_history(2, KillMoment::After),
        run_history(4, KillMoment::After),
    ]
    .map(tokio::spawn);
    let mut struck = Vec::new();
    for history in histories {
        struck.extend(history.await.unwrap());
    }
    assert_eq!(struck.len(), 4 * (KILLS + 1));
    // The kills must have happened at the calls that matter.
    for call in ["POST /api/v2/stock-changes", "POST /api/v2/sales-invoices", "/line-items"] {
        assert!(struck.iter().any(|struck| struck.contains(call)), "{call}: {struck:#?}");
    }
}
