//! What a person's decision does to the record of an order: closing it as handled, and undoing its invoice.

use crate::model::OrderRecord;
use crate::tally::ProblemTally;
use domain::ledger::{Handled, OrderState, Settlement};
use domain::order::{OrderChange, OrderFacts};
use domain::plan::Sentence;
use domain::problem::{Arg, ProblemCode, build_args};
use domain::undo::{UndoDecision, UndoInvoice, UndoStock};
use jiff::Timestamp;

impl OrderRecord {
    /// The order as it was last read. A cancelled order keeps the lines that it had before.
    pub fn known_facts(&self) -> Option<OrderFacts> {
        let cancelled = self.status == "cancelled";
        self.facts.clone().map(|facts| OrderFacts { cancelled, open: facts.open && !cancelled, ..facts })
    }

    /// Changes of the order, as it was last read, that contradict its invoice and that nobody settled.
    pub fn open_changes(&self) -> Vec<OrderChange> {
        let is_known = matches!(self.status.as_str(), "open" | "shipped" | "cancelled");
        self.known_facts().map(|facts| self.ledger.find_open_changes(&facts, is_known)).unwrap_or_default()
    }

    /// Closes the order as handled: done by hand, and final until the order changes, which is a conflict then.
    /// `facts`: the order as it was read just now; `None`: as it was last read. `by`: who decided.
    pub fn close_as_handled(&mut self, facts: Option<OrderFacts>, by: &str, now: Timestamp) {
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
        self.problems_changed |= !self.problems.is_empty() || !self.differences.is_empty();
        self.tally += ProblemTally::from_closed(self.problems.len() + self.differences.len());
        self.problems.clear();
        self.differences.clear();
        self.waits_for.clear();
        self.tariffs_digest = None;
        self.state = OrderState::Skipped;
        self.explanation =
            vec![Sentence { code: "settled".to_owned(), args: build_args([("at", Arg::Time(now))]) }];
        self.is_final = true;
        self.due = None;
        self.queued_at = None;
        self.starts = 0;
        self.failures = 0;
        self.rounds = 0;
        self.forced = false;
    }

