//! docs/GLOSSARY.md against the code, both ways: it names every public type of the rules, and nothing that is not there.

use crate::assert_no_findings;
use crate::limits::GLOSSARY_TERMS;
use crate::markdown::Document;
use crate::rust_source::{Source, find_public_types, is_word_char, split_words};
use crate::tree::{list_files_below, read_text};
use std::collections::BTreeSet;

const GLOSSARY: &str = "docs/GLOSSARY.md";

/// What the document has in backticks and could stand in code: names, also those of a path such as `Order::new`.
fn find_named(document: &Document) -> BTreeSet<&str> {
    document
        .spans
        .iter()
        .flat_map(|span| span.text.trim_end_matches("()").split("::"))
        .filter(|name| !name.is_empty() && name.chars().all(is_word_char))
        .collect()
}

fn find_types_of_the_rules() -> BTreeSet<String> {
    list_files_below(&["shared/domain/src/"], "rs")
        .iter()
        .filter(|path| !path.ends_with("_tests.rs"))
        .flat_map(|path| find_public_types(&Source::from_text(&read_text(path))))
        .collect()
}

#[test]
fn every_public_type_of_the_rules_is_in_the_glossary() {
    let document = Document::from_text(&read_text(GLOSSARY));
    let named = find_named(&document);
    let types = find_types_of_the_rules();
    assert!(types.len() > 20, "only {} types were found in shared/domain", types.len());
    let findings: Vec<String> = types.into_iter().filter(|name| !named.contains(name.as_str())).collect();
    assert_no_findings(
        &findings,
        "Name each type in backticks in docs/GLOSSARY.md, under the term it belongs to, or make it less than `pub`.",
    );
}

#[test]
fn everything_the_glossary_names_is_in_the_code() {
    let document = Document::from_text(&read_text(GLOSSARY));
    let mut code = BTreeSet::new();
    for path in list_files_below(&["shared/", "functions/", "infra/"], "rs") {
        let source = Source::from_text(&read_text(&path));
        code.extend(split_words(&source.code).map(str::to_owned));
    }
    let findings: Vec<String> =
        find_named(&document).into_iter().filter(|name| !code.contains(*name)).map(str::to_owned).collect();
    assert_no_findings(
        &findings,
        "docs/GLOSSARY.md has these in backticks, and no code has them: give the name that the code has now.",
    );
}

#[test]
fn the_glossary_has_few_terms() {
    let document = Document::from_text(&read_text(GLOSSARY));
    let terms = document.headings().filter(|(level, _)| *level == 2).count();
    assert!(
        (1..=GLOSSARY_TERMS).contains(&terms),
        "docs/GLOSSARY.md has {terms} terms, and at most {GLOSSARY_TERMS} are wanted: who works here has to know all of them. \
         Join terms, or do without one."
    );
}

#[test]
fn names_are_told_from_other_code() {
    let document = Document::from_text("`Order`, `Order::find_lines()`, `[A]`, `a b`, Plain.");
    assert_eq!(find_named(&document).into_iter().collect::<Vec<_>>(), ["Order", "find_lines"]);
}
