//! Inputs made at random from an example: bytes flipped, cut, repeated; values of JSON replaced, removed, doubled, nested.

use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use serde_json::{Map, Value, json};

/// Bytes that mean something somewhere.
const WORDS: [&[u8]; 24] = [
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"1e999999999",
    b"-0",
    b"0.1e-400",
    b"99999999999999999999999999999999",
    b"%00",
    b"%2e%2e%2f",
    b"../",
    b"\r\n",
    b"\0",
    b"\xff\xfe",
    b"\xe2\x80\xae",
    b"t=1,v1=00",
    b"&",
];

/// Makes inputs, the same ones from the same seed.
pub(super) struct Mutator(StdRng);

impl Mutator {
    pub(super) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }

    /// A text near `example`.
    pub(super) fn text(&mut self, example: &str) -> String {
        String::from_utf8_lossy(&self.bytes(example.as_bytes())).into_owned()
    }

    /// Bytes near `example`.
    pub(super) fn bytes(&mut self, example: &[u8]) -> Vec<u8> {
        let mut bytes = example.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let until = (at + self.below(16)).min(bytes.len());
            match self.below(7) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                1 => drop(bytes.drain(at..until)),
                2 => {
                    let repeated = bytes[at..until].repeat(1 + self.below(64));
                    bytes.splice(at..at, repeated);
                }
                3 => bytes.truncate(at),
                4 => {
                    let mut noise = [0; 8];
                    self.0.fill_bytes(&mut noise);
                    bytes.splice(at..until, noise);
                }
                _ => {
                    let word = WORDS[self.below(WORDS.len())];
                    bytes.splice(at..until, word.iter().copied());
                }
            }
        }
        bytes
    }

    /// JSON near `example`, sometimes no longer JSON.
    pub(super) fn json(&mut self, example: &Value) -> Vec<u8> {
        let mut value = example.clone();
        for _ in 0..=self.below(3) {
            self.change(&mut value);
        }
        let text = value.to_string().into_bytes();
        if self.below(3) == 0 {
            self.bytes(&text)
        } else {
            text
        }
    }

    /// One value somewhere in it, replaced, removed, doubled or nested.
    pub(super) fn change(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) if !fields.is_empty() && self.below(8) > 0 => self.change_field(fields),
            Value::Array(items) if !items.is_empty() && self.below(8) > 0 => {
                let at = self.below(items.len());
                match self.below(6) {
                    0 => drop(items.remove(at)),
                    1 => {
                        let item = items[at].clone();
                        items.extend(std::iter::repeat_n(item, 1 + self.below(20)));
                    }
                    _ => self.change(&mut items[at]),
                }
            }
            other => *other = self.value(other),
        }
    }

    fn change_field(&mut self, fields: &mut Map<String, Value>) {
        let at = self.below(fields.len());
        let Some(name) = fields.keys().nth(at).cloned() else {
            return;
        };
        match self.below(8) {
            0 => drop(fields.remove(&name)),
            1 => {
                let value = fields.remove(&name).unwrap_or_default();
                fields.insert(self.text(&name), value);
            }
            _ => self.change(&mut fields[&name]),
        }
    }

    /// What might stand where `old` does.
    fn value(&mut self, old: &Value) -> Value {
        let words = [
            "",
            " ",
            "0",
            "-1",
            "1.5",
            "NaN",
            "1e30",
            "79228162514264337593543950335",
            "0.0000000000000000000000000001",
            "..",
            "a/../b",
            "2026-02-30",
            "9999-12-31T23:59:59Z",
            "-009999-01-01T00:00:00Z",
            "2026-03-29T02:30:00",
            "\u{0}",
            "\r\nX: y",
            "\u{202e}",
            "<script>alert(1)</script>",
            "=1+1",
            "é\u{301}",
            "\u{1f469}\u{200d}\u{1f467}",
        ];
        match self.below(14) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2 => json!(i64::MAX),
            3 => json!(i64::MIN),
            4 => json!(u64::MAX),
            5 => json!([]),
            6 => json!({}),
            7 => json!("x".repeat(1 << self.below(13))),
            8 => (0..100).fold(old.clone(), |inner, _| json!([inner])),
            9 => json!({ "data": old }),
            10 => match old {
                Value::String(text) => json!(self.text(text)),
                Value::Number(number) => json!(number.to_string()),
                other => json!([other, other]),
            },
            11 => serde_json::from_str(["1e308", "-0.0", "0.005", "1e-300", "4294967296"][self.below(5)])
                .unwrap_or_default(),
            _ => json!(words[self.below(words.len())]),
        }
    }
}
