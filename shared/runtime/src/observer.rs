//! Who is told of every call to a peer, to count and time them: the clients report here, and know nothing of metrics.

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
    /// Without an answer, with a 5xx or 408, or with a 2xx that can't be read.
    Failed,
}

/// Is told of every call to a peer.
pub trait Observer: Debug + Send + Sync {
    /// A call ended, after this long on its way.
    fn called(&self, took: Duration, ended: Ended);
    /// An answer that counted as one can't be read after all.
    fn unreadable(&self);
}

/// An observer to pass around.
pub type SharedObserver = Arc<dyn Observer>;

/// Nobody is told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Observer for Nobody {
    fn called(&self, _took: Duration, _ended: Ended) {}

    fn unreadable(&self) {}
}

/// A call on its way. One that is abandoned failed.
#[derive(Debug)]
pub struct Watched<'a> {
    observer: &'a dyn Observer,
    began: Instant,
    ended: Ended,
}

impl<'a> Watched<'a> {
    /// It begins now.
    pub fn begin(observer: &'a dyn Observer) -> Self {
        Self {
            observer,
            began: Instant::now(),
            ended: Ended::Failed,
        }
    }

    /// It ended so.
    pub fn end(mut self, ended: Ended) {
        self.ended = ended;
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.observer.called(self.began.elapsed(), self.ended);
    }
}
