//! Observers of calls to the peers. The clients report every call here and know nothing of metrics.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallEnd {
    /// With an answer, also one that refuses.
    Answered,
    /// With a 429.
    Throttled,
    /// Without an answer, with a 5xx or 408, or with a 2xx that cannot be read.
    Failed,
}

/// Is told of every call to a peer.
pub trait CallObserver: Debug + Send + Sync {
    /// A call ended. `took`: from sending the request to the end of the answer, without waiting for its turn.
    fn call_ended(&self, took: Duration, ended: CallEnd);
    /// An answer that was reported as [`CallEnd::Answered`] turned out to be unreadable.
    fn answer_unreadable(&self);
}

pub type SharedObserver = Arc<dyn CallObserver>;

/// Ignores all calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl CallObserver for NoObserver {
    fn call_ended(&self, _took: Duration, _ended: CallEnd) {}

    fn answer_unreadable(&self) {}
}

/// A call under way. A call that is dropped without [`WatchedCall::end_as`] counts as failed.
#[derive(Debug)]
pub struct WatchedCall<'a> {
    observer: &'a dyn CallObserver,
    began: Instant,
    ended: CallEnd,
}

impl<'a> WatchedCall<'a> {
    pub fn begin_now(observer: &'a dyn CallObserver) -> Self {
        Self { observer, began: Instant::now(), ended: CallEnd::Failed }
    }

    pub fn end_as(mut self, ended: CallEnd) {
        self.ended = ended;
    }
}

impl Drop for WatchedCall<'_> {
    fn drop(&mut self) {
        self.observer.call_ended(self.began.elapsed(), self.ended);
    }
}
