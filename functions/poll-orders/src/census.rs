//! Counts the connections by state, and those whose peers do not answer, while a poll reads the connections.

use connection::notifications::is_unreachable;
use jiff::Timestamp;
use runtime::metrics::{self, Metric};
use store::model::{ConnectionItem, ConnectionState, Peer};

const STATES: [&str; 4] = ["active", "needs_credentials", "suspended", "inactive"];
const PEERS: [Peer; 2] = [Peer::Robaws, Peer::Productflow];

/// The counts of one poll.
#[derive(Debug, Default)]
pub struct Census {
    of_state: [u64; STATES.len()],
    away: [u64; PEERS.len()],
}

impl Census {
    pub fn count(&mut self, item: &ConnectionItem, now: Timestamp) {
        let state = state_of(item);
        for (name, count) in STATES.iter().zip(&mut self.of_state) {
            *count += u64::from(*name == state);
        }
        let is_active = item.connection.state == ConnectionState::Active;
        for (peer, count) in PEERS.into_iter().zip(&mut self.away) {
            *count += u64::from(is_active && is_unreachable(item, peer, now));
        }
    }

    /// Reports the counts as metrics.
    pub fn gauge(&self) {
        for (name, count) in STATES.into_iter().zip(self.of_state) {
            metrics::gauge(Metric::ConnectionsByState.of(name), count);
        }
        for (peer, count) in PEERS.into_iter().zip(self.away) {
            metrics::gauge(Metric::ConnectionsUnreachable.of(peer.as_str()), count);
        }
    }
}

fn state_of(item: &ConnectionItem) -> &'static str {
    let refused = item.robaws.refused_since.or(item.productflow.refused_since);
    match item.connection.state {
        ConnectionState::Active if refused.is_some() => "needs_credentials",
        ConnectionState::Active => "active",
        ConnectionState::Suspended => "suspended",
        ConnectionState::Inactive => "inactive",
    }
}
