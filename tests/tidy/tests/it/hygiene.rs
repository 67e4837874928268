//! What is not to be in the repository: notes to self, paths of one machine, files that a tool built.

use regex::Regex;
use tidy::assert_no_findings;
use tidy::tree::{get_extension, list_files, read_text};

/// Notes to self, and paths that are on one machine only; not a path that contains such a word, such as `target/work/`.
const UNWANTED: &str = r"\b(TODO|FIXME|XXX)\b|(^|[^\w.}-])/(work|tmp|root|home|Users)/";

/// Files in which a person writes. Data, texts and recordings may say what they want.
const WRITTEN: [&str; 11] = ["rs", "md", "toml", "yaml", "yml", "py", "mjs", "sh", "html", "css", ""];

/// Lines with something unwanted, in Rust only in the comments.
fn find_unwanted(path: &str, text: &str) -> Vec<String> {
    let unwanted = match get_extension(path) {
        "rs" => Regex::new(&format!(r"(^|\s)//.*({UNWANTED})")),
        _ => Regex::new(UNWANTED),
    };
    let unwanted = unwanted.unwrap();
    let lines = (1..).zip(text.lines()).filter(|(_, line)| unwanted.is_match(line));
    lines.map(|(number, line)| format!("{path}:{number}: {line}")).collect()
}

#[test]
fn no_note_to_self_and_no_path_of_a_machine() {
    let mut files = list_files();
    files.retain(|path| WRITTEN.contains(&get_extension(path)));
    let findings = files.iter().flat_map(|path| find_unwanted(path, &read_text(path)));
    assert_no_findings(
        findings,
        "Do what the note says, or file it outside the code; write paths relative to the repository.",
    );
}

#[test]
fn nothing_that_was_built_is_kept() {
    let built = Regex::new("^target[/-]|(^|/)(node_modules|__pycache__)/").unwrap();
    let mut files = list_files();
    files.retain(|path| built.is_match(path));
    assert_no_findings(files, "Take these out of git and name their folder in .gitignore.");
}

#[test]
fn unwanted_words_are_found() {
    let text = "# TODO: later\nfine\nsee /tmp/x, and `/Users/y`\n/home/me";
    assert_eq!(find_unwanted("a.md", text).len(), 3);
    assert!(find_unwanted("a.md", "target/work/x, ./tmp/y, $TMP/tmp, mktemp, TODOS").is_empty());
    let code = ["let a = 1; ", "/", "/ in /tmp/x\nlet b = \"http:///tmp/x\";"].concat();
    assert_eq!(find_unwanted("a.rs", &code).len(), 1);
}
