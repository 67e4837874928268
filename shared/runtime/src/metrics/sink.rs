//! Where the lines of metrics go.

use serde_json::Value;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// Takes lines of metrics.
pub trait Sink: Send + Sync + std::fmt::Debug {
    /// Takes one.
    fn write(&self, line: &Value);
}

/// Standard output, from where Lambda hands them to CloudWatch.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stdout;

impl Sink for Stdout {
    fn write(&self, line: &Value) {
        // In one piece, so that no log line gets in between.
        let line = format!("{line}\n");
        if let Err(error) = std::io::stdout().lock().write_all(line.as_bytes()) {
            tracing::error!(error = %error, "metrics could not be written");
        }
    }
}

/// Nowhere: on a terminal nobody reads them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nowhere;

impl Sink for Nowhere {
    fn write(&self, _line: &Value) {}
}

/// Kept, for tests to read.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Vec<Value>>>);

impl Memory {
    /// All lines so far.
    pub fn lines(&self) -> Vec<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sink for Memory {
    fn write(&self, line: &Value) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line.clone());
    }
}
