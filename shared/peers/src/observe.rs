//! What metrics tell of the peers and of problems: the clients and the store report here, and know nothing of metrics.

use runtime::invocation::milliseconds;
use runtime::metrics::{self, Metric};
use std::time::Duration;
use store::Tally;
use store::model::Peer;

/// Counts the calls to a peer.
#[derive(Debug, Clone, Copy)]
struct Calls(Peer);

impl Calls {
    fn called(self, took: Duration, throttled: bool, failed: bool) {
        let peer = self.0.as_str();
        metrics::count(Metric::PeerCalls.of(peer), 1);
        metrics::record(Metric::PeerLatency.of(peer), milliseconds(took));
        if throttled {
            metrics::count(Metric::PeerThrottled.of(peer), 1);
        }
        if failed {
            self.failed();
        }
    }

    fn failed(self) {
        metrics::count(Metric::PeerFailures.of(self.0.as_str()), 1);
    }
}

/// Counts the calls to Robaws.
#[derive(Debug, Clone, Copy, Default)]
pub struct RobawsCalls;

impl robaws::Observer for RobawsCalls {
    fn called(&self, took: Duration, ended: robaws::Ended) {
        let (throttled, failed) = (ended == robaws::Ended::Throttled, ended == robaws::Ended::Failed);
        Calls(Peer::Robaws).called(took, throttled, failed);
    }

    fn unreadable(&self) {
        Calls(Peer::Robaws).failed();
    }
}

/// Counts the calls to ProductFlow.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProductflowCalls;

impl productflow::Observer for ProductflowCalls {
    fn called(&self, took: Duration, ended: productflow::Ended) {
        use productflow::Ended;
        Calls(Peer::Productflow).called(took, ended == Ended::Throttled, ended == Ended::Failed);
    }

    fn unreadable(&self) {
        Calls(Peer::Productflow).failed();
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

/// What is left of the day's requests of a connection, as its Robaws last told.
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
