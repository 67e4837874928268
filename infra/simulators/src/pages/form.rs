//! Forms: what was typed, what is wrong with it, and amounts as people write them.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

/// The fields of a form as text, with what is wrong with them. A form that is shown again shows both.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    values: BTreeMap<String, String>,
    pub(crate) errors: Vec<Wrong>,
}

/// A field that is not as it must be.
#[derive(Clone, Debug)]
pub(crate) struct Wrong {
    /// The field's name; empty when it is the form as a whole.
    pub(crate) field: String,
    /// Its label, for the list of errors.
    pub(crate) label: String,
    pub(crate) message: String,
}

impl Form {
    /// Reads the body of a POST. Line ends become `\n`, as they were before the browser sent them.
    pub(crate) fn read(body: &[u8]) -> Self {
        let fields = url::form_urlencoded::parse(body).into_owned();
        Self {
            values: fields
                .map(|(name, value)| (name, value.replace("\r\n", "\n")))
                .collect(),
            errors: Vec::new(),
        }
    }

    /// The same with a field filled in.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.values.insert(name.to_owned(), value.into());
        self
    }

    /// The same with a checkbox ticked or not.
    #[must_use]
    pub(crate) fn with_check(self, name: &str, checked: bool) -> Self {
        if checked { self.with(name, "on") } else { self }
    }

    /// What is in a field; empty when it is not there.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// The names of the fields that were sent.
    pub(crate) fn names(&self) -> Vec<String> {
        self.values.keys().cloned().collect()
    }

    /// Whether a field was sent.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// What is in a field, unless that is nothing.
    pub(crate) fn filled(&self, name: &str) -> Option<String> {
        Some(self.text(name).to_owned()).filter(|text| !text.is_empty())
    }

    /// Whether a checkbox is ticked.
    pub(crate) fn checked(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }

    /// What is wrong with a field.
    pub(crate) fn error(&self, name: &str) -> Option<&str> {
        let wrong = self.errors.iter().find(|wrong| wrong.field == name)?;
        Some(&wrong.message)
    }

    /// Notes what is wrong with a field.
    pub(crate) fn refuse(&mut self, field: &str, label: &str, message: impl Into<String>) {
        self.errors.push(Wrong {
            field: field.to_owned(),
            label: label.to_owned(),
            message: message.into(),
        });
    }

    /// Reads a field; `None`, and noted, when it cannot be read.
    pub(crate) fn take<T>(
        &mut self,
        field: &str,
        label: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match read(self.text(field)) {
            Ok(value) => Some(value),
            Err(message) => {
                self.refuse(field, label, message);
                None
            }
        }
    }
}

/// A decimal number with a point or a comma, such as `12.5`; no exponent, no thousands separator.
fn number(text: &str, places: usize) -> Option<Decimal> {
    let text = text.trim().replace(',', ".");
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    // What a peer's API would still show exactly.
    let fits = whole.len() <= 12 && fraction.trim_end_matches('0').len() <= places;
    if plain(whole) && plain(fraction) && fits {
        text.parse().ok()
    } else {
        None
    }
}

/// What is said of a text that is not what it must be.
fn wrong(text: &str, wanted: &str, advice: &str) -> String {
    if text.trim().is_empty() {
        format!("It is empty. {advice}")
    } else {
        format!("“{text}” is not {wanted}. {advice}")
    }
}

/// A price in euros, 0 or more, with up to four decimals; nothing is 0.
pub(crate) fn price(text: &str) -> Result<Decimal, String> {
    if text.trim().is_empty() {
        return Ok(Decimal::ZERO);
    }
    number(text, 4)
        .filter(|price| !price.is_sign_negative())
        .ok_or_else(|| {
            wrong(
                text,
                "a price",
                "Write euros, such as 29.99, with at most four decimals.",
            )
        })
}

