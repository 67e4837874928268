//! Whatever reads a stranger's bytes, fed with inputs made at random from the examples in `corpus` (docs/SECURITY.md, Fuzzing).

mod mutate;
mod peer;
mod stored;

use mutate::Mutator;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use system::fuzz::answered;
use system::fuzz::browsing::Shop;
use world::World;
use world::announcements::sign_delivery;
use world::browser::Browser;

/// The examples below a folder of the corpus, by name.
fn corpus(folder: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(folder);
    let mut found: Vec<(String, Value)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (
                path.file_stem().unwrap().to_string_lossy().into_owned(),
                serde_json::from_str(&text).unwrap(),
            )
        })
        .collect();
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    assert!(!found.is_empty());
    found
}

fn example(name: &str) -> Value {
    let found = corpus("").into_iter().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("no example {name}")).1
}

/// How many inputs a target gets: a fixed number from a fixed seed, or as many as fit into `FUZZ_SECONDS`, from another.
struct Inputs {
    target: &'static str,
    count: usize,
    most: usize,
    until: Option<Instant>,
    mutator: Mutator,
}

impl Inputs {
    fn of(target: &'static str, most: usize) -> Self {
        let seconds: Option<u64> = runtime::env::optional("FUZZ_SECONDS").and_then(|text| text.parse().ok());
        let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let seed = if until.is_some() { rand::random() } else { 7 };
        Self {
            target,
            count: 0,
            most,
            until,
            mutator: Mutator::new(seed),
        }
    }

    /// Whether another one is due; counts it.
    fn goes_on(&mut self) -> bool {
        let goes_on = self
            .until
            .map_or(self.count < self.most, |until| Instant::now() < until);
        self.count += usize::from(goes_on);
        goes_on
    }

