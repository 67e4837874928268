//! Order identifiers, to a link and back.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| system::fuzz::identifier(text));
