//! What the peers answer, whatever they were asked.
#![no_main]

use std::sync::LazyLock;
use system::fuzz::answers::Peer;
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
});
static PEER: LazyLock<Peer> = LazyLock::new(Peer::serve);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| RUNTIME.block_on(PEER.asked(bytes)));
