//! Builds what the function works with from the environment.

use crate::all_connections::Deps;
use connection::Wiring;
use runtime::clock::SystemClock;
use runtime::env;
use runtime::invocation::Invocations;
use runtime::telemetry::StartedProcess;
use std::sync::Arc;

impl Deps {
    /// Reads what [`Wiring::from_env`] reads, and the URLs of the three queues.
    pub fn from_env(started: &StartedProcess) -> Result<Self, lambda_runtime::Error> {
        let wiring = Wiring::from_env()?;
        Ok(Self {
            queue: wiring.queue_at(env::read_required("ORDERS_QUEUE_URL")?),
            articles_queue: wiring.queue_at(env::read_required("ARTICLES_QUEUE_URL")?),
            sweeps_queue: wiring.queue_at(env::read_required("SWEEPS_QUEUE_URL")?),
            store: wiring.store,
            peers: wiring.peers,
            clock: Arc::new(SystemClock),
            invocations: Invocations::on_lambda(started),
        })
    }
}
