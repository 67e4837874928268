//! The frame of an invocation. Every log line in it names function and request. Its metrics are written when it
//! ends, also by an error, a panic or a time-out. The first invocation of a process records the cold start.

use crate::clock::{SharedClock, SystemClock};
use crate::env;
use crate::error::Chain;
use crate::metrics::{self, Collected, Header, Metric, Sink, Stdout};
use crate::telemetry::StartedProcess;
use futures::FutureExt;
use lambda_runtime::{Context, Error};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tracing::Instrument;

/// CloudWatch namespace of the metrics; the variable `METRICS_NAMESPACE` replaces it.
const NAMESPACE: &str = "Connector";

/// Runs the invocations of one function in one process.
#[derive(Debug, Clone)]
pub struct Invocations(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    function: &'static str,
    namespace: String,
    clock: SharedClock,
    sink: Arc<dyn Sink>,
    init: Duration,
    is_warm: AtomicBool,
}

impl Invocations {
    /// For a process on Lambda that is ready for its first event. Metrics go to standard output.
    pub fn on_lambda(started: &StartedProcess) -> Self {
        let namespace = env::read_optional("METRICS_NAMESPACE").unwrap_or_else(|| NAMESPACE.to_owned());
        Self(Arc::new(Inner {
            function: started.service,
            namespace,
            clock: Arc::new(SystemClock),
            sink: Arc::new(Stdout),
            init: started.at.elapsed(),
            is_warm: AtomicBool::new(false),
        }))
    }

    /// For a function that runs inside another process, as in the local stack and the tests.
    pub fn in_process(function: &'static str, clock: SharedClock, sink: Arc<dyn Sink>) -> Self {
        Self(Arc::new(Inner {
            function,
            namespace: NAMESPACE.to_owned(),
            clock,
            sink,
            init: Duration::ZERO,
            is_warm: AtomicBool::new(false),
        }))
    }

    /// Runs one invocation.
    ///
    /// # Errors
    ///
    /// The error of `work`, or "the invocation panicked": the message of a panic may quote an order, so it is not
    /// returned.
    pub async fn run_invocation<T>(
        &self,
        context: &Context,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let this = &self.0;
        let span = tracing::info_span!(
            "invocation",
            service = this.function,
            aws.request_id = %context.request_id,
            aws.trace_id = context.xray_trace_id.as_deref(),
        );
        let written =
            WriteOnDrop { inner: this, request_id: &context.request_id, collected: Collected::default() };
        let work = async {
            if !this.is_warm.swap(true, Ordering::Relaxed) {
                metrics::add_count(Metric::ColdStarts, 1);
                metrics::record_value(Metric::InitMilliseconds, whole_milliseconds(this.init));
            }
            match AssertUnwindSafe(work).catch_unwind().await {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(error)) => {
                    tracing::error!(error = %Chain(error.as_ref()), "the invocation failed");
                    Err(error)
                }
                Err(_) => Err(Error::from("the invocation panicked")),
            }
        };
        written.collected.collect_during(work).instrument(span).await
    }
}

/// Whole milliseconds, as metrics count them.
pub fn whole_milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Writes the collected metrics when it is dropped, since an invocation may also end by being abandoned.
struct WriteOnDrop<'a> {
    inner: &'a Inner,
    request_id: &'a str,
    collected: Collected,
}

impl Drop for WriteOnDrop<'_> {
    fn drop(&mut self) {
        let header = Header {
            namespace: &self.inner.namespace,
            function: self.inner.function,
            request_id: self.request_id,
            at: self.inner.clock.now(),
        };
        for line in self.collected.take_lines(&header) {
            self.inner.sink.write_line(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::metrics::Memory;
    use serde_json::{Value, json};

    fn new_invocations() -> (Invocations, Memory) {
        let memory = Memory::default();
        let clock = ManualClock::starting_at(jiff::Timestamp::constant(1_795_000_000, 0));
        let invocations = Invocations::in_process("poll-orders", Arc::new(clock), Arc::new(memory.clone()));
        (invocations, memory)
    }

    fn values_of(memory: &Memory, metric: &str) -> Vec<Value> {
        let lines = memory.lines();
        lines.iter().filter_map(|line| line.get(metric).cloned()).collect()
    }

    #[tokio::test]
    async fn only_the_first_is_a_cold_start_and_the_clock_stamps_the_lines() {
        let (invocations, memory) = new_invocations();
        for _ in 0..2 {
            let ran = invocations.run_invocation(&Context::default(), async { Ok(()) }).await;
            assert!(ran.is_ok());
        }
        assert_eq!(values_of(&memory, "ColdStarts"), [json!(1)]);
        let first = &memory.lines()[0];
        assert_eq!(first["Function"], "poll-orders");
        assert_eq!(first["_aws"]["Timestamp"], 1_795_000_000_000_u64);
    }

    #[tokio::test]
    async fn what_was_counted_is_written_however_it_ends() {
        let (invocations, memory) = new_invocations();
        let context = Context::default();
        let failed: Result<(), Error> = invocations
            .run_invocation(&context, async {
                metrics::add_count(Metric::OrdersSeen, 1);
                Err(Error::from("no table"))
            })
            .await;
        assert_eq!(failed.unwrap_err().to_string(), "no table");
        let panicked: Result<(), Error> = invocations
            .run_invocation(&context, async {
                metrics::add_count(Metric::OrdersSeen, 2);
                panic!("of Jan Janssens");
            })
            .await;
        assert_eq!(panicked.unwrap_err().to_string(), "the invocation panicked");
        let abandoned = invocations.run_invocation(&context, async {
            metrics::add_count(Metric::OrdersSeen, 3);
            std::future::pending::<Result<(), Error>>().await
        });
        assert!(tokio::time::timeout(Duration::from_millis(1), abandoned).await.is_err());
        assert_eq!(values_of(&memory, "OrdersSeen"), [json!(1), json!(2), json!(3)]);
    }
}
