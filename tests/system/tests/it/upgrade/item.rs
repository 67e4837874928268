//! Items as DynamoDB JSON.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// Items of a table.
pub(crate) struct Items(Vec<Item>);

impl Items {
    pub(crate) fn of(json: &Value) -> Self {
        let items = json.as_array().unwrap().iter();
        Self(items.map(|item| fields(item.as_object().unwrap())).collect())
    }

    pub(crate) fn all(&self) -> &[Item] {
        &self.0
    }

    /// As the table with this id would hold them, had it been theirs from the start, with this webhook.
    pub(super) fn in_table(&self, id: &str, hook: &str) -> Vec<Item> {
        let mut items = self.0.clone();
        for item in &mut items {
            if let Some(AttributeValue::M(webhook)) = item.get_mut("webhook") {
                set(webhook, "endpoint_id", hook);
            }
            for name in ["connection", "deleted"] {
                if let Some(AttributeValue::M(record)) = item.get_mut(name) {
                    set(record, "table_id", id);
                    if let Some(AttributeValue::M(inner)) = record.get_mut("connection") {
                        set(inner, "table_id", id);
                    }
                }
            }
        }
        items
    }

    pub(super) fn are_there(&self, pk: &str) -> bool {
        self.0.iter().any(|item| text(item, "pk").starts_with(pk))
    }

    /// Identifiers of all orders.
    pub(super) fn orders(&self) -> Vec<String> {
        let orders = self.0.iter().filter(|item| text(item, "pk") == "ORDER#shop");
        orders.map(|item| text(item, "sk").to_owned()).collect()
    }
}

fn set(record: &mut Item, name: &str, value: &str) {
    if let Some(AttributeValue::S(known)) = record.get_mut(name) {
        value.clone_into(known);
    }
}

pub(crate) fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item[name].as_s().unwrap()
}

fn fields(json: &Map<String, Value>) -> Item {
    json.iter()
        .map(|(name, value)| (name.clone(), attribute(value)))
        .collect()
}

fn attribute(json: &Value) -> AttributeValue {
    let (kind, value) = json.as_object().unwrap().iter().next().unwrap();
    let text = || value.as_str().unwrap().to_owned();
    match kind.as_str() {
        "S" => AttributeValue::S(text()),
        "N" => AttributeValue::N(text()),
        "BOOL" => AttributeValue::Bool(value.as_bool().unwrap()),
        "NULL" => AttributeValue::Null(true),
        "L" => AttributeValue::L(value.as_array().unwrap().iter().map(attribute).collect()),
        "M" => AttributeValue::M(fields(value.as_object().unwrap())),
        "SS" => {
            let texts = value.as_array().unwrap().iter();
            AttributeValue::Ss(texts.map(|text| text.as_str().unwrap().to_owned()).collect())
        }
        other => panic!("{other} is of no item of ours"),
    }
}

/// An item as DynamoDB JSON, its fields in order.
pub(crate) fn json(item: &Item) -> Value {
    let mut names: Vec<&String> = item.keys().collect();
    names.sort();
    names
        .into_iter()
        .map(|name| (name.clone(), value(&item[name])))
        .collect::<Map<_, _>>()
        .into()
}

fn value(attribute: &AttributeValue) -> Value {
    match attribute {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::Bool(flag) => json!({ "BOOL": flag }),
        AttributeValue::Null(_) => json!({ "NULL": true }),
        AttributeValue::L(list) => json!({ "L": list.iter().map(value).collect::<Vec<_>>() }),
        AttributeValue::M(map) => json!({ "M": json(map) }),
        AttributeValue::Ss(texts) => {
            let mut texts = texts.clone();
            texts.sort();
            json!({ "SS": texts })
        }
        other => panic!("{other:?} is of no item of ours"),
    }
}
