//! The clock. Product code and simulators take the time from a [`Clock`] and wait by it, so that tests can move it.

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// A source of the time, and what waits by it.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The time of day, which may be set back.
    fn now(&self) -> Timestamp;

    /// The time of a clock that is never set back, for durations and deadlines.
    fn instant(&self) -> Instant;

    /// Waits for `duration`, as somebody who has nothing else to do. On a [`ManualClock`] this call moves the time on.
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()>;

    /// Waits until [`instant`](Self::instant) is no earlier than `until`, as somebody who watches a deadline. On a
    /// [`ManualClock`] this call never moves the time.
    fn wait_until(&self, until: Instant) -> BoxFuture<'_, ()>;
}

pub type SharedClock = Arc<dyn Clock>;

/// The future given to [`timeout_at`] did not end in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("out of time")]
pub struct OutOfTime;

/// Runs `future` until it ends or until the deadline, whichever comes first; an end at the deadline comes too late.
///
/// # Errors
/// When the deadline came first; `future` was dropped then.
pub async fn timeout_at<F: Future>(
    clock: &dyn Clock,
    deadline: Instant,
    future: F,
) -> Result<F::Output, OutOfTime> {
    tokio::select! {
        biased;
        () = clock.wait_until(deadline) => Err(OutOfTime),
        output = future => Ok(output),
    }
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn wait_until(&self, until: Instant) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep_until(until))
    }
}

/// How often [`ManualClock::sleep`] lets other tasks run before it moves the time.
const YIELDS: u32 = 4;

/// A clock whose time of day stands still until it is moved: by [`advance_by`](Self::advance_by), by [`set_now`](Self::set_now), or
/// by a call that sleeps.
///
/// - `sleep(d)` takes no real time. `wake = now() + d` is taken at the call. The returned future yields to the runtime a few
///   times, and then sets the time of day to `wake`, unless it is later already. So two sleeps that overlap do not add up, and
///   two sleeps that follow each other do.
/// - `instant()` is the machine's instant plus everything by which the time of day was ever moved on. It goes on while the time
///   of day stands still, so a limit of so many requests per second starves nobody. Setting the time of day
///   back does not move `instant()` back.
/// - `wait_until` ends when others moved the clock far enough, or when as much real time has passed.
///
/// Clones show the same time.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<watch::Sender<Reading>>);

/// What a [`ManualClock`] shows.
#[derive(Debug, Clone, Copy)]
struct Reading {
    now: Timestamp,
    /// By how much the time of day was moved on in all.
    moved: Duration,
}

impl Reading {
    fn set(&mut self, now: Timestamp) {
        let by = now.duration_since(self.now);
        self.moved = self.moved.saturating_add(by.try_into().unwrap_or_default());
        self.now = now;
    }
}

impl ManualClock {
    pub fn starting_at(now: Timestamp) -> Self {
        let moved = Duration::ZERO;
        Self(Arc::new(watch::Sender::new(Reading { now, moved })))
    }

    /// Moves the time of day forward, or back if `by` is negative. A time that a timestamp can't hold is not set.
    pub fn advance_by(&self, by: SignedDuration) {
        self.0.send_modify(|reading| reading.set(reading.now.checked_add(by).unwrap_or(reading.now)));
    }

    pub fn set_now(&self, now: Timestamp) {
        self.0.send_modify(|reading| reading.set(now));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.0.borrow().now
    }

    fn instant(&self) -> Instant {
        Instant::now() + self.0.borrow().moved
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        let now = self.now();
        let wake = SignedDuration::try_from(duration)
            .ok()
            .and_then(|duration| now.checked_add(duration).ok())
            .unwrap_or(now);
        Box::pin(async move {
            for _ in 0..YIELDS {
                tokio::task::yield_now().await;
            }
            self.0.send_modify(|reading| reading.set(reading.now.max(wake)));
        })
    }

    fn wait_until(&self, until: Instant) -> BoxFuture<'_, ()> {
        let mut moved = self.0.subscribe();
        Box::pin(async move {
            loop {
                moved.mark_unchanged();
                let left = until.saturating_duration_since(self.instant());
                if left.is_zero() {
                    return;
                }
                tokio::select! {
                    _moved = moved.changed() => {}
                    () = tokio::time::sleep(left) => {}
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join3;

    fn clock() -> ManualClock {
        ManualClock::starting_at(Timestamp::constant(1_795_000_000, 0))
    }

    fn seconds_since(clock: &ManualClock, start: Timestamp) -> i64 {
        clock.now().duration_since(start).as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn sleeps_that_overlap_do_not_add_up_and_take_no_real_time() {
        let clock = clock();
        let (start, began) = (clock.now(), Instant::now());
        let second = Duration::from_secs(1);
        join3(clock.sleep(second * 2), clock.sleep(second * 5), clock.sleep(second)).await;
        assert_eq!(seconds_since(&clock, start), 5);
        clock.sleep(second).await;
        assert_eq!(seconds_since(&clock, start), 6);
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert_eq!(clock.instant() - began, second * 6);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleep_of_a_time_that_was_moved_over_ends_where_the_clock_is() {
        let clock = clock();
        let start = clock.now();
        let sleep = clock.sleep(Duration::from_secs(1));
        clock.advance_by(SignedDuration::from_mins(1));
        sleep.await;
        assert_eq!(seconds_since(&clock, start), 60);
        clock.advance_by(SignedDuration::from_mins(-1));
        assert_eq!(clock.now(), start);
        assert_eq!(clock.instant() - Instant::now(), Duration::from_mins(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_comes_when_somebody_sleeps_over_it() {
        let clock = clock();
        let deadline = clock.instant() + Duration::from_secs(10);
        let slow = async {
            clock.sleep(Duration::from_secs(9)).await;
            clock.sleep(Duration::from_secs(9)).await;
            tokio::task::yield_now().await;
        };
        assert_eq!(timeout_at(&clock, deadline, slow).await, Err(OutOfTime));
        let deadline = clock.instant() + Duration::from_secs(10);
        let quick = clock.sleep(Duration::from_secs(9));
        assert_eq!(timeout_at(&clock, deadline, quick).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_comes_in_real_time_too() {
        let clock = clock();
        let deadline = clock.instant() + Duration::from_secs(10);
        let never = std::future::pending::<()>();
        assert_eq!(timeout_at(&clock, deadline, never).await, Err(OutOfTime));
        assert_eq!(seconds_since(&clock, clock.now()), 0);
    }
}
