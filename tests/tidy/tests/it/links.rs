//! Links and paths in the documents: what they lead to is there.

use crate::assert_no_findings;
use crate::markdown::{Document, read_documents};
use crate::tree::exists;
use std::collections::BTreeMap;

/// First parts of a path of the repository.
const FOLDERS: [&str; 8] = ["shared", "functions", "infra", "tests", "docs", "fuzz", ".ci", ".github"];

/// The path that a link leads to, from the root, and its anchor. `None` when the link leaves the repository.
fn resolve_link(from: &str, target: &str) -> Option<(String, Option<String>)> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = match target.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor.to_owned())),
        None => (target, None),
    };
    if path.is_empty() {
        return Some((from.to_owned(), anchor));
    }
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            // Above the root: kept, so that the path is not found.
            ".." if parts.is_empty() => parts.push(".."),
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    Some((parts.join("/"), anchor))
}

/// Whether a span of code is a path of the repository, without placeholders.
fn is_path(span: &str) -> bool {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '/' | '.' | '-' | '_');
    span.split_once('/').is_some_and(|(first, _)| FOLDERS.contains(&first)) && span.chars().all(is_plain)
}

/// The dead links of all documents, given which paths exist.
fn find_dead_links(documents: &BTreeMap<String, Document>, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut findings = Vec::new();
    for (from, document) in documents {
        for (line, target) in document.links() {
            let Some((path, anchor)) = resolve_link(from, &target) else {
                continue;
            };
            if !exists(&path) {
                findings.push(format!("{from}:{line}: {target}: no such file"));
            } else if let (Some(anchor), Some(linked)) = (anchor, documents.get(&path))
                && !linked.anchors().contains(&anchor)
            {
                findings.push(format!("{from}:{line}: {target}: no such heading"));
            }
        }
    }
    findings
}

#[test]
fn every_link_leads_somewhere() {
    assert_no_findings(
        &find_dead_links(&read_documents(), exists),
        "Correct the link, or give the heading its name back. GitHub's anchors: lower case, punctuation dropped, spaces as hyphens.",
    );
}

#[test]
fn every_path_in_backticks_exists() {
    let mut findings = Vec::new();
    for (path, document) in read_documents() {
        for span in &document.spans {
            if is_path(&span.text) && !exists(&span.text) {
                findings.push(format!("{path}:{}: {}", span.line, span.text));
            }
        }
    }
    assert_no_findings(&findings, "No such file or folder: name where it is now.");
}

#[test]
fn links_are_resolved_from_their_document() {
    let resolve = |from, target| resolve_link(from, target).map(|(path, _)| path);
    assert_eq!(resolve("docs/A.md", "../B.md#c").as_deref(), Some("B.md"));
    assert_eq!(resolve("docs/A.md", "#c").as_deref(), Some("docs/A.md"));
    assert_eq!(resolve("A.md", "docs/").as_deref(), Some("docs"));
    assert_eq!(resolve("A.md", "../B.md").as_deref(), Some("../B.md"));
    assert_eq!(resolve("A.md", "https://example.com/B.md"), None);
}

#[test]
fn dead_links_are_found() {
    let documents = BTreeMap::from([
        (
            "A.md".to_owned(),
            Document::from_text(
                "# One\n[a](#one) [b](#two) [c](docs/B.md#three) [d](docs/B.md#four) [e](gone.md)",
            ),
        ),
        ("docs/B.md".to_owned(), Document::from_text("# Three")),
    ]);
    assert_eq!(
        find_dead_links(&documents, |path| documents.contains_key(path)),
        [
            "A.md:2: #two: no such heading",
            "A.md:2: docs/B.md#four: no such heading",
            "A.md:2: gone.md: no such file"
        ]
    );
}

#[test]
fn paths_are_told_from_other_code() {
    assert!(is_path("shared/domain/src") && is_path(".ci/run"));
    assert!(!is_path("shared/<name>/src") && !is_path("functions/*.zip") && !is_path("order/line"));
}
