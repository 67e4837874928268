//! A ProductFlow order as the rules see it: read, checked, in cents. Of the buyer only the country and whether it is
//! a business; names and addresses stop at the client.

use crate::ids::{LineId, OrderIdentifier, Sku, VatTariffId};
use crate::money::Cents;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Where an order stands in ProductFlow (contract: registered → shipped, or → cancelled).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// `open` or `accepted`: registered, not shipped yet.
    Open,
    /// `shipped`: for the whole order.
    Shipped,
    /// `cancelled` or `canceled`.
    Cancelled,
    /// Any other word, as ProductFlow wrote it: nothing is touched.
    Unknown(String),
}

impl OrderStatus {
    /// Our own word for it, or ProductFlow's when it is unknown.
    pub fn word(&self) -> &str {
        match self {
            Self::Open => "open",
            Self::Shipped => "shipped",
            Self::Cancelled => "cancelled",
            Self::Unknown(word) => word,
        }
    }
}

/// A buyer with a company name or a VAT number. Not stored: it reaches the remark of the invoice and nothing else.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Business {
    /// The buyer's company name.
    pub company_name: Option<String>,
    /// The buyer's VAT number.
    pub vat_number: Option<String>,
}

impl std::fmt::Debug for Business {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Business(…)")
    }
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    /// The line's id within the order; its place when ProductFlow gives none.
    pub id: LineId,
    /// The product's number; absent on a manually typed line.
    pub sku: Option<Sku>,
    /// What the line is called; the SKU when ProductFlow gives no title.
    pub title: String,
    /// Pieces, at least 1.
    pub quantity: u32,
    /// Total of the line, VAT-inclusive.
    pub price: Cents,
    /// The code typed into ProductFlow's VAT group on the day of registration, trimmed, a pasted URL cut to its number.
    pub vat_code: Option<VatTariffId>,
    /// The marketplace ships it from its own stock.
    pub fbm: bool,
}

/// The amounts of an order that stand on no line of goods, VAT-inclusive, none below 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Costs {
    /// `shipping_cost`.
    pub shipping: Cents,
    /// `transaction_price`: payment costs.
    pub transaction: Cents,
    /// `additional_price`.
    pub additional: Cents,
    /// `discount_price`, taken off the order.
    pub discount: Cents,
}

/// An order that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// ProductFlow's key.
    pub identifier: OrderIdentifier,
    /// Where it stands.
    pub status: OrderStatus,
    /// The marketplace's own number; may repeat between marketplaces.
    pub external_identifier: Option<String>,
    /// The marketplace's name.
    pub marketplace: Option<String>,
    /// ISO code; EUR when ProductFlow gives none.
    pub currency: String,
    /// When the buyer placed it.
    pub placed_at: Timestamp,
    /// When ProductFlow last changed it.
    pub updated_at: Option<Timestamp>,
    /// When it was shipped.
    pub shipped_at: Option<Timestamp>,
    /// Costs and discount.
    pub costs: Costs,
    /// The order's own total, if it carries one.
    pub total: Option<Cents>,
    /// ISO code of the country it is shipped to.
    pub country: Option<String>,
    /// Set when the buyer is a business.
    pub business: Option<Business>,
    /// The goods. Empty only on a cancelled order.
    pub lines: Vec<OrderLine>,
}

/// An order of which an essential field is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("order {identifier}: {field} cannot be read")]
pub struct Unreadable {
    /// ProductFlow's key.
    pub identifier: OrderIdentifier,
    /// Path of the field, such as `lines[1].quantity`.
    pub field: String,
    /// What stood there, shortened; `–` when nothing did.
    pub value: String,
    /// When it was placed, if at least that could be read.
    pub placed_at: Option<Timestamp>,
    /// The marketplace's number, if it could be read.
    pub external_identifier: Option<String>,
    /// Digest of the raw order, so that a later change is seen.
    pub fingerprint: String,
}

/// What of a line makes a difference once the invoice is made (design.md: SKU, quantity, price, VAT code).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LineFacts {
    /// The line's id, for choices and messages; not compared.
    pub id: LineId,
    /// The product's number.
    pub sku: Option<Sku>,
    /// Pieces.
    pub quantity: u32,
    /// Total, VAT-inclusive.
    pub price: Cents,
    /// VAT code.
    pub vat_code: Option<VatTariffId>,
}

/// What of an order is stored, and compared to tell a change that matters from one that does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderFacts {
    /// Cancelled at that time.
    pub cancelled: bool,
    /// Open at that time: after an invoice, an order that is open again has changed.
    pub open: bool,
    /// The lines.
    pub lines: Vec<LineFacts>,
    /// Costs and discount.
    pub costs: Costs,
    /// Currency.
    pub currency: String,
}

