//! Logs: JSON, one line per fact, with the timestamp at the top level, since Lambda takes a line without one
//! for INFO. The rules are in docs/LOGGING.md.
//!
//! A line holds its own fields and those of every span around it, side by side, so that one filter finds all
//! lines about an order.

use crate::clock::{Clock, SystemClock};
use crate::env;
use serde_json::{Map, Value};
use std::io::Write;
use std::panic::PanicHookInfo;
use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Scope};
use tracing_subscriber::util::SubscriberInitExt;

/// The crates of the connector. Other crates do not follow its rules for logs, so only their warnings and
/// errors are kept.
const OUR_CRATES: [&str; 12] = [
    "article_push",
    "domain",
    "connection",
    "poll_orders",
    "process_order",
    "productflow",
    "reconcile",
    "robaws",
    "runtime",
    "web",
    "store",
    "sync_article",
];

/// A process of a function that has started.
#[derive(Debug, Clone, Copy)]
pub struct StartedProcess {
    pub service: &'static str,
    pub at: Instant,
}

/// Starts logging for a function, as the first act of its process. A second call changes nothing. The level
/// comes from `LOG_LEVEL`, else from `AWS_LAMBDA_LOG_LEVEL`, else it is `info`.
pub fn start_logging(service: &'static str) -> StartedProcess {
    let at = Instant::now();
    let level = env::read_optional("LOG_LEVEL").or_else(|| env::read_optional("AWS_LAMBDA_LOG_LEVEL"));
    let level = level.as_deref().unwrap_or("info");
    if log_subscriber(level, std::io::stdout).try_init().is_ok() {
        std::panic::set_hook(Box::new(log_panic));
        tracing::info!(service, version = env!("CARGO_PKG_VERSION"), "started");
    }
    StartedProcess { service, at }
}

/// The subscriber that writes lines of this level and above to `writer`.
pub fn log_subscriber<W>(level: &str, writer: W) -> impl Subscriber + Send + Sync + for<'a> LookupSpan<'a>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = LineWriter { writer, clock: SystemClock };
    tracing_subscriber::registry().with(level_filter(level)).with(lines)
}

fn level_filter(level: &str) -> Targets {
    let level: LevelFilter = match level.trim().to_ascii_lowercase().as_str() {
        "off" => LevelFilter::OFF,
        "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => LevelFilter::INFO,
    };
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_targets(OUR_CRATES.map(|name| (name, level)))
}

/// Logs the place of a panic. Its message is logged only if it is a constant of the program: any other may
/// quote an order.
pub fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location();
    tracing::error!(
        panic.file = place.map(std::panic::Location::file),
        panic.line = place.map(std::panic::Location::line),
        panic.text = panic.payload().downcast_ref::<&'static str>(),
        "a panic"
    );
}

/// The fields of a span or a line.
#[derive(Debug, Clone, Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn set_field(&mut self, field: &Field, value: Value) {
        let name = field.name();
        self.0.insert(name.strip_prefix("r#").unwrap_or(name).to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.set_field(field, Value::from(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set_field(field, Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set_field(field, Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set_field(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set_field(field, Value::from(value));
    }
}

struct LineWriter<W> {
    writer: W,
    clock: SystemClock,
}

impl<S, W> Layer<S> for LineWriter<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Fields::default();
        line.0.insert("timestamp".to_owned(), Value::from(self.clock.now().to_string()));
        line.0.insert("level".to_owned(), Value::from(event.metadata().level().as_str()));
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(Fields(fields)) = span.extensions().get::<Fields>() {
                line.0.extend(fields.clone());
            }
        }
        event.record(&mut line);
        let line = format!("{}\n", Value::Object(line.0));
        // There is nowhere to report that a log line could not be written.
        drop(self.writer.make_writer().write_all(line.as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn log_lines_of(level: &str, work: impl FnOnce()) -> Vec<Value> {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        tracing::subscriber::with_default(log_subscriber(level, move || writer.clone()), work);
        let written = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        let parsed = written.lines().map(|line| serde_json::from_str(line).unwrap());
        parsed.collect()
    }

    #[test]
    fn a_line_holds_its_fields_and_those_of_its_spans_at_the_top() {
        let lines = log_lines_of("info", || {
            let outer = tracing::info_span!("connection", connection.id = "shop", order.identifier = "PF-0");
            let _in_outer = outer.enter();
            let inner =
                tracing::info_span!("order", order.identifier = "PF-1", robaws.id = tracing::field::Empty);
            let _in_inner = inner.enter();
            inner.record("robaws.id", "77");
            tracing::warn!(row = 3, booked = true, error = %"no answer", r#as = "done", "a call failed");
        });
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        let mut line = line.clone();
        let at = line["timestamp"].take();
        assert!(at.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{at}");
        assert_eq!(
            line,
            serde_json::json!({
                "timestamp": null, "level": "WARN", "message": "a call failed", "connection.id": "shop",
                "order.identifier": "PF-1", "robaws.id": "77", "row": 3, "booked": true, "error": "no answer", "as": "done",
            })
        );
    }

    #[test]
    fn of_others_only_warnings_are_kept() {
        let lines = log_lines_of("debug", || {
            tracing::debug!("ours");
            tracing::debug!(target: "hyper::client", "theirs");
            tracing::warn!(target: "hyper::client", "their warning");
        });
        let messages: Vec<&str> = lines.iter().filter_map(|line| line["message"].as_str()).collect();
        assert_eq!(messages, ["ours", "their warning"]);
        assert!(log_lines_of("no such level", || tracing::debug!("ours")).is_empty());
    }

    #[test]
    fn every_log_line_is_one_object_whatever_stands_in_it() {
        let hostile = "PF-1\r\n{\"level\":\"ERROR\",\"x\":\"y\"}\u{0}\u{1b}[31m\u{202e}";
        let buffer = Buffer::default();
        let writer = buffer.clone();
        tracing::subscriber::with_default(log_subscriber("info", move || writer.clone()), || {
            tracing::warn!(order.identifier = hostile, reason = %hostile, path = ?hostile, "{hostile}");
        });
        let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        assert!(text.trim_end().bytes().all(|byte| byte >= b' '), "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["level"], &line["order.identifier"]), (&"WARN".into(), &hostile.into()));
    }
}
