//! Metrics, as lines of CloudWatch's embedded metric format on standard output (docs/adr/0020).
//!
//! What happens in an invocation is collected beside it, as its log span is, and written at its end by
//! [`Invocations::run`](crate::invocation::Invocations::run), also when it ends in an error or a panic. Outside an invocation
//! [`count`] and [`record`] do nothing. Which metrics there are, with unit and dimension, is [`Metric`]; no dimension ever holds a
//! connection, an order or an article.

mod emf;
mod sink;

pub use emf::Header;
pub use sink::{Memory, Nowhere, Sink, Stdout};

use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What CloudWatch counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Pieces.
    Count,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Of a hundred.
    Percent,
}

impl Unit {
    /// As CloudWatch writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Seconds => "Seconds",
            Self::Milliseconds => "Milliseconds",
            Self::Percent => "Percent",
        }
    }
}

macro_rules! metrics {
    ($($(#[$doc:meta])* $name:ident, $unit:ident, $dimension:expr;)*) => {
        /// A metric; alarms and dashboards know it by its name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Metric { $($(#[$doc])* $name,)* }

        impl Metric {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name in CloudWatch.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// Its unit.
            pub fn unit(self) -> Unit {
                match self { $(Self::$name => Unit::$unit,)* }
            }

            /// The name of its dimension, if it has one.
            pub fn dimension(self) -> Option<&'static str> {
                match self { $(Self::$name => $dimension,)* }
            }
        }
    };
}

/// The dimension whose value is the function itself.
const FUNCTION: &str = "Function";

metrics! {
    /// New or changed orders written to the ledger.
    OrdersSeen, Count, None;
    /// Stock changes out.
    StockChangesBooked, Count, None;
    /// Stock changes back in.
    StockChangesReversed, Count, None;
    /// Invoices finished.
    InvoicesMade, Count, None;
    /// Credit notes finished.
    CreditNotesMade, Count, None;
    /// Orders that became blocked.
    OrdersBlocked, Count, None;
    /// Looks that ended with the order in doubt.
    OrdersInDoubt, Count, None;
    /// From the order's first writing to its first stock change.
    OrderToBooking, Seconds, None;
    /// Articles of which a product or an offer was written.
    ArticlesSent, Count, None;
    /// Problems that opened.
    ProblemsOpened, Count, None;
    /// Problems that closed.
    ProblemsClosed, Count, None;
    /// Calls to a peer.
    PeerCalls, Count, Some("Peer");
    /// How long each took, without the waiting for its turn.
    PeerLatency, Milliseconds, Some("Peer");
    /// Calls answered 429.
    PeerThrottled, Count, Some("Peer");
    /// Calls without an answer, or answered 5xx, or 2xx with something that can't be read.
    PeerFailures, Count, Some("Peer");
    /// Of the day's requests to Robaws, what is left of a connection's.
    QuotaLeft, Percent, None;
    /// Age of a connection's last complete pass when its poll begins.
    PollLag, Seconds, None;
    /// Invocations of the poll that got to their end: the heartbeat.
    PollsCompleted, Count, None;
    /// Connections by what they are.
    ConnectionsByState, Count, Some("State");
    /// Active connections of which a peer does not answer.
    ConnectionsUnreachable, Count, Some("Peer");
    /// Connections that a round of the poll had no time for.
    PollsUnfinished, Count, None;
    /// First invocations of a process.
    ColdStarts, Count, Some(FUNCTION);
    /// From the start of a process to its readiness for the first event.
    InitMilliseconds, Milliseconds, Some(FUNCTION);
    /// Messages of which not even the outcome could be recorded.
    RecordsUnrecorded, Count, Some(FUNCTION);
}

impl Metric {
    /// It, with the value of its dimension.
    pub fn of(self, value: &'static str) -> Series {
        Series {
            value: Some(value),
            ..self.into()
        }
    }

    /// It, on a line that names the connection: as a property, by which lines are found and nothing is counted.
    pub fn for_connection(self, connection: &str) -> Series {
        Series {
            connection: Some(connection.to_owned()),
            ..self.into()
        }
    }
}

/// A metric with what it is told apart by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    metric: Metric,
    value: Option<&'static str>,
    connection: Option<String>,
}

impl From<Metric> for Series {
    fn from(metric: Metric) -> Self {
        Self {
            metric,
            value: None,
            connection: None,
        }
    }
}

/// What one invocation has counted and measured so far.
#[derive(Debug, Clone, Default)]
pub struct Collected(Arc<Mutex<BTreeMap<Series, Vec<u64>>>>);

tokio::task_local! {
    static COLLECTED: Collected;
}

