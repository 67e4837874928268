//! A copy of the table, and the table as it was then: what a restore to an earlier moment does, and a table that was lost.

use crate::aws::TABLE;
use crate::stack::Stack;
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::HashMap;

/// Everything that the table held at one moment.
#[derive(Debug, Clone, Default)]
pub struct Backup(Vec<HashMap<String, AttributeValue>>);

impl Stack {
    /// A copy of the table.
    pub async fn backup(&self) -> anyhow::Result<Backup> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let page = self
                .aws
                .dynamodb
                .scan()
                .table_name(TABLE)
                .set_exclusive_start_key(start)
                .send()
                .await?;
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(Backup(items));
            }
        }
    }

    /// Puts a new table in the place of this one, with what the copy holds: an empty copy is a table that was lost.
    pub async fn restore(&self, backup: &Backup) -> anyhow::Result<()> {
        let client = &self.aws.dynamodb;
        client.delete_table().table_name(TABLE).send().await?;
        store::schema::create_table(client, TABLE).await?;
        for item in &backup.0 {
            client
                .put_item()
                .table_name(TABLE)
                .set_item(Some(item.clone()))
                .send()
                .await?;
        }
        self.forget_table().await;
        Ok(())
    }
}
