//! How many functions are named with one word, which tells a reader little where the function is called.

use crate::limits::{ONE_WORD_FUNCTION_NAMES, ONE_WORD_SLACK};
use crate::rust_source::{Source, find_function_names};
use crate::tree::{list_files_below, read_text};
use std::collections::BTreeMap;

/// What is to be done about a share, both in hundredths of a per cent. `None` when the share is as the limit wants it.
fn judge_share(share: usize, limit: usize, slack: usize) -> Option<&'static str> {
    if share > limit {
        Some(
            "Name new functions by verb and noun (`read_article`), or rename old ones; the limit is not raised.",
        )
    } else if share + slack < limit {
        Some("Fewer than the limit allows: lower ONE_WORD_FUNCTION_NAMES in tests/tidy/tests/it/limits.rs.")
    } else {
        None
    }
}

fn is_one_word(name: &str) -> bool {
    !name.trim_matches('_').contains('_')
}

/// A share in hundredths of a per cent, rounded up, so that nothing above a limit passes as equal to it.
fn compute_share(part: usize, whole: usize) -> usize {
    (part * 10_000).div_ceil(whole.max(1))
}

#[test]
fn few_functions_are_named_with_one_word() {
    let mut all = 0;
    let mut one_word: BTreeMap<String, usize> = BTreeMap::new();
    for path in list_files_below(&[""], "rs") {
        for name in find_function_names(&Source::from_text(&read_text(&path))) {
            all += 1;
            if is_one_word(name) {
                *one_word.entry(name.to_owned()).or_default() += 1;
            }
        }
    }
    let share = compute_share(one_word.values().sum(), all);
    let mut most: Vec<(usize, String)> = one_word.into_iter().map(|(name, count)| (count, name)).collect();
    most.sort_by(|one, other| other.cmp(one));
    let most: Vec<String> =
        most.into_iter().take(30).map(|(count, name)| format!("{name} {count}")).collect();
    if let Some(what_to_do) = judge_share(share, ONE_WORD_FUNCTION_NAMES, ONE_WORD_SLACK) {
        panic!(
            "{}.{:02} % of {all} functions are named with one word, and the limit is {}.{:02} %. {what_to_do}\nMost often: {}",
            share / 100,
            share % 100,
            ONE_WORD_FUNCTION_NAMES / 100,
            ONE_WORD_FUNCTION_NAMES % 100,
            most.join(", ")
        );
    }
}

#[test]
fn a_share_fails_above_its_limit_and_far_below_it() {
    assert!(judge_share(2_501, 2_500, 100).unwrap().contains("not raised"));
    assert_eq!(judge_share(2_500, 2_500, 100), None);
    assert_eq!(judge_share(2_400, 2_500, 100), None);
    assert!(judge_share(2_399, 2_500, 100).unwrap().contains("lower"));
    assert_eq!(compute_share(1, 3), 3_334);
    assert_eq!(compute_share(0, 0), 0);
}

#[test]
fn one_word_is_a_name_without_an_underscore_inside() {
    assert!(is_one_word("read") && is_one_word("_read"));
    assert!(!is_one_word("read_order"));
}
