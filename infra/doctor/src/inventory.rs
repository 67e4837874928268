//! The table of every assumption about the peers: where our code relies on it, and how it is checked or why reading can't decide
//! it. A test compares the table with the `[A:id]` tags in the wire modules.

mod productflow_assumptions;
mod robaws_assumptions;

use crate::finding::{CodePlace, Peer};

/// Where an assumption comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// `[A]`: assumed, because nothing public says it. Such an assumption has a tag in our code.
    Assumed,
    /// `[D]` or `[C]`: documented by the peer, or seen in production code; checked because much hangs on it.
    Known,
}

/// How an assumption can be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckMethod {
    /// Reading can confirm it and can refute it.
    ByReading {
        /// What is read, and what it is compared with.
        how: &'static str,
    },
    /// Reading can confirm it where the tenant holds a fitting record, but can never refute it.
    ByExample {
        how: &'static str,
        /// How to find out by hand.
        by_hand: &'static str,
    },
    /// Reading can't decide it.
    ByHand {
        /// Why reading can't decide it.
        why: &'static str,
        /// How to find out by hand.
        by_hand: &'static str,
    },
}

const ROBAWS_WIRE: &str = "shared/robaws/src/wire.rs";
const ROBAWS_TRANSPORT: &str = "shared/robaws/src/transport.rs";
const ROBAWS_PACING: &str = "shared/robaws/src/pacing.rs";
const ROBAWS_ARTICLES: &str = "shared/robaws/src/articles.rs";
const ROBAWS_PARTIES: &str = "shared/robaws/src/parties.rs";
const PRODUCTFLOW_WIRE: &str = "shared/productflow/src/wire.rs";
const PRODUCTFLOW_TRANSPORT: &str = "shared/productflow/src/transport.rs";
const PRODUCTFLOW_ORDERS: &str = "shared/productflow/src/orders.rs";
const SETTINGS: &str = "shared/domain/src/settings.rs";

/// One assumption about a peer.
#[derive(Debug, Clone, Copy)]
pub struct Assumption {
    /// The id, as in its `[A:id]` tag; begins with `rw-` (Robaws) or `pf-` (ProductFlow).
    pub id: &'static str,
    pub basis: Basis,
    /// The section of the peer's contract that it belongs to.
    pub section: &'static str,
    /// The assumption in one sentence.
    pub statement: &'static str,
    /// The item of our code that relies on it.
    pub place: CodePlace,
    pub method: CheckMethod,
    /// What to change in the code or the settings when it is refuted.
    pub remedy: &'static str,
}

impl Assumption {
    const fn assumed(id: &'static str, section: &'static str) -> Self {
        Self {
            id,
            basis: Basis::Assumed,
            section,
            statement: "",
            place: CodePlace { file: "", symbol: "" },
            method: CheckMethod::ByReading { how: "" },
            remedy: "",
        }
    }

    const fn known(id: &'static str, section: &'static str) -> Self {
        Self { basis: Basis::Known, ..Self::assumed(id, section) }
    }

    const fn says(self, assumption: &'static str) -> Self {
        Self { statement: assumption, ..self }
    }

    const fn stands_in(self, file: &'static str, symbol: &'static str) -> Self {
        Self { place: CodePlace { file, symbol }, ..self }
    }

    const fn decided_by_reading(self, how: &'static str) -> Self {
        Self { method: CheckMethod::ByReading { how }, ..self }
    }

    const fn confirmed_by_reading(self, how: &'static str, by_hand: &'static str) -> Self {
        Self { method: CheckMethod::ByExample { how, by_hand }, ..self }
    }

    const fn decided_by_hand(self, why: &'static str, by_hand: &'static str) -> Self {
        Self { method: CheckMethod::ByHand { why, by_hand }, ..self }
    }

    const fn remedy(self, remedy: &'static str) -> Self {
        Self { remedy, ..self }
    }

    /// The peer that it is about, told by the id's prefix.
    pub fn peer(&self) -> Peer {
        if self.id.starts_with("rw-") { Peer::Robaws } else { Peer::Productflow }
    }

    /// How to find out by hand, where reading may not decide.
    pub(crate) fn by_hand(&self) -> Option<&'static str> {
        match self.method {
            CheckMethod::ByReading { .. } => None,
            CheckMethod::ByExample { by_hand, .. } | CheckMethod::ByHand { by_hand, .. } => Some(by_hand),
        }
    }
}

/// All assumptions, those about Robaws first.
pub fn all_assumptions() -> impl Iterator<Item = &'static Assumption> {
    robaws_assumptions::ROBAWS_ASSUMPTIONS.iter().chain(productflow_assumptions::PRODUCTFLOW_ASSUMPTIONS)
}

pub fn find_assumption(id: &str) -> Option<&'static Assumption> {
    all_assumptions().find(|entry| entry.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_complete_and_its_place_is_in_the_code() {
        for entry in all_assumptions() {
            // The doctor refutes only what reading decides both ways: other assumptions need no remedy.
            let needs_remedy = matches!(entry.method, CheckMethod::ByReading { .. });
            let how = match entry.method {
                CheckMethod::ByReading { how } | CheckMethod::ByExample { how, .. } => how,
                CheckMethod::ByHand { why, .. } => why,
            };
            let is_complete = [entry.section, entry.statement, how].iter().all(|text| !text.is_empty());
            assert!(is_complete && (!needs_remedy || !entry.remedy.is_empty()), "{}", entry.id);
            let CodePlace { file, symbol } = entry.place;
            let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
            let text = std::fs::read_to_string(format!("{root}/{file}")).unwrap();
            let name = symbol.rsplit("::").next().unwrap();
            assert!(text.contains(name), "{}: no {symbol} in {file}", entry.id);
        }
    }

    #[test]
    fn ids_are_there_once() {
        for entry in all_assumptions() {
            assert_eq!(all_assumptions().filter(|other| other.id == entry.id).count(), 1, "{}", entry.id);
        }
    }
}
