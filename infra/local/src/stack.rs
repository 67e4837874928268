//! The whole stack in one process: both simulated peers, the embedded AWS services, and the functions' handlers, which get real
//! Lambda events of the EventBridge rules, the SQS event sources and API Gateway.

use crate::api_gateway;
use crate::aws::{Aws, Clients, SECRET_PREFIX, TABLE};
use crate::directory::Directory;
use crate::requeue;
use crate::steps::Steps;
use anyhow::{Context as _, anyhow};
use aws_sdk_sqs::types::MessageSystemAttributeName;
use connection::observe::ProblemCounter;
use connection::{Catalogues, ConnectionSessions, PeerClients};
use domain::ids::{ArticleId, ConnectionId, OrderIdentifier, ProductFlowCompanyId};
use domain::{Language, settings::ConnectionSettings};
use jiff::Timestamp;
use lambda_runtime::{Context, LambdaEvent};
use runtime::clock::SharedClock;
use runtime::invocation::Invocations;
use runtime::metrics::{Memory, Nowhere, Sink};
use serde_json::{Value, json};
use simulators::{ProductFlowSim, RobawsSim, Server, spawn_server, spawn_server_on};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use store::article_record::ArticleRecord;
use store::model::{Connection, ConnectionState, OrderRecord};
use store::queue::{ArticleQueue, OrderQueue, SweepQueue};
use store::secrets::{Credentials, ProductflowLogin, RobawsLogin};
use store::{SecretStore, Store};
use url::Url;

pub const ORDERS_QUEUE: &str = "orders.fifo";
pub const ARTICLES_QUEUE: &str = "articles.fifo";
pub const SWEEPS_QUEUE: &str = "sweeps.fifo";
/// The operator's token: fixed and public, since it protects nothing.
pub const OPERATOR_TOKEN: &str = "LocalOperatorTokenThatProtectsNothingButThisMachine";
/// Name of the secret that holds [`OPERATOR_TOKEN`].
pub(crate) const OPERATOR_SECRET: &str = "connector/operator-token";

/// Time limit of poll-orders, as in the template.
const POLL_TIME_LIMIT: Duration = Duration::from_mins(4);
/// Time limit of reconcile, as in the template.
const RECONCILE_TIME_LIMIT: Duration = Duration::from_mins(15);

/// Ports of the three servers; 0 means any free port.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ports {
    pub api: u16,
    pub robaws: u16,
    pub productflow: u16,
}

/// Options with which a stack is started.
#[derive(Debug, Default)]
pub struct StackOptions {
    pub ports: Ports,
    /// Where table and secrets are kept. `None`: they begin empty and are gone at the stack's end.
    pub directory: Option<Directory>,
    /// Base URL of a Robaws that runs elsewhere. With it the stack's own simulator is not used.
    pub robaws_url: Option<Url>,
    /// Base URL of a ProductFlow that runs elsewhere. With it the stack's own simulator is not used.
    pub productflow_url: Option<Url>,
}

/// Names of the functions, as in the template.
const POLL_ORDERS: &str = "poll-orders";
const PROCESS_ORDER: &str = "process-order";
const ARTICLE_PUSH: &str = "article-push";
const SYNC_ARTICLE: &str = "sync-article";
const RECONCILE: &str = "reconcile";
const WEB: &str = "web";
const FUNCTIONS: [&str; 6] = [POLL_ORDERS, PROCESS_ORDER, ARTICLE_PUSH, SYNC_ARTICLE, RECONCILE, WEB];

/// What the functions' dependencies are built from, at the beginning and again at each restart.
struct Wiring {
    http: reqwest::Client,
    robaws_url: Url,
    productflow_url: Url,
    clock: SharedClock,
    sink: Arc<dyn Sink>,
    clients: BTreeMap<&'static str, Clients>,
}

