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
    /// Its id, digits.
    pub id: String,
    /// Its number; not unique, not normalised.
    pub article_number: Option<String>,
    /// The internal name.
    pub name: Option<String>,
    /// The name for customers.
    pub sale_name: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// Euros, excluding VAT.
    #[serde(with = "number::field")]
    pub cost_price: Decimal,
    /// Euros; including VAT when the tariff is VAT-inclusive.
    #[serde(with = "number::field")]
    pub sale_price: Decimal,
    /// Its VAT tariff.
    pub vat_tariff_id: Option<String>,
    /// Whether it can have stock changes.
    pub stock_article: bool,
    /// Name of the extra field to its value object.
    pub extra_fields: Map<String, Value>,
    /// Pieces reserved: the available stock is the total less these.
    #[serde(with = "number::field")]
    pub reserved_stock: Decimal,
    /// What the API gives as `availableStock` in place of the computed number; `null` inside is sent as null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_stock_override: Option<Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last edited; a stock change is no edit.
    pub updated_at: Timestamp,
    /// Set once it is archived.
    pub archived_at: Option<Timestamp>,
    /// Set once it is deleted.
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
    pub fn ticked(mut self, ticked: bool) -> Self {
        self.tick(ticked);
        self
    }

    /// With a cost price and a sale price.
    #[must_use]
    pub fn prices(mut self, cost: Decimal, sale: Decimal) -> Self {
        self.cost_price = cost;
        self.sale_price = sale;
        self
    }

    /// With a VAT tariff.
    #[must_use]
    pub fn tariff(mut self, id: &str) -> Self {
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
    pub fn tick(&mut self, ticked: bool) {
        let value = json!({"type": "CHECKBOX", "group": null, "booleanValue": ticked});
        self.extra_fields.insert("ProductFlow".to_owned(), value);
    }

    /// Whether the ProductFlow checkbox is ticked.
    pub fn is_ticked(&self) -> bool {
        self.extra_fields
            .get("ProductFlow")
            .is_some_and(|field| field["booleanValue"] == Value::Bool(true))
    }

    /// Whether it is archived or deleted.
    pub fn is_gone(&self) -> bool {
        self.archived_at.is_some() || self.deleted_at.is_some()
    }
}

/// A VAT tariff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VatTariff {
    /// Its id.
    #[serde(default)]
    pub id: String,
    /// Its name.
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
        Self {
            id: id.to_owned(),
            name: format!("{percentage}% {kind}"),
            percentage,
            vat_inclusive,
        }
    }
}

/// A line of a stock change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StockLine {
    /// The article moved.
    pub article_id: String,
    /// How many, always above zero.
    #[serde(with = "number::field")]
    pub quantity: Decimal,
}

/// A stock change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StockChange {
    /// Its id.
    pub id: String,
    /// `YYYY-MM-DD`.
    pub date: String,
    /// As the caller wrote it.
    pub description: Option<String>,
    /// Where the pieces leave.
    pub from_stock_location_id: Option<String>,
    /// Where the pieces arrive.
    pub to_stock_location_id: Option<String>,
    /// Whether anything moved.
    pub booked: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// What moved.
    pub line_items: Vec<StockLine>,
}

/// What an invoice line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LineKind {
    /// Goods or costs.
    Line,
    /// Words.
    Text,
}

/// A line of a sales invoice; a text line has only a description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceLine {
    /// Its id.
    pub id: String,
    /// Goods or words.
    #[serde(rename = "type")]
    pub kind: LineKind,
    /// The article, if any.
    pub article_id: Option<String>,
    /// What the customer reads.
    pub description: String,
    /// How many, possibly below zero.
    #[serde(with = "optional_number")]
    pub quantity: Option<Decimal>,
    /// Euros a piece, including VAT when the tariff is VAT-inclusive.
    #[serde(with = "optional_number")]
    pub price: Option<Decimal>,
    /// Its VAT tariff.
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

/// Invoice or credit note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum InvoiceKind {
    /// An invoice.
    Invoice,
    /// A credit note, with positive amounts.
    CreditNote,
}

/// A sales invoice or credit note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Invoice {
    /// Its id.
    pub id: String,
    /// Its number for people; a draft may have none.
    pub logic_id: Option<String>,
    /// Invoice or credit note.
    #[serde(rename = "type")]
    pub kind: InvoiceKind,
    /// Whose it is.
    pub client_id: String,
    /// `YYYY-MM-DD`.
    pub date: String,
    /// The caller's reference.
    pub client_reference: Option<String>,
    /// The caller's remark.
    pub remark: Option<String>,
    /// The company of the tenant that sends it.
    pub company_id: Option<String>,
    /// Its payment condition.
    pub payment_condition_id: Option<String>,
    /// Final, or a draft.
    pub booked: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Its lines in order.
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
    if tariff.vat_inclusive {
        (cents(amount / factor), amount)
    } else {
        (amount, cents(amount * factor))
    }
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub description: Option<String>,
    /// Free text, `Te doen` or `Gedaan` as a rule.
    pub status: Option<String>,
    /// Who is to do it.
    pub assigned_user_id: Option<String>,
    /// What it is about, `/sales-invoices/1`.
    pub related_resource: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A webhook endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookEndpoint {
    /// Its id, a UUID.
    pub id: String,
    /// Where deliveries go.
    pub url: String,
    /// Which events it wants.
    pub events: Vec<String>,
    /// What deliveries are signed with; the API shows it only at creation.
    pub secret: String,
    /// Whether Robaws has given up on it.
    pub suspended: bool,
    /// Deliveries in a row that failed for good.
    pub failures: u32,
    /// When it was made.
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
