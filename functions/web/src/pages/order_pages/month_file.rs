//! The orders of a month as a CSV file for the bookkeeper: those whose invoice is dated in the month, and those without an
//! invoice that came in during the month.

use super::super::answer::{Answer, PageError};
use super::super::texts;
use super::super::visit::Visit;
use super::csv_file::Csv;
use super::{order_list, order_words};
use domain::Language;
use domain::invoice::{BOOKKEEPING_ZONE, bookkeeping_day};
use domain::ledger::Row;
use domain::money::Cents;
use domain::plan::effect_name;
use domain::text;
use jiff::{
    ToSpan,
    civil::{Date, Time},
};
use std::ops::ControlFlow;
use store::days::{DatedOrder, Days};

/// Most orders in one file.
const MOST_ORDERS: usize = 5_000;

const COLUMNS: [&str; 15] = [
    "month.marketplace",
    "month.number",
    "month.identifier",
    "month.placed",
    "month.country",
    "month.status",
    "month.state",
    "month.total",
    "month.stock_changes",
    "month.invoice",
    "month.invoice_date",
    "month.invoice_total",
    "month.booked_or_draft",
    "month.credit_note",
    "month.remarks",
];

/// `GET …/orders/month?month=2026-11`: downloads the file; text that is no month shows the list of orders with a fault.
pub async fn download_month_file(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let typed = visit.request.query_parameter("month").unwrap_or_default().trim();
    let Some(days) = parse_month(typed) else {
        return order_list::show_orders_page_with_month_fault(visit, &order_words::shorten_text(typed)).await;
    };
    let language = visit.language;
    let mut csv = Csv::default();
    csv.add_row(&COLUMNS.map(|key| texts::text_for(key, language)));
    let mut count = 0_usize;
    let ended = visit
        .deps
        .store
        .for_each_order_of_days(visit.id(), &days, |order| {
            if count == MOST_ORDERS {
                return ControlFlow::Break(());
            }
            count += 1;
            csv.add_row(&render_row(&order, language));
            ControlFlow::Continue(())
        })
        .await?;
    if ended.is_break() {
        let most = MOST_ORDERS.to_string();
        csv.add_row(&[texts::fill_text("month.cut", &[("count", &most)], language)]);
    }
    tracing::info!(month = typed, orders = count, "a month was asked for");
    let name = format!("productflow-{}-{}.csv", visit.id(), days.first.strftime("%Y-%m"));
    Ok(Answer::from_download("text/csv; charset=utf-8", name, csv.into_text()))
}

/// Reads a month like `2026-11` as its days in Brussels time.
fn parse_month(text: &str) -> Option<Days> {
    let (year, month) = text.split_once('-')?;
    let are_digits = text.len() == 7 && year.len() == 4 && !month.contains(|c: char| !c.is_ascii_digit());
    let first = Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?;
    if !are_digits || !(2000..=2100).contains(&first.year()) {
        return None;
    }
    let begin = |day: Date| BOOKKEEPING_ZONE.to_timestamp(day.to_datetime(Time::midnight())).ok();
    Some(Days {
        first,
        last: first.last_of_month(),
        began: begin(first)?,
        ended: begin(first.checked_add(1.month()).ok()?)?,
    })
}

fn format_amount(cents: Option<Cents>, language: Language) -> String {
    cents.map_or_else(String::new, |cents| cents.to_string().replace('.', language.decimal_sign))
}

fn render_row(order: &DatedOrder, language: Language) -> [String; 15] {
    let record = &order.record;
    let numbers = |wanted: fn(&Row) -> bool| {
        let numbers: Vec<String> = order_words::rows_in_robaws(record)
            .filter(|row| wanted(row))
            .filter_map(order_words::document_number)
            .collect();
        numbers.join(", ")
    };
    // A draft that was deleted does not count as an invoice.
    let invoice = record.ledger.find_invoice();
    let invoice = invoice.filter(|(row, _)| record.ledger.find_deletion_of(row.no).is_none());
    let booked_or_draft = invoice.map(|(_, progress)| {
        let key = if progress.booked { "month.booked" } else { "month.draft" };
        texts::text_for(key, language)
    });
    let invoiced = invoice.and_then(|(row, _)| row.effect.total());
    let remarks: Vec<String> = order_words::open_problems(record)
        .map(|open| text::render_problem(&open.problem, language).title)
        .collect();
    [
        record.marketplace.clone().unwrap_or_default(),
        record.external_identifier.clone().unwrap_or_default(),
        record.ledger.identifier.to_string(),
        record.placed_at.map_or_else(String::new, |at| bookkeeping_day(at).to_string()),
        record.country.as_deref().map_or_else(String::new, |code| text::country_name(code, language)),
        order_words::status_text(record, language),
        order_words::state_text(record, language).to_owned(),
        format_amount(record.total, language),
        numbers(|row| effect_name(&row.effect).starts_with("stock_change")),
        numbers(|row| effect_name(&row.effect) == "invoice"),
        order.invoice_date.map_or_else(String::new, |date| date.to_string()),
        format_amount(invoiced, language),
        booked_or_draft.unwrap_or_default().to_owned(),
        numbers(|row| effect_name(&row.effect) == "credit_note"),
        remarks.join(", "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn a_month_begins_and_ends_in_brussels() {
        let days = parse_month("2026-10").unwrap();
        assert_eq!(
            (days.first.to_string(), days.last.to_string()),
            ("2026-10-01".into(), "2026-10-31".into())
        );
        assert_eq!(days.began.to_string(), "2026-09-30T22:00:00Z");
        assert_eq!(days.ended.to_string(), "2026-10-31T23:00:00Z");
    }

    #[rstest]
    #[case("")]
    #[case("2026-13")]
    #[case("2026-1")]
    #[case("11-2026")]
    #[case("2026-+1")]
    #[case("1026-11")]
    #[case("november")]
    fn anything_else_is_no_month(#[case] text: &str) {
        assert_eq!(parse_month(text), None);
    }
}
