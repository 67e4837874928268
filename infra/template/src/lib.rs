//! Reads `infra/template.yaml` for the local stack and the tests: which AWS calls each function may make, and when an alarm goes
//! off.

pub mod alarms;
pub mod document;
pub mod emf;
pub mod policies;
pub mod samples;

pub use alarms::{Alarm, AlarmState, read_alarms};
pub use document::{DeployedNames, Template};
pub use policies::Policies;
pub use samples::{Sample, Samples, Series};