/// One difference between two [`OrderFacts`], as the message names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The order was cancelled.
    Cancelled,
    /// The order is open again.
    Reopened,
    /// The order was open when its invoice was undone, and shipped since.
    Shipped,
    /// A line's SKU, or a line more or less.
    Lines,
    /// A line's quantity.
    Quantity,
    /// A line's price.
    Price,
    /// A line's VAT code.
    VatCode,
    /// Shipping, payment or other costs.
    Costs,
    /// The discount.
    Discount,
    /// The currency.
    Currency,
}

impl OrderFacts {
    /// The facts of an order now.
    pub fn of(order: &Order) -> Self {
        Self {
            cancelled: order.status == OrderStatus::Cancelled,
            open: order.status == OrderStatus::Open,
            lines: order
                .lines
                .iter()
                .map(|l| LineFacts {
                    id: l.id.clone(),
                    sku: l.sku.clone(),
                    quantity: l.quantity,
                    price: l.price,
                    vat_code: l.vat_code.clone(),
                })
                .collect(),
            costs: order.costs,
            currency: order.currency.clone(),
        }
    }

    /// What of `now` differs from these facts. A cancelled order may have lost its lines and amounts: then only the
    /// cancellation counts. The order of lines and their ids don't.
    pub fn changes(&self, now: &OrderFacts) -> Vec<Change> {
        let mut changes = Vec::new();
        if now.cancelled != self.cancelled {
            changes.push(if now.cancelled {
                Change::Cancelled
            } else {
                Change::Reopened
            });
        } else if now.open && !self.open {
            changes.push(Change::Reopened);
        }
        if now.cancelled {
            return changes;
        }
        changes.extend(line_changes(&self.lines, &now.lines));
        let (was, is) = (&self.costs, &now.costs);
        if (was.shipping, was.transaction, was.additional) != (is.shipping, is.transaction, is.additional) {
            changes.push(Change::Costs);
        }
        if was.discount != is.discount {
            changes.push(Change::Discount);
        }
        if self.currency != now.currency {
            changes.push(Change::Currency);
        }
        changes
    }
}

fn line_changes(was: &[LineFacts], is: &[LineFacts]) -> Vec<Change> {
    type Key<'a> = (Option<&'a Sku>, u32, Cents, Option<&'a VatTariffId>);
    fn sorted(lines: &[LineFacts]) -> Vec<Key<'_>> {
        let mut keys: Vec<Key<'_>> = lines
            .iter()
            .map(|l| (l.sku.as_ref(), l.quantity, l.price, l.vat_code.as_ref()))
            .collect();
        keys.sort();
        keys
    }
    let (was, is) = (sorted(was), sorted(is));
    if was == is {
        return Vec::new();
    }
    if was.len() != is.len() || was.iter().zip(&is).any(|(a, b)| a.0 != b.0) {
        return vec![Change::Lines];
    }
    let mut changes = Vec::new();
    let pairs = || was.iter().zip(&is);
    if pairs().any(|(a, b)| a.1 != b.1) {
        changes.push(Change::Quantity);
    }
    if pairs().any(|(a, b)| a.2 != b.2) {
        changes.push(Change::Price);
    }
    if pairs().any(|(a, b)| a.3 != b.3) {
        changes.push(Change::VatCode);
    }
    changes
}

impl Order {
    /// The marketplace's number and ours, `1083993841 (PF-100234)`: how people find the order on both sides.
    pub fn reference(&self) -> String {
        reference(self.external_identifier.as_deref(), &self.identifier)
    }

    /// What lines, costs and discount come to; `None` when that leaves the range.
    pub fn computed_total(&self) -> Option<Cents> {
        let costs = &self.costs;
        self.lines
            .iter()
            .map(|line| line.price)
            .chain([costs.shipping, costs.transaction, costs.additional])
            .try_fold(Cents::ZERO, Cents::checked_add)?
            .checked_sub(costs.discount)
    }

    /// Digest over every field the rules use, so that a poll sees whether anything that matters changed.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let mut field = |text: &str| {
            hash.update(text.len().to_le_bytes());
            hash.update(text.as_bytes());
        };
        let optional = |text: Option<&str>| text.map_or_else(|| "-".to_owned(), |t| format!("+{t}"));
        match &self.status {
            OrderStatus::Open => field("open"),
            OrderStatus::Shipped => field("shipped"),
            OrderStatus::Cancelled => field("cancelled"),
            OrderStatus::Unknown(word) => field(&format!("?{word}")),
        }
        field(&optional(self.external_identifier.as_deref()));
        field(&optional(self.marketplace.as_deref()));
        field(&self.currency);
        field(&self.placed_at.to_string());
        field(&optional(self.shipped_at.map(|t| t.to_string()).as_deref()));
        let Costs {
            shipping,
            transaction,
            additional,
            discount,
        } = self.costs;
        for amount in [shipping, transaction, additional, discount] {
            field(&amount.0.to_string());
        }
        field(&optional(self.total.map(|t| t.to_string()).as_deref()));
        field(&optional(self.country.as_deref()));
        let business = self.business.as_ref();
        field(&optional(
            business.map(|b| optional(b.company_name.as_deref())).as_deref(),
        ));
        field(&optional(
            business.map(|b| optional(b.vat_number.as_deref())).as_deref(),
        ));
        for line in &self.lines {
            field(line.id.as_str());
            field(&optional(line.sku.as_ref().map(Sku::as_str)));
            field(&line.title);
            field(&line.quantity.to_string());
            field(&line.price.0.to_string());
            field(&optional(line.vat_code.as_ref().map(VatTariffId::as_str)));
            field(if line.fbm { "fbm" } else { "own" });
        }
        hex::encode(&hash.finalize()[..16])
    }
}

