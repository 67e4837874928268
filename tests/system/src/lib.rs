//! Scenarios over the whole system; the tests are in `tests/it`. Here is what must hold of any input, for the tests on stable Rust
//! and for the coverage-guided ones in `fuzz`.

#![expect(clippy::unwrap_used, reason = "what fails fails its test")]

pub mod fuzz;
