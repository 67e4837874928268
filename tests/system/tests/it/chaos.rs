//! Whole histories at random: orders placed, edited, shipped and cancelled while calls to both peers fail in every way
//! that the contract knows. After quiet, what Robaws holds is compared with what the orders say, by a reading of the
//! manual of its own.

use jiff::SignedDuration;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::productflow::{Envelope, Sort};
use simulators::{Fault, OrderBuilder};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use world::World;

const HISTORIES: u64 = 24;
const STEPS: usize = 30;
const ARTICLES: [(&str, &str); 3] = [("A-1", "12"), ("A-2", "13"), ("B-1", "14")];

/// What becomes of calls that a history breaks, and how many of them.
pub(crate) fn broken(method: &str, path: &str, random: &mut StdRng) -> Fault {
    let fault = Fault::on(method, path).times(random.random_range(1..=3));
    match random.random_range(0..8) {
        0 => fault.drop_before(),
        1 => fault.drop_after(),
        2 => fault.status(500),
        3 => fault.status_after(500),
        4 => fault.status_after(502),
        5 => fault.status(503),
        6 if method == "POST" => fault.status(409),
        _ => fault.truncate(),
    }
}

fn fault(random: &mut StdRng) -> (bool, Fault) {
    let robaws = [
        ("POST", "/stock-changes"),
        ("POST", "/sales-invoices"),
        ("POST", "/sales-invoices/*/line-items"),
        ("GET", "/sales-invoices/*"),
        ("GET", "/stock-changes"),
        ("GET", "/articles"),
        ("GET", "/vat-tariffs"),
    ];
    let productflow = [("GET", "/order"), ("GET", "/order/*")];
    let at_robaws = random.random_bool(0.8);
    let (method, path) = *if at_robaws {
        robaws.choose(random).unwrap()
    } else {
        productflow.choose(random).unwrap()
    };
    (at_robaws, broken(method, path, random))
}

fn place(world: &World, random: &mut StdRng, identifier: &str) {
    let mut order = OrderBuilder::new(identifier).external(&format!("M{identifier}"));
    for _ in 0..random.random_range(1..=3) {
        let (sku, _) = ARTICLES.choose(random).unwrap();
        let tariff = ["7", "10"].choose(random).unwrap();
        order = order.line(
            sku,
            random.random_range(1..=4),
            random.random_range(1..=9999),
            Some(tariff),
        );
    }
    world.place_order(order.shipping_cost(random.random_range(0..=1) * 495));
}

