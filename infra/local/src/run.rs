//! `cargo run`: the stack on this machine's clock, its event sources running, and a line per thing that happens.

use crate::stack::{OPERATOR_TOKEN, Ports, Stack};
use anyhow::{Context as _, bail};
use domain::ids::ConnectionId;
use domain::settings::Language;
use domain::text;
use runtime::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};
use simulators::demo;
use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use store::article::ArticleRecord;
use store::model::OrderRecord;
use store::orders::OrderFilter;

/// The connection that is there from the start.
pub const CONNECTION: &str = "shop";
/// How often the queue is asked, when it was empty.
const ASKED_EVERY: Duration = Duration::from_millis(200);
/// Invocations of process-order side by side, as Lambda would run them.
const WORKERS: usize = 2;

/// What it begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// A connection that is active.
    Active,
    /// A connection that is still to be set up on the merchant's page.
    SetUp,
}

/// Runs until it is interrupted.
pub async fn run(
    ports: Ports,
    poll_every: Duration,
    begin: Begin,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let stack = Arc::new(Stack::start_on(Arc::new(SystemClock), ports).await?);
    demo::seed(&stack.robaws, &stack.productflow);
    match begin {
        Begin::Active => drop(connect(&stack).await?),
        Begin::SetUp => create(&stack, &json!({ "id": CONNECTION, "language": "en" })).await?,
    }
    let link = sign_in_link(&stack).await?;
    announce(&stack, poll_every, begin, &link, out)?;
    let mut sources = tokio::task::JoinSet::new();
    sources.spawn(stack.robaws.clone().run_deliveries());
    let rule = Arc::clone(&stack);
    sources.spawn(async move {
        let mut ticks = tokio::time::interval(poll_every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = rule.poll().await {
                tracing::error!(error = format!("{error:#}"), "the poll failed");
            }
        }
    });
    for _ in 0..WORKERS {
        let source = Arc::clone(&stack);
        sources.spawn(async move {
            let mut ticks = tokio::time::interval(ASKED_EVERY);
            loop {
                ticks.tick().await;
                match source.work().await {
                    Ok(0) => {}
                    Ok(_) => ticks.reset_immediately(),
                    Err(error) => tracing::error!(error = format!("{error:#}"), "the orders queue failed"),
                }
            }
        });
    }
    let articles = Arc::clone(&stack);
    sources.spawn(async move {
        let mut ticks = tokio::time::interval(ASKED_EVERY);
        loop {
            ticks.tick().await;
            match articles.work_articles().await {
                Ok(0) => {}
                Ok(_) => ticks.reset_immediately(),
                Err(error) => tracing::error!(error = format!("{error:#}"), "the articles queue failed"),
            }
        }
    });
    let sweeps = Arc::clone(&stack);
    sources.spawn(async move {
        let mut ticks = tokio::time::interval(ASKED_EVERY);
        loop {
            ticks.tick().await;
            if let Err(error) = sweeps.work_sweeps().await {
                tracing::error!(error = format!("{error:#}"), "the sweeps queue failed");
            }
        }
    });
    let mut watcher = Watcher::default();
    let mut ticks = tokio::time::interval(ASKED_EVERY);
    loop {
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => {
                interrupted.context("the signal handler")?;
                return Ok(());
            }
            Some(ended) = sources.join_next() => {
                bail!("an event source stopped: {ended:?}");
            }
            _ = ticks.tick() => watcher.report(&stack, out).await?,
        }
    }
}

/// Creates and activates the connection as an operator would, through the API.
pub async fn connect(stack: &Stack) -> anyhow::Result<ConnectionId> {
    let create = json!({
        "id": CONNECTION,
        "language": "en",
        "robaws": { "key": demo::ROBAWS_KEY, "secret": demo::ROBAWS_SECRET },
        "productflow": { "access_token": demo::TOKEN, "company_id": demo::COMPANY },
        "settings": {
            "b2c_client_id": demo::B2C_CLIENT, "stock_location_id": demo::STOCK_LOCATION, "task_user_id": demo::USER,
        },
    });
    self::create(stack, &create).await?;
    let activate = format!("/api/connections/{CONNECTION}/activate");
    let (status, answer) = stack.api("POST", &activate, &Value::Null).await?;
    if status != 200 {
        bail!("the connection was not activated ({status}): {answer}");
    }
    Ok(ConnectionId::parse(CONNECTION)?)
}

