//! How long files are, and how often one file name is used.

use crate::limits::{
    ARTICLES_FILES, DATA_FILE_LINES, LONG_DATA_FILES, README_LINES, RUST_FILE_LINES, RUST_LINES,
};
use tidy::assert_no_findings;
use tidy::tree::{get_extension, list_files, read_files, read_if_text, read_text};

/// What is wrong with the length of a file. `None` when the file is short enough.
fn judge_length(path: &str, text: &str, limit: usize) -> Option<String> {
    let lines = text.lines().count();
    (lines > limit).then(|| format!("{path}: {lines} lines, and the limit is {limit}"))
}

#[test]
fn neither_code_nor_readme_is_too_long() {
    let mut findings = Vec::new();
    let mut whole = String::new();
    for (path, text) in read_files("", "rs") {
        findings.extend(judge_length(&path, &text, RUST_FILE_LINES));
        whole += &text;
    }
    findings.extend(judge_length("all Rust files together", &whole, RUST_LINES));
    findings.extend(judge_length("README.md", &read_text("README.md"), README_LINES));
    assert_no_findings(
        findings,
        "Split a Rust file by what its parts are about. Take out what is written twice, what nobody calls, and tests that test \
         the same. Move details of the README to docs/. The limits are not raised.",
    );
}

#[test]
fn no_data_file_is_too_long() {
    let mut paths = list_files();
    paths.retain(|path| get_extension(path) != "rs");
    let mut long = LONG_DATA_FILES.map(|(path, _)| path).to_vec();
    let mut findings = Vec::new();
    for path in paths {
        let text = read_if_text(&path).unwrap_or_default();
        if let Some(finding) = judge_length(&path, &text, DATA_FILE_LINES) {
            match long.iter().position(|excepted| *excepted == path) {
                Some(excepted) => drop(long.remove(excepted)),
                None => findings.push(finding),
            }
        }
    }
    assert_no_findings(
        findings,
        "Shorten a data file, make it in the test, or pack it; where nothing of this is possible, LONG_DATA_FILES in limits.rs \
         lists it with the reason.",
    );
    assert!(long.is_empty(), "Not too long any more: take {long:?} off LONG_DATA_FILES in limits.rs.");
}

#[test]
fn few_files_are_called_articles() {
    let mut files = list_files();
    files.retain(|path| path.ends_with("/articles.rs"));
    assert!(
        files.len() <= ARTICLES_FILES,
        "At most {ARTICLES_FILES} files may be called articles.rs. Name a file after what it does with articles \
         (`due_articles.rs`, `article_list.rs`):\n  {}",
        files.join("\n  ")
    );
}
