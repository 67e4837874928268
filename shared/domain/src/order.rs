//! A ProductFlow order as the rules see it: read, checked, with amounts in cents. Of the buyer it holds only the country
//! and whether the buyer is a business. The client drops names and addresses.

use crate::ids::{LineId, OrderIdentifier, Sku, VatTariffId};
use crate::money::Cents;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Status of an order in ProductFlow: an open order is shipped or cancelled later.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Registered and not shipped yet; ProductFlow's words are `open` and `accepted`.
    Open,
    /// The whole order is shipped.
    Shipped,
    /// ProductFlow's words are `cancelled` and `canceled`.
    Cancelled,
    /// Any other word, exactly as ProductFlow wrote it. The rules do nothing for such an order.
    Unknown(String),
}

impl OrderStatus {
    /// Our own word for the status, or ProductFlow's word when the status is unknown.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Open => "open",
            Self::Shipped => "shipped",
            Self::Cancelled => "cancelled",
            Self::Unknown(word) => word,
        }
    }
}

/// A buyer with a company name or a VAT number. These two values are personal data: they are written into the remark of the
/// invoice and stored nowhere else.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct BusinessBuyer {
    pub company_name: Option<String>,
    pub vat_number: Option<String>,
}

impl std::fmt::Debug for BusinessBuyer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Written by hand, so that names and VAT numbers never reach a log.
        f.write_str("Business(…)")
    }
}

/// One line of an order, VAT included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    /// ProductFlow's id of the line. When ProductFlow gives none, the place of the line in the order.
    pub id: LineId,
    /// Number of the product. A line that was typed by hand has none.
    pub sku: Option<Sku>,
    /// Title of the product. When ProductFlow gives none, the SKU.
    pub title: String,
    /// Pieces, at least 1.
    pub quantity: u32,
    /// Price of all pieces of the line together, VAT-inclusive.
    pub price: Cents,
    /// The VAT code that stood in ProductFlow's VAT group on the day of registration, see [`parse_vat_code`].
    pub vat_code: Option<VatTariffId>,
    /// "Fulfilled by marketplace": the marketplace ships the line from its own warehouse.
    pub fbm: bool,
}

/// Costs and discount of a whole order, VAT-inclusive and never below 0. They belong to no line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Costs {
    /// `shipping_cost` in ProductFlow.
    pub shipping: Cents,
    /// `transaction_price` in ProductFlow: costs of the payment.
    pub transaction: Cents,
    /// `additional_price` in ProductFlow.
    pub additional: Cents,
    /// `discount_price` in ProductFlow, subtracted from the total.
    pub discount: Cents,
}

/// An order that was read without fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub identifier: OrderIdentifier,
    pub status: OrderStatus,
    /// The marketplace's own number of the order. Two marketplaces may use the same number.
    pub external_identifier: Option<String>,
    /// Name of the marketplace.
    pub marketplace: Option<String>,
    /// ISO 4217 code. `EUR` when ProductFlow gives none.
    pub currency: String,
    /// When the buyer placed the order, by ProductFlow.
    pub placed_at: Timestamp,
    /// `updated_at` in ProductFlow.
    pub updated_at: Option<Timestamp>,
    /// When the order was shipped, by ProductFlow.
    pub shipped_at: Option<Timestamp>,
    pub costs: Costs,
    /// The total that ProductFlow sends with the order, VAT-inclusive.
    pub total: Option<Cents>,
    /// ISO 3166 code of the country that the order is shipped to.
    pub country: Option<String>,
    /// Set when the buyer is a business.
    pub business: Option<BusinessBuyer>,
    /// The goods. Only a cancelled order may have no lines.
    pub lines: Vec<OrderLine>,
}

/// An order that cannot be read: an essential field is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("order {identifier}: {field} cannot be read")]
pub struct UnreadableOrder {
    pub identifier: OrderIdentifier,
    /// Path of the faulty field, for example `lines[1].quantity`.
    pub field: String,
    /// What stood in the field, shortened. `–` when the field was missing.
    pub value: String,
    /// When the order was placed. `None` when this field cannot be read either.
    pub placed_at: Option<Timestamp>,
    /// The marketplace's number of the order. `None` when this field cannot be read either.
    pub external_identifier: Option<String>,
    /// Digest of the raw order. A later change of the order changes the digest.
    pub fingerprint: String,
}

