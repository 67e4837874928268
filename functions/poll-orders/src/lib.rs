//! Reads the orders of ProductFlow into the ledger and queues what is due.
