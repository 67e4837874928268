//! Pacing: ahead of Robaws' limit of 15 requests a second, by the header that all our processes see.

use http::HeaderMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Requests a second (contract: 15, burst 20).
const PER_SECOND: u64 = 15;
/// Requests that may go at once after a rest: the rest of Robaws' burst is for our other processes.
const BURST: u64 = 5;
/// Requests left to other processes.
const RESERVE: u64 = 3;
/// One request, in the unit of the bucket.
const ONE: u64 = 1000;

/// What the headers last said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests left this second.
    pub remaining: Option<u64>,
    /// Requests left today.
    pub daily_remaining: Option<u64>,
    /// Requests of a whole day.
    pub daily_limit: Option<u64>,
    /// Seconds until the day's reset.
    pub daily_reset: Option<u64>,
}

#[derive(Debug)]
struct State {
    limits: Limits,
    not_before: Option<Instant>,
    /// Thousandths of a request that may go.
    tokens: u64,
    refilled: Instant,
    /// Requests without an answer yet.
    in_flight: u64,
}

/// Paces everything of one tenant in this process.
#[derive(Debug)]
pub struct Pacer(Mutex<State>);

impl Default for Pacer {
    fn default() -> Self {
        Self(Mutex::new(State {
            limits: Limits::default(),
            not_before: None,
            tokens: BURST * ONE,
            refilled: Instant::now(),
            in_flight: 0,
        }))
    }
}

/// A request on its way; dropped when it is over.
#[derive(Debug)]
pub struct Turn<'a>(&'a Pacer);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
    }
}

/// How long `requests` take at the full rate.
fn time_of(milli_requests: u64) -> Duration {
    Duration::from_millis(milli_requests.div_ceil(PER_SECOND))
}

impl Pacer {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a request may go.
    pub async fn turn(&self) -> Turn<'_> {
        while let Some(until) = self.take() {
            tokio::time::sleep_until(until).await;
        }
        Turn(self)
    }

    /// Takes a turn, or tells until when to wait.
    fn take(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut state = self.lock();
        let passed = now.saturating_duration_since(state.refilled);
        let milliseconds = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        state.tokens = state
            .tokens
            .saturating_add(milliseconds.saturating_mul(PER_SECOND))
            .min(BURST * ONE);
        // Only whole milliseconds were counted: the rest counts next time.
        state.refilled += Duration::from_millis(milliseconds);
        if let Some(until) = state.not_before.filter(|until| *until > now) {
            return Some(until);
        }
        if state.tokens < ONE {
            return Some(now + time_of(ONE - state.tokens));
        }
        state.tokens -= ONE;
        state.in_flight += 1;
        None
    }

    /// Learns from an answer. `is_live`: the replica has a daily quota of its own, of which nothing is learned.
    pub fn learn(&self, headers: &HeaderMap, is_live: bool) {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let mut state = self.lock();
        if let Some(remaining) = number("x-ratelimit-remaining") {
            state.limits.remaining = Some(remaining);
            // The requests on their way, this one not among them, may not have been counted yet.
            let spoken_for = state.in_flight.saturating_sub(1) + RESERVE;
            state.tokens = state.tokens.min(remaining.saturating_sub(spoken_for) * ONE);
            if spoken_for > remaining {
                let until = Instant::now() + time_of((spoken_for - remaining) * ONE);
                state.not_before = Some(state.not_before.map_or(until, |known| known.max(until)));
            }
        }
        if is_live {
            state.limits.daily_remaining =
                number("x-ratelimit-daily-remaining").or(state.limits.daily_remaining);
            state.limits.daily_limit = number("x-ratelimit-daily-limit").or(state.limits.daily_limit);
            state.limits.daily_reset = number("x-ratelimit-daily-reset").or(state.limits.daily_reset);
        }
    }

    /// No request before `wait` is over.
    pub fn hold(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut state = self.lock();
        state.not_before = Some(state.not_before.map_or(until, |known| known.max(until)));
    }

    /// What the headers last said.
    pub fn limits(&self) -> Limits {
        self.lock().limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(remaining: u64) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-remaining", remaining.into());
        headers.insert("x-ratelimit-daily-remaining", 9000.into());
        headers
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_sees_fifteen_and_a_short_burst() {
        let pacer = Pacer::default();
        let mut sent = Vec::new();
        for _ in 0..100 {
            let _turn = pacer.turn().await;
            sent.push(Instant::now());
        }
        let busiest = sent
            .iter()
            .map(|start| {
                let second =
                    |at: &&Instant| *at >= start && at.duration_since(*start) < Duration::from_secs(1);
                sent.iter().filter(second).count()
            })
            .max();
        assert!(busiest <= Some(20), "{busiest:?}");
        // Nor slower than it must: 5 at once, 95 at 15 a second.
        let took = sent[99].duration_since(sent[0]);
        assert!(took < Duration::from_millis(6_500), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_others_use_up_is_left_to_them() {
        let pacer = Pacer::default();
        let turn = pacer.turn().await;
        pacer.learn(&headers(1), true);
        drop(turn);
        let start = Instant::now();
        drop(pacer.turn().await);
        // Two requests short of the reserve: they, and one more, must have come back.
        assert!(
            start.elapsed() >= Duration::from_millis(133),
            "{:?}",
            start.elapsed()
        );
        assert_eq!(pacer.limits().daily_remaining, Some(9000));
    }

    #[tokio::test(start_paused = true)]
    async fn requests_on_their_way_are_counted() {
        let pacer = Pacer::default();
        let turns = (pacer.turn().await, pacer.turn().await, pacer.turn().await);
        pacer.learn(&headers(5), true);
        // 5 are left, 2 of them may be taken already, 3 are for others.
        let start = Instant::now();
        drop(pacer.turn().await);
        assert!(
            start.elapsed() >= Duration::from_millis(60),
            "{:?}",
            start.elapsed()
        );
        drop(turns);
    }

    #[tokio::test(start_paused = true)]
    async fn the_replica_says_nothing_of_the_day() {
        let pacer = Pacer::default();
        pacer.learn(&headers(10), false);
        assert_eq!(pacer.limits().daily_remaining, None);
        assert_eq!(pacer.limits().remaining, Some(10));
    }
}
