//! Rust source, split into code and comments without parsing it, and what the tests look for in it: function names, public
//! types, and functions that return a `Result`.

use std::collections::BTreeSet;

/// The three layers of a source file. Each has the lines of the file; what belongs to another layer is blank.
pub(crate) struct Source {
    /// Without comments, and without the contents of strings and characters.
    pub(crate) code: String,
    /// Without comments, with strings.
    pub(crate) code_and_strings: String,
    /// Comments alone, doc comments among them.
    pub(crate) comments: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Layer {
    Code,
    Literal,
    Comment,
}

impl Source {
    /// Splits the text of a file.
    pub(crate) fn from_text(text: &str) -> Self {
        let mut source =
            Self { code: String::new(), code_and_strings: String::new(), comments: String::new() };
        let chars: Vec<char> = text.chars().collect();
        let mut at = 0;
        while at < chars.len() {
            let (layer, length) = measure_token(&chars, at);
            for &char in &chars[at..at + length] {
                source.push(char, layer);
            }
            at += length;
        }
        source
    }

    fn push(&mut self, char: char, layer: Layer) {
        let keep_if = |kept: bool| if kept || char == '\n' { char } else { ' ' };
        self.code.push(keep_if(layer == Layer::Code));
        self.code_and_strings.push(keep_if(layer != Layer::Comment));
        self.comments.push(keep_if(layer == Layer::Comment));
    }
}

/// The layer and the length, in characters, of what begins at this character.
fn measure_token(chars: &[char], at: usize) -> (Layer, usize) {
    let rest = &chars[at..];
    match rest {
        ['/', '/', ..] => (Layer::Comment, count_until(rest, |char| char == '\n')),
        ['/', '*', ..] => (Layer::Comment, measure_block_comment(rest)),
        ['"', ..] => (Layer::Literal, measure_string(rest)),
        ['r', '#' | '"', ..] if at == 0 || !is_word_char(chars[at - 1]) || follows_prefix(chars, at) => {
            match measure_raw_string(rest) {
                Some(length) => (Layer::Literal, length),
                None => (Layer::Code, 1),
            }
        }
        ['\'', '\\', ..] => (Layer::Literal, measure_escaped_char(rest)),
        ['\'', _, '\'', ..] => (Layer::Literal, 3),
        _ => (Layer::Code, 1),
    }
}

/// Whether the `r` at this place belongs to `br"` or `cr"`.
fn follows_prefix(chars: &[char], at: usize) -> bool {
    matches!(chars[at - 1], 'b' | 'c') && (at == 1 || !is_word_char(chars[at - 2]))
}

fn count_until(chars: &[char], is_end: impl Fn(char) -> bool) -> usize {
    chars.iter().position(|char| is_end(*char)).unwrap_or(chars.len())
}

fn measure_block_comment(chars: &[char]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < chars.len() {
        match &chars[at..] {
            ['/', '*', ..] => {
                depth += 1;
                at += 2;
            }
            ['*', '/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    chars.len()
}

fn measure_string(chars: &[char]) -> usize {
    let mut at = 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// The length of a raw string from its `r` on. `None` when a raw identifier begins here.
fn measure_raw_string(chars: &[char]) -> Option<usize> {
    let hashes = count_until(&chars[1..], |char| char != '#');
    if chars.get(1 + hashes) != Some(&'"') {
        return None;
    }
    let begin = 2 + hashes;
    let is_end = |at: &usize| {
        chars[*at] == '"'
            && chars.get(at + 1..=at + hashes).is_some_and(|tail| tail.iter().all(|char| *char == '#'))
    };
    Some((begin..chars.len()).find(is_end).map_or(chars.len(), |at| at + 1 + hashes))
}

fn measure_escaped_char(chars: &[char]) -> usize {
    // The third character is the escaped one, which may be a quote itself.
    3 + count_until(chars.get(3..).unwrap_or_default(), |char| char == '\'') + 1
}

pub(crate) fn is_word_char(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// The words of a code layer, in order: identifiers, keywords, numbers.
pub(crate) fn split_words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|char| !is_word_char(char)).filter(|word| !word.is_empty())
}

/// Names of all functions: free ones, methods, those of traits and their implementations, and local ones.
pub(crate) fn find_function_names(source: &Source) -> Vec<&str> {
    let mut names = Vec::new();
    for (at, _) in source.code.match_indices("fn ") {
        if source.code[..at].chars().next_back().is_some_and(is_word_char) {
            continue;
        }
        let name = source.code[at + 3..].trim_start();
        let name = name.strip_prefix("r#").unwrap_or(name);
        let name = &name[..name.find(|char| !is_word_char(char)).unwrap_or(name.len())];
        if !name.is_empty() {
            names.push(name);
        }
    }
    names
}

/// Names of all types that are `pub`, those among them that a macro of the same file makes.
pub(crate) fn find_public_types(source: &Source) -> BTreeSet<String> {
    let mut types = BTreeSet::new();
    let words: Vec<&str> = split_words(&source.code).collect();
    for window in words.windows(3) {
        if let ["pub", "struct" | "enum" | "trait" | "type" | "union", name] = window
            && source.code.contains(&format!("{} {name}", window[1]))
        {
            types.insert((*name).to_owned());
        }
    }
    for maker in find_type_macros(&source.code) {
        for (at, call) in source.code.match_indices(&format!("{maker}!")) {
            let arguments = &source.code[at + call.len()..];
            if let Some(name) = split_words(arguments).next() {
                types.insert(name.to_owned());
            }
        }
    }
    types
}

/// Names of the macros that make a public type whose name is an argument.
fn find_type_macros(code: &str) -> Vec<&str> {
    let mut macros = Vec::new();
    for (at, found) in code.match_indices("macro_rules!") {
        let definition = &code[at + found.len()..];
        let end = definition.find("\n}").unwrap_or(definition.len());
        let makes_type = ["pub struct $", "pub enum $"].iter().any(|made| definition[..end].contains(made));
        if let Some(name) = split_words(definition).next()
            && makes_type
        {
            macros.push(name);
        }
    }
    macros
}

/// A public function: its name, the line it stands in, from 1, and whether its docs have a section `# Errors`.
#[derive(Debug, PartialEq)]
pub(crate) struct FallibleFunction {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) documents_errors: bool,
}

/// All `pub fn` that return a `Result`, or a future of one.
pub(crate) fn find_fallible_functions(source: &Source) -> Vec<FallibleFunction> {
    let code: Vec<&str> = source.code.lines().collect();
    let comments: Vec<&str> = source.comments.lines().collect();
    let mut found = Vec::new();
    for (index, line) in code.iter().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_function = words.first() == Some(&"pub") && words.iter().take(4).any(|word| *word == "fn");
        if !is_function {
            continue;
        }
        let declaration = code[index..].join("\n");
        let declaration = &declaration[declaration.find("fn ").unwrap() + 3..];
        if returns_result(declaration) {
            found.push(FallibleFunction {
                name: split_words(declaration).next().unwrap_or_default().to_owned(),
                line: index + 1,
                documents_errors: documents_errors(&code[..index], &comments[..index]),
            });
        }
    }
    found
}

/// Whether the function whose declaration begins here, with its name, returns a `Result`, or a future of one.
fn returns_result(declaration: &str) -> bool {
    let Some(rest) = skip_to_return(declaration) else {
        return false;
    };
    let Some(returned) = rest.trim_start().strip_prefix("->") else {
        return false;
    };
    let end = returned.find(['{', ';']).unwrap_or(returned.len());
    let returned = returned[..end].split(" where ").next().unwrap_or_default().trim();
    let outermost = returned.split('<').next().unwrap_or_default();
    let outermost = outermost.rsplit("::").next().unwrap_or_default().trim();
    outermost == "Result" || (returned.starts_with("impl") && returned.contains("Output = Result"))
}

/// What follows the parameters of a declaration that begins with the function's name.
fn skip_to_return(declaration: &str) -> Option<&str> {
    let mut angles = 0_usize;
    let mut parens = 0_usize;
    let mut before = ' ';
    for (at, char) in declaration.char_indices() {
        match char {
            '<' if parens == 0 => angles += 1,
            // The arrow of a bound such as `F: Fn() -> T` closes nothing.
            '>' if parens == 0 && before != '-' => angles = angles.saturating_sub(1),
            '(' if angles == 0 => parens += 1,
            ')' if angles == 0 => {
                parens = parens.saturating_sub(1);
                if parens == 0 {
                    return Some(&declaration[at + 1..]);
                }
            }
            '{' | ';' if parens == 0 && angles == 0 => return None,
            _ => {}
        }
        before = char;
    }
    None
}

/// Whether the docs right above, with attributes between, have a section `# Errors`.
fn documents_errors(code: &[&str], comments: &[&str]) -> bool {
    let mut inside_attribute = false;
    for (code, comment) in code.iter().zip(comments).rev() {
        let (code, comment) = (code.trim(), comment.trim());
        if code.is_empty() && comment.starts_with("///") {
            if comment.trim_start_matches('/').trim() == "# Errors" {
                return true;
            }
        } else if code.starts_with("#[") {
            inside_attribute = false;
        } else if code.ends_with(']') {
            inside_attribute = true;
        } else if !(inside_attribute || code.is_empty() && comment.starts_with("//")) {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r##"//! Of fn in_docs.
/* fn in_block /* nested */ still_comment */
pub struct Order<'a>(&'a str);
fn read() -> char { let fn_like = "fn in_string // not a comment"; '"' }
fn read_order() { let raw = r#"fn in_raw " "#; let quote = '\''; let bytes = br"fn in_bytes"; }
impl Order<'_> { async fn r#try(self) {} }
type Callback = fn (u8);
macro_rules! text_id {
    ($name:ident) => {
        pub struct $name(String);
    };
}
text_id!(
    /// Docs.
    Sku
);
pub(crate) enum Hidden {}
pub enum Shown {}
"##;

    #[test]
    fn function_names_are_found_in_code_alone() {
        let source = Source::from_text(SAMPLE);
        assert_eq!(find_function_names(&source), ["read", "read_order", "try"]);
        assert!(source.comments.contains("in_block") && source.comments.contains("still_comment"));
        assert!(!source.comments.contains("not a comment"));
        assert!(source.code_and_strings.contains("not a comment"));
        assert_eq!(source.code.lines().count(), SAMPLE.lines().count());
    }

    #[test]
    fn public_types_are_found_also_when_a_macro_makes_them() {
        let types = find_public_types(&Source::from_text(SAMPLE));
        assert_eq!(types.into_iter().collect::<Vec<_>>(), ["Order", "Shown", "Sku"]);
    }

    #[test]
    fn functions_that_return_a_result_are_told_from_others() {
        let text = r"
/// Reads.
///
/// # Errors
/// Never.
#[expect(
    clippy::x,
    reason = ' '
)]
pub fn documented<F: Fn(u8) -> u8>(f: F) -> Result<u8, ()> {}
/// Reads.
pub async fn undocumented(
    a: (u8, u8),
) -> std::io::Result<()> {}
pub fn maybe(a: Result<u8, ()>) -> Option<Result<u8, ()>> {}
pub fn future() -> impl Future<Output = Result<u8, ()>> {}
pub fn nothing(a: u8) { let x: Result<u8, ()>; }
fn private() -> Result<u8, ()> {}
";
        let found: Vec<_> = find_fallible_functions(&Source::from_text(text))
            .into_iter()
            .map(|function| (function.name, function.line, function.documents_errors))
            .collect();
        assert_eq!(
            found,
            [
                ("documented".to_owned(), 10, true),
                ("undocumented".to_owned(), 12, false),
                ("future".to_owned(), 16, false),
            ]
        );
    }
}
