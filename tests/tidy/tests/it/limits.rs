//! The limits of the tests in this package. A limit is only ever lowered. A list of exceptions only ever gets shorter, and each
//! exception has its reason.

/// Functions named with one word, in hundredths of a per cent of all functions, product and tests together.
pub(crate) const ONE_WORD_FUNCTION_NAMES: usize = 900;
/// How far the share may be below its limit before the limit is to be lowered, in hundredths of a per cent.
pub(crate) const ONE_WORD_SLACK: usize = 100;
/// Files that may be called `articles.rs`.
pub(crate) const ARTICLES_FILES: usize = 3;
/// Lines of one Rust file.
pub(crate) const RUST_FILE_LINES: usize = 700;
/// Lines of all Rust files together.
pub(crate) const RUST_LINES: usize = 82_000;
/// Lines of README.md.
pub(crate) const README_LINES: usize = 100;
/// Lines of one text file that is not Rust: fixtures, data, texts, documents.
pub(crate) const DATA_FILE_LINES: usize = 2_000;
/// Files that may be longer than [`DATA_FILE_LINES`], each with the reason.
pub(crate) const LONG_DATA_FILES: [(&str, &str); 3] = [
    ("Cargo.lock", "written by cargo"),
    ("fuzz/Cargo.lock", "written by cargo"),
    ("infra/template.yaml", "CloudFormation takes a stack from one file"),
];
/// Terms of docs/GLOSSARY.md.
pub(crate) const GLOSSARY_TERMS: usize = 60;
