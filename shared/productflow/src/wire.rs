//! The bodies, and EVERY assumption about ProductFlow that nothing public confirms, marked `[A:id]` as in the contract. A wrong
//! guess is mended here and nowhere else; `infra/doctor` has a check, or a reason why there is none, for every id.
//!
//! - \[A:pf-envelope\] The envelope `{data, links, meta}`; also the same keys at the top level, and a bare array;
//!   \[A:pf-order-envelope\] one order stands under `data`; \[A:pf-list-rows\] an order of the list shows the same fields.
//! - \[A:pf-all-statuses\] Without `status[]` the list holds orders of every status; \[A:pf-sort\] `sort[0]=-updated_at` puts the
//!   latest update first, or is ignored or refused.
//! - All field names of an order: \[A:pf-identifier\], \[A:pf-status\], \[A:pf-external-identifier\], \[A:pf-marketplace\],
//!   \[A:pf-placed-at\], \[A:pf-updated-at\], \[A:pf-shipped-at\], \[A:pf-costs\], \[A:pf-customer\], \[A:pf-lines\]; and of a
//!   line: \[A:pf-line-id\], \[A:pf-line-sku\], \[A:pf-line-title\], \[A:pf-line-quantity\], \[A:pf-line-price-field\],
//!   \[A:pf-vat-code\], \[A:pf-fbm\].
//! - \[A:pf-order-amounts\] Amounts are integer cents, \[A:pf-vat-inclusive\] VAT-inclusive; \[A:pf-line-price\] a line's
//!   `price` is its total. The settings can say otherwise. \[A:pf-costs-sum\] Costs come on top of the lines, a discount is
//!   taken off.
//! - \[A:pf-status-words\] Status words beyond `open`; the settings add to them.
//! - \[A:pf-total\] `total`, also `total_price` and `grand_total`, is the order's own total.
//! - \[A:pf-description\] A product takes a `description`. \[A:pf-offer-replaces\] Whether fields that are left out are kept or
//!   cleared is unknown: the whole set that we own goes out every time, and a price that is not to be sent is absent.
//! - \[A:pf-offer-stock\] ProductFlow does not take its own open orders off the stock of an offer: Robaws' stock is without them.
//! - \[A:pf-currency\] A missing `currency_code` means EUR. \[A:pf-timezone\] A timestamp without offset is Europe/Amsterdam.
//! - \[A:pf-bad-token\] A 2xx that is not JSON is an authentication failure, as 401 and a redirect are; \[A:pf-wrong-company\]
//!   a company that the token does not reach is 403, or 404; \[A:pf-not-found\] what is unknown is 404; \[A:pf-rejections\] 422
//!   carries `message` and `errors`, 429 `Retry-After`; \[A:pf-rate-headers\] `X-RateLimit-Remaining` tells what is left, where
//!   it comes.

use crate::Error;
use domain::article::{Offer, Product};
use domain::ids::{LineId, OrderIdentifier, Sku};
use domain::money::Cents;
use domain::order::{BusinessBuyer, Costs, Order, OrderLine, OrderStatus, UnreadableOrder, parse_vat_code};
use domain::settings::{ConnectionSettings, LinePrice, OrderAmounts};
use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{self, TimeZone},
};
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::str::FromStr;

/// The form fields of a product.
pub(crate) fn product_form(product: &Product) -> Vec<(String, String)> {
    let mut form = vec![("title".to_owned(), product.title.clone())];
    if let Some(description) = &product.description {
        form.push(("description".to_owned(), description.clone()));
    }
    form
}

/// The form fields of an offer. Prices are decimal euros.
pub(crate) fn offer_form(offer: &Offer) -> Vec<(String, String)> {
    let mut form = vec![
        ("title".to_owned(), offer.title.clone()),
        ("qty_available".to_owned(), offer.quantity.to_string()),
    ];
    let prices = [("cost_price", offer.cost_price), ("sell_price", offer.sale_price)];
    for (name, price) in prices {
        if let Some(price) = price {
            form.push((format!("prices[EUR][{name}]"), format_euros(price)));
        }
    }
    form
}

/// A price in euros with at least two decimals: `4.5` becomes `4.50`; further decimals stay.
fn format_euros(price: Decimal) -> String {
    let mut price = price.normalize();
    if price.scale() < 2 {
        price.rescale(2);
    }
    price.to_string()
}

/// The JSON body of an order, not interpreted yet.
#[derive(Debug, Clone, PartialEq)]
pub struct RawOrder {
    body: Value,
    asked: Option<OrderIdentifier>,
}

