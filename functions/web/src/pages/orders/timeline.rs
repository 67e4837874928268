//! What happened to an order, oldest first: what was read, each effect in Robaws, and what people chose and decided.

use super::super::layout::Layout;
use super::super::visit::Visit;
use super::words::{self, Link};
use crate::order_view;
use domain::ids::DocumentId;
use domain::ledger::{ArticleChoice, Choice, Row, RowEffect, Settlement};
use domain::problem::{Args, args};
use domain::text;
use jiff::Timestamp;
use store::model::OrderRecord;

/// Most events shown, the newest of them.
const MOST_EVENTS: usize = 40;
/// Most lines shown of one stock change.
const MOST_ITEMS: usize = 10;

pub struct Event {
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
pub fn events(visit: &Visit<'_>, page: &Layout, record: &OrderRecord) -> (Vec<Event>, usize) {
    let plain = |at: Timestamp, what: String| Event {
        at,
        when: page.moment(at),
        what,
        document: None,
        details: Vec::new(),
        state: None,
    };
    let ledger = &record.ledger;
    let mut events = Vec::new();
    events.extend(
        record
            .placed_at
            .map(|at| plain(at, page.t("order.placed").to_owned())),
    );
    events.push(plain(record.created_at, page.t("order.first_seen").to_owned()));
    let shipped = ledger.first_shipped_at;
    events.extend(shipped.map(|at| plain(at, page.t("order.seen_shipped").to_owned())));
    for choice in &ledger.choices {
        for what in chosen(choice, page) {
            events.push(plain(choice.at, what));
        }
    }
    events.extend(ledger.rows.iter().map(|row| Event {
        what: words::effect(row, page.language),
        document:
            words::number(row).and_then(|number| words::document(row, words::shortened(&number), visit.deps)),
        details: details(row, page),
        state: Some(row_state(row, page)),
        ..plain(row.at, String::new())
    }));
    for settled in &ledger.settlements {
        events.push(plain(settled.at, settlement(settled, page)));
    }
    // The sort is stable: events of the same moment stay in the order in which one follows from the other.
    events.sort_by_key(|event| event.at);
    let left_out = events.len().saturating_sub(MOST_EVENTS);
    events.drain(..left_out);
    (events, left_out)
}

fn row_state(row: &Row, page: &Layout) -> (&'static str, String) {
    let named = |name: &str| text::effect(name, page.language);
    match (order_view::state(row), &row.effect) {
        ("done", RowEffect::Invoice { progress, .. } | RowEffect::CreditNote { progress, .. })
            if !progress.booked =>
        {
            ("wait", page.t("order.draft").to_owned())
        }
        ("done", _) => ("good", named("done")),
        ("refused", _) if row.reason.is_none() => ("", page.t("order.not_in_robaws").to_owned()),
        ("refused", _) => ("bad", named("refused")),
        ("in_doubt", _) => ("bad", page.of("order_state", "in_doubt")),
        _ => ("wait", named("intended")),
    }
}

fn details(row: &Row, page: &Layout) -> Vec<String> {
    let mut details = Vec::new();
    match &row.effect {
        RowEffect::StockChange {
            stock_location_id,
            items,
            ..
        } => {
            for item in items.iter().take(MOST_ITEMS) {
                let number = item.sku.as_ref().map_or_else(
                    || page.f("order.chosen_article", &[("article", item.article_id.as_str())]),
                    |sku| words::shortened(sku.as_str()),
                );
                details.push(format!("{} × {number}", item.quantity));
            }
            let more = items.len().saturating_sub(MOST_ITEMS);
            if more > 0 {
                details.push(page.f("order.more", &[("count", &more.to_string())]));
            }
            let location = words::shortened(stock_location_id.as_str());
            details.push(page.f("order.location", &[("location", &location)]));
        }
        // The event of the invoice itself shows which invoice was deleted.
        RowEffect::DeleteDraft { .. } => {}
        RowEffect::Invoice { total, progress } | RowEffect::CreditNote { total, progress, .. } => {
            details.push(page.amount(*total));
            if let Some(date) = progress.date {
                let date = text::date(date, page.language);
                details.push(page.f("order.dated", &[("date", &date)]));
            }
        }
    }
    if let Some(reason) = &row.reason {
        details.push(words::cut(reason, 300));
    }
    details
}

/// What the merchant chose for a line, in the words of the order's explanation.
fn chosen(choice: &Choice, page: &Layout) -> Vec<String> {
    let line = || words::shortened(choice.line.as_str());
    let said = |code: &str, args: Args| page.typeset(&text::explanation(code, &args, page.language));
    let tariff = choice.vat_tariff_id.as_ref().map(|id| {
        let args = args([("line", line().into()), ("tariff", id.as_str().into())]);
        said("choice_tariff", args)
    });
    let article = choice.article.as_ref().map(|article| match article {
        ArticleChoice::Article(id) => {
            let args = args([("line", line().into()), ("article", id.as_str().into())]);
            said("choice_article", args)
        }
        ArticleChoice::None => said("choice_no_article", args([("line", line().into())])),
    });
    tariff.into_iter().chain(article).collect()
}

fn settlement(settled: &Settlement, page: &Layout) -> String {
    let by = match settled.by.as_str() {
        "merchant" => page.t("order.by_user"),
        "operator" => page.t("order.by_operator"),
        other => other,
    };
    let document = settled.robaws_id.as_ref().map_or("–", DocumentId::as_str);
    let values = [("by", by), ("document", document)];
    match settled.kind.as_str() {
        "handled" => page.f("order.settled_handled", &values),
        "done" => page.f("order.settled_done", &values),
        "not_done" if settled.row.is_none() => page.f("order.settled_book_rest", &values),
        "not_done" => page.f("order.settled_not_done", &values),
        "undo" => page.f("order.settled_undo", &values),
        other => format!("{other} ({by})"),
    }
}
