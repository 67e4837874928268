//! Processes killed at every step. A first run of a story counts its steps: every call that leaves a function, before it leaves
//! and after it had its effect. Then, for each of them, a fresh shop lives through the same story and is killed there: what ran
//! is dropped, what it remembered and what was queued is lost, and polls alone must bring it to the same end.

use domain::ConnectionSettings;
use futures::{StreamExt as _, stream};
use jiff::SignedDuration;
use local::steps::{Side, Step};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::demo;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::Range;
use world::conflicts::{MIXED_ORDER_TOTAL, decide_undo, mixed_order};
use world::{World, default_settings};

const ORDER: &str = "PF-1";
/// Places to be killed at that the shortest story has at least.
const LEAST_PLACES: usize = 8;
/// Kills of what follows a kill.
const TWICE: usize = 3;
/// Shops side by side in one story.
const SIDE_BY_SIDE: usize = 6;
/// Rounds in which a killed shop must find back. The first comes when the mark of what was queued is over.
const ROUNDS_TO_RECOVER: usize = 2;
const ROUND_TO_RECOVER: SignedDuration = SignedDuration::from_mins(11);

/// What people do. After each the functions run.
#[derive(Clone, Copy, Debug)]
enum Act {
    Place,
    Quantity(u32),
    Ship,
    Cancel,
    Undo(&'static str),
    Send,
    Rename,
}

impl Act {
    async fn happens(self, world: &World) {
        match self {
            Self::Place => world.place_order(mixed_order(ORDER)),
            Self::Quantity(quantity) => {
                let edit = |order: &mut Value| order["lines"][0]["quantity"] = quantity.into();
                assert!(world.productflow.edit_order(ORDER, edit));
            }
            Self::Ship => assert!(world.productflow.ship_order(ORDER)),
            Self::Cancel => assert!(world.productflow.cancel_order(ORDER)),
            Self::Undo(invoice) => drop(decide_undo(world, ORDER, invoice, "return").await),
            Self::Send => {
                // One of the three will do.
                for other in ["13", "14"] {
                    world.robaws.edit_article_silently(other, |article| article.set_tick(false));
                }
                work_off_all(world).await;
            }
            Self::Rename => {
                let edit = |article: &mut simulators::robaws::Article| {
                    article.article_number = Some("A-1-NEW".to_owned());
                    article.cost_price = Decimal::new(1_525, 2);
                };
                assert!(world.robaws.edit_article("12", edit));
                work_off_all(world).await;
            }
        }
    }
}

async fn work_off_all(world: &World) {
    let path = "/api/connections/shop/articles/push";
    let (status, answer) = Box::pin(world.stack.call_api("POST", path, &json!({}))).await.unwrap();
    assert_eq!(status, 202, "{answer}");
}

struct Story {
    name: &'static str,
    settings: ConnectionSettings,
    acts: &'static [Act],
    /// The acts after which it is killed: what comes before or after is killed in another story.
    killed: Range<usize>,
    /// Calls among its steps; without them it told nothing.
    calls: &'static [&'static str],
    /// Fewer steps than these are not the whole story.
    least: usize,
    /// Pieces of both articles that are left in the end.
    left: [i64; 2],
    stock_changes: usize,
    /// Cents of each document that stands in the end.
    invoices: &'static [i64],
    credit_notes: &'static [i64],
    state: Option<&'static str>,
}

impl Story {
    fn new(name: &'static str, acts: &'static [Act]) -> Self {
        Self {
            name,
            settings: ConnectionSettings {
                book_invoices: true,
                task_user_id: domain::ids::UserId::parse(demo::USER).ok(),
                ..default_settings()
            },
            acts,
            killed: 0..acts.len(),
            calls: &[],
            least: 150,
            left: [25, 140],
            stock_changes: 0,
            invoices: &[],
            credit_notes: &[],
            state: None,
        }
    }
}

/// What became of a story.
struct Told {
    /// The steps of all runs of functions, each up to where it was killed.
    steps: Vec<Step>,
    /// Where the steps of each act begin.
    acts: Vec<usize>,
    /// How many steps the run after the first kill had.
    recovery: usize,
    kills: usize,
    end: Value,
}

