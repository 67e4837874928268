//! Builds what the function works with from the environment.

use crate::round::Deps;
use connection::Wiring;
use runtime::clock::SystemClock;
use runtime::env;
use runtime::invocation::Invocations;
use runtime::telemetry::Started;
use std::sync::Arc;

impl Deps {
    /// Reads what [`Wiring::from_env`] reads, and the URLs of the three queues.
    pub fn from_env(started: &Started) -> Result<Self, lambda_runtime::Error> {
        let wiring = Wiring::from_env()?;
        Ok(Self {
            queue: wiring.queue(env::required("ORDERS_QUEUE_URL")?),
            articles_queue: wiring.queue(env::required("ARTICLES_QUEUE_URL")?),
            sweeps_queue: wiring.queue(env::required("SWEEPS_QUEUE_URL")?),
            store: wiring.store,
            peers: wiring.peers,
            clock: Arc::new(SystemClock),
            invocations: Invocations::ready(started),
        })
    }
}
