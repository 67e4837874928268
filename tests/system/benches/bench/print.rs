//! Writes what was found.

use serde_json::Value;
use std::io::Write as _;

/// On standard output.
pub(crate) fn print(found: &Value) {
    writeln!(std::io::stdout().lock(), "{found:#}").unwrap();
}
