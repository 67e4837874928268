//! The reading of Markdown and of commands, tried on a sample.

use tidy::commands::{find_in_block, split_words};
use tidy::markdown::Document;

const SAMPLE: &str = r#"# The `API`, and [more](x.md#y)!

Text with `code over
two lines`, and a [link
text](docs/A.md "title").

## Twice
| a | b |
|---|---|
| `one\|two`, `x, y` | `[no](link)` [yes](#twice-1) |

## Twice
```
# no heading
```
"#;

const BLOCK: &str =
    "$ connector plan \\\n shop\nno prompt; type `connector x`.\n$ connector bad\n(exit code 2)\n";

#[test]
fn a_document_is_split_into_its_parts() {
    let own = |parts: &[(usize, &str)]| -> Vec<(usize, String)> {
        let parts = parts.iter().map(|(number, text)| (*number, (*text).to_owned()));
        parts.collect()
    };
    let document = Document::from_text(SAMPLE);
    let headings = [(1, "The API, and more!"), (2, "Twice"), (2, "Twice")];
    assert_eq!(document.headings, own(&headings));
    let anchors = ["the-api-and-more", "twice", "twice-1"].map(str::to_owned);
    assert_eq!(document.anchors, anchors.into());
    let links = [(1, "x.md#y"), (4, "docs/A.md"), (10, "#twice-1")];
    assert_eq!(document.links, own(&links));
    let in_text = [(1, "API"), (3, "code over two lines")];
    let in_table = [(10, "one|two"), (10, "x, y"), (10, "[no](link)")];
    assert_eq!(document.spans, own(&[&in_text[..], &in_table].concat()));
    assert_eq!(document.blocks, own(&[(14, "# no heading\n")]));
    let row = ["`one|two`, `x, y`", "`[no](link)` [yes](#twice-1)"];
    assert_eq!(document.find_rows_below("The API, and more!"), [row]);
}

#[test]
fn commands_are_found_in_blocks_and_split() {
    let found = [(0, "connector plan  shop", false), (2, "connector x", true)];
    let found = found.map(|(index, text, is_inline)| (index, text.to_owned(), is_inline));
    let mut commands = find_in_block(BLOCK);
    commands.retain(|(_, text, _)| text.starts_with("connector"));
    assert_eq!(commands, found);
    let words = split_words("a <the b> [--c 'd e'] | f # g");
    assert_eq!(words, ["a", "VALUE", "--c", "d e"]);
}