impl Wiring {
    /// The parts of one function. No function shares clients or caches with another, as if each ran in a process of its own.
    fn wire_function(&self, function: &'static str) -> anyhow::Result<FunctionParts> {
        let clients = self.clients.get(function).cloned();
        let clients = clients.with_context(|| format!("{function} has no clients"))?;
        let secrets = SecretStore::new(clients.secretsmanager.clone(), SECRET_PREFIX);
        let (robaws, productflow) = (self.robaws_url.clone(), self.productflow_url.clone());
        Ok(FunctionParts {
            store: Store::new(clients.dynamodb.clone(), TABLE)
                .with_clock(self.clock.clone())
                .with_observer(Arc::new(ProblemCounter)),
            peers: PeerClients::new(self.http.clone(), robaws, productflow, secrets)
                .with_clock(self.clock.clone()),
            clients,
            clock: self.clock.clone(),
        })
    }

    fn invocations_of(&self, function: &'static str) -> Invocations {
        Invocations::in_process(function, self.clock.clone(), self.sink.clone())
    }

    fn wire_poll_orders(&self) -> anyhow::Result<poll_orders::Deps> {
        let own = self.wire_function(POLL_ORDERS)?;
        Ok(poll_orders::Deps {
            queue: own.orders_queue(),
            articles_queue: own.articles_queue(),
            sweeps_queue: own.sweeps_queue(),
            store: own.store,
            peers: own.peers,
            clock: own.clock,
            invocations: self.invocations_of(POLL_ORDERS),
        })
    }

    fn wire_process_order(&self) -> anyhow::Result<process_order::Deps> {
        let own = self.wire_function(PROCESS_ORDER)?;
        Ok(process_order::Deps {
            queue: own.orders_queue(),
            sessions: own.into_sessions(),
            invocations: self.invocations_of(PROCESS_ORDER),
        })
    }

    fn wire_sync_article(&self) -> anyhow::Result<sync_article::Deps> {
        let own = self.wire_function(SYNC_ARTICLE)?;
        Ok(sync_article::Deps {
            queue: own.articles_queue(),
            sessions: own.into_sessions(),
            invocations: self.invocations_of(SYNC_ARTICLE),
        })
    }

    fn wire_reconcile(&self) -> anyhow::Result<reconcile::Deps> {
        let own = self.wire_function(RECONCILE)?;
        Ok(reconcile::Deps {
            articles_queue: own.articles_queue(),
            sweeps_queue: own.sweeps_queue(),
            sessions: own.into_sessions(),
            invocations: self.invocations_of(RECONCILE),
        })
    }
}

/// The parts from which the dependencies of one function are built.
struct FunctionParts {
    clients: Clients,
    store: Store,
    peers: PeerClients,
    clock: SharedClock,
}

impl FunctionParts {
    fn orders_queue(&self) -> OrderQueue {
        OrderQueue::new(self.clients.sqs.clone(), queue_url(ORDERS_QUEUE))
    }

    fn articles_queue(&self) -> ArticleQueue {
        ArticleQueue::new(self.clients.sqs.clone(), queue_url(ARTICLES_QUEUE))
    }

    fn sweeps_queue(&self) -> SweepQueue {
        SweepQueue::new(self.clients.sqs.clone(), queue_url(SWEEPS_QUEUE))
    }

    fn into_sessions(self) -> ConnectionSessions {
        ConnectionSessions {
            catalogues: Catalogues::new(self.clock.clone(), self.store.clone()),
            store: self.store,
            peers: self.peers,
            clock: self.clock,
        }
    }
}

