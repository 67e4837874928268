//! Scenarios over the whole system; the tests are in `tests/it`.