/// The fields of a line of which a change matters after the invoice: SKU, quantity, price and VAT code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LineFacts {
    /// ProductFlow's id of the line. Choices and messages need the id; it is not compared.
    pub id: LineId,
    pub sku: Option<Sku>,
    /// Pieces, at least 1.
    pub quantity: u32,
    /// Price of all pieces of the line together, VAT-inclusive.
    pub price: Cents,
    pub vat_code: Option<VatTariffId>,
}

/// What the ledger keeps of an order, in order to tell later whether the order changed in a way that matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderFacts {
    /// Whether the order was cancelled.
    pub cancelled: bool,
    /// Whether the order was open. An order that is open again after its invoice has changed.
    pub open: bool,
    pub lines: Vec<LineFacts>,
    pub costs: Costs,
    /// ISO 4217 code.
    pub currency: String,
}

/// One difference between two [`OrderFacts`]. Messages name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderChange {
    Cancelled,
    /// The order was shipped or cancelled before and is open again.
    Reopened,
    /// The order was open when its invoice was undone, and was shipped since.
    Shipped,
    /// The SKU of a line changed, or a line was added or removed.
    Lines,
    Quantity,
    Price,
    VatCode,
    /// The costs of shipping, payment or other services.
    Costs,
    Discount,
    Currency,
}

impl OrderFacts {
    /// Takes the facts out of an order as it is now.
    pub fn from_order(order: &Order) -> Self {
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

    /// Lists what differs in `now` from these facts. The sequence of the lines and their ids are not compared. Of a cancelled
    /// order only the cancellation is listed, because ProductFlow may have dropped its lines and amounts.
    pub fn find_changes(&self, now: &OrderFacts) -> Vec<OrderChange> {
        let mut changes = Vec::new();
        if now.cancelled != self.cancelled {
            changes.push(if now.cancelled { OrderChange::Cancelled } else { OrderChange::Reopened });
        } else if now.open && !self.open {
            changes.push(OrderChange::Reopened);
        }
        if now.cancelled {
            return changes;
        }
        changes.extend(find_line_changes(&self.lines, &now.lines));
        let (was, is) = (&self.costs, &now.costs);
        if (was.shipping, was.transaction, was.additional) != (is.shipping, is.transaction, is.additional) {
            changes.push(OrderChange::Costs);
        }
        if was.discount != is.discount {
            changes.push(OrderChange::Discount);
        }
        if self.currency != now.currency {
            changes.push(OrderChange::Currency);
        }
        changes
    }
}

/// Compares lines as sorted tuples of SKU, quantity, price and VAT code.
fn find_line_changes(was: &[LineFacts], is: &[LineFacts]) -> Vec<OrderChange> {
    type Key<'a> = (Option<&'a Sku>, u32, Cents, Option<&'a VatTariffId>);
    fn sort_line_keys(lines: &[LineFacts]) -> Vec<Key<'_>> {
        let mut keys: Vec<Key<'_>> =
            lines.iter().map(|l| (l.sku.as_ref(), l.quantity, l.price, l.vat_code.as_ref())).collect();
        keys.sort();
        keys
    }
    let (was, is) = (sort_line_keys(was), sort_line_keys(is));
    if was == is {
        return Vec::new();
    }
    if was.len() != is.len() || was.iter().zip(&is).any(|(a, b)| a.0 != b.0) {
        return vec![OrderChange::Lines];
    }
    let mut changes = Vec::new();
    let pairs = || was.iter().zip(&is);
    if pairs().any(|(a, b)| a.1 != b.1) {
        changes.push(OrderChange::Quantity);
    }
    if pairs().any(|(a, b)| a.2 != b.2) {
        changes.push(OrderChange::Price);
    }
    if pairs().any(|(a, b)| a.3 != b.3) {
        changes.push(OrderChange::VatCode);
    }
    changes
}

impl Order {
    /// The name of the order for people on both sides: marketplace number and identifier, for example `1083993841 (PF-100234)`.
    pub fn reference(&self) -> String {
        format_reference(self.external_identifier.as_deref(), &self.identifier)
    }