/// The running stack.
pub struct Stack {
    pub robaws: RobawsSim,
    pub productflow: ProductFlowSim,
    /// The server of the simulated Robaws.
    pub robaws_server: Server,
    /// The server of the simulated ProductFlow.
    pub productflow_server: Server,
    /// Base URL of the Robaws that the connector calls.
    pub robaws_url: Url,
    /// Base URL of the ProductFlow that the connector calls.
    pub productflow_url: Url,
    /// The embedded DynamoDB, SQS and Secrets Manager.
    pub aws: Aws,
    /// The table as the connector sees it.
    pub store: Store,
    /// The secrets as the connector sees them.
    pub secrets: SecretStore,
    /// The server of the connector's API.
    pub api_server: Server,
    /// The lines of metrics that the functions have written; none with [`Stack::start_with_options`].
    pub metrics: Memory,
    /// The steps of watched work. Only a stack of [`Stack::start_killable`] has any.
    pub steps: Steps,
    clock: SharedClock,
    wiring: Wiring,
    poll_deps: poll_orders::Deps,
    process_deps: process_order::Deps,
    sync_deps: sync_article::Deps,
    reconcile_deps: reconcile::Deps,
    http_functions: api_gateway::HttpFunctions,
    /// Per function a client with which its queue is read: Lambda receives with the function's role.
    queue_clients: BTreeMap<&'static str, aws_sdk_sqs::Client>,
    time_limit: Duration,
    poll_time_limit: Duration,
}

fn queue_url(name: &str) -> String {
    format!("http://localhost/000000000000/{name}")
}

async fn listen_on(router: axum::Router, port: u16, what: &'static str) -> anyhow::Result<Server> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    match spawn_server_on(router.clone(), address).await {
        Ok(server) => Ok(server),
        // Another process uses the port. Any free port will do, because the URL is printed.
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            spawn_server(router).await.context(what)
        }
        Err(error) => Err(error).context(what),
    }
}

impl Stack {
    /// Starts an empty stack on free ports, with this clock.
    pub async fn start_empty(clock: SharedClock) -> anyhow::Result<Self> {
        let metrics = Memory::default();
        let sink = Arc::new(metrics.clone());
        Self::start_with_metrics(clock, StackOptions::default(), metrics, sink, None).await
    }

    /// As [`Stack::start_empty`], with every call that leaves a function watched by [`Stack::steps`].
    pub async fn start_killable(clock: SharedClock) -> anyhow::Result<Self> {
        let metrics = Memory::default();
        let sink = Arc::new(metrics.clone());
        let steps = Some(Steps::default());
        Self::start_with_metrics(clock, StackOptions::default(), metrics, sink, steps).await
    }

    /// Starts a stack with these options, without metrics.
    pub async fn start_with_options(clock: SharedClock, start: StackOptions) -> anyhow::Result<Self> {
        Self::start_with_metrics(clock, start, Memory::default(), Arc::new(Nowhere), None).await
    }