/// One list page of orders.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderListPage {
    pub orders: Vec<RawOrder>,
    /// Whether no list page follows. Decided by the envelope of the answer; an empty list page is always the last.
    pub is_last: bool,
}

impl RawOrder {
    /// An order of a list.
    pub fn new(body: Value) -> Self {
        Self { body, asked: None }
    }

    /// ProductFlow's identifier of the order. When the body has none, the identifier that the order was asked for by.
    pub fn identifier(&self) -> Option<OrderIdentifier> {
        let own = self.body.get("identifier").and_then(text_or_number);
        own.and_then(|text| OrderIdentifier::parse(text).ok()).or_else(|| self.asked.clone())
    }

    /// When ProductFlow last changed the order. `None` when the body shows no such time.
    pub fn updated_at(&self) -> Option<Timestamp> {
        self.body.get("updated_at").and_then(Value::as_str).and_then(parse_timestamp)
    }

    /// When the buyer placed the order. `None` when the body shows no such time.
    pub fn placed_at(&self) -> Option<Timestamp> {
        self.body.get("placed_at").and_then(Value::as_str).and_then(parse_timestamp)
    }

    /// The status of the order, also when the rest of the order can't be read. `None` when the body has no status.
    pub fn status(&self, settings: &ConnectionSettings) -> Option<OrderStatus> {
        parse_status(&self.body, settings).ok()
    }

    /// Digest of the whole body: 32 hex digits.
    pub fn digest(&self) -> String {
        hex::encode(&Sha256::digest(self.body.to_string().as_bytes())[..16])
    }
}

/// Reads the answer to a list of orders. `page` is the number that was asked for, from 1.
pub(crate) fn read_list_envelope(answer: Value, page: u32) -> Result<OrderListPage, Error> {
    let unreadable = || Error::Unreadable { what: "a list of orders" };
    let (rows, envelope) = match answer {
        Value::Array(rows) => (rows, Map::new()),
        Value::Object(mut envelope) => match envelope.remove("data") {
            Some(Value::Array(rows)) => (rows, envelope),
            _ => return Err(unreadable()),
        },
        _ => return Err(unreadable()),
    };
    let meta = envelope.get("meta").and_then(Value::as_object).unwrap_or(&envelope);
    let links = envelope.get("links").and_then(Value::as_object);
    let last_page = meta.get("last_page").and_then(Value::as_u64);
    let next = links.and_then(|links| links.get("next")).or_else(|| envelope.get("next_page_url"));
    let is_last = match (last_page, next) {
        (Some(last), _) => u64::from(page) >= last,
        (None, Some(next)) => next.is_null(),
        // The envelope does not tell: the list ends where a page is empty.
        (None, None) => false,
    };
    Ok(OrderListPage {
        is_last: is_last || rows.is_empty(),
        orders: rows.into_iter().map(RawOrder::new).collect(),
    })
}

/// Reads the answer to one order, which stands under `data` or at the top level.
pub(crate) fn read_order_envelope(answer: Value, asked: &OrderIdentifier) -> Result<RawOrder, Error> {
    let body = match answer {
        Value::Object(mut envelope) => match envelope.remove("data") {
            Some(data @ Value::Object(_)) => data,
            None if envelope.contains_key("identifier") => Value::Object(envelope),
            _ => return Err(Error::Unreadable { what: "an order" }),
        },
        _ => return Err(Error::Unreadable { what: "an order" }),
    };
    Ok(RawOrder { body, asked: Some(asked.clone()) })
}

/// Characters of a value that an [`Unreadable`] repeats at most.
const MOST_SHOWN_CHARACTERS: usize = 100;

struct BadField {
    field: String,
    value: String,
}

