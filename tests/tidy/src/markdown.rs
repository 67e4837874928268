//! Markdown documents: their headings with anchors, links, code, and tables.

use crate::tree::read_files;
use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};
use std::collections::{BTreeMap, BTreeSet};

/// What the tests look at in a document. Lines count from 1.
#[derive(Debug, Default)]
pub struct Document {
    /// Level, from 1, and title of each heading.
    pub headings: Vec<(usize, String)>,
    /// The anchors that GitHub gives the headings.
    pub anchors: BTreeSet<String>,
    /// Line and target of each link and picture.
    pub links: Vec<(usize, String)>,
    /// First line and text of each block of code.
    pub blocks: Vec<(usize, String)>,
    /// Line and text of each span of code within text.
    pub spans: Vec<(usize, String)>,
    rows: Vec<Row>,
}

/// The headings above a table row, each with its level, and the row's cells as Markdown.
type Row = (Vec<(usize, String)>, Vec<String>);

impl Document {
    pub fn from_text(text: &str) -> Self {
        let line_ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
        let mut document = Self::default();
        let mut above = Vec::new();
        let mut title = String::new();
        let mut cells = Vec::new();
        let mut is_in_block = false;
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            let line = line_ends.partition_point(|end| *end < range.start) + 1;
            match event {
                Event::Start(Tag::Heading { .. }) => title.clear(),
                Event::End(TagEnd::Heading(level)) => {
                    let level = level as usize;
                    above.retain(|(other, _)| *other < level);
                    above.push((level, title.clone()));
                    document.push_heading(level, &title);
                }
                Event::Start(Tag::CodeBlock(_)) => {
                    is_in_block = true;
                    document.blocks.push((line + 1, String::new()));
                }
                Event::End(TagEnd::CodeBlock) => is_in_block = false,
                Event::Text(part) if is_in_block => document.blocks.last_mut().unwrap().1 += &part,
                Event::Text(part) => title += &part,
                Event::Code(code) => {
                    title += &code;
                    let words: Vec<&str> = code.split_whitespace().collect();
                    document.spans.push((line, words.join(" ")));
                }
                Event::Start(Tag::Link { link_type: LinkType::Email, .. }) => {}
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    document.links.push((line, dest_url.into_string()));
                }
                Event::Start(Tag::TableRow) => cells.clear(),
                Event::Start(Tag::TableCell) => cells.push(text[range].trim().replace("\\|", "|")),
                Event::End(TagEnd::TableRow) => document.rows.push((above.clone(), cells.clone())),
                _ => {}
            }
        }
        document
    }

    /// Adds a heading with its anchor as GitHub makes it: lower case, punctuation dropped, spaces as hyphens, repeats numbered.
    fn push_heading(&mut self, level: usize, title: &str) {
        let make_anchor = |title: &str| -> String {
            let mut anchor = title.to_lowercase().replace(' ', "-");
            anchor.retain(|char| char.is_alphanumeric() || matches!(char, '-' | '_'));
            anchor
        };
        let anchor = make_anchor(title);
        let mut earlier = self.headings.clone();
        earlier.retain(|(_, other)| make_anchor(other) == anchor);
        self.anchors.insert(match earlier.len() {
            0 => anchor,
            count => format!("{anchor}-{count}"),
        });
        self.headings.push((level, title.to_owned()));
    }

    /// The rows of all tables below a heading, up to the next heading of its level or above, without their head.
    pub fn find_rows_below(&self, title: &str) -> Vec<Vec<String>> {
        let mut rows = self.rows.clone();
        rows.retain(|(above, _)| above.iter().any(|(_, other)| other == title));
        rows.into_iter().map(|(_, cells)| cells).collect()
    }
}

/// All Markdown files of the repository, by path.
pub fn read_documents() -> BTreeMap<String, Document> {
    let files = read_files("", "md").into_iter();
    let parse = |(path, text): (String, String)| (path, Document::from_text(&text));
    files.map(parse).collect()
}
