//! What every function that works with connections is wired from: the same variables, read in one place.

use crate::Peers;
use runtime::{aws, env, http};
use store::queue::OrderQueue;
use store::{SecretStore, Store};
use url::Url;

/// The store, the queue and the peers.
#[derive(Clone)]
pub struct Wiring {
    /// Ledger and connections.
    pub store: Store,
    /// The orders queue.
    pub queue: OrderQueue,
    /// Clients of the peers, and the secrets.
    pub peers: Peers,
    /// Secrets Manager itself.
    pub secretsmanager: aws_sdk_secretsmanager::Client,
}

impl Wiring {
    /// From `TABLE_NAME`, `ORDERS_QUEUE_URL`, `SECRET_PREFIX`, `ROBAWS_BASE_URL` and `PRODUCTFLOW_BASE_URL`.
    pub async fn from_env() -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let config = aws::load().await;
        let robaws: Url = env::parsed("ROBAWS_BASE_URL")?;
        let productflow: Url = env::parsed("PRODUCTFLOW_BASE_URL")?;
        let http = http::client(&[&robaws, &productflow])?;
        let secretsmanager = aws::secretsmanager(&config);
        let secrets = SecretStore::new(secretsmanager.clone(), env::required("SECRET_PREFIX")?);
        Ok(Self {
            store: Store::new(aws::dynamodb(&config), env::required("TABLE_NAME")?),
            queue: OrderQueue::new(aws::sqs(&config), env::required("ORDERS_QUEUE_URL")?),
            peers: Peers::new(http, robaws, productflow, secrets),
            secretsmanager,
        })
    }
}
