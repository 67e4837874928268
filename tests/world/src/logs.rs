//! Reads along what is logged, and remembers every line in which a secret stands.

use local::stack::OPERATOR_TOKEN;
use simulators::demo;
use std::io::Write;
use std::sync::{Mutex, Once, PoisonError};

const SECRETS: [&str; 4] = [demo::ROBAWS_KEY, demo::ROBAWS_SECRET, demo::TOKEN, OPERATOR_TOKEN];

static LEAKED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// From the first call on, the lines of every thread of this process are read.
pub(crate) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = runtime::telemetry::log_subscriber("info", || Reader);
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

/// The lines so far in which a secret stood, whichever test they belong to.
pub(crate) fn leaked_lines() -> Vec<String> {
    LEAKED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

struct Reader;

impl Write for Reader {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        if SECRETS.iter().any(|secret| text.contains(secret)) {
            LEAKED.lock().unwrap_or_else(PoisonError::into_inner).push(text.into_owned());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
