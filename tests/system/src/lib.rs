//! Scenarios over the whole system; the tests are in `tests/it`. Here is what must hold of any input, for the targets in `fuzz` and
//! for the examples that they begin with.

#![expect(clippy::unwrap_used, reason = "what fails fails its test")]

pub mod fuzz;