    /// Sum of lines and costs less the discount. `None` on overflow.
    pub fn compute_total(&self) -> Option<Cents> {
        let costs = &self.costs;
        self.lines
            .iter()
            .map(|line| line.price)
            .chain([costs.shipping, costs.transaction, costs.additional])
            .try_fold(Cents::ZERO, Cents::checked_add)?
            .checked_sub(costs.discount)
    }

    /// Digest of every field that the rules use. A poll compares it to see whether anything changed that matters.
    pub fn compute_fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let mut field = |text: &str| {
            hash.update(text.len().to_le_bytes());
            hash.update(text.as_bytes());
        };
        // Each optional text gets a prefix, so that an absent text and an empty one give different digests.
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
        let Costs { shipping, transaction, additional, discount } = self.costs;
        for amount in [shipping, transaction, additional, discount] {
            field(&amount.0.to_string());
        }
        field(&optional(self.total.map(|t| t.to_string()).as_deref()));
        field(&optional(self.country.as_deref()));
        let business = self.business.as_ref();
        field(&optional(business.map(|b| optional(b.company_name.as_deref())).as_deref()));
        field(&optional(business.map(|b| optional(b.vat_number.as_deref())).as_deref()));
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

/// Writes `1083993841 (PF-100234)`, or the identifier alone when the marketplace gave no number.
pub fn format_reference(external_identifier: Option<&str>, identifier: &OrderIdentifier) -> String {
    match external_identifier {
        Some(external) if !external.is_empty() => format!("{external} ({identifier})"),
        _ => identifier.to_string(),
    }
}

/// Reads a VAT code as merchants type it: white space is trimmed, and of a pasted URL `…vatTariff/7` only the 7 is kept.
/// `None` when no text is left.
pub fn parse_vat_code(text: &str) -> Option<VatTariffId> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let code = match lower.rfind("vattariff/") {
        // `to_ascii_lowercase` keeps byte positions, so the position in `lower` is valid in `text`.
        Some(at) => text[at + "vattariff/".len()..].split(['/', '?', '#', ' ']).next().unwrap_or_default(),
        None => text,
    };
    VatTariffId::parse(code.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_business_is_never_shown_in_a_log() {
        let business = BusinessBuyer {
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
        assert_eq!(format_reference(external, &OrderIdentifier::parse("PF-1").unwrap()), named);
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
    fn vat_codes_are_trimmed_and_cut_out_of_urls(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(parse_vat_code(text).as_ref().map(VatTariffId::as_str), expected);
    }

    fn two_line_facts() -> OrderFacts {
        let line = |id: &str, sku: &str| LineFacts {
            id: LineId::parse(id).unwrap(),
            sku: Some(Sku::parse(sku).unwrap()),
            quantity: 2,
            price: Cents(1000),
            vat_code: parse_vat_code("7"),
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
        let was = two_line_facts();
        let mut now = two_line_facts();
        now.lines.reverse();
        now.lines[0].id = LineId::parse("x").unwrap();
        assert_eq!(was.find_changes(&now), []);
    }

    #[test]
    fn each_change_is_named() {
        let was = two_line_facts();
        let change = |edit: fn(&mut OrderFacts)| {
            let mut now = two_line_facts();
            edit(&mut now);
            was.find_changes(&now)
        };
        assert_eq!(change(|f| f.lines[0].sku = None), [OrderChange::Lines]);
        assert_eq!(change(|f| drop(f.lines.pop())), [OrderChange::Lines]);
        assert_eq!(change(|f| f.lines[0].quantity = 3), [OrderChange::Quantity]);
        assert_eq!(change(|f| f.lines[1].price = Cents(1)), [OrderChange::Price]);
        assert_eq!(change(|f| f.lines[1].vat_code = None), [OrderChange::VatCode]);
        assert_eq!(change(|f| f.costs.shipping = Cents(1)), [OrderChange::Costs]);
        assert_eq!(change(|f| f.costs.discount = Cents(1)), [OrderChange::Discount]);
        assert_eq!(change(|f| f.currency = "USD".to_owned()), [OrderChange::Currency]);
        assert_eq!(change(|f| f.open = true), [OrderChange::Reopened]);
        assert_eq!(
            change(|f| {
                f.cancelled = true;
                f.lines.clear();
            }),
            [OrderChange::Cancelled]
        );
    }
}