    async fn start_with_metrics(
        clock: SharedClock,
        start: StackOptions,
        metrics: Memory,
        sink: Arc<dyn Sink>,
        steps: Option<Steps>,
    ) -> anyhow::Result<Self> {
        let StackOptions {
            ports,
            directory,
            robaws_url: robaws_elsewhere,
            productflow_url: productflow_elsewhere,
        } = start;
        let robaws = RobawsSim::new(clock.clone());
        let productflow = ProductFlowSim::new(clock.clone());
        let watched = |router, name| match &steps {
            Some(steps) => steps.watch_service(router, name),
            None => router,
        };
        // The wanted port of a peer is left free when the peer runs elsewhere: it may well use that port.
        let own = |port, elsewhere: &Option<Url>| if elsewhere.is_some() { 0 } else { port };
        let robaws_port = own(ports.robaws, &robaws_elsewhere);
        let router = watched(robaws.build_router(), "Robaws");
        let robaws_server = listen_on(router, robaws_port, "Robaws' simulator").await?;
        let productflow_port = own(ports.productflow, &productflow_elsewhere);
        let router = watched(productflow.build_router(), "ProductFlow");
        let productflow_server = listen_on(router, productflow_port, "ProductFlow's simulator").await?;
        let is_kept = directory.is_some();
        let aws = Aws::start_services_with(clock.clone(), directory.map(Arc::new), steps.as_ref()).await?;
        let robaws_url: Url = match robaws_elsewhere {
            Some(url) => url,
            None => format!("{}/api/v2", robaws_server.url()).parse()?,
        };
        let productflow_url: Url = match productflow_elsewhere {
            Some(url) => url,
            None => format!("{}/api/v1", productflow_server.url()).parse()?,
        };
        robaws.set_other_page(&productflow_url.origin().ascii_serialization());
        productflow.set_other_page(&robaws_url.origin().ascii_serialization());
        let http = runtime::http::peer_client(&[&robaws_url, &productflow_url])?;
        let secrets = SecretStore::new(aws.secretsmanager.clone(), SECRET_PREFIX);
        let store = Store::new(aws.dynamodb.clone(), TABLE)
            .with_clock(clock.clone())
            .with_observer(Arc::new(ProblemCounter));
        if is_kept {
            requeue::clear_queued_times(&aws.dynamodb).await.context("what was queued before")?;
            let sweeps = SweepQueue::new(aws.sqs.clone(), queue_url(SWEEPS_QUEUE));
            requeue::queue_sweeps(&store, &sweeps).await.context("the sweeps under way")?;
        }
        let wiring = Wiring {
            http,
            robaws_url: robaws_url.clone(),
            productflow_url: productflow_url.clone(),
            clock: clock.clone(),
            sink,
            clients: FUNCTIONS.map(|function| (function, aws.clients_for(function))).into(),
        };
        let token = aws
            .secretsmanager
            .create_secret()
            .name(OPERATOR_SECRET)
            .secret_string(OPERATOR_TOKEN)
            .send()
            .await;
        // With a kept directory the secret exists from an earlier run.
        match token.map_err(aws_sdk_secretsmanager::Error::from) {
            Ok(_) | Err(aws_sdk_secretsmanager::Error::ResourceExistsException(_)) => {}
            Err(error) => return Err(error).context("the operator's token"),
        }
        // The functions need the API's URL and the API's server needs the functions, so the server starts with an empty cell.
        let behind = api_gateway::WiredFunctions::default();
        let router = api_gateway::build_router(behind.clone(), aws.queues.clone());
        let api_server = listen_on(router, ports.api, "the API").await?;
        let (pages, push) = (wiring.wire_function(WEB)?, wiring.wire_function(ARTICLE_PUSH)?);
        let http = api_gateway::HttpFunctions {
            web: web::Deps {
                orders_queue: pages.orders_queue(),
                sweeps_queue: pages.sweeps_queue(),
                operator_token: web::operator::OperatorToken::new(
                    pages.clients.secretsmanager,
                    OPERATOR_SECRET,
                ),
                store: pages.store,
                peers: pages.peers,
                clock: pages.clock,
                public_base_url: Some(api_server.url().clone()),
                invocations: wiring.invocations_of(WEB),
            },
            article_push: article_push::Deps {
                queue: push.articles_queue(),
                secrets: push.peers.secrets().clone(),
                store: push.store,
                clock: push.clock,
                secret_rereads: article_push::intake::SecretRereads::default(),
                invocations: wiring.invocations_of(ARTICLE_PUSH),
            },
        };
        behind.set(http.clone()).map_err(|_| anyhow!("the API is wired twice"))?;
        let time_limit = Duration::from_secs(90);
        let sources = [PROCESS_ORDER, SYNC_ARTICLE, RECONCILE]
            .map(|function| (function, aws.clients_for(function).sqs));
        Ok(Self {
            robaws,
            productflow,
            robaws_server,
            productflow_server,
            robaws_url,
            productflow_url,
            aws,
            store,
            secrets,
            api_server,
            metrics,
            steps: steps.unwrap_or_default(),
            clock,
            poll_deps: wiring.wire_poll_orders()?,
            process_deps: wiring.wire_process_order()?,
            sync_deps: wiring.wire_sync_article()?,
            reconcile_deps: wiring.wire_reconcile()?,
            wiring,
            http_functions: http,
            queue_clients: sources.into(),
            time_limit,
            poll_time_limit: POLL_TIME_LIMIT,
        })
    }

