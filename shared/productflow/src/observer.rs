//! Who is told of every call, to count and time them.

use crate::Error;
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

/// Is told of every call to ProductFlow.
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
pub(crate) struct Nobody;

impl Observer for Nobody {
    fn called(&self, _took: Duration, _ended: Ended) {}

    fn unreadable(&self) {}
}

/// A call on its way. One that is abandoned failed.
pub(crate) struct Watched<'a> {
    observer: &'a dyn Observer,
    began: Instant,
    ended: Ended,
}

impl<'a> Watched<'a> {
    pub(crate) fn begin(observer: &'a dyn Observer) -> Self {
        Self {
            observer,
            began: Instant::now(),
            ended: Ended::Failed,
        }
    }

    pub(crate) fn end<T>(mut self, answer: &Result<T, Error>) {
        self.ended = answer.as_ref().map_or_else(Error::ended, |_| Ended::Answered);
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.observer.called(self.began.elapsed(), self.ended);
    }
}
