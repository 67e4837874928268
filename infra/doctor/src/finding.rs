//! The result of checking one assumption.

use crate::inventory::Assumption;
use serde::Serialize;

/// The peer that an assumption is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Peer {
    Robaws,
    Productflow,
}

impl Peer {
    /// The peer's name as people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Robaws => "Robaws",
            Self::Productflow => "ProductFlow",
        }
    }
}

/// What reading showed about an assumption. The order matters: of several verdicts the greatest holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// There was nothing to look at, or reading can't decide it.
    NotDecidable,
    /// The assumption holds, as far as was read.
    Confirmed,
    /// The assumption does not hold.
    Refuted,
}

/// The item of our code that relies on an assumption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CodePlace {
    /// The file's path in the repository.
    pub file: &'static str,
    /// The item's name, such as `Client::read_whole_list`.
    pub symbol: &'static str,
}

/// One assumption and its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The assumption's id, as in its `[A:id]` tag in the code.
    pub id: &'static str,
    pub peer: Peer,
    /// The assumption in one sentence.
    pub assumption: &'static str,
    pub verdict: Verdict,
    /// What was found, in names, kinds, counts, formats and words of enumerations; never a value of an order, a client or a
    /// credential.
    pub found: String,
    /// For a refuted assumption: the item that relies on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<CodePlace>,
    /// For a refuted assumption: what to change. For an undecided one: how to find out by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<&'static str>,
}

impl Finding {
    pub(crate) fn new(entry: &'static Assumption, verdict: Verdict, found: String) -> Self {
        let refuted = verdict == Verdict::Refuted;
        Self {
            id: entry.id,
            peer: entry.peer(),
            assumption: entry.statement,
            verdict,
            found,
            place: refuted.then_some(entry.place),
            advice: match verdict {
                Verdict::Confirmed => None,
                Verdict::Refuted => Some(entry.remedy),
                Verdict::NotDecidable => entry.by_hand(),
            },
        }
    }
}
