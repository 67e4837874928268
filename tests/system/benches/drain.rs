//! How fast a tenant's waiting orders are worked off against a Robaws that enforces its limit: real time, the simulator's own bucket,
//! its latency and ProductFlow's. Counts what was let through while orders waited, and every 429; also while articles of the same tenant
//! are synced beside it by another function, which knows of the shared limit from the header alone. `DRAIN_ORDERS` is the number of orders.

#![expect(clippy::unwrap_used, reason = "a benchmark that can't run says so")]

#[path = "bench/print.rs"]
mod print;
#[path = "bench/shop.rs"]
mod shop;
#[path = "bench/world.rs"]
mod world;

use jiff::{SignedDuration, Timestamp};
use local::Stack;
use local::stack::ARTICLES_QUEUE;
use runtime::clock::{Clock as _, SystemClock};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::robaws::Article;
use simulators::{Call, OrderBuilder, demo};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use store::queue::{ArticleEvent, ArticleMessage, ArticleQueue};

const CONNECTION: &str = "shop";
const ROBAWS_LATENCY: Duration = Duration::from_millis(150);
const PRODUCTFLOW_LATENCY: Duration = Duration::from_millis(100);
/// The poll of the template.
const POLL_EVERY: Duration = Duration::from_mins(5);
/// The bucket is full at first: what it gives beside its rate is not counted.
const WARM_UP: SignedDuration = SignedDuration::from_secs(5);
/// How long an empty queue is left alone.
const IDLE: Duration = Duration::from_millis(20);
/// Articles that change in turn, and messages of them that wait at most.
const ARTICLES: usize = 200;
const ARTICLES_WAITING: usize = 20;

/// What waits.
#[derive(Clone, Copy)]
enum Waiting {
    /// Open orders: one call each.
    Open,
    /// Orders that are shipped when first seen: four calls each.
    Shipped,
}

struct Scenario {
    name: &'static str,
    waiting: Waiting,
    orders: usize,
    per_second: u32,
    burst: u32,
    articles: bool,
}

fn main() {
    let orders: usize = world::from_env("DRAIN_ORDERS", 150);
    let only: String = world::from_env("DRAIN_ONLY", String::new());
    let scenario = |name, waiting, orders, (per_second, burst), articles| Scenario {
        name,
        waiting,
        orders,
        per_second,
        burst,
        articles,
    };
    let scenarios = [
        scenario("open", Waiting::Open, orders * 2, (15, 20), false),
        scenario("shipped", Waiting::Shipped, orders, (15, 20), false),
        scenario("shipped, articles beside", Waiting::Shipped, orders, (15, 20), true),
        scenario("shipped, 5 a second", Waiting::Shipped, orders / 3, (5, 20), false),
        scenario("shipped, 5 a second, articles beside", Waiting::Shipped, orders / 3, (5, 20), true),
        scenario("shipped, 5 a second, burst 7", Waiting::Shipped, orders / 3, (5, 7), false),
        scenario("shipped, 30 a second", Waiting::Shipped, orders * 2, (30, 40), false),
    ];
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for scenario in scenarios {
        if only.is_empty() || only == scenario.name {
            print::print(&runtime.block_on(drain_scenario(&scenario)));
        }
    }
}

async fn drain_scenario(scenario: &Scenario) -> Value {
    let stack = Stack::start_empty(Arc::new(SystemClock)).await.unwrap();
    let go_live = SystemClock.now() - SignedDuration::from_hours(1);
    demo::seed_demo_shop(&stack.robaws, &stack.productflow);
    let company = (demo::COMPANY, demo::TOKEN);
    shop::connect(&stack, CONNECTION, company, go_live).await;
    let (robaws, productflow) =
        (stack.robaws.tenant_named(demo::TENANT), stack.productflow.company_numbered(demo::COMPANY));
    robaws.change_settings(|settings| {
        settings.rate_per_second = scenario.per_second;
        settings.burst = scenario.burst;
        settings.daily_limit = 1_000_000;
    });
    if scenario.articles {
        for at in 0..ARTICLES {
            let article = Article::new(&(1_000 + at).to_string(), &format!("S-{at}")).with_tick(true);
            robaws.put_article(
                article.with_tariff("7").with_prices(price_of_article(at), price_of_article(at)),
            );
        }
    }
    for at in 0..scenario.orders {
        let order = OrderBuilder::new(&format!("PF-{at}")).with_external_number(&format!("n{at}"));
        let order = order.with_line("A-1", 2, 5998, Some("7"));
        productflow.place_order(match scenario.waiting {
            Waiting::Open => order,
            Waiting::Shipped => order.with_status("shipped"),
        });
    }
    world::latency(&stack, ROBAWS_LATENCY, PRODUCTFLOW_LATENCY);

    let done = Cell::new(false);
    let (poll, articles) =
        (poll_until_done(&stack, &done), work_on_articles(&stack, scenario.articles, &done));
    let (worked, (), ()) = tokio::join!(work_on_orders(&stack, scenario, &done), poll, articles);
    report_scenario(scenario, &stack.robaws.calls(), worked)
}

