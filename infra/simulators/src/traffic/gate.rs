//! What a test does to a call while the call is under way: code that runs at the call, and gates at which calls are held.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

/// Code that runs at a call. Hooks are equal when they are clones of one another.
#[derive(Clone)]
pub struct Hook(Arc<dyn Fn() + Send + Sync>);

impl Hook {
    pub(crate) fn new(run: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(run))
    }

    pub(crate) fn run(&self) {
        (self.0)();
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

impl PartialEq for Hook {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Hook {}

/// Where calls are held until the gate is opened. Clones are the same gate, and equal.
#[derive(Clone, Debug)]
pub struct Gate(Arc<State>);

#[derive(Debug)]
struct State {
    /// How many calls have come to the gate.
    reached: watch::Sender<usize>,
    is_open: watch::Sender<bool>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(State { reached: watch::Sender::new(0), is_open: watch::Sender::new(false) }))
    }

    /// Waits until so many calls in all have come to the gate.
    pub async fn wait_for_calls(&self, calls: usize) {
        let mut reached = self.0.reached.subscribe();
        // The sender lives as long as this gate.
        let _reached = reached.wait_for(|reached| *reached >= calls).await;
    }

    /// How many calls in all have come to the gate.
    #[must_use]
    pub fn calls(&self) -> usize {
        *self.0.reached.borrow()
    }

    /// Lets every call through, those that come later too.
    pub fn open(&self) {
        self.0.is_open.send_replace(true);
    }

    pub(crate) async fn pass(&self) {
        self.0.reached.send_modify(|reached| *reached += 1);
        let mut is_open = self.0.is_open.subscribe();
        let _open = is_open.wait_for(|is_open| *is_open).await;
    }
}

impl PartialEq for Gate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Gate {}
