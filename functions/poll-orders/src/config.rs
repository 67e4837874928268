//! What the function reads from its environment, and the clients built from it.

use crate::round::Deps;
use peers::Wiring;
use runtime::clock::SystemClock;
use std::sync::Arc;

impl Deps {
    /// From the environment, see [`Wiring::from_env`].
    pub async fn from_env() -> Result<Self, lambda_runtime::Error> {
        let wiring = Wiring::from_env().await?;
        Ok(Self {
            store: wiring.store,
            queue: wiring.queue,
            peers: wiring.peers,
            clock: Arc::new(SystemClock),
        })
    }
}
