//! Commands that documents name, and the words of a command.

use crate::markdown::read_documents;
use regex::Regex;

/// A command as a document names it.
#[derive(Debug)]
pub struct Mention {
    /// Path of the document and line, for a finding.
    pub place: String,
    pub text: String,
    /// Whether the command is named within a sentence, where its arguments may be left out.
    pub is_inline: bool,
}

/// All commands of the documents that begin with this program's name.
pub fn find_mentions(program: &str) -> Vec<Mention> {
    let mut mentions = Vec::new();
    for (path, document) in read_documents() {
        let mut push = |line: usize, text: &str, is_inline| {
            let (place, text) = (format!("{path}:{line}"), text.to_owned());
            mentions.push(Mention { place, text, is_inline });
        };
        for (line, text) in &document.spans {
            push(*line, text, true);
        }
        for (line, text) in &document.blocks {
            for (index, text, is_inline) in find_in_block(text) {
                push(line + index, &text, is_inline);
            }
        }
    }
    mentions.retain(|mention| mention.text.starts_with(&format!("{program} ")));
    assert!(mentions.len() > 10, "only {mentions:?} were found in the documents");
    mentions
}

/// The lines that are typed: after `$ ` where the block has such prompts, else all; and what its output has in backticks.
pub fn find_in_block(block: &str) -> Vec<(usize, String, bool)> {
    let lines: Vec<&str> = block.lines().collect();
    let is_prompt = |line: &&str| line.starts_with("$ ");
    let has_prompts = lines.iter().any(is_prompt);
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let mut output = lines[index + 1..].iter().take_while(|line| !is_prompt(line));
        if has_prompts && !is_prompt(line) {
            let named = line.split('`').skip(1).step_by(2);
            found.extend(named.map(|named| (index, named.to_owned(), true)));
        } else if !output.any(|line| *line == "(exit code 2)") {
            // A command that is shown to be refused may be wrong. A backslash continues a command in the next line.
            let typed = lines[index..].join("\n").replace("\\\n", "");
            let typed = typed.lines().next().unwrap_or_default().trim_start();
            let typed = typed.strip_prefix("$ ").unwrap_or(typed);
            found.push((index, typed.to_owned(), false));
        }
    }
    found
}

/// The words of a command as a shell splits them, up to a pipe, a redirection or a comment. Placeholders are in capitals.
pub fn split_words(command: &str) -> Vec<String> {
    let placeholder = Regex::new("<[^<> ][^<>]*>").unwrap();
    let words = shlex::split(&placeholder.replace_all(command, "VALUE"));
    let mut words = words.unwrap_or_else(|| panic!("a quote does not end: {command}"));
    let end = |word: &String| word.starts_with(['|', '>', '<', '&', ';']);
    words.truncate(words.iter().position(end).unwrap_or(words.len()));
    words.iter().map(|word| word.trim_matches(['[', ']']).to_owned()).collect()
}
