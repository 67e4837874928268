//! A shop in both peers and the stack that connects them, by a clock that stands still until it is moved.

use cli::console::Console;
use cli::environment::{Environment, Pace};
use jiff::SignedDuration;
use local::Stack;
use local::stack::OPERATOR_TOKEN;
use runtime::clock::ManualClock;
use simulators::{Company, OrderBuilder, RobawsTenant, demo};
use std::sync::Arc;
use std::time::Duration;

/// The moment at which every scenario begins.
pub(crate) const START: &str = "2026-11-23T08:00:00Z";
/// What no command may ever print.
const SECRETS: [&str; 5] = [
    OPERATOR_TOKEN,
    demo::ROBAWS_SECRET,
    demo::ROBAWS_KEY,
    demo::TOKEN,
    "canary",
];

/// What a run of the program left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) exit: u8,
    pub(crate) out: String,
    pub(crate) err: String,
    /// Both, as a terminal shows them.
    pub(crate) both: String,
}

/// What the environment says in tests: nothing but the token, and nobody waits.
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

/// Runs the program; nothing that it prints may hold a secret.
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

/// Both peers' shops, and no connection.
pub(crate) struct Shop {
    pub(crate) stack: Stack,
    pub(crate) clock: ManualClock,
    pub(crate) robaws: RobawsTenant,
    pub(crate) productflow: Company,
}

impl Shop {
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

    /// With a connection `acme` that is active.
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

    /// Runs the program against this stack, with something typed.
    pub(crate) async fn run_with(&self, arguments: &[&str], input: &str) -> Run {
        let local = format!("--local={}", self.port());
        let arguments: Vec<&str> = arguments.iter().copied().chain([local.as_str()]).collect();
        connector(&environment(), &arguments, input).await
    }

    /// Runs the program, which must do it; gives what it printed.
    pub(crate) async fn done(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments).await;
        assert_eq!(run.exit, 0, "{arguments:?}: {run:#?}");
        run.out
    }

    /// Runs the program, which must do it; gives the JSON that it printed.
    pub(crate) async fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.done(&arguments).await).unwrap()
    }

    /// An order placed now.
    pub(crate) fn place(&self, order: OrderBuilder) {
        let now = runtime::clock::Clock::now(&self.clock).to_string();
        self.productflow.place(order.placed_at(&now));
    }

    /// Five minutes pass, a poll comes, and the queues are worked off.
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