    /// Records the decision to undo an invoice that ProductFlow contradicts, and makes the order due at once so
    /// that the decision is carried out. Returns `false` when there is no invoice, or the order was never read.
    pub fn record_undo_decision(
        &mut self,
        invoice: UndoInvoice,
        stock: UndoStock,
        by: &str,
        now: Timestamp,
    ) -> bool {
        let Some(facts) = self.known_facts() else {
            return false;
        };
        let Some((row, _)) = self.ledger.find_invoice() else {
            return false;
        };
        let (row, robaws_id) = (row.no, row.robaws_id.clone());
        let mut changes = self.open_changes();
        if changes.is_empty() {
            // A second decision about the same changes replaces the first one.
            let before = self.ledger.last_undo().map(|undo| undo.changes.clone());
            changes = before.unwrap_or_default();
        }
        self.ledger.undo = Some(UndoDecision {
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
        self.problems_changed = true;
        let open_before = self.problems.len();
        // The decision answers these two problems; all others stay open.
        self.problems.retain(|open| {
            !matches!(
                open.problem.code,
                ProblemCode::CancelledAfterInvoice | ProblemCode::ChangedAfterInvoice
            )
        });
        self.tally += ProblemTally::from_closed(open_before - self.problems.len());
        self.state = OrderState::Waiting;
        self.explanation = vec![Sentence::without_args("undoing")];
        self.is_final = false;
        self.force_look(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OpenProblem;
    use crate::model::tests::{invoice_effect, ledger_row};
    use domain::ids::{ConnectionId, OrderIdentifier};
    use domain::ledger::RowState;
    use domain::order::Costs;
    use domain::problem::{Holds, Problem, ProblemCode, build_args};

    #[test]
    fn closing_an_order_as_handled_is_told_when_something_of_it_was_open() {
        let now: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let handled = |problems: usize, differences: usize| {
            let connection = ConnectionId::parse("shop").unwrap();
            let mut record = OrderRecord::new(connection, OrderIdentifier::parse("PF-1").unwrap(), now);
            let open = OpenProblem {
                problem: Problem::new(ProblemCode::OrderGone, Holds::Everything, build_args([])),
                opened_at: now,
                last_seen_at: now,
                count: 1,
            };
            record.problems = vec![open.clone(); problems];
            record.differences = vec![open; differences];
            record.close_as_handled(None, "operator", now);
            assert!(record.problems.is_empty() && record.differences.is_empty());
            record.problems_changed
        };
        assert!(handled(1, 0));
        assert!(handled(0, 1));
        assert!(!handled(0, 0));
    }

    fn new_order_record() -> OrderRecord {
        let connection = ConnectionId::parse("shop").unwrap();
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        OrderRecord::new(connection, OrderIdentifier::parse("PF-1").unwrap(), now)
    }

    fn open_problems(codes: &[ProblemCode]) -> Vec<OpenProblem> {
        let now = new_order_record().created_at;
        let open = codes.iter().map(|code| OpenProblem {
            problem: Problem::new(*code, Holds::Everything, build_args([])),
            opened_at: now,
            last_seen_at: now,
            count: 1,
        });
        open.collect()
    }

    fn order_facts(open: bool) -> OrderFacts {
        OrderFacts {
            cancelled: false,
            open,
            lines: Vec::new(),
            costs: Costs::default(),
            currency: "EUR".to_owned(),
        }
    }

    #[test]
    fn an_order_that_was_cancelled_is_open_no_more() {
        for (status, was_open, open, cancelled) in [
            ("open", true, true, false),
            ("shipped", false, false, false),
            ("cancelled", true, false, true),
            ("cancelled", false, false, true),
        ] {
            let mut record = new_order_record();
            status.clone_into(&mut record.status);
            record.facts = Some(order_facts(was_open));
            let known = record.known_facts().unwrap();
            assert_eq!((known.open, known.cancelled), (open, cancelled), "{status}");
        }
        assert_eq!(new_order_record().known_facts(), None);
    }

    #[test]
    fn what_an_order_closed_as_handled_no_longer_asks_counts_as_closed() {
        for (problems, differences) in [(0, 0), (2, 0), (0, 3), (3, 1), (1, 3)] {
            let mut record = new_order_record();
            record.problems = open_problems(&vec![ProblemCode::OrderGone; problems]);
            record.differences = open_problems(&vec![ProblemCode::RecordsDiffer; differences]);
            record.close_as_handled(None, "operator", record.created_at);
            assert_eq!(record.tally, ProblemTally::from_closed(problems + differences));
        }
    }

    #[test]
    fn a_decision_about_an_invoice_closes_what_asked_for_it_and_nothing_else() {
        let mut record = new_order_record();
        record.status = "cancelled".to_owned();
        record.facts = Some(order_facts(true));
        let decide = |record: &mut OrderRecord| {
            let now = record.created_at;
            record.record_undo_decision(UndoInvoice::Keep, UndoStock::Return, "operator", now)
        };
        assert!(!decide(&mut record), "there is no invoice");
        record.ledger.rows = vec![ledger_row(1, RowState::Done, invoice_effect(true))];
        record.problems = open_problems(&[
            ProblemCode::CancelledAfterInvoice,
            ProblemCode::RobawsRefused,
            ProblemCode::ChangedAfterInvoice,
        ]);
        record.is_final = true;
        record.due = None;
        assert!(decide(&mut record));
        assert_eq!(record.problems, open_problems(&[ProblemCode::RobawsRefused]));
        assert_eq!(record.tally, ProblemTally::from_closed(2));
        assert!(record.problems_changed && !record.is_final);
        assert!(record.forced && record.due.is_some(), "it is carried out at once");
        assert_eq!(record.ledger.undo.as_ref().map(|undo| undo.row), Some(1));
    }

    #[test]
    fn an_order_closed_as_handled_keeps_what_it_was_then() {
        for (status, kept) in [("", None), ("shipped", Some("shipped")), ("lost", Some("lost"))] {
            let mut record = new_order_record();
            status.clone_into(&mut record.status);
            record.facts = Some(order_facts(true));
            record.close_as_handled(None, "operator", record.created_at);
            let handled = record.ledger.handled.unwrap();
            assert_eq!(handled.status.as_deref(), kept);
            assert_eq!(handled.facts, Some(order_facts(true)));
        }
    }
}
