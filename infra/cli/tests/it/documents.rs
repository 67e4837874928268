//! The command line accepts each command `connector …` that a document of the repository names.

use clap::Parser as _;
use clap::error::ErrorKind;
use rstest::rstest;
use tidy::assert_no_findings;
use tidy::commands::{find_mentions, split_words};

/// What a placeholder such as `<connection>` or `NAME` may stand for. A command is accepted when one of them is.
const SAMPLES: [&str; 6] =
    ["sample", "1", "2026-01-02T03:04:05Z", "orders", "b2c_client_id=5", "https://example.com"];

/// Whether a word stands for any number of words that are left out.
fn is_omission(word: &str) -> bool {
    word.trim_matches('.') == "…" || word == "..."
}

/// Whether a word is written in capitals, or as `KEY=VALUE`.
fn is_placeholder(word: &str) -> bool {
    let word = word.trim_matches('.');
    word.len() > 1 && word.chars().all(|char| char.is_ascii_uppercase() || matches!(char, '_' | '='))
}

/// Fails with the refusal when the command line accepts the words with no sample for a placeholder.
fn try_words(words: &[String], is_inline: bool) -> Result<(), String> {
    let is_open = |word: &String| is_omission(word) || is_placeholder(word);
    let Some(open) = words.iter().position(is_open) else {
        return parse_words(words, is_inline);
    };
    let mut fillings: Vec<Vec<&str>> = SAMPLES.iter().map(|sample| vec![*sample]).collect();
    if is_omission(&words[open]) {
        fillings.extend([vec![], vec!["sample", "sample"]]);
    }
    let mut refusals = Vec::new();
    for filling in fillings {
        let mut filled = words.to_vec();
        filled.splice(open..=open, filling.into_iter().map(str::to_owned));
        match try_words(&filled, is_inline) {
            Ok(()) => return Ok(()),
            Err(refusal) => refusals.push(refusal),
        }
    }
    // The first sample fits most places, so its refusal tells most.
    Err(refusals.swap_remove(0))
}

fn parse_words(words: &[String], is_inline: bool) -> Result<(), String> {
    let Err(error) = cli::options::Options::try_parse_from(words) else {
        return Ok(());
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(()),
        // A sentence may name a command without its arguments.
        ErrorKind::MissingRequiredArgument
        | ErrorKind::MissingSubcommand
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            if is_inline =>
        {
            Ok(())
        }
        _ => Err(error.to_string().lines().next().unwrap_or_default().to_owned()),
    }
}

/// Fails with the refusal when the command line refuses a command, in any of its alternatives such as `--stock return|keep`.
fn try_command(text: &str, is_inline: bool) -> Result<(), String> {
    let words = split_words(text);
    // Words after `…` show where the omitted words belong, so nothing else may be missing.
    let omits_middle = words.iter().rev().skip(1).any(|word| is_omission(word));
    let most = words.iter().map(|word| word.split('|').count()).max();
    (0..most.unwrap_or(1)).try_for_each(|turn| {
        let choose = |word: &String| {
            let alternatives: Vec<&str> = word.split('|').collect();
            alternatives[turn % alternatives.len()].to_owned()
        };
        let chosen: Vec<String> = words.iter().map(choose).collect();
        try_words(&chosen, is_inline && !omits_middle)
    })
}

#[test]
fn the_command_line_accepts_every_command_of_the_documents() {
    let mentions = find_mentions("connector");
    let refused = mentions.iter().filter_map(|mention| {
        let refusal = try_command(&mention.text, mention.is_inline).err()?;
        Some(format!("{}: `{}`: {refusal}", mention.place, mention.text))
    });
    assert_no_findings(refused, "The command line refuses these: write them as `connector --help` has them.");
}

#[rstest]
#[case("order show <connection> <order>   # what was booked", false, true)]
#[case("connection rebuild <connection> --lost-at <moment of the loss> --wait | jq .", false, true)]
#[case(
    "order settle shop PF-1 --as undo --invoice credit|delete_draft|keep --stock return|keep",
    false,
    true
)]
#[case("order list shop --q 'one text' [--json]", false, true)]
#[case("order show", false, false)]
#[case("order list shop --state blocked|asleep", false, false)]
#[case("connection rebuild shop --lost-at yesterday", false, false)]
#[case("order show", true, true)]
#[case("order display", true, false)]
#[case("order settle … --as handled", true, true)]
#[case("order settle … handled", true, false)]
fn commands_are_accepted_or_refused(#[case] text: &str, #[case] is_inline: bool, #[case] is_accepted: bool) {
    let command = format!("connector {text}");
    assert_eq!(try_command(&command, is_inline).is_ok(), is_accepted);
}
