//! Counts of problems that a write opened and closed, for the metrics.

use crate::model::{OpenProblem, merge_problems};
use domain::problem::Problem;
use jiff::Timestamp;

/// Problems that opened and closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProblemTally {
    pub opened: u64,
    pub closed: u64,
}

impl ProblemTally {
    /// `count` problems that closed, none that opened.
    pub fn from_closed(count: usize) -> Self {
        Self { opened: 0, closed: u64::try_from(count).unwrap_or(u64::MAX) }
    }
}

impl std::ops::AddAssign for ProblemTally {
    fn add_assign(&mut self, other: Self) {
        self.opened = self.opened.saturating_add(other.opened);
        self.closed = self.closed.saturating_add(other.closed);
    }
}

/// Replaces the open problems by those that a look found. Returns what opened and closed.
pub fn replace_problems(open: &mut Vec<OpenProblem>, found: Vec<Problem>, now: Timestamp) -> ProblemTally {
    let before = open.len();
    *open = merge_problems(std::mem::take(open), found, now);
    let known = open.iter().filter(|problem| problem.count > 1).count();
    ProblemTally {
        opened: u64::try_from(open.len().saturating_sub(known)).unwrap_or(u64::MAX),
        ..ProblemTally::from_closed(before.saturating_sub(known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::problem::{Args, Holds, ProblemCode};

    #[test]
    fn what_stays_open_counts_for_nothing() {
        let problem = |code| Problem::new(code, Holds::Nothing, Args::new());
        let (one, other) = (problem(ProblemCode::OrderGone), problem(ProblemCode::TotalMismatch));
        let now = Timestamp::UNIX_EPOCH;
        let mut open = Vec::new();
        let mut tally = ProblemTally::default();
        let rounds = [
            (vec![one.clone()], (1, 0)),
            (vec![one.clone(), other.clone()], (2, 0)),
            (vec![other.clone()], (2, 1)),
            (vec![one], (3, 2)),
            (Vec::new(), (3, 3)),
        ];
        for (found, (opened, closed)) in rounds {
            tally += replace_problems(&mut open, found, now);
            assert_eq!(tally, ProblemTally { opened, closed });
        }
    }
}
