//! What the function reads from its environment, and the clients built from it.

use crate::batch::Deps;
use peers::{Catalogues, Peers};
use runtime::clock::{SharedClock, SystemClock};
use runtime::{aws, env, http};
use std::sync::Arc;
use store::queue::OrderQueue;
use store::{SecretStore, Store};
use url::Url;

impl Deps {
    /// From `TABLE_NAME`, `ORDERS_QUEUE_URL`, `SECRET_PREFIX`, `ROBAWS_BASE_URL` and `PRODUCTFLOW_BASE_URL`.
    pub async fn from_env() -> Result<Self, lambda_runtime::Error> {
        let config = aws::load().await;
        let robaws: Url = env::parsed("ROBAWS_BASE_URL")?;
        let productflow: Url = env::parsed("PRODUCTFLOW_BASE_URL")?;
        let http = http::client(&[&robaws, &productflow])?;
        let secrets = SecretStore::new(aws::secretsmanager(&config), env::required("SECRET_PREFIX")?);
        let clock: SharedClock = Arc::new(SystemClock);
        Ok(Self {
            store: Store::new(aws::dynamodb(&config), env::required("TABLE_NAME")?),
            queue: OrderQueue::new(aws::sqs(&config), env::required("ORDERS_QUEUE_URL")?),
            peers: Peers::new(http, robaws, productflow, secrets),
            catalogues: Catalogues::new(clock.clone()),
            clock,
        })
    }
}
