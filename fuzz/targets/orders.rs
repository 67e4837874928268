//! Orders as ProductFlow may send them, read and planned.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(body) = serde_json::from_slice(bytes) {
        system::fuzz::order(body);
    }
});
