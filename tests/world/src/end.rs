//! What must hold at the end of every test, whatever the test is about.

use local::Stack;
use serde_json::Value;
use simulators::traffic::{Violation, ViolationKind};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::logs;

/// What a test leaves behind on purpose.
#[derive(Debug, Default)]
pub(crate) struct End(Mutex<Left>);

#[derive(Debug, Default)]
struct Left {
    violations: Vec<ViolationKind>,
    unfinished_rows: bool,
    dead_letters: bool,
}

impl End {
    pub(crate) fn expect_violation(&self, kind: ViolationKind) {
        self.change(|left| left.violations.push(kind));
    }

    pub(crate) fn leave_unfinished_rows(&self) {
        self.change(|left| left.unfinished_rows = true);
    }

    pub(crate) fn leave_dead_letters(&self) {
        self.change(|left| left.dead_letters = true);
    }

    fn change(&self, change: impl FnOnce(&mut Left)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Fails the test where something is left that the test did not announce.
    pub(crate) fn check(&self, stack: &Stack) {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = stack.aws.iam.refused_calls();
        assert!(refused.is_empty(), "calls that the template does not allow: {refused:#?}");
        check_violations(stack, &left.violations);
        let leaks = logs::leaked_lines();
        assert!(leaks.is_empty(), "secrets in the logs: {leaks:#?}");
        if !left.dead_letters {
            for queue in ["orders.fifo", "articles.fifo", "sweeps.fifo"] {
                let dead = stack.aws.queues.dead_letters(queue).len();
                assert_eq!(dead, 0, "dead letters of {queue}");
            }
        }
        if !left.unfinished_rows {
            let rows = unfinished_rows(stack);
            assert!(rows.is_empty(), "rows that nobody finished: {rows:#?}");
        }
    }
}

fn check_violations(stack: &Stack, expected: &[ViolationKind]) {
    let seen: Vec<Violation> =
        stack.robaws.violations().into_iter().chain(stack.productflow.violations()).collect();
    let unexpected: Vec<&Violation> = seen.iter().filter(|seen| !expected.contains(&seen.kind)).collect();
    assert!(unexpected.is_empty(), "violations of a contract: {unexpected:#?}");
    for kind in expected {
        let is_seen = seen.iter().any(|seen| seen.kind == *kind);
        assert!(is_seen, "the expected violation {kind:?} did not happen");
    }
}

/// The rows of all ledgers of which nobody knows how they ended, as `identifier, number, state`.
fn unfinished_rows(stack: &Stack) -> BTreeSet<String> {
    let items = stack.aws.stored_items().unwrap();
    let mut unfinished = BTreeSet::new();
    for item in items.iter().filter(|item| text_of_attribute(&item["pk"]).starts_with("ORDER#")) {
        for row in item["ledger"]["M"]["rows"]["L"].as_array().into_iter().flatten() {
            let state = text_of_attribute(&row["M"]["state"]);
            let number = row["M"]["no"]["N"].as_str().unwrap_or_default();
            if ["intended", "unknown"].contains(&state) {
                unfinished.insert(format!("{}, row {number}, {state}", text_of_attribute(&item["sk"])));
            }
        }
    }
    unfinished
}

fn text_of_attribute(value: &Value) -> &str {
    value["S"].as_str().unwrap_or_default()
}
