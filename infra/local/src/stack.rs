//! The stack: both peers, the embedded AWS services, and the handlers fed with real Lambda events: of the EventBridge rule,
//! the SQS event source and API Gateway.

use crate::api;
use crate::aws::{Aws, SECRET_PREFIX, TABLE};
use anyhow::{Context as _, anyhow};
use aws_sdk_sqs::types::MessageSystemAttributeName;
use domain::ids::{CompanyId, ConnectionId, OrderIdentifier};
use domain::settings::{ConnectionSettings, Language};
use jiff::Timestamp;
use lambda_runtime::{Context, LambdaEvent};
use peers::{Catalogues, Peers};
use runtime::clock::SharedClock;
use serde_json::{Value, json};
use simulators::{ProductFlowSim, RobawsSim, Server, spawn, spawn_on};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use store::model::{CONNECTION_SCHEMA, Connection, ConnectionState, OrderRecord};
use store::queue::OrderQueue;
use store::secrets::{Credentials, ProductflowLogin, RobawsLogin};
use store::{SecretStore, Store};
use url::Url;

/// The orders queue.
pub const ORDERS_QUEUE: &str = "orders.fifo";
/// The operator's token.
pub const OPERATOR_TOKEN: &str = "LocalOperatorTokenThatProtectsNothingButThisMachine";
/// The secret that holds it.
const OPERATOR_SECRET: &str = "connector/operator-token";

/// The time limit of poll-orders.
const POLL_TIME_LIMIT: Duration = Duration::from_mins(4);

/// Ports of the three servers; 0 is any free one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ports {
    /// The connector's API.
    pub api: u16,
    /// Robaws.
    pub robaws: u16,
    /// ProductFlow.
    pub productflow: u16,
}

/// Everything, running.
pub struct Stack {
    /// Robaws.
    pub robaws: RobawsSim,
    /// ProductFlow.
    pub productflow: ProductFlowSim,
    /// Where Robaws listens.
    pub robaws_server: Server,
    /// Where ProductFlow listens.
    pub productflow_server: Server,
    /// DynamoDB, SQS, Secrets Manager.
    pub aws: Aws,
    /// The connector's own view of the table.
    pub store: Store,
    /// The secrets.
    pub secrets: SecretStore,
    /// Where the connector's API listens.
    pub api_server: Server,
    clock: SharedClock,
    poll: poll_orders::Deps,
    process: process_order::Deps,
    settings: settings::Deps,
    time_limit: Duration,
}

async fn listen(router: axum::Router, port: u16, what: &'static str) -> anyhow::Result<Server> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    match spawn_on(router.clone(), address).await {
        Ok(server) => Ok(server),
        // Something else has the port: any other will do, since it is printed.
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => spawn(router).await.context(what),
        Err(error) => Err(error).context(what),
    }
}

impl Stack {
    /// Starts everything, empty, on free ports, by this clock.
    pub async fn start(clock: SharedClock) -> anyhow::Result<Self> {
        Self::start_on(clock, Ports::default()).await
    }