fn price_of_article(at: usize) -> Decimal {
    Decimal::new(i64::try_from(1_000 + at).unwrap(), 2)
}

/// The rule of the poll.
async fn poll_until_done(stack: &Stack, done: &Cell<bool>) {
    let mut ticks = tokio::time::interval(POLL_EVERY);
    while !done.get() {
        tokio::select! {
            _ = ticks.tick() => { stack.run_poll().await.unwrap(); }
            () = tokio::time::sleep(IDLE) => {}
        }
    }
}

/// Works off the orders, and tells when the last one was.
async fn work_on_orders(stack: &Stack, scenario: &Scenario, done: &Cell<bool>) -> Timestamp {
    let robaws = stack.robaws.tenant_named(demo::TENANT);
    let worked = || match scenario.waiting {
        Waiting::Open => robaws.stock_changes().len() >= scenario.orders,
        Waiting::Shipped => {
            let invoices = robaws.invoices();
            invoices.len() >= scenario.orders && invoices.iter().all(|invoice| !invoice.line_items.is_empty())
        }
    };
    loop {
        if stack.work_orders().await.unwrap() == 0 {
            if worked() {
                done.set(true);
                return SystemClock.now();
            }
            tokio::time::sleep(IDLE).await;
        }
    }
}

/// Changes articles one after the other, announces each as a webhook does, and syncs what was announced.
async fn work_on_articles(stack: &Stack, wanted: bool, done: &Cell<bool>) {
    let robaws = stack.robaws.tenant_named(demo::TENANT);
    let url = format!("http://localhost/000000000000/{ARTICLES_QUEUE}");
    let queue = ArticleQueue::new(stack.aws.sqs.clone(), url);
    let connection = domain::ConnectionId::parse(CONNECTION).unwrap();
    let mut next = 0;
    while wanted && !done.get() {
        while stack.aws.queues.messages_in(ARTICLES_QUEUE).len() < ARTICLES_WAITING {
            let id = (1_000 + next % ARTICLES).to_string();
            next += 1;
            robaws.edit_article_silently(&id, |article| article.cost_price = price_of_article(next));
            let id = domain::ArticleId::parse(id).unwrap();
            let mut message = ArticleMessage::for_due_article(connection.clone(), id, None);
            let (id, at) = (uuid::Uuid::new_v4().to_string(), SystemClock.now());
            message.event = Some(ArticleEvent { id, at });
            queue.send_messages(&[message]).await.unwrap();
        }
        stack.work_articles().await.unwrap();
    }
}

/// Hundredths as people write them.
fn format_hundredths(of: u128) -> String {
    Decimal::new(i64::try_from(of).unwrap(), 2).to_string()
}

fn report_scenario(scenario: &Scenario, calls: &[Call], worked: Timestamp) -> Value {
    let refused = calls.iter().filter(|call| call.status() == Some(429)).count();
    let first = calls.first().map_or(worked, |call| call.at);
    let from = first + WARM_UP;
    let within: Vec<&Call> = calls
        .iter()
        .filter(|call| call.at >= from && call.at < worked && call.status() != Some(429))
        .collect();
    let articles = within.iter().filter(|call| call.path.starts_with("/articles")).count();
    let milliseconds = worked.duration_since(from).as_millis().max(1).unsigned_abs();
    let per_second = (within.len() as u128) * 100_000 / milliseconds;
    let allowed = u128::from(scenario.per_second) * 100;
    json!({
        "scenario": scenario.name, "orders": scenario.orders, "limit_per_second": scenario.per_second, "burst": scenario.burst,
        "calls": calls.len(), "refused_429": refused,
        "measured_seconds": format_hundredths(milliseconds / 10),
        "calls_per_second": format_hundredths(per_second),
        "percent_of_limit": format_hundredths(per_second * 10_000 / allowed),
        "of_articles": articles,
    })
}
