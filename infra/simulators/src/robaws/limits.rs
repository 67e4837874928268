//! The two limits of a tenant: a bucket per second and a counter per day, the latter for live and replica apart.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use tokio::time::Instant;

use super::settings::Settings;
use crate::traffic::Reply;
use runtime::clock::Clock;

/// How much of its limits a tenant has used.
#[derive(Debug)]
pub(crate) struct Limits {
    /// Thousandths of a request left in the bucket.
    milli_tokens: u64,
    /// When the bucket was last filled up; `None` before the first request.
    refilled: Option<Instant>,
    day: Option<jiff::civil::Date>,
    live: u64,
    replica: u64,
}

/// The limits as the headers of an answer state them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quota {
    remaining: u64,
    daily_remaining: u64,
    daily_limit: u64,
    daily_reset: i64,
    /// Whether the call was within both limits.
    pub(crate) granted: bool,
}

impl Limits {
    pub(crate) fn new() -> Self {
        Self { milli_tokens: u64::MAX, refilled: None, day: None, live: 0, replica: 0 }
    }

    /// Sets how many live and replica calls the day has seen.
    pub(crate) fn set_used(&mut self, now: Timestamp, live: u64, replica: u64) {
        self.day = Some(now.to_zoned_datetime(TimeZone::UTC).date());
        self.live = live;
        self.replica = replica;
    }

    /// How many live and replica calls the day has seen.
    pub(crate) fn used_today(&self) -> (u64, u64) {
        (self.live, self.replica)
    }

    /// Counts one request against both limits, or against neither when one of them is used up.
    pub(crate) fn take_request(&mut self, settings: &Settings, clock: &dyn Clock, replica: bool) -> Quota {
        let now = clock.now();
        let today = now.to_zoned_datetime(TimeZone::UTC).date();
        if self.day != Some(today) {
            self.day = Some(today);
            self.live = 0;
            self.replica = 0;
        }
        let instant = clock.instant();
        let refilled = self.refilled.unwrap_or(instant);
        let passed = u64::try_from(instant.duration_since(refilled).as_millis()).unwrap_or(u64::MAX);
        let refill = passed.saturating_mul(u64::from(settings.rate_per_second));
        let full = u64::from(settings.burst) * 1000;
        self.milli_tokens = self.milli_tokens.saturating_add(refill).min(full);
        // Only whole milliseconds were counted: the rest counts next time.
        self.refilled = Some(refilled + Duration::from_millis(passed));

        let used = if replica { &mut self.replica } else { &mut self.live };
        let granted = self.milli_tokens >= 1000 && *used < settings.daily_limit;
        if granted {
            self.milli_tokens -= 1000;
            *used += 1;
        }
        Quota {
            remaining: self.milli_tokens / 1000,
            daily_remaining: settings.daily_limit.saturating_sub(*used),
            daily_limit: settings.daily_limit,
            daily_reset: seconds_to_midnight(now),
            granted,
        }
    }
}

fn seconds_to_midnight(now: Timestamp) -> i64 {
    let here = now.to_zoned_datetime(TimeZone::UTC);
    let midnight = here.start_of_day().and_then(|start| start.checked_add(1.day()));
    midnight.map_or(0, |midnight| midnight.timestamp().as_second() - now.as_second())
}

impl Quota {
    /// Writes the headers, and on a refusal `Retry-After` where the tenant's Robaws sends it.
    pub(crate) fn write_headers(&self, reply: &mut Reply, settings: &Settings) {
        if settings.rate_limit_headers {
            reply.set_header("X-RateLimit-Remaining", &self.remaining.to_string());
            reply.set_header("X-RateLimit-Daily-Remaining", &self.daily_remaining.to_string());
            reply.set_header("X-RateLimit-Daily-Limit", &self.daily_limit.to_string());
            reply.set_header("X-RateLimit-Daily-Reset", &self.daily_reset.to_string());
        }
        if !self.granted && settings.retry_after {
            let wait = if self.daily_remaining == 0 { self.daily_reset } else { 1 };
            reply.set_header("Retry-After", &wait.to_string());
        }
    }

    /// Which of the limits refused the call.
    pub(crate) fn refusal_reason(&self) -> &'static str {
        if self.daily_remaining == 0 { "the daily quota is used up" } else { "too many requests per second" }
    }
}
