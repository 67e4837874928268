//! How long files are, and how often one file name is used.

use crate::assert_no_findings;
use crate::limits::{
    ARTICLES_FILES, DATA_FILE_LINES, LONG_DATA_FILES, README_LINES, RUST_FILE_LINES, RUST_LINES,
};
use crate::tree::{exists, list_files, list_files_below, read_if_text, read_text};
use std::path::Path;

/// The files above a limit, as findings. Each file comes with its number of lines.
fn find_long_files(files: &[(String, usize)], limit: usize) -> Vec<String> {
    files
        .iter()
        .filter(|(_, lines)| *lines > limit)
        .map(|(path, lines)| format!("{path}: {lines} lines, {} too many", lines - limit))
        .collect()
}

fn count_lines_of_rust() -> Vec<(String, usize)> {
    list_files_below(&[""], "rs")
        .into_iter()
        .map(|path| {
            let lines = read_text(&path).lines().count();
            (path, lines)
        })
        .collect()
}

/// Whether the last part of the path is this name.
fn is_named(path: &str, name: &str) -> bool {
    Path::new(path).file_name().is_some_and(|found| found == name)
}

#[test]
fn no_rust_file_is_too_long() {
    let findings = find_long_files(&count_lines_of_rust(), RUST_FILE_LINES);
    assert_no_findings(
        &findings,
        &format!("A Rust file has at most {RUST_FILE_LINES} lines: split it by what its parts are about."),
    );
}

#[test]
fn the_code_as_a_whole_is_not_too_long() {
    let lines: usize = count_lines_of_rust().into_iter().map(|(_, lines)| lines).sum();
    assert!(
        lines <= RUST_LINES,
        "All Rust files together have {lines} lines, and the limit is {RUST_LINES}. Take {} lines out: what is written twice, \
         what nobody calls, tests that test the same; the limit is not raised.",
        lines - RUST_LINES
    );
}

#[test]
fn no_data_file_is_too_long() {
    let files: Vec<(String, usize)> = list_files()
        .into_iter()
        .filter(|path| Path::new(path).extension().is_none_or(|extension| extension != "rs"))
        .filter(|path| LONG_DATA_FILES.iter().all(|(excepted, _)| excepted != path))
        .filter_map(|path| read_if_text(&path).map(|text| (path, text.lines().count())))
        .collect();
    assert_no_findings(
        &find_long_files(&files, DATA_FILE_LINES),
        &format!(
            "A text file that is not Rust has at most {DATA_FILE_LINES} lines: shorten it, make it in the test, or pack it; \
             where nothing of this is possible, LONG_DATA_FILES in limits.rs lists it with the reason."
        ),
    );
}

#[test]
fn every_exception_is_still_needed() {
    let findings: Vec<String> = LONG_DATA_FILES
        .iter()
        .filter(|(path, reason)| {
            let is_long = exists(path) && read_text(path).lines().count() > DATA_FILE_LINES;
            !is_long || reason.is_empty()
        })
        .map(|(path, _)| (*path).to_owned())
        .collect();
    assert_no_findings(
        &findings,
        "These are not too long any more, or have no reason: take them off LONG_DATA_FILES in limits.rs.",
    );
}

#[test]
fn the_readme_is_short() {
    let lines = read_text("README.md").lines().count();
    assert!(
        lines <= README_LINES,
        "README.md has {lines} lines, and the limit is {README_LINES}: move details to docs/."
    );
}

#[test]
fn few_files_are_called_articles() {
    let files: Vec<String> =
        list_files_below(&[""], "rs").into_iter().filter(|path| is_named(path, "articles.rs")).collect();
    assert!(
        files.len() <= ARTICLES_FILES,
        "{} files are called articles.rs, and at most {ARTICLES_FILES} may be. Name a file after what it does with articles \
         (`due_articles.rs`, `article_list.rs`):\n  {}",
        files.len(),
        files.join("\n  ")
    );
}

#[test]
fn a_file_is_too_long_from_one_line_above_the_limit() {
    let files = [("a.rs".to_owned(), 700), ("b.rs".to_owned(), 702)];
    assert_eq!(find_long_files(&files, 700), ["b.rs: 702 lines, 2 too many"]);
    assert!(find_long_files(&files[..1], 700).is_empty());
    assert!(is_named("shared/store/src/articles.rs", "articles.rs"));
    assert!(!is_named("functions/poll-orders/src/due_articles.rs", "articles.rs"));
}
