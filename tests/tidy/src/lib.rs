//! What the tests of the house's style read: the files of the repository, its documents, and the commands in them.

#![expect(clippy::unwrap_used, reason = "only tests call this crate")]

pub mod commands;
pub mod markdown;
pub mod tree;

/// Fails with all findings, one a line, and with what to do about them.
#[track_caller]
pub fn assert_no_findings(findings: impl IntoIterator<Item = String>, what_to_do: &str) {
    let findings: Vec<String> = findings.into_iter().collect();
    assert!(findings.is_empty(), "{what_to_do}\n{findings:#?}");
}