    /// Sets the time limit of process-order and sync-article, which is 90 s otherwise.
    pub fn set_time_limit(&mut self, limit: Duration) {
        self.time_limit = limit;
    }

    /// Sets the time limit of poll-orders, which is 4 minutes otherwise.
    pub fn set_poll_time_limit(&mut self, limit: Duration) {
        self.poll_time_limit = limit;
    }

    /// Lets each function forget what it knows of the table, as a new process does.
    pub(crate) async fn forget_table(&self) {
        let stores = [
            &self.store,
            &self.poll_deps.store,
            &self.process_deps.sessions.store,
            &self.sync_deps.sessions.store,
            &self.reconcile_deps.sessions.store,
            &self.http_functions.web.store,
            &self.http_functions.article_push.store,
        ];
        for store in stores {
            store.forget_table_id().await;
        }
    }

    /// Restarts all functions except those behind the HTTP API: their caches are empty afterwards.
    pub fn restart_functions(&mut self) -> anyhow::Result<()> {
        self.poll_deps = self.wiring.wire_poll_orders()?;
        self.process_deps = self.wiring.wire_process_order()?;
        self.sync_deps = self.wiring.wire_sync_article()?;
        self.reconcile_deps = self.wiring.wire_reconcile()?;
        Ok(())
    }

    /// Creates an active connection directly in the store, for a Robaws API user (`robaws`: key and secret) and a ProductFlow
    /// company (`productflow`: number and token) that exist already.
    pub async fn create_active_connection(
        &self,
        id: &str,
        robaws: (&str, &str),
        productflow: (u64, &str),
        settings: ConnectionSettings,
        go_live: Timestamp,
    ) -> anyhow::Result<ConnectionId> {
        let id = ConnectionId::parse(id)?;
        let credentials = Credentials {
            robaws: Some(RobawsLogin { key: robaws.0.into(), secret: robaws.1.into() }),
            productflow: Some(ProductflowLogin { access_token: productflow.1.into() }),
            webhook: None,
            past: None,
        };
        let version = self.secrets.save_credentials(&id, &credentials).await?;
        let now = self.clock.now();
        let company = ProductFlowCompanyId(productflow.0);
        let connection = Connection {
            state: ConnectionState::Active,
            company: Some(company),
            has_robaws: true,
            has_productflow: true,
            secret_version: Some(version),
            go_live: Some(go_live),
            activated_at: Some(now),
            first_activated_at: Some(now),
            ..Connection::new(id.clone(), Language::EN, settings, now)
        };
        self.store.create_connection(&connection).await?;
        self.store.activate_connection(&connection, company).await?;
        Ok(id)
    }

    /// Calls the connector's API with the operator's token and returns status and body. A `body` of `Null` sends none.
    pub async fn call_api(
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
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let event = api_gateway::build_event(method, path, query, &headers, "localhost", &body.into())?;
        let (status, body) = self.http_functions.call_http(event).await?;
        Ok((status, serde_json::from_str(&body).unwrap_or(Value::String(body))))
    }

    /// The dependencies of the web function.
    pub fn web_deps(&self) -> &web::Deps {
        &self.http_functions.web
    }

    /// Invokes the function that the path of an HTTP API event belongs to, and returns its answer as API Gateway gets it.
    pub async fn invoke_http(&self, event: Value) -> anyhow::Result<Value> {
        self.http_functions.invoke_http(event).await
    }

    /// Invokes the function that the path of an HTTP API event belongs to, and returns status and body of its answer.
    pub async fn call_http(&self, event: Value) -> anyhow::Result<(u16, String)> {
        self.http_functions.call_http(event).await
    }