fn status(world: &World, identifier: &str) -> String {
    world.productflow.order(identifier).unwrap()["status"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn step(world: &mut World, random: &mut StdRng, orders: &mut Vec<String>) {
    match random.random_range(0..12) {
        0 | 1 => {
            let identifier = format!("PF-{}", orders.len() + 1);
            place(world, random, &identifier);
            orders.push(identifier);
        }
        2 => {
            if let Some(order) = orders.choose(random)
                && status(world, order) == "open"
            {
                let quantity = random.random_range(1..=4);
                world
                    .productflow
                    .edit(order, |o| o["lines"][0]["quantity"] = json!(quantity));
            }
        }
        3 => {
            if let Some(order) = orders.choose(random)
                && status(world, order) == "open"
            {
                world.productflow.ship(order);
            }
        }
        4 => {
            if let Some(order) = orders.choose(random) {
                world.productflow.cancel(order);
            }
        }
        5 | 6 => {
            let (at_robaws, fault) = fault(random);
            if at_robaws {
                world.stack.robaws.fault(fault);
            } else {
                world.stack.productflow.fault(fault);
            }
        }
        7 => world.stack.restart().unwrap(),
        8 => {
            // The process is killed somewhere in the middle; its messages come again, or the poll sends them anew.
            world.stack.poll().await.unwrap();
            let killed_after = Duration::from_millis(random.random_range(1..=120));
            let _killed = tokio::time::timeout(killed_after, world.stack.work()).await;
            world.stack.restart().unwrap();
        }
        _ => {
            world
                .clock
                .advance(SignedDuration::from_mins(random.random_range(1..=15)));
            world.stack.poll().await.unwrap();
            let _received = tokio::join!(world.stack.work(), world.stack.work());
        }
    }
}

/// Pieces of the order that are out, by article.
fn pieces_out(world: &World, identifier: &str) -> BTreeMap<String, Decimal> {
    let mut out: BTreeMap<String, Decimal> = BTreeMap::new();
    for change in world.robaws.stock_changes() {
        let ours = change
            .description
            .as_deref()
            .is_some_and(|text| text.contains(&format!("({identifier})")));
        if ours && change.booked {
            let sign = if change.from_stock_location_id.is_some() {
                1
            } else {
                -1
            };
            for line in &change.line_items {
                *out.entry(line.article_id.clone()).or_default() += line.quantity * Decimal::from(sign);
            }
        }
    }
    out.retain(|_, pieces| !pieces.is_zero());
    out
}

fn pieces_wanted(order: &Value) -> BTreeMap<String, Decimal> {
    let mut wanted: BTreeMap<String, Decimal> = BTreeMap::new();
    for line in order["lines"].as_array().unwrap() {
        let sku = line["sku"].as_str().unwrap();
        let (_, article) = ARTICLES.iter().find(|(number, _)| *number == sku).unwrap();
        let quantity = line["quantity"].as_i64().unwrap();
        *wanted.entry((*article).to_owned()).or_default() += Decimal::from(quantity);
    }
    wanted
}

fn total(order: &Value) -> Decimal {
    let lines: i64 = order["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["price"].as_i64().unwrap())
        .sum();
    Decimal::new(lines + order["shipping_cost"].as_i64().unwrap(), 2)
}

/// What must hold for one order, by the manual.
async fn check(world: &World, identifier: &str, seed: u64) {
    let order = world.productflow.order(identifier).unwrap();
    let settings = world.productflow.settings();
    let found = world.stack.order(&world.connection, identifier).await;
    let record =
        found.unwrap_or_else(|_| panic!("history {seed}: {identifier} was never seen: {settings:?}"));
    let state = record.state.as_str();
    let about = format!("history {seed}, {identifier} is {state}: {:#?}", record.ledger);
    let invoices: Vec<_> = world
        .robaws
        .invoices()
        .into_iter()
        .filter(|invoice| {
            let reference = invoice.client_reference.as_deref().unwrap_or_default();
            reference.ends_with(&format!("({identifier})"))
        })
        .collect();
    assert!(invoices.len() <= 1, "two invoices: {about}");
    for invoice in &invoices {
        assert_eq!(invoice.total_incl_vat, total(&order), "{about}");
    }
    let out = pieces_out(world, identifier);
    if state == "in_doubt" {
        // Only after an hour in which nobody could look: then people are asked, and nothing more is booked.
        let row = record.ledger.in_doubt().unwrap();
        let waited = row.at.duration_since(row.first_attempt_at.unwrap());
        assert!(waited >= SignedDuration::from_hours(1), "{about}");
        assert_eq!(
            world.problem_codes(identifier).await,
            ["effect_in_doubt"],
            "{about}"
        );
        return;
    }
    match order["status"].as_str().unwrap() {
        "open" => {
            assert_eq!(state, "booked", "{about}");
            assert_eq!(out, pieces_wanted(&order), "{about}");
            assert!(invoices.is_empty(), "{about}");
        }
        "shipped" => {
            assert_eq!(state, "invoiced", "{about}");
            assert_eq!(out, pieces_wanted(&order), "{about}");
            assert_eq!(invoices.len(), 1, "{about}");
        }
        "cancelled" if invoices.is_empty() => {
            assert!(["skipped", "reversed"].contains(&state), "{about}");
            assert!(out.is_empty(), "{about}");
        }
        "cancelled" => {
            assert_eq!(state, "conflict", "{about}");
            assert_eq!(
                out,
                pieces_wanted(&order),
                "unchanged until it is settled: {about}"
            );
        }
        other => panic!("{other} is no status of these histories"),
    }
}

async fn history(seed: u64) {
    let random = &mut StdRng::seed_from_u64(seed);
    let mut world = World::new().await;
    let mut orders = Vec::new();
    world.productflow.set(|settings| {
        settings.list_lag_ms = [0, 0, 90_000, 400_000][random.random_range(0..4)];
        settings.page_drift = random.random_bool(0.3);
        settings.sort =
            [Sort::Honoured, Sort::Honoured, Sort::Ignored, Sort::Refused][random.random_range(0..4)];
        // Of a list in no order a short page may look sorted by chance.
        settings.max_per_page = match settings.sort {
            Sort::Ignored => 50,
            Sort::Honoured | Sort::Refused => [50, 2][random.random_range(0..2)],
        };
        settings.envelope =
            [Envelope::Resource, Envelope::TopLevel, Envelope::BareArray][random.random_range(0..3)];
    });
    world.robaws.set(|settings| {
        settings.page_drift = random.random_bool(0.3);
        settings.draft_totals_null = random.random_bool(0.3);
        settings.draft_number_null = random.random_bool(0.3);
    });
    for _ in 0..STEPS {
        step(&mut world, random, &mut orders).await;
    }
    world.stack.robaws.clear_faults();
    world.stack.productflow.clear_faults();
    world.poll_for_minutes(240).await;
    for order in &orders {
        check(&world, order, seed).await;
    }
    let marks: Vec<_> = world
        .robaws
        .stock_changes()
        .into_iter()
        .map(|change| change.description)
        .collect();
    let distinct: BTreeSet<_> = marks.iter().collect();
    assert_eq!(
        distinct.len(),
        marks.len(),
        "history {seed} booked something twice: {marks:#?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_any_history_robaws_holds_what_the_orders_say() {
    let histories: Vec<_> = (0..HISTORIES).map(|seed| tokio::spawn(history(seed))).collect();
    for history in histories {
        history.await.unwrap();
    }
}
