//! Checks of one product and its offer. Whether ProductFlow lets them be read is not published; where it does not, nothing is
//! decided.

use crate::Examination;
use crate::notes::Notes;
use crate::reader::Reader;
use crate::shape::{self, Field, TEXT};
use rust_decimal::Decimal;
use serde_json::Value;

const STOCK: &str = "pf-offer-stock";
const DESCRIPTION: &str = "pf-description";

pub(super) async fn examine_offers(
    reader: &Reader,
    checks: &Examination,
    notes: &mut Notes,
    orders: &[&Value],
) {
    let known = checks.known_offer.as_ref();
    let of_orders = orders.iter().find_map(|order| {
        let is_open = super::order_fields::is_open(order, checks);
        is_open.then(|| order_lines(order).find_map(|line| shape::read_text(line.get("sku"))))?
    });
    let Some(sku) = known.map(|offer| offer.sku.clone()).or(of_orders) else {
        notes.note_all_open(&[STOCK, DESCRIPTION], "no open order, and no known offer");
        return;
    };
    match reader.read_json(&["product", &sku], &[]).await {
        Ok(body) => check_description(notes, unwrap_data(&body)),
        Err(reason) => notes.note_open(DESCRIPTION, reason),
    }
    let offer = match reader.read_json(&["product", &sku, "offer"], &[]).await {
        Ok(body) => body,
        Err(reason) => {
            notes.note_open(STOCK, reason);
            return;
        }
    };
    let sent = known.map(|offer| Decimal::from(offer.sent));
    check_stock(notes, unwrap_data(&offer), sent, count_ordered_pieces(orders, checks, &sku));
}

fn order_lines(order: &Value) -> impl Iterator<Item = &Value> {
    order["lines"].as_array().into_iter().flatten()
}

fn unwrap_data(body: &Value) -> &Value {
    body.get("data").unwrap_or(body)
}

fn check_description(notes: &mut Notes, product: &Value) {
    let field = Field::sometimes_filled("description", TEXT, &["descri", "omschrij", "body", "long"]);
    let (verdict, found) = field.judge_rows(&[product]);
    notes.note_verdict(DESCRIPTION, verdict, found);
}

/// Pieces of an article in the open orders that were read.
fn count_ordered_pieces(orders: &[&Value], checks: &Examination, sku: &str) -> Decimal {
    let open = orders.iter().filter(|order| super::order_fields::is_open(order, checks));
    open.flat_map(|order| order_lines(order))
        .filter(|line| shape::read_text(line.get("sku")).as_deref() == Some(sku))
        .filter_map(|line| shape::read_decimal(line.get("quantity")?))
        .sum()
}

fn check_stock(notes: &mut Notes, offer: &Value, sent: Option<Decimal>, ordered: Decimal) {
    let number = |key: &str| offer.get(key).and_then(shape::read_decimal);
    let (available, sellable) = (number("qty_available"), number("qty_sellable"));
    let Some(available) = available else {
        let keys = shape::field_names(&[offer]);
        let keys = shape::quote_names(keys.iter().map(String::as_str));
        notes.note_open(STOCK, format!("the offer shows no `qty_available`, but {keys}"));
        return;
    };
    if ordered.is_zero() {
        notes.note_open(STOCK, "no open order holds the article");
    } else if sent.is_some_and(|sent| sent - available == ordered) {
        notes.note_refuted(STOCK, "`qty_available` is less than was sent by what is in open orders");
    } else if sellable.is_some_and(|sellable| available - sellable >= ordered) {
        notes.note_refuted(STOCK, "`qty_sellable` is less than `qty_available` by what is in open orders");
    } else if sellable == Some(available) || (sellable.is_none() && sent == Some(available)) {
        notes.note_confirmed(STOCK, "an article in open orders keeps its stock");
    } else {
        notes.note_open(STOCK, "the numbers differ by something else than what is in open orders");
    }
}