    /// Starts everything, empty, on these ports where they are free.
    pub async fn start_on(clock: SharedClock, ports: Ports) -> anyhow::Result<Self> {
        let sim_clock: simulators::Clock = {
            let clock = clock.clone();
            Arc::new(move || clock.now())
        };
        let robaws = RobawsSim::new(sim_clock.clone());
        let productflow = ProductFlowSim::new(sim_clock);
        let robaws_server = listen(robaws.router(), ports.robaws, "Robaws' simulator").await?;
        let productflow_server =
            listen(productflow.router(), ports.productflow, "ProductFlow's simulator").await?;
        let aws = Aws::start(clock.clone()).await?;
        let robaws_url: Url = format!("{}/api/v2", robaws_server.url()).parse()?;
        let productflow_url: Url = format!("{}/api/v1", productflow_server.url()).parse()?;
        let http = runtime::http::client(&[&robaws_url, &productflow_url])?;
        let secrets = SecretStore::new(aws.secretsmanager.clone(), SECRET_PREFIX);
        let peers = Peers::new(http, robaws_url, productflow_url, secrets.clone());
        let store = Store::new(aws.dynamodb.clone(), TABLE);
        let queue = OrderQueue::new(
            aws.sqs.clone(),
            format!("http://localhost/000000000000/{ORDERS_QUEUE}"),
        );
        let poll = poll_orders::Deps {
            store: store.clone(),
            queue: queue.clone(),
            peers: peers.clone(),
            clock: clock.clone(),
        };
        let process = process_order::Deps {
            store: store.clone(),
            queue: queue.clone(),
            peers: peers.clone(),
            catalogues: Catalogues::new(clock.clone()),
            clock: clock.clone(),
        };
        aws.secretsmanager
            .create_secret()
            .name(OPERATOR_SECRET)
            .secret_string(OPERATOR_TOKEN)
            .send()
            .await?;
        let settings = settings::Deps {
            store: store.clone(),
            queue,
            peers,
            operator: settings::operator::OperatorToken::new(aws.secretsmanager.clone(), OPERATOR_SECRET),
            clock: clock.clone(),
            public_base_url: None,
        };
        let api_server = listen(api::router(settings.clone()), ports.api, "the API").await?;
        let time_limit = Duration::from_secs(90);
        Ok(Self {
            robaws,
            productflow,
            robaws_server,
            productflow_server,
            aws,
            store,
            secrets,
            api_server,
            clock,
            poll,
            process,
            settings,
            time_limit,
        })
    }

    /// The time limit of process-order, 90 s unless a test shortens it.
    pub fn set_time_limit(&mut self, limit: Duration) {
        self.time_limit = limit;
    }

    /// Forgets what a process remembers, as a new process would.
    pub fn restart(&mut self) {
        self.process.catalogues = Catalogues::new(self.clock.clone());
    }

    /// Creates and activates a connection for a Robaws API user and a ProductFlow company that exist already.
    pub async fn connect(
        &self,
        id: &str,
        robaws: (&str, &str),
        productflow: (u64, &str),
        settings: ConnectionSettings,
        go_live: Timestamp,
    ) -> anyhow::Result<ConnectionId> {
        let id = ConnectionId::parse(id)?;
        let credentials = Credentials {
            robaws: Some(RobawsLogin {
                key: robaws.0.into(),
                secret: robaws.1.into(),
            }),
            productflow: Some(ProductflowLogin {
                access_token: productflow.1.into(),
            }),
        };
        let version = self.secrets.put(&id, &credentials).await?;
        let now = self.clock.now();
        let company = CompanyId(productflow.0);
        let connection = Connection {
            schema: CONNECTION_SCHEMA,
            id: id.clone(),
            version: 1,
            language: Language::En,
            settings,
            state: ConnectionState::Active,
            company: Some(company),
            has_robaws: true,
            has_productflow: true,
            secret_version: Some(version),
            go_live: Some(go_live),
            activated_at: Some(now),
            first_activated_at: Some(now),
            deactivated_at: None,
            created_at: now,
            catalogue_stamp: 0,
            settings_stamp: 0,
            public_base_url: None,
        };
        self.store.create_connection(&connection).await?;
        self.store.activate(&connection, company).await?;
        Ok(id)
    }

    /// A request to the connector's API with the operator's token; `body`: `Null` for none. Gives status and body.
    pub async fn api(
        &self,
        method: &str,
        path_and_query: &str,
        body: &Value,
    ) -> anyhow::Result<(u16, Value)> {
        let headers = json!({ "authorization": format!("Bearer {OPERATOR_TOKEN}"), "content-type": "application/json" });
        let Value::Object(headers) = headers else {
            return Err(anyhow!("headers are an object"));
        };
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let event = api::event(method, path, query, &headers, "localhost", &body.into())?;
        let (status, body) = api::call(&self.settings, event).await?;
        Ok((status, serde_json::from_str(&body).unwrap_or(Value::String(body))))
    }