async fn create(stack: &Stack, connection: &Value) -> anyhow::Result<()> {
    let (status, answer) = stack.api("POST", "/api/connections", connection).await?;
    if status != 201 {
        bail!("the connection was not created ({status}): {answer}");
    }
    Ok(())
}

/// A link that opens the merchant's pages.
async fn sign_in_link(stack: &Stack) -> anyhow::Result<String> {
    let path = format!("/api/connections/{CONNECTION}/sign-in-link");
    let (_, answer) = stack.api("POST", &path, &Value::Null).await?;
    let url = answer["url"].as_str().context("no sign-in link was made")?;
    Ok(url.to_owned())
}

fn announce(
    stack: &Stack,
    poll_every: Duration,
    begin: Begin,
    link: &str,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let api = stack.api_server.url();
    let robaws = format!("{}/_control/tenants/{}", stack.robaws_server.url(), demo::TENANT);
    let productflow = format!(
        "{}/_control/companies/{}",
        stack.productflow_server.url(),
        demo::COMPANY
    );
    let seconds = poll_every.as_secs();
    let state = match begin {
        Begin::Active => "is active".to_owned(),
        Begin::SetUp => format!(
            "is to be set up on its pages (Robaws key {}, secret {}; ProductFlow token {}, company {})",
            demo::ROBAWS_KEY,
            demo::ROBAWS_SECRET,
            demo::TOKEN,
            demo::COMPANY
        ),
    };
    writeln!(
        out,
        "\
The connector runs, with a simulated Robaws and a simulated ProductFlow. Connection \"{CONNECTION}\" {state};
ProductFlow is polled every {seconds} s (5 minutes on AWS). Ctrl-C ends it; nothing is kept.

  Your pages   {link}
               (signs you in, once; then {api}/c/{CONNECTION})

  API          {api}/api/connections/{CONNECTION}
  Robaws       {robaws_api}/api/v2        {robaws}
  ProductFlow  {productflow_api}/api/v1        {productflow}

  {robaws_api}/   Robaws' page: articles and stock, stock changes, sales invoices, tasks, VAT tariffs
  {productflow_api}/   ProductFlow's page: place, edit, ship and cancel orders; see products and offers

Place an order, ship it or cancel it, and watch what Robaws gets:

  curl -X POST {productflow}/orders -d '{{\"identifier\":\"PF-1\",\"lines\":[{{\"sku\":\"A-1\",\"quantity\":2,\"price\":5998,\"vat_code\":\"7\"}}],\"shipping_cost\":495}}'
  curl -X POST {productflow}/orders/PF-1/ship
  curl -X POST {productflow}/orders/PF-1/cancel
  curl {robaws}/stock; curl {robaws}/stock-changes; curl {robaws}/sales-invoices

Change an article in Robaws, and watch its offer in ProductFlow:

  curl -X PUT {robaws}/stock -d '{{\"articleId\":\"12\",\"stockLocationId\":\"3\",\"quantity\":7}}'
  curl -X PATCH {robaws}/articles/12 -d '{{\"costPrice\":15.25}}'
  curl -X POST {robaws}/articles/15/tick
  curl {productflow}/products

What the connector made of it, and why:

  curl -H 'Authorization: Bearer {OPERATOR_TOKEN}' {api}/api/connections/{CONNECTION}/orders/PF-1
  curl -H 'Authorization: Bearer {OPERATOR_TOKEN}' {api}/api/connections/{CONNECTION}/articles

Articles in the shop: A-1, A-2, B-1, MONTAGE (no stock). VAT tariffs: 7 (21 %), 10 (6 %); 8 is not VAT-inclusive.
",
        robaws_api = stack.robaws_server.url(),
        productflow_api = stack.productflow_server.url(),
    )?;
    out.flush()?;
    Ok(())
}

/// Prints a line whenever an order is another than it was.
#[derive(Default)]
pub struct Watcher {
    shown: HashMap<String, String>,
}

