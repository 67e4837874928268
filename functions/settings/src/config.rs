//! What the function works with, from its environment.

use crate::operator::OperatorToken;
use peers::Peers;
use runtime::clock::{SharedClock, SystemClock};
use runtime::{aws, env, http};
use std::sync::Arc;
use store::queue::OrderQueue;
use store::{SecretStore, Store};
use url::Url;

/// What the function works with, built once per process.
#[derive(Clone)]
pub struct Deps {
    /// Ledger and connections.
    pub store: Store,
    /// The orders queue.
    pub queue: OrderQueue,
    /// Clients of the peers, and the secrets.
    pub peers: Peers,
    /// Who may call.
    pub operator: OperatorToken,
    /// The time.
    pub clock: SharedClock,
    /// Where the API is reached; absent: the request's own domain.
    pub public_base_url: Option<String>,
}

impl Deps {
    /// From `TABLE_NAME`, `ORDERS_QUEUE_URL`, `SECRET_PREFIX`, `ROBAWS_BASE_URL`, `PRODUCTFLOW_BASE_URL`,
    /// `OPERATOR_TOKEN_SECRET` and, if set, `PUBLIC_BASE_URL`.
    pub async fn from_env() -> Result<Self, lambda_runtime::Error> {
        let config = aws::load().await;
        let robaws: Url = env::parsed("ROBAWS_BASE_URL")?;
        let productflow: Url = env::parsed("PRODUCTFLOW_BASE_URL")?;
        let http = http::client(&[&robaws, &productflow])?;
        let secrets = aws::secretsmanager(&config);
        let operator = OperatorToken::new(secrets.clone(), env::required("OPERATOR_TOKEN_SECRET")?);
        let secrets = SecretStore::new(secrets, env::required("SECRET_PREFIX")?);
        Ok(Self {
            store: Store::new(aws::dynamodb(&config), env::required("TABLE_NAME")?),
            queue: OrderQueue::new(aws::sqs(&config), env::required("ORDERS_QUEUE_URL")?),
            peers: Peers::new(http, robaws, productflow, secrets),
            operator,
            clock: Arc::new(SystemClock) as SharedClock,
            public_base_url: env::optional("PUBLIC_BASE_URL"),
        })
    }
}
