//! The form that edits an order: its lines, new ones, its costs.

use serde_json::{Value, json};

use super::order_place::LineFields;
use super::order_view::{COSTS, amount, lines, shown};
use crate::pages::Form;
use crate::pages::form::{cents, quantity};

/// Lines that can be added at a time.
const NEW_ROWS: usize = 2;
/// No order that a person edits has more lines.
const MAX_ROWS: usize = 500;

/// The names of the fields of a line that is there.
pub(super) struct EditFields {
    pub(super) legend: String,
    pub(super) quantity: String,
    pub(super) price: String,
    pub(super) vat_code: String,
    pub(super) remove: String,
}

impl EditFields {
    fn new(number: usize, legend: String) -> Self {
        let field = |name: &str| format!("line-{number}-{name}");
        Self {
            legend,
            quantity: field("quantity"),
            price: field("price"),
            vat_code: field("vat_code"),
            remove: field("remove"),
        }
    }

    /// Those of an order.
    pub(super) fn of(order: &Value) -> Vec<Self> {
        let lines = lines(order).iter().zip(1..);
        lines
            .map(|(line, number)| {
                let names = [shown(&line["sku"]), shown(&line["title"])];
                let names: Vec<&str> = names
                    .iter()
                    .map(String::as_str)
                    .filter(|name| !name.is_empty())
                    .collect();
                Self::new(number, format!("Line {number}: {}", names.join(", ")))
            })
            .collect()
    }

    /// Those of a form whose order is gone.
    pub(super) fn typed(form: &Form) -> Vec<Self> {
        let rows = form.text("lines").parse().unwrap_or(0).min(MAX_ROWS);
        (1..=rows)
            .map(|number| Self::new(number, format!("Line {number}")))
            .collect()
    }
}

/// The fields of lines to add.
pub(super) fn new_lines() -> Vec<LineFields> {
    (1..=NEW_ROWS)
        .map(|number| LineFields::new(&format!("new-{number}"), format!("New line {number}")))
        .collect()
}

/// The form with an order's values in it.
pub(super) fn filled(order: &Value) -> Form {
    let mut form = Form::default().with("lines", lines(order).len().to_string());
    for (line, fields) in lines(order).iter().zip(EditFields::of(order)) {
        form = form
            .with(&fields.quantity, shown(&line["quantity"]))
            .with(&fields.price, amount(&line["price"]))
            .with(&fields.vat_code, shown(&line["vat_code"]));
    }
    for (field, _) in COSTS {
        form = form.with(field, amount(&order[field]));
    }
    form
}

/// What becomes of a line: fields that get another value, or its end.
#[derive(Default)]
struct LineEdit {
    fields: Vec<(&'static str, Value)>,
    remove: bool,
}

/// What was changed in the form.
pub(super) struct OrderEdit {
    lines: Vec<LineEdit>,
    added: Vec<Value>,
    costs: Vec<(&'static str, Value)>,
}

impl OrderEdit {
    /// Compares the form with the order. A field that was not touched keeps its value, whatever it is; what cannot be
    /// read is noted in the form.
    pub(super) fn read(form: &mut Form, order: &Value) -> Self {
        let mut edits = Vec::new();
        for (line, fields) in lines(order).iter().zip(EditFields::of(order)) {
            let mut edit = LineEdit {
                remove: form.checked(&fields.remove),
                ..LineEdit::default()
            };
            let label = |name: &str| format!("{}, {name}", fields.legend);
            if !edit.remove {
                if form.text(&fields.quantity) != shown(&line["quantity"])
                    && let Some(pieces) = form.take(&fields.quantity, &label("quantity"), quantity)
                {
                    edit.fields.push(("quantity", json!(pieces)));
                }
                if form.text(&fields.price) != amount(&line["price"])
                    && let Some(total) = form.take(&fields.price, &label("line total"), cents)
                {
                    edit.fields.push(("price", json!(total)));
                }
                if form.text(&fields.vat_code) != shown(&line["vat_code"]) {
                    edit.fields
                        .push(("vat_code", json!(form.filled(&fields.vat_code))));
                }
            }
            edits.push(edit);
        }
        let added = new_lines()
            .iter()
            .filter_map(|fields| fields.read(form))
            .collect();
        let mut costs = Vec::new();
        for (field, label) in COSTS {
            if form.text(field) == amount(&order[field]) {
                continue;
            }
            if form.filled(field).is_none() {
                costs.push((field, json!(0)));
            } else if let Some(amount) = form.take(field, label, cents) {
                costs.push((field, json!(amount)));
            }
        }
        Self {
            lines: edits,
            added,
            costs,
        }
    }

