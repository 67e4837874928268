//! Markdown, as far as the documents of this repository use it: headings with their anchors, links, code, and tables.

use crate::tree::{list_files_below, read_text};
use std::collections::{BTreeMap, BTreeSet};

/// A fenced block of code, or a span of code within text, with the line where it begins, from 1.
#[derive(Debug, PartialEq)]
pub(crate) struct Code {
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// A document, split into what is code and what is text.
pub(crate) struct Document {
    /// The lines, of which those in fenced blocks are blank.
    text_lines: Vec<String>,
    pub(crate) blocks: Vec<Code>,
    pub(crate) spans: Vec<Code>,
}

impl Document {
    pub(crate) fn from_text(text: &str) -> Self {
        let mut text_lines = Vec::new();
        let mut blocks: Vec<Code> = Vec::new();
        let mut fence: Option<String> = None;
        for (index, line) in text.lines().enumerate() {
            let ticks: String = line.trim_start().chars().take_while(|char| *char == '`').collect();
            match &fence {
                Some(open) if ticks.len() >= open.len() && line.trim() == ticks => fence = None,
                Some(_) => {
                    if let Some(block) = blocks.last_mut() {
                        block.text.push_str(line);
                        block.text.push('\n');
                    }
                }
                None if ticks.len() >= 3 => {
                    fence = Some(ticks);
                    blocks.push(Code { line: index + 2, text: String::new() });
                }
                None => {
                    text_lines.push(line.to_owned());
                    continue;
                }
            }
            text_lines.push(String::new());
        }
        assert!(fence.is_none(), "a block of code does not end");
        let spans = find_spans(&text_lines);
        Self { text_lines, blocks, spans }
    }

    /// Headings with their level, from 1, in order.
    pub(crate) fn headings(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text_lines.iter().filter_map(|line| {
            let level = line.chars().take_while(|char| *char == '#').count();
            let title = line[level..].strip_prefix(' ')?;
            (1..=6).contains(&level).then(|| (level, title.trim()))
        })
    }

    /// The anchors that GitHub gives the headings, and those that are written as HTML.
    pub(crate) fn anchors(&self) -> BTreeSet<String> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut anchors = BTreeSet::new();
        for (_, title) in self.headings() {
            let anchor = make_anchor(title);
            let count = seen.entry(anchor.clone()).or_default();
            anchors.insert(if *count == 0 { anchor } else { format!("{anchor}-{count}") });
            *count += 1;
        }
        for line in &self.text_lines {
            for opening in ["id=\"", "name=\""] {
                for part in line.split(opening).skip(1) {
                    anchors.extend(part.split('"').next().map(str::to_owned));
                }
            }
        }
        anchors
    }

    /// Targets of all links and pictures, with the line in which the target stands.
    pub(crate) fn links(&self) -> Vec<(usize, String)> {
        let mut links = Vec::new();
        for (index, line) in self.text_lines.iter().enumerate() {
            let line = blank_spans(line);
            for part in line.split("](").skip(1) {
                if let Some((target, _)) = part.split_once(')') {
                    links.push((index + 1, clean_target(target)));
                }
            }
            if let Some(definition) = line.strip_prefix('[')
                && let Some((_, target)) = definition.split_once("]: ")
            {
                links.push((index + 1, clean_target(target)));
            }
        }
        links
    }

    /// The rows of all tables below a heading, up to the next heading of its level or above, without their head.
    pub(crate) fn rows_below(&self, title: &str) -> Vec<Vec<String>> {
        let mut level = 0;
        let mut rows = Vec::new();
        let mut table: Vec<Vec<String>> = Vec::new();
        for line in &self.text_lines {
            let hashes = line.chars().take_while(|char| *char == '#').count();
            if hashes > 0 {
                if line[hashes..].trim() == title {
                    level = hashes;
                } else if hashes <= level {
                    break;
                }
            } else if level > 0 && line.starts_with('|') {
                table.push(split_cells(line));
                continue;
            }
            rows.extend(table.drain(..).skip(2));
        }
        rows.extend(table.drain(..).skip(2));
        rows
    }
}

/// All Markdown files of the repository, by path.
pub(crate) fn read_documents() -> BTreeMap<String, Document> {
    list_files_below(&[""], "md")
        .into_iter()
        .map(|path| {
            let document = Document::from_text(&read_text(&path));
            (path, document)
        })
        .collect()
}

/// The spans of code of the lines. A span may go over a line's end, and never over a blank line.
fn find_spans(lines: &[String]) -> Vec<Code> {
    let mut spans = Vec::new();
    let mut first = 0;
    for paragraph in lines.split(|line| line.trim().is_empty()) {
        let text = paragraph.join("\n");
        for (begin, end) in locate_spans(&text) {
            let code = text[begin..end].split_whitespace().collect::<Vec<_>>().join(" ");
            spans.push(Code {
                line: first + 1 + text[..begin].matches('\n').count(),
                text: code.replace("\\|", "|"),
            });
        }
        first += paragraph.len() + 1;
    }
    spans
}

