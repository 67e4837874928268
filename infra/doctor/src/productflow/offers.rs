//! Checks of one product and its offer. Whether ProductFlow lets them be read is not published; where it does not, nothing is
//! decided.

use crate::Checks;
use crate::notes::Notes;
use crate::reader::Reader;
use crate::shape::{self, Field, TEXT};
use rust_decimal::Decimal;
use serde_json::Value;

const STOCK: &str = "pf-offer-stock";
const DESCRIPTION: &str = "pf-description";

pub(super) async fn examine(reader: &Reader, checks: &Checks, notes: &mut Notes, orders: &[&Value]) {
    let known = checks.known_offer.as_ref();
    let of_orders = orders.iter().find_map(|order| {
        let is_open = super::orders::is_open(order, checks);
        is_open.then(|| lines(order).find_map(|line| shape::text(line.get("sku"))))?
    });
    let Some(sku) = known.map(|offer| offer.sku.clone()).or(of_orders) else {
        notes.leave_all_open(&[STOCK, DESCRIPTION], "no open order, and no known offer");
        return;
    };
    match reader.read(&["product", &sku], &[]).await {
        Ok(body) => description(notes, data(&body)),
        Err(reason) => notes.leave_open(DESCRIPTION, reason),
    }
    let offer = match reader.read(&["product", &sku, "offer"], &[]).await {
        Ok(body) => body,
        Err(reason) => {
            notes.leave_open(STOCK, reason);
            return;
        }
    };
    let sent = known.map(|offer| Decimal::from(offer.sent));
    stock(notes, data(&offer), sent, ordered(orders, checks, &sku));
}

fn lines(order: &Value) -> impl Iterator<Item = &Value> {
    order["lines"].as_array().into_iter().flatten()
}

fn data(body: &Value) -> &Value {
    body.get("data").unwrap_or(body)
}

fn description(notes: &mut Notes, product: &Value) {
    let field = Field::maybe("description", TEXT, &["descri", "omschrij", "body", "long"]);
    let (verdict, found) = field.judge(&[product]);
    notes.note(DESCRIPTION, verdict, found);
}

/// Pieces of an article in the open orders that were read.
fn ordered(orders: &[&Value], checks: &Checks, sku: &str) -> Decimal {
    let open = orders
        .iter()
        .filter(|order| super::orders::is_open(order, checks));
    open.flat_map(|order| lines(order))
        .filter(|line| shape::text(line.get("sku")).as_deref() == Some(sku))
        .filter_map(|line| shape::decimal(line.get("quantity")?))
        .sum()
}

fn stock(notes: &mut Notes, offer: &Value, sent: Option<Decimal>, ordered: Decimal) {
    let number = |key: &str| offer.get(key).and_then(shape::decimal);
    let (available, sellable) = (number("qty_available"), number("qty_sellable"));
    let Some(available) = available else {
        let keys = shape::keys(&[offer]);
        let keys = shape::names(keys.iter().map(String::as_str));
        notes.leave_open(STOCK, format!("the offer shows no `qty_available`, but {keys}"));
        return;
    };
    if ordered.is_zero() {
        notes.leave_open(STOCK, "no open order holds the article");
    } else if sent.is_some_and(|sent| sent - available == ordered) {
        notes.refute(
            STOCK,
            "`qty_available` is less than was sent by what is in open orders",
        );
    } else if sellable.is_some_and(|sellable| available - sellable >= ordered) {
        notes.refute(
            STOCK,
            "`qty_sellable` is less than `qty_available` by what is in open orders",
        );
    } else if sellable == Some(available) || (sellable.is_none() && sent == Some(available)) {
        notes.confirm(STOCK, "an article in open orders keeps its stock");
    } else {
        notes.leave_open(
            STOCK,
            "the numbers differ by something else than what is in open orders",
        );
    }
}
