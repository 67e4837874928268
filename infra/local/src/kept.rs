//! What a process does that starts with the table of an earlier one, but with empty queues: what the table says is queued is not.

use crate::aws::TABLE;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use store::Store;
use store::queue::{SweepMessage, SweepQueue};

/// Takes away the marks of what was queued, with which nothing would be queued again for ten minutes.
pub(crate) async fn unqueue(client: &Client) -> anyhow::Result<()> {
    let mut start = None;
    loop {
        let page = client
            .scan()
            .table_name(TABLE)
            .filter_expression("attribute_type(queued_at, :text)")
            .expression_attribute_values(":text", AttributeValue::S("S".to_owned()))
            .projection_expression("pk, sk")
            .set_exclusive_start_key(start)
            .send()
            .await?;
        for key in page.items.unwrap_or_default() {
            client
                .update_item()
                .table_name(TABLE)
                .set_key(Some(key))
                .update_expression("REMOVE queued_at")
                .send()
                .await?;
        }
        start = page.last_evaluated_key;
        if start.is_none() {
            return Ok(());
        }
    }
}

/// Queues the sweeps that are asked for, or under way.
pub(crate) async fn queue_sweeps(store: &Store, queue: &SweepQueue) -> anyhow::Result<()> {
    for item in store.connections().await? {
        let id = &item.connection.id;
        let pending = item.sweeps.iter().filter(|(_, state)| state.is_pending());
        let messages: Vec<SweepMessage> = pending
            .map(|(sweep, _)| SweepMessage::new(id.clone(), *sweep))
            .collect();
        queue.send(&messages).await?;
    }
    Ok(())
}
