//! The JSON of an order in the API: its state and why, its effects and its problems, in the connection's language.

use crate::problem_json::render_problems_json;
use domain::Language;
use domain::ledger::{ArticleChoice, Direction, InvoiceProgress, Ledger, Row, RowEffect, RowState};
use domain::money::Cents;
use domain::text;
use serde_json::{Value, json};
use store::model::OrderRecord;

/// The JSON of an order.
pub(crate) fn render_order_json(record: &OrderRecord, language: Language) -> Value {
    let ledger = &record.ledger;
    let explanation: Vec<String> = record
        .explanation
        .iter()
        .map(|sentence| text::render_explanation(&sentence.code, &sentence.args, language))
        .collect();
    let problems = render_problems_json(record.problems.iter().chain(&record.differences), language);
    let effects: Vec<Value> = ledger.rows.iter().filter_map(|row| render_effect_json(ledger, row)).collect();
    let lines: Vec<Value> = record
        .facts
        .iter()
        .flat_map(|facts| &facts.lines)
        .map(|line| {
            json!({
                "line": line.id, "sku": line.sku, "quantity": line.quantity,
                "total_cents": line.price.0, "vat_code": line.vat_code,
            })
        })
        .collect();
    let choices: Vec<Value> = ledger
        .choices
        .iter()
        .map(|choice| {
            let mut shown = json!({ "line": choice.line, "at": choice.at });
            if let Some(tariff) = &choice.vat_tariff_id {
                shown["vat_tariff_id"] = json!(tariff);
            }
            match &choice.article {
                Some(ArticleChoice::Article(id)) => shown["article_id"] = json!(id),
                Some(ArticleChoice::None) => shown["article_id"] = Value::Null,
                None => {}
            }
            shown
        })
        .collect();
    let settlements: Vec<Value> = ledger
        .settlements
        .iter()
        .map(|done| {
            let mut shown =
                json!({ "as": done.kind, "by": done.by, "at": done.at, "robaws_id": done.robaws_id });
            if let Some(invoice) = &done.invoice {
                shown["invoice"] = json!(invoice);
            }
            if let Some(stock) = &done.stock {
                shown["stock"] = json!(stock);
            }
            shown
        })
        .collect();
    json!({
        "identifier": ledger.identifier,
        "reference": record.external_identifier.as_deref().unwrap_or(ledger.identifier.as_str()),
        "marketplace": record.marketplace,
        "status": record.status,
        "state": record.state.as_str(),
        "explanation": explanation.join(" "),
        "effects": effects,
        "problems": problems,
        "lines": lines,
        "choices": choices,
        "settlements": settlements,
        "total_cents": record.total.map(|cents| cents.0),
        "placed_at": record.placed_at,
        "next_look_at": record.due.map(|due| due.at),
        "updated_at": record.updated_at,
    })
}

/// The JSON of one row of the ledger. `None` for the deletion of a draft, which shows as the state of its invoice.
fn render_effect_json(ledger: &Ledger, row: &Row) -> Option<Value> {
    Some(match &row.effect {
        RowEffect::StockChange { direction, stock_location_id, items } => {
            let direction = match direction {
                Direction::Out => "out",
                Direction::In => "in",
            };
            let lines: Vec<Value> = items
                .iter()
                .map(|item| json!({ "sku": item.sku, "article_id": item.article_id, "quantity": item.quantity }))
                .collect();
            json!({
                "kind": "stock_change", "direction": direction, "stock_location_id": stock_location_id,
                "lines": lines, "robaws_id": row.robaws_id, "state": effect_state(row), "reason": row.reason, "at": row.at,
            })
        }
        RowEffect::Invoice { total, progress } => {
            let mut shown = render_document_json("invoice", row, *total, progress);
            if let Some(deletion) = ledger.find_deletion_of(row.no) {
                shown["state"] = json!("deleted");
                shown["deleted_at"] = json!(deletion.at);
            }
            shown
        }
        RowEffect::CreditNote { total, progress, .. } => {
            render_document_json("credit_note", row, *total, progress)
        }
        // A deletion that is done shows as the state of its invoice; of one that is not done the explanation says why.
        RowEffect::DeleteDraft { .. } => return None,
    })
}

fn render_document_json(kind: &str, row: &Row, total: Cents, progress: &InvoiceProgress) -> Value {
    json!({
        "kind": kind, "robaws_id": row.robaws_id, "number": progress.number, "booked": progress.booked,
        "total_cents": total.0, "state": effect_state(row), "reason": row.reason, "at": row.at,
    })
}

/// The state of an effect as the API names it: `intended`, `done`, `refused` or `in_doubt`.
///
/// An effect whose outcome is unknown is `intended`, and so is an invoice or credit note whose lines or check are still missing.
pub(crate) fn effect_state(row: &Row) -> &'static str {
    let is_unfinished = row.effect.progress().is_some_and(InvoiceProgress::is_unfinished);
    match row.state {
        RowState::Done if is_unfinished => "intended",
        RowState::Done => "done",
        RowState::Refused => "refused",
        RowState::InDoubt => "in_doubt",
        RowState::Intended | RowState::Unknown => "intended",
    }
}