/// `1083993841 (PF-100234)`, or the identifier alone when the marketplace gave no number.
pub fn reference(external_identifier: Option<&str>, identifier: &OrderIdentifier) -> String {
    match external_identifier {
        Some(external) if !external.is_empty() => format!("{external} ({identifier})"),
        _ => identifier.to_string(),
    }
}

/// A VAT code as the merchant may have typed it: trimmed, and a pasted `…vatTariff/7` means 7. `None` when nothing is left.
pub fn vat_code(text: &str) -> Option<VatTariffId> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let code = match lower.rfind("vattariff/") {
        // to_ascii_lowercase keeps byte positions
        Some(at) => text[at + "vattariff/".len()..]
            .split(['/', '?', '#', ' '])
            .next()
            .unwrap_or_default(),
        None => text,
    };
    VatTariffId::parse(code.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_business_is_never_shown_in_a_log() {
        let business = Business {
            company_name: Some("Bakkerij De Smet".to_owned()),
            vat_number: Some("BE0123456749".to_owned()),
        };
        assert_eq!(format!("{business:?}"), "Business(…)");
    }
    use rstest::rstest;

    #[rstest]
    #[case(Some("1083993841"), "1083993841 (PF-1)")]
    #[case(Some(""), "PF-1")]
    #[case(None, "PF-1")]
    fn an_order_is_named_by_its_marketplace_number_if_it_has_one(
        #[case] external: Option<&str>,
        #[case] named: &str,
    ) {
        assert_eq!(
            reference(external, &OrderIdentifier::parse("PF-1").unwrap()),
            named
        );
    }

    #[rstest]
    #[case("7", Some("7"))]
    #[case("  7 ", Some("7"))]
    #[case("", None)]
    #[case("   ", None)]
    #[case("https://app.robaws.be/#/vatTariff/7", Some("7"))]
    #[case("app.robaws.com/#/VATTARIFF/12/", Some("12"))]
    #[case("vatTariff/", None)]
    #[case("É vatTariff/3?x", Some("3"))]
    fn vat_codes(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(vat_code(text).as_ref().map(VatTariffId::as_str), expected);
    }

    fn facts() -> OrderFacts {
        let line = |id: &str, sku: &str| LineFacts {
            id: LineId::parse(id).unwrap(),
            sku: Some(Sku::parse(sku).unwrap()),
            quantity: 2,
            price: Cents(1000),
            vat_code: vat_code("7"),
        };
        OrderFacts {
            cancelled: false,
            open: false,
            lines: vec![line("1", "A"), line("2", "B")],
            costs: Costs::default(),
            currency: "EUR".to_owned(),
        }
    }

    #[test]
    fn order_and_ids_of_lines_are_no_change() {
        let was = facts();
        let mut now = facts();
        now.lines.reverse();
        now.lines[0].id = LineId::parse("x").unwrap();
        assert_eq!(was.changes(&now), []);
    }

    #[test]
    fn each_change_is_named() {
        let was = facts();
        let change = |edit: fn(&mut OrderFacts)| {
            let mut now = facts();
            edit(&mut now);
            was.changes(&now)
        };
        assert_eq!(change(|f| f.lines[0].sku = None), [Change::Lines]);
        assert_eq!(change(|f| drop(f.lines.pop())), [Change::Lines]);
        assert_eq!(change(|f| f.lines[0].quantity = 3), [Change::Quantity]);
        assert_eq!(change(|f| f.lines[1].price = Cents(1)), [Change::Price]);
        assert_eq!(change(|f| f.lines[1].vat_code = None), [Change::VatCode]);
        assert_eq!(change(|f| f.costs.shipping = Cents(1)), [Change::Costs]);
        assert_eq!(change(|f| f.costs.discount = Cents(1)), [Change::Discount]);
        assert_eq!(change(|f| f.currency = "USD".to_owned()), [Change::Currency]);
        assert_eq!(change(|f| f.open = true), [Change::Reopened]);
        assert_eq!(
            change(|f| {
                f.cancelled = true;
                f.lines.clear();
            }),
            [Change::Cancelled]
        );
    }
}
