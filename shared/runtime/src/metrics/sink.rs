//! Where the lines of metrics go.

use serde_json::Value;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// Takes lines of metrics.
pub trait Sink: Send + Sync + std::fmt::Debug {
    fn write_line(&self, line: &Value);
}

/// Standard output, from which Lambda passes the lines to CloudWatch.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stdout;

impl Sink for Stdout {
    fn write_line(&self, line: &Value) {
        // Written in one piece, so that no log line gets in between.
        let line = format!("{line}\n");
        if let Err(error) = std::io::stdout().lock().write_all(line.as_bytes()) {
            tracing::error!(error = %error, "metrics could not be written");
        }
    }
}

/// Drops the lines, for programs on a terminal.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nowhere;

impl Sink for Nowhere {
    fn write_line(&self, _line: &Value) {}
}

/// Keeps the lines, for tests.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Vec<Value>>>);

impl Memory {
    pub fn lines(&self) -> Vec<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sink for Memory {
    fn write_line(&self, line: &Value) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
    }
}
