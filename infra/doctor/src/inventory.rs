//! The table of every assumption about the peers: where our code relies on it, and how it is checked or why reading can't decide
//! it. A test compares the table with the `[A:id]` tags in the wire modules.

mod productflow;
mod robaws;

use crate::finding::{Peer, Place};

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
pub enum Decided {
    /// Reading can confirm it and can refute it.
    ByReading {
        /// What is read, and what it is compared with.
        how: &'static str,
    },
    /// Reading can confirm it where the tenant holds a fitting record, but can never refute it.
    BySight {
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

/// A source file that relies on assumptions. Its text is part of this program, so that the line of an item can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    RobawsWire,
    RobawsTransport,
    RobawsPacing,
    RobawsArticles,
    RobawsParties,
    ProductflowWire,
    ProductflowTransport,
    ProductflowOrders,
    Settings,
}

impl File {
    /// The file's path in the repository, and its text.
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

/// One assumption about a peer.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The id, as in its `[A:id]` tag; begins with `rw-` (Robaws) or `pf-` (ProductFlow).
    pub id: &'static str,
    pub basis: Basis,
    /// The section of the peer's contract that it belongs to.
    pub section: &'static str,
    /// The assumption in one sentence.
    pub assumption: &'static str,
    pub file: File,
    /// Name of the item that relies on it.
    pub symbol: &'static str,
    /// A text of that item's first line, by which the line is found in the file.
    pub needle: &'static str,
    pub decided: Decided,
    /// What to change in the code or the settings when it is refuted.
    pub remedy: &'static str,
}

impl Entry {
    /// The peer that it is about, told by the id's prefix.
    pub fn peer(&self) -> Peer {
        if self.id.starts_with("rw-") {
            Peer::Robaws
        } else {
            Peer::Productflow
        }
    }

    /// The item that relies on it. Its line is looked up in the text that was built; 0 when it is not found.
    pub fn place(&self) -> Place {
        let (file, text) = self.file.parts();
        let line = text.lines().position(|line| line.contains(self.needle));
        Place {
            file,
            symbol: self.symbol,
            line: line.map_or(0, |index| index + 1),
        }
    }

    /// How to find out by hand, where reading may not decide.
    pub(crate) fn by_hand(&self) -> Option<&'static str> {
        match self.decided {
            Decided::ByReading { .. } => None,
            Decided::BySight { by_hand, .. } | Decided::ByHand { by_hand, .. } => Some(by_hand),
        }
    }
}

/// All assumptions, those about Robaws first.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    robaws::ENTRIES.iter().chain(productflow::ENTRIES)
}

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
