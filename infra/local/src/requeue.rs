//! Corrections to the table of an earlier process. The queues of this process are empty, so nothing is queued any more that the
//! table says is queued.

use crate::aws::TABLE;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use store::Store;
use store::queue::{SweepMessage, SweepQueue};

/// Removes `queued_at` from all items. With it the poll would queue an order or article again only ten minutes later.
pub(crate) async fn clear_queued_times(client: &Client) -> anyhow::Result<()> {
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

/// Queues every sweep that was asked for or was under way.
pub(crate) async fn queue_sweeps(store: &Store, queue: &SweepQueue) -> anyhow::Result<()> {
    for item in store.load_connections().await? {
        let id = &item.connection.id;
        let pending = item.sweeps.iter().filter(|(_, state)| state.is_pending());
        let messages: Vec<SweepMessage> =
            pending.map(|(sweep, _)| SweepMessage::new(id.clone(), *sweep)).collect();
        queue.send_messages(&messages).await?;
    }
    Ok(())
}
