//! Sweeps over all articles of a connection. One side asks for a sweep, and reconcile carries it out, list page by
//! list page. Each side writes an attribute of its own.

use crate::Store;
use crate::connections::to_attribute;
use crate::error::StoreError;
use crate::keys::{self, text_value};
use crate::queue::Sweep;
use crate::record::read_attribute;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::{ArticleId, ConnectionId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long the list pages that a sweep read are kept.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(48);

/// A request for a sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepRequest {
    /// A random id; a run that served it remembers the id.
    pub id: String,
    /// When the sweep was asked for.
    pub at: Timestamp,
    /// Full push only: also send what ProductFlow has already.
    pub again: bool,
    /// Nightly check only: the number of withdrawals that the merchant confirmed.
    pub confirmed: u64,
    /// Rebuild only: the last moment at which the lost ledger may have acted. `None`: when the connection was
    /// suspended.
    pub lost_at: Option<Timestamp>,
    /// Rebuild only: write nothing but the report.
    pub dry_run: bool,
}

impl SweepRequest {
    /// A request without options.
    pub fn new(at: Timestamp) -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            at,
            again: false,
            confirmed: 0,
            lost_at: None,
            dry_run: false,
        }
    }
}

/// Where a sweep stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SweepProgress {
    /// The run under way.
    pub run: Option<SweepRun>,
    /// Id of the last request that was carried out.
    pub served: Option<String>,
    /// When a run last ended.
    pub finished_at: Option<Timestamp>,
    /// When an invocation last worked on the sweep.
    pub touched_at: Option<Timestamp>,
    /// Withdrawals that the last run held back for the merchant to confirm.
    pub held: u64,
    /// Result of the last rebuild, or of the one under way.
    pub rebuild: Option<RebuildReport>,
}

/// The result of a rebuild.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebuildReport {
    pub started_at: Timestamp,
    /// `None`: the rebuild is under way.
    pub finished_at: Option<Timestamp>,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// The last moment at which the lost ledger may have acted.
    pub lost_at: Timestamp,
    /// Documents read that carry a reference of the connector.
    pub documents: u64,
    /// Documents that the ledger knew already.
    pub known: u64,
    /// Orders that got rows.
    pub orders: u64,
    /// Rows that were made.
    pub made: u64,
    /// Documents that contradict another document of their order, or the order.
    pub in_doubt: u64,
    /// Documents that name no order of this connection.
    pub strangers: u64,
}

/// A run of a sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepRun {
    /// The request that the run serves.
    pub ask: SweepRequest,
    /// The part of the run that comes next.
    pub step: String,
    /// The list page of that part that comes next.
    pub page: u32,
    /// Where to continue in a list of the table.
    pub after: Option<String>,
    /// Articles that Robaws showed with extra fields. In a rebuild: not 0 after the first reading of a list.
    pub readable: u64,
    /// Articles that Robaws showed. In a rebuild: documents that this reading showed for the first time.
    pub seen: u64,
    /// Changes that no event of Robaws had announced.
    pub unannounced: u64,
    /// Whether the articles of the tenant have the checkbox "ProductFlow".
    pub has_checkbox: bool,
}

/// The last request for a sweep and the progress of the sweep.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SweepState {
    pub request: Option<SweepRequest>,
    pub progress: SweepProgress,
}

impl SweepState {
    /// The last request, if no run serves or served it.
    pub fn unserved_request(&self) -> Option<SweepRequest> {
        let run = self.progress.run.as_ref().map(|run| run.ask.id.as_str());
        let served = self.progress.served.as_deref();
        let is_new = |ask: &&SweepRequest| ![run, served].contains(&Some(ask.id.as_str()));
        self.request.as_ref().filter(is_new).cloned()
    }

    /// Whether a run is under way or asked for.
    pub fn is_pending(&self) -> bool {
        self.progress.run.is_some() || self.unserved_request().is_some()
    }
}

/// A live article as a sweep read it from Robaws.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweptArticle {
    pub id: ArticleId,
    /// The article number.
    pub number: Option<String>,
    /// Whether the checkbox "ProductFlow" is ticked.
    pub ticked: bool,
}

#[derive(Serialize, Deserialize)]
struct SweptPage {
    articles: Vec<SweptArticle>,
}

impl Store {
    /// Stores a request for a sweep, in place of an earlier one. Returns `false` when the connection is gone.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn request_sweep(
        &self,
        id: &ConnectionId,
        sweep: Sweep,
        ask: &SweepRequest,
    ) -> Result<bool, StoreError> {
        self.set_attribute(id, &format!("ask_{}", sweep.as_str()), to_attribute(ask)?).await
    }

    /// Stores where a sweep stands. Returns `false` when the connection is gone.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn save_sweep_progress(
        &self,
        id: &ConnectionId,
        sweep: Sweep,
        progress: &SweepProgress,
    ) -> Result<bool, StoreError> {
        self.set_attribute(id, &format!("sweep_{}", sweep.as_str()), to_attribute(progress)?).await
    }

    /// Keeps the articles of a list page that a sweep read, for two days.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn save_swept_page(
        &self,
        id: &ConnectionId,
        run: &str,
        page: u32,
        articles: Vec<SweptArticle>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut item = keys::sweep_page_key(id, run, page);
        let expires = now.checked_add(KEPT_FOR).unwrap_or(now).as_second();
        item.insert("expires_at".to_owned(), AttributeValue::N(expires.to_string()));
        item.insert("swept".to_owned(), to_attribute(&SweptPage { articles })?);
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        Ok(())
    }

    /// Loads all articles that a run read.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails; [`StoreError::Corrupt`] when a stored page cannot be read.
    /// A page that is left out would look like articles that are gone.
    pub async fn load_swept_articles(
        &self,
        id: &ConnectionId,
        run: &str,
    ) -> Result<Vec<SweptArticle>, StoreError> {
        let mut articles = Vec::new();
        let mut start = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND begins_with(sk, :run)")
                .expression_attribute_values(":pk", text_value(keys::sweep_pk(id)))
                .expression_attribute_values(":run", text_value(format!("{run}#")))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(StoreError::from_sdk)?;
            for mut item in page.items.unwrap_or_default() {
                let page: SweptPage = read_attribute("a page of a sweep", &mut item, "swept")?;
                articles.extend(page.articles);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(articles);
            }
        }
    }
}
