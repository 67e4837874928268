//! Commands in the documents: the command line accepts each `connector …`, and the justfile has each `just …`.

use crate::assert_no_findings;
use crate::markdown::{Document, read_documents};
use crate::tree::read_text;
use clap::Parser as _;
use clap::error::ErrorKind;
use std::collections::BTreeSet;

/// What a placeholder such as `<connection>` or `NAME` may stand for. A command is accepted when one of them is.
const SAMPLES: [&str; 6] =
    ["sample", "1", "2026-01-02T03:04:05Z", "orders", "b2c_client_id=5", "https://example.com"];

/// A command as a document names it.
#[derive(Debug, PartialEq)]
struct Mention {
    line: usize,
    text: String,
    /// Whether the command is named within a sentence, where its arguments may be left out.
    is_inline: bool,
}

/// One word of a command.
#[derive(Debug, Clone, PartialEq)]
enum Word {
    Plain(String),
    /// One word that the reader fills in.
    Placeholder,
    /// Any number of words that are left out: `…`.
    Omitted,
}

/// All commands of a document that begin with this program's name.
fn find_mentions(document: &Document, program: &str) -> Vec<Mention> {
    let starts = |text: &str| text.strip_prefix(program).is_some_and(|rest| rest.starts_with(' '));
    let mut mentions = Vec::new();
    for span in &document.spans {
        if starts(&span.text) {
            mentions.push(Mention { line: span.line, text: span.text.clone(), is_inline: true });
        }
    }
    for block in &document.blocks {
        let has_prompts = block.text.lines().any(|line| line.starts_with("$ "));
        let lines: Vec<&str> = block.text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let command = if has_prompts { line.strip_prefix("$ ") } else { Some(line.trim_start()) };
            if let Some(command) = command {
                // What is shown to be refused may be wrong.
                let shown = lines[index + 1..].iter().take_while(|line| !line.starts_with("$ "));
                if starts(command) && !shown.clone().any(|line| *line == "(exit code 2)") {
                    mentions.push(Mention {
                        line: block.line + index,
                        text: join_continued(command, &lines[index + 1..]),
                        is_inline: false,
                    });
                }
            } else {
                // Output names commands in backticks.
                for named in line.split('`').skip(1).step_by(2).filter(|named| starts(named)) {
                    mentions.push(Mention {
                        line: block.line + index,
                        text: named.to_owned(),
                        is_inline: true,
                    });
                }
            }
        }
    }
    mentions
}

/// A command with the lines that it goes on in, after a backslash.
fn join_continued(command: &str, following: &[&str]) -> String {
    let mut whole = command.to_owned();
    let mut following = following.iter();
    while let Some(begun) = whole.strip_suffix('\\') {
        whole = format!("{begun}{}", following.next().unwrap_or(&""));
    }
    whole
}

/// The words of a command, as a shell splits them, up to a pipe, a redirection or a comment.
fn split_command(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, length) = match first {
            '<' => match rest.find('>') {
                Some(end) if !rest.starts_with("< ") => (Word::Placeholder, end + 1),
                _ => break,
            },
            '\'' | '"' => {
                let end = rest[1..].find(first).map_or(rest.len(), |end| end + 2);
                (Word::Plain(rest[1..end].trim_end_matches(first).to_owned()), end)
            }
            '#' | '|' | '>' | '&' | ';' => break,
            _ => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                (classify_word(&rest[..end]), end)
            }
        };
        words.push(word);
        rest = rest[length..].trim_start();
    }
    words
}

/// A word in capitals, `KEY=VALUE` or `[KEY]` is a placeholder.
fn classify_word(word: &str) -> Word {
    let bare = word.trim_matches(['[', ']', '.']);
    let is_capital = |char: char| char.is_ascii_uppercase() || matches!(char, '_' | '=');
    if bare == "…" || bare.is_empty() {
        Word::Omitted
    } else if bare.len() > 1 && bare.chars().all(is_capital) {
        Word::Placeholder
    } else {
        Word::Plain(word.trim_matches(['[', ']']).to_owned())
    }
}

