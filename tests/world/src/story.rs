//! A shop in both peers, connected, with a clock that stands still until it is moved.

use domain::ids::ConnectionId;
use domain::settings::ConnectionSettings;
use domain::{ClientId, StockLocationId};
use jiff::{SignedDuration, Timestamp};
use local::Stack;
use runtime::clock::{Clock as _, ManualClock};
use rust_decimal::Decimal;
use simulators::traffic::ViolationKind;
use simulators::{Company, OrderBuilder, RobawsTenant, demo};
use std::sync::Arc;
use store::model::OrderRecord;

use crate::end::End;
use crate::logs;

/// The moment at which every story begins.
pub const START: &str = "2026-11-23T08:00:00Z";

/// The stack, both simulators and a clock. At the end of a test that did not fail anyway, the following must hold: no peer saw
/// anything that its contract forbids, no function called what the template does not allow, no secret stands in a log line, no
/// message was given up, and no ledger has a row without an end. A test that wants one of these says so before.
pub struct World {
    pub stack: Stack,
    pub clock: ManualClock,
    /// The connection `shop`.
    pub connection: ConnectionId,
    pub robaws: RobawsTenant,
    pub productflow: Company,
    end: End,
}

pub fn default_settings() -> ConnectionSettings {
    ConnectionSettings {
        b2c_client_id: Some(ClientId::parse(demo::B2C_CLIENT).unwrap()),
        stock_location_id: Some(StockLocationId::parse(demo::STOCK_LOCATION).unwrap()),
        ..ConnectionSettings::default()
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with_settings(default_settings()).await
    }

    pub async fn with_settings(settings: ConnectionSettings) -> Self {
        Self::without_connection().await.connect_shop(settings).await
    }

    /// A world whose processes can be killed at any of their steps.
    pub async fn new_killable(settings: ConnectionSettings) -> Self {
        let clock = ManualClock::starting_at(START.parse().unwrap());
        let stack = Stack::start_killable(Arc::new(clock.clone())).await.unwrap();
        Self::from_stack(stack, clock).connect_shop(settings).await
    }

    /// Both peers with their shops, and no connection yet.
    pub async fn without_connection() -> Self {
        let clock = ManualClock::starting_at(START.parse().unwrap());
        let stack = Box::pin(Stack::start_empty(Arc::new(clock.clone()))).await.unwrap();
        Self::from_stack(stack, clock)
    }

    fn from_stack(stack: Stack, clock: ManualClock) -> Self {
        logs::watch();
        demo::seed_demo_shop(&stack.robaws, &stack.productflow);
        Self {
            connection: ConnectionId::parse("shop").unwrap(),
            robaws: stack.robaws.tenant_named(demo::TENANT),
            productflow: stack.productflow.company_numbered(demo::COMPANY),
            stack,
            clock,
            end: End::default(),
        }
    }

    async fn connect_shop(mut self, settings: ConnectionSettings) -> Self {
        let start = START.parse().unwrap();
        let robaws = (demo::ROBAWS_KEY, demo::ROBAWS_SECRET);
        let productflow = (demo::COMPANY, demo::TOKEN);
        let connected =
            self.stack.create_active_connection("shop", robaws, productflow, settings, start).await;
        self.connection = connected.unwrap();
        self
    }

    /// The test makes the client do something that a peer's contract forbids; it fails when that does not happen.
    pub fn expect_violation(&self, kind: ViolationKind) {
        self.end.expect_violation(kind);
    }

    /// The test ends while it is not known how a row of a ledger ended.
    pub fn leave_unfinished_rows(&self) {
        self.end.leave_unfinished_rows();
    }

    /// The test gives up messages.
    pub fn leave_dead_letters(&self) {
        self.end.leave_dead_letters();
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Places an order now.
    pub fn place_order(&self, order: OrderBuilder) {
        self.productflow.place_order(order.with_placed_at(&self.now().to_string()));
    }

    /// Five minutes pass, a poll comes, and everything is worked off, with what Robaws announces.
    pub async fn poll_and_work(&self) {
        self.clock.advance_by(SignedDuration::from_mins(5));
        Box::pin(self.stack.run_poll()).await.unwrap();
        self.deliver_and_work().await;
    }

    /// Polls and works everything off every five minutes until `minutes` have passed.
    pub async fn poll_for_minutes(&self, minutes: i64) {
        for _ in 0..minutes / 5 {
            self.poll_and_work().await;
        }
    }

    /// Works off the orders queue.
    pub async fn work_off_orders(&self) {
        while Box::pin(self.stack.work_orders()).await.unwrap() > 0 {}
    }

    pub async fn read_order(&self, identifier: &str) -> OrderRecord {
        Box::pin(self.stack.order_record(&self.connection, identifier)).await.unwrap()
    }

    pub async fn order_state(&self, identifier: &str) -> &'static str {
        self.read_order(identifier).await.state.as_str()
    }

    pub async fn problem_codes(&self, identifier: &str) -> Vec<&'static str> {
        self.read_order(identifier).await.problems.iter().map(|open| open.problem.code.as_str()).collect()
    }

    /// Pieces of an article at the connection's stock location.
    pub fn pieces_in_stock(&self, article: &str) -> Decimal {
        self.robaws.stock_at(article, demo::STOCK_LOCATION)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.end.check(&self.stack);
        }
    }
}

/// Two pieces of one article.
pub fn order_of_one_line(identifier: &str) -> OrderBuilder {
    OrderBuilder::new(identifier).with_external_number("1083993841").with_line("A-1", 2, 5998, Some("7"))
}
