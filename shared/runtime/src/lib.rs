//! What every function needs once: configuration from the environment, logs, metrics, HTTP and AWS clients, the
//! clock.

pub mod aws;
pub mod clock;
pub mod deadline;
pub mod env;
pub mod error;
pub mod http;
pub mod http_event;
pub mod invocation;
pub mod metrics;
pub mod observer;
pub mod sqs_event;
pub mod telemetry;
