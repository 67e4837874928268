//! What happened to an order, oldest first: what was read, each effect in Robaws, and what people chose and decided.

use super::super::layout::Layout;
use super::super::visit::Visit;
use super::order_words::{self, Link};
use crate::order_json;
use domain::ids::DocumentId;
use domain::ledger::{ArticleChoice, Choice, Row, RowEffect, Settlement};
use domain::problem::{Args, build_args};
use domain::text;
use jiff::Timestamp;
use store::model::OrderRecord;

/// Most events shown, the newest of them.
const MOST_EVENTS: usize = 40;
/// Most lines shown of one stock change.
const MOST_ITEMS: usize = 10;

pub struct TimelineEvent {
    at: Timestamp,
    /// The moment as the reader's language writes it.
    pub when: String,
    pub what: String,
    pub document: Option<Link>,
    /// Details of the event, one per line.
    pub details: Vec<String>,
    /// The state of an effect: class of its colour, and text.
    pub state: Option<(&'static str, String)>,
}

/// Lists the events, and gives the number of older ones that are left out.
pub fn list_events(visit: &Visit<'_>, page: &Layout, record: &OrderRecord) -> (Vec<TimelineEvent>, usize) {
    let plain = |at: Timestamp, what: String| TimelineEvent {
        at,
        when: page.format_moment(at),
        what,
        document: None,
        details: Vec::new(),
        state: None,
    };
    let ledger = &record.ledger;
    let mut events = Vec::new();
    events.extend(record.placed_at.map(|at| plain(at, page.text_for("order.placed").to_owned())));
    events.push(plain(record.created_at, page.text_for("order.first_seen").to_owned()));
    let shipped = ledger.first_shipped_at;
    events.extend(shipped.map(|at| plain(at, page.text_for("order.seen_shipped").to_owned())));
    for choice in &ledger.choices {
        for what in describe_choice(choice, page) {
            events.push(plain(choice.at, what));
        }
    }
    events.extend(ledger.rows.iter().map(|row| TimelineEvent {
        what: order_words::effect_text(row, page.language),
        document: order_words::document_number(row).and_then(|number| {
            order_words::document_link(row, order_words::shorten_text(&number), visit.deps)
        }),
        details: describe_row(row, page),
        state: Some(describe_row_state(row, page)),
        ..plain(row.at, String::new())
    }));
    for settled in &ledger.settlements {
        events.push(plain(settled.at, describe_settlement(settled, page)));
    }
    // The sort is stable: events of the same moment stay in the order in which one follows from the other.
    events.sort_by_key(|event| event.at);
    let left_out = events.len().saturating_sub(MOST_EVENTS);
    events.drain(..left_out);
    (events, left_out)
}

fn describe_row_state(row: &Row, page: &Layout) -> (&'static str, String) {
    let named = |name: &str| text::effect_label(name, page.language);
    match (order_json::effect_state(row), &row.effect) {
        ("done", RowEffect::Invoice { progress, .. } | RowEffect::CreditNote { progress, .. })
            if !progress.booked =>
        {
            ("wait", page.text_for("order.draft").to_owned())
        }
        ("done", _) => ("good", named("done")),
        ("refused", _) if row.reason.is_none() => ("", page.text_for("order.not_in_robaws").to_owned()),
        ("refused", _) => ("bad", named("refused")),
        ("in_doubt", _) => ("bad", page.text_in_section("order_state", "in_doubt")),
        _ => ("wait", named("intended")),
    }
}

fn describe_row(row: &Row, page: &Layout) -> Vec<String> {
    let mut details = Vec::new();
    match &row.effect {
        RowEffect::StockChange { stock_location_id, items, .. } => {
            for item in items.iter().take(MOST_ITEMS) {
                let number = item.sku.as_ref().map_or_else(
                    || page.fill_text("order.chosen_article", &[("article", item.article_id.as_str())]),
                    |sku| order_words::shorten_text(sku.as_str()),
                );
                details.push(format!("{} × {number}", item.quantity));
            }
            let more = items.len().saturating_sub(MOST_ITEMS);
            if more > 0 {
                details.push(page.fill_text("order.more", &[("count", &more.to_string())]));
            }
            let location = order_words::shorten_text(stock_location_id.as_str());
            details.push(page.fill_text("order.location", &[("location", &location)]));
        }
        // The event of the invoice itself shows which invoice was deleted.
        RowEffect::DeleteDraft { .. } => {}
        RowEffect::Invoice { total, progress } | RowEffect::CreditNote { total, progress, .. } => {
            details.push(page.format_amount(*total));
            if let Some(date) = progress.date {
                let date = text::format_date(date, page.language);
                details.push(page.fill_text("order.dated", &[("date", &date)]));
            }
        }
    }
    if let Some(reason) = &row.reason {
        details.push(order_words::cut_text(reason, 300));
    }
    details
}

/// What the merchant chose for a line, in the words of the order's explanation.
fn describe_choice(choice: &Choice, page: &Layout) -> Vec<String> {
    let line = || order_words::shorten_text(choice.line.as_str());
    let said =
        |code: &str, args: Args| page.typeset_text(&text::render_explanation(code, &args, page.language));
    let tariff = choice.vat_tariff_id.as_ref().map(|id| {
        let args = build_args([("line", line().into()), ("tariff", id.as_str().into())]);
        said("choice_tariff", args)
    });
    let article = choice.article.as_ref().map(|article| match article {
        ArticleChoice::Article(id) => {
            let args = build_args([("line", line().into()), ("article", id.as_str().into())]);
            said("choice_article", args)
        }
        ArticleChoice::None => said("choice_no_article", build_args([("line", line().into())])),
    });
    tariff.into_iter().chain(article).collect()
}

fn describe_settlement(settled: &Settlement, page: &Layout) -> String {
    let by = match settled.by.as_str() {
        "merchant" => page.text_for("order.by_user"),
        "operator" => page.text_for("order.by_operator"),
        other => other,
    };
    let document = settled.robaws_id.as_ref().map_or("–", DocumentId::as_str);
    let values = [("by", by), ("document", document)];
    match settled.kind.as_str() {
        "handled" => page.fill_text("order.settled_handled", &values),
        "done" => page.fill_text("order.settled_done", &values),
        "not_done" if settled.row.is_none() => page.fill_text("order.settled_book_rest", &values),
        "not_done" => page.fill_text("order.settled_not_done", &values),
        "undo" => page.fill_text("order.settled_undo", &values),
        other => format!("{other} ({by})"),
    }
}
