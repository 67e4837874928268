//! The orders of a month as a CSV file for the bookkeeper: those whose invoice is dated in the month, and those without an
//! invoice that came in during the month.

use super::super::answer::{Answer, PageError};
use super::super::texts;
use super::super::visit::Visit;
use super::csv::Csv;
use super::{list, words};
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
const MOST: usize = 5_000;

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
pub async fn answer(visit: &Visit<'_>) -> Result<Answer, PageError> {
    let typed = visit.request.parameter("month").unwrap_or_default().trim();
    let Some(days) = month(typed) else {
        return list::with_month_fault(visit, &words::shortened(typed)).await;
    };
    let language = visit.language;
    let mut csv = Csv::default();
    csv.row(&COLUMNS.map(|key| texts::text(key, language)));
    let mut count = 0_usize;
    let ended = visit
        .deps
        .store
        .orders_of_days(visit.id(), &days, |order| {
            if count == MOST {
                return ControlFlow::Break(());
            }
            count += 1;
            csv.row(&row(&order, language));
            ControlFlow::Continue(())
        })
        .await?;
    if ended.is_break() {
        let most = MOST.to_string();
        csv.row(&[texts::filled("month.cut", &[("count", &most)], language)]);
    }
    tracing::info!(month = typed, orders = count, "a month was asked for");
    let name = format!("productflow-{}-{}.csv", visit.id(), days.first.strftime("%Y-%m"));
    Ok(Answer::download("text/csv; charset=utf-8", name, csv.finish()))
}

/// Reads a month like `2026-11` as its days in Brussels time.
fn month(text: &str) -> Option<Days> {
    let (year, month) = text.split_once('-')?;
    let are_digits = text.len() == 7 && year.len() == 4 && !month.contains(|c: char| !c.is_ascii_digit());
    let first = Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?;
    if !are_digits || !(2000..=2100).contains(&first.year()) {
        return None;
    }
    let begin = |day: Date| {
        BOOKKEEPING_ZONE
            .to_timestamp(day.to_datetime(Time::midnight()))
            .ok()
    };
    Some(Days {
        first,
        last: first.last_of_month(),
        began: begin(first)?,
        ended: begin(first.checked_add(1.month()).ok()?)?,
    })
}

fn amount(cents: Option<Cents>, language: Language) -> String {
    cents.map_or_else(String::new, |cents| {
        cents.to_string().replace('.', language.decimal_sign)
    })
}

fn row(order: &DatedOrder, language: Language) -> [String; 15] {
    let record = &order.record;
    let numbers = |wanted: fn(&Row) -> bool| {
        let numbers: Vec<String> = words::standing(record)
            .filter(|row| wanted(row))
            .filter_map(words::number)
            .collect();
        numbers.join(", ")
    };
    // A draft that was deleted does not count as an invoice.
    let invoice = record.ledger.invoice();
    let invoice = invoice.filter(|(row, _)| record.ledger.deletion_of(row.no).is_none());
    let booked_or_draft = invoice.map(|(_, progress)| {
        let key = if progress.booked {
            "month.booked"
        } else {
            "month.draft"
        };
        texts::text(key, language)
    });
    let invoiced = invoice.and_then(|(row, _)| row.effect.total());
    let remarks: Vec<String> = words::open(record)
        .map(|open| text::render(&open.problem, language).title)
        .collect();
    [
        record.marketplace.clone().unwrap_or_default(),
        record.external_identifier.clone().unwrap_or_default(),
        record.ledger.identifier.to_string(),
        record
            .placed_at
            .map_or_else(String::new, |at| bookkeeping_day(at).to_string()),
        record
            .country
            .as_deref()
            .map_or_else(String::new, |code| text::country_name(code, language)),
        words::status(record, language),
        words::state(record, language).to_owned(),
        amount(record.total, language),
        numbers(|row| effect_name(&row.effect).starts_with("stock_change")),
        numbers(|row| effect_name(&row.effect) == "invoice"),
        order
            .invoice_date
            .map_or_else(String::new, |date| date.to_string()),
        amount(invoiced, language),
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
        let days = month("2026-10").unwrap();
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
        assert_eq!(month(text), None);
    }
}
