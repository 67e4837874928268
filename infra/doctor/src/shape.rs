//! Describes fields of raw JSON by kinds, counts and names. No description repeats a value.

use crate::finding::Verdict;
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// The kind of a JSON value, as far as it matters to the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
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
pub(crate) const TEXT: &[Kind] = &[Kind::Text, Kind::Digits, Kind::DecimalText, Kind::Empty];
/// A text or a whole number, as ids are.
pub(crate) const ID: &[Kind] = &[Kind::Text, Kind::Digits, Kind::DecimalText, Kind::Whole];
pub(crate) const NUMBER: &[Kind] = &[Kind::Whole, Kind::Fraction];
pub(crate) const FLAG: &[Kind] = &[Kind::Flag];

impl Kind {
    pub(crate) fn of(value: Option<&Value>) -> Self {
        match value {
            None => Self::Missing,
            Some(Value::Null) => Self::Null,
            Some(Value::Bool(_)) => Self::Flag,
            Some(Value::Array(_)) => Self::List,
            Some(Value::Object(_)) => Self::Object,
            Some(Value::Number(_)) => match value.and_then(decimal) {
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
pub(crate) fn decimal(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    Decimal::from_str(&text)
        .or_else(|_| Decimal::from_scientific(&text))
        .ok()
}

/// An id or a word as text: of a text that is not empty, or of a number.
pub(crate) fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The name of a field, quoted. A name that could be somebody's data (long, or with other characters than identifiers have) is
/// not shown.
pub(crate) fn shown(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.[]".contains(&b);
    if !name.is_empty() && name.len() <= 40 && name.bytes().all(plain) {
        format!("`{name}`")
    } else {
        "(a name not shown)".to_owned()
    }
}

/// Names of fields, quoted, at most `MOST` of them.
pub(crate) fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const MOST: usize = 40;
    let all: BTreeSet<String> = names.into_iter().map(shown).collect();
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
pub(crate) fn keys(rows: &[&Value]) -> BTreeSet<String> {
    let objects = rows.iter().filter_map(|row| row.as_object());
    objects.flat_map(|row| row.keys().cloned()).collect()
}

/// How many values of a field are of which kind, such as `text ×3, null ×1`.
pub(crate) fn tally(rows: &[&Value], key: &str) -> String {
    let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
    for row in rows {
        *kinds.entry(Kind::of(row.get(key))).or_default() += 1;
    }
    let texts: Vec<String> = kinds
        .iter()
        .map(|(kind, n)| format!("{} ×{n}", kind.name()))
        .collect();
    format!("`{key}`: {}", texts.join(", "))
}

/// A field that our code reads, with the kinds that its value may have.
pub(crate) struct Field {
    pub(crate) key: &'static str,
    pub(crate) allowed: &'static [Kind],
    /// Whether the field must be filled in on every row.
    pub(crate) always: bool,
    /// Parts of other names, in lower case, under which the peer might show the same thing.
    pub(crate) like: &'static [&'static str],
}

impl Field {
    pub(crate) const fn always(
        key: &'static str,
        allowed: &'static [Kind],
        like: &'static [&'static str],
    ) -> Self {
        Self {
            key,
            allowed,
            always: true,
            like,
        }
    }

    pub(crate) const fn maybe(
        key: &'static str,
        allowed: &'static [Kind],
        like: &'static [&'static str],
    ) -> Self {
        Self {
            key,
            allowed,
            always: false,
            like,
        }
    }

    /// Decides by the rows whether the field is there and has an allowed kind.
    pub(crate) fn judge(&self, rows: &[&Value]) -> (Verdict, String) {
        if rows.is_empty() {
            return (Verdict::NotDecidable, "there is nothing to look at".to_owned());
        }
        let kinds: Vec<Kind> = rows.iter().map(|row| Kind::of(row.get(self.key))).collect();
        let is_absent = |kind: &&Kind| matches!(kind, Kind::Missing | Kind::Null);
        let filled = kinds.iter().filter(|kind| !is_absent(kind)).count();
        let tally = tally(rows, self.key);
        let fits = |kind: &Kind| self.allowed.contains(kind) || matches!(kind, Kind::Missing | Kind::Null);
        if !kinds.iter().all(fits) {
            return (Verdict::Refuted, tally);
        }
        if filled == 0 {
            // The field is missing everywhere: a field with a similar name is the likely reason.
            let others = alternatives(rows, self.key, self.like);
            if kinds.iter().all(|kind| *kind == Kind::Missing) && !others.is_empty() {
                let found = format!(
                    "no `{}`, but {}",
                    self.key,
                    names(others.iter().map(String::as_str))
                );
                return (Verdict::Refuted, found);
            }
            if !self.always {
                return (
                    Verdict::NotDecidable,
                    format!("`{}` is never filled in", self.key),
                );
            }
            let all = keys(rows);
            let all = names(all.iter().map(String::as_str));
            return (Verdict::Refuted, format!("{tally}; the fields are {all}"));
        }
        if self.always && filled < rows.len() {
            return (Verdict::Refuted, tally);
        }
        (Verdict::Confirmed, tally)
    }
}

/// Other fields whose name, in lower case, contains one of `like`.
pub(crate) fn alternatives(rows: &[&Value], key: &str, like: &[&str]) -> Vec<String> {
    let all = keys(rows).into_iter();
    all.filter(|name| name != key && like.iter().any(|part| name.to_lowercase().contains(part)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PRICE: Field = Field::always("price", NUMBER, &["price"]);

    #[test]
    fn a_field_is_judged_by_kind_and_name() {
        let judge = |rows: &[Value]| PRICE.judge(&rows.iter().collect::<Vec<_>>());
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
        let (_, found) = PRICE.judge(&[&rows[0]]);
        assert_eq!(found, "`price`: text ×1");
        assert_eq!(names(["Kerkstraat 1 — Gent"]), "(a name not shown)");
    }

    #[test]
    fn kinds() {
        for (value, kind) in [
            (json!(5998.0), Kind::Whole),
            (json!(59.98), Kind::Fraction),
            (json!("59.98"), Kind::DecimalText),
            (json!("5998"), Kind::Digits),
            (json!(" "), Kind::Empty),
            (json!("x"), Kind::Text),
            (json!(null), Kind::Null),
        ] {
            assert_eq!(Kind::of(Some(&value)), kind);
        }
    }
}