/// Begin and end of what stands between backticks, without them.
fn locate_spans(text: &str) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, _) in text.match_indices('`') {
        match runs.last_mut() {
            Some((begin, length)) if *begin + *length == at => *length += 1,
            _ => runs.push((at, 1)),
        }
    }
    let mut spans = Vec::new();
    let mut next = 0;
    while next < runs.len() {
        let (begin, length) = runs[next];
        let closing = runs[next + 1..].iter().position(|run| run.1 == length);
        if let Some(distance) = closing {
            next += 1 + distance;
            spans.push((begin + length, runs[next].0));
        }
        next += 1;
    }
    spans
}

/// The line with its spans of code blank, so that no link is seen in them.
fn blank_spans(line: &str) -> String {
    let mut blank = line.to_owned();
    for (begin, end) in locate_spans(line) {
        blank.replace_range(begin..end, &" ".repeat(end - begin));
    }
    blank
}

/// A link's target without its title and angle brackets.
fn clean_target(target: &str) -> String {
    let target = target.split(" \"").next().unwrap_or_default().trim();
    target.trim_start_matches('<').trim_end_matches('>').to_owned()
}

/// The anchor of a heading, as GitHub makes it: lower case, punctuation dropped, spaces as hyphens.
pub(crate) fn make_anchor(title: &str) -> String {
    let mut shown = String::new();
    let mut rest = title;
    // Of a link only the text is shown.
    while let Some((before, after)) = rest.split_once("](") {
        shown.push_str(before);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    shown.push_str(rest);
    shown
        .to_lowercase()
        .chars()
        .filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'))
        .map(|char| if char == ' ' { '-' } else { char })
        .collect()
}

/// The cells of a table's row; `\|` within a cell is a bar.
fn split_cells(line: &str) -> Vec<String> {
    let line = line.trim().trim_start_matches('|').replace("\\|", "\u{0}");
    let line = line.strip_suffix('|').unwrap_or(&line);
    line.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect()
}

/// What a cell lists: parts between commas. A part in backticks is taken as it is, commas included.
pub(crate) fn split_list(cell: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut is_code = false;
    for char in cell.chars() {
        match char {
            '`' => is_code = !is_code,
            ',' if !is_code => parts.push(std::mem::take(&mut part)),
            _ => part.push(char),
        }
    }
    parts.push(part);
    parts.into_iter().map(|part| part.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "\
# The `API`, and [more](x.md#y)!

Text with `code over
two lines`, a [link
text](docs/A.md \"title\") and ``a ` tick``.

```
# no heading
$ connector `x`
```

## Twice
| a | b |
|---|---|
| `one\\|two`, `x, y` | `[no](link)` [yes](#twice-1) |

## Twice
### Below

[ref]: <docs/B.md>
";

    #[test]
    fn a_document_is_split_into_its_parts() {
        let document = Document::from_text(SAMPLE);
        let titles: Vec<_> = document.headings().collect();
        assert_eq!(titles[0], (1, "The `API`, and [more](x.md#y)!"));
        assert_eq!(titles[1..], [(2, "Twice"), (2, "Twice"), (3, "Below")]);
        let anchors: Vec<_> = document.anchors().into_iter().collect();
        assert_eq!(anchors, ["below", "the-api-and-more", "twice", "twice-1"]);
        assert_eq!(document.blocks, [Code { line: 8, text: "# no heading\n$ connector `x`\n".to_owned() }]);
        let spans: Vec<_> = document.spans.iter().map(|span| (span.line, span.text.as_str())).collect();
        assert_eq!(
            spans,
            [
                (1, "API"),
                (3, "code over two lines"),
                (5, "a ` tick"),
                (15, "one|two"),
                (15, "x, y"),
                (15, "[no](link)")
            ]
        );
        let links: Vec<_> = document.links();
        let links: Vec<_> = links.iter().map(|(line, target)| (*line, target.as_str())).collect();
        assert_eq!(links, [(1, "x.md#y"), (5, "docs/A.md"), (15, "#twice-1"), (20, "docs/B.md")]);
    }

    #[test]
    fn a_table_belongs_to_its_heading() {
        let document = Document::from_text(SAMPLE);
        assert_eq!(document.rows_below("Twice"), [["`one|two`, `x, y`", "`[no](link)` [yes](#twice-1)"]]);
        assert!(document.rows_below("Below").is_empty());
        assert_eq!(split_list("`one|two`, `x, y`, none"), ["one|two", "x, y", "none"]);
    }
}
