//! Stores and loads connections. A connection is one item. Its groups of attributes have writers of their own,
//! so that a poll never undoes a setting.

use crate::error::StoreError;
use crate::keys::{self, Key, text_value};
use crate::model::{
    CONNECTION_SCHEMA, Connection, ConnectionItem, NewestDocument, NotificationProgress, OpenProblem, Peer,
    PeerHealth, PollState, Webhook,
};
use crate::queue::Sweep;
use crate::record::{describe_item, read_attribute, refuse_newer_schema};
use crate::secrets::SecretError;
use crate::sweep::SweepState;
use crate::tally::ProblemTally;
use crate::{Store, model::NewestDocuments};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use domain::ids::{ConnectionId, DocumentId, ProductFlowCompanyId};
use domain::problem::{Problem, ProblemCode};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::PoisonError;

/// Connections per query. A decoded answer of DynamoDB takes many times its size in memory, so the batches are
/// small.
const READ_AT_ONCE: i32 = 250;

#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// A connection with this id exists.
    #[error("a connection with this id exists")]
    Exists,
    /// The ledger of this id describes another ProductFlow company; the company of a ledger never changes.
    #[error("the connection belongs to ProductFlow company {0}")]
    CompanyIsFixed(ProductFlowCompanyId),
    /// Another connection claimed the ProductFlow company.
    #[error("another connection holds this ProductFlow company")]
    CompanyTaken,
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The table failed, or another writer stored the connection first.
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(crate) fn to_attribute<T: Serialize>(value: &T) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(value)
        .map_err(|error| StoreError::corrupt_item("a value to store", error))
}

fn read_group<T: DeserializeOwned + Default>(item: &mut Key, name: &str) -> Result<T, StoreError> {
    match item.remove(name) {
        None => Ok(T::default()),
        Some(value) => serde_dynamo::from_attribute_value(value).map_err(|error| {
            let what = format!("attribute {name} of a connection");
            StoreError::corrupt_item(describe_item(&what, item), error)
        }),
    }
}

fn read_connection(mut item: Key, table_id: &str) -> Result<ConnectionItem, StoreError> {
    if let Some(AttributeValue::M(connection)) = item.get("connection") {
        refuse_newer_schema(connection, CONNECTION_SCHEMA, &describe_item("a connection", &item))?;
    }
    let connection: Connection = read_attribute("a connection", &mut item, "connection")?;
    Ok(ConnectionItem {
        connection: connection.suspend_if_table_differs(table_id),
        robaws: read_group(&mut item, "robaws")?,
        productflow: read_group(&mut item, "productflow")?,
        poll: read_group(&mut item, "poll")?,
        newest: read_group(&mut item, "newest")?,
        webhook: read_group(&mut item, "webhook")?,
        last_event_at: read_group(&mut item, "last_event_at")?,
        articles_stamp: read_group(&mut item, "articles_stamp")?,
        sweeps: read_sweeps(&mut item)?,
        problems: read_problems(&mut item)?,
        problems_changed_at: read_group(&mut item, "problems_changed_at")?,
        notification_progress: read_group(&mut item, "notification_progress")?,
        checklist: read_group(&mut item, "checklist")?,
    })
}

/// Reads a connection, or logs why it cannot be read.
fn readable_connection(item: Key, table_id: &str) -> Option<ConnectionItem> {
    read_connection(item, table_id)
        .inspect_err(|error| tracing::error!(error = %error, "a connection can't be read"))
        .ok()
}

fn read_sweeps(item: &mut Key) -> Result<BTreeMap<Sweep, SweepState>, StoreError> {
    let mut states = BTreeMap::new();
    for sweep in Sweep::ALL {
        let state = SweepState {
            request: read_group(item, &format!("ask_{}", sweep.as_str()))?,
            progress: read_group(item, &format!("sweep_{}", sweep.as_str()))?,
        };
        if state != SweepState::default() {
            states.insert(sweep, state);
        }
    }
    Ok(states)
}

/// The attribute of one problem. Each problem has its own, so that one writer never undoes another's.
fn problem_attribute_name(code: ProblemCode) -> String {
    format!("problem_{}", code.as_str())
}

fn read_problems(item: &mut Key) -> Result<BTreeMap<ProblemCode, OpenProblem>, StoreError> {
    let mut problems = BTreeMap::new();
    for code in ProblemCode::ALL {
        if let Some(open) = read_group::<Option<OpenProblem>>(item, &problem_attribute_name(*code))? {
            problems.insert(*code, open);
        }
    }
    Ok(problems)
}