    fn lambda_context(limit: Duration) -> anyhow::Result<Context> {
        let mut context = Context::default();
        context.request_id = uuid::Uuid::new_v4().to_string();
        let end = runtime::clock::Clock::now(&runtime::clock::SystemClock)
            .checked_add(jiff::SignedDuration::try_from(limit)?)?;
        context.deadline = u64::try_from(end.as_millisecond())?;
        Ok(context)
    }

    fn scheduled_event(&self, rule: &str) -> Value {
        json!({
            "version": "0", "id": uuid::Uuid::new_v4().to_string(), "detail-type": "Scheduled Event",
            "source": "aws.events", "account": "000000000000", "time": self.clock.now().to_string(),
            "region": "eu-west-1", "resources": [format!("arn:aws:events:eu-west-1:000000000000:rule/{rule}")],
            "detail": {},
        })
    }

    /// Invokes poll-orders once, as the EventBridge rule of the poll does.
    pub async fn run_poll(&self) -> anyhow::Result<Value> {
        let event =
            LambdaEvent::new(self.scheduled_event("poll"), Self::lambda_context(self.poll_time_limit)?);
        poll_orders::handle_event(&self.poll_deps, event)
            .await
            .map_err(|error| anyhow!("poll-orders: {error}"))
    }

    /// Invokes poll-orders once for one shard, as the rule of that shard does.
    pub async fn run_poll_shard(&self, shard: u8, shards: u8) -> anyhow::Result<Value> {
        let event = json!({ "shard": shard, "shards": shards });
        let event = LambdaEvent::new(event, Self::lambda_context(self.poll_time_limit)?);
        poll_orders::handle_event(&self.poll_deps, event)
            .await
            .map_err(|error| anyhow!("poll-orders: {error}"))
    }

    /// Invokes reconcile once, as the nightly EventBridge rule does.
    pub async fn run_nightly_check(&self) -> anyhow::Result<Value> {
        let event =
            LambdaEvent::new(self.scheduled_event("nightly"), Self::lambda_context(RECONCILE_TIME_LIMIT)?);
        reconcile::handle_event(&self.reconcile_deps, event)
            .await
            .map_err(|error| anyhow!("reconcile: {error}"))
    }

    /// Invokes process-order once with up to ten messages of the orders queue. Returns the number of messages received.
    pub async fn work_orders(&self) -> anyhow::Result<usize> {
        let invoke = |event: Value, context| async {
            let event = LambdaEvent::new(serde_json::from_value(event)?, context);
            let answered = process_order::handle_event(&self.process_deps, event).await;
            let answered = answered.map_err(|error| anyhow!("process-order: {error}"))?;
            Ok(serde_json::to_value(&answered)?)
        };
        self.work_orders_with(invoke).await
    }

    /// As [`Stack::work_orders`], but `invoke` stands for process-order, for example in another process.
    pub async fn work_orders_with<F>(&self, invoke: impl FnOnce(Value, Context) -> F) -> anyhow::Result<usize>
    where
        F: Future<Output = anyhow::Result<Value>>,
    {
        self.deliver_messages(PROCESS_ORDER, ORDERS_QUEUE, 10, self.time_limit, invoke).await
    }

    /// Invokes sync-article once with up to ten messages of the articles queue. Returns the number of messages received.
    pub async fn work_articles(&self) -> anyhow::Result<usize> {
        let invoke = |event: Value, context| async {
            let event = LambdaEvent::new(serde_json::from_value(event)?, context);
            let answered = sync_article::handle_event(&self.sync_deps, event).await;
            let answered = answered.map_err(|error| anyhow!("sync-article: {error}"))?;
            Ok(serde_json::to_value(&answered)?)
        };
        self.deliver_messages(SYNC_ARTICLE, ARTICLES_QUEUE, 10, self.time_limit, invoke).await
    }