impl Collected {
    /// Runs `work`; what it counts and measures comes here.
    pub async fn during<F: Future>(&self, work: F) -> F::Output {
        COLLECTED.scope(self.clone(), work).await
    }

    /// Takes out what was collected, as lines.
    pub fn lines(&self, header: &Header<'_>) -> Vec<Value> {
        let collected = std::mem::take(&mut *self.lock());
        emf::lines(header, collected)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Series, Vec<u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, series: Series, by: u64) {
        let mut collected = self.lock();
        let values = collected.entry(series).or_default();
        match values.first_mut() {
            Some(sum) => *sum = sum.saturating_add(by),
            None => values.push(by),
        }
    }
}

fn with(change: impl FnOnce(&Collected)) {
    // Outside an invocation nobody writes it down.
    COLLECTED.try_with(change).unwrap_or_default();
}

/// Adds to the number of an invocation: one value, however often it happens.
pub fn count(series: impl Into<Series>, by: u64) {
    with(|collected| collected.add(series.into(), by));
}

/// A measurement: each is a value of its own.
pub fn record(series: impl Into<Series>, value: u64) {
    with(|collected| collected.lock().entry(series.into()).or_default().push(value));
}

/// What stands now, in place of what was said of it before.
pub fn gauge(series: impl Into<Series>, value: u64) {
    with(|collected| {
        collected.lock().insert(series.into(), vec![value]);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const HEADER: Header<'static> = Header {
        namespace: "Connector",
        function: "poll-orders",
        request_id: "r-1",
        at: jiff::Timestamp::constant(1_795_000_000, 0),
    };

    async fn lines(work: impl FnOnce()) -> Vec<Value> {
        let collected = Collected::default();
        collected.during(async { work() }).await;
        collected.lines(&HEADER)
    }

    #[tokio::test]
    async fn a_line_per_set_of_dimensions() {
        let lines = lines(|| {
            count(Metric::OrdersSeen, 2);
            count(Metric::OrdersSeen, 1);
            record(Metric::PollLag, 300);
            record(Metric::PollLag, 310);
            count(Metric::PeerCalls.of("robaws"), 1);
            gauge(Metric::QuotaLeft.for_connection("shop"), 90);
            gauge(Metric::QuotaLeft.for_connection("shop"), 80);
            count(Metric::ColdStarts, 1);
        })
        .await;
        let directive = |dimensions: Value, metrics: Value| {
            json!({
                "Timestamp": 1_795_000_000_000_u64,
                "CloudWatchMetrics": [{ "Namespace": "Connector", "Dimensions": [dimensions], "Metrics": metrics }],
            })
        };
        assert_eq!(
            lines,
            [
                json!({
                    "_aws": directive(json!([]), json!([
                        { "Name": "OrdersSeen", "Unit": "Count" }, { "Name": "PollLag", "Unit": "Seconds" },
                    ])),
                    "OrdersSeen": 3, "PollLag": [300, 310], "service": "poll-orders", "aws.request_id": "r-1",
                }),
                json!({
                    "_aws": directive(json!([]), json!([{ "Name": "QuotaLeft", "Unit": "Percent" }])),
                    "QuotaLeft": 80, "connection": "shop", "service": "poll-orders", "aws.request_id": "r-1",
                }),
                json!({
                    "_aws": directive(json!(["Function"]), json!([{ "Name": "ColdStarts", "Unit": "Count" }])),
                    "ColdStarts": 1, "Function": "poll-orders", "service": "poll-orders", "aws.request_id": "r-1",
                }),
                json!({
                    "_aws": directive(json!(["Peer"]), json!([{ "Name": "PeerCalls", "Unit": "Count" }])),
                    "PeerCalls": 1, "Peer": "robaws", "service": "poll-orders", "aws.request_id": "r-1",
                }),
            ]
        );
    }

    #[tokio::test]
    async fn more_values_than_a_line_may_hold_go_on_in_the_next() {
        let lines = lines(|| {
            for value in 0..250 {
                record(Metric::PollLag, value);
            }
            count(Metric::OrdersSeen, 1);
        })
        .await;
        let lags: Vec<usize> = lines
            .iter()
            .map(|line| line["PollLag"].as_array().unwrap().len())
            .collect();
        assert_eq!(lags, [100, 100, 50]);
        let seen: Vec<&Value> = lines.iter().filter_map(|line| line.get("OrdersSeen")).collect();
        assert_eq!(seen, [&json!(1)], "a count stands on one line");
        for line in &lines {
            assert!(
                line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|metric| { line.get(metric["Name"].as_str().unwrap()).is_some() })
            );
        }
    }

    #[tokio::test]
    async fn outside_an_invocation_nothing_is_kept() {
        count(Metric::OrdersSeen, 1);
        assert!(lines(|| ()).await.is_empty());
    }
}
