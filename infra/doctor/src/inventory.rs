//! Every assumption: where it stands, how it is checked, or why reading can't decide it. A test holds this against the marks
//! in the wire modules.

mod productflow;
mod robaws;

use crate::finding::{Peer, Place};

/// How sure we are without looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// `[A]`: assumed, because nothing public settles it. Such an entry has a mark in our code.
    Assumed,
    /// `[D]` or `[C]`: documented by the peer, or seen in production code; checked because much hangs on it.
    Known,
}

/// How an entry is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// By reading, both ways.
    ByReading {
        /// What is read and compared.
        how: &'static str,
    },
    /// Reading can confirm it, where a tenant holds the right thing, but never refute it.
    BySight {
        /// What is looked for.
        how: &'static str,
        /// How to find out without.
        by_hand: &'static str,
    },
    /// Not by reading.
    ByHand {
        /// Why not.
        why: &'static str,
        /// How to find out.
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

/// One assumption.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Its id, that of its mark; begins with `rw-` or `pf-`.
    pub id: &'static str,
    /// How sure we are.
    pub basis: Basis,
    /// The section of the contract.
    pub section: &'static str,
    /// In one sentence.
    pub assumption: &'static str,
    /// The item of our code that relies on it.
    pub place: Place,
    /// How it is decided.
    pub decided: Decided,
    /// What to change, or which setting solves it, when it is refuted.
    pub remedy: &'static str,
}

impl Entry {
    const fn assumed(id: &'static str, section: &'static str) -> Self {
        Self {
            id,
            basis: Basis::Assumed,
            section,
            assumption: "",
            place: Place { file: "", symbol: "" },
            decided: Decided::ByReading { how: "" },
            remedy: "",
        }
    }

    const fn known(id: &'static str, section: &'static str) -> Self {
        Self {
            basis: Basis::Known,
            ..Self::assumed(id, section)
        }
    }

    const fn says(self, assumption: &'static str) -> Self {
        Self { assumption, ..self }
    }

    const fn stands_in(self, file: &'static str, symbol: &'static str) -> Self {
        Self {
            place: Place { file, symbol },
            ..self
        }
    }

    const fn decided_by_reading(self, how: &'static str) -> Self {
        Self {
            decided: Decided::ByReading { how },
            ..self
        }
    }

    const fn confirmed_by_reading(self, how: &'static str, by_hand: &'static str) -> Self {
        Self {
            decided: Decided::BySight { how, by_hand },
            ..self
        }
    }

    const fn decided_by_hand(self, why: &'static str, by_hand: &'static str) -> Self {
        Self {
            decided: Decided::ByHand { why, by_hand },
            ..self
        }
    }

    const fn remedy(self, remedy: &'static str) -> Self {
        Self { remedy, ..self }
    }

    /// About whom it is.
    pub fn peer(&self) -> Peer {
        if self.id.starts_with("rw-") {
            Peer::Robaws
        } else {
            Peer::Productflow
        }
    }

    /// How to find out without reading.
    pub(crate) fn by_hand(&self) -> Option<&'static str> {
        match self.decided {
            Decided::ByReading { .. } => None,
            Decided::BySight { by_hand, .. } | Decided::ByHand { by_hand, .. } => Some(by_hand),
        }
    }
}

/// All of them, those about Robaws first.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    robaws::ENTRIES.iter().chain(productflow::ENTRIES)
}

/// One by its id.
pub fn find(id: &str) -> Option<&'static Entry> {
    all().find(|entry| entry.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_complete_and_its_place_is_in_the_code() {
        for entry in all() {
            let texts = [entry.section, entry.assumption, entry.remedy];
            let decided = match entry.decided {
                Decided::ByReading { how } => how,
                Decided::BySight { how, .. } => how,
                Decided::ByHand { why, .. } => why,
            };
            assert!(
                texts.iter().all(|text| !text.is_empty()) && !decided.is_empty(),
                "{}",
                entry.id
            );
            let Place { file, symbol } = entry.place;
            let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
            let text = std::fs::read_to_string(format!("{root}/{file}")).unwrap();
            let name = symbol.rsplit("::").next().unwrap();
            assert!(text.contains(name), "{}: no {symbol} in {file}", entry.id);
        }
    }

    #[test]
    fn ids_are_there_once() {
        for entry in all() {
            assert_eq!(
                all().filter(|other| other.id == entry.id).count(),
                1,
                "{}",
                entry.id
            );
        }
    }
}
