//! The stored health of a peer of one connection: pauses, refused credentials, requests left of the day.

use domain::ids::OrderIdentifier;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The health of one peer of one connection. The last writer wins; a lost update costs one call too many or one
/// pause too few.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PeerHealth {
    /// No call before this moment, except one probe.
    pub paused_until: Option<Timestamp>,
    /// Pauses in a row; each lasts twice as long, from 1 to 15 minutes.
    pub pauses: u32,
    /// The first failure since the last success.
    pub failing_since: Option<Timestamp>,
    /// The order whose call failed last. A failure of another order, or of the cheapest read, pauses the peer.
    pub suspect: Option<OrderIdentifier>,
    /// Since when the peer refuses the credentials.
    pub refused_since: Option<Timestamp>,
    /// Probes since the refusal; the wait doubles from 5 minutes to 1 hour.
    pub probes: u32,
    pub next_probe_at: Option<Timestamp>,
    /// Requests left of the day, as last seen. Robaws only.
    pub quota_left: Option<u64>,
    /// Requests of a whole day, as last seen. Robaws only.
    pub quota_limit: Option<u64>,
    /// When the day's requests begin anew. Robaws only.
    pub quota_resets_at: Option<Timestamp>,
    /// The end of a pause because the day's requests are used up. Robaws only.
    pub quota_used_up_until: Option<Timestamp>,
}

impl PeerHealth {
    /// First pause after failures.
    pub const FIRST_PAUSE: SignedDuration = SignedDuration::from_mins(1);
    pub const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(15);
    /// Wait between the first two probes of refused credentials.
    pub const FIRST_PROBE_WAIT: SignedDuration = SignedDuration::from_mins(5);
    /// Percentage of Robaws' daily requests. Below it there is no bulk work and no relook.
    pub const BULK_WORK_MIN_PERCENT: u64 = 50;
    /// Percentage of Robaws' daily requests. Below it articles wait and the rest is for orders.
    pub const ARTICLES_MIN_PERCENT: u64 = 20;
    /// Longest wait between two probes.
    pub const LONGEST_PROBE_WAIT: SignedDuration = SignedDuration::from_hours(1);

    /// Whether ordinary calls have to wait.
    pub fn is_paused(&self, now: Timestamp) -> bool {
        self.paused_until.is_some_and(|until| now < until)
    }

    /// The health after a successful call: no failures and pauses; the requests left of the day stay known.
    #[must_use]
    pub fn without_failures(&self) -> Self {
        Self {
            quota_left: self.quota_left,
            quota_limit: self.quota_limit,
            quota_resets_at: self.quota_resets_at,
            ..Self::default()
        }
    }

    /// Records a successful call. Returns whether anything changed.
    pub fn record_success(&mut self) -> bool {
        let healthy = self.without_failures();
        let changed = *self != healthy;
        *self = healthy;
        changed
    }

    /// Whether less than `percent` of the day's requests are left. `false` when that is not known: figures from
    /// before the daily reset say nothing about the new day.
    pub fn is_quota_below(&self, percent: u64, now: Timestamp) -> bool {
        let is_known = self.quota_resets_at.is_some_and(|reset| now < reset);
        let is_below = |left: u64, limit: u64| left.saturating_mul(100) < limit.saturating_mul(percent);
        is_known && self.quota_left.zip(self.quota_limit).is_some_and(|(left, limit)| is_below(left, limit))
    }

    /// Pauses the peer until its daily reset. Using up the requests is no failure of the peer, so `failing_since`
    /// stays.
    pub fn use_up_quota(&mut self, now: Timestamp, reset: Option<SignedDuration>) {
        let failing_since = self.failing_since;
        self.begin_pause(now, reset);
        self.failing_since = failing_since;
        self.quota_used_up_until = self.paused_until;
    }

    /// Pauses the peer for as long as it asked, else for 1 minute, doubled per pause in a row, at most 15 minutes.
    pub fn begin_pause(&mut self, now: Timestamp, asked: Option<SignedDuration>) {
        let doubled = doubled_wait(Self::FIRST_PAUSE, self.pauses, Self::LONGEST_PAUSE);
        self.pauses = self.pauses.saturating_add(1);
        self.suspect = None;
        self.failing_since.get_or_insert(now);
        self.paused_until = now.checked_add(asked.unwrap_or(doubled)).ok();
    }

    /// Records that the peer refuses the credentials. Only a probe goes out from time to time.
    pub fn record_refusal(&mut self, now: Timestamp) {
        self.refused_since.get_or_insert(now);
        let wait = doubled_wait(Self::FIRST_PROBE_WAIT, self.probes, Self::LONGEST_PROBE_WAIT);
        self.probes = self.probes.saturating_add(1);
        self.next_probe_at = now.checked_add(wait).ok();
    }
}

/// `first`, doubled `times` times, at most `longest`.
pub fn doubled_wait(first: SignedDuration, times: u32, longest: SignedDuration) -> SignedDuration {
    let factor = 1_i32.checked_shl(times.min(20)).unwrap_or(i32::MAX);
    first.checked_mul(factor).map_or(longest, |wait| wait.min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_second(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn health_with_quota(left: u64, limit: u64) -> PeerHealth {
        PeerHealth {
            quota_left: Some(left),
            quota_limit: Some(limit),
            quota_resets_at: Some(at_second(100)),
            ..PeerHealth::default()
        }
    }

    #[test]
    fn requests_run_short_when_less_than_a_part_of_the_day_is_left() {
        for (left, limit, percent, is_below) in [
            (49, 100, 50, true),
            (50, 100, 50, false),
            (51, 100, 50, false),
            (1_999, 10_000, 20, true),
            (2_000, 10_000, 20, false),
            (0, 10_000, 20, true),
            (u64::MAX, 10_000, 50, false),
        ] {
            let is = health_with_quota(left, limit).is_quota_below(percent, at_second(0));
            assert_eq!(is, is_below, "{left} of {limit}, {percent} %");
        }
    }

    #[test]
    fn what_was_left_of_yesterday_says_nothing_of_today() {
        let used_up = health_with_quota(0, 10_000);
        for (second, is_below) in [(0, true), (99, true), (100, false), (101, false)] {
            assert_eq!(used_up.is_quota_below(50, at_second(second)), is_below, "{second}");
        }
        for unknown in [
            PeerHealth { quota_left: None, ..used_up.clone() },
            PeerHealth { quota_limit: None, ..used_up.clone() },
            PeerHealth { quota_resets_at: None, ..used_up.clone() },
        ] {
            assert!(!unknown.is_quota_below(50, at_second(0)), "{unknown:?}");
        }
    }

    #[test]
    fn a_call_that_succeeds_ends_every_pause_and_leaves_the_days_requests_known() {
        let known = health_with_quota(5, 10_000);
        let mut health = known.clone();
        assert!(!health.record_success(), "nothing was wrong");
        assert_eq!(health, known);
        health.begin_pause(at_second(0), None);
        health.record_refusal(at_second(0));
        assert!(health.is_paused(at_second(59)));
        assert!(health.record_success());
        assert_eq!(health, known);
        health.use_up_quota(at_second(0), Some(SignedDuration::from_secs(100)));
        assert_eq!(health.quota_used_up_until, Some(at_second(100)));
        assert_eq!(health.without_failures(), known);
    }
}
