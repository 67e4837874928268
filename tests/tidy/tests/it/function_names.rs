//! How many functions are named with one word, which tells a reader little where the function is called.

use crate::limits::{ONE_WORD_FUNCTION_NAMES, ONE_WORD_SLACK};
use regex::Regex;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use tidy::tree::read_files;

#[test]
fn few_functions_are_named_with_one_word() {
    // A plain scan of the lines that are no comments also sees the functions inside macros.
    let function = Regex::new(r"(?m)^ *[^/\n]*?\bfn (?:r#)?(\w+)").unwrap();
    let mut all = 0;
    let mut one_word: BTreeMap<String, usize> = BTreeMap::new();
    for (_, text) in read_files("", "rs") {
        for found in function.captures_iter(&text) {
            all += 1;
            if !found[1].trim_matches('_').contains('_') {
                *one_word.entry(found[1].to_owned()).or_default() += 1;
            }
        }
    }
    // In hundredths of a per cent, rounded up, so that nothing above the limit passes as equal to it.
    let share = (one_word.values().sum::<usize>() * 10_000).div_ceil(all);
    let mut most: Vec<(String, usize)> = one_word.into_iter().collect();
    most.sort_by_key(|(_, count)| Reverse(*count));
    most.truncate(30);
    assert!(
        share <= ONE_WORD_FUNCTION_NAMES,
        "{share} of 10000 functions are named with one word, and the limit is {ONE_WORD_FUNCTION_NAMES}. Name new functions by \
         verb and noun (`read_article`), or rename old ones; the limit is not raised. Most often: {most:?}"
    );
    assert!(
        share + ONE_WORD_SLACK >= ONE_WORD_FUNCTION_NAMES,
        "Only {share} of 10000 functions are named with one word: lower ONE_WORD_FUNCTION_NAMES in tests/tidy/tests/it/limits.rs."
    );
}
