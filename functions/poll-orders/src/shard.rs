//! Which connections an invocation polls: all of them, or one of several shards that together hold every connection once.

use serde_json::Value;
use store::keys;

/// One of several shards of the connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shard {
    /// Number of the shard, from 0.
    index: u8,
    /// Number of shards: 1, 2, 4 or 8, so that each holds as many partitions of the connections.
    count: u8,
}

/// The event names a shard that does not exist. Polling all connections instead would do less harm, but nobody would ever
/// notice the mistake.
#[derive(Debug, thiserror::Error)]
#[error("the event names no shard of 1, 2, 4 or 8")]
pub(crate) struct InvalidShard;

impl Shard {
    /// The one shard that holds all connections.
    pub(crate) const ALL: Self = Self { index: 0, count: 1 };

    /// The shard that an event asks for. An ordinary event of the rule names no shard and asks for all connections.
    pub(crate) fn from_event(event: &Value) -> Result<Self, InvalidShard> {
        if event.get("shard").is_none() && event.get("shards").is_none() {
            return Ok(Self::ALL);
        }
        let number = |name| {
            let number = event.get(name).and_then(Value::as_u64);
            number.and_then(|number| u8::try_from(number).ok()).ok_or(InvalidShard)
        };
        let (shard, shards) = (number("shard")?, number("shards")?);
        if shards > 0 && keys::SHARDS.is_multiple_of(shards) && shard < shards {
            Ok(Self { index: shard, count: shards })
        } else {
            Err(InvalidShard)
        }
    }

    /// The partitions of the table's connections that belong to the shard.
    pub(crate) fn partitions_of_shard(self) -> impl Iterator<Item = u8> {
        (0..keys::SHARDS).filter(move |part| part % self.count == self.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_part_is_in_exactly_one_shard() {
        for shards in [1, 2, 4, 8] {
            let mut parts: Vec<u8> = (0..shards)
                .map(|shard| Shard::from_event(&json!({ "shard": shard, "shards": shards })).unwrap())
                .flat_map(Shard::partitions_of_shard)
                .collect();
            parts.sort_unstable();
            assert_eq!(parts, (0..keys::SHARDS).collect::<Vec<u8>>(), "{shards}");
        }
    }

    #[test]
    fn an_ordinary_event_asks_for_all() {
        for event in [json!({}), json!(null), json!({ "source": "aws.events", "detail": {} })] {
            assert_eq!(Shard::from_event(&event).unwrap(), Shard::ALL, "{event}");
        }
    }

    #[test]
    fn a_shard_that_there_is_not_is_refused() {
        for (shard, shards) in [(0, 0), (0, 3), (4, 4), (0, 16), (-1, 4)] {
            let event = json!({ "shard": shard, "shards": shards });
            assert!(Shard::from_event(&event).is_err(), "{event}");
        }
        assert!(Shard::from_event(&json!({ "shard": 1 })).is_err());
        assert!(Shard::from_event(&json!({ "shards": 4 })).is_err());
    }
}
