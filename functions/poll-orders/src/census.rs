//! Counts the connections by state, and those whose peers do not answer, while a poll reads the connections.

use connection::notification_updates::is_unreachable;
use jiff::Timestamp;
use runtime::metrics::{self, Metric};
use store::model::{ConnectionItem, ConnectionState, Peer};

const STATES: [&str; 4] = ["active", "needs_credentials", "suspended", "inactive"];
const PEERS: [Peer; 2] = [Peer::Robaws, Peer::Productflow];

/// The counts of one poll.
#[derive(Debug, Default)]
pub(crate) struct Census {
    by_state: [u64; STATES.len()],
    unreachable: [u64; PEERS.len()],
}

impl Census {
    pub(crate) fn count_connection(&mut self, item: &ConnectionItem, now: Timestamp) {
        let state = metric_state(item);
        for (name, count) in STATES.iter().zip(&mut self.by_state) {
            *count += u64::from(*name == state);
        }
        let is_active = item.connection.state == ConnectionState::Active;
        for (peer, count) in PEERS.into_iter().zip(&mut self.unreachable) {
            *count += u64::from(is_active && is_unreachable(item, peer, now));
        }
    }

    /// Reports the counts as metrics.
    pub(crate) fn report_to_metrics(&self) {
        for (name, count) in STATES.into_iter().zip(self.by_state) {
            metrics::set_gauge(Metric::ConnectionsByState.with_value(name), count);
        }
        for (peer, count) in PEERS.into_iter().zip(self.unreachable) {
            metrics::set_gauge(Metric::ConnectionsUnreachable.with_value(peer.as_str()), count);
        }
    }
}

fn metric_state(item: &ConnectionItem) -> &'static str {
    let refused = item.robaws.refused_since.or(item.productflow.refused_since);
    match item.connection.state {
        ConnectionState::Active if refused.is_some() => "needs_credentials",
        ConnectionState::Active => "active",
        ConnectionState::Suspended => "suspended",
        ConnectionState::Inactive => "inactive",
    }
}
