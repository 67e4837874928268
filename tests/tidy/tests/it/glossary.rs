//! docs/GLOSSARY.md against the code, both ways: it names every public type of the rules, and nothing that is not there.

use crate::limits::GLOSSARY_TERMS;
use crate::source::list_words;
use regex::Regex;
use std::collections::BTreeSet;
use tidy::assert_no_findings;
use tidy::markdown::Document;
use tidy::tree::{read_files, read_text};

/// A public type, or the name that a macro such as `text_id!` makes a type of.
const PUBLIC_TYPE: &str =
    r"(?m)\bpub (?:struct|enum|trait|type|union) (\w+)|^\w+!\((?:\s*///.*\n)*\s*([A-Z]\w*)";

fn read_glossary() -> Document {
    Document::from_text(&read_text("docs/GLOSSARY.md"))
}

/// What the glossary has in backticks and could stand in code: names, also those of a path such as `Order::new`.
fn read_names() -> BTreeSet<String> {
    let word = Regex::new(r"^\w+$").unwrap();
    let spans = read_glossary().spans.into_iter();
    let names = spans.flat_map(|(_, span)| {
        let parts = span.trim_end_matches("()").split("::");
        parts.map(str::to_owned).collect::<Vec<_>>()
    });
    names.filter(|name| word.is_match(name)).collect()
}

#[test]
fn every_public_type_of_the_rules_is_in_the_glossary() {
    let public_type = Regex::new(PUBLIC_TYPE).unwrap();
    let mut files = read_files("shared/domain/src/", "rs");
    files.retain(|(path, _)| !path.ends_with("_tests.rs"));
    let mut types = BTreeSet::new();
    for (_, text) in files {
        let found = public_type.captures_iter(&text);
        types.extend(
            found.filter_map(|found| Some(found.iter().skip(1).flatten().next()?.as_str().to_owned())),
        );
    }
    assert!(
        types.len() > 20 && types.contains("ClientId"),
        "only {types:?} were found"
    );
    let missing: Vec<String> = types.difference(&read_names()).cloned().collect();
    assert_no_findings(
        &missing,
        "Name each type in backticks in docs/GLOSSARY.md, under the term it belongs to, or make it less than `pub`.",
    );
}

#[test]
fn everything_the_glossary_names_is_in_the_code() {
    let folders = ["shared/", "functions/", "infra/"];
    let files = folders.iter().flat_map(|folder| read_files(folder, "rs"));
    let words = files.flat_map(|(_, text)| list_words(text.parse().unwrap()));
    let code: BTreeSet<String> = words.collect();
    let unknown: Vec<String> = read_names().difference(&code).cloned().collect();
    assert_no_findings(
        &unknown,
        "docs/GLOSSARY.md has these in backticks, and no code has them: give the name that the code has now.",
    );
}

#[test]
fn the_glossary_has_few_terms() {
    let mut terms = read_glossary().headings;
    terms.retain(|(level, _)| *level == 2);
    assert!(
        (1..=GLOSSARY_TERMS).contains(&terms.len()),
        "docs/GLOSSARY.md has {} terms, and at most {GLOSSARY_TERMS} are wanted: who works here has to know all of them. \
         Join terms, or do without one.",
        terms.len()
    );
}
