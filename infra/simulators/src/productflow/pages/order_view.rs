//! An order as people read it. It is any JSON, so nothing of it is taken for granted.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::pages::text::when;

/// The amounts beside the lines: field and label.
pub(super) const COSTS: [(&str, &str); 4] = [
    ("shipping_cost", "Shipping"),
    ("transaction_price", "Payment costs"),
    ("additional_price", "Other costs"),
    ("discount_price", "Discount"),
];

pub(super) struct LineView {
    pub(super) sku: String,
    pub(super) title: String,
    pub(super) quantity: String,
    pub(super) price: String,
    pub(super) vat_code: String,
    pub(super) fbm: bool,
    /// Whether the SKU has a product, and so a page.
    pub(super) product: bool,
}

pub(super) struct OrderView {
    pub(super) identifier: String,
    pub(super) status: String,
    pub(super) marketplace: String,
    pub(super) number: String,
    pub(super) placed: String,
    pub(super) updated: String,
    pub(super) shipped: String,
    pub(super) buyer: String,
    pub(super) country: String,
    pub(super) company: String,
    pub(super) vat_number: String,
    pub(super) lines: Vec<LineView>,
    /// Label and amount of each that is not 0.
    pub(super) costs: Vec<(&'static str, String)>,
    pub(super) total: String,
}

impl OrderView {
    /// The order; `has_product` says which SKUs have a page.
    pub(super) fn new(order: &Value, has_product: impl Fn(&str) -> bool) -> Self {
        let currency = Some(shown(&order["currency_code"]))
            .filter(|code| !code.is_empty() && code != "EUR")
            .unwrap_or_else(|| "€".to_owned());
        let money = |value: &Value| format!("{currency} {}", amount(value));
        let billing = &order["billing_customer"];
        let shipping = &order["shipping_customer"];
        let either = |field: &str| {
            let values = [billing, shipping].map(|customer| shown(&customer[field]));
            values
                .into_iter()
                .find(|text| !text.is_empty())
                .unwrap_or_default()
        };
        let name = [either("first_name"), either("last_name")].join(" ");
        let costs = COSTS.into_iter().filter(|(field, _)| {
            let value = &order[field];
            !value.is_null() && *value != 0
        });
        Self {
            identifier: shown(&order["identifier"]),
            status: shown(&order["status"]),
            marketplace: match &order["marketplace"]["name"] {
                Value::Null => shown(&order["marketplace"]),
                name => shown(name),
            },
            number: shown(&order["external_identifier"]),
            placed: time(&order["placed_at"]),
            updated: time(&order["updated_at"]),
            shipped: time(&order["shipped_at"]),
            buyer: name.trim().to_owned(),
            country: either("country_code"),
            company: either("company_name"),
            vat_number: either("vat_number"),
            lines: lines(order)
                .iter()
                .map(|line| LineView {
                    product: line["sku"].as_str().is_some_and(&has_product),
                    sku: shown(&line["sku"]),
                    title: shown(&line["title"]),
                    quantity: shown(&line["quantity"]),
                    price: money(&line["price"]),
                    vat_code: shown(&line["vat_code"]),
                    fbm: line["fbm"] == true,
                })
                .collect(),
            costs: costs
                .map(|(field, label)| (label, money(&order[field])))
                .collect(),
            total: total(order).map_or_else(
                || "not to be computed".to_owned(),
                |cents| format!("{currency} {}", in_euros(cents)),
            ),
        }
    }
}

/// When an order was placed, for sorting.
pub(super) fn placed_at(order: &Value) -> Option<Timestamp> {
    order["placed_at"].as_str()?.parse().ok()
}

/// An order's lines.
pub(super) fn lines(order: &Value) -> &[Value] {
    order["lines"].as_array().map_or(&[], Vec::as_slice)
}

/// A value as it is typed: a string bare, nothing for null, anything else as JSON.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Cents in euros; what are no whole cents as they are.
pub(super) fn amount(value: &Value) -> String {
    value.as_i64().map_or_else(|| shown(value), in_euros)
}

fn in_euros(cents: i64) -> String {
    Decimal::new(cents, 2).to_string()
}

fn time(value: &Value) -> String {
    let time = value.as_str().and_then(|text| text.parse().ok());
    time.map_or_else(|| shown(value), when)
}

/// Lines and costs less the discount; `None` where an amount is none.
fn total(order: &Value) -> Option<i64> {
    let mut total: i64 = 0;
    for line in lines(order) {
        total = total.checked_add(line["price"].as_i64()?)?;
    }
    for (field, _) in COSTS {
        let cents = match &order[field] {
            Value::Null => 0,
            value => value.as_i64()?,
        };
        total = if field == "discount_price" {
            total.checked_sub(cents)?
        } else {
            total.checked_add(cents)?
        };
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OrderBuilder;
    use serde_json::json;

    #[test]
    fn an_order_is_read_whatever_is_in_it() {
        let order = OrderBuilder::new("PF-1")
            .line("A-1", 2, 5998, Some("7"))
            .shipping_cost(495)
            .discount(100);
        let view = OrderView::new(&order.build(), |_| false);
        assert_eq!(
            (view.total.as_str(), view.lines[0].price.as_str()),
            ("€ 63.93", "€ 59.98")
        );
        assert_eq!(
            view.costs,
            [
                ("Shipping", "€ 4.95".to_owned()),
                ("Discount", "€ 1.00".to_owned())
            ]
        );
        for strange in [
            json!(null),
            json!([]),
            json!({"lines": "x"}),
            json!({"lines": [1, null, "x"], "marketplace": 3}),
        ] {
            assert!(!OrderView::new(&strange, |_| true).total.is_empty(), "{strange}");
        }
        let euros = json!({"lines": [{"price": 59.98}], "placed_at": "yesterday", "currency_code": "USD"});
        let view = OrderView::new(&euros, |_| false);
        assert_eq!(
            (view.lines[0].price.as_str(), view.placed.as_str()),
            ("USD 59.98", "yesterday")
        );
        assert_eq!(view.total, "not to be computed");
    }
}
