//! Stories of Robaws' announcements, over the whole stack: they assert on what the peers hold at the end.

mod announcements;
