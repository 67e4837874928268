//! What the connector remembers: connections, the ledger of every order, what was sent of every article, due work, pauses of
//! the peers, in one DynamoDB table; and the credentials of each connection in one Secrets Manager secret.
//!
//! Every change of a ledger is a conditional write on its version. Nothing here calls a peer.

pub mod article;
pub mod articles;
pub mod connections;
pub mod days;
pub mod deleted;
pub mod error;
pub mod health;
pub mod keys;
pub mod links;
pub mod model;
pub mod notifications;
pub mod orders;
pub mod queue;
pub mod queueing;
pub mod record;
pub mod schema;
pub mod secrets;
pub mod settle;
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
pub use record::Page;
pub use secrets::SecretStore;
pub use tally::Tally;

/// Is told what the table learns, once it is stored.
pub trait Observer: Debug + Send + Sync {
    /// Problems opened and closed.
    fn problems(&self, tally: Tally);
}

/// The table.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) client: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
    /// Connections whose notifications this process has still to bring up to date.
    pub(crate) marked: Arc<Mutex<BTreeSet<ConnectionId>>>,
    /// Which table it is, and when that was last asked.
    pub(crate) identity: Arc<tokio::sync::Mutex<Option<table::Known>>>,
    observer: Option<Arc<dyn Observer>>,
    /// By which this process waits before it tries again.
    pub(crate) clock: SharedClock,
}

impl Store {
    /// Of the table with this name.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
            marked: Arc::default(),
            identity: Arc::default(),
            observer: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Waits by this clock instead of the machine's.
    #[must_use]
    pub fn with_clock(self, clock: SharedClock) -> Self {
        Self { clock, ..self }
    }

    /// Tells `observer` what is stored.
    #[must_use]
    pub fn observed(self, observer: Arc<dyn Observer>) -> Self {
        Self {
            observer: Some(observer),
            ..self
        }
    }

    pub(crate) fn observe(&self, tally: Tally) {
        if let Some(observer) = self.observer.as_ref().filter(|_| tally != Tally::default()) {
            observer.problems(tally);
        }
    }
}
