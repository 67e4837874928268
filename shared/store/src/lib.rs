//! Everything the connector stores. One DynamoDB table holds connections, order ledgers, article records, due
//! work, peer health and notifications; Secrets Manager holds one secret with credentials per connection.
//!
//! Every change of a ledger is a conditional write on the version of its item. This crate never calls a peer.

pub mod article_record;
pub mod articles;
pub mod connections;
pub mod days;
pub mod decisions;
pub mod deleted;
pub mod due_queueing;
pub mod error;
pub mod keys;
pub mod links;
pub mod model;
pub mod notifications;
pub mod orders;
pub mod peer_health;
pub mod queue;
pub mod record;
pub mod schema;
pub mod secrets;
pub mod summaries;
pub mod sweep;
pub mod table;
pub mod tally;

use domain::ids::ConnectionId;
use runtime::clock::{SharedClock, SystemClock};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

pub use error::StoreError;
pub use record::ListPage;
pub use secrets::SecretStore;
pub use tally::ProblemTally;

/// Receives what the table stored, for example to count metrics.
pub trait ProblemObserver: Debug + Send + Sync {
    /// Called after a write that opened or closed problems.
    fn count_problems(&self, tally: ProblemTally);
}

/// Access to the one DynamoDB table.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) client: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
    /// Connections whose problems this process changed and whose notifications it has not updated yet.
    pub(crate) problem_changes: Arc<Mutex<BTreeSet<ConnectionId>>>,
    /// The id of the table and when DynamoDB was last asked for it.
    pub(crate) known_table: Arc<tokio::sync::Mutex<Option<table::KnownTable>>>,
    observer: Option<Arc<dyn ProblemObserver>>,
    /// By which this process waits before it tries again.
    pub(crate) clock: SharedClock,
}

impl Store {
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
            problem_changes: Arc::default(),
            known_table: Arc::default(),
            observer: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Waits by this clock instead of the machine's.
    #[must_use]
    pub fn with_clock(self, clock: SharedClock) -> Self {
        Self { clock, ..self }
    }

    /// Reports opened and closed problems to `observer` after each write.
    #[must_use]
    pub fn with_observer(self, observer: Arc<dyn ProblemObserver>) -> Self {
        Self { observer: Some(observer), ..self }
    }

    pub(crate) fn report_problems(&self, tally: ProblemTally) {
        if let Some(observer) = self.observer.as_ref().filter(|_| tally != ProblemTally::default()) {
            observer.count_problems(tally);
        }
    }
}
