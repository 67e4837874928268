//! What every function that works with connections is built from, read from the environment in one place.

use crate::observe::ProblemCounter;
use crate::{Catalogues, ConnectionSessions, PeerClients};
use runtime::clock::{SharedClock, SystemClock};
use runtime::{aws, env, http};
use std::sync::Arc;
use store::queue::{Queue, QueueMessage};
use store::{SecretStore, Store};
use url::Url;

/// The table, the clients of the peers, and the queues.
#[derive(Clone)]
pub struct Wiring {
    pub store: Store,
    pub peers: PeerClients,
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
        let config = aws::config_from_env()?;
        let robaws: Url = env::read_parsed("ROBAWS_BASE_URL")?;
        let productflow: Url = env::read_parsed("PRODUCTFLOW_BASE_URL")?;
        let http = http::peer_client(&[&robaws, &productflow])?;
        let secretsmanager = aws::secretsmanager_client(&config);
        let secrets = SecretStore::new(secretsmanager.clone(), env::read_required("SECRET_PREFIX")?);
        Ok(Self {
            store: Store::new(aws::dynamodb_client(&config), env::read_required("TABLE_NAME")?)
                .with_observer(Arc::new(ProblemCounter)),
            peers: PeerClients::new(http, robaws, productflow, secrets),
            secretsmanager,
            sqs: aws::sqs_client(&config),
        })
    }

    pub fn queue_at<M: QueueMessage>(&self, url: String) -> Queue<M> {
        Queue::new(self.sqs.clone(), url)
    }

    /// What sessions are opened with, on the clock of the machine.
    pub fn new_sessions(&self) -> ConnectionSessions {
        let clock: SharedClock = Arc::new(SystemClock);
        ConnectionSessions {
            store: self.store.clone(),
            peers: self.peers.clone(),
            catalogues: Catalogues::new(clock.clone(), self.store.clone()),
            clock,
        }
    }
}
