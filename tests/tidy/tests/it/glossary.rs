//! docs/GLOSSARY.md against the code, both ways: it names every public type of the rules, and nothing that is not there.

use crate::limits::GLOSSARY_TERMS;
use proc_macro2::{TokenStream, TokenTree};
use regex::Regex;
use std::collections::BTreeSet;
use tidy::assert_no_findings;
use tidy::markdown::Document;
use tidy::tree::{read_files, read_text};

/// Begin and name of a public type, or of a macro such as `text_id!` that makes one.
const PUBLIC_TYPE: &str =
    r"(?m)(?:\bpub (?:struct|enum|trait|type|union) |^\w+!\((?:\s*///.*\n)*\s*)([A-Z]\w*)";

fn read_glossary() -> Document {
    Document::from_text(&read_text("docs/GLOSSARY.md"))
}

/// All identifiers and keywords, those inside macros among them; no words of comments and strings.
fn list_words(tokens: TokenStream) -> Vec<String> {
    let words = tokens.into_iter().flat_map(|token| match token {
        TokenTree::Group(group) => list_words(group.stream()),
        TokenTree::Ident(word) => vec![word.to_string()],
        TokenTree::Punct(_) | TokenTree::Literal(_) => Vec::new(),
    });
    words.collect()
}

/// What the glossary has in backticks and could stand in code: names, also those of a path such as `Order::new`.
fn read_names() -> BTreeSet<String> {
    let word = Regex::new(r"^\w+$").unwrap();
    let spans = read_glossary().spans.into_iter().map(|(_, span)| span);
    let text = spans.collect::<Vec<_>>().join("::").replace("()", "");
    let names = text.split("::").filter(|name| word.is_match(name));
    names.map(str::to_owned).collect()
}

#[test]
fn every_public_type_of_the_rules_is_in_the_glossary() {
    let public_type = Regex::new(PUBLIC_TYPE).unwrap();
    let mut files = read_files("shared/domain/src/", "rs");
    files.retain(|(path, _)| !path.ends_with("_tests.rs"));
    let mut types = BTreeSet::new();
    for (_, text) in files {
        types.extend(public_type.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    assert!(types.contains("ClientId"), "only {types:?} were found");
    let names = read_names();
    let missing = types.difference(&names).cloned();
    assert_no_findings(
        missing,
        "Name each type in backticks in docs/GLOSSARY.md, under the term it belongs to, or make it less than `pub`.",
    );
}

#[test]
fn everything_the_glossary_names_is_in_the_code() {
    let folders = ["shared/", "functions/", "infra/"];
    let files = folders.iter().flat_map(|folder| read_files(folder, "rs"));
    let words = files.flat_map(|(_, text)| list_words(text.parse().unwrap()));
    let code: BTreeSet<String> = words.collect();
    let names = read_names();
    let unknown = names.difference(&code).cloned();
    assert_no_findings(
        unknown,
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
