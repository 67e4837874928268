//! Why an invoice can't be undone as the merchant decided, judged by what Robaws shows of the invoice now.

use crate::wire::Invoice;
use domain::ArticleId;
use domain::invoice::{DocumentKind, FrozenDocument};
use domain::undo::Obstacle;
use rust_decimal::Decimal;

/// The obstacle to deleting a draft, if there is one.
///
/// A draft that is gone needs no deletion. But an invoice that was seen booked (`seen_booked`) and is gone was more than a
/// draft: that is an obstacle.
pub fn find_obstacle_to_deleting(
    found: Option<&Invoice>,
    reference: &str,
    seen_booked: bool,
) -> Option<Obstacle> {
    match found {
        None => seen_booked.then_some(Obstacle::Gone),
        Some(invoice) if !is_ours(invoice, reference) => Some(Obstacle::Differs),
        Some(invoice) => invoice.booked.then_some(Obstacle::IsBooked),
    }
}

/// The obstacle to crediting an invoice with its own lines, if there is one. The invoice must be booked and show the frozen
/// lines.
pub fn find_obstacle_to_crediting(
    found: Option<&Invoice>,
    reference: &str,
    frozen: &FrozenDocument,
) -> Option<Obstacle> {
    match found {
        None => Some(Obstacle::Gone),
        Some(invoice) if !is_ours(invoice, reference) => Some(Obstacle::Differs),
        Some(invoice) if !invoice.booked => Some(Obstacle::IsDraft),
        Some(invoice) => (!is_as_frozen(invoice, frozen)).then_some(Obstacle::Differs),
    }
}

fn is_ours(invoice: &Invoice, reference: &str) -> bool {
    invoice.client_reference.as_deref() == Some(reference) && invoice.is_of_kind(DocumentKind::Invoice)
}

/// Whether the document shows the frozen lines, in any order, and the frozen total. A total that is not shown counts as equal.
fn is_as_frozen(invoice: &Invoice, frozen: &FrozenDocument) -> bool {
    type Line<'a> = (Option<&'a str>, Option<&'a str>, Option<Decimal>, Option<Decimal>);
    let mut wanted: Vec<Line<'_>> = frozen
        .lines
        .iter()
        .map(|line| {
            (
                line.article_id.as_ref().map(ArticleId::as_str),
                Some(line.vat_tariff_id.as_str()),
                Some(Decimal::from(line.quantity)),
                Some(line.price.to_euros()),
            )
        })
        .collect();
    let mut shown: Vec<Line<'_>> = invoice
        .lines
        .iter()
        .map(|line| (line.article_id.as_deref(), line.vat_tariff_id.as_deref(), line.quantity, line.price))
        .collect();
    wanted.sort();
    shown.sort();
    let total = invoice.total_incl_vat;
    wanted == shown && total.is_none_or(|total| total == frozen.total.to_euros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Cents;
    use domain::invoice::InvoiceLine;
    use serde_json::{Value, json};

    const REFERENCE: &str = "108 (PF-1)";

    fn frozen_invoice() -> FrozenDocument {
        let line = |article: Option<&str>, quantity: i64, price: i64| InvoiceLine {
            article_id: article.map(|id| ArticleId::parse(id).unwrap()),
            description: "x".to_owned(),
            quantity,
            price: Cents(price),
            vat_tariff_id: domain::VatTariffId::parse("7").unwrap(),
        };
        FrozenDocument {
            row: 2,
            client_id: domain::ClientId::parse("5").unwrap(),
            company_id: None,
            payment_condition_id: None,
            line_bodies: Vec::new(),
            lines: vec![line(Some("12"), 2, 2999), line(None, -1, 100)],
            total: Cents(5898),
            date: "2026-11-23".parse().unwrap(),
            book: true,
            kept_draft: None,
        }
    }

    fn shown_invoice(change: impl Fn(&mut Value)) -> Invoice {
        let mut json = json!({
            "id": "77", "type": "INVOICE", "clientReference": REFERENCE, "booked": true, "totalInclVat": 58.98,
            "lineItems": [
                {"type": "LINE", "quantity": -1, "price": 1.0, "vatTariffId": "7"},
                {"type": "TEXT", "description": "with thanks"},
                {"type": "LINE", "articleId": "12", "quantity": 2, "price": 29.99, "vatTariffId": "7"},
            ],
        });
        change(&mut json);
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn only_what_was_invoiced_is_credited() {
        let check = |change: fn(&mut Value)| {
            find_obstacle_to_crediting(Some(&shown_invoice(change)), REFERENCE, &frozen_invoice())
        };
        assert_eq!(check(|_| {}), None);
        assert_eq!(check(|i| i["totalInclVat"] = Value::Null), None);
        let differs = Some(Obstacle::Differs);
        assert_eq!(check(|i| i["totalInclVat"] = json!(58.97)), differs);
        assert_eq!(check(|i| i["clientReference"] = json!("108")), differs);
        assert_eq!(check(|i| i["type"] = json!("CREDIT_NOTE")), differs);
        assert_eq!(check(|i| i["lineItems"][2]["vatTariffId"] = json!("10")), differs);
        assert_eq!(check(|i| i["lineItems"][2]["quantity"] = json!(1)), differs);
        assert_eq!(check(|i| i["lineItems"] = json!([])), differs);
        assert_eq!(check(|i| i["booked"] = json!(false)), Some(Obstacle::IsDraft));
        assert_eq!(find_obstacle_to_crediting(None, REFERENCE, &frozen_invoice()), Some(Obstacle::Gone));
    }

    #[test]
    fn only_a_draft_of_ours_is_deleted() {
        let check = |change: fn(&mut Value)| {
            find_obstacle_to_deleting(Some(&shown_invoice(change)), REFERENCE, false)
        };
        assert_eq!(check(|_| {}), Some(Obstacle::IsBooked));
        assert_eq!(check(|i| i["booked"] = json!(false)), None);
        assert_eq!(
            check(|i| {
                i["booked"] = json!(false);
                i["clientReference"] = Value::Null;
            }),
            Some(Obstacle::Differs)
        );
        assert_eq!(find_obstacle_to_deleting(None, REFERENCE, false), None);
        assert_eq!(find_obstacle_to_deleting(None, REFERENCE, true), Some(Obstacle::Gone));
    }
}
