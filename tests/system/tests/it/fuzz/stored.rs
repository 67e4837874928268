//! Our own items, damaged: what can't be read is refused, and stops nobody else.

use super::Inputs;
use super::mutate::Mutator;
use crate::shop::{Shop, one_line};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::OrderIdentifier;
use serde_json::Value;
use std::collections::HashMap;
use store::model::OrderRecord;

fn change(mutator: &mut Mutator, value: &mut AttributeValue) {
    match value {
        AttributeValue::M(fields) if !fields.is_empty() && mutator.below(8) > 0 => {
            change_field(mutator, fields);
        }
        AttributeValue::L(items) if !items.is_empty() && mutator.below(8) > 0 => {
            let at = mutator.below(items.len());
            change(mutator, &mut items[at]);
        }
        other => {
            *other = match mutator.below(9) {
                0 => AttributeValue::Null(true),
                1 => AttributeValue::Bool(true),
                2 => AttributeValue::N("-1".to_owned()),
                3 => AttributeValue::N("99999999999999999999".to_owned()),
                4 => AttributeValue::N("0.5".to_owned()),
                5 => AttributeValue::L(Vec::new()),
                6 => AttributeValue::M(HashMap::new()),
                7 => AttributeValue::S(String::new()),
                _ => AttributeValue::S(mutator.text("2026-11-23T08:00:00Z")),
            };
        }
    }
}

fn change_field(mutator: &mut Mutator, fields: &mut HashMap<String, AttributeValue>) {
    let mut names: Vec<String> = fields
        .keys()
        .filter(|name| !matches!(name.as_str(), "pk" | "sk"))
        .cloned()
        .collect();
    names.sort_unstable();
    if names.is_empty() {
        return;
    }
    let name = &names[mutator.below(names.len())];
    if mutator.below(6) == 0 {
        fields.remove(name);
    } else if let Some(value) = fields.get_mut(name) {
        change(mutator, value);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_is_read_or_refused() {
    let shop = Shop::open().await;
    shop.place(one_line("PF-1"));
    shop.place(one_line("PF-2"));
    shop.round().await;
    shop.productflow.ship("PF-1");
    shop.rounds(15).await;
    let identifier = OrderIdentifier::parse("PF-1").unwrap();
    let client = &shop.stack.aws.dynamodb;
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let found = client
        .get_item()
        .table_name(local::aws::TABLE)
        .key("pk", text("ORDER#shop"))
        .key("sk", text("PF-1"))
        .send()
        .await
        .unwrap();
    let whole = found.item.unwrap();
    let mut inputs = Inputs::of("stored", 150);
    let (mut read, mut refused) = (0, 0);
    while inputs.goes_on() {
        let mut item = whole.clone();
        for _ in 0..=inputs.mutator.below(2) {
            change_field(&mut inputs.mutator, &mut item);
        }
        let _tried = inputs.trying(format!("{item:?}").as_bytes());
        let put = client
            .put_item()
            .table_name(local::aws::TABLE)
            .set_item(Some(item))
            .send()
            .await;
        if put.is_err() {
            // A key of an index that DynamoDB itself does not take.
            continue;
        }
        match shop.stack.store.order(&shop.connection, &identifier).await {
            Ok(Some(record)) => {
                read += 1;
                let again: OrderRecord =
                    serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
                assert_eq!(again, record);
                let shown = shop
                    .stack
                    .api("GET", "/api/connections/shop/orders/PF-1", &Value::Null)
                    .await
                    .unwrap();
                assert_ne!(shown.0, 500, "{}", shown.1);
            }
            Ok(None) => panic!("it is there"),
            Err(_) => refused += 1,
        }
        let list = shop
            .stack
            .api("GET", "/api/connections/shop/orders", &Value::Null)
            .await
            .unwrap();
        assert_eq!(list.0, 200, "{}", list.1);
    }
    assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
}
