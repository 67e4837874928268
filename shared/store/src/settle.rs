//! What people decide of an order, as it changes its record.

use crate::model::OrderRecord;
use crate::tally::Tally;
use domain::ledger::{Handled, OrderState, Settlement};
use domain::order::{Change, OrderFacts};
use domain::plan::Sentence;
use domain::problem::{Arg, ProblemCode, args};
use domain::undo::{Undo, UndoInvoice, UndoStock};
use jiff::Timestamp;

impl OrderRecord {
    /// What the order is, as it was last read. The lines of one that was cancelled are those of before.
    pub fn known_facts(&self) -> Option<OrderFacts> {
        let cancelled = self.status == "cancelled";
        self.facts.clone().map(|facts| OrderFacts {
            cancelled,
            open: facts.open && !cancelled,
            ..facts
        })
    }

    /// What of the order, as it was last read, contradicts its invoice and is not settled.
    pub fn open_changes(&self) -> Vec<Change> {
        let is_known = matches!(self.status.as_str(), "open" | "shipped" | "cancelled");
        self.known_facts()
            .map(|facts| self.ledger.open_changes(&facts, is_known))
            .unwrap_or_default()
    }

    /// Closes it as handled: done by hand, final. `facts`: what it is now, when it was read just now; else what was read last
    /// counts. If it changes afterwards it is a conflict.
    pub fn handle(&mut self, facts: Option<OrderFacts>, by: &str, now: Timestamp) {
        self.ledger.handled = Some(Handled {
            at: now,
            facts: facts.or_else(|| self.known_facts()),
            status: Some(self.status.clone()).filter(|word| !word.is_empty()),
        });
        self.ledger.settlements.push(Settlement {
            kind: "handled".to_owned(),
            by: by.to_owned(),
            at: now,
            row: None,
            robaws_id: None,
            invoice: None,
            stock: None,
        });
        self.tells_anew |= !self.problems.is_empty() || !self.differences.is_empty();
        self.tally += Tally::closed(self.problems.len() + self.differences.len());
        self.problems.clear();
        self.differences.clear();
        self.waits_for.clear();
        self.tariffs_digest = None;
        self.state = OrderState::Skipped;
        self.explanation = vec![Sentence {
            code: "settled".to_owned(),
            args: args([("at", Arg::Time(now))]),
        }];
        self.is_final = true;
        self.due = None;
        self.queued_at = None;
        self.starts = 0;
        self.failures = 0;
        self.rounds = 0;
        self.forced = false;
    }

    /// Writes down what the merchant decided of an invoice that ProductFlow contradicts, for the order as it was last read, and
    /// has it carried out at once. Tells whether there is an invoice and an order that it can be about.
    pub fn undo(&mut self, invoice: UndoInvoice, stock: UndoStock, by: &str, now: Timestamp) -> bool {
        let Some(facts) = self.known_facts() else {
            return false;
        };
        let Some((row, _)) = self.ledger.invoice() else {
            return false;
        };
        let (row, robaws_id) = (row.no, row.robaws_id.clone());
        let mut changes = self.open_changes();
        if changes.is_empty() {
            // One decision follows another about the same.
            let before = self.ledger.decision().map(|undo| undo.changes.clone());
            changes = before.unwrap_or_default();
        }
        self.ledger.undo = Some(Undo {
            row,
            invoice,
            stock,
            by: by.to_owned(),
            at: now,
            facts,
            changes,
            obstacle: None,
        });
        self.ledger.settlements.push(Settlement {
            kind: "undo".to_owned(),
            by: by.to_owned(),
            at: now,
            row: Some(row),
            robaws_id,
            invoice: Some(invoice),
            stock: Some(stock),
        });
        self.tells_anew = true;
        let open_before = self.problems.len();
        self.problems.retain(|open| {
            !matches!(
                open.problem.code,
                ProblemCode::CancelledAfterInvoice | ProblemCode::ChangedAfterInvoice
            )
        });
        self.tally += Tally::closed(open_before - self.problems.len());
        self.state = OrderState::Waiting;
        self.explanation = vec![Sentence::plain("undoing")];
        self.is_final = false;
        self.look_again(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OpenProblem;
    use domain::ids::{ConnectionId, OrderIdentifier};
    use domain::problem::{Holds, Problem, ProblemCode, args};

    #[test]
    fn closing_an_order_as_handled_is_told_when_something_of_it_was_open() {
        let now: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let handled = |problems: usize, differences: usize| {
            let connection = ConnectionId::parse("shop").unwrap();
            let mut record = OrderRecord::new(connection, OrderIdentifier::parse("PF-1").unwrap(), now);
            let open = OpenProblem {
                problem: Problem::new(ProblemCode::OrderGone, Holds::Everything, args([])),
                opened_at: now,
                last_seen_at: now,
                count: 1,
            };
            record.problems = vec![open.clone(); problems];
            record.differences = vec![open; differences];
            record.handle(None, "operator", now);
            assert!(record.problems.is_empty() && record.differences.is_empty());
            record.tells_anew
        };
        assert!(handled(1, 0));
        assert!(handled(0, 1));
        assert!(!handled(0, 0));
    }
}
