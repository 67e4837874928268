//! What a check comes to.

use crate::inventory::Entry;
use serde::Serialize;

/// Whom an assumption is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Peer {
    /// Robaws.
    Robaws,
    /// ProductFlow.
    Productflow,
}

impl Peer {
    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Robaws => "Robaws",
            Self::Productflow => "ProductFlow",
        }
    }
}

/// What reading says of an assumption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Neither way: nothing to look at, or reading can't tell.
    NotDecidable,
    /// It holds, as far as was read.
    Confirmed,
    /// It does not hold.
    Refuted,
}

/// Which item of our code says what is assumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file in the repository.
    pub file: &'static str,
    /// The item.
    pub symbol: &'static str,
}

/// One assumption and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its id, that of the `[A:id]` mark.
    pub id: &'static str,
    /// About whom.
    pub peer: Peer,
    /// The assumption in one sentence.
    pub assumption: &'static str,
    /// The verdict.
    pub verdict: Verdict,
    /// What was found: names, kinds, counts, formats and words of enumerations, never values.
    pub found: String,
    /// Of a refuted one: which item says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Of a refuted one what to change, of an undecided one how to find out by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<&'static str>,
}

impl Finding {
    pub(crate) fn new(entry: &'static Entry, verdict: Verdict, found: String) -> Self {
        let refuted = verdict == Verdict::Refuted;
        Self {
            id: entry.id,
            peer: entry.peer(),
            assumption: entry.assumption,
            verdict,
            found,
            place: refuted.then(|| entry.place),
            advice: match verdict {
                Verdict::Confirmed => None,
                Verdict::Refuted => Some(entry.remedy),
                Verdict::NotDecidable => entry.by_hand(),
            },
        }
    }
}
