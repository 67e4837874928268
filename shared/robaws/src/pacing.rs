//! Pacing of requests to Robaws, so that its rate limit is never hit.
//!
//! The rate-limit header tells how many requests are left this second, whoever made the others. Of what Robaws gives back each
//! second, the header shows what other processes took; the rest is the share of this process. So the rate follows the real
//! limit, 15 a second or another, and two processes of one tenant share the limit without knowing of each other.

use http::HeaderMap;
use runtime::clock::{Clock, SharedClock, SystemClock};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Rate that a process begins with, in thousandths of a request per second. The contract says 15 requests per second.
const FIRST_MILLI_RATE: u64 = 15_000;
/// Lowest rate, in thousandths of a request per second, whatever the header shows.
const SLOWEST_MILLI_RATE: u64 = 1_000;
/// The burst that the contract names, in requests. A header that shows more requests left proves a higher limit than the
/// contract's.
const DOCUMENTED_BURST: u64 = 20;
/// Requests that may go at once after a while without requests, such as between two batches. The rest of the burst that Robaws
/// allows is left to other processes.
const BURST: u64 = 10;
/// Requests that may go at once when no recent header tells how many are left.
const BLIND_BURST: u64 = 5;
/// Requests that may go before the first answer tells how many are left.
const FIRST_BURST: u64 = 2;
/// Requests left to other processes, at least. When more requests of this process are on their way, as many are left: another
/// process may be as busy.
const RESERVED_REQUESTS: u64 = 3;
/// How long a header counts: afterwards another second of the limit has begun.
const HEADER_HOLDS_FOR: Duration = Duration::from_secs(1);
/// How long a header allows a burst. Later, bursts of other processes may have used up what the header showed.
const BURST_ALLOWED_FOR: Duration = Duration::from_millis(250);
/// One request, in the unit of the token bucket.
const MILLI_PER_REQUEST: u64 = 1000;
/// Shortest time between two judgements of the rate.
const JUDGEMENT_TIME: Duration = Duration::from_millis(500);
/// Fewest answers between two judgements of the rate.
const JUDGEMENT_ANSWERS: u64 = 3;
/// Milliseconds over which a surplus in the bucket is used up, and a shortage made good.
const EVEN_OUT_MS: i64 = 2_000;

/// What the rate-limit headers of Robaws last said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests left this second.
    pub remaining: Option<u64>,
    /// Requests left today.
    pub daily_remaining: Option<u64>,
    /// Requests of a whole day.
    pub daily_limit: Option<u64>,
    /// Seconds until the requests of the day start anew.
    pub daily_reset: Option<u64>,
}

/// Where a judgement of the rate began.
#[derive(Debug, Clone, Copy)]
struct Judgement {
    began_at: Instant,
    remaining: u64,
    answers: u64,
    /// Whether the rate alone, and no wait that Robaws asked for, held a request back meanwhile.
    held_back: bool,
}

#[derive(Debug)]
struct State {
    limits: Limits,
    /// No request goes before this time.
    not_before: Option<Instant>,
    /// Thousandths of a request that may go now.
    tokens: u64,
    refilled: Instant,
    /// Thousandths of a request that come back per second.
    rate: u64,
    /// The most requests that a header ever showed as left. Tells the size of the bucket at Robaws.
    most_remaining: u64,
    /// When a header last told how many requests are left.
    header_seen_at: Option<Instant>,
    judgement: Option<Judgement>,
    /// Requests that were sent and have no answer yet.
    in_flight: u64,
    /// Whether a request was asked for, or anything was learned of the limit.
    is_used: bool,
}

/// Paces the requests of one tenant in this process.
#[derive(Debug)]
pub struct Pacer {
    clock: SharedClock,
    state: Mutex<State>,
}

impl Default for Pacer {
    /// By the machine's clock.
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

impl Pacer {
    /// A pacer that goes by this clock.
    pub fn new(clock: SharedClock) -> Self {
        let state = Mutex::new(State {
            limits: Limits::default(),
            not_before: None,
            tokens: FIRST_BURST * MILLI_PER_REQUEST,
            refilled: clock.instant(),
            rate: FIRST_MILLI_RATE,
            most_remaining: 0,
            header_seen_at: None,
            judgement: None,
            in_flight: 0,
            is_used: false,
        });
        Self { clock, state }
    }
}

/// The permission for one request. Dropped when the request is over.
#[derive(Debug)]
pub struct RequestPermit<'a>(&'a Pacer);

