//! Describes fields of raw JSON by kinds, counts and names. No description repeats a value.

use crate::finding::Verdict;
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// The kind of a JSON value, as far as it matters to the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum JsonKind {
    Missing,
    Null,
    Flag,
    Whole,
    Fraction,
    /// A text that is empty or holds white space alone.
    Empty,
    /// A text of digits alone.
    Digits,
    /// A text that is a number, but not of digits alone.
    DecimalText,
    Text,
    List,
    Object,
}

/// Any text.
pub(crate) const TEXT: &[JsonKind] =
    &[JsonKind::Text, JsonKind::Digits, JsonKind::DecimalText, JsonKind::Empty];
/// A text or a whole number, as ids are.
pub(crate) const ID: &[JsonKind] =
    &[JsonKind::Text, JsonKind::Digits, JsonKind::DecimalText, JsonKind::Whole];
pub(crate) const NUMBER: &[JsonKind] = &[JsonKind::Whole, JsonKind::Fraction];
pub(crate) const FLAG: &[JsonKind] = &[JsonKind::Flag];

impl JsonKind {
    pub(crate) fn from_value(value: Option<&Value>) -> Self {
        match value {
            None => Self::Missing,
            Some(Value::Null) => Self::Null,
            Some(Value::Bool(_)) => Self::Flag,
            Some(Value::Array(_)) => Self::List,
            Some(Value::Object(_)) => Self::Object,
            Some(Value::Number(_)) => match value.and_then(read_decimal) {
                Some(number) if !number.fract().is_zero() => Self::Fraction,
                _ => Self::Whole,
            },
            Some(Value::String(text)) if text.trim().is_empty() => Self::Empty,
            Some(Value::String(text)) if text.bytes().all(|b| b.is_ascii_digit()) => Self::Digits,
            Some(Value::String(text)) if Decimal::from_str(text.trim()).is_ok() => Self::DecimalText,
            Some(Value::String(_)) => Self::Text,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Null => "null",
            Self::Flag => "true/false",
            Self::Whole => "whole number",
            Self::Fraction => "number with decimals",
            Self::Empty => "empty text",
            Self::Digits => "text of digits",
            Self::DecimalText => "text with a decimal number",
            Self::Text => "text",
            Self::List => "list",
            Self::Object => "object",
        }
    }
}

/// The number in a JSON number, or in a text that is one. It is read from its digits, never as a float.
pub(crate) fn read_decimal(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    Decimal::from_str(&text).or_else(|_| Decimal::from_scientific(&text)).ok()
}

/// An id or a word as text: of a text that is not empty, or of a number.
pub(crate) fn read_text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The name of a field, quoted. A name that could be somebody's data (long, or with other characters than identifiers have) is
/// not shown.
pub(crate) fn quote_name(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.[]".contains(&b);
    if !name.is_empty() && name.len() <= 40 && name.bytes().all(plain) {
        format!("`{name}`")
    } else {
        "(a name not shown)".to_owned()
    }
}

/// Names of fields, quoted, at most `MOST` of them.
pub(crate) fn quote_names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const MOST: usize = 40;
    let all: BTreeSet<String> = names.into_iter().map(quote_name).collect();
    let cut = all.len() > MOST;
    let list: Vec<String> = all.into_iter().take(MOST).collect();
    let list = list.join(", ");
    match (list.is_empty(), cut) {
        (true, _) => "none".to_owned(),
        (false, true) => format!("{list}, …"),
        (false, false) => list,
    }
}

/// The names of the fields that any row has.
pub(crate) fn field_names(rows: &[&Value]) -> BTreeSet<String> {
    let objects = rows.iter().filter_map(|row| row.as_object());
    objects.flat_map(|row| row.keys().cloned()).collect()
}

/// How many values of a field are of which kind, such as `text ×3, null ×1`.
pub(crate) fn tally_kinds(rows: &[&Value], key: &str) -> String {
    let mut kinds: BTreeMap<JsonKind, usize> = BTreeMap::new();
    for row in rows {
        *kinds.entry(JsonKind::from_value(row.get(key))).or_default() += 1;
    }
    let texts: Vec<String> = kinds.iter().map(|(kind, n)| format!("{} ×{n}", kind.name())).collect();
    format!("`{key}`: {}", texts.join(", "))
}

/// A field that our code reads, with the kinds that its value may have.
pub(crate) struct Field {
    pub(crate) key: &'static str,
    pub(crate) allowed: &'static [JsonKind],
    /// Whether the field must be filled in on every row.
    pub(crate) must_be_filled: bool,
    /// Parts of other names, in lower case, under which the peer might show the same thing.
    pub(crate) similar_names: &'static [&'static str],
}

