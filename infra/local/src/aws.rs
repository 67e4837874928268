//! The embedded AWS services (DynamoDB, SQS, Secrets Manager) and SDK clients for them.

use crate::directory::Directory;
use crate::iam::{Iam, Role};
use crate::steps::{self, Steps};
use crate::{secretsmanager, sqs};
use anyhow::{Context as _, anyhow};
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use runtime::clock::SharedClock;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Name of the connector's table.
pub const TABLE: &str = "connector";
/// Prefix of the names of the connections' secrets.
pub const SECRET_PREFIX: &str = "connector/connections/";

/// The running services, and clients for them that may call everything. Dropping this value stops the services.
pub struct Aws {
    /// A client for DynamoDB, in which the table exists.
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub secretsmanager: aws_sdk_secretsmanager::Client,
    /// Direct access to the queues of SQS.
    pub queues: sqs::Queues,
    /// Direct access to the secrets of Secrets Manager.
    pub secrets: secretsmanager::Secrets,
    /// What the functions may call, and what they have called.
    pub iam: Iam,
    database: dynoxide::Database,
    http: SharedHttpClient,
    addresses: Addresses,
    _tasks: JoinSet<()>,
}

/// The addresses on which the services listen.
#[derive(Clone, Copy)]
struct Addresses {
    dynamodb: SocketAddr,
    sqs: SocketAddr,
    secretsmanager: SocketAddr,
}

/// The URLs of the services, for another process.
#[derive(Debug, Clone)]
pub struct Endpoints {
    pub dynamodb: String,
    pub sqs: String,
    pub secretsmanager: String,
}

/// The AWS clients of one function.
#[derive(Clone)]
pub struct Clients {
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub secretsmanager: aws_sdk_secretsmanager::Client,
}

macro_rules! client {
    ($sdk:ident, $http:expr, $address:expr, $role:expr) => {{
        let mut config = $sdk::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .endpoint_url(format!("http://{}", $address))
            .http_client($http.clone())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::for_tests());
        if let Some(role) = $role {
            config = config.interceptor(role);
        }
        $sdk::Client::from_conf(config.build())
    }};
}

/// Clients with the role of a function. Clients without a role may call everything.
fn build_clients(http: &SharedHttpClient, at: Addresses, role: Option<&Role>) -> Clients {
    Clients {
        dynamodb: client!(aws_sdk_dynamodb, http, at.dynamodb, role.cloned()),
        sqs: client!(aws_sdk_sqs, http, at.sqs, role.cloned()),
        secretsmanager: client!(aws_sdk_secretsmanager, http, at.secretsmanager, role.cloned()),
    }
}

impl Aws {
    /// Starts the services, all of them empty.
    pub async fn start_services(clock: SharedClock) -> anyhow::Result<Self> {
        Self::start_services_with(clock, None, None).await
    }

    /// Starts the services with table and secrets from `directory`, if there is one; the queues are always empty. With `steps`
    /// every call to a service is watched.
    pub(crate) async fn start_services_with(
        clock: SharedClock,
        directory: Option<Arc<Directory>>,
        steps: Option<&Steps>,
    ) -> anyhow::Result<Self> {
        let watched = |router, name| match steps {
            Some(steps) => steps.watch_service(router, name),
            None => router,
        };
        let mut tasks = JoinSet::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.context("DynamoDB's port")?;
        let mut dynamodb = listener.local_addr()?;
        let database = match &directory {
            Some(directory) => {
                let opened = dynoxide::Database::new(&directory.prepare_table_file()?);
                opened.map_err(|e| anyhow!("the table in {}: {e}", directory.path().display()))?
            }
            None => dynoxide::Database::memory().map_err(|e| anyhow!("DynamoDB: {e}"))?,
        };
        let served = database.clone();
        tasks.spawn(async move { dynoxide::server::serve_on(listener, served).await });
        if let Some(steps) = steps {
            // dynoxide serves by itself, so no layer can be put around it: a server of ours in front hands its calls on.
            let router = steps.watch_service(steps::forward_to(dynamodb), "DynamoDB");
            let listener = TcpListener::bind("127.0.0.1:0").await.context("DynamoDB's second port")?;
            dynamodb = listener.local_addr()?;
            tasks.spawn(async move { serve_router(listener, router).await });
        }

        let queues = sqs::Queues::new(clock.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.context("SQS' port")?;
        let sqs = listener.local_addr()?;
        let router = watched(sqs::build_router(queues.clone()), "SQS");
        tasks.spawn(async move { serve_router(listener, router).await });

        let secrets = match directory {
            Some(directory) => secretsmanager::Secrets::kept_in(directory)?,
            None => secretsmanager::Secrets::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.context("Secrets Manager's port")?;
        let secretsmanager = listener.local_addr()?;
        let router = watched(secretsmanager::build_router(secrets.clone()), "Secrets Manager");
        tasks.spawn(async move { serve_router(listener, router).await });

        let http = runtime::aws::http_client().context("the HTTP client")?;
        let at = Addresses { dynamodb, sqs, secretsmanager };
        let Clients { dynamodb, sqs, secretsmanager } = build_clients(&http, at, None);
        let tables = dynamodb.list_tables().send().await.context("the tables")?;
        if !tables.table_names().iter().any(|name| name == TABLE) {
            store::schema::create_table(&dynamodb, TABLE).await.context("the table")?;
        }
        Ok(Self {
            dynamodb,
            sqs,
            secretsmanager,
            queues,
            secrets,
            iam: Iam::from_template()?,
            database,
            http,
            addresses: at,
            _tasks: tasks,
        })
    }

    /// Every item of the table in DynamoDB's JSON, read past the service: also when nobody can wait for it.
    pub fn stored_items(&self) -> anyhow::Result<Vec<serde_json::Value>> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let request = dynoxide::actions::scan::ScanRequest {
                table_name: TABLE.to_owned(),
                exclusive_start_key: start.take(),
                ..Default::default()
            };
            let page = self.database.scan(request).map_err(|e| anyhow!("the table: {e}"))?;
            for item in page.items.unwrap_or_default() {
                items.push(serde_json::to_value(item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
    }

    /// The URLs of the services, for a process that builds its own clients.
    pub fn endpoints(&self) -> Endpoints {
        let url = |address: SocketAddr| format!("http://{address}");
        Endpoints {
            dynamodb: url(self.addresses.dynamodb),
            sqs: url(self.addresses.sqs),
            secretsmanager: url(self.addresses.secretsmanager),
        }
    }

    /// The clients of a function. They may call only what the template allows that function.
    pub fn clients_for(&self, function: &'static str) -> Clients {
        build_clients(&self.http, self.addresses, Some(&self.iam.role_of(function)))
    }
}

async fn serve_router(listener: TcpListener, router: axum::Router) {
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(error = %error, "an embedded AWS service stopped");
    }
}
