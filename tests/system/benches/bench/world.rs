//! What benchmarks in real time are set by.

use local::Stack;
use simulators::Fault;
use std::str::FromStr;
use std::time::Duration;

/// A whole number or word from the environment, such as `DRAIN_ORDERS=1500`.
pub(crate) fn from_env<T: FromStr>(name: &'static str, otherwise: T) -> T {
    runtime::env::read_optional(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Every answer of the peers takes so long.
pub(crate) fn latency(stack: &Stack, robaws: Duration, productflow: Duration) {
    let slow = |latency: Duration| Fault::for_call("*", "**").delay_before(latency).until_cleared();
    stack.robaws.add_fault(slow(robaws));
    stack.productflow.add_fault(slow(productflow));
}
