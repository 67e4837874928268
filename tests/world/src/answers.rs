//! What an answer of the API says of a refusal.

use serde_json::Value;

pub fn error_code(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap_or_default()
}

/// The fields that the refusal is about, in alphabetical order.
pub fn refused_fields(answer: &Value) -> Vec<&str> {
    let details = answer["error"]["details"].as_array();
    let mut fields: Vec<&str> =
        details.into_iter().flatten().filter_map(|detail| detail["field"].as_str()).collect();
    fields.sort_unstable();
    fields
}
