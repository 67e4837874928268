//! Counts calls and problems as metrics. The clients and the store report here and know nothing of metrics.

use runtime::invocation::milliseconds;
use runtime::metrics::{self, Metric};
use runtime::observer::{Ended, Observer};
use std::time::Duration;
use store::Tally;
use store::model::Peer;

/// Counts and times the calls to one peer.
#[derive(Debug, Clone, Copy)]
pub struct Calls(pub Peer);

impl Observer for Calls {
    fn called(&self, took: Duration, ended: Ended) {
        let peer = self.0.as_str();
        metrics::count(Metric::PeerCalls.of(peer), 1);
        metrics::record(Metric::PeerLatency.of(peer), milliseconds(took));
        match ended {
            Ended::Answered => {}
            Ended::Throttled => metrics::count(Metric::PeerThrottled.of(peer), 1),
            Ended::Failed => self.unreadable(),
        }
    }

    fn unreadable(&self) {
        metrics::count(Metric::PeerFailures.of(self.0.as_str()), 1);
    }
}

/// Counts the problems that open and close.
#[derive(Debug, Clone, Copy, Default)]
pub struct Problems;

impl store::Observer for Problems {
    fn problems(&self, tally: Tally) {
        if tally.opened > 0 {
            metrics::count(Metric::ProblemsOpened, tally.opened);
        }
        if tally.closed > 0 {
            metrics::count(Metric::ProblemsClosed, tally.closed);
        }
    }
}

/// Sets the metric of the daily requests that are left, from what Robaws last told.
pub fn quota(connection: &domain::ConnectionId, limits: robaws::Limits) {
    let (Some(left), Some(limit)) = (limits.daily_remaining, limits.daily_limit) else {
        return;
    };
    if let Some(percent) = left.saturating_mul(100).checked_div(limit) {
        metrics::gauge(
            Metric::QuotaLeft.for_connection(connection.as_str()),
            percent.min(100),
        );
    }
}
