//! Requests of anybody to the pages and the API of a shop. It is another shop after some requests that may have changed something;
//! these are printed, since what fails may depend on them.
#![no_main]

use std::sync::{LazyLock, Mutex};
use system::fuzz::browsing::Shop;
use tokio::runtime::{Builder, Runtime};

/// A shop is changed so often at most.
const MOST_CHANGES: usize = 30;
/// Without optimization a page's futures need more than the usual 2 MiB.
const STACK: usize = 8 << 20;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).thread_stack_size(STACK);
    builder.enable_all().build().expect("a runtime")
});
static SHOP: Mutex<Option<(Shop, usize)>> = Mutex::new(None);

libfuzzer_sys::fuzz_target!(|text: &str| RUNTIME.block_on(async {
    let mut kept = SHOP.lock().expect("no other thread");
    let (mut shop, mut changes) = match kept.take() {
        Some(kept) => kept,
        None => (Box::pin(Shop::open()).await, 0),
    };
    let outcome = Box::pin(shop.asked(text)).await;
    if outcome.is_some_and(|outcome| outcome.changes) {
        changes += 1;
        eprintln!("change {changes}: {text:?}");
    }
    if changes < MOST_CHANGES {
        *kept = Some((shop, changes));
    }
}));
