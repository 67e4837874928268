//! An order of the preview, in the reader's words.

use super::super::layout::Layout;
use super::super::problem_words::{ProblemWords, shorten_to};
use crate::preview::newest_orders::PlannedOrder;
use domain::catalogue::Catalogue;
use domain::invoice::InvoicePlan;
use domain::ledger::{Direction, StockItem};
use domain::order::OrderStatus;
use domain::plan::{Plan, PlannedEffect};
use domain::text;
use std::collections::BTreeMap;

/// Most lines shown of a stock change or an invoice.
const MOST_LINES: usize = 8;
/// Most problems shown of one order.
const MOST_PROBLEMS: usize = 6;
/// Longest name shown, in characters.
const LONGEST_NAME: usize = 80;

pub(super) struct OrderView {
    pub(super) reference: String,
    pub(super) status: Option<String>,
    pub(super) placed: Option<String>,
    pub(super) country: Option<String>,
    pub(super) total: Option<String>,
    pub(super) stock: Vec<StockView>,
    pub(super) invoice: Option<InvoiceView>,
    /// Why the order has no effect, if it has none.
    pub(super) nothing: Option<String>,
    pub(super) problems: Vec<ProblemWords>,
    /// Whether the order has no plan, because the time was over or Robaws did not answer.
    pub(super) unplanned: bool,
}

pub(super) struct StockView {
    pub(super) title: String,
    pub(super) lines: Vec<String>,
    pub(super) more: Option<String>,
}

pub(super) struct InvoiceView {
    pub(super) title: &'static str,
    pub(super) lines: Vec<InvoiceLineView>,
    pub(super) more: Option<String>,
    pub(super) total: String,
}

pub(super) struct InvoiceLineView {
    pub(super) description: String,
    pub(super) quantity: i64,
    pub(super) price: String,
    pub(super) code: String,
    pub(super) percentage: String,
}

impl OrderView {
    pub(super) fn from_planned(
        page: &Layout,
        order: &PlannedOrder,
        catalogue: &Catalogue,
        places: &BTreeMap<String, String>,
    ) -> Self {
        let read = order.read.as_ref().ok();
        let placed = read.map(|order| order.placed_at);
        let placed = placed.or_else(|| order.raw.placed_at());
        let country = read.and_then(|order| order.country.as_deref());
        let total = read.and_then(|order| order.total.or_else(|| order.compute_total()));
        let mut view = Self {
            reference: shorten_to(&order.reference(), LONGEST_NAME),
            status: read.map(|order| status_text(page, &order.status)),
            placed: placed.map(|at| page.format_moment(at)),
            country: country.map(|code| text::country_name(code, page.language)),
            total: total.map(|total| page.format_amount(total)),
            stock: Vec::new(),
            invoice: None,
            nothing: None,
            problems: Vec::new(),
            unplanned: order.plan.is_none(),
        };
        if let Some(plan) = &order.plan {
            view.fill_from_plan(page, plan, catalogue, places);
        }
        if view.invoice.is_none()
            && let Some(later) = &order.later_invoice
        {
            view.invoice = Some(render_invoice(page, "preview.invoice_later", later, catalogue));
        }
        view
    }

    fn fill_from_plan(
        &mut self,
        page: &Layout,
        plan: &Plan,
        catalogue: &Catalogue,
        places: &BTreeMap<String, String>,
    ) {
        for effect in &plan.effects {
            match effect {
                PlannedEffect::StockChange { direction, stock_location_id, items } => {
                    let id = stock_location_id.as_str();
                    let place = places.get(id).map_or(id, String::as_str);
                    self.stock.push(render_stock_change(page, *direction, place, items));
                }
                PlannedEffect::Invoice(made) => {
                    self.invoice = Some(render_invoice(page, "preview.invoice", made, catalogue));
                }
                // An invoice that was begun is finished, and its undoing was decided: neither is shown as something new.
                PlannedEffect::FinishInvoice(_)
                | PlannedEffect::CreditNote(_)
                | PlannedEffect::DeleteDraft(_) => {
                    self.nothing = Some(page.text_for("preview.invoice_finished").to_owned());
                }
            }
        }
        if plan.effects.is_empty() {
            let sentences = plan
                .explanation
                .iter()
                .map(|sentence| text::render_explanation(&sentence.code, &sentence.args, page.language));
            let words: Vec<String> = sentences.map(|sentence| page.typeset_text(&sentence)).collect();
            self.nothing = Some(words.join(" "));
        }
        let problems = plan.problems.iter().take(MOST_PROBLEMS);
        self.problems = problems.map(|problem| ProblemWords::from_problem(problem, page)).collect();
    }
}

fn status_text(page: &Layout, status: &OrderStatus) -> String {
    match status {
        OrderStatus::Open => page.text_for("preview.status_open").to_owned(),
        OrderStatus::Shipped => page.text_for("preview.status_shipped").to_owned(),
        OrderStatus::Cancelled => page.text_for("preview.status_cancelled").to_owned(),
        OrderStatus::Unknown(word) => {
            let word = shorten_to(word, LONGEST_NAME);
            page.fill_text("preview.status_unknown", &[("status", word.as_str())])
        }
    }
}

/// A sentence that says how many lines are not shown.
fn more_lines_text(page: &Layout, lines: usize) -> Option<String> {
    let count = lines.checked_sub(MOST_LINES).filter(|more| *more > 0)?.to_string();
    Some(page.fill_text("preview.more_lines", &[("count", count.as_str())]))
}

fn render_stock_change(page: &Layout, direction: Direction, place: &str, items: &[StockItem]) -> StockView {
    let key = match direction {
        Direction::Out => "preview.stock_out",
        Direction::In => "preview.stock_in",
    };
    let place = shorten_to(place, LONGEST_NAME);
    let line = |item: &StockItem| {
        let quantity = item.quantity.to_string();
        let article = item.sku.as_ref().map_or_else(|| item.article_id.to_string(), ToString::to_string);
        let article = shorten_to(&article, LONGEST_NAME);
        let values = [("quantity", quantity.as_str()), ("article", article.as_str())];
        page.fill_text("preview.stock_line", &values)
    };
    StockView {
        title: page.fill_text(key, &[("place", place.as_str())]),
        lines: items.iter().take(MOST_LINES).map(line).collect(),
        more: more_lines_text(page, items.len()),
    }
}

fn render_invoice(
    page: &Layout,
    title: &'static str,
    made: &InvoicePlan,
    catalogue: &Catalogue,
) -> InvoiceView {
    let percentage = |id| {
        let tariff = catalogue.tariffs.as_ref().and_then(|tariffs| tariffs.get(id));
        tariff.map_or_else(String::new, |tariff| text::format_percentage(tariff.percentage, page.language))
    };
    let lines = made.lines.iter().take(MOST_LINES).map(|line| InvoiceLineView {
        description: shorten_to(&line.description, LONGEST_NAME),
        quantity: line.quantity,
        price: page.format_amount(line.price),
        code: line.vat_tariff_id.to_string(),
        percentage: percentage(&line.vat_tariff_id),
    });
    InvoiceView {
        title: page.text_for(title),
        lines: lines.collect(),
        more: more_lines_text(page, made.lines.len()),
        total: page.format_amount(made.total),
    }
}
