//! Collects what the checks note while they read, and makes one finding per assumption of it.

use crate::finding::{Finding, Peer, Verdict};
use crate::inventory::{self, CheckMethod};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct Notes {
    noted: BTreeMap<&'static str, (Verdict, Vec<String>)>,
    closed: BTreeMap<Peer, String>,
}

impl Notes {
    pub(crate) fn note_confirmed(&mut self, id: &'static str, found: impl Into<String>) {
        self.note_verdict(id, Verdict::Confirmed, found);
    }

    pub(crate) fn note_refuted(&mut self, id: &'static str, found: impl Into<String>) {
        self.note_verdict(id, Verdict::Refuted, found);
    }

    /// Notes that the check could decide nothing, and why.
    pub(crate) fn note_open(&mut self, id: &'static str, found: impl Into<String>) {
        self.note_verdict(id, Verdict::NotDecidable, found);
    }

    pub(crate) fn note_all_open(&mut self, ids: &[&'static str], found: &str) {
        for id in ids {
            self.note_open(id, found);
        }
    }

    /// Notes a verdict. Of several verdicts on one assumption the greatest holds: what is refuted once stays refuted.
    pub(crate) fn note_verdict(&mut self, id: &'static str, verdict: Verdict, found: impl Into<String>) {
        let found = found.into();
        let (held, texts) = self.noted.entry(id).or_insert_with(|| (verdict, Vec::new()));
        if verdict > *held {
            *held = verdict;
            texts.clear();
        }
        if verdict == *held && !texts.contains(&found) {
            texts.push(found);
        }
    }

    /// Ends the notes about a peer. `reason` is given for every assumption that no check reached.
    pub(crate) fn close_peer(&mut self, peer: Peer, reason: &str) {
        self.closed.insert(peer, reason.to_owned());
    }

    pub(crate) fn into_findings(self) -> Vec<Finding> {
        debug_assert!(
            self.noted.keys().all(|id| inventory::find_assumption(id).is_some()),
            "a check that is not in the inventory"
        );
        let entries = inventory::all_assumptions();
        entries
            .map(|entry| {
                let (verdict, found) = match (&entry.method, self.noted.get(entry.id)) {
                    (CheckMethod::ByHand { why, .. }, _) => (Verdict::NotDecidable, (*why).to_owned()),
                    (_, Some((verdict, texts))) => (*verdict, texts.join("; ")),
                    (_, None) => {
                        let reason = self.closed.get(&entry.peer()).cloned();
                        (Verdict::NotDecidable, reason.unwrap_or_default())
                    }
                };
                Finding::new(entry, verdict, found)
            })
            .collect()
    }
}
