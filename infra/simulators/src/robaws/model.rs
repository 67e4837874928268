//! What a Robaws tenant holds, with the names that the API gives its fields.

use jiff::Timestamp;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::number;

/// An article. As JSON (control API) the fields are named as in Robaws.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Article {
    /// Digits.
    pub id: String,
    /// Not unique, and not normalised.
    pub article_number: Option<String>,
    /// The internal name.
    pub name: Option<String>,
    /// The name for customers.
    pub sale_name: Option<String>,
    pub description: Option<String>,
    /// Euros, excluding VAT.
    #[serde(with = "number::field")]
    pub cost_price: Decimal,
    /// Euros; including VAT when the tariff is VAT-inclusive.
    #[serde(with = "number::field")]
    pub sale_price: Decimal,
    pub vat_tariff_id: Option<String>,
    /// Whether the article can have stock changes.
    pub stock_article: bool,
    /// The value objects of the extra fields, by name.
    pub extra_fields: Map<String, Value>,
    /// Reserved pieces. The available stock is the total without these.
    #[serde(with = "number::field")]
    pub reserved_stock: Decimal,
    /// What the API gives as `availableStock` in place of the computed number; `null` inside is sent as null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_stock_override: Option<Value>,
    pub created_at: Timestamp,
    /// When the article was last edited. A stock change is no edit.
    pub updated_at: Timestamp,
    /// When the article was archived.
    pub archived_at: Option<Timestamp>,
    /// When the article was deleted.
    pub deleted_at: Option<Timestamp>,
}

impl Default for Article {
    fn default() -> Self {
        Self {
            id: String::new(),
            article_number: None,
            name: None,
            sale_name: None,
            description: None,
            cost_price: Decimal::ZERO,
            sale_price: Decimal::ZERO,
            vat_tariff_id: None,
            stock_article: true,
            extra_fields: Map::new(),
            reserved_stock: Decimal::ZERO,
            available_stock_override: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            archived_at: None,
            deleted_at: None,
        }
    }
}

impl Article {
    /// A live stock article with this id and number, unticked, without prices.
    #[must_use]
    pub fn new(id: &str, number: &str) -> Self {
        Self {
            id: id.to_owned(),
            article_number: Some(number.to_owned()),
            name: Some(format!("Article {number}")),
            ..Self::default()
        }
    }

    /// With its ProductFlow checkbox ticked or unticked.
    #[must_use]
    pub fn with_tick(mut self, ticked: bool) -> Self {
        self.set_tick(ticked);
        self
    }

    /// With a cost price and a sale price.
    #[must_use]
    pub fn with_prices(mut self, cost: Decimal, sale: Decimal) -> Self {
        self.cost_price = cost;
        self.sale_price = sale;
        self
    }

    /// With a VAT tariff.
    #[must_use]
    pub fn with_tariff(mut self, id: &str) -> Self {
        self.vat_tariff_id = Some(id.to_owned());
        self
    }

    /// As an article that can have no stock changes, such as a service.
    #[must_use]
    pub fn without_stock(mut self) -> Self {
        self.stock_article = false;
        self
    }

    /// Ticks or unticks the ProductFlow checkbox.
    pub fn set_tick(&mut self, ticked: bool) {
        let value = json!({"type": "CHECKBOX", "group": null, "booleanValue": ticked});
        self.extra_fields.insert("ProductFlow".to_owned(), value);
    }

    /// Whether the ProductFlow checkbox is ticked.
    pub fn is_ticked(&self) -> bool {
        self.extra_fields.get("ProductFlow").is_some_and(|field| field["booleanValue"] == Value::Bool(true))
    }

