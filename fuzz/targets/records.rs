//! Records of ours.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| system::fuzz::record(bytes));
