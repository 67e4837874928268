//! What the function works with, and how it is built from the environment.

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
    pub store: Store,
    /// Where the secrets of the webhooks are kept.
    pub secrets: SecretStore,
    pub queue: ArticleQueue,
    pub clock: SharedClock,
    /// When the secret of each webhook was last read past the cache.
    pub refreshes: Refreshes,
    pub invocations: Invocations,
}

impl Deps {
    /// Reads `TABLE_NAME`, `SECRET_PREFIX` and `ARTICLES_QUEUE_URL`.
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
