//! Observers of calls to the peers. The clients report every call here and know nothing of metrics.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With an answer, also one that refuses.
    Answered,
    /// With a 429.
    Throttled,
    /// Without an answer, with a 5xx or 408, or with a 2xx that cannot be read.
    Failed,
}

/// Is told of every call to a peer.
pub trait Observer: Debug + Send + Sync {
    /// A call ended. `took`: from sending the request to the end of the answer, without waiting for its turn.
    fn called(&self, took: Duration, ended: Ended);
    /// An answer that was reported as [`Ended::Answered`] turned out to be unreadable.
    fn unreadable(&self);
}

pub type SharedObserver = Arc<dyn Observer>;

/// Ignores all calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Observer for Nobody {
    fn called(&self, _took: Duration, _ended: Ended) {}

    fn unreadable(&self) {}
}

/// A call under way. A call that is dropped without [`Watched::end`] counts as failed.
#[derive(Debug)]
pub struct Watched<'a> {
    observer: &'a dyn Observer,
    began: Instant,
    ended: Ended,
}

impl<'a> Watched<'a> {
    pub fn begin(observer: &'a dyn Observer) -> Self {
        Self {
            observer,
            began: Instant::now(),
            ended: Ended::Failed,
        }
    }

    pub fn end(mut self, ended: Ended) {
        self.ended = ended;
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.observer.called(self.began.elapsed(), self.ended);
    }
}
