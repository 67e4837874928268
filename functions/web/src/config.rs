//! The dependencies of the function, built from its environment.

use crate::operator::OperatorToken;
use crate::robaws_web::{RobawsRecord, robaws_link};
use connection::{PeerClients, Wiring};
use runtime::clock::{SharedClock, SystemClock};
use runtime::env;
use runtime::invocation::Invocations;
use runtime::telemetry::StartedProcess;
use std::sync::Arc;
use store::Store;
use store::queue::{OrderQueue, SweepQueue};

/// The dependencies of the function, built once per process.
#[derive(Clone)]
pub struct Deps {
    pub store: Store,
    pub orders_queue: OrderQueue,
    pub sweeps_queue: SweepQueue,
    /// Makes clients of Robaws and ProductFlow, and holds the secrets of connections.
    pub peers: PeerClients,
    /// Checks the token of whoever calls the API.
    pub operator_token: OperatorToken,
    pub clock: SharedClock,
    /// Base URL under which the API is reached from outside (`PUBLIC_BASE_URL`); absent: the domain of the request.
    pub public_base_url: Option<String>,
    pub invocations: Invocations,
}

impl Deps {
    /// Link to the page on which Robaws shows a record to people.
    pub fn robaws_link(&self, kind: RobawsRecord, id: &str) -> String {
        robaws_link(self.peers.robaws_url(), kind, id)
    }

    /// Reads what [`Wiring::from_env`] reads, and `ORDERS_QUEUE_URL`, `SWEEPS_QUEUE_URL`, `OPERATOR_TOKEN_SECRET` and, if set,
    /// `PUBLIC_BASE_URL`.
    pub fn from_env(started: &StartedProcess) -> Result<Self, lambda_runtime::Error> {
        let wiring = Wiring::from_env()?;
        Ok(Self {
            orders_queue: wiring.queue_at(env::read_required("ORDERS_QUEUE_URL")?),
            sweeps_queue: wiring.queue_at(env::read_required("SWEEPS_QUEUE_URL")?),
            store: wiring.store,
            peers: wiring.peers,
            operator_token: OperatorToken::new(
                wiring.secretsmanager,
                env::read_required("OPERATOR_TOKEN_SECRET")?,
            ),
            clock: Arc::new(SystemClock),
            public_base_url: env::read_optional("PUBLIC_BASE_URL"),
            invocations: Invocations::on_lambda(started),
        })
    }
}
