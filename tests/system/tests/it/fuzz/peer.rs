//! The clients against a peer that answers anything.

use super::{Inputs, corpus};
use serde_json::Value;
use system::fuzz::answers::{Peer, REFUSED};

#[tokio::test]
async fn no_answer_of_a_peer_panics() {
    let peer = Peer::serve();
    let mut inputs = Inputs::of("answers", 1_000);
    let examples: Vec<(bool, String, Value)> = corpus("robaws")
        .into_iter()
        .map(|(name, value)| (true, name, value))
        .chain(
            corpus("productflow")
                .into_iter()
                .map(|(name, value)| (false, name, value)),
        )
        .collect();
    while inputs.goes_on() {
        let at = inputs.mutator.below(examples.len());
        let (is_robaws, name, example) = &examples[at];
        let bytes = inputs.mutator.json(example);
        let _tried = inputs.trying(&bytes);
        let status = if name == "error" {
            REFUSED[inputs.mutator.below(REFUSED.len())]
        } else {
            200
        };
        if *is_robaws {
            peer.ask_robaws(name, status, &bytes).await;
        } else {
            peer.ask_productflow(name, status, &bytes).await;
        }
    }
}
