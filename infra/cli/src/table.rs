//! Tables as wide as the terminal, and how values of the API's JSON are written for people.

use crate::console::Console;
use comfy_table::{Attribute, Cell, Color, ContentArrangement, presets};
use domain::Language;
use domain::money::Cents;
use domain::text;
use serde_json::Value;

pub struct Table(comfy_table::Table);

impl Table {
    /// A table with these headings and no row.
    pub fn new(console: &Console, headings: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table
            .load_preset(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(console.width);
        if console.has_colours {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        let heading = |text: &&str| Cell::new(text.to_uppercase()).add_attribute(Attribute::Bold);
        table.set_header(headings.iter().map(heading));
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        Self(table)
    }

    pub fn add_row(&mut self, cells: Vec<Cell>) {
        self.0.add_row(cells);
    }

    /// The table as text, each line indented by this many spaces.
    pub fn to_text(&self, indent: usize) -> String {
        let lines: Vec<String> = self
            .0
            .lines()
            .map(|line| format!("{:indent$}{}", "", line.trim_end()).trim_end().to_owned())
            .collect();
        lines.join("\n")
    }
}

pub fn text_cell(value: &Value) -> Cell {
    Cell::new(plain_text(value))
}

/// A cell with a number, aligned to the right.
pub fn number_cell(value: String) -> Cell {
    Cell::new(value).set_alignment(comfy_table::CellAlignment::Right)
}

/// A cell with a state: green when all is well, yellow when something is still to come, red when a person is needed.
pub fn state_cell(value: &Value) -> Cell {
    let word = plain_text(value);
    let colour = match word.as_str() {
        "active" | "booked" | "invoiced" | "reversed" | "sent" | "done" | "resolved" => Some(Color::Green),
        "blocked" | "in_doubt" | "conflict" | "problem" | "needs_credentials" | "suspended" | "refused" => {
            Some(Color::Red)
        }
        "waiting" | "due" | "intended" | "open" => Some(Color::Yellow),
        _ => None,
    };
    let cell = Cell::new(word);
    match colour {
        Some(colour) => cell.fg(colour),
        None => cell,
    }
}

/// A value for people; `–` stands for null and for an empty text.
pub fn plain_text(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) if text.is_empty() => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(items) => items.iter().map(plain_text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// A moment in UTC, to the second.
pub fn format_moment(value: &Value) -> String {
    match value.as_str().map(str::parse::<jiff::Timestamp>) {
        Some(Ok(at)) => at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        _ => plain_text(value),
    }
}

/// An amount in euros, from integer cents.
pub fn format_amount(value: &Value) -> String {
    match value.as_i64() {
        Some(cents) => text::format_amount(Cents(cents), Language::EN),
        None => plain_text(value),
    }
}