    /// Whether it is archived or deleted.
    pub fn is_gone(&self) -> bool {
        self.archived_at.is_some() || self.deleted_at.is_some()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VatTariff {
    #[serde(default)]
    pub id: String,
    pub name: String,
    /// The percentage, possibly with decimals.
    #[serde(with = "number::field")]
    pub percentage: Decimal,
    /// Whether an invoice line's price includes the VAT.
    pub vat_inclusive: bool,
}

impl VatTariff {
    /// A tariff with this id and percentage, named after them.
    #[must_use]
    pub fn new(id: &str, percentage: Decimal, vat_inclusive: bool) -> Self {
        let kind = if vat_inclusive { "incl." } else { "excl." };
        Self { id: id.to_owned(), name: format!("{percentage}% {kind}"), percentage, vat_inclusive }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StockLine {
    pub article_id: String,
    /// Pieces, above 0.
    #[serde(with = "number::field")]
    pub quantity: Decimal,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StockChange {
    pub id: String,
    /// `YYYY-MM-DD`.
    pub date: String,
    pub description: Option<String>,
    /// The location that the pieces leave; `None` when they come from outside.
    pub from_stock_location_id: Option<String>,
    /// The location that the pieces reach; `None` when they leave for outside.
    pub to_stock_location_id: Option<String>,
    /// Whether the pieces were moved. A draft moves none.
    pub booked: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub line_items: Vec<StockLine>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LineKind {
    /// A line with a quantity and a price.
    Line,
    /// A line with only a description.
    Text,
}

/// A line of a sales invoice; a text line has only a description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceLine {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: LineKind,
    pub article_id: Option<String>,
    /// The text that the customer reads.
    pub description: String,
    /// Pieces, possibly below 0.
    #[serde(with = "optional_number")]
    pub quantity: Option<Decimal>,
    /// Euros a piece, including VAT when the tariff is VAT-inclusive.
    #[serde(with = "optional_number")]
    pub price: Option<Decimal>,
    pub vat_tariff_id: Option<String>,
}

mod optional_number {
    use rust_decimal::Decimal;
    use serde::{Serialize as _, Serializer};

    #[expect(clippy::ref_option, reason = "the signature that serde's `with` asks for")]
    pub(super) fn serialize<S: Serializer>(
        value: &Option<Decimal>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(crate::number::to_json).serialize(serializer)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum InvoiceKind {
    Invoice,
    /// A credit note, with positive amounts.
    CreditNote,
}

/// A sales invoice or credit note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Invoice {
    pub id: String,
    /// The number that people use. A draft may have none.
    pub logic_id: Option<String>,
    #[serde(rename = "type")]
    pub kind: InvoiceKind,
    pub client_id: String,
    /// `YYYY-MM-DD`.
    pub date: String,
    pub client_reference: Option<String>,
    pub remark: Option<String>,
    /// The tenant's own company that sends the invoice.
    pub company_id: Option<String>,
    pub payment_condition_id: Option<String>,
    /// `false` for a draft.
    pub booked: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub line_items: Vec<InvoiceLine>,
    /// Euros.
    #[serde(with = "number::field")]
    pub total_excl_vat: Decimal,
    /// Euros.
    #[serde(with = "number::field")]
    pub total_incl_vat: Decimal,
}

/// A line's total without and with VAT, each rounded to cents, half away from zero.
pub(crate) fn line_totals(quantity: Decimal, price: Decimal, tariff: &VatTariff) -> (Decimal, Decimal) {
    let cents = |value: Decimal| value.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    let factor = Decimal::ONE + tariff.percentage / Decimal::ONE_HUNDRED;
    let amount = cents(quantity * price);
    if tariff.vat_inclusive { (cents(amount / factor), amount) } else { (amount, cents(amount * factor)) }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    pub id: String,
    pub title: String,
    pub description: Option<String>,
    /// Free text, usually `Te doen` or `Gedaan`.
    pub status: Option<String>,
    pub assigned_user_id: Option<String>,
    /// The path of the document that the task is about, such as `/sales-invoices/1`.
    pub related_resource: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookEndpoint {
    /// A UUID.
    pub id: String,
    pub url: String,
    /// The events that are delivered to this endpoint.
    pub events: Vec<String>,
    /// The secret that signs deliveries. The API shows it only at creation.
    pub secret: String,
    /// Whether Robaws delivers nothing more to this endpoint.
    pub suspended: bool,
    /// How many deliveries in a row failed at every attempt.
    pub failures: u32,
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_arithmetic() {
        let incl = VatTariff::new("7", Decimal::from(21), true);
        let excl = VatTariff::new("8", Decimal::from(21), false);
        let d = |text: &str| text.parse::<Decimal>().unwrap();
        assert_eq!(line_totals(d("2"), d("29.99"), &incl), (d("49.57"), d("59.98")));
        assert_eq!(line_totals(d("3"), d("0.3333"), &excl), (d("1.00"), d("1.21")));
        assert_eq!(line_totals(d("-1"), d("5.00"), &incl), (d("-4.13"), d("-5.00")));
    }
}
