//! What every function that works with connections is built from, read from the environment in one place.

use crate::observe::Problems;
use crate::{Catalogues, Peers, Sessions};
use runtime::clock::{SharedClock, SystemClock};
use runtime::{aws, env, http};
use std::sync::Arc;
use store::queue::{Message, Queue};
use store::{SecretStore, Store};
use url::Url;

/// The table, the clients of the peers, and the queues.
#[derive(Clone)]
pub struct Wiring {
    pub store: Store,
    pub peers: Peers,
    /// The Secrets Manager client itself, for secrets other than credentials.
    pub secretsmanager: aws_sdk_secretsmanager::Client,
    sqs: aws_sdk_sqs::Client,
}

impl Wiring {
    /// Reads `TABLE_NAME`, `SECRET_PREFIX`, `ROBAWS_BASE_URL` and `PRODUCTFLOW_BASE_URL`.
    ///
    /// # Errors
    ///
    /// When one of them is missing or does not parse, or when an HTTP client cannot be built.
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

    pub fn queue<M: Message>(&self, url: String) -> Queue<M> {
        Queue::new(self.sqs.clone(), url)
    }

    /// What sessions are opened with, on the clock of the machine.
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
