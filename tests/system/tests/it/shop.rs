//! A shop in both peers, connected, with a clock that stands still until it is moved.

use domain::ids::ConnectionId;
use domain::settings::ConnectionSettings;
use domain::{ClientId, StockLocationId};
use jiff::SignedDuration;
use local::Stack;
use runtime::clock::ManualClock;
use rust_decimal::Decimal;
use simulators::{Company, OrderBuilder, RobawsTenant, demo};
use std::sync::Arc;
use store::model::OrderRecord;

/// The moment at which every scenario begins.
pub(crate) const START: &str = "2026-11-23T08:00:00Z";

pub(crate) struct Shop {
    pub(crate) stack: Stack,
    pub(crate) clock: ManualClock,
    pub(crate) connection: ConnectionId,
    pub(crate) robaws: RobawsTenant,
    pub(crate) productflow: Company,
}

pub(crate) fn settings() -> ConnectionSettings {
    ConnectionSettings {
        b2c_client_id: Some(ClientId::parse(demo::B2C_CLIENT).unwrap()),
        stock_location_id: Some(StockLocationId::parse(demo::STOCK_LOCATION).unwrap()),
        ..ConnectionSettings::default()
    }
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::open_with(settings()).await
    }

    pub(crate) async fn open_with(settings: ConnectionSettings) -> Self {
        let clock = ManualClock::at(START.parse().unwrap());
        let stack = Stack::start(Arc::new(clock.clone())).await.unwrap();
        Self::on(stack, clock, settings).await
    }

    /// One whose processes can be killed at any of their steps.
    pub(crate) async fn open_killable(settings: ConnectionSettings) -> Self {
        let clock = ManualClock::at(START.parse().unwrap());
        let stack = Stack::start_killable(Arc::new(clock.clone())).await.unwrap();
        Self::on(stack, clock, settings).await
    }

    async fn on(stack: Stack, clock: ManualClock, settings: ConnectionSettings) -> Self {
        let start = START.parse().unwrap();
        demo::seed(&stack.robaws, &stack.productflow);
        let connection = stack
            .connect(
                "shop",
                (demo::ROBAWS_KEY, demo::ROBAWS_SECRET),
                (demo::COMPANY, demo::TOKEN),
                settings,
                start,
            )
            .await
            .unwrap();
        let robaws = stack.robaws.tenant(demo::TENANT);
        let productflow = stack.productflow.company(demo::COMPANY);
        Self {
            stack,
            clock,
            connection,
            robaws,
            productflow,
        }
    }

    /// An order placed now.
    pub(crate) fn place(&self, order: OrderBuilder) {
        let now = runtime::clock::Clock::now(&self.clock).to_string();
        self.productflow.place(order.placed_at(&now));
    }

    /// Five minutes pass, a poll comes, and the queue is worked off.
    pub(crate) async fn round(&self) {
        self.clock.advance(SignedDuration::from_mins(5));
        self.stack.round().await.unwrap();
    }

    /// Rounds until `minutes` have passed.
    pub(crate) async fn rounds(&self, minutes: i64) {
        for _ in 0..minutes / 5 {
            self.round().await;
        }
    }

    pub(crate) async fn order(&self, identifier: &str) -> OrderRecord {
        self.stack.order(&self.connection, identifier).await.unwrap()
    }

    pub(crate) async fn state(&self, identifier: &str) -> &'static str {
        self.order(identifier).await.state.as_str()
    }

    pub(crate) async fn codes(&self, identifier: &str) -> Vec<&'static str> {
        self.order(identifier)
            .await
            .problems
            .iter()
            .map(|open| open.problem.code.as_str())
            .collect()
    }

    pub(crate) fn stock(&self, article: &str) -> Decimal {
        self.robaws.stock(article, demo::STOCK_LOCATION)
    }

    /// Neither peer saw anything that its contract forbids.
    pub(crate) fn assert_no_violations(&self) {
        let robaws = self.stack.robaws.violations();
        assert!(robaws.is_empty(), "{robaws:#?}");
        let productflow = self.stack.productflow.violations();
        assert!(productflow.is_empty(), "{productflow:#?}");
    }
}

impl Drop for Shop {
    /// No function called what the template does not allow it, whatever the test was about.
    fn drop(&mut self) {
        let refused = self.stack.aws.iam.refused();
        assert!(std::thread::panicking() || refused.is_empty(), "{refused:#?}");
    }
}

pub(crate) fn one_line(identifier: &str) -> OrderBuilder {
    OrderBuilder::new(identifier)
        .external("1083993841")
        .line("A-1", 2, 5998, Some("7"))
}
