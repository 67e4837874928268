//! The texts in all languages.

use domain::Language;
use regex::Regex;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tidy::assert_no_findings;
use tidy::tree::{list_files, read_text};

/// Finds where texts differ from the English ones: in their keys, or in the `{arguments}` of a text; and where one is empty.
fn compare_texts(key: &str, english: &Value, other: &Value, findings: &mut Vec<String>) {
    let argument = Regex::new(r"\{[^}]*\}").unwrap();
    let list_arguments = |text| -> BTreeSet<&str> {
        let found = argument.find_iter(text);
        found.map(|found| found.as_str()).collect()
    };
    match (english, other) {
        (Value::Object(texts), Value::Object(others)) => {
            let names: BTreeSet<&String> = texts.keys().chain(others.keys()).collect();
            for name in names {
                compare_texts(&format!("{key}.{name}"), &english[name], &other[name], findings);
            }
        }
        (Value::String(text), Value::String(other))
            if list_arguments(text) == list_arguments(other) && !other.trim().is_empty() => {}
        _ => findings.push(format!("{key}: {other}, in English {english}")),
    }
}

fn read_texts(path: &str) -> Value {
    serde_json::from_str(&read_text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_language_has_every_text_with_the_same_arguments() {
    let mut findings = Vec::new();
    for folder in ["shared/domain/texts/", "functions/web/texts/"] {
        let mut files = list_files();
        files.retain(|path| path.starts_with(folder));
        let mut expected: Vec<String> =
            Language::TAGS.iter().map(|tag| format!("{folder}{tag}.json")).collect();
        expected.sort();
        assert_eq!(files, expected, "{folder} has one file for each language, and no other");
        let english = read_texts(&format!("{folder}en.json"));
        for path in files {
            compare_texts(&path, &english, &read_texts(&path), &mut findings);
        }
    }
    assert_no_findings(findings, "Write the same texts in every language, with the same arguments.");
}

#[test]
fn differences_of_texts_are_found() {
    let english = json!({ "a": "{x} of {y}", "b": "text", "c": "text" });
    let other = json!({ "a": "{y}: {z}", "b": " ", "d": "text" });
    let mut findings = Vec::new();
    compare_texts("", &english, &other, &mut findings);
    assert_eq!(findings.len(), 4);
}
