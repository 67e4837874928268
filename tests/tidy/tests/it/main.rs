//! The house's style as tests. They read the files of the repository: how functions are named, how long files are, and whether
//! the documents agree with the code, the template and the command line. Numbers that only ever get stricter are in `limits`.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod commands;
mod decisions;
mod function_names;
mod glossary;
mod hygiene;
mod limits;
mod links;
mod markdown;
mod reference;
mod rust_source;
mod sizes;
mod tree;

/// Fails with all findings, one a line, and with what to do about them.
#[track_caller]
fn assert_no_findings(findings: &[String], what_to_do: &str) {
    assert!(findings.is_empty(), "{} found. {what_to_do}\n  {}", findings.len(), findings.join("\n  "));
}