impl Drop for RequestPermit<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock_state();
        state.in_flight = state.in_flight.saturating_sub(1);
    }
}

/// How long it takes until so many thousandths of a request come back at the rate `pace`.
fn time_for_requests(milli_requests: u64, pace: u64) -> Duration {
    Duration::from_micros(milli_requests.saturating_mul(1_000_000).div_ceil(pace))
}

impl State {
    /// Whether a header told within the last `time` how many requests are left.
    fn is_header_newer_than(&self, time: Duration, now: Instant) -> bool {
        self.header_seen_at.is_some_and(|at| now.saturating_duration_since(at) < time)
    }

    /// Whether the last header still counts.
    fn is_header_current(&self, now: Instant) -> bool {
        self.is_header_newer_than(HEADER_HOLDS_FOR, now)
    }

    /// The rate that counts now. Below half of the bucket the rate falls with what is left, before the next judgement and for
    /// all processes alike.
    fn current_rate(&self, now: Instant) -> u64 {
        let half = self.most_remaining / 2;
        match self.limits.remaining {
            Some(remaining) if self.is_header_current(now) && remaining < half => {
                (self.rate * remaining / half).max(SLOWEST_MILLI_RATE)
            }
            _ => self.rate,
        }
    }

    fn refill_tokens(&mut self, now: Instant) {
        let pace = self.current_rate(now);
        let passed = now.saturating_duration_since(self.refilled);
        let microseconds = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX);
        let gained = microseconds.saturating_mul(pace) / 1_000_000;
        let burst = if self.is_header_newer_than(BURST_ALLOWED_FOR, now) { BURST } else { BLIND_BURST };
        self.tokens = self.tokens.saturating_add(gained).min(burst * MILLI_PER_REQUEST);
        // What is less than a thousandth of a request counts next time.
        self.refilled += time_for_requests(gained, pace).min(passed);
    }

    /// The highest rate that may be tried: the contract's, unless a header has shown that there is more.
    fn fastest_rate(&self) -> u64 {
        if self.most_remaining < DOCUMENTED_BURST {
            return FIRST_MILLI_RATE;
        }
        self.most_remaining.saturating_mul(MILLI_PER_REQUEST).max(FIRST_MILLI_RATE)
    }

    /// Judges the rate by what became of `remaining` since the last judgement.
    fn judge_rate(&mut self, remaining: u64, now: Instant) {
        self.most_remaining = self.most_remaining.max(remaining);
        let is_idle = !self.is_header_current(now);
        let Some(since) = self.judgement.as_mut().filter(|_| !is_idle) else {
            self.begin_judgement(remaining, now);
            return;
        };
        since.answers += 1;
        let since = *since;
        let passed = now.saturating_duration_since(since.began_at);
        if passed < JUDGEMENT_TIME || since.answers < JUDGEMENT_ANSWERS {
            return;
        }
        self.begin_judgement(remaining, now);
        let milliseconds = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX).max(1);
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        // What Robaws gave back to this process: what was used, and the change of what is left.
        let given = signed(since.answers) + signed(remaining) - signed(since.remaining);
        let share = given.saturating_mul(1_000_000) / milliseconds;
        // Half of the bucket is kept for bursts of other processes.
        let spare = signed(remaining) - signed(self.most_remaining / 2);
        let wanted = share.saturating_add(spare.saturating_mul(1_000_000) / EVEN_OUT_MS);
        let wanted = u64::try_from(wanted).unwrap_or(0).clamp(SLOWEST_MILLI_RATE, self.fastest_rate());
        let rate = self.rate;
        self.rate = if wanted > rate {
            // A process without more to ask learns nothing of what a higher rate would do.
            if since.held_back { rate + (wanted - rate) / 2 } else { rate }
        } else if spare < 0 {
            rate - (rate - wanted) / 2
        } else {
            rate
        };
    }

    fn begin_judgement(&mut self, remaining: u64, now: Instant) {
        self.judgement = Some(Judgement { began_at: now, remaining, answers: 0, held_back: false });
    }
}

