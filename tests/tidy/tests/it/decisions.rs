//! The decisions in docs/adr: numbered without gaps, listed, and all of one form.

use crate::assert_no_findings;
use crate::markdown::Document;
use crate::tree::{list_files_below, read_text};

const HEADINGS: [&str; 4] = ["Status", "Context", "Decision", "Consequences"];

/// Names of the files with a decision, in order.
fn list_decisions() -> Vec<String> {
    list_files_below(&["docs/adr/"], "md")
        .iter()
        .filter_map(|path| path.strip_prefix("docs/adr/"))
        .filter(|name| *name != "README.md")
        .map(str::to_owned)
        .collect()
}

/// Names that do not begin with the number that comes next.
fn find_gaps(names: &[String]) -> Vec<String> {
    let numbered = |name: &str| name.split_once('-').and_then(|(number, _)| number.parse().ok());
    let mut expected = 1_u32;
    let mut findings = Vec::new();
    for name in names {
        match numbered(name) {
            Some(number) if number == expected => {}
            _ => findings.push(format!("{name} stands where {expected:04} is expected")),
        }
        expected = numbered(name).unwrap_or(expected) + 1;
    }
    findings
}

/// What is wrong with the form of one decision. `None` when nothing is.
fn judge_form(name: &str, text: &str) -> Option<String> {
    let document = Document::from_text(text);
    let headings: Vec<&str> =
        document.headings().filter(|(level, _)| *level == 2).map(|(_, title)| title).collect();
    if headings != HEADINGS {
        return Some(format!("{name}: its headings are {headings:?}"));
    }
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let is_heading = |line: &str| line.starts_with("## ");
    let empty = lines
        .iter()
        .zip(lines.iter().skip(1).chain(&["## "]))
        .find(|(line, next)| is_heading(line) && is_heading(next));
    empty.map(|(heading, _)| format!("{name}: nothing stands below {heading:?}"))
}

/// What is missing in the list of the README, and what is in it that is no decision, or stands twice.
fn compare_list(names: &[String], readme: &str) -> Vec<String> {
    let links = Document::from_text(readme).links();
    let listed: Vec<&str> = links
        .iter()
        .map(|(_, target)| target.as_str())
        .filter(|target| target.starts_with(|char: char| char.is_ascii_digit()))
        .collect();
    let mut findings = Vec::new();
    for name in names {
        let times = listed.iter().filter(|target| *target == name).count();
        if times != 1 {
            findings.push(format!("{name} is listed {times} times"));
        }
    }
    if !listed.is_sorted() {
        findings.push("the list is not in order".to_owned());
    }
    findings
}

#[test]
fn decisions_are_numbered_without_gaps() {
    let names = list_decisions();
    assert!(!names.is_empty(), "there is no decision in docs/adr");
    assert_no_findings(
        &find_gaps(&names),
        "Number the files of docs/adr one after the other, each number once.",
    );
}

#[test]
fn every_decision_is_listed() {
    assert_no_findings(
        &compare_list(&list_decisions(), &read_text("docs/adr/README.md")),
        "docs/adr/README.md links every decision once, in order.",
    );
}

#[test]
fn every_decision_has_the_same_form() {
    let findings: Vec<String> = list_decisions()
        .iter()
        .filter_map(|name| judge_form(name, &read_text(&format!("docs/adr/{name}"))))
        .collect();
    assert_no_findings(
        &findings,
        "A decision has exactly the sections `## Status`, `## Context`, `## Decision`, `## Consequences`, in this order, none empty.",
    );
}

#[test]
fn gaps_and_repeats_are_found() {
    let names = |numbers: &[&str]| numbers.iter().map(|number| format!("{number}-x.md")).collect::<Vec<_>>();
    assert!(find_gaps(&names(&["0001", "0002"])).is_empty());
    assert_eq!(find_gaps(&names(&["0001", "0003", "0004"])).len(), 1);
    assert_eq!(find_gaps(&names(&["0001", "0001"])).len(), 1);
    assert_eq!(find_gaps(&names(&["draft"])).len(), 1);
}

#[test]
fn a_decision_of_another_form_is_found() {
    let good = "# T\n\n## Status\nA\n\n## Context\nB\n\n## Decision\nC\n\n## Consequences\nD\n";
    assert_eq!(judge_form("x", good), None);
    assert!(judge_form("x", &good.replace("## Context\nB\n", "")).is_some());
    assert!(judge_form("x", &good.replace("Status", "State")).is_some());
    assert!(judge_form("x", &good.replace("C\n", "")).unwrap().contains("Decision"));
    assert!(judge_form("x", &good.replace("D\n", "")).unwrap().contains("Consequences"));
}

#[test]
fn a_decision_that_is_not_listed_is_found() {
    let names = ["0001-a.md".to_owned(), "0002-b.md".to_owned()];
    assert!(compare_list(&names, "- [1](0001-a.md)\n- [2](0002-b.md)").is_empty());
    assert_eq!(compare_list(&names, "- [1](0001-a.md)").len(), 1);
    assert_eq!(compare_list(&names, "- [2](0002-b.md)\n- [1](0001-a.md)").len(), 1);
}
