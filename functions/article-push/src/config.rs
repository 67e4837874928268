//! What the function works with, from its environment.

use crate::push::Refreshes;
use runtime::clock::{SharedClock, SystemClock};
use runtime::invocation::Invocations;
use runtime::telemetry::Started;
use runtime::{aws, env};
use std::sync::Arc;
use store::queue::ArticleQueue;
use store::{SecretStore, Store};

/// What the function works with, built once per process.
#[derive(Clone)]
pub struct Deps {
    /// Connections.
    pub store: Store,
    /// The secrets of the webhooks.
    pub secrets: SecretStore,
    /// The articles queue.
    pub queue: ArticleQueue,
    /// The time.
    pub clock: SharedClock,
    /// When secrets were last read past the cache.
    pub refreshes: Refreshes,
    /// Runs invocations.
    pub invocations: Invocations,
}

impl Deps {
    /// From `TABLE_NAME`, `SECRET_PREFIX` and `ARTICLES_QUEUE_URL`.
    pub fn from_env(started: &Started) -> Result<Self, lambda_runtime::Error> {
        let config = aws::load()?;
        Ok(Self {
            store: Store::new(aws::dynamodb(&config), env::required("TABLE_NAME")?),
            secrets: SecretStore::new(aws::secretsmanager(&config), env::required("SECRET_PREFIX")?),
            queue: ArticleQueue::new(aws::sqs(&config), env::required("ARTICLES_QUEUE_URL")?),
            clock: Arc::new(SystemClock),
            refreshes: Refreshes::default(),
            invocations: Invocations::ready(started),
        })
    }
}
