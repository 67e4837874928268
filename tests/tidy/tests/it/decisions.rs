//! The decisions in docs/adr: numbered without gaps, listed, and all of one form.

use regex::Regex;
use tidy::assert_no_findings;
use tidy::markdown::Document;
use tidy::tree::{read_files, read_text};

/// Path and text of the files with a decision, in order.
fn read_decisions() -> Vec<(String, String)> {
    let mut files = read_files("docs/adr/", "md");
    files.retain(|(path, _)| path != "docs/adr/README.md");
    assert!(!files.is_empty(), "there is no decision in docs/adr");
    files
}

/// Whether a decision has exactly the sections that it needs, in order, and none is empty.
fn has_right_form(text: &str) -> bool {
    let mut sections = Document::from_text(text).headings;
    sections.retain(|(level, _)| *level == 2);
    let titles: Vec<String> = sections.into_iter().map(|(_, title)| title).collect();
    let empty_section = Regex::new(r"(?m)^## .*\s*(^## |\z)").unwrap();
    titles == ["Status", "Context", "Decision", "Consequences"] && !empty_section.is_match(text)
}

#[test]
fn decisions_are_numbered_and_listed() {
    let links = Document::from_text(&read_text("docs/adr/README.md")).links;
    let mut listed: Vec<String> = links.into_iter().map(|(_, target)| target).collect();
    listed.retain(|target| target.starts_with(|char: char| char.is_ascii_digit()));
    let paths: Vec<String> = listed.iter().map(|name| format!("docs/adr/{name}")).collect();
    let decisions: Vec<String> = read_decisions().into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, decisions, "docs/adr/README.md links every decision once, in order.");
    for (number, name) in (1..).zip(listed) {
        assert!(name.starts_with(&format!("{number:04}-")), "{name} stands where {number:04} is expected");
    }
}

#[test]
fn every_decision_has_the_same_form() {
    let mut wrong = read_decisions();
    wrong.retain(|(_, text)| !has_right_form(text));
    assert_no_findings(
        wrong.into_iter().map(|(path, _)| path),
        "A decision has exactly the sections `## Status`, `## Context`, `## Decision`, `## Consequences`, in this order, none empty.",
    );
}