fn bad_field(field: impl Into<String>, value: Option<&Value>) -> BadField {
    let shown = match value {
        None | Some(Value::Null) => "–".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    BadField { field: field.into(), value: shown.chars().take(MOST_SHOWN_CHARACTERS).collect() }
}

/// Reads an order. Fields that booking does not need may be missing or odd; the fields that it needs may not.
///
/// # Errors
///
/// [`UnreadableOrder`], naming the first needed field that is missing or wrong, and its value.
pub fn parse_order(raw: &RawOrder, settings: &ConnectionSettings) -> Result<Order, UnreadableOrder> {
    let placed_at = raw.placed_at();
    let external = text_of(&raw.body, "external_identifier");
    let unreadable = |identifier: OrderIdentifier, BadField { field, value }: BadField| UnreadableOrder {
        identifier,
        field,
        value,
        placed_at,
        external_identifier: external.clone(),
        fingerprint: raw.digest(),
    };
    // An order of the list without an identifier can't be asked for, nor told from another. The poll logs such an order.
    let identifier = raw.identifier().unwrap_or_else(OrderIdentifier::not_given);
    if raw.identifier().is_none() {
        return Err(unreadable(identifier, bad_field("identifier", raw.body.get("identifier"))));
    }
    parse_order_fields(raw, identifier.clone(), settings).map_err(|problem| unreadable(identifier, problem))
}

fn parse_order_fields(
    raw: &RawOrder,
    identifier: OrderIdentifier,
    settings: &ConnectionSettings,
) -> Result<Order, BadField> {
    let body = &raw.body;
    let status = parse_status(body, settings)?;
    let placed = body.get("placed_at");
    let placed_at = placed
        .and_then(Value::as_str)
        .and_then(parse_timestamp)
        .ok_or_else(|| bad_field("placed_at", placed))?;
    let cancelled = status == OrderStatus::Cancelled;
    let amounts = settings.order_amounts;
    let lines = parse_lines(body, settings);
    let costs = parse_costs(body, amounts);
    let total = parse_total(body, amounts);
    // Of a cancelled order nothing but its cancellation is needed.
    let (lines, costs, total) = if cancelled {
        (lines.unwrap_or_default(), costs.unwrap_or_default(), total.unwrap_or_default())
    } else {
        (lines?, costs?, total?)
    };
    let billing = body.get("billing_customer").filter(|c| c.is_object());
    let shipping = body.get("shipping_customer").filter(|c| c.is_object());
    let country = [shipping, billing].into_iter().flatten().find_map(|c| text_of(c, "country_code"));
    let business = [billing, shipping].into_iter().flatten().find_map(|customer| {
        let business = BusinessBuyer {
            company_name: text_of(customer, "company_name"),
            vat_number: text_of(customer, "vat_number"),
        };
        (business != BusinessBuyer::default()).then_some(business)
    });
    let order = Order {
        identifier,
        status,
        external_identifier: text_of(body, "external_identifier"),
        marketplace: body
            .get("marketplace")
            .and_then(|m| if m.is_string() { text_or_number(m) } else { text_of(m, "name") }),
        currency: text_of(body, "currency_code").map_or_else(|| "EUR".to_owned(), |c| c.to_ascii_uppercase()),
        placed_at,
        updated_at: raw.updated_at(),
        shipped_at: body.get("shipped_at").and_then(Value::as_str).and_then(parse_timestamp),
        costs,
        total,
        country,
        business,
        lines,
    };
    match order.compute_total() {
        Some(total) if total.0 >= 0 || cancelled => Ok(order),
        found => Err(BadField {
            field: "total".to_owned(),
            value: found.map_or_else(|| "out of range".to_owned(), |total| total.to_string()),
        }),
    }
}

fn parse_status(body: &Value, settings: &ConnectionSettings) -> Result<OrderStatus, BadField> {
    let value = body.get("status");
    let word = value
        .and_then(Value::as_str)
        .map(str::trim)
        .filter(|w| !w.is_empty())
        .ok_or_else(|| bad_field("status", value))?;
    let words = settings.status_words.with_defaults();
    let is_in = |list: &[String]| list.iter().any(|known| known.eq_ignore_ascii_case(word));
    Ok(if is_in(&words.open) {
        OrderStatus::Open
    } else if is_in(&words.shipped) {
        OrderStatus::Shipped
    } else if is_in(&words.cancelled) {
        OrderStatus::Cancelled
    } else {
        OrderStatus::Unknown(word.chars().take(MOST_SHOWN_CHARACTERS).collect())
    })
}

fn parse_lines(body: &Value, settings: &ConnectionSettings) -> Result<Vec<OrderLine>, BadField> {
    let value = body.get("lines");
    let rows = value
        .and_then(Value::as_array)
        .filter(|rows| !rows.is_empty())
        .ok_or_else(|| bad_field("lines", value.filter(|value| !value.is_array())))?;
    let lines: Vec<OrderLine> =
        rows.iter().enumerate().map(|(at, row)| parse_line(row, at, settings)).collect::<Result<_, _>>()?;
    let mut known = HashSet::new();
    for (at, line) in lines.iter().enumerate() {
        if !known.insert(&line.id) {
            return Err(BadField { field: format!("lines[{at}].id"), value: format!("{} (twice)", line.id) });
        }
    }
    Ok(lines)
}

fn parse_line(row: &Value, at: usize, settings: &ConnectionSettings) -> Result<OrderLine, BadField> {
    let field = |name: &str| format!("lines[{at}].{name}");
    let quantity_value = row.get("quantity");
    let quantity = quantity_value
        .and_then(parse_quantity)
        .ok_or_else(|| bad_field(field("quantity"), quantity_value))?;
    let price_value = row.get("price").filter(|value| !value.is_null());
    let price =
        parse_amount(price_value.ok_or_else(|| bad_field(field("price"), None))?, settings.order_amounts)
            .ok_or_else(|| bad_field(field("price"), price_value))?;
    let price = match settings.line_price {
        LinePrice::Total => price,
        LinePrice::Unit => {
            price.checked_mul(i64::from(quantity)).ok_or_else(|| bad_field(field("price"), price_value))?
        }
    };
    // The article number is taken as it came: a space in it is part of the number.
    let sku = row.get("sku").and_then(text_or_number).and_then(|text| Sku::parse(text).ok());
    let title = text_of(row, "title")
        .or_else(|| sku.as_ref().map(Sku::to_string))
        .unwrap_or_else(|| format!("{}", at + 1));
    let id = row.get("id").and_then(text_or_number).unwrap_or_else(|| (at + 1).to_string());
    Ok(OrderLine {
        id: LineId::parse(id).map_err(|_| bad_field(field("id"), row.get("id")))?,
        sku,
        title,
        quantity,
        price,
        vat_code: row.get("vat_code").and_then(text_or_number).and_then(|code| parse_vat_code(&code)),
        fbm: row.get("fbm").is_some_and(|fbm| match fbm {
            Value::Bool(fbm) => *fbm,
            Value::Number(number) => number.as_i64() == Some(1),
            Value::String(text) => matches!(text.as_str(), "1" | "true"),
            _ => false,
        }),
    })
}

fn parse_costs(body: &Value, amounts: OrderAmounts) -> Result<Costs, BadField> {
    let cost = |name: &str| match body.get(name).filter(|value| !value.is_null()) {
        None => Ok(Cents::ZERO),
        Some(value) => parse_amount(value, amounts).ok_or_else(|| bad_field(name, Some(value))),
    };
    Ok(Costs {
        shipping: cost("shipping_cost")?,
        transaction: cost("transaction_price")?,
        additional: cost("additional_price")?,
        discount: cost("discount_price")?,
    })
}

fn parse_total(body: &Value, amounts: OrderAmounts) -> Result<Option<Cents>, BadField> {
    for name in ["total", "total_price", "grand_total"] {
        if let Some(value) = body.get(name).filter(|value| !value.is_null()) {
            return parse_amount(value, amounts).map(Some).ok_or_else(|| bad_field(name, Some(value)));
        }
    }
    Ok(None)
}

/// A quantity: an integer of at least 1, as a number or as a text. The number `2.0` is 2.
fn parse_quantity(value: &Value) -> Option<u32> {
    let number = match value {
        Value::String(text) if !text.contains('.') => Decimal::from_str(text.trim()).ok()?,
        Value::Number(number) => parse_decimal(&number.to_string())?,
        _ => return None,
    };
    if !number.fract().is_zero() {
        return None;
    }
    u32::try_from(number.trunc()).ok().filter(|quantity| *quantity >= 1)
}

/// An amount in the unit that the settings name, not below 0. In cents, a fraction or a text with a decimal point is no amount.
fn parse_amount(value: &Value, unit: OrderAmounts) -> Option<Cents> {
    let number = match value {
        Value::String(text) if unit == OrderAmounts::Cents && text.contains('.') => return None,
        Value::String(text) => Decimal::from_str(text.trim()).ok()?,
        Value::Number(number) => parse_decimal(&number.to_string())?,
        _ => return None,
    };
    let cents = match unit {
        OrderAmounts::Euros => Cents::from_euros(number)?,
        OrderAmounts::Cents if number.fract().is_zero() => Cents(i64::try_from(number.trunc()).ok()?),
        OrderAmounts::Cents => return None,
    };
    (cents.0 >= 0).then_some(cents)
}

fn parse_decimal(text: &str) -> Option<Decimal> {
    Decimal::from_str(text).or_else(|_| Decimal::from_scientific(text)).ok()
}

fn text_or_number(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn text_of(body: &Value, name: &str) -> Option<String> {
    let text = body.get(name).and_then(text_or_number)?;
    let trimmed = text.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// Compiled in, since a Lambda function has no files of time zones.
static AMSTERDAM: TimeZone = tz::get!("Europe/Amsterdam");

/// A moment with an offset or `Z`. Without an offset the moment is in Europe/Amsterdam \[A:pf-timezone\].
fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let local: DateTime = text.parse().ok()?;
    AMSTERDAM.to_ambiguous_timestamp(local).compatible().ok()
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