    /// Invokes the settings function with an event of the HTTP API; gives status and body.
    pub async fn call_settings(&self, event: Value) -> anyhow::Result<(u16, String)> {
        api::call(&self.settings, event).await
    }

    fn context(limit: Duration) -> anyhow::Result<Context> {
        let mut context = Context::default();
        context.request_id = uuid::Uuid::new_v4().to_string();
        let end = runtime::clock::Clock::now(&runtime::clock::SystemClock)
            .checked_add(jiff::SignedDuration::try_from(limit)?)?;
        context.deadline = u64::try_from(end.as_millisecond())?;
        Ok(context)
    }

    /// One tick of the EventBridge rule.
    pub async fn poll(&self) -> anyhow::Result<Value> {
        let event = json!({
            "version": "0", "id": uuid::Uuid::new_v4().to_string(), "detail-type": "Scheduled Event",
            "source": "aws.events", "account": "000000000000", "time": self.clock.now().to_string(),
            "region": "eu-west-1", "resources": ["arn:aws:events:eu-west-1:000000000000:rule/poll"], "detail": {},
        });
        let event = LambdaEvent::new(event, Self::context(POLL_TIME_LIMIT)?);
        poll_orders::handle(&self.poll, event)
            .await
            .map_err(|error| anyhow!("poll-orders: {error}"))
    }

    /// One delivery of the event source mapping: up to ten messages to process-order; what it does not report as failed is
    /// deleted. Gives the number of messages received.
    pub async fn work(&self) -> anyhow::Result<usize> {
        let url = format!("http://localhost/000000000000/{ORDERS_QUEUE}");
        let received = self
            .aws
            .sqs
            .receive_message()
            .queue_url(&url)
            .max_number_of_messages(10)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await?
            .messages
            .unwrap_or_default();
        if received.is_empty() {
            return Ok(0);
        }
        let records: Vec<Value> = received
            .iter()
            .map(|message| {
                let attributes: serde_json::Map<String, Value> = message
                    .attributes()
                    .into_iter()
                    .flatten()
                    .map(|(name, value)| (name.as_str().to_owned(), Value::from(value.as_str())))
                    .collect();
                json!({
                    "messageId": message.message_id(), "receiptHandle": message.receipt_handle(),
                    "body": message.body(), "attributes": attributes, "messageAttributes": {},
                    "md5OfBody": message.md5_of_body(), "eventSource": "aws:sqs",
                    "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:orders.fifo", "awsRegion": "eu-west-1",
                })
            })
            .collect();
        let event = serde_json::from_value(json!({ "Records": records }))?;
        let invocation = process_order::handle(
            &self.process,
            LambdaEvent::new(event, Self::context(self.time_limit)?),
        );
        // Lambda ends an invocation at its time limit, wherever it is; its messages come again.
        let response = tokio::time::timeout(self.time_limit, invocation)
            .await
            .context("process-order: timed out")?
            .map_err(|error| anyhow!("process-order: {error}"))?;
        let response = serde_json::to_value(&response)?;
        let failed: Vec<&str> = response["batchItemFailures"]
            .as_array()
            .context("the response names no batchItemFailures")?
            .iter()
            .filter_map(|failure| failure["itemIdentifier"].as_str())
            .collect();
        for message in &received {
            if !failed.contains(&message.message_id().unwrap_or_default()) {
                let receipt = message.receipt_handle().unwrap_or_default();
                self.aws
                    .sqs
                    .delete_message()
                    .queue_url(&url)
                    .receipt_handle(receipt)
                    .send()
                    .await?;
            }
        }
        Ok(received.len())
    }

    /// Polls, and works off the queue.
    pub async fn round(&self) -> anyhow::Result<()> {
        self.poll().await?;
        while self.work().await? > 0 {}
        Ok(())
    }

    /// What the ledger holds of an order.
    pub async fn order(&self, connection: &ConnectionId, identifier: &str) -> anyhow::Result<OrderRecord> {
        let identifier = OrderIdentifier::parse(identifier)?;
        self.store
            .order(connection, &identifier)
            .await?
            .with_context(|| format!("{identifier} is not in the ledger"))
    }
}
