//! Orders as ProductFlow shows them: JSON, so that a test can also make one that is wrong.

use serde_json::{Map, Value, json};

/// Builds an order with every field of the contract; each can be replaced or removed.
#[derive(Clone, Debug)]
pub struct OrderBuilder(Value);

impl OrderBuilder {
    /// An open order from bol.com of a consumer in Belgium, in euros, without lines or costs. `placed_at` and
    /// `updated_at` are filled in when it is placed.
    #[must_use]
    pub fn new(identifier: &str) -> Self {
        let customer = json!({
            "first_name": "An", "last_name": "Peeters", "street_name": "Kerkstraat", "house_number": "1",
            "house_number_addition": null, "zip_code": "9000", "city": "Gent", "country_code": "BE",
            "company_name": null, "vat_number": null,
        });
        Self(json!({
            "identifier": identifier,
            "status": "open",
            "external_identifier": format!("X{identifier}"),
            "marketplace": {"id": 12, "name": "bol.com"},
            "currency_code": "EUR",
            "placed_at": null,
            "updated_at": null,
            "shipped_at": null,
            "shipping_cost": 0, "transaction_price": 0, "additional_price": 0, "discount_price": 0,
            "billing_customer": customer,
            "shipping_customer": customer,
            "lines": [],
        }))
    }

    /// Adds a line: pieces, the line's total in cents including VAT, and the VAT code.
    #[must_use]
    pub fn with_line(self, sku: &str, quantity: u32, total_cents: i64, vat_code: Option<&str>) -> Self {
        let line = json!({
            "sku": sku, "ean": null, "title": format!("Title of {sku}"), "quantity": quantity,
            "price": total_cents, "vat_code": vat_code, "fbm": false,
        });
        self.with_line_value(line)
    }

    /// Adds a line that the marketplace ships from its own stock.
    #[must_use]
    pub fn with_fbm_line(self, sku: &str, quantity: u32, total_cents: i64, vat_code: Option<&str>) -> Self {
        let mut built = self.with_line(sku, quantity, total_cents, vat_code);
        if let Some(line) = built.0["lines"].as_array_mut().and_then(|lines| lines.last_mut()) {
            line["fbm"] = json!(true);
        }
        built
    }

    /// Adds a line given as JSON. A line without an id gets the next one.
    #[must_use]
    pub fn with_line_value(mut self, mut line: Value) -> Self {
        if let Value::Array(lines) = &mut self.0["lines"] {
            if let Value::Object(fields) = &mut line {
                fields.entry("id").or_insert_with(|| json!((lines.len() + 1).to_string()));
            }
            lines.push(line);
        }
        self
    }

    /// Sets any field to any value.
    #[must_use]
    pub fn with_field(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0[field] = value.into();
        self
    }

    /// Leaves a field out.
    #[must_use]
    pub fn without_field(mut self, field: &str) -> Self {
        if let Value::Object(fields) = &mut self.0 {
            fields.remove(field);
        }
        self
    }

    #[must_use]
    pub fn with_status(self, status: &str) -> Self {
        self.with_field("status", status)
    }

    /// Shipping costs in cents.
    #[must_use]
    pub fn with_shipping_cost(self, cents: i64) -> Self {
        self.with_field("shipping_cost", cents)
    }

    /// A discount in cents, as a positive number.
    #[must_use]
    pub fn with_discount(self, cents: i64) -> Self {
        self.with_field("discount_price", cents)
    }

    /// The time of `placed_at`, RFC 3339.
    #[must_use]
    pub fn with_placed_at(self, at: &str) -> Self {
        self.with_field("placed_at", at)
    }

    /// The reference: the number of the order at the marketplace.
    #[must_use]
    pub fn with_external_number(self, number: &str) -> Self {
        self.with_field("external_identifier", number)
    }

    #[must_use]
    pub fn with_business_buyer(self, company: &str, vat_number: &str) -> Self {
        self.with_buyer(Some(company), Some(vat_number))
    }

    /// The buyer's company name and VAT number; a consumer has neither.
    #[must_use]
    pub fn with_buyer(mut self, company: Option<&str>, vat_number: Option<&str>) -> Self {
        for customer in ["billing_customer", "shipping_customer"] {
            self.0[customer]["company_name"] = json!(company);
            self.0[customer]["vat_number"] = json!(vat_number);
        }
        self
    }

    /// The buyer's country, ISO 3166-1 alpha-2.
    #[must_use]
    pub fn with_country(mut self, code: &str) -> Self {
        for customer in ["billing_customer", "shipping_customer"] {
            self.0[customer]["country_code"] = json!(code);
        }
        self
    }

    #[must_use]
    pub fn into_order(self) -> Value {
        self.0
    }

    /// The default order with the given fields in place of its own. A customer keeps the default's fields that are not given.
    /// Lines get ids.
    pub(crate) fn from_fields(identifier: &str, mut fields: Map<String, Value>) -> Value {
        let mut built = Self::new(identifier);
        let lines = fields.remove("lines");
        for (name, value) in fields {
            match (built.0.get_mut(&name), value) {
                (Some(Value::Object(customer)), Value::Object(given)) if name.ends_with("_customer") => {
                    customer.extend(given);
                }
                (_, value) => built = built.with_field(&name, value),
            }
        }
        if let Some(Value::Array(lines)) = lines {
            for line in lines {
                built = built.with_line_value(line);
            }
        }
        built.into_order()
    }
}

impl From<OrderBuilder> for Value {
    fn from(builder: OrderBuilder) -> Self {
        builder.into_order()
    }
}
