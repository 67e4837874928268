//! A shop in both simulated peers and the local stack between them, on a clock that moves only when a test moves it.

use cli::console::Console;
use cli::environment::{Environment, Pace};
use jiff::SignedDuration;
use local::Stack;
use local::stack::OPERATOR_TOKEN;
use runtime::clock::ManualClock;
use simulators::{Company, OrderBuilder, RobawsTenant, demo};
use std::sync::Arc;
use std::time::Duration;

/// The clock's first moment.
pub(crate) const START: &str = "2026-11-23T08:00:00Z";
/// Texts that no command may ever print.
const SECRETS: [&str; 5] = [OPERATOR_TOKEN, demo::ROBAWS_SECRET, demo::ROBAWS_KEY, demo::TOKEN, "canary"];

/// Exit code and output of one run of the program.
#[derive(Debug)]
pub(crate) struct FinishedRun {
    pub(crate) exit: u8,
    pub(crate) out: String,
    pub(crate) err: String,
    /// Standard output and standard error together, as a terminal shows them.
    pub(crate) both: String,
}

/// Environment variables for tests: the operator's token and the credentials of the demo shop; no waiting times.
pub(crate) fn test_environment() -> Environment {
    Environment {
        token: Some(OPERATOR_TOKEN.into()),
        robaws_key: Some(demo::ROBAWS_KEY.into()),
        robaws_secret: Some(demo::ROBAWS_SECRET.into()),
        productflow_token: Some(demo::TOKEN.into()),
        pace: Pace { retry_delay: Duration::ZERO, watch_interval: Duration::ZERO, queue_wait_seconds: 0 },
        ..Environment::default()
    }
}

/// Runs the program, and asserts that its output holds no secret.
pub(crate) async fn run_connector(environment: &Environment, arguments: &[&str], input: &str) -> FinishedRun {
    let (mut console, captured) = Console::for_capture(input);
    let arguments = std::iter::once("connector").chain(arguments.iter().copied());
    let exit = cli::run_program(arguments, environment, &mut console).await;
    let run =
        FinishedRun { exit: exit.code(), out: captured.out(), err: captured.err(), both: captured.both() };
    for secret in SECRETS {
        assert!(!run.out.contains(secret) && !run.err.contains(secret), "a secret is shown: {run:#?}");
    }
    run
}

/// The stack, and the shop's tenant and company.
pub(crate) struct Shop {
    pub(crate) stack: Stack,
    pub(crate) clock: ManualClock,
    pub(crate) robaws: RobawsTenant,
    pub(crate) productflow: Company,
}

impl Shop {
    /// A shop without a connection.
    pub(crate) async fn without_connection() -> Self {
        let clock = ManualClock::starting_at(START.parse().unwrap());
        let stack = Stack::start_empty(Arc::new(clock.clone())).await.unwrap();
        demo::seed_demo_shop(&stack.robaws, &stack.productflow);
        let robaws = stack.robaws.tenant_named(demo::TENANT);
        // Whoever waits for a limit moves the clock on, and the examples show its moments.
        robaws.change_settings(|settings| {
            settings.rate_per_second = 10_000;
            settings.burst = 10_000;
        });
        let productflow = stack.productflow.company_numbered(demo::COMPANY);
        Self { stack, clock, robaws, productflow }
    }

    /// A shop with an active connection `acme`.
    pub(crate) async fn with_connection() -> Self {
        let shop = Self::without_connection().await;
        shop.run_successfully(&[
            "connection",
            "create",
            "acme",
            "--language",
            "en",
            "--company",
            "42",
            "--robaws-login",
            "env",
            "--productflow-token",
            "env",
            "b2c_client_id=5",
            "stock_location_id=3",
        ])
        .await;
        shop.run_successfully(&["connection", "activate", "acme"]).await;
        shop
    }

    pub(crate) fn port(&self) -> u16 {
        self.stack.api_server.address().port()
    }

    /// Runs the program against this stack.
    pub(crate) async fn run_command(&self, arguments: &[&str]) -> FinishedRun {
        self.run_with_input(arguments, "").await
    }

    /// Runs the program against this stack, with this standard input.
    pub(crate) async fn run_with_input(&self, arguments: &[&str], input: &str) -> FinishedRun {
        let local = format!("--local={}", self.port());
        let arguments: Vec<&str> = arguments.iter().copied().chain([local.as_str()]).collect();
        run_connector(&test_environment(), &arguments, input).await
    }

    /// Runs the program, which must succeed, and returns its standard output.
    pub(crate) async fn run_successfully(&self, arguments: &[&str]) -> String {
        let run = self.run_command(arguments).await;
        assert_eq!(run.exit, 0, "{arguments:?}: {run:#?}");
        run.out
    }

    /// Runs the program with `--json`, which must succeed, and returns the JSON.
    pub(crate) async fn run_for_json(&self, arguments: &[&str]) -> serde_json::Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.run_successfully(&arguments).await).unwrap()
    }

    /// Places an order at ProductFlow, now by the shop's clock.
    pub(crate) fn place_order(&self, order: OrderBuilder) {
        let now = runtime::clock::Clock::now(&self.clock).to_string();
        self.productflow.place_order(order.with_placed_at(&now));
    }

    /// Five minutes pass, then a poll runs and the queues are worked off.
    pub(crate) async fn pass_five_minutes(&self) {
        self.clock.advance_by(SignedDuration::from_mins(5));
        self.stack.poll_and_drain().await.unwrap();
    }
}

pub(crate) fn example_order(identifier: &str) -> OrderBuilder {
    OrderBuilder::new(identifier).with_external_number("1083993841").with_line("A-1", 2, 5998, Some("7"))
}
