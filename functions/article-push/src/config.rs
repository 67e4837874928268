//! What the function works with, and how it is built from the environment.

use crate::intake::SecretRereads;
use runtime::clock::{SharedClock, SystemClock};
use runtime::invocation::Invocations;
use runtime::telemetry::StartedProcess;
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
    pub secret_rereads: SecretRereads,
    pub invocations: Invocations,
}

impl Deps {
    /// Reads `TABLE_NAME`, `SECRET_PREFIX` and `ARTICLES_QUEUE_URL`.
    pub fn from_env(started: &StartedProcess) -> Result<Self, lambda_runtime::Error> {
        let config = aws::config_from_env()?;
        Ok(Self {
            store: Store::new(aws::dynamodb_client(&config), env::read_required("TABLE_NAME")?),
            secrets: SecretStore::new(
                aws::secretsmanager_client(&config),
                env::read_required("SECRET_PREFIX")?,
            ),
            queue: ArticleQueue::new(aws::sqs_client(&config), env::read_required("ARTICLES_QUEUE_URL")?),
            clock: Arc::new(SystemClock),
            secret_rereads: SecretRereads::default(),
            invocations: Invocations::on_lambda(started),
        })
    }
}
