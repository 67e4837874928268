//! What Robaws announces, and its signature.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| system::fuzz::delivery(bytes));
