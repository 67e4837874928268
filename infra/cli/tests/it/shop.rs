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
const SECRETS: [&str; 5] = [
    OPERATOR_TOKEN,
    demo::ROBAWS_SECRET,
    demo::ROBAWS_KEY,
    demo::TOKEN,
    "canary",
];

/// Exit code and output of one run of the program.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) exit: u8,
    pub(crate) out: String,
    pub(crate) err: String,
    /// Standard output and standard error together, as a terminal shows them.
    pub(crate) both: String,
}

/// Environment variables for tests: the operator's token and the credentials of the demo shop; no waiting times.
pub(crate) fn environment() -> Environment {
    Environment {
        token: Some(OPERATOR_TOKEN.into()),
        robaws_key: Some(demo::ROBAWS_KEY.into()),
        robaws_secret: Some(demo::ROBAWS_SECRET.into()),
        productflow_token: Some(demo::TOKEN.into()),
        pace: Pace {
            retry: Duration::ZERO,
            poll: Duration::ZERO,
            queue_seconds: 0,
        },
        ..Environment::default()
    }
}

/// Runs the program, and asserts that its output holds no secret.
pub(crate) async fn connector(environment: &Environment, arguments: &[&str], input: &str) -> Run {
    let (mut console, captured) = Console::captured(input);
    let arguments = std::iter::once("connector").chain(arguments.iter().copied());
    let exit = cli::run(arguments, environment, &mut console).await;
    let run = Run {
        exit: exit.code(),
        out: captured.out(),
        err: captured.err(),
        both: captured.both(),
    };
    for secret in SECRETS {
        assert!(
            !run.out.contains(secret) && !run.err.contains(secret),
            "a secret is shown: {run:#?}"
        );
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
    pub(crate) async fn open() -> Self {
        let clock = ManualClock::at(START.parse().unwrap());
        let stack = Stack::start(Arc::new(clock.clone())).await.unwrap();
        demo::seed(&stack.robaws, &stack.productflow);
        let robaws = stack.robaws.tenant(demo::TENANT);
        let productflow = stack.productflow.company(demo::COMPANY);
        Self {
            stack,
            clock,
            robaws,
            productflow,
        }
    }

    /// A shop with an active connection `acme`.
    pub(crate) async fn connected() -> Self {
        let shop = Self::open().await;
        shop.done(&[
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
        shop.done(&["connection", "activate", "acme"]).await;
        shop
    }

    pub(crate) fn port(&self) -> u16 {
        self.stack.api_server.address().port()
    }

    /// Runs the program against this stack.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, "").await
    }

    /// Runs the program against this stack, with this standard input.
    pub(crate) async fn run_with(&self, arguments: &[&str], input: &str) -> Run {
        let local = format!("--local={}", self.port());
        let arguments: Vec<&str> = arguments.iter().copied().chain([local.as_str()]).collect();
        connector(&environment(), &arguments, input).await
    }

    /// Runs the program, which must succeed, and returns its standard output.
    pub(crate) async fn done(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments).await;
        assert_eq!(run.exit, 0, "{arguments:?}: {run:#?}");
        run.out
    }

    /// Runs the program with `--json`, which must succeed, and returns the JSON.
    pub(crate) async fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.done(&arguments).await).unwrap()
    }

    /// Places an order at ProductFlow, now by the shop's clock.
    pub(crate) fn place(&self, order: OrderBuilder) {
        let now = runtime::clock::Clock::now(&self.clock).to_string();
        self.productflow.place(order.placed_at(&now));
    }

    /// Five minutes pass, then a poll runs and the queues are worked off.
    pub(crate) async fn round(&self) {
        self.clock.advance(SignedDuration::from_mins(5));
        self.stack.round().await.unwrap();
    }
}

pub(crate) fn order(identifier: &str) -> OrderBuilder {
    OrderBuilder::new(identifier)
        .external("1083993841")
        .line("A-1", 2, 5998, Some("7"))
}
