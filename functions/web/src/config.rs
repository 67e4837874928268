//! What the function works with, from its environment.

use crate::operator::OperatorToken;
use crate::robaws_web::{Shown, robaws_link};
use connection::{Peers, Wiring};
use runtime::clock::{SharedClock, SystemClock};
use runtime::env;
use runtime::invocation::Invocations;
use runtime::telemetry::Started;
use std::sync::Arc;
use store::Store;
use store::queue::{OrderQueue, SweepQueue};

/// What the function works with, built once per process.
#[derive(Clone)]
pub struct Deps {
    /// Ledger and connections.
    pub store: Store,
    /// The orders queue.
    pub queue: OrderQueue,
    /// The sweeps queue.
    pub sweeps_queue: SweepQueue,
    /// Clients of the peers, and the secrets.
    pub peers: Peers,
    /// Who may call.
    pub operator: OperatorToken,
    /// The time.
    pub clock: SharedClock,
    /// Where the API is reached; absent: the request's own domain.
    pub public_base_url: Option<String>,
    /// Runs invocations.
    pub invocations: Invocations,
}

impl Deps {
    /// Where Robaws shows a record to people.
    pub fn robaws_link(&self, kind: Shown, id: &str) -> String {
        robaws_link(self.peers.robaws_url(), kind, id)
    }

    /// From the environment: what [`Wiring::from_env`] reads, `ORDERS_QUEUE_URL`, `SWEEPS_QUEUE_URL`,
    /// `OPERATOR_TOKEN_SECRET` and, if set, `PUBLIC_BASE_URL`.
    pub fn from_env(started: &Started) -> Result<Self, lambda_runtime::Error> {
        let wiring = Wiring::from_env()?;
        Ok(Self {
            queue: wiring.queue(env::required("ORDERS_QUEUE_URL")?),
            sweeps_queue: wiring.queue(env::required("SWEEPS_QUEUE_URL")?),
            store: wiring.store,
            peers: wiring.peers,
            operator: OperatorToken::new(wiring.secretsmanager, env::required("OPERATOR_TOKEN_SECRET")?),
            clock: Arc::new(SystemClock),
            public_base_url: env::optional("PUBLIC_BASE_URL"),
            invocations: Invocations::ready(started),
        })
    }
}