/// Every way to write a command that names alternatives, such as `--stock return|keep`.
fn expand_alternatives(words: &[Word]) -> Vec<Vec<Word>> {
    let split = |word: &Word| match word {
        Word::Plain(text) if text.contains('|') => text.split('|').map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let most = words.iter().map(|word| split(word).len()).max().unwrap_or_default();
    let choose = |word: &Word, turn: usize| match split(word).as_slice() {
        [] => word.clone(),
        alternatives => Word::Plain(alternatives[turn % alternatives.len()].clone()),
    };
    (0..most.max(1)).map(|turn| words.iter().map(|word| choose(word, turn)).collect()).collect()
}

/// Whether the command line accepts the words, with some sample for each placeholder. `Err` holds why it does not.
fn try_words(words: &[Word], is_inline: bool) -> Result<(), String> {
    let Some(open) = words.iter().position(|word| !matches!(word, Word::Plain(_))) else {
        let arguments = words.iter().map(|word| match word {
            Word::Plain(text) => text.as_str(),
            Word::Placeholder | Word::Omitted => unreachable!("filled in before"),
        });
        return parse_arguments(arguments, is_inline);
    };
    let mut fillings: Vec<Vec<&str>> = SAMPLES.iter().map(|sample| vec![*sample]).collect();
    if words[open] == Word::Omitted {
        fillings.push(Vec::new());
        fillings.push(vec!["sample", "sample"]);
    }
    let mut refusal = String::new();
    for filling in fillings {
        let mut filled = words[..open].to_vec();
        filled.extend(filling.iter().map(|sample| Word::Plain((*sample).to_owned())));
        filled.extend_from_slice(&words[open + 1..]);
        match try_words(&filled, is_inline) {
            Ok(()) => return Ok(()),
            // The first sample fits most places, so its refusal tells most.
            Err(told) if refusal.is_empty() => refusal = told,
            Err(_) => {}
        }
    }
    Err(refusal)
}

fn parse_arguments<'a>(arguments: impl Iterator<Item = &'a str>, is_inline: bool) -> Result<(), String> {
    let Err(error) = cli::options::Options::try_parse_from(arguments) else {
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

/// Why the command line refuses what a document names. `None` when it accepts it.
fn judge_command(mention: &Mention) -> Option<String> {
    let words = split_command(&mention.text);
    // Words after `…` show where the omitted ones belong, so nothing else may be missing.
    let omits_middle = words.iter().rev().skip(1).any(|word| *word == Word::Omitted);
    expand_alternatives(&words)
        .iter()
        .find_map(|words| try_words(words, mention.is_inline && !omits_middle).err())
}

/// Names of all recipes of a justfile.
fn find_recipes(justfile: &str) -> BTreeSet<&str> {
    justfile
        .lines()
        .filter(|line| line.starts_with(|char: char| char.is_ascii_lowercase() || char == '@'))
        .filter_map(|line| line.split_once(':'))
        .filter(|(_, rest)| !rest.starts_with('='))
        .filter_map(|(head, _)| head.trim_start_matches('@').split_whitespace().next())
        .collect()
}

#[test]
fn the_command_line_accepts_every_command_of_the_documents() {
    let mut count = 0;
    let mut findings = Vec::new();
    for (path, document) in read_documents() {
        for mention in find_mentions(&document, "connector") {
            count += 1;
            if let Some(refusal) = judge_command(&mention) {
                findings.push(format!("{path}:{}: `{}`: {refusal}", mention.line, mention.text));
            }
        }
    }
    assert!(count > 50, "only {count} commands were found in the documents");
    assert_no_findings(
        &findings,
        "The command line refuses these: write them as `connector --help` has them.",
    );
}

#[test]
fn the_justfile_has_every_recipe_of_the_documents() {
    let justfile = read_text("justfile");
    let recipes = find_recipes(&justfile);
    let mut count = 0;
    let mut findings = Vec::new();
    for (path, document) in read_documents() {
        for mention in find_mentions(&document, "just") {
            count += 1;
            match split_command(&mention.text).get(1) {
                Some(Word::Plain(recipe)) if !recipes.contains(recipe.as_str()) => {
                    findings.push(format!("{path}:{}: `{}`", mention.line, mention.text));
                }
                _ => {}
            }
        }
    }
    assert!(count > 10, "only {count} recipes were found in the documents");
    assert_no_findings(&findings, "The justfile has no such recipe: name one of `just --list`.");
}

#[test]
fn commands_are_found_in_spans_blocks_and_output() {
    let text = "Try `connector order show`, not `connectors x`.\n\n```\n$ connector plan shop\nconnector is no prompt; type \
                `connector health`.\n$ connector bad\n(exit code 2)\n```\n\n```\ncargo x\nconnector a \\\n  b\n```\n";
    let document = Document::from_text(text);
    let found: Vec<_> = find_mentions(&document, "connector")
        .into_iter()
        .map(|mention| (mention.line, mention.text, mention.is_inline))
        .collect();
    assert_eq!(
        found,
        [
            (1, "connector order show".to_owned(), true),
            (4, "connector plan shop".to_owned(), false),
            (5, "connector health".to_owned(), true),
            (12, "connector a   b".to_owned(), false),
        ]
    );
}

#[test]
fn commands_are_accepted_or_refused() {
    let judge = |text: &str, is_inline| judge_command(&Mention { line: 1, text: text.to_owned(), is_inline });
    for good in [
        "connector order show <connection> <order>   # what was booked",
        "connector connection rebuild <connection> --lost-at <moment of the loss> --wait | jq .",
        "connector dead-letters redrive QUEUE > /dev/null",
        "connector connection set <connection> …",
        "connector order settle shop PF-1 --as undo --invoice credit|delete_draft|keep --stock return|keep",
        "connector --help",
        "connector order list shop --q 'one text' [--json]",
    ] {
        assert_eq!(judge(good, false), None, "{good}");
    }
    for bad in [
        "connector order show",
        "connector order display shop PF-1",
        "connector order list shop --sate blocked",
        "connector order list shop --state blocked|asleep",
        "connector connection rebuild shop --lost-at yesterday",
        "connector plan shop one two",
    ] {
        assert!(judge(bad, false).is_some(), "{bad}");
    }
    assert_eq!(judge("connector order show", true), None);
    assert_eq!(judge("connector order", true), None);
    assert!(judge("connector order display", true).is_some());
    assert!(judge("connector order show --al", true).is_some());
    assert_eq!(judge("connector order choose shop …", true), None);
    assert_eq!(judge("connector order settle … --as handled", true), None);
    assert!(judge("connector order settle … handled", true).is_some());
}

#[test]
fn recipes_are_found_in_a_justfile() {
    let recipes = find_recipes(
        "# a: b\nname := 'x'\n[private]\ndefault:\n    @just --list: x\nrun *args: build\n@quiet x=\"1\":\n",
    );
    assert_eq!(recipes.into_iter().collect::<Vec<_>>(), ["default", "quiet", "run"]);
}
