//! What every function needs once: configuration from the environment, logs, the HTTP client, the AWS clients, the clock.

pub mod aws;
pub mod clock;
pub mod deadline;
pub mod env;
pub mod error;
pub mod http;
pub mod telemetry;
