//! The form that places an order.

use askama::Template;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::order_view::COSTS;
use crate::pages::form::{cents, country, quantity};
use crate::pages::{Answer, Ask, Form, Frame, html};
use crate::productflow::{Company, OrderBuilder};

/// Lines that the form begins with, and that are added to it at a time.
const ROWS: usize = 3;
const MAX_ROWS: usize = 60;

/// The names of the fields of a line that is typed in.
pub(super) struct LineFields {
    pub(super) legend: String,
    pub(super) sku: String,
    pub(super) title: String,
    pub(super) quantity: String,
    pub(super) price: String,
    pub(super) vat_code: String,
    pub(super) fbm: String,
}

impl LineFields {
    pub(super) fn new(prefix: &str, legend: String) -> Self {
        let field = |name: &str| format!("{prefix}-{name}");
        Self {
            legend,
            sku: field("sku"),
            title: field("title"),
            quantity: field("quantity"),
            price: field("price"),
            vat_code: field("vat_code"),
            fbm: field("fbm"),
        }
    }

    /// The line that was typed; `None` when none was, or when it cannot be read, which is noted in the form.
    pub(super) fn read(&self, form: &mut Form) -> Option<Value> {
        let empty = [
            &self.sku,
            &self.title,
            &self.quantity,
            &self.price,
            &self.vat_code,
        ]
        .iter()
        .all(|field| form.text(field).is_empty());
        if empty {
            return None;
        }
        let label = |name: &str| format!("{}, {name}", self.legend);
        if form.text(&self.sku).is_empty() && form.text(&self.title).is_empty() {
            form.refuse(&self.sku, &label("SKU"), "A line has an SKU or at least a title.");
        }
        let pieces = form.take(&self.quantity, &label("quantity"), quantity);
        let total = form.take(&self.price, &label("line total"), cents);
        let sku = form.filled(&self.sku);
        let title = form.filled(&self.title).or_else(|| sku.clone());
        Some(json!({
            "sku": sku, "ean": null, "title": title, "quantity": pieces?, "price": total?,
            "vat_code": form.filled(&self.vat_code), "fbm": form.checked(&self.fbm),
        }))
    }
}

#[derive(Template)]
#[template(path = "productflow/order_place.html")]
struct Page {
    frame: Frame,
    form: Form,
    lines: Vec<LineFields>,
    costs: [(&'static str, &'static str); 4],
}

/// The form, and the order once it is sent.
pub(super) fn place(company: &Company, ask: &Ask<'_>) -> Answer {
    if ask.method == Method::GET {
        let form = Form::default()
            .with("country", "BE")
            .with("marketplace", "bol.com");
        return html(StatusCode::OK, &page(ask, form, ROWS));
    }
    let mut form = ask.form();
    let rows = form.text("rows").parse().unwrap_or(ROWS).clamp(1, MAX_ROWS);
    if form.checked("more") {
        let rows = (rows + ROWS).min(MAX_ROWS);
        return html(StatusCode::OK, &page(ask, form, rows));
    }
    let Some(typed) = Typed::read(&mut form, rows) else {
        return html(StatusCode::UNPROCESSABLE_ENTITY, &page(ask, form, rows));
    };
    let identifier = free_identifier(company);
    company.place(typed.order(&form, &identifier));
    Ok(ask.done(&["orders", &identifier], "placed"))
}

/// An identifier that no order of the company has, whoever gave it.
fn free_identifier(company: &Company) -> String {
    loop {
        let identifier = company.next_identifier();
        if company.order(&identifier).is_none() {
            return identifier;
        }
    }
}

fn page(ask: &Ask<'_>, form: Form, rows: usize) -> Page {
    Page {
        frame: ask.frame("Place an order", "orders"),
        form: form.with("rows", rows.to_string()),
        lines: line_fields(rows),
        costs: COSTS,
    }
}

fn line_fields(rows: usize) -> Vec<LineFields> {
    (1..=rows)
        .map(|number| LineFields::new(&format!("line-{number}"), format!("Line {number}")))
        .collect()
}

/// What was typed and had to be understood.
struct Typed {
    lines: Vec<Value>,
    costs: Vec<(&'static str, i64)>,
    country: String,
}

impl Typed {
    /// What cannot be read is noted in the form.
    fn read(form: &mut Form, rows: usize) -> Option<Self> {
        let lines: Vec<Value> = line_fields(rows)
            .iter()
            .filter_map(|fields| fields.read(form))
            .collect();
        if lines.is_empty() && form.errors.is_empty() {
            form.refuse("line-1-sku", "Line 1, SKU", "An order has at least one line.");
        }
        let mut costs = Vec::new();
        for (field, label) in COSTS {
            if form.filled(field).is_some() {
                costs.extend(form.take(field, label, cents).map(|cents| (field, cents)));
            }
        }
        let country = form.take("country", "Country", country)?;
        form.errors.is_empty().then_some(Self {
            lines,
            costs,
            country,
        })
    }

    fn order(self, form: &Form, identifier: &str) -> OrderBuilder {
        let mut order = OrderBuilder::new(identifier)
            .country(&self.country)
            .buyer(
                form.filled("company_name").as_deref(),
                form.filled("vat_number").as_deref(),
            )
            .set(
                "marketplace",
                json!({"id": 12, "name": form.filled("marketplace")}),
            );
        if let Some(number) = form.filled("external_identifier") {
            order = order.external(&number);
        }
        let costs = self.costs.into_iter();
        let order = costs.fold(order, |order, (field, cents)| order.set(field, cents));
        self.lines.into_iter().fold(order, OrderBuilder::line_value)
    }
}
