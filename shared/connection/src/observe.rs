//! Counts calls and problems as metrics. The clients and the store report here and know nothing of metrics.

use runtime::invocation::whole_milliseconds;
use runtime::metrics::{self, Metric};
use runtime::observer::{CallEnd, CallObserver};
use std::time::Duration;
use store::ProblemTally;
use store::model::Peer;

/// Counts and times the calls to one peer.
#[derive(Debug, Clone, Copy)]
pub struct CallCounter(pub Peer);

impl CallObserver for CallCounter {
    fn call_ended(&self, took: Duration, ended: CallEnd) {
        let peer = self.0.as_str();
        metrics::add_count(Metric::PeerCalls.with_value(peer), 1);
        metrics::record_value(Metric::PeerLatency.with_value(peer), whole_milliseconds(took));
        match ended {
            CallEnd::Answered => {}
            CallEnd::Throttled => metrics::add_count(Metric::PeerThrottled.with_value(peer), 1),
            CallEnd::Failed => self.answer_unreadable(),
        }
    }

    fn answer_unreadable(&self) {
        metrics::add_count(Metric::PeerFailures.with_value(self.0.as_str()), 1);
    }
}

/// Counts the problems that open and close.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProblemCounter;

impl store::ProblemObserver for ProblemCounter {
    fn count_problems(&self, tally: ProblemTally) {
        if tally.opened > 0 {
            metrics::add_count(Metric::ProblemsOpened, tally.opened);
        }
        if tally.closed > 0 {
            metrics::add_count(Metric::ProblemsClosed, tally.closed);
        }
    }
}

/// Sets the metric of the daily requests that are left, from what Robaws last told.
pub fn gauge_quota(connection: &domain::ConnectionId, limits: robaws::Limits) {
    let (Some(left), Some(limit)) = (limits.daily_remaining, limits.daily_limit) else {
        return;
    };
    if let Some(percent) = left.saturating_mul(100).checked_div(limit) {
        metrics::set_gauge(Metric::QuotaLeft.for_connection(connection.as_str()), percent.min(100));
    }
}
