//! What docs and comments must say, and must not: `# Errors` on what can fail, no notes to self, no paths of one machine.

use crate::assert_no_findings;
use crate::rust_source::{Source, find_fallible_functions, is_word_char};
use crate::tree::{list_files, list_files_below, read_if_text, read_text};
use std::path::Path;

/// Notes to self. Each stands for something that is to be done now, or written down where others find it.
const NOTES: [&str; 3] = ["TODO", "FIXME", "XXX"];

/// Where files are on one machine only.
const MACHINE_PATHS: [&str; 5] = ["/work/", "/tmp/", "/root/", "/home/", "/Users/"];

/// Files in which a person writes, beside Rust. Data, texts and recordings may say what they want.
const WRITTEN: [&str; 10] = ["md", "toml", "yaml", "yml", "py", "mjs", "sh", "html", "css", ""];

/// Notes to self and paths of a machine, in the text of a file or of its comments.
fn find_unwanted(path: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let has_note = line.split(|char| !is_word_char(char)).any(|word| NOTES.contains(&word));
        let has_path = MACHINE_PATHS.iter().any(|unwanted| {
            line.match_indices(unwanted).any(|(at, _)| {
                // A path that only contains the word, such as `target/work/`, is none of a machine.
                !line[..at].ends_with(|char: char| is_word_char(char) || matches!(char, '.' | '}' | '-'))
            })
        });
        if has_note || has_path {
            findings.push(format!("{path}:{}: {}", index + 1, line.trim()));
        }
    }
    findings
}

/// Whether a tool made the file: below `target`, `target-bench`, `node_modules` or `__pycache__`.
fn is_built(path: &str) -> bool {
    path.starts_with("target/")
        || path.starts_with("target-")
        || path.split('/').any(|part| matches!(part, "node_modules" | "__pycache__"))
}

#[test]
fn no_note_to_self_and_no_path_of_a_machine() {
    let mut findings = Vec::new();
    for path in list_files() {
        let extension = Path::new(&path).extension().and_then(|name| name.to_str()).unwrap_or_default();
        match extension {
            "rs" => findings.extend(find_unwanted(&path, &Source::from_text(&read_text(&path)).comments)),
            _ if WRITTEN.contains(&extension) => {
                let text = read_if_text(&path).unwrap_or_default();
                findings.extend(find_unwanted(&path, &text));
            }
            _ => {}
        }
    }
    assert_no_findings(
        &findings,
        "Do what the note says, or file it outside the code; write paths relative to the repository.",
    );
}

#[test]
fn nothing_that_was_built_is_kept() {
    let built: Vec<String> = list_files().into_iter().filter(|path| is_built(path)).collect();
    assert_no_findings(&built, "Take these out of git and name their folder in .gitignore.");
}

#[test]
fn what_can_fail_says_when() {
    let mut all = 0;
    let mut undocumented = Vec::new();
    for path in list_files_below(&["shared/"], "rs") {
        for function in find_fallible_functions(&Source::from_text(&read_text(&path))) {
            all += 1;
            if !function.documents_errors {
                undocumented.push(format!("{path}:{}: {}", function.line, function.name));
            }
        }
    }
    assert!(all > 50, "only {all} functions that can fail were found");
    assert_no_findings(
        &undocumented,
        "A public function of shared/ that returns a Result has a section `# Errors`: say there in one line when it fails.",
    );
}

#[test]
fn unwanted_words_are_found() {
    assert_eq!(find_unwanted("a.md", "# TODO: later\nfine").len(), 1);
    assert_eq!(find_unwanted("a.md", "see /tmp/x, and `/work/y`\n/home/me").len(), 2);
    assert!(find_unwanted("a.md", "target/work/x, ./tmp/y, $TMP/tmp, mktemp, TODOS").is_empty());
}

#[test]
fn what_a_tool_made_is_told_from_source() {
    assert!(is_built("target-bench/release/a.d") && is_built("tests/x/__pycache__/a.pyc"));
    assert!(!is_built("shared/domain/src/target.rs") && !is_built("docs/target/a.md"));
}
