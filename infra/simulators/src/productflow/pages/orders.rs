//! The pages of orders.

use std::cmp::Reverse;

use askama::Template;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::order_edit::{EditFields, OrderEdit, filled, new_lines};
use super::order_place::LineFields;
use super::order_view::{COSTS, OrderView, lines, placed_at};
use crate::pages::{Answer, Ask, Form, Frame, NoPage, Pager, html};
use crate::productflow::Company;

#[derive(Template)]
#[template(path = "productflow/orders.html")]
struct List {
    frame: Frame,
    rows: Vec<OrderView>,
    pager: Pager,
}

pub(super) fn list(company: &Company, ask: &Ask<'_>) -> Answer {
    let mut orders = company.orders();
    // Of those placed at the same time, the last that came in first.
    orders.reverse();
    orders.sort_by_cached_key(|order| Reverse(placed_at(order)));
    let (pager, orders) = Pager::cut(ask, &["orders"], orders);
    let list = List {
        frame: ask.frame("Orders", "orders"),
        rows: orders
            .iter()
            .map(|order| OrderView::new(order, |_| false))
            .collect(),
        pager,
    };
    html(StatusCode::OK, &list)
}

/// What can be done to an order with a button: path, label, and the status in which it makes no sense.
const ACTIONS: [(&str, &str, &str); 4] = [
    ("accept", "Accept", "accepted"),
    ("ship", "Ship", "shipped"),
    ("cancel", "Cancel", "cancelled"),
    ("reopen", "Open again", "open"),
];

#[derive(Template)]
#[template(path = "productflow/order.html")]
struct Page {
    frame: Frame,
    order: OrderView,
    actions: Vec<(&'static str, &'static str)>,
    form: Form,
    edits: Vec<EditFields>,
    lines: Vec<LineFields>,
    costs: [(&'static str, &'static str); 4],
    status: Form,
    json: String,
}

/// An order that is gone, with what was typed for it.
#[derive(Template)]
#[template(path = "productflow/order_gone.html")]
struct Gone {
    frame: Frame,
    form: Form,
    edits: Vec<EditFields>,
    lines: Vec<LineFields>,
    costs: [(&'static str, &'static str); 4],
}

fn page(
    company: &Company,
    ask: &Ask<'_>,
    status: StatusCode,
    order: &Value,
    form: Form,
    word: Form,
) -> Answer {
    let view = OrderView::new(order, |sku| company.product(sku).is_some());
    let actions = ACTIONS.into_iter().filter(|(.., status)| *status != view.status);
    let page = Page {
        frame: ask.frame(format!("Order {}", view.identifier), "orders"),
        actions: actions.map(|(path, label, _)| (path, label)).collect(),
        order: view,
        form,
        edits: EditFields::of(order),
        lines: new_lines(),
        costs: COSTS,
        status: word,
        json: serde_json::to_string_pretty(order).unwrap_or_default(),
    };
    html(status, &page)
}

/// One order, and what is done to it.
pub(super) fn one(company: &Company, ask: &Ask<'_>, identifier: &str, rest: &[&str]) -> Answer {
    let missing = || NoPage::Missing(format!("order {identifier}"));
    let here = ["orders", identifier];
    match (&ask.method, rest) {
        (&Method::GET, []) => {
            let order = company.order(identifier).ok_or_else(missing)?;
            page(
                company,
                ask,
                StatusCode::OK,
                &order,
                filled(&order),
                Form::default(),
            )
        }
        // Where a form that was refused stands.
        (&Method::GET, ["status"]) => Ok(ask.see(&here)),
        (&Method::POST, []) => edit(company, ask, identifier),
        (&Method::POST, ["status"]) => {
            let mut form = ask.form();
            if form.text("status").is_empty() {
                let order = company.order(identifier).ok_or_else(missing)?;
                form.refuse("status", "Status", "Write a word.");
                return page(
                    company,
                    ask,
                    StatusCode::UNPROCESSABLE_ENTITY,
                    &order,
                    filled(&order),
                    form,
                );
            }
            if company.set_status(identifier, form.text("status")) {
                Ok(ask.done(&here, "saved"))
            } else {
                Err(missing())
            }
        }
        (&Method::POST, ["remove"]) => {
            if company.remove(identifier) {
                Ok(ask.done(&["orders"], "removed"))
            } else {
                Err(missing())
            }
        }
        (&Method::POST, [action]) => {
            let (done, note) = match *action {
                "ship" => (company.ship(identifier), "shipped"),
                "accept" => (company.set_status(identifier, "accepted"), "accepted"),
                "cancel" => (company.cancel(identifier), "cancelled"),
                "reopen" => (company.edit(identifier, reopen), "reopened"),
                _ => return Err(NoPage::here()),
            };
            if done {
                Ok(ask.done(&here, note))
            } else {
                Err(missing())
            }
        }
        _ => Err(NoPage::here()),
    }
}

/// An open order has not been shipped.
fn reopen(order: &mut Value) {
    if let Value::Object(fields) = order {
        fields.insert("status".to_owned(), json!("open"));
        fields.insert("shipped_at".to_owned(), Value::Null);
    }
}

fn edit(company: &Company, ask: &Ask<'_>, identifier: &str) -> Answer {
    let mut form = ask.form();
    let Some(before) = company.order(identifier) else {
        form.refuse("", "", format!("There is no order {identifier}."));
        let page = Gone {
            frame: ask.frame("Order not found", "orders"),
            edits: EditFields::typed(&form),
            form,
            lines: new_lines(),
            costs: COSTS,
        };
        return html(StatusCode::NOT_FOUND, &page);
    };
    // A line is known by its place, so the lines must still be those that the form was made for.
    if form.text("lines") != lines(&before).len().to_string() {
        let mut fresh = filled(&before);
        fresh.refuse("", "", "The order has other lines by now. This is how it is.");
        return page(
            company,
            ask,
            StatusCode::CONFLICT,
            &before,
            fresh,
            Form::default(),
        );
    }
    let edit = OrderEdit::read(&mut form, &before);
    if !form.errors.is_empty() {
        return page(
            company,
            ask,
            StatusCode::UNPROCESSABLE_ENTITY,
            &before,
            form,
            Form::default(),
        );
    }
    let mut after = before.clone();
    edit.apply(&mut after);
    if after == before {
        return Ok(ask.done(&["orders", identifier], "unchanged"));
    }
    if company.edit(identifier, |order| edit.apply(order)) {
        Ok(ask.done(&["orders", identifier], "saved"))
    } else {
        Err(NoPage::Missing(format!("order {identifier}")))
    }
}