    /// Keeps what was tried where it can be looked at when the test ends in the middle of it.
    fn trying(&self, input: &[u8]) -> Tried {
        Tried {
            target: self.target,
            input: input.to_vec(),
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/fuzz")
}

impl Drop for Inputs {
    fn drop(&mut self) {
        let kept = std::fs::create_dir_all(folder()).and_then(|()| {
            std::fs::write(
                folder().join(format!("{}.count", self.target)),
                self.count.to_string(),
            )
        });
        assert!(std::thread::panicking() || kept.is_ok(), "{kept:?}");
    }
}

/// An input that is written to `target/fuzz` when the test fails over it.
struct Tried {
    target: &'static str,
    input: Vec<u8>,
}

impl Drop for Tried {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::fs::create_dir_all(folder()).ok();
            std::fs::write(folder().join(format!("{}.failed", self.target)), &self.input).ok();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_stranger_sends_is_a_fault_of_ours() {
    let world = World::new_activated().await;
    world.place_order_of_article("PF-1", "A-1");
    world.poll_and_work().await;
    let mut inputs = Inputs::of("requests", 250);
    let requests = corpus("requests");
    let secret = world.robaws.webhook_endpoints()[0].secret.clone();
    let (delivery, connection) = (example("delivery"), example("connection"));
    let cookie = {
        let browser = Browser::new_signed_in(&world.stack, "shop").await;
        format!("__Host-session={}", browser.cookie("__Host-session").unwrap())
    };
    let operator = format!("Bearer {}", local::stack::OPERATOR_TOKEN);
    while inputs.goes_on() {
        let at = inputs.mutator.below(requests.len());
        let mut event = requests[at].1.clone();
        match inputs.mutator.below(5) {
            // A whole event, also one that API Gateway would not make: whatever can be read as one is answered.
            0 => {
                let bytes = inputs.mutator.json(&event);
                let Ok(changed) = serde_json::from_slice::<Value>(&bytes) else {
                    continue;
                };
                let _tried = inputs.trying(&bytes);
                let path = changed["rawPath"].as_str().unwrap_or_default().to_owned();
                if let Ok(answer) = world.stack.respond(changed).await {
                    let status = answer["statusCode"].as_u64().unwrap();
                    assert!(status < 500, "{status}");
                    assert!(
                        status >= 300 || !path.starts_with("/api"),
                        "without a token: {status}"
                    );
                }
                continue;
            }
            1 => {
                let body = inputs.mutator.json(&delivery);
                let header = sign_delivery(&secret, world.now().as_second(), &body);
                let header = if inputs.mutator.below(2) == 0 {
                    header
                } else {
                    inputs.mutator.text(&header)
                };
                event = requests
                    .iter()
                    .find(|(name, _)| name == "webhook")
                    .unwrap()
                    .1
                    .clone();
                event["headers"] =
                    json!({ "robaws-signature": header.replace(|c: char| !c.is_ascii_graphic(), "") });
                event["body"] = String::from_utf8_lossy(&body).into();
            }
            2 => {
                event["cookies"] = json!([inputs.mutator.text(&cookie)]);
                event["rawPath"] = inputs.mutator.text("/c/shop/orders/PF-1").into();
            }
            3 => {
                let query = [
                    "state=open&cursor=WyJhIiwiYiJd&limit=5&q=x",
                    "month=2026-11",
                    "line=1&find=A",
                    "lang=nl&state=all",
                ];
                event["cookies"] = json!([cookie]);
                event["requestContext"]["http"]["method"] = "GET".into();
                let page = [
                    "orders",
                    "orders/month",
                    "orders/PF-1",
                    "notifications",
                    "articles",
                    "preview",
                    "set-up",
                ];
                event["rawPath"] = format!("/c/shop/{}", page[inputs.mutator.below(page.len())]).into();
                let example = query[inputs.mutator.below(query.len())];
                event["rawQueryString"] = inputs.mutator.text(example).into();
            }
            _ => {
                let of_order = json!({ "as": "done", "robaws_id": "1", "lines": [{ "line": "1", "vat_tariff_id": "7", "article_id": null }] });
                let mut connection = connection.clone();
                connection["id"] = format!("fuzzed-{}", inputs.count).into();
                let change = json!({ "language": "nl", "settings": connection["settings"] });
                let what = [
                    ("POST", "/api/connections", &connection),
                    ("PATCH", "/api/connections/shop", &change),
                    ("POST", "/api/connections/shop/orders/PF-1/settle", &of_order),
                    ("POST", "/api/connections/shop/orders/PF-1/choose", &of_order),
                    ("GET", "/api/connections/shop/orders", &Value::Null),
                ][inputs.mutator.below(5)];
                event["headers"] = json!({ "authorization": operator });
                event["rawPath"] = what.1.into();
                event["rawQueryString"] = inputs
                    .mutator
                    .text("limit=5&cursor=WyJhIiwiYiJd&state=open")
                    .into();
                event["requestContext"]["http"]["method"] = what.0.into();
                event["body"] = String::from_utf8_lossy(&inputs.mutator.json(what.2)).into();
            }
        }
        let _tried = inputs.trying(event.to_string().as_bytes());
        answered(&world.stack, event).await;
    }
}

/// The examples that fuzzing by coverage begins with are requests that somebody makes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_example_of_a_request_is_answered() {
    let mut world = Shop::open().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/browsing");
    let mut examples: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    examples.sort();
    for path in &examples {
        let text = std::fs::read_to_string(path).unwrap();
        let outcome = world.asked(&text).await.unwrap_or_else(|| panic!("{path:?}"));
        assert!(
            !matches!(outcome.status, 404 | 405),
            "{path:?}: {}",
            outcome.status
        );
    }
    assert!(examples.len() >= 50);
}

#[test]
fn an_identifier_is_the_same_after_its_way_through_a_link() {
    let mut inputs = Inputs::of("identifiers", 5_000);
    let examples = ["PF-100234", "~UEYvMQ", "a/b", "100%", "..", "month", "é x"];
    while inputs.goes_on() {
        let at = inputs.mutator.below(examples.len());
        let text = inputs.mutator.text(examples[at]);
        let _tried = inputs.trying(text.as_bytes());
        system::fuzz::identifier(&text);
    }
}

#[test]
fn messages_of_queues_are_read_or_left_out() {
    let mut inputs = Inputs::of("queues", 5_000);
    let records = example("queue");
    while inputs.goes_on() {
        let bytes = inputs.mutator.json(&records);
        let _tried = inputs.trying(&bytes);
        system::fuzz::messages(&bytes);
    }
}

#[test]
fn deliveries_and_requests_are_read_or_refused() {
    let mut inputs = Inputs::of("events", 2_000);
    let (delivery, requests) = (example("delivery"), corpus("requests"));
    while inputs.goes_on() {
        if inputs.mutator.below(2) == 0 {
            let header = inputs.mutator.text("t=1764000000,v1=00ff");
            let body = inputs.mutator.json(&delivery);
            let bytes = [header.as_bytes(), b"\n", &body].concat();
            let _tried = inputs.trying(&bytes);
            system::fuzz::delivery(&bytes);
        } else {
            let at = inputs.mutator.below(requests.len());
            let bytes = inputs.mutator.json(&requests[at].1);
            let _tried = inputs.trying(&bytes);
            system::fuzz::request(&bytes);
        }
    }
}
