//! What the tests of the house's style read: the files of the repository, its documents, and the commands in them.

#![expect(clippy::unwrap_used, reason = "only tests call this crate")]

pub mod commands;
pub mod markdown;
pub mod tree;

/// Fails with all findings, one a line, and with what to do about them.
#[track_caller]
pub fn assert_no_findings(findings: &[String], what_to_do: &str) {
    assert!(
        findings.is_empty(),
        "{} found. {what_to_do}\n  {}",
        findings.len(),
        findings.join("\n  ")
    );
}