/// Tells a story; `kills`: the step at which it is killed, and the step of what follows the kill at which it is killed again.
async fn tell_story(story: &Story, kills: &[usize]) -> Told {
    let mut world = World::new_killable(story.settings.clone()).await;
    // The limits have tests of their own.
    world.robaws.change_settings(|settings| {
        settings.rate_per_second = 10_000;
        settings.burst = 10_000;
    });
    let mut told = Told { steps: Vec::new(), acts: Vec::new(), recovery: 0, kills: 0, end: Value::Null };
    let mut kill_at = kills.first().copied();
    for act in story.acts {
        act.happens(&world).await;
        told.acts.push(told.steps.len());
        world.clock.advance_by(SignedDuration::from_mins(5));
        let mut rounds = 1;
        while rounds > 0 {
            rounds -= 1;
            let ended = world.stack.steps.run_watched(kill_at, Box::pin(world.stack.poll_and_drain())).await;
            let count = ended.steps.len();
            if told.kills == 1 && told.recovery == 0 {
                told.recovery = count;
            }
            told.steps.extend(ended.steps);
            if let Some(done) = ended.output {
                done.unwrap();
                // The second kill is one of the first recovery, or none.
                kill_at = kill_at.filter(|_| told.kills == 0).map(|at| at - count);
            } else {
                told.kills += 1;
                kill_at = kills.get(told.kills).copied();
                lose_everything(&mut world);
                rounds = ROUNDS_TO_RECOVER;
            }
            if rounds > 0 {
                world.clock.advance_by(ROUND_TO_RECOVER);
            }
        }
    }
    told.end = read_end(&world).await;
    nothing_follows(&world).await;
    told
}

/// The process is gone, and with it every message: only the ledger is left.
fn lose_everything(world: &mut World) {
    world.stack.restart_functions().unwrap();
    for queue in [local::stack::ORDERS_QUEUE, local::stack::ARTICLES_QUEUE, local::stack::SWEEPS_QUEUE] {
        world.stack.aws.queues.lose_messages(queue);
    }
}

/// Once it has come to its end, it stays there.
async fn nothing_follows(world: &World) {
    world.stack.robaws.clear_calls();
    world.stack.productflow.clear_calls();
    world.clock.advance_by(SignedDuration::from_hours(2));
    world.stack.poll_and_drain().await.unwrap();
    let calls = [world.stack.robaws.calls(), world.stack.productflow.calls()].concat();
    let writes: Vec<_> = calls.iter().filter(|call| call.method != "GET").collect();
    assert!(writes.is_empty(), "{writes:#?}");
}

/// Without what differs between two runs of the same story: ids and moments.
fn without_times(mut document: Value) -> Value {
    let Value::Object(fields) = &mut document else {
        return document;
    };
    for field in ["id", "createdAt", "updatedAt", "sent_at"] {
        fields.remove(field);
    }
    if let Some(Value::Array(lines)) = fields.get_mut("lineItems") {
        for line in lines {
            line["id"] = Value::Null;
        }
    }
    document
}

fn all_plain(documents: Value) -> Vec<Value> {
    let Value::Array(documents) = documents else {
        return Vec::new();
    };
    documents.into_iter().map(without_times).collect()
}

