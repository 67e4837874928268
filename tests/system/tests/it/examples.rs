//! The examples in `corpus` that fuzzing by coverage begins with (docs/SECURITY.md, Fuzzing), each tried once.

use serde_json::Value;
use std::path::{Path, PathBuf};
use system::fuzz::answers::{Peer, REFUSED};
use system::fuzz::browsing::Shop;

/// The files below a folder of the corpus, in the order of their names.
fn list_examples(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(folder);
    let entries = std::fs::read_dir(folder).unwrap();
    let mut examples: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    examples.sort();
    examples
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_example_of_a_request_is_answered() {
    let mut shop = Shop::open().await;
    let examples = list_examples("browsing");
    for path in &examples {
        let text = std::fs::read_to_string(path).unwrap();
        let outcome = shop.asked(&text).await.unwrap_or_else(|| panic!("{path:?}"));
        assert!(!matches!(outcome.status, 404 | 405), "{path:?}: {}", outcome.status);
    }
    assert!(examples.len() >= 50);
}

/// Removes one field or element at any depth, by its position among all of them.
fn remove_part(value: &mut Value, position: &mut usize) -> bool {
    match value {
        Value::Object(fields) => {
            if *position < fields.len() {
                let name = fields.keys().nth(*position).unwrap().clone();
                fields.remove(&name);
                return true;
            }
            *position -= fields.len();
            fields.values_mut().any(|field| remove_part(field, position))
        }
        Value::Array(items) => {
            if *position < items.len() {
                items.remove(*position);
                return true;
            }
            *position -= items.len();
            items.iter_mut().any(|item| remove_part(item, position))
        }
        _ => false,
    }
}

#[tokio::test]
async fn no_answer_of_a_peer_panics() {
    let peer = Peer::serve();
    let mut answers = 0;
    for example in [list_examples("robaws"), list_examples("productflow")].concat() {
        let is_robaws = example.parent().unwrap().ends_with("robaws");
        let about = example.file_stem().unwrap().to_str().unwrap();
        let whole: Value = serde_json::from_str(&std::fs::read_to_string(&example).unwrap()).unwrap();
        let status = if about == "error" { REFUSED[0] } else { 200 };
        // Whole, and without each of its parts.
        for removed in 0.. {
            let mut answer = whole.clone();
            let is_whole = removed == 0;
            if !is_whole && !remove_part(&mut answer, &mut (removed - 1)) {
                break;
            }
            let bytes = answer.to_string().into_bytes();
            if is_robaws {
                peer.ask_robaws(about, status, &bytes).await;
            } else {
                peer.ask_productflow(about, status, &bytes).await;
            }
            answers += 1;
        }
    }
    assert!(answers > 100, "{answers}");
}
