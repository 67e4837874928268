//! The order in which connections are polled: least recently polled first.
//!
//! When there are more connections than fit in memory, only their order is kept, and each connection is read again when its
//! turn comes.

use domain::ids::ConnectionId;
use jiff::Timestamp;
use store::model::ConnectionItem;
use store::{Store, StoreError};

/// Connections kept in memory as they were read.
const KEPT: usize = 2_000;
/// Connections read again in one call: as many as DynamoDB gives at once.
const TOGETHER: usize = 100;

/// The turn of one connection.
pub struct Turn<T> {
    id: ConnectionId,
    last_poll_at: Option<Timestamp>,
    /// The connection as it was read, if it was kept.
    item: Option<Box<T>>,
}

/// The turns of all connections.
pub struct Turns<T>(Vec<Turn<T>>);

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Turns<T> {
    pub fn add(&mut self, id: ConnectionId, last_poll_at: Option<Timestamp>, item: T) {
        let kept = self.0.len() < KEPT;
        self.0.push(Turn {
            id,
            last_poll_at,
            item: kept.then(|| Box::new(item)),
        });
    }

    /// All turns, least recently polled first, in groups that are read in one call.
    pub fn in_order(self) -> impl Iterator<Item = Vec<Turn<T>>> {
        let mut turns = self.0;
        turns.sort_unstable_by_key(|turn| turn.last_poll_at);
        let mut turns = turns.into_iter();
        std::iter::from_fn(move || {
            let together: Vec<_> = turns.by_ref().take(TOGETHER).collect();
            (!together.is_empty()).then_some(together)
        })
    }
}

/// Reads the connections whose turn has come. A connection that was deleted meanwhile is left out.
pub async fn read(
    store: &Store,
    turns: Vec<Turn<ConnectionItem>>,
) -> Result<Vec<Box<ConnectionItem>>, StoreError> {
    let (kept, others): (Vec<_>, Vec<_>) = turns.into_iter().partition(|turn| turn.item.is_some());
    let mut items: Vec<Box<ConnectionItem>> = kept.into_iter().filter_map(|turn| turn.item).collect();
    if !others.is_empty() {
        let ids: Vec<ConnectionId> = others.into_iter().map(|turn| turn.id).collect();
        items.extend(store.connections_by_id(&ids).await?.into_iter().map(Box::new));
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_polled_least_recently_come_first_and_only_some_are_kept() {
        let polled_at = |at: i64| match at % 7 {
            0 => None,
            // Each time occurs once, in no order.
            _ => Some(Timestamp::from_second(at * 7_919 % 10_007).unwrap()),
        };
        let mut turns = Turns::default();
        for at in 0..5_000 {
            let id = ConnectionId::parse(format!("shop-{at}")).unwrap();
            turns.add(id, polled_at(at), at);
        }
        let together: Vec<Vec<Turn<i64>>> = turns.in_order().collect();
        assert!(together.iter().all(|turns| turns.len() <= TOGETHER));
        let turns: Vec<Turn<i64>> = together.into_iter().flatten().collect();
        assert!(turns.is_sorted_by_key(|turn| turn.last_poll_at));
        assert_eq!(turns[0].last_poll_at, None, "never polled");
        assert_eq!(turns.len(), 5_000);
        let kept: Vec<&Turn<i64>> = turns.iter().filter(|turn| turn.item.is_some()).collect();
        assert_eq!(kept.len(), KEPT);
        for turn in kept {
            let at = **turn.item.as_ref().unwrap();
            assert_eq!(turn.id.as_str(), format!("shop-{at}"));
            assert_eq!(turn.last_poll_at, polled_at(at));
        }
    }
}
