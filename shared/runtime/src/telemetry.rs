//! Logs: JSON, one line per fact, with a timestamp at the top level (Lambda takes a line without one for INFO).

use crate::env;
use tracing_subscriber::EnvFilter;

/// Starts logging for a function; a second call changes nothing. The level comes from `LOG_LEVEL`, else
/// `AWS_LAMBDA_LOG_LEVEL`, else it is `info`.
pub fn init(service: &'static str) {
    let level = env::optional("LOG_LEVEL").or_else(|| env::optional("AWS_LAMBDA_LOG_LEVEL"));
    let filter =
        EnvFilter::try_new(level.as_deref().unwrap_or("info")).unwrap_or_else(|_| EnvFilter::new("info"));
    let started = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(true)
        .with_target(false)
        .with_env_filter(filter)
        .try_init();
    if started.is_ok() {
        tracing::info!(service, version = env!("CARGO_PKG_VERSION"), "started");
    }
}
