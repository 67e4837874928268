//! What every function needs once: configuration, logs, HTTP client, clock.
