//! Links, paths and recipes in the documents: what they lead to is there.

use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use tidy::assert_no_findings;
use tidy::commands::{find_mentions, split_words};
use tidy::markdown::{Document, read_documents};
use tidy::tree::{find_root, read_text};

/// A path of the repository without placeholders, as code spans have it.
const PATH: &str = r"^(shared|functions|infra|tests|docs|fuzz|\.ci|\.github)/[\w/.-]*$";

/// What is wrong with a link to a place in the repository. `None` when nothing is.
fn judge_link(documents: &BTreeMap<String, Document>, from: &str, target: &str) -> Option<&'static str> {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let from = find_root().join(from);
    let linked = if path.is_empty() { from } else { from.parent()?.join(path) };
    let linked = linked.canonicalize().unwrap_or_default();
    let Ok(linked) = linked.strip_prefix(find_root()) else {
        return Some("no such file");
    };
    let document = documents.get(linked.to_str()?)?;
    (!anchor.is_empty() && !document.anchors.contains(anchor)).then_some("no such heading")
}

#[test]
fn every_link_leads_somewhere() {
    let documents = read_documents();
    let mut findings = Vec::new();
    for (from, document) in &documents {
        for (line, target) in &document.links {
            let is_outside = target.contains("://") || target.starts_with("mailto:");
            if !is_outside && let Some(fault) = judge_link(&documents, from, target) {
                findings.push(format!("{from}:{line}: {target}: {fault}"));
            }
        }
    }
    assert_no_findings(
        findings,
        "Correct the link, or give the heading its name back. GitHub's anchors: lower case, punctuation dropped, spaces as hyphens.",
    );
}

#[test]
fn every_path_in_backticks_exists() {
    let pattern = Regex::new(PATH).unwrap();
    let mut findings = Vec::new();
    for (path, document) in read_documents() {
        for (line, span) in &document.spans {
            if pattern.is_match(span) && !find_root().join(span).exists() {
                findings.push(format!("{path}:{line}: {span}"));
            }
        }
    }
    assert_no_findings(findings, "No such file or folder: name where it is now.");
}

#[test]
fn the_justfile_has_every_recipe_of_the_documents() {
    let recipe = Regex::new(r"(?m)^@?([a-z][\w-]*)[^:\n]*:(?:[^=]|$)").unwrap();
    let justfile = read_text("justfile");
    let recipes = recipe.captures_iter(&justfile).map(|found| found[1].to_owned());
    let recipes: BTreeSet<String> = recipes.collect();
    let mut mentions = find_mentions("just");
    mentions.retain(|mention| {
        let named = split_words(&mention.text).into_iter().nth(1).unwrap_or_default();
        named.starts_with(|char: char| char.is_ascii_lowercase()) && !recipes.contains(&named)
    });
    assert!(
        mentions.is_empty(),
        "The justfile has no such recipes: name those of `just --list`. {mentions:#?}"
    );
}

#[test]
fn dead_links_are_found() {
    let document = Document::from_text("# One");
    let documents = BTreeMap::from([("docs/TESTING.md".to_owned(), document)]);
    let judge = |from, target| judge_link(&documents, from, target);
    assert_eq!(judge("docs/TESTING.md", "#one"), None);
    assert_eq!(judge("docs/TESTING.md", "#two"), Some("no such heading"));
    assert_eq!(judge("docs/adr/README.md", "../TESTING.md#one"), None);
    assert_eq!(judge("README.md", "TESTING.md"), Some("no such file"));
    assert_eq!(judge("README.md", "../"), Some("no such file"));
}
