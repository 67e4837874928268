//! Pacing: ahead of Robaws' limit of 15 requests a second, by the header that all our processes see.

use http::HeaderMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Requests left to other processes before we wait for the next second.
const RESERVE: u64 = 2;
/// Requests a second until the headers speak (contract: 15/s, burst 20).
const PER_SECOND: u32 = 15;

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

#[derive(Debug, Default)]
struct State {
    limits: Limits,
    not_before: Option<Instant>,
    window: Option<Instant>,
    in_window: u32,
}

/// Paces everything of one tenant in this process.
#[derive(Debug, Default)]
pub struct Pacer(Mutex<State>);

impl Pacer {
    /// Waits until a request may go.
    pub async fn turn(&self) {
        while let Some(until) = self.take() {
            tokio::time::sleep_until(until).await;
        }
    }

    /// Takes a turn, or tells until when to wait.
    fn take(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = state.not_before.filter(|until| *until > now) {
            return Some(until);
        }
        let second = Duration::from_secs(1);
        match state.window {
            Some(start) if now.saturating_duration_since(start) < second => {
                if state.in_window >= PER_SECOND {
                    return Some(start + second);
                }
                state.in_window += 1;
            }
            _ => {
                state.window = Some(now);
                state.in_window = 1;
            }
        }
        None
    }

    /// Learns from an answer.
    pub fn learn(&self, headers: &HeaderMap) {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(remaining) = number("x-ratelimit-remaining") {
            state.limits.remaining = Some(remaining);
            if remaining <= RESERVE {
                state.not_before = Some(Instant::now() + Duration::from_secs(1));
            }
        }
        // The replica has a quota of its own; only live answers are learned from.
        state.limits.daily_remaining = number("x-ratelimit-daily-remaining").or(state.limits.daily_remaining);
        state.limits.daily_limit = number("x-ratelimit-daily-limit").or(state.limits.daily_limit);
        state.limits.daily_reset = number("x-ratelimit-daily-reset").or(state.limits.daily_reset);
    }

    /// No request before `wait` is over.
    pub fn hold(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.not_before = Some(state.not_before.map_or(until, |known| known.max(until)));
    }

    /// What the headers last said.
    pub fn limits(&self) -> Limits {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_more_than_fifteen_go_in_a_second() {
        let pacer = Pacer::default();
        let start = Instant::now();
        for _ in 0..31 {
            pacer.turn().await;
        }
        assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_low_remaining_header_waits_for_the_next_second() {
        let pacer = Pacer::default();
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-remaining", "1".parse().unwrap());
        headers.insert("x-ratelimit-daily-remaining", "9000".parse().unwrap());
        pacer.learn(&headers);
        let start = Instant::now();
        pacer.turn().await;
        assert!(start.elapsed() >= Duration::from_secs(1));
        assert_eq!(pacer.limits().daily_remaining, Some(9000));
    }
}
