//! Builds what the function works with from the environment.

use crate::batch::Deps;
use connection::Wiring;
use runtime::env;
use runtime::invocation::Invocations;
use runtime::telemetry::Started;

impl Deps {
    /// Reads what [`Wiring::from_env`] reads, and `ARTICLES_QUEUE_URL`.
    pub fn from_env(started: &Started) -> Result<Self, lambda_runtime::Error> {
        let wiring = Wiring::from_env()?;
        Ok(Self {
            sessions: wiring.sessions(),
            queue: wiring.queue(env::required("ARTICLES_QUEUE_URL")?),
            invocations: Invocations::ready(started),
        })
    }
}
