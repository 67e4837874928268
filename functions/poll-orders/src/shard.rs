//! Which connections an invocation polls: all of them, or one of several shards that together hold every connection once.

use serde_json::Value;
use store::keys;

/// One of several shards of the connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Number of the shard, from 0.
    shard: u8,
    /// Number of shards: 1, 2, 4 or 8, so that each holds as many partitions of the connections.
    shards: u8,
}

/// The event names a shard that does not exist. Polling all connections instead would do less harm, but nobody would ever
/// notice the mistake.
#[derive(Debug, thiserror::Error)]
#[error("the event names no shard of 1, 2, 4 or 8")]
pub struct NoShard;

impl Shard {
    /// The one shard that holds all connections.
    pub const ALL: Self = Self { shard: 0, shards: 1 };

    /// The shard that an event asks for. An ordinary event of the rule names no shard and asks for all connections.
    pub fn of(event: &Value) -> Result<Self, NoShard> {
        if event.get("shard").is_none() && event.get("shards").is_none() {
            return Ok(Self::ALL);
        }
        let number = |name| {
            let number = event.get(name).and_then(Value::as_u64);
            number.and_then(|number| u8::try_from(number).ok()).ok_or(NoShard)
        };
        let (shard, shards) = (number("shard")?, number("shards")?);
        if shards > 0 && keys::SHARDS.is_multiple_of(shards) && shard < shards {
            Ok(Self { shard, shards })
        } else {
            Err(NoShard)
        }
    }

    /// The partitions of the table's connections that belong to the shard.
    pub fn parts(self) -> impl Iterator<Item = u8> {
        (0..keys::SHARDS).filter(move |part| part % self.shards == self.shard)
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
                .map(|shard| Shard::of(&json!({ "shard": shard, "shards": shards })).unwrap())
                .flat_map(Shard::parts)
                .collect();
            parts.sort_unstable();
            assert_eq!(parts, (0..keys::SHARDS).collect::<Vec<u8>>(), "{shards}");
        }
    }

    #[test]
    fn an_ordinary_event_asks_for_all() {
        for event in [
            json!({}),
            json!(null),
            json!({ "source": "aws.events", "detail": {} }),
        ] {
            assert_eq!(Shard::of(&event).unwrap(), Shard::ALL, "{event}");
        }
    }

    #[test]
    fn a_shard_that_there_is_not_is_refused() {
        for (shard, shards) in [(0, 0), (0, 3), (4, 4), (0, 16), (-1, 4)] {
            let event = json!({ "shard": shard, "shards": shards });
            assert!(Shard::of(&event).is_err(), "{event}");
        }
        assert!(Shard::of(&json!({ "shard": 1 })).is_err());
        assert!(Shard::of(&json!({ "shards": 4 })).is_err());
    }
}