impl Store {
    /// Opens a problem of a connection, or counts it again. Returns `false` when the connection is gone.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn open_problem(
        &self,
        item: &ConnectionItem,
        problem: Problem,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let known = item.problems.get(&problem.code);
        let name = problem_attribute_name(problem.code);
        let open = OpenProblem {
            opened_at: known.map_or(now, |known| known.opened_at),
            last_seen_at: now,
            count: known.map_or(1, |known| known.count + 1),
            problem,
        };
        let is_new = open.count == 1;
        let is_stored = self.set_attribute(&item.connection.id, &name, to_attribute(&open)?).await?;
        if is_new && is_stored {
            self.report_problems(ProblemTally { opened: 1, closed: 0 });
        }
        Ok(is_stored)
    }

    /// Closes a problem of a connection, if it is open.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn close_problem(&self, item: &ConnectionItem, code: ProblemCode) -> Result<(), StoreError> {
        if item.problems.contains_key(&code) {
            let none = AttributeValue::Null(true);
            self.set_attribute(&item.connection.id, &problem_attribute_name(code), none).await?;
            self.report_problems(ProblemTally::from_closed(1));
        }
        Ok(())
    }

    /// Stores that problems of the connection changed, so that its notifications are brought up to date.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn announce_problem_change(&self, id: &ConnectionId, at: Timestamp) -> Result<(), StoreError> {
        self.set_attribute(id, "problems_changed_at", to_attribute(&at)?).await?;
        self.problem_changes.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
        Ok(())
    }

    /// Whether this process changed problems of the connection since the last call. Resets the answer.
    pub fn take_problem_change(&self, id: &ConnectionId) -> bool {
        self.problem_changes.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    /// Stores how far the notifications are up to date. Returns `false` when the connection is gone.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn save_notification_progress(
        &self,
        id: &ConnectionId,
        told: &NotificationProgress,
    ) -> Result<bool, StoreError> {
        self.set_attribute(id, "notification_progress", to_attribute(told)?).await
    }

    /// Stores which webhook is registered in Robaws; `None`: none. Returns `false` when the connection is gone.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn save_webhook(
        &self,
        id: &ConnectionId,
        webhook: Option<&Webhook>,
    ) -> Result<bool, StoreError> {
        self.set_attribute(id, "webhook", to_attribute(&webhook)?).await
    }

    /// Stores when Robaws last announced a change. Returns `false` when the connection is gone.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn save_last_event(&self, id: &ConnectionId, at: Timestamp) -> Result<bool, StoreError> {
        self.set_attribute(id, "last_event_at", to_attribute(&at)?).await
    }

    /// Adds a step to the finished steps of the checklist, or removes it. Each step is changed by itself, so that
    /// two writers at once both count. Returns `false` when the connection is gone.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn save_checklist_step(
        &self,
        id: &ConnectionId,
        step: &str,
        ticked: bool,
    ) -> Result<bool, StoreError> {
        let change = if ticked { "ADD checklist :step" } else { "DELETE checklist :step" };
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::connection_key(id)))
            .update_expression(change)
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":step", AttributeValue::Ss(vec![step.to_owned()]))
            .send()
            .await;
        match sent.map_err(StoreError::from_sdk) {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Counts up the stamp of the articles, which voids all remembered look-ups of articles.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn bump_articles_stamp(&self, id: &ConnectionId) -> Result<(), StoreError> {
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::connection_key(id)))
            .update_expression("ADD articles_stamp :one")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .send()
            .await;
        match sent.map_err(StoreError::from_sdk) {
            Ok(_) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Creates a connection. Its ProductFlow company is only checked here; the claim is made at activation.
    ///
    /// # Errors
    ///
    /// [`ClaimError::Exists`] when the id is taken; [`ClaimError::CompanyTaken`] when another connection claimed
    /// the company; [`ClaimError::Store`] when the table fails.
    pub async fn create_connection(&self, connection: &Connection) -> Result<(), ClaimError> {
        if let Some(company) = connection.company
            && self.load_company_holder(company).await?.is_some_and(|holder| holder != connection.id)
        {
            return Err(ClaimError::CompanyTaken);
        }
        let mut item = keys::connection_key(&connection.id);
        item.insert("connection".to_owned(), to_attribute(connection)?);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)");
        match put.send().await.map_err(StoreError::from_sdk) {
            Ok(_) => Ok(()),
            Err(StoreError::Conflict) => Err(ClaimError::Exists),
            Err(error) => Err(error.into()),
        }
    }

    /// Loads which connection claimed a ProductFlow company.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails; [`StoreError::Corrupt`] when the stored item cannot be
    /// read.
    pub async fn load_company_holder(
        &self,
        company: ProductFlowCompanyId,
    ) -> Result<Option<ConnectionId>, StoreError> {
        let found = self.load_item(keys::company_claim_key(company)).await?;
        found.map(|mut item| read_attribute("a claim", &mut item, "connection")).transpose()
    }

    /// Loads a connection with everything that its item holds. A connection whose ledger was written to another
    /// table is returned as suspended.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails; [`StoreError::Corrupt`] when the stored item cannot be
    /// read.
    pub async fn load_connection(&self, id: &ConnectionId) -> Result<Option<ConnectionItem>, StoreError> {
        let Some(item) = self.load_item(keys::connection_key(id)).await? else {
            return Ok(None);
        };
        read_connection(item, &self.load_table_id().await?).map(Some)
    }

    /// Loads all connections, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails. An item that cannot be read is logged and left out.
    pub async fn load_connections(&self) -> Result<Vec<Box<ConnectionItem>>, StoreError> {
        self.load_connections_of_shards(0..keys::SHARDS).await
    }

    /// Loads the connections of these shards ([`keys::SHARDS`]), newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails. An item that cannot be read is logged and left out.
    // Boxed: a plain list would hold every item twice while it grows or is sorted.
    pub async fn load_connections_of_shards(
        &self,
        parts: impl IntoIterator<Item = u8>,
    ) -> Result<Vec<Box<ConnectionItem>>, StoreError> {
        fn age_key(item: &ConnectionItem) -> (Timestamp, &ConnectionId) {
            (item.connection.created_at, &item.connection.id)
        }
        let mut all = Vec::new();
        self.for_each_connection(parts, |item| all.push(Box::new(item))).await?;
        all.sort_unstable_by(|a, b| age_key(b).cmp(&age_key(a)));
        Ok(all)
    }

    /// Calls `each` with every connection of these shards ([`keys::SHARDS`]) as it is read, so that no caller must
    /// hold all of them in memory.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails. An item that cannot be read is logged and left out. One
    /// unreadable connection must not stop the others.
    pub async fn for_each_connection(
        &self,
        parts: impl IntoIterator<Item = u8>,
        mut each: impl FnMut(ConnectionItem),
    ) -> Result<(), StoreError> {
        let table_id = self.load_table_id().await?;
        for part in parts {
            let mut start = None;
            loop {
                let page = self
                    .client
                    .query()
                    .table_name(&self.table)
                    .key_condition_expression("pk = :pk")
                    .expression_attribute_values(":pk", text_value(keys::connections_pk(part)))
                    .limit(READ_AT_ONCE)
                    .set_exclusive_start_key(start)
                    .send()
                    .await
                    .map_err(StoreError::from_sdk)?;
                let items = page.items.unwrap_or_default();
                items.into_iter().filter_map(|item| readable_connection(item, &table_id)).for_each(&mut each);
                start = page.last_evaluated_key;
                if start.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Stores what the merchant set and returns the connection with its new version.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when another writer stored the connection since it was read, or the connection is
    /// gone; [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn update_connection(&self, connection: &Connection) -> Result<Connection, StoreError> {
        let mut next = connection.clone();
        next.version += 1;
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::connection_key(&connection.id)))
            .update_expression("SET #c = :new")
            .condition_expression("#c.#v = :known")
            .expression_attribute_names("#c", "connection")
            .expression_attribute_names("#v", "version")
            .expression_attribute_values(":new", to_attribute(&next)?)
            .expression_attribute_values(":known", AttributeValue::N(connection.version.to_string()))
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        Ok(next)
    }

    /// Stores the connection and claims its ProductFlow company, in one transaction. The first activation also
    /// fixes the table that the ledger belongs to.
    ///
    /// # Errors
    ///
    /// [`ClaimError::CompanyTaken`] when another connection claimed the company; [`ClaimError::Store`] with a
    /// conflict when another writer stored the connection first, or when the table fails.
    pub async fn activate_connection(
        &self,
        connection: &Connection,
        company: ProductFlowCompanyId,
    ) -> Result<Connection, ClaimError> {
        let mut next = connection.clone();
        next.version += 1;
        if next.table_id.is_none() {
            next.table_id = Some(self.load_table_id().await?);
        }
        let mut claim = keys::company_claim_key(company);
        claim.insert("connection".to_owned(), text_value(connection.id.as_str()));
        let invalid = |error: aws_sdk_dynamodb::error::BuildError| StoreError::Unavailable(error.into());
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(claim))
            .condition_expression("attribute_not_exists(pk) OR #c = :id")
            .expression_attribute_names("#c", "connection")
            .expression_attribute_values(":id", text_value(connection.id.as_str()))
            .build()
            .map_err(invalid)?;
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::connection_key(&connection.id)))
            .update_expression("SET #c = :new")
            .condition_expression("#c.#v = :known")
            .expression_attribute_names("#c", "connection")
            .expression_attribute_names("#v", "version")
            .expression_attribute_values(":new", to_attribute(&next)?)
            .expression_attribute_values(":known", AttributeValue::N(connection.version.to_string()))
            .build()
            .map_err(invalid)?;
        let sent = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(put).build())
            .transact_items(TransactWriteItem::builder().update(update).build())
            .send()
            .await;
        match sent {
            Ok(_) => Ok(next),
            Err(error) => {
                let cancelled = error.as_service_error().and_then(ProvideErrorMetadata::code)
                    == Some("TransactionCanceledException");
                // A cancelled transaction does not say which condition failed: the claim is read to tell.
                let holder = if cancelled { self.load_company_holder(company).await? } else { None };
                if holder.is_some_and(|holder| holder != connection.id) {
                    return Err(ClaimError::CompanyTaken);
                }
                Err(StoreError::from_sdk(error).into())
            }
        }
    }

    /// Stores the health of a peer. The last writer wins. Returns `false` when the connection is gone.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn save_peer_health(
        &self,
        id: &ConnectionId,
        peer: Peer,
        health: &PeerHealth,
    ) -> Result<bool, StoreError> {
        self.set_attribute(id, peer.as_str(), to_attribute(health)?).await
    }

    /// Stores where the poll stands. Returns `false` when the connection is gone.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn save_poll_state(&self, id: &ConnectionId, poll: &PollState) -> Result<bool, StoreError> {
        self.set_attribute(id, "poll", to_attribute(poll)?).await
    }

    /// Stores the newest documents of the ledger; `None` leaves the stored one. Returns `false` when the connection
    /// is gone.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails; [`StoreError::Corrupt`] when the stored item cannot be
    /// read.
    pub async fn save_newest_documents(
        &self,
        id: &ConnectionId,
        stock_change: Option<NewestDocument>,
        invoice: Option<NewestDocument>,
    ) -> Result<bool, StoreError> {
        let Some(item) = self.load_connection(id).await? else {
            return Ok(false);
        };
        let newest = NewestDocuments {
            stock_change: stock_change.or(item.newest.stock_change),
            invoice: invoice.or(item.newest.invoice),
        };
        self.set_attribute(id, "newest", to_attribute(&newest)?).await
    }

    /// Removes an invoice from the newest documents, right before the invoice is deleted in Robaws: new credentials
    /// could not be asked to show it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails; [`StoreError::Corrupt`] when the stored item cannot be
    /// read.
    pub async fn forget_newest_invoice(
        &self,
        id: &ConnectionId,
        invoice: &DocumentId,
    ) -> Result<(), StoreError> {
        let Some(item) = self.load_connection(id).await? else {
            return Ok(());
        };
        let is_newest = |document: &NewestDocument| document.robaws_id == *invoice;
        if !item.newest.invoice.as_ref().is_some_and(is_newest) {
            return Ok(());
        }
        let newest = NewestDocuments { invoice: None, ..item.newest };
        self.set_attribute(id, "newest", to_attribute(&newest)?).await.map(drop)
    }

    /// Stores one attribute of a connection. Returns `false` when the connection is gone.
    pub(crate) async fn set_attribute(
        &self,
        id: &ConnectionId,
        name: &str,
        value: AttributeValue,
    ) -> Result<bool, StoreError> {
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::connection_key(id)))
            .update_expression("SET #name = :value")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#name", name)
            .expression_attribute_values(":value", value)
            .send()
            .await;
        match sent.map_err(StoreError::from_sdk) {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
