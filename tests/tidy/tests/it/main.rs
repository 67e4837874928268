//! The house's style as tests. They read the files of the repository: how functions are named, how long files are, and whether
//! the documents agree with the code and the template. Numbers that only ever get stricter are in `limits`.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod decisions;
mod error_docs;
mod function_names;
mod glossary;
mod hygiene;
mod limits;
mod links;
mod markdown;
mod reference;
mod sizes;
mod texts;
