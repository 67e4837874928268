//! What the function reads from its environment, and the clients built from it.

use crate::batch::Deps;
use peers::{Catalogues, Wiring};
use runtime::clock::{SharedClock, SystemClock};
use std::sync::Arc;

impl Deps {
    /// From the environment, see [`Wiring::from_env`].
    pub async fn from_env() -> Result<Self, lambda_runtime::Error> {
        let wiring = Wiring::from_env().await?;
        let clock: SharedClock = Arc::new(SystemClock);
        Ok(Self {
            store: wiring.store,
            queue: wiring.queue,
            peers: wiring.peers,
            catalogues: Catalogues::new(clock.clone()),
            clock,
        })
    }
}
