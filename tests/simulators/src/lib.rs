//! Robaws and ProductFlow over HTTP, as strict as their contracts, with faults on demand.