/// An amount of whole cents, 0 or more, written in euros.
pub(crate) fn cents(text: &str) -> Result<i64, String> {
    number(text, 2)
        .filter(|euros| !euros.is_sign_negative())
        .and_then(|euros| (euros * Decimal::ONE_HUNDRED).to_i64())
        .ok_or_else(|| {
            wrong(
                text,
                "an amount",
                "Write euros, such as 59.98, with at most two decimals.",
            )
        })
}

/// Pieces in stock: possibly below 0, possibly a part of one.
pub(crate) fn pieces(text: &str) -> Result<Decimal, String> {
    number(text, 4).ok_or_else(|| wrong(text, "a number of pieces", "Write one such as 25."))
}

/// How many are ordered: a whole number above 0.
pub(crate) fn quantity(text: &str) -> Result<u32, String> {
    let trimmed = text.trim();
    let digits = trimmed.bytes().all(|byte| byte.is_ascii_digit());
    trimmed
        .parse()
        .ok()
        .filter(|quantity| digits && *quantity > 0)
        .ok_or_else(|| wrong(text, "a quantity", "Write a whole number above 0."))
}

/// A VAT percentage.
pub(crate) fn percentage(text: &str) -> Result<Decimal, String> {
    number(text, 4)
        .filter(|percentage| !percentage.is_sign_negative() && *percentage <= Decimal::ONE_HUNDRED)
        .ok_or_else(|| wrong(text, "a percentage", "Write a number from 0 to 100, such as 21."))
}

/// A country as ISO 3166-1 alpha-2, in capitals.
pub(crate) fn country(text: &str) -> Result<String, String> {
    let code = text.trim().to_ascii_uppercase();
    if code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        Ok(code)
    } else {
        Err(wrong(text, "a country", "Write its two letters, such as BE."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_as_people_write_them() {
        for (text, wanted) in [
            ("59.98", 5998),
            ("59,98", 5998),
            (" 5 ", 500),
            ("0", 0),
            ("1.5", 150),
            ("1.500", 150),
        ] {
            assert_eq!(cents(text), Ok(wanted), "{text}");
        }
        for text in [
            "",
            "abc",
            "1.234,56",
            "1.234",
            "-1",
            "1e3",
            "5.",
            ".5",
            "+5",
            "1 000",
            "9999999999999",
            "٣",
        ] {
            assert!(cents(text).unwrap_err().contains(text), "{text}");
        }
        assert_eq!(price(""), Ok(Decimal::ZERO));
        assert_eq!(price("4.1234"), Ok(Decimal::new(41_234, 4)));
        assert!(price("4.12345").is_err() && price("-4").is_err());
        assert_eq!(pieces("-2.5"), Ok(Decimal::new(-25, 1)));
        assert!(pieces("").is_err() && pieces("-").is_err());
    }

    #[test]
    fn counts_percentages_countries() {
        assert_eq!(quantity(" 3 "), Ok(3));
        assert!(
            ["0", "-1", "1.5", "", "+1", "4294967296"]
                .iter()
                .all(|text| quantity(text).is_err())
        );
        assert_eq!(percentage("25,5"), Ok(Decimal::new(255, 1)));
        assert!(percentage("101").is_err() && percentage("x").is_err());
        assert_eq!(country("be"), Ok("BE".to_owned()));
        assert!(country("BEL").is_err() && country("ÉÉ").is_err());
    }

    #[test]
    fn a_form_keeps_what_was_typed_and_names_what_is_wrong() {
        let mut form = Form::read(b"name=a%0D%0Ab&price=x&tick=on");
        assert_eq!((form.text("name"), form.text("nothing")), ("a\nb", ""));
        assert!(form.checked("tick") && !form.checked("tock"));
        assert_eq!(form.take("price", "Price", cents), None);
        assert_eq!(
            (form.text("price"), form.errors[0].label.as_str()),
            ("x", "Price")
        );
        assert!(form.error("price").is_some() && form.error("name").is_none());
    }
}
