//! Decimals as JSON numbers, exactly as written, without a detour over floats.

use std::str::FromStr as _;

use rust_decimal::Decimal;
use serde_json::{Number, Value};

/// The decimal as a JSON number without trailing zeros.
pub(crate) fn to_json(value: Decimal) -> Value {
    let text = value.normalize().to_string();
    Number::from_str(&text).map_or(Value::String(text), Value::Number)
}

/// The decimal in a JSON number; `None` for anything else, a string with digits included.
pub(crate) fn from_json(value: &Value) -> Option<Decimal> {
    let Value::Number(number) = value else { return None };
    let text = number.to_string();
    Decimal::from_str(&text).or_else(|_| Decimal::from_scientific(&text)).ok()
}

/// For `#[serde(with = "number::field")]` on a `Decimal`.
pub(crate) mod field {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
        super::to_json(*value).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        super::from_json(&value).ok_or_else(|| D::Error::custom(format!("{value} is not a number")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_survive_json() {
        for (text, json) in
            [("4.50", "4.5"), ("0", "0"), ("-3", "-3"), ("25.5", "25.5"), ("0.0001", "0.0001")]
        {
            let value = Decimal::from_str(text).unwrap();
            let written = to_json(value);
            assert_eq!(written.to_string(), json);
            assert_eq!(from_json(&serde_json::from_str(json).unwrap()), Some(value));
        }
        assert_eq!(from_json(&Value::String("1".into())), None);
    }
}
