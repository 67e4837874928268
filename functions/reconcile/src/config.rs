//! What the function works with, and how it is built from the environment.

use connection::{ConnectionSessions, Wiring};
use runtime::env;
use runtime::invocation::Invocations;
use runtime::telemetry::StartedProcess;
use store::queue::{ArticleQueue, SweepQueue};

/// What the function works with, built once per process.
#[derive(Clone)]
pub struct Deps {
    pub sessions: ConnectionSessions,
    pub articles_queue: ArticleQueue,
    pub sweeps_queue: SweepQueue,
    pub invocations: Invocations,
}

impl Deps {
    /// Reads what [`Wiring::from_env`] reads, `ARTICLES_QUEUE_URL` and `SWEEPS_QUEUE_URL`.
    pub fn from_env(started: &StartedProcess) -> Result<Self, lambda_runtime::Error> {
        let wiring = Wiring::from_env()?;
        Ok(Self {
            sessions: wiring.new_sessions(),
            articles_queue: wiring.queue_at(env::read_required("ARTICLES_QUEUE_URL")?),
            sweeps_queue: wiring.queue_at(env::read_required("SWEEPS_QUEUE_URL")?),
            invocations: Invocations::on_lambda(started),
        })
    }
}
