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

/// A file of ours, with its text as it was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    /// `shared/robaws/src/wire.rs`.
    RobawsWire,
    /// `shared/robaws/src/transport.rs`.
    RobawsTransport,
    /// `shared/robaws/src/pacing.rs`.
    RobawsPacing,
    /// `shared/robaws/src/articles.rs`.
    RobawsArticles,
    /// `shared/robaws/src/parties.rs`.
    RobawsParties,
    /// `shared/productflow/src/wire.rs`.
    ProductflowWire,
    /// `shared/productflow/src/transport.rs`.
    ProductflowTransport,
    /// `shared/productflow/src/orders.rs`.
    ProductflowOrders,
    /// `shared/domain/src/settings.rs`.
    Settings,
}

impl File {
    /// Its path in the repository, and its text.
    pub fn parts(self) -> (&'static str, &'static str) {
        macro_rules! file {
            ($path:literal) => {
                ($path, include_str!(concat!("../../../", $path)))
            };
        }
        match self {
            Self::RobawsWire => file!("shared/robaws/src/wire.rs"),
            Self::RobawsTransport => file!("shared/robaws/src/transport.rs"),
            Self::RobawsPacing => file!("shared/robaws/src/pacing.rs"),
            Self::RobawsArticles => file!("shared/robaws/src/articles.rs"),
            Self::RobawsParties => file!("shared/robaws/src/parties.rs"),
            Self::ProductflowWire => file!("shared/productflow/src/wire.rs"),
            Self::ProductflowTransport => file!("shared/productflow/src/transport.rs"),
            Self::ProductflowOrders => file!("shared/productflow/src/orders.rs"),
            Self::Settings => file!("shared/domain/src/settings.rs"),
        }
    }
}

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
    /// The file that relies on it.
    pub file: File,
    /// The item that relies on it.
    pub symbol: &'static str,
    /// The text by which that item is found in the file.
    pub needle: &'static str,
    /// How it is decided.
    pub decided: Decided,
    /// What to change, or which setting solves it, when it is refuted.
    pub remedy: &'static str,
}

impl Entry {
    /// About whom it is.
    pub fn peer(&self) -> Peer {
        if self.id.starts_with("rw-") {
            Peer::Robaws
        } else {
            Peer::Productflow
        }
    }

    /// Which item says so; the line is looked up in the text that was built, 0 when it is not there.
    pub fn place(&self) -> Place {
        let (file, text) = self.file.parts();
        let line = text.lines().position(|line| line.contains(self.needle));
        Place {
            file,
            symbol: self.symbol,
            line: line.map_or(0, |index| index + 1),
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
    fn every_place_is_found_in_the_code() {
        for entry in all() {
            assert_ne!(
                entry.place().line,
                0,
                "{}: {:?} is not there",
                entry.id,
                entry.needle
            );
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