    /// Invokes reconcile once with one message of the sweeps queue. Returns the number of messages received.
    pub async fn work_sweeps(&self) -> anyhow::Result<usize> {
        let invoke = |event: Value, context| async {
            let answered =
                reconcile::handle_event(&self.reconcile_deps, LambdaEvent::new(event, context)).await;
            answered.map_err(|error| anyhow!("reconcile: {error}"))
        };
        self.deliver_messages(RECONCILE, SWEEPS_QUEUE, 1, RECONCILE_TIME_LIMIT, invoke).await
    }

    /// What an event source mapping of Lambda does, with the function's role: receives messages, invokes the function, and
    /// deletes the messages that the function does not report as failed.
    async fn deliver_messages<F>(
        &self,
        function: &'static str,
        queue: &str,
        batch: i32,
        time_limit: Duration,
        invoke: impl FnOnce(Value, Context) -> F,
    ) -> anyhow::Result<usize>
    where
        F: Future<Output = anyhow::Result<Value>>,
    {
        let url = queue_url(queue);
        let sqs = self.queue_clients.get(function).context("no source of messages")?;
        let received = sqs
            .receive_message()
            .queue_url(&url)
            .max_number_of_messages(batch)
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
                    "eventSourceARN": format!("arn:aws:sqs:eu-west-1:000000000000:{queue}"), "awsRegion": "eu-west-1",
                })
            })
            .collect();
        let invocation = invoke(json!({ "Records": records }), Self::lambda_context(time_limit)?);
        let timed_out = || format!("{queue}: the function timed out");
        // `timeout` polls the future once before it looks at the limit, so a limit of zero might let work through.
        anyhow::ensure!(!time_limit.is_zero(), timed_out());
        // Lambda ends an invocation at its time limit, wherever it is. Its messages are not deleted and come again.
        let response = tokio::time::timeout(time_limit, invocation).await.with_context(timed_out)??;
        let failed: Vec<&str> = response["batchItemFailures"]
            .as_array()
            .context("the response names no batchItemFailures")?
            .iter()
            .filter_map(|failure| failure["itemIdentifier"].as_str())
            .collect();
        for message in &received {
            if !failed.contains(&message.message_id().unwrap_or_default()) {
                let receipt = message.receipt_handle().unwrap_or_default();
                sqs.delete_message().queue_url(&url).receipt_handle(receipt).send().await?;
            }
        }
        Ok(received.len())
    }

    /// Runs a poll and works off the queues.
    pub async fn poll_and_drain(&self) -> anyhow::Result<()> {
        self.run_poll().await?;
        self.drain_queues().await
    }

    /// Works off the queues until they are empty.
    pub async fn drain_queues(&self) -> anyhow::Result<()> {
        loop {
            let orders = self.work_orders().await?;
            let articles = self.work_articles().await?;
            let sweeps = self.work_sweeps().await?;
            if orders + articles + sweeps == 0 {
                return Ok(());
            }
        }
    }

    /// Delivers Robaws' webhooks and works off the queues, until there are no more webhooks to deliver.
    pub async fn run_until_quiet(&self) -> anyhow::Result<()> {
        loop {
            let delivered = self.robaws.deliver_webhooks().await;
            self.drain_queues().await?;
            if delivered.is_empty() {
                return Ok(());
            }
        }
    }

    /// The stored record of an article.
    pub async fn article_record(&self, connection: &ConnectionId, id: &str) -> anyhow::Result<ArticleRecord> {
        let id = ArticleId::parse(id)?;
        self.store
            .load_article(connection, &id)
            .await?
            .with_context(|| format!("article {id} was never looked at"))
    }

    /// The stored record of an order.
    pub async fn order_record(
        &self,
        connection: &ConnectionId,
        identifier: &str,
    ) -> anyhow::Result<OrderRecord> {
        let identifier = OrderIdentifier::parse(identifier)?;
        self.store
            .load_order(connection, &identifier)
            .await?
            .with_context(|| format!("{identifier} is not in the ledger"))
    }
}