impl Watcher {
    /// Prints what changed since the last report.
    pub async fn report(&mut self, stack: &Stack, out: &mut dyn Write) -> anyhow::Result<()> {
        let connection = ConnectionId::parse(CONNECTION)?;
        let page = stack
            .store
            .list_orders(&connection, &OrderFilter::default(), None, 100)
            .await?;
        for record in page.records.iter().rev() {
            self.show(record.ledger.identifier.to_string(), line_of(record), out)?;
        }
        let page = stack.store.list_articles(&connection, None, None, 100).await?;
        for record in page.records.iter().rev() {
            // What is on its way says so a moment later.
            if record.due.is_none() || !record.problems.is_empty() {
                self.show(
                    format!("article {}", record.article_id),
                    article_line(record),
                    out,
                )?;
            }
        }
        out.flush()?;
        Ok(())
    }

    fn show(&mut self, key: String, line: String, out: &mut dyn Write) -> anyhow::Result<()> {
        if self.shown.get(&key) != Some(&line) {
            writeln!(out, "{}  {line}", SystemClock.now().strftime("%H:%M:%S"))?;
            self.shown.insert(key, line);
        }
        Ok(())
    }
}

/// One order in one line.
pub fn line_of(record: &OrderRecord) -> String {
    let why: Vec<String> = if record.problems.is_empty() {
        let sentence = |s: &domain::plan::Sentence| text::explanation(&s.code, &s.args, Language::En);
        record.explanation.iter().map(sentence).collect()
    } else {
        let message = |open: &store::model::OpenProblem| text::render(&open.problem, Language::En).message;
        record.problems.iter().map(message).collect()
    };
    let effects: Vec<String> = record.ledger.rows.iter().filter_map(effect_of).collect();
    format!(
        "{:<10} {:<9} {:<44} {}",
        record.ledger.identifier.as_str(),
        record.state.as_str(),
        effects.join(", "),
        why.join(" ")
    )
}

/// One article in one line.
fn article_line(record: &ArticleRecord) -> String {
    let number = record.number.as_deref().unwrap_or("–");
    let message = |open: &store::model::OpenProblem| text::render(&open.problem, Language::En).message;
    let problems: Vec<String> = record.problems.iter().map(message).collect();
    let value = |name: &str| {
        let values = record.sent.as_ref().map(|sent| &sent.values);
        values
            .and_then(|values| values.get(name))
            .cloned()
            .unwrap_or_default()
    };
    let offer = if record.sent.is_some() {
        format!(
            "{} for sale, cost price {}",
            value("quantity"),
            value("cost_price")
        )
    } else {
        "not for sale".to_owned()
    };
    format!(
        "{number:<10} {:<9} {offer:<44} {}",
        record.state().as_str(),
        problems.join(" ")
    )
}

fn effect_of(row: &domain::ledger::Row) -> Option<String> {
    use domain::ledger::{Direction, RowEffect, RowState};
    let id = row.robaws_id.as_ref()?;
    if row.state != RowState::Done {
        return None;
    }
    Some(match &row.effect {
        RowEffect::StockChange { direction, items, .. } => {
            let pieces: Vec<String> = items
                .iter()
                .map(|item| {
                    let sku = item
                        .sku
                        .as_ref()
                        .map_or(item.article_id.as_str(), domain::Sku::as_str);
                    format!("{} × {sku}", item.quantity)
                })
                .collect();
            let way = match direction {
                Direction::Out => "out",
                Direction::In => "back in",
            };
            format!("{way} {} ({id})", pieces.join(" + "))
        }
        RowEffect::Invoice { total, progress } | RowEffect::CreditNote { total, progress, .. } => {
            let is_credit = matches!(row.effect, RowEffect::CreditNote { .. });
            let kind = if is_credit { "credit note" } else { "invoice" };
            let number = progress.number.as_deref().unwrap_or(id.as_str());
            let draft = if progress.booked { "" } else { ", draft" };
            format!("{kind} {number} {}{draft}", text::amount(*total, Language::En))
        }
        RowEffect::DeleteDraft { .. } => format!("draft deleted ({id})"),
    })
}