impl Field {
    pub(crate) const fn always_filled(
        key: &'static str,
        allowed: &'static [JsonKind],
        similar_names: &'static [&'static str],
    ) -> Self {
        Self { key, allowed, must_be_filled: true, similar_names }
    }

    pub(crate) const fn sometimes_filled(
        key: &'static str,
        allowed: &'static [JsonKind],
        similar_names: &'static [&'static str],
    ) -> Self {
        Self { key, allowed, must_be_filled: false, similar_names }
    }

    /// Decides by the rows whether the field is there and has an allowed kind.
    pub(crate) fn judge_rows(&self, rows: &[&Value]) -> (Verdict, String) {
        if rows.is_empty() {
            return (Verdict::NotDecidable, "there is nothing to look at".to_owned());
        }
        let kinds: Vec<JsonKind> = rows.iter().map(|row| JsonKind::from_value(row.get(self.key))).collect();
        let is_absent = |kind: &&JsonKind| matches!(kind, JsonKind::Missing | JsonKind::Null);
        let filled = kinds.iter().filter(|kind| !is_absent(kind)).count();
        let tally = tally_kinds(rows, self.key);
        let fits = |kind: &JsonKind| {
            self.allowed.contains(kind) || matches!(kind, JsonKind::Missing | JsonKind::Null)
        };
        if !kinds.iter().all(fits) {
            return (Verdict::Refuted, tally);
        }
        if filled == 0 {
            // The field is missing everywhere: a field with a similar name is the likely reason.
            let others = similar_fields(rows, self.key, self.similar_names);
            if kinds.iter().all(|kind| *kind == JsonKind::Missing) && !others.is_empty() {
                let found =
                    format!("no `{}`, but {}", self.key, quote_names(others.iter().map(String::as_str)));
                return (Verdict::Refuted, found);
            }
            if !self.must_be_filled {
                return (Verdict::NotDecidable, format!("`{}` is never filled in", self.key));
            }
            let all = field_names(rows);
            let all = quote_names(all.iter().map(String::as_str));
            return (Verdict::Refuted, format!("{tally}; the fields are {all}"));
        }
        if self.must_be_filled && filled < rows.len() {
            return (Verdict::Refuted, tally);
        }
        (Verdict::Confirmed, tally)
    }
}

/// Other fields whose name, in lower case, contains one of `like`.
pub(crate) fn similar_fields(rows: &[&Value], key: &str, like: &[&str]) -> Vec<String> {
    let all = field_names(rows).into_iter();
    all.filter(|name| name != key && like.iter().any(|part| name.to_lowercase().contains(part))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PRICE: Field = Field::always_filled("price", NUMBER, &["price"]);

    #[test]
    fn a_field_is_judged_by_kind_and_name() {
        let judge = |rows: &[Value]| PRICE.judge_rows(&rows.iter().collect::<Vec<_>>());
        assert_eq!(judge(&[]).0, Verdict::NotDecidable);
        assert_eq!(judge(&[json!({"price": 1})]).0, Verdict::Confirmed);
        assert_eq!(judge(&[json!({"price": 1}), json!({})]).0, Verdict::Refuted);
        assert_eq!(judge(&[json!({"price": "one"})]).0, Verdict::Refuted);
        let (verdict, found) = judge(&[json!({"unit_price": 1, "An Peeters, Gent": 2})]);
        assert_eq!(verdict, Verdict::Refuted);
        assert_eq!(found, "no `price`, but `unit_price`");
    }

    #[test]
    fn a_value_is_never_repeated() {
        let rows = [json!({"price": "secret@example.com", "Kerkstraat 1 — Gent": 1})];
        let (_, found) = PRICE.judge_rows(&[&rows[0]]);
        assert_eq!(found, "`price`: text ×1");
        assert_eq!(quote_names(["Kerkstraat 1 — Gent"]), "(a name not shown)");
    }

    #[test]
    fn values_have_kinds() {
        for (value, kind) in [
            (json!(5998.0), JsonKind::Whole),
            (json!(59.98), JsonKind::Fraction),
            (json!("59.98"), JsonKind::DecimalText),
            (json!("5998"), JsonKind::Digits),
            (json!(" "), JsonKind::Empty),
            (json!("x"), JsonKind::Text),
            (json!(null), JsonKind::Null),
        ] {
            assert_eq!(JsonKind::from_value(Some(&value)), kind);
        }
    }
}
