//! One pacer per connection, so that all calls of a connection in this process are paced together. Pacers that
//! never paced a call are dropped as others are asked for, since a poll builds Robaws clients for tens of
//! thousands of connections and uses few of them.

use domain::ids::ConnectionId;
use robaws::Pacer;
use runtime::clock::SharedClock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Pacers that are kept before any is dropped.
const KEPT_AT_LEAST: usize = 1_000;

/// The pacers of a process.
#[derive(Clone)]
pub struct Pacers {
    kept: Arc<Mutex<KeptPacers>>,
    clock: SharedClock,
}

#[derive(Default)]
struct KeptPacers {
    pacers: HashMap<ConnectionId, Arc<Pacer>>,
    /// Number of pacers from which unused ones are dropped.
    most: usize,
}

impl Pacers {
    pub fn new(clock: SharedClock) -> Self {
        Self { kept: Arc::default(), clock }
    }

    /// The pacer of a connection: the same one for every caller, as long as it is held or has paced a call.
    pub fn pacer_for(&self, connection: &ConnectionId) -> Arc<Pacer> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pacer) = kept.pacers.get(connection) {
            return Arc::clone(pacer);
        }
        if kept.pacers.len() >= kept.most.max(KEPT_AT_LEAST) {
            kept.pacers.retain(|_, pacer| Arc::strong_count(pacer) > 1 || !pacer.is_new());
            // The limit doubles what is left, so that dropping costs a constant per pacer.
            kept.most = kept.pacers.len() * 2;
        }
        Arc::clone(
            kept.pacers.entry(connection.clone()).or_insert_with(|| Arc::new(Pacer::new(self.clock.clone()))),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::clock::SystemClock;
    use std::time::Duration;

    fn shop_id(at: usize) -> ConnectionId {
        ConnectionId::parse(format!("shop-{at}")).unwrap()
    }

    #[test]
    fn only_pacers_that_know_nothing_and_that_nobody_holds_are_given_up() {
        let pacers = Pacers::new(Arc::new(SystemClock));
        let held = pacers.pacer_for(&shop_id(0));
        let learned = pacers.pacer_for(&shop_id(1));
        learned.hold_requests(Duration::from_mins(1));
        let known = Arc::downgrade(&learned);
        drop(learned);
        for at in 2..10 * KEPT_AT_LEAST {
            drop(pacers.pacer_for(&shop_id(at)));
        }
        let left = pacers.kept.lock().unwrap().pacers.len();
        assert!(left <= KEPT_AT_LEAST, "{left}");
        assert!(Arc::ptr_eq(&held, &pacers.pacer_for(&shop_id(0))));
        assert!(std::sync::Weak::ptr_eq(&known, &Arc::downgrade(&pacers.pacer_for(&shop_id(1)))));
    }

    #[test]
    fn as_many_as_are_used_are_kept() {
        let pacers = Pacers::new(Arc::new(SystemClock));
        let used: Vec<_> = (0..3 * KEPT_AT_LEAST).map(|at| pacers.pacer_for(&shop_id(at))).collect();
        for (at, pacer) in used.iter().enumerate() {
            assert!(Arc::ptr_eq(pacer, &pacers.pacer_for(&shop_id(at))), "{at}");
        }
    }
}
