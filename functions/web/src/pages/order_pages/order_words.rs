//! The texts about an order that the list, the page and the month's file share.

use super::super::layout::Layout;
use super::super::texts;
use crate::config::Deps;
use crate::robaws_web::RobawsRecord;
use domain::Language;
use domain::ids::{DocumentId, Sku};
use domain::ledger::{OrderState, Row, RowEffect, RowState};
use domain::order::LineFacts;
use domain::plan::effect_name;
use domain::text;
use store::model::{OpenProblem, OrderRecord};

/// A link and its text.
pub struct Link {
    pub href: String,
    pub text: String,
}

/// Longest text shown of what a peer or a person wrote, in characters.
const MOST_CHARACTERS: usize = 120;

/// Shortens a text that a peer or a person wrote, such as a SKU, to what a page can hold.
pub fn shorten_text(text: &str) -> String {
    cut_text(text, MOST_CHARACTERS)
}

/// The first `most` characters of a text, and an ellipsis when more were cut off.
pub fn cut_text(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

/// Name of the state among the texts. An order closed as handled and a draft invoice have names of their own.
fn state_name(record: &OrderRecord) -> &'static str {
    match record.state {
        OrderState::Skipped if record.ledger.handled.is_some() => "settled",
        OrderState::Invoiced if record.ledger.find_invoice().is_some_and(|(_, invoice)| !invoice.booked) => {
            "invoiced_draft"
        }
        state => state.as_str(),
    }
}

/// The state in the reader's language.
pub fn state_text(record: &OrderRecord, language: Language) -> &'static str {
    let name = state_name(record);
    texts::find_text("order_state", name, language).unwrap_or(name)
}

/// Class of the colour of a state.
pub fn state_class(record: &OrderRecord) -> &'static str {
    match record.state {
        OrderState::InDoubt | OrderState::Conflict | OrderState::Blocked => "bad",
        OrderState::Waiting => "wait",
        OrderState::Invoiced | OrderState::Reversed | OrderState::Booked => "good",
        OrderState::Skipped => "",
    }
}

/// The status at ProductFlow in the reader's language; an unknown status word is quoted.
pub fn status_text(record: &OrderRecord, language: Language) -> String {
    let word = record.status.as_str();
    if word.is_empty() {
        return "–".to_owned();
    }
    match texts::find_text("order_status", word, language) {
        Some(text) if word != "other" => text.to_owned(),
        _ => texts::fill_text("order_status.other", &[("status", &shorten_text(word))], language),
    }
}

/// The open problems of an order, and the differences that the nightly check found.
pub fn open_problems(record: &OrderRecord) -> impl Iterator<Item = &OpenProblem> {
    record.problems.iter().chain(&record.differences)
}

/// The sentences that say why the order is in its state.
pub fn explanation_text(record: &OrderRecord, language: Language) -> String {
    let sentences: Vec<String> = record
        .explanation
        .iter()
        .map(|sentence| text::render_explanation(&sentence.code, &sentence.args, language))
        .collect();
    sentences.join(" ")
}

/// Why the order is in its state, at the length of the list: title of the first problem, else the explanation.
pub fn reason_text(record: &OrderRecord, page: &Layout) -> String {
    let first = open_problems(record).next();
    let reason = match first {
        Some(open) => text::render_problem(&open.problem, page.language).title,
        None => explanation_text(record, page.language),
    };
    page.typeset_text(&cut_text(&reason, 300))
}

pub fn country_text(record: &OrderRecord, language: Language) -> String {
    let code = record.country.as_deref();
    code.map_or_else(|| "–".to_owned(), |code| text::country_name(code, language))
}

/// The kind of record that an effect makes in Robaws.
fn record_of_effect(effect: &RowEffect) -> RobawsRecord {
    match effect {
        RowEffect::StockChange { .. } => RobawsRecord::StockChange,
        RowEffect::Invoice { .. } | RowEffect::CreditNote { .. } | RowEffect::DeleteDraft { .. } => {
            RobawsRecord::SalesInvoice
        }
    }
}

/// What people find the document of a row by: its number, else its id.
pub fn document_number(row: &Row) -> Option<String> {
    let number = row.effect.progress().and_then(|progress| progress.number.as_deref());
    let id = row.robaws_id.as_ref().map(DocumentId::as_str);
    number.or(id).map(str::to_owned)
}

/// What a row does, in the reader's language.
pub fn effect_text(row: &Row, language: Language) -> String {
    text::effect_label(effect_name(&row.effect), language)
}

/// The link with this text to the document of a row in Robaws.
pub fn document_link(row: &Row, text: String, deps: &Deps) -> Option<Link> {
    let id = row.robaws_id.as_ref()?;
    Some(Link { href: deps.robaws_link(record_of_effect(&row.effect), id.as_str()), text })
}

/// The rows whose document stands in Robaws.
pub fn rows_in_robaws(record: &OrderRecord) -> impl Iterator<Item = &Row> {
    record.ledger.rows.iter().filter(|row| row.state == RowState::Done && row.robaws_id.is_some())
}

/// A line as people tell it from others: line id, article number and pieces.
pub fn line_name(line: &LineFacts, page: &Layout) -> String {
    let number = line.sku.as_ref().map(Sku::as_str);
    let number = number.unwrap_or(page.text_for("order.without_number"));
    let pieces = line.quantity.to_string();
    page.fill_text(
        "order.line_name",
        &[("line", line.id.as_str()), ("number", &shorten_text(number)), ("quantity", &pieces)],
    )
}

/// The lines of an order as they were last read from ProductFlow.
pub fn order_lines(record: &OrderRecord) -> &[LineFacts] {
    record.facts.as_ref().map_or(&[], |facts| &facts.lines)
}
