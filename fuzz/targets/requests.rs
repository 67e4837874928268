//! Events of API Gateway.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| system::fuzz::request(bytes));