/// What the peers hold, and what the merchant is told.
async fn read_end(world: &World) -> Value {
    let order = world.stack.order_record(&world.connection, ORDER).await.ok();
    let stock: BTreeMap<String, String> = world
        .robaws
        .all_stock()
        .into_iter()
        .map(|(article, location, pieces)| (format!("{article}@{location}"), pieces.to_string()))
        .collect();
    let products: BTreeMap<String, String> = world
        .productflow
        .products()
        .into_iter()
        .map(|(sku, product)| (sku, format!("{:?} {:?}", product.texts, product.offer)))
        .collect();
    let path = "/api/connections/shop/notifications?state=open";
    let open = Box::pin(world.stack.call_api("GET", path, &Value::Null)).await.unwrap().1;
    let open: Vec<Value> = open["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| json!([item["code"], item["order"], item["article"]]))
        .collect();
    json!({
        "stock": stock,
        "stock_changes": all_plain(json!(world.robaws.stock_changes())),
        "documents": all_plain(json!(world.robaws.invoices())),
        "tasks": all_plain(json!(world.robaws.tasks())),
        "products": products,
        "state": order.as_ref().map(|order| order.state.as_str()),
        "rows": order.map(|order| order.ledger.rows.len()),
        "notifications": open,
    })
}

/// What the manual asks for, whatever the first run came to.
fn assert_right(story: &Story, told: &Told) {
    let (name, end) = (story.name, &told.end);
    let [first, second] = story.left;
    assert_eq!(end["stock"]["12@3"], first.to_string(), "{name}: {end:#}");
    assert_eq!(end["stock"]["13@3"], second.to_string(), "{name}: {end:#}");
    let changes = end["stock_changes"].as_array().unwrap();
    assert_eq!(changes.len(), story.stock_changes, "{name}: {end:#}");
    for (kind, expected) in [("INVOICE", story.invoices), ("CREDIT_NOTE", story.credit_notes)] {
        let totals: Vec<String> = end["documents"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|document| document["type"] == kind)
            .map(|document| document["totalInclVat"].to_string())
            .collect();
        let cents = |total: &String| {
            let total: Decimal = total.parse().unwrap();
            i64::try_from(total * Decimal::ONE_HUNDRED).unwrap()
        };
        let totals: Vec<i64> = totals.iter().map(cents).collect();
        assert_eq!(totals, expected, "{name}: {kind}: {end:#}");
    }
    assert_eq!(end["state"].as_str(), story.state, "{name}: {end:#}");
    let steps = told.steps.iter().fold(String::new(), |mut list, step| {
        let _written = writeln!(list, "{step}");
        list
    });
    assert!(told.steps.len() >= story.least, "{name} has too few steps:\n{steps}");
    for call in story.calls {
        assert!(steps.contains(call), "{name} never makes {call}:\n{steps}");
    }
}

/// Whether a call changes anything that is left when its process and the queues are lost.
fn has_effect(step: &Step) -> bool {
    let reads = [
        "DynamoDB GetItem",
        "DynamoDB BatchGetItem",
        "DynamoDB Query",
        "DynamoDB DescribeTable",
        "Secrets Manager GetSecretValue",
        "SQS ReceiveMessage",
        "SQS DeleteMessage",
        "ProductFlow GET ",
        "Robaws GET ",
    ];
    !reads.iter().any(|read| step.call.starts_with(read))
}

/// Where a story is killed. A process that is killed leaves what its effects made, so between two effects it does not matter where:
/// before the first and after each of them is everywhere. `KILLS=all` takes every step all the same.
fn choose_places(story: &Story, clean: &Told) -> Vec<usize> {
    let steps = &clean.steps;
    if runtime::env::read_optional("KILLS").as_deref() == Some("all") {
        return (0..steps.len()).collect();
    }
    let first = clean.acts[story.killed.start];
    let last = clean.acts.get(story.killed.end).copied().unwrap_or(steps.len());
    let after = |at: &usize| has_effect(&steps[*at]) && steps[*at].side == Side::After;
    [first].into_iter().chain((first..last).filter(after)).collect()
}

/// Kills the story at every step, and a spread of these once more in what follows.
async fn killed_at_every_step(story: &'static Story, twice_every: usize) {
    let clean = tell_story(story, &[]).await;
    assert_right(story, &clean);
    let clean = &clean;
    let places = choose_places(story, clean);
    assert!(places.len() >= LEAST_PLACES, "{} has too few effects", story.name);
    let twice: usize = stream::iter(places.iter().enumerate())
        .map(|(nth, at)| async move {
            let once = tell_killed_story(story, clean, &[*at]).await;
            assert_eq!(once.kills, 1, "{} was not killed at {at}", story.name);
            if !nth.is_multiple_of(twice_every) || once.recovery == 0 {
                return 0;
            }
            // Early, in the middle or late in what follows, never the same place twice in a row.
            let mut again = 0;
            for third in 0..TWICE {
                let place = (third * once.recovery / TWICE + nth) % once.recovery;
                let twice = tell_killed_story(story, clean, &[*at, place]).await;
                assert_eq!(twice.kills, 2, "{} was not killed at {place}", story.name);
                again += 1;
            }
            again
        })
        .buffer_unordered(SIDE_BY_SIDE)
        .fold(0, |sum, more| async move { sum + more })
        .await;
    let figures = format!(
        "{}: {} steps, killed at {}, and {twice} times twice",
        story.name,
        clean.steps.len(),
        places.len()
    );
    // Shown with --nocapture.
    std::io::stdout().write_all(format!("{figures}\n").as_bytes()).unwrap();
}

/// One killed run, which must end as the clean one did.
async fn tell_killed_story(story: &'static Story, clean: &Told, kills: &[usize]) -> Told {
    let own = kills.to_vec();
    let told = tokio::spawn(async move { tell_story(story, &own).await }).await;
    let at = clean.steps.get(kills[0]).map(ToString::to_string);
    let told = told.unwrap_or_else(|error| panic!("{} killed at {kills:?}, {at:?}: {error}", story.name));
    assert_eq!(
        told.end, clean.end,
        "{} killed at {kills:?}, {at:?}, ends differently (left), and it should be (right)",
        story.name
    );
    told
}

/// A story that lives as long as its shops.
fn make_lasting(story: Story) -> &'static Story {
    Box::leak(Box::new(story))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn booked_and_invoiced() {
    let story = Story {
        calls: &[
            "Secrets Manager GetSecretValue",
            "DynamoDB PutItem",
            "DynamoDB TransactWriteItems",
            "SQS SendMessageBatch",
            "ProductFlow GET /order",
            "ProductFlow GET /order/PF-1",
            "Robaws POST /stock-changes",
            "Robaws POST /sales-invoices",
            "Robaws PATCH /sales-invoices/",
        ],
        left: [23, 137],
        stock_changes: 1,
        invoices: &[MIXED_ORDER_TOTAL],
        state: Some("invoiced"),
        ..Story::new("booked and invoiced", &[Act::Place, Act::Ship])
    };
    killed_at_every_step(make_lasting(story), 7).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn booked_and_reversed() {
    let story = Story {
        calls: &["Robaws POST /stock-changes"],
        killed: 1..2,
        stock_changes: 2,
        state: Some("reversed"),
        ..Story::new("booked and reversed", &[Act::Place, Act::Cancel])
    };
    killed_at_every_step(make_lasting(story), 9).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edited_and_shipped() {
    let story = Story {
        calls: &["Robaws POST /stock-changes", "Robaws POST /sales-invoices"],
        killed: 1..2,
        left: [20, 137],
        stock_changes: 2,
        invoices: &[MIXED_ORDER_TOTAL],
        state: Some("invoiced"),
        ..Story::new("edited and shipped", &[Act::Place, Act::Quantity(5), Act::Ship])
    };
    killed_at_every_step(make_lasting(story), 11).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credited_and_taken_back() {
    let story = Story {
        calls: &["Robaws POST /tasks", "Robaws POST /sales-invoices"],
        killed: 2..4,
        stock_changes: 2,
        invoices: &[MIXED_ORDER_TOTAL],
        credit_notes: &[MIXED_ORDER_TOTAL],
        state: Some("reversed"),
        ..Story::new("credited and taken back", &[Act::Place, Act::Ship, Act::Cancel, Act::Undo("credit")])
    };
    killed_at_every_step(make_lasting(story), usize::MAX).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_deleted() {
    let mut story = Story {
        calls: &["Robaws DELETE /sales-invoices/"],
        killed: 3..4,
        stock_changes: 2,
        state: Some("reversed"),
        ..Story::new("a draft deleted", &[Act::Place, Act::Ship, Act::Cancel, Act::Undo("delete_draft")])
    };
    story.settings.book_invoices = false;
    killed_at_every_step(make_lasting(story), usize::MAX).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_article_renamed() {
    let story = Story {
        calls: &["ProductFlow POST /product/A-1-NEW", "ProductFlow DELETE /product/A-1/offer"],
        killed: 1..2,
        ..Story::new("an article renamed", &[Act::Send, Act::Rename])
    };
    killed_at_every_step(make_lasting(story), 9).await;
}
