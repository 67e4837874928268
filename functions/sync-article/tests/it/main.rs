//! Stories of articles, over the whole stack: they assert on what the peers hold at the end.

mod offers;
