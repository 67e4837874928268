//! One pacer per connection: everything of a connection in this process is paced together. Those that never paced anything are
//! given up as others are asked for: a poll makes clients for tens of thousands of connections that call Robaws for nothing.

use domain::ids::ConnectionId;
use robaws::Pacer;
use runtime::clock::SharedClock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// So many are kept before any is given up.
const KEPT: usize = 1_000;

/// The pacers of a process.
#[derive(Clone)]
pub struct Pacers {
    kept: Arc<Mutex<Kept>>,
    clock: SharedClock,
}

#[derive(Default)]
struct Kept {
    pacers: HashMap<ConnectionId, Arc<Pacer>>,
    /// When there are so many, those that are as new are given up.
    most: usize,
}

impl Pacers {
    /// None yet; they will go by this clock.
    pub fn new(clock: SharedClock) -> Self {
        Self {
            kept: Arc::default(),
            clock,
        }
    }

    /// The pacer of a connection, the same for all that ask while it is used or knows anything.
    pub fn of(&self, connection: &ConnectionId) -> Arc<Pacer> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pacer) = kept.pacers.get(connection) {
            return Arc::clone(pacer);
        }
        if kept.pacers.len() >= kept.most.max(KEPT) {
            kept.pacers
                .retain(|_, pacer| Arc::strong_count(pacer) > 1 || !pacer.is_new());
            // Looked through again only when there are twice as many, so that it costs each a constant.
            kept.most = kept.pacers.len() * 2;
        }
        Arc::clone(
            kept.pacers
                .entry(connection.clone())
                .or_insert_with(|| Arc::new(Pacer::new(self.clock.clone()))),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::clock::SystemClock;
    use std::time::Duration;

    fn id(at: usize) -> ConnectionId {
        ConnectionId::parse(format!("shop-{at}")).unwrap()
    }

    #[test]
    fn only_pacers_that_know_nothing_and_that_nobody_holds_are_given_up() {
        let pacers = Pacers::new(Arc::new(SystemClock));
        let held = pacers.of(&id(0));
        let learned = pacers.of(&id(1));
        learned.hold(Duration::from_mins(1));
        let known = Arc::downgrade(&learned);
        drop(learned);
        for at in 2..10 * KEPT {
            drop(pacers.of(&id(at)));
        }
        let left = pacers.kept.lock().unwrap().pacers.len();
        assert!(left <= KEPT, "{left}");
        assert!(Arc::ptr_eq(&held, &pacers.of(&id(0))));
        assert!(std::sync::Weak::ptr_eq(
            &known,
            &Arc::downgrade(&pacers.of(&id(1)))
        ));
    }

    #[test]
    fn as_many_as_are_used_are_kept() {
        let pacers = Pacers::new(Arc::new(SystemClock));
        let used: Vec<_> = (0..3 * KEPT).map(|at| pacers.of(&id(at))).collect();
        for (at, pacer) in used.iter().enumerate() {
            assert!(Arc::ptr_eq(pacer, &pacers.of(&id(at))), "{at}");
        }
    }
}