    /// Makes the changes.
    pub(super) fn apply(&self, order: &mut Value) {
        let Value::Object(order) = order else { return };
        for (field, value) in &self.costs {
            order.insert((*field).to_owned(), value.clone());
        }
        let before = match order.get_mut("lines") {
            Some(Value::Array(lines)) => std::mem::take(lines),
            _ if self.added.is_empty() => return,
            _ => Vec::new(),
        };
        let mut next_id = 1 + before.iter().filter_map(line_number).max().unwrap_or(0);
        let mut after = Vec::new();
        for (index, mut line) in before.into_iter().enumerate() {
            if let Some(edit) = self.lines.get(index) {
                if edit.remove {
                    continue;
                }
                if let Value::Object(fields) = &mut line {
                    fields.extend(
                        edit.fields
                            .iter()
                            .map(|(name, value)| ((*name).to_owned(), value.clone())),
                    );
                }
            }
            after.push(line);
        }
        for line in &self.added {
            let mut line = line.clone();
            line["id"] = json!(next_id.to_string());
            next_id = next_id.saturating_add(1);
            after.push(line);
        }
        order.insert("lines".to_owned(), Value::Array(after));
    }
}

/// A line's id, where it is a number.
fn line_number(line: &Value) -> Option<u32> {
    line["id"].as_str()?.parse().ok().filter(|id| *id < u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OrderBuilder;

    fn order() -> Value {
        OrderBuilder::new("PF-1")
            .line("A-1", 2, 5998, Some("7"))
            .line("A-2", 1, 595, None)
            .build()
    }

    fn edited(form: &mut Form, order: &Value) -> Value {
        let mut after = order.clone();
        OrderEdit::read(form, order).apply(&mut after);
        after
    }

    #[test]
    fn what_was_not_touched_stays_as_it_is() {
        let mut strange = order();
        strange["lines"][0]["price"] = json!(59.98);
        strange["lines"][1]["quantity"] = json!("1");
        strange["shipping_cost"] = json!(null);
        let mut form = filled(&strange);
        assert_eq!(edited(&mut form, &strange), strange);
        assert!(form.errors.is_empty());
        for odd in [
            json!(null),
            json!([1]),
            json!({"lines": 3}),
            json!({"lines": ["x", null]}),
        ] {
            assert_eq!(edited(&mut filled(&odd), &odd), odd);
        }
    }

    #[test]
    fn a_line_that_is_added_gets_an_id_that_none_has_had() {
        let order = order();
        let mut form = filled(&order)
            .with("line-1-remove", "on")
            .with("line-2-vat_code", "10")
            .with("new-2-sku", "B-1")
            .with("new-2-quantity", "3")
            .with("new-2-price", "10,47");
        let after = edited(&mut form, &order);
        let ids: Vec<_> = lines(&after).iter().map(|line| shown(&line["id"])).collect();
        assert_eq!(ids, ["2", "3"]);
        assert_eq!(after["lines"][0]["vat_code"], "10");
        assert_eq!(after["lines"][1]["price"], 1047);
        assert_eq!(after["lines"][1]["vat_code"], json!(null));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let order = order();
        let mut form = filled(&order)
            .with("line-2-price", "5.9.5")
            .with("discount_price", "x");
        OrderEdit::read(&mut form, &order);
        let labels: Vec<_> = form.errors.iter().map(|wrong| wrong.label.as_str()).collect();
        assert_eq!(labels, ["Line 2: A-2, Title of A-2, line total", "Discount"]);
    }
}
