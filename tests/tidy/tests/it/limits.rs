//! The limits of the tests in this package. A limit is only ever lowered. A list of exceptions only ever gets shorter, and each
//! exception has its reason.

/// Functions named with one word, in hundredths of a per cent of all functions, product and tests together.
pub const ONE_WORD_FUNCTION_NAMES: usize = 25_00;

/// How far the share may be below its limit before the limit is to be lowered, in hundredths of a per cent.
pub const ONE_WORD_SLACK: usize = 1_00;

/// Files that may be called `articles.rs`.
pub const ARTICLES_FILES: usize = 3;

/// Lines of one Rust file.
pub const RUST_FILE_LINES: usize = 700;

/// Lines of all Rust files together.
pub const RUST_LINES: usize = 85_000;

/// Lines of README.md.
pub const README_LINES: usize = 100;

/// Lines of one text file that is not Rust: fixtures, data, texts, documents.
pub const DATA_FILE_LINES: usize = 2_000;

/// Files that may be longer than [`DATA_FILE_LINES`], each with the reason.
pub const LONG_DATA_FILES: [(&str, &str); 3] = [
    ("Cargo.lock", "written by cargo"),
    ("fuzz/Cargo.lock", "written by cargo"),
    (
        "infra/template.yaml",
        "CloudFormation takes a stack from one file",
    ),
];

/// Terms of docs/GLOSSARY.md.
pub const GLOSSARY_TERMS: usize = 60;
