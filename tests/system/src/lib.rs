//! Scenarios over the whole system.
