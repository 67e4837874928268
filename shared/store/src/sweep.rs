//! Sweeps over all articles of a connection: asked for by one, carried out by another, page by page. Each side writes an
//! attribute of its own.

use crate::Store;
use crate::connections::attribute;
use crate::error::StoreError;
use crate::keys::{self, text};
use crate::queue::Sweep;
use crate::record::read_attribute;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::{ArticleId, ConnectionId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Pages of a sweep are kept this long at most.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(48);

/// That a sweep was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepAsk {
    /// Tells it from every other.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Push: what ProductFlow has already is sent again.
    pub again: bool,
    /// Reconcile: so many withdrawals the merchant confirmed.
    pub confirmed: u64,
    /// Rebuild: up to when the lost ledger may have acted; `None`: until the connection was suspended.
    pub lost_at: Option<Timestamp>,
    /// Rebuild: nothing is written but the report.
    pub dry_run: bool,
}

impl SweepAsk {
    /// A plain one.
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
    /// The ask that was last done.
    pub served: Option<String>,
    /// When a run last ended.
    pub finished_at: Option<Timestamp>,
    /// When anything was last done for it.
    pub touched_at: Option<Timestamp>,
    /// Withdrawals that the last run held back.
    pub held: u64,
    /// What the last rebuild came to, or the one under way.
    pub rebuild: Option<RebuildReport>,
}

/// What a rebuild came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebuildReport {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None`: it is under way.
    pub finished_at: Option<Timestamp>,
    /// Nothing was written.
    pub dry_run: bool,
    /// Up to when the lost ledger may have acted.
    pub lost_at: Timestamp,
    /// Documents with a reference of ours that were read.
    pub documents: u64,
    /// Of those, what the ledger knew already.
    pub known: u64,
    /// Orders whose rows were made anew.
    pub orders: u64,
    /// Rows made anew.
    pub made: u64,
    /// Orders whose documents do not fit.
    pub in_doubt: u64,
    /// Documents that name no order of this connection.
    pub strangers: u64,
}

/// A run of a sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepRun {
    /// What asked for it.
    pub ask: SweepAsk,
    /// Which part of it comes next.
    pub step: String,
    /// Which page of that part.
    pub page: u32,
    /// Where to go on in a list of our own.
    pub after: Option<String>,
    /// Articles that a page showed with extra fields.
    pub readable: u64,
    /// Articles seen.
    pub seen: u64,
    /// Changes that no event had announced.
    pub unannounced: u64,
    /// The tenant has the checkbox.
    pub has_checkbox: bool,
}

/// A sweep as both sides left it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SweepState {
    /// What was last asked for.
    pub ask: Option<SweepAsk>,
    /// What was done.
    pub progress: SweepProgress,
}

impl SweepState {
    /// What is asked for and not served by a finished run or one under way.
    pub fn asked(&self) -> Option<SweepAsk> {
        let run = self.progress.run.as_ref().map(|run| run.ask.id.as_str());
        let served = self.progress.served.as_deref();
        let is_new = |ask: &&SweepAsk| ![run, served].contains(&Some(ask.id.as_str()));
        self.ask.as_ref().filter(is_new).cloned()
    }

    /// Whether anything is left to do.
    pub fn is_pending(&self) -> bool {
        self.progress.run.is_some() || self.asked().is_some()
    }
}

/// A live article as a sweep saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweptArticle {
    /// Its id.
    pub id: ArticleId,
    /// Its number.
    pub number: Option<String>,
    /// The checkbox.
    pub ticked: bool,
}

#[derive(Serialize, Deserialize)]
struct SweptPage {
    articles: Vec<SweptArticle>,
}

impl Store {
    /// Asks for a sweep. `false`: the connection is gone.
    pub async fn ask_sweep(
        &self,
        id: &ConnectionId,
        sweep: Sweep,
        ask: &SweepAsk,
    ) -> Result<bool, StoreError> {
        self.set(id, &format!("ask_{}", sweep.as_str()), attribute(ask)?)
            .await
    }

    /// Stores where a sweep stands. `false`: the connection is gone.
    pub async fn save_sweep(
        &self,
        id: &ConnectionId,
        sweep: Sweep,
        progress: &SweepProgress,
    ) -> Result<bool, StoreError> {
        self.set(id, &format!("sweep_{}", sweep.as_str()), attribute(progress)?)
            .await
    }

    /// Keeps a page that a sweep read, for as long as a run may last.
    pub async fn save_swept(
        &self,
        id: &ConnectionId,
        run: &str,
        page: u32,
        articles: Vec<SweptArticle>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut item = keys::sweep_page(id, run, page);
        let expires = now.checked_add(KEPT_FOR).unwrap_or(now).as_second();
        item.insert("expires_at".to_owned(), AttributeValue::N(expires.to_string()));
        item.insert("swept".to_owned(), attribute(&SweptPage { articles })?);
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await
            .map_err(StoreError::sdk)?;
        Ok(())
    }

    /// Everything that a run read.
    pub async fn swept(&self, id: &ConnectionId, run: &str) -> Result<Vec<SweptArticle>, StoreError> {
        let mut articles = Vec::new();
        let mut start = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND begins_with(sk, :run)")
                .expression_attribute_values(":pk", text(keys::sweep_pk(id)))
                .expression_attribute_values(":run", text(format!("{run}#")))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(StoreError::sdk)?;
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
