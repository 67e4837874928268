//! Metrics, as lines of CloudWatch's embedded metric format on standard output (docs/adr/0020).
//!
//! An invocation collects what it counts, and [`Invocations::run_invocation`](crate::invocation::Invocations::run_invocation) writes
//! the collection at its end. Outside an invocation [`add_count`], [`record_value`] and [`set_gauge`] do nothing. [`Metric`]
//! lists all metrics with unit and dimension. No dimension ever holds a connection, an order or an article.

mod emf;
mod sink;

pub use emf::Header;
pub use sink::{Memory, Nowhere, Sink, Stdout};

use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The unit of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Pieces.
    Count,
    Seconds,
    Milliseconds,
    /// A percentage, 0 to 100.
    Percent,
}

impl Unit {
    /// The word of CloudWatch.
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
        /// A metric. Alarms and dashboards use its name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Metric { $($(#[$doc])* $name,)* }

        impl Metric {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name in CloudWatch.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            pub fn unit(self) -> Unit {
                match self { $(Self::$name => Unit::$unit,)* }
            }

            /// The name of the dimension, if the metric has one.
            pub fn dimension(self) -> Option<&'static str> {
                match self { $(Self::$name => $dimension,)* }
            }
        }
    };
}

/// The dimension whose value is the function that runs.
const FUNCTION: &str = "Function";

metrics! {
    /// New or changed orders written to the ledger.
    OrdersSeen, Count, None;
    /// Stock changes out that were booked.
    StockChangesBooked, Count, None;
    /// Stock changes in that were booked.
    StockChangesReversed, Count, None;
    /// Invoices that were finished.
    InvoicesMade, Count, None;
    /// Credit notes that were finished.
    CreditNotesMade, Count, None;
    /// Orders that became blocked.
    OrdersBlocked, Count, None;
    /// Looks that ended with the order in doubt.
    OrdersInDoubt, Count, None;
    /// From the first write of the order to its first stock change.
    OrderToBooking, Seconds, None;
    /// Articles of which a product or an offer was sent.
    ArticlesSent, Count, None;
    /// Problems that opened.
    ProblemsOpened, Count, None;
    /// Problems that closed.
    ProblemsClosed, Count, None;
    /// Calls to a peer.
    PeerCalls, Count, Some("Peer");
    /// Duration of each call, without waiting for its turn.
    PeerLatency, Milliseconds, Some("Peer");
    /// Calls that the peer answered with 429.
    PeerThrottled, Count, Some("Peer");
    /// Calls without an answer, or answered with 5xx, or with a 2xx that cannot be read.
    PeerFailures, Count, Some("Peer");
    /// What is left of a connection's daily requests to Robaws.
    QuotaLeft, Percent, None;
    /// Time since a connection's last complete pass when its poll begins.
    PollLag, Seconds, None;
    /// Invocations of the poll that reached their end. An alarm watches for their absence.
    PollsCompleted, Count, None;
    /// Connections per state.
    ConnectionsByState, Count, Some("State");
    /// Active connections of which a peer has not answered for an hour.
    ConnectionsUnreachable, Count, Some("Peer");
    /// Connections that an invocation of the poll had no time for.
    PollsUnfinished, Count, None;
    /// First invocations of a process.
    ColdStarts, Count, Some(FUNCTION);
    /// From the start of a process until it is ready for the first event.
    InitMilliseconds, Milliseconds, Some(FUNCTION);
    /// Messages whose outcome could not be recorded.
    RecordsUnrecorded, Count, Some(FUNCTION);
}

impl Metric {
    /// This metric for one value of its dimension, for example one peer.
    pub fn with_value(self, value: &'static str) -> Series {
        Series { value: Some(value), ..self.into() }
    }

    /// This metric on a line that names a connection. The name is a property of the line: it can be searched for,
    /// and makes no metric of its own.
    pub fn for_connection(self, connection: &str) -> Series {
        Series { connection: Some(connection.to_owned()), ..self.into() }
    }
}

/// A metric with the value of its dimension and its connection, if it has any.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    metric: Metric,
    value: Option<&'static str>,
    connection: Option<String>,
}

impl From<Metric> for Series {
    fn from(metric: Metric) -> Self {
        Self { metric, value: None, connection: None }
    }
}

/// What one invocation has counted and measured so far.
#[derive(Debug, Clone, Default)]
pub struct Collected(Arc<Mutex<BTreeMap<Series, Vec<u64>>>>);

tokio::task_local! {
    static COLLECTED: Collected;
}

impl Collected {
    /// Runs `work` and collects what it counts and measures.
    pub async fn collect_during<F: Future>(&self, work: F) -> F::Output {
        COLLECTED.scope(self.clone(), work).await
    }

    /// Takes out what was collected, as lines for CloudWatch.
    pub fn take_lines(&self, header: &Header<'_>) -> Vec<Value> {
        let collected = std::mem::take(&mut *self.lock_values());
        emf::render_lines(header, collected)
    }

    fn lock_values(&self) -> std::sync::MutexGuard<'_, BTreeMap<Series, Vec<u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add_to_sum(&self, series: Series, by: u64) {
        let mut collected = self.lock_values();
        let values = collected.entry(series).or_default();
        match values.first_mut() {
            Some(sum) => *sum = sum.saturating_add(by),
            None => values.push(by),
        }
    }
}

fn with_collected(change: impl FnOnce(&Collected)) {
    // Outside an invocation there is nobody to write the value.
    COLLECTED.try_with(change).unwrap_or_default();
}

/// Adds to the count of this invocation, which is one value however often it is added to.
pub fn add_count(series: impl Into<Series>, by: u64) {
    with_collected(|collected| collected.add_to_sum(series.into(), by));
}

/// Records a measurement. Every measurement is a value of its own.
pub fn record_value(series: impl Into<Series>, value: u64) {
    with_collected(|collected| collected.lock_values().entry(series.into()).or_default().push(value));
}

/// Sets a value that replaces the one set before in this invocation.
pub fn set_gauge(series: impl Into<Series>, value: u64) {
    with_collected(|collected| {
        collected.lock_values().insert(series.into(), vec![value]);
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

    async fn collect_lines(work: impl FnOnce()) -> Vec<Value> {
        let collected = Collected::default();
        collected.collect_during(async { work() }).await;
        collected.take_lines(&HEADER)
    }

    #[tokio::test]
    async fn a_line_per_set_of_dimensions() {
        let lines = collect_lines(|| {
            add_count(Metric::OrdersSeen, 2);
            add_count(Metric::OrdersSeen, 1);
            record_value(Metric::PollLag, 300);
            record_value(Metric::PollLag, 310);
            add_count(Metric::PeerCalls.with_value("robaws"), 1);
            set_gauge(Metric::QuotaLeft.for_connection("shop"), 90);
            set_gauge(Metric::QuotaLeft.for_connection("shop"), 80);
            add_count(Metric::ColdStarts, 1);
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
        let lines = collect_lines(|| {
            for value in 0..250 {
                record_value(Metric::PollLag, value);
            }
            add_count(Metric::OrdersSeen, 1);
        })
        .await;
        let lags: Vec<usize> = lines.iter().map(|line| line["PollLag"].as_array().unwrap().len()).collect();
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
        add_count(Metric::OrdersSeen, 1);
        assert!(collect_lines(|| ()).await.is_empty());
    }
}
