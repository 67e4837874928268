//! The embedded AWS services and SDK clients for them.

use crate::{secretsmanager, sqs};
use anyhow::Context as _;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use runtime::clock::SharedClock;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The table of the stack.
pub const TABLE: &str = "connector";
/// What names of secrets begin with.
pub const SECRET_PREFIX: &str = "connector/connections/";

/// The services, and clients for them. Dropping it stops them.
pub struct Aws {
    /// DynamoDB, with the table created.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// Secrets Manager.
    pub secretsmanager: aws_sdk_secretsmanager::Client,
    /// A look inside the queues.
    pub queues: sqs::Queues,
    /// A look inside Secrets Manager.
    pub secrets: secretsmanager::Secrets,
    _tasks: JoinSet<()>,
}

macro_rules! client {
    ($sdk:ident, $address:expr) => {
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .endpoint_url(format!("http://{}", $address))
                .region(Region::new("eu-west-1"))
                .credentials_provider(Credentials::for_tests())
                .build(),
        )
    };
}

impl Aws {
    /// Starts the services, with empty memories.
    pub async fn start(clock: SharedClock) -> anyhow::Result<Self> {
        let mut tasks = JoinSet::new();
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("DynamoDB's port")?;
        let dynamodb = client!(aws_sdk_dynamodb, listener.local_addr()?);
        let database = dynoxide::Database::memory().map_err(|e| anyhow::anyhow!("DynamoDB: {e}"))?;
        tasks.spawn(async move { dynoxide::server::serve_on(listener, database).await });

        let queues = sqs::Queues::new(clock.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.context("SQS' port")?;
        let sqs = client!(aws_sdk_sqs, listener.local_addr()?);
        let router = sqs::router(queues.clone());
        tasks.spawn(async move { serve(listener, router).await });

        let secrets = secretsmanager::Secrets::default();
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("Secrets Manager's port")?;
        let secretsmanager = client!(aws_sdk_secretsmanager, listener.local_addr()?);
        let router = secretsmanager::router(secrets.clone());
        tasks.spawn(async move { serve(listener, router).await });

        store::schema::create_table(&dynamodb, TABLE)
            .await
            .context("the table")?;
        Ok(Self {
            dynamodb,
            sqs,
            secretsmanager,
            queues,
            secrets,
            _tasks: tasks,
        })
    }
}

async fn serve(listener: TcpListener, router: axum::Router) {
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(error = %error, "an embedded AWS service stopped");
    }
}