impl Pacer {
    fn lock_state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The clock that the pacer goes by.
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Waits until a request may go. The request may go until the permission is dropped.
    pub async fn wait_for_permit(&self) -> RequestPermit<'_> {
        while let Some(until) = self.try_take_permit() {
            let wait = until.saturating_duration_since(self.clock.instant());
            self.clock.sleep(wait).await;
        }
        RequestPermit(self)
    }

    /// Takes a permission, or gives the time to wait until.
    fn try_take_permit(&self) -> Option<Instant> {
        let now = self.clock.instant();
        let mut state = self.lock_state();
        state.refill_tokens(now);
        if let Some(until) = state.not_before.filter(|until| *until > now) {
            return Some(until);
        }
        if state.tokens < MILLI_PER_REQUEST {
            if let Some(since) = &mut state.judgement {
                since.held_back = true;
            }
            let pace = state.current_rate(now);
            return Some(now + time_for_requests(MILLI_PER_REQUEST - state.tokens, pace));
        }
        state.tokens -= MILLI_PER_REQUEST;
        state.in_flight += 1;
        state.is_used = true;
        None
    }

    /// Learns from the headers of an answer. `is_live` is false for the replica, whose requests of the day are counted apart.
    pub fn learn_from_answer(&self, headers: &HeaderMap, is_live: bool) {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let mut state = self.lock_state();
        state.is_used = true;
        if let Some(remaining) = number("x-ratelimit-remaining") {
            let now = self.clock.instant();
            state.refill_tokens(now);
            state.judge_rate(remaining, now);
            state.limits.remaining = Some(remaining);
            state.header_seen_at = Some(now);
            // Requests on their way, without the one just answered, may not have been counted by Robaws yet.
            let spoken_for = state.in_flight.saturating_sub(1) + RESERVED_REQUESTS.max(state.in_flight);
            state.tokens = state.tokens.min(remaining.saturating_sub(spoken_for) * MILLI_PER_REQUEST);
            if spoken_for > remaining {
                let pace = state.current_rate(now);
                let until = now + time_for_requests((spoken_for - remaining) * MILLI_PER_REQUEST, pace);
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

    /// Holds back every request until `wait` is over.
    pub fn hold_requests(&self, wait: Duration) {
        let until = self.clock.instant() + wait;
        let mut state = self.lock_state();
        state.is_used = true;
        state.not_before = Some(state.not_before.map_or(until, |known| known.max(until)));
    }

    /// Whether nothing was learned yet, so that nothing is lost with this pacer.
    pub fn is_new(&self) -> bool {
        !self.lock_state().is_used
    }

    pub fn limits(&self) -> Limits {
        self.lock_state().limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate_headers(remaining: u64) -> HeaderMap {
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
            let _turn = pacer.wait_for_permit().await;
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
        // Nor slower than necessary: 2 at once, then 98 at 15 a second.
        let took = sent[99].duration_since(sent[0]);
        assert!(took < Duration::from_millis(6_700), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pacer_is_new_until_it_is_asked_or_told_anything() {
        let pacer = Pacer::default();
        assert!(pacer.is_new());
        drop(pacer.wait_for_permit().await);
        assert!(!pacer.is_new());
        let pacer = Pacer::default();
        pacer.learn_from_answer(&rate_headers(14), true);
        assert!(!pacer.is_new());
        let pacer = Pacer::default();
        pacer.hold_requests(Duration::from_secs(1));
        assert!(!pacer.is_new());
    }

    #[tokio::test(start_paused = true)]
    async fn what_others_use_up_is_left_to_them() {
        let pacer = Pacer::default();
        let turn = pacer.wait_for_permit().await;
        pacer.learn_from_answer(&rate_headers(1), true);
        drop(turn);
        let start = Instant::now();
        drop(pacer.wait_for_permit().await);
        // Two requests are missing to the reserve: these two and one more must have come back.
        assert!(start.elapsed() >= Duration::from_millis(133), "{:?}", start.elapsed());
        assert_eq!(pacer.limits().daily_remaining, Some(9000));
    }

    #[tokio::test(start_paused = true)]
    async fn requests_on_their_way_are_counted() {
        let pacer = Pacer::default();
        let turns =
            (pacer.wait_for_permit().await, pacer.wait_for_permit().await, pacer.wait_for_permit().await);
        pacer.learn_from_answer(&rate_headers(5), true);
        // 5 requests are left. 2 of them may be taken already, and 3 are for others.
        let start = Instant::now();
        drop(pacer.wait_for_permit().await);
        assert!(start.elapsed() >= Duration::from_millis(60), "{:?}", start.elapsed());
        drop(turns);
    }

    #[tokio::test(start_paused = true)]
    async fn the_replica_says_nothing_of_the_day() {
        let pacer = Pacer::default();
        pacer.learn_from_answer(&rate_headers(10), false);
        assert_eq!(pacer.limits().daily_remaining, None);
        assert_eq!(pacer.limits().remaining, Some(10));
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_header_told_a_while_ago_allows_no_large_burst() {
        let pacer = Pacer::default();
        pacer.learn_from_answer(&rate_headers(14), true);
        tokio::time::advance(Duration::from_millis(500)).await;
        let start = Instant::now();
        let mut at_once = 0;
        while start == Instant::now() {
            let _turn = pacer.wait_for_permit().await;
            at_once += u64::from(start == Instant::now());
        }
        assert_eq!(at_once, BLIND_BURST);
    }

    #[tokio::test(start_paused = true)]
    async fn no_request_goes_before_a_wait_is_over() {
        let pacer = Pacer::default();
        let start = Instant::now();
        pacer.hold_requests(Duration::from_secs(3));
        pacer.hold_requests(Duration::from_secs(1));
        drop(pacer.wait_for_permit().await);
        assert!(start.elapsed() >= Duration::from_secs(3), "{:?}", start.elapsed());
        drop(pacer.wait_for_permit().await);
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_left_in_another_second_slows_nothing() {
        let pacer = Pacer::default();
        pacer.learn_from_answer(&rate_headers(14), true);
        pacer.learn_from_answer(&rate_headers(0), true);
        tokio::time::advance(Duration::from_secs(3)).await;
        let start = Instant::now();
        for _ in 0..BLIND_BURST {
            drop(pacer.wait_for_permit().await);
        }
        assert_eq!(start, Instant::now());
    }

    #[test]
    fn only_a_header_that_shows_more_allows_more_than_documented() {
        for (most, fastest) in [(0, 15_000), (19, 15_000), (20, 20_000), (40, 40_000)] {
            let mut state = Pacer::default().state.into_inner().unwrap();
            state.most_remaining = most;
            assert_eq!(state.fastest_rate(), fastest, "{most}");
        }
    }

    /// The rate after answers that left so many requests. The first two answers come at once, each later one `apart`
    /// milliseconds after the answer before.
    async fn rate_after_answers(held_back: bool, apart: u64, left: &[u64]) -> u64 {
        let mut state = Pacer::default().state.into_inner().unwrap();
        state.rate = 5_000;
        for (at, &left) in left.iter().enumerate() {
            if at > 1 {
                tokio::time::advance(Duration::from_millis(apart)).await;
            }
            let now = Instant::now();
            state.judge_rate(left, now);
            state.header_seen_at = Some(now);
            if let Some(since) = &mut state.judgement {
                since.held_back = held_back;
            }
        }
        state.rate
    }

    #[tokio::test(start_paused = true)]
    async fn the_pace_goes_half_of_the_way_to_what_the_limit_gives() {
        // 3 requests were given in a second, and 6 requests beyond half of the bucket are used up in two seconds: 6 a second.
        assert_eq!(rate_after_answers(true, 500, &[12, 12, 12, 12]).await, 5_500);
        assert_eq!(rate_after_answers(true, 250, &[12, 12, 12, 12]).await, 7_000, "twice as fast");
        assert_eq!(rate_after_answers(false, 500, &[12, 12, 12, 12]).await, 5_000, "who does not ask");
        assert_eq!(rate_after_answers(true, 500, &[12, 12, 12]).await, 5_000, "too few answers");
        assert_eq!(rate_after_answers(true, 100, &[12, 12, 12, 12]).await, 5_000, "too soon");
        // Others took all of it: half of the way to the lowest rate.
        assert_eq!(rate_after_answers(true, 500, &[12, 8, 4, 0]).await, 3_000);
        // Others took what was beyond half of the bucket; half of the bucket is still there.
        assert_eq!(rate_after_answers(true, 500, &[12, 10, 8, 6]).await, 5_000);
    }

    /// The token bucket of Robaws, half of the latency away.
    struct Server(Mutex<Bucket>);

    struct Bucket {
        milli: u64,
        refilled: Instant,
        rate: u64,
        burst: u64,
        granted: u64,
        refused: u64,
    }

    impl Server {
        fn new(rate: u64, burst: u64) -> Arc<Self> {
            Arc::new(Self(Mutex::new(Bucket {
                milli: burst * MILLI_PER_REQUEST,
                refilled: Instant::now(),
                rate,
                burst,
                granted: 0,
                refused: 0,
            })))
        }

        /// Takes one request. Gives how many are left; 0 also when the request was refused.
        fn take_request(&self) -> u64 {
            let mut bucket = self.0.lock().unwrap();
            let now = Instant::now();
            let passed = u64::try_from(now.duration_since(bucket.refilled).as_millis()).unwrap();
            bucket.milli = (bucket.milli + passed * bucket.rate).min(bucket.burst * MILLI_PER_REQUEST);
            bucket.refilled += Duration::from_millis(passed);
            if bucket.milli < MILLI_PER_REQUEST {
                bucket.refused += 1;
                return 0;
            }
            bucket.milli -= MILLI_PER_REQUEST;
            bucket.granted += 1;
            bucket.milli / MILLI_PER_REQUEST
        }

        fn granted_and_refused(&self) -> (u64, u64) {
            let bucket = self.0.lock().unwrap();
            (bucket.granted, bucket.refused)
        }
    }

    /// Runs some processes of one tenant, each with `side_by_side` requests at a time. They get ten seconds to find their rate.
    /// Gives the requests granted in the 30 seconds afterwards, and all that were refused.
    async fn run_busy_processes(server: &Arc<Server>, processes: usize, side_by_side: usize) -> (u64, u64) {
        let mut tasks = tokio::task::JoinSet::new();
        for process in 0..processes {
            let pacer = Arc::new(Pacer::default());
            let apart = u32::try_from(process).unwrap();
            for _ in 0..side_by_side {
                let (pacer, server) = (Arc::clone(&pacer), Arc::clone(server));
                tasks.spawn(async move {
                    // Processes neither begin together nor are equally far away.
                    tokio::time::sleep(Duration::from_millis(700) * apart).await;
                    let half = Duration::from_millis(75) + Duration::from_millis(5) * apart;
                    loop {
                        let turn = pacer.wait_for_permit().await;
                        tokio::time::sleep(half).await;
                        let left = server.take_request();
                        tokio::time::sleep(half).await;
                        pacer.learn_from_answer(&rate_headers(left), true);
                        drop(turn);
                    }
                });
            }
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
        let (before, _) = server.granted_and_refused();
        tokio::time::sleep(Duration::from_secs(30)).await;
        let (after, refused) = server.granted_and_refused();
        (after - before, refused)
    }

    /// Rate and size of the bucket, number of processes, and requests at a time in each.
    const BUSY_CASES: &[(u64, u64, usize, usize)] = &[
        (15, 20, 1, 4),
        (15, 20, 2, 4),
        (15, 20, 2, 8),
        (15, 20, 3, 4),
        (5, 20, 1, 4),
        (5, 20, 2, 4),
        (5, 7, 1, 4),
        (10, 15, 2, 4),
        (30, 40, 1, 8),
        (30, 40, 2, 4),
    ];

    #[tokio::test(start_paused = true)]
    async fn the_limit_that_is_there_is_used_and_never_hit() {
        for &(rate, burst, processes, side_by_side) in BUSY_CASES {
            let server = Server::new(rate, burst);
            let (granted, refused) = run_busy_processes(&server, processes, side_by_side).await;
            let what = format!("{rate}/s, burst {burst}, {processes} processes, {side_by_side} at a time");
            assert_eq!(refused, 0, "{what}");
            assert!(granted * 100 >= rate * 30 * 95, "{what}: {granted}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_header_the_documented_pace_is_kept() {
        let pacer = Pacer::default();
        let start = Instant::now();
        for _ in 0..302 {
            let turn = pacer.wait_for_permit().await;
            pacer.learn_from_answer(&HeaderMap::new(), true);
            drop(turn);
        }
        assert!(start.elapsed() >= Duration::from_secs(20), "{:?}", start.elapsed());
    }
}
