//! Verifies the header `Robaws-Signature: t=<unix seconds>,v1=<hex>`.
//!
//! `v1` is the lower-case hex HMAC-SHA256 of `t`, a dot and the raw body, as the contract with Robaws says.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;

/// Seconds by which `t` may differ from now, either way.
const TOLERANCE_SECONDS: u64 = 5 * 60;
/// Most signatures of one header that are looked at. An honest header has one or two.
const MOST_SIGNATURES: usize = 8;

/// The header of a delivery. Unknown elements are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    time: i64,
    /// `t` as the header shows it: the text is what was signed.
    time_text: String,
    signatures: Vec<Vec<u8>>,
}

impl Signature {
    /// Reads the header. Gives `None` when the header lacks a time or a signature.
    pub fn parse(header: &str) -> Option<Self> {
        let mut time_text = None;
        let mut signatures = Vec::new();
        for element in header.split(',') {
            match element.trim().split_once('=') {
                Some(("t", text)) if time_text.is_none() => time_text = Some(text.to_owned()),
                Some(("v1", text)) if signatures.len() < MOST_SIGNATURES => {
                    signatures.extend(hex::decode(text));
                }
                _ => {}
            }
        }
        let time_text = time_text?;
        let digits = !time_text.is_empty() && time_text.bytes().all(|byte| byte.is_ascii_digit());
        let time = time_text.parse().ok().filter(|_| digits)?;
        (!signatures.is_empty()).then_some(Self { time, time_text, signatures })
    }

    /// Whether the signature was made at most five minutes before or after `now`.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.time.abs_diff(now.as_second()) <= TOLERANCE_SECONDS
    }

    /// Whether one of the signatures was made with `secret` over this body. Compares in constant time.
    pub fn is_made_with(&self, secret: &str, body: &[u8]) -> bool {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
            return false;
        };
        mac.update(self.time_text.as_bytes());
        mac.update(b".");
        mac.update(body);
        self.signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    // printf '%s' '1700000000.{"id":"1"}' | openssl dgst -sha256 -hmac 's-e-c-r-e-t'
    const GOOD: &str = "58bfc5957042bcc4e32f107d0e0e2943204d9ee0f18754b732df883c9d9925f5";
    const BODY: &[u8] = br#"{"id":"1"}"#;

    fn is_signed(header: &str) -> bool {
        Signature::parse(header).is_some_and(|s| s.is_made_with("s-e-c-r-e-t", BODY))
    }

    #[test]
    fn the_signature_covers_time_and_body() {
        assert!(is_signed(&format!("t=1700000000,v1={GOOD}")));
        assert!(!is_signed(&format!("t=1700000001,v1={GOOD}")));
        // The time is signed as the header shows it.
        assert!(!is_signed(&format!("t=01700000000,v1={GOOD}")));
        let read = Signature::parse(&format!("t=1700000000,v1={GOOD}")).unwrap();
        assert!(!read.is_made_with("s-e-c-r-e-t", br#"{"id":"2"}"#));
        assert!(!read.is_made_with("other", BODY));
    }

    #[test]
    fn several_signatures_and_unknown_elements_may_stand_in_it() {
        let wrong = GOOD.replace('5', "6");
        assert!(is_signed(&format!("v1={wrong}, t=1700000000 ,x,v0=1,v1={GOOD},v2={wrong}")));
        assert!(!is_signed(&format!("t=1700000000,v0={GOOD}")));
        assert!(!is_signed(&format!("t=1700000000,v1={}", &GOOD[2..])));
        assert!(!is_signed(&format!("t=1700000000,v1={GOOD}00")));
    }

    #[rstest]
    #[case("")]
    #[case("t=1")]
    #[case("v1=00")]
    #[case("t=,v1=00")]
    #[case("t=-5,v1=00")]
    #[case("t=1e9,v1=00")]
    #[case("t=99999999999999999999,v1=00")]
    #[case("t=1,v1=zz")]
    #[case("t=1,v1=")]
    fn what_is_no_signature_is_refused(#[case] header: &str) {
        assert!(!is_signed(header), "{header}");
    }

    #[rstest]
    #[case(-300, true)]
    #[case(300, true)]
    #[case(-301, false)]
    #[case(301, false)]
    fn five_minutes_are_tolerated(#[case] off: i64, #[case] fresh: bool) {
        let now = Timestamp::from_second(1_700_000_000 + off).unwrap();
        let read = Signature::parse(&format!("t=1700000000,v1={GOOD}")).unwrap();
        assert_eq!(read.is_fresh(now), fresh);
    }

    proptest! {
        #[test]
        fn no_header_panics(header in ".*", body in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(read) = Signature::parse(&header) {
                prop_assert!(!read.is_made_with("s", &body) || header.contains("v1="));
                read.is_fresh(Timestamp::UNIX_EPOCH);
            }
        }
    }
}
