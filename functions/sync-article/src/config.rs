//! Builds what the function works with from the environment.

use crate::batch::Deps;
use connection::Wiring;
use runtime::env;
use runtime::invocation::Invocations;
use runtime::telemetry::StartedProcess;

impl Deps {
    /// Reads what [`Wiring::from_env`] reads, and `ARTICLES_QUEUE_URL`.
    pub fn from_env(started: &StartedProcess) -> Result<Self, lambda_runtime::Error> {
        let wiring = Wiring::from_env()?;
        Ok(Self {
            sessions: wiring.new_sessions(),
            queue: wiring.queue_at(env::read_required("ARTICLES_QUEUE_URL")?),
            invocations: Invocations::on_lambda(started),
        })
    }
}
