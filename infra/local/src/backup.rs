//! Copies the table and puts a copy back, as a restore of DynamoDB to an earlier moment does. An empty copy stands for a lost
//! table.

use crate::aws::TABLE;
use crate::stack::Stack;
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::HashMap;

/// All items of the table at one moment.
#[derive(Debug, Clone, Default)]
pub struct Backup(Vec<HashMap<String, AttributeValue>>);

impl Backup {
    /// Sizes of the items whose partition key begins with `pk`, in bytes as DynamoDB counts them; those of numbers are estimated.
    pub fn item_sizes(&self, pk: &str) -> Vec<usize> {
        let of_kind = self.0.iter().filter(|item| {
            let key = item.get("pk").and_then(|value| value.as_s().ok());
            key.is_some_and(|key| key.starts_with(pk))
        });
        of_kind.map(|item| item.iter().map(|(name, value)| name.len() + value_size(value)).sum()).collect()
    }
}

fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number.len() / 2 + 1,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + value_size(value)).sum::<usize>(),
        AttributeValue::M(map) => {
            3 + map.iter().map(|(name, value)| 1 + name.len() + value_size(value)).sum::<usize>()
        }
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        _ => 1,
    }
}

impl Stack {
    /// Copies all items of the table.
    pub async fn back_up_table(&self) -> anyhow::Result<Backup> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let page =
                self.aws.dynamodb.scan().table_name(TABLE).set_exclusive_start_key(start).send().await?;
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(Backup(items));
            }
        }
    }

    /// Replaces the table with a new one that holds what the copy holds. An empty copy makes a lost table.
    pub async fn restore_table(&self, backup: &Backup) -> anyhow::Result<()> {
        let client = &self.aws.dynamodb;
        client.delete_table().table_name(TABLE).send().await?;
        store::schema::create_table(client, TABLE).await?;
        for item in &backup.0 {
            client.put_item().table_name(TABLE).set_item(Some(item.clone())).send().await?;
        }
        self.forget_table().await;
        Ok(())
    }
}
