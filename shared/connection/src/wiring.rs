//! What every function that works with connections is wired from: the same variables, read in one place.

use crate::observe::Problems;
use crate::{Catalogues, Peers, Sessions};
use runtime::clock::{SharedClock, SystemClock};
use runtime::{aws, env, http};
use std::sync::Arc;
use store::queue::{Message, Queue};
use store::{SecretStore, Store};
use url::Url;

/// The store, the peers, and the queues of those that ask for them.
#[derive(Clone)]
pub struct Wiring {
    /// Ledger and connections.
    pub store: Store,
    /// Clients of the peers, and the secrets.
    pub peers: Peers,
    /// Secrets Manager itself.
    pub secretsmanager: aws_sdk_secretsmanager::Client,
    sqs: aws_sdk_sqs::Client,
}

impl Wiring {
    /// From `TABLE_NAME`, `SECRET_PREFIX`, `ROBAWS_BASE_URL` and `PRODUCTFLOW_BASE_URL`.
    pub fn from_env() -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let config = aws::load()?;
        let robaws: Url = env::parsed("ROBAWS_BASE_URL")?;
        let productflow: Url = env::parsed("PRODUCTFLOW_BASE_URL")?;
        let http = http::client(&[&robaws, &productflow])?;
        let secretsmanager = aws::secretsmanager(&config);
        let secrets = SecretStore::new(secretsmanager.clone(), env::required("SECRET_PREFIX")?);
        Ok(Self {
            store: Store::new(aws::dynamodb(&config), env::required("TABLE_NAME")?)
                .observed(Arc::new(Problems)),
            peers: Peers::new(http, robaws, productflow, secrets),
            secretsmanager,
            sqs: aws::sqs(&config),
        })
    }

    /// The queue with this URL.
    pub fn queue<M: Message>(&self, url: String) -> Queue<M> {
        Queue::new(self.sqs.clone(), url)
    }

    /// What sessions are opened with, on the machine's clock.
    pub fn sessions(&self) -> Sessions {
        let clock: SharedClock = Arc::new(SystemClock);
        Sessions {
            store: self.store.clone(),
            peers: self.peers.clone(),
            catalogues: Catalogues::new(clock.clone(), self.store.clone()),
            clock,
        }
    }
}
