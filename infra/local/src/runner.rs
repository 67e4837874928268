//! `cargo run`: the stack on this machine's clock with running event sources (rule, queues, webhooks), and a line of output for
//! each order or article that changes.

use crate::stack::{OPERATOR_TOKEN, Stack, StackOptions};
use anyhow::{Context as _, bail};
use domain::Language;
use domain::ids::ConnectionId;
use domain::text;
use runtime::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};
use simulators::demo;
use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use store::article_record::ArticleRecord;
use store::model::{Connection, ConnectionState, OrderRecord};
use store::orders::OrderFilter;

/// Id of the connection that the program begins with.
pub const CONNECTION: &str = "shop";
/// Interval between two receives from a queue that was empty.
const QUEUE_INTERVAL: Duration = Duration::from_millis(200);
/// Invocations of process-order side by side, as Lambda would run them.
const WORKERS: usize = 2;

/// State of the connection when the program begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitialConnection {
    /// The connection is active.
    Active,
    /// The connection exists and is still to be set up on the merchant's pages.
    SetUp,
}

/// Starts the stack and runs it until Ctrl-C.
pub async fn run_until_interrupted(
    start: StackOptions,
    poll_every: Duration,
    begin: InitialConnection,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let kept_in = start.directory.as_ref().map(|kept| kept.path().to_owned());
    let own_peers = start.robaws_url.is_none() || start.productflow_url.is_none();
    let stack = Arc::new(Stack::start_with_options(Arc::new(SystemClock), start).await?);
    demo::seed_demo_shop(&stack.robaws, &stack.productflow);
    match begin {
        InitialConnection::Active => resume_connection(&stack).await?,
        InitialConnection::SetUp => {
            if stored_connection(&stack).await?.is_none() {
                create_connection(&stack, &json!({ "id": CONNECTION, "language": "en" })).await?;
            }
        }
    }
    let link = make_sign_in_link(&stack).await?;
    let kept = match kept_in {
        None => "nothing is kept".to_owned(),
        Some(path) if own_peers => format!(
            "the connector's table and secrets are kept in {}; the simulated peers begin anew",
            path.display()
        ),
        Some(path) => format!("the connector's table and secrets are kept in {}", path.display()),
    };
    print_introduction(&stack, poll_every, begin, &link, &kept, out)?;
    let mut sources = tokio::task::JoinSet::new();
    // These tasks stand for what AWS and Robaws run: webhooks, the rule of the poll, and the three event source mappings.
    sources.spawn(stack.robaws.clone().run_deliveries());
    let rule = Arc::clone(&stack);
    sources.spawn(async move {
        let mut ticks = tokio::time::interval(poll_every);
        // A poll that takes longer than the interval delays the next one; the polls that were missed are not made up for.
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = rule.run_poll().await {
                tracing::error!(error = format!("{error:#}"), "the poll failed");
            }
        }
    });
    for _ in 0..WORKERS {
        let source = Arc::clone(&stack);
        sources.spawn(async move {
            let mut ticks = tokio::time::interval(QUEUE_INTERVAL);
            loop {
                ticks.tick().await;
                match source.work_orders().await {
                    Ok(0) => {}
                    Ok(_) => ticks.reset_immediately(),
                    Err(error) => tracing::error!(error = format!("{error:#}"), "the orders queue failed"),
                }
            }
        });
    }
    let articles = Arc::clone(&stack);
    sources.spawn(async move {
        let mut ticks = tokio::time::interval(QUEUE_INTERVAL);
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
        let mut ticks = tokio::time::interval(QUEUE_INTERVAL);
        loop {
            ticks.tick().await;
            if let Err(error) = sweeps.work_sweeps().await {
                tracing::error!(error = format!("{error:#}"), "the sweeps queue failed");
            }
        }
    });
    let mut watcher = Watcher::default();
    let mut ticks = tokio::time::interval(QUEUE_INTERVAL);
    loop {
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => {
                interrupted.context("the signal handler")?;
                return Ok(());
            }
            // None of the tasks ends by itself. Without one of them work would be left undone unseen, so the program ends.
            Some(ended) = sources.join_next() => {
                bail!("an event source stopped: {ended:?}");
            }
            _ = ticks.tick() => watcher.report_changes(&stack, out).await?,
        }
    }
}

/// Creates and activates the connection through the API, as an operator would.
pub async fn create_demo_connection(stack: &Stack) -> anyhow::Result<ConnectionId> {
    let mut connection = logins_and_settings();
    connection["id"] = CONNECTION.into();
    connection["language"] = "en".into();
    create_connection(stack, &connection).await?;
    activate_connection(stack).await?;
    Ok(ConnectionId::parse(CONNECTION)?)
}

fn logins_and_settings() -> Value {
    json!({
        "robaws": { "key": demo::ROBAWS_KEY, "secret": demo::ROBAWS_SECRET },
        "productflow": { "access_token": demo::TOKEN, "company_id": demo::COMPANY },
        "settings": {
            "b2c_client_id": demo::B2C_CLIENT, "stock_location_id": demo::STOCK_LOCATION, "task_user_id": demo::USER,
        },
    })
}

async fn activate_connection(stack: &Stack) -> anyhow::Result<()> {
    let path = format!("/api/connections/{CONNECTION}/activate");
    let (status, answer) = stack.call_api("POST", &path, &Value::Null).await?;
    if status != 200 {
        bail!("the connection was not activated ({status}): {answer}");
    }
    Ok(())
}

async fn stored_connection(stack: &Stack) -> anyhow::Result<Option<Connection>> {
    let item = stack.store.load_connection(&ConnectionId::parse(CONNECTION)?).await?;
    Ok(item.map(|item| item.connection))
}

/// Makes the connection active, from wherever an earlier run with the same directory was ended: creates it, sets it up or
/// activates it, whichever is missing. A connection that was switched off or suspended stays so.
async fn resume_connection(stack: &Stack) -> anyhow::Result<()> {
    let Some(connection) = stored_connection(stack).await? else {
        return create_demo_connection(stack).await.map(drop);
    };
    let begun = connection.first_activated_at.is_some();
    if !begun {
        let path = format!("/api/connections/{CONNECTION}");
        let (status, answer) = stack.call_api("PATCH", &path, &logins_and_settings()).await?;
        if status != 200 {
            bail!("the connection was not set up ({status}): {answer}");
        }
    }
    // The webhook registered at Robaws has the API's URL of the last activation. When the API has another port now, activating
    // again registers the new URL.
    let moved = connection.public_base_url.as_deref() != Some(stack.api_server.url().as_str());
    if !begun || (moved && connection.state == ConnectionState::Active) {
        activate_connection(stack).await?;
    }
    Ok(())
}

async fn create_connection(stack: &Stack, connection: &Value) -> anyhow::Result<()> {
    let (status, answer) = stack.call_api("POST", "/api/connections", connection).await?;
    if status != 201 {
        bail!("the connection was not created ({status}): {answer}");
    }
    Ok(())
}

/// Makes a sign-in link to the merchant's pages.
async fn make_sign_in_link(stack: &Stack) -> anyhow::Result<String> {
    let path = format!("/api/connections/{CONNECTION}/sign-in-link");
    let (_, answer) = stack.call_api("POST", &path, &Value::Null).await?;
    let url = answer["url"].as_str().context("no sign-in link was made")?;
    Ok(url.to_owned())
}

fn print_introduction(
    stack: &Stack,
    poll_every: Duration,
    begin: InitialConnection,
    link: &str,
    kept: &str,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let api = stack.api_server.url();
    let robaws_api = stack.robaws_url.origin().ascii_serialization();
    let productflow_api = stack.productflow_url.origin().ascii_serialization();
    let robaws = format!("{robaws_api}/_control/tenants/{}", demo::TENANT);
    let productflow = format!("{productflow_api}/_control/companies/{}", demo::COMPANY);
    let seconds = poll_every.as_secs();
    let state = match begin {
        InitialConnection::Active => "is active".to_owned(),
        InitialConnection::SetUp => format!(
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
ProductFlow is polled every {seconds} s (5 minutes on AWS). Ctrl-C ends it; {kept}.

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
"
    )?;
    out.flush()?;
    Ok(())
}

/// Prints a line whenever an order or an article has changed.
#[derive(Default)]
pub struct Watcher {
    printed_lines: HashMap<String, String>,
}

impl Watcher {
    /// Prints a line for each order and article that changed since the last report.
    pub async fn report_changes(&mut self, stack: &Stack, out: &mut dyn Write) -> anyhow::Result<()> {
        let connection = ConnectionId::parse(CONNECTION)?;
        let page = stack.store.list_orders(&connection, &OrderFilter::default(), None, 100).await?;
        for record in page.records.iter().rev() {
            self.print_if_changed(record.ledger.identifier.to_string(), describe_order(record), out)?;
        }
        let page = stack.store.list_articles(&connection, None, None, 100).await?;
        for record in page.records.iter().rev() {
            // A due article is reported after its sync, unless it has problems.
            if record.due.is_none() || !record.problems.is_empty() {
                self.print_if_changed(
                    format!("article {}", record.article_id),
                    describe_article(record),
                    out,
                )?;
            }
        }
        out.flush()?;
        Ok(())
    }

    fn print_if_changed(&mut self, key: String, line: String, out: &mut dyn Write) -> anyhow::Result<()> {
        if self.printed_lines.get(&key) != Some(&line) {
            writeln!(out, "{}  {line}", SystemClock.now().strftime("%H:%M:%S"))?;
            self.printed_lines.insert(key, line);
        }
        Ok(())
    }
}

/// One order in one line.
pub fn describe_order(record: &OrderRecord) -> String {
    let why: Vec<String> = if record.problems.is_empty() {
        let sentence = |s: &domain::plan::Sentence| text::render_explanation(&s.code, &s.args, Language::EN);
        record.explanation.iter().map(sentence).collect()
    } else {
        let message =
            |open: &store::model::OpenProblem| text::render_problem(&open.problem, Language::EN).message;
        record.problems.iter().map(message).collect()
    };
    let effects: Vec<String> = record.ledger.rows.iter().filter_map(describe_effect).collect();
    format!(
        "{:<10} {:<9} {:<44} {}",
        record.ledger.identifier.as_str(),
        record.state.as_str(),
        effects.join(", "),
        why.join(" ")
    )
}

/// One article in one line.
fn describe_article(record: &ArticleRecord) -> String {
    let number = record.number.as_deref().unwrap_or("–");
    let message =
        |open: &store::model::OpenProblem| text::render_problem(&open.problem, Language::EN).message;
    let problems: Vec<String> = record.problems.iter().map(message).collect();
    let value = |name: &str| {
        let values = record.sent.as_ref().map(|sent| &sent.values);
        values.and_then(|values| values.get(name)).cloned().unwrap_or_default()
    };
    let offer = if record.sent.is_some() {
        format!("{} for sale, cost price {}", value("quantity"), value("cost_price"))
    } else {
        "not for sale".to_owned()
    };
    format!("{number:<10} {:<9} {offer:<44} {}", record.state().as_str(), problems.join(" "))
}

fn describe_effect(row: &domain::ledger::Row) -> Option<String> {
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
                    let sku = item.sku.as_ref().map_or(item.article_id.as_str(), domain::Sku::as_str);
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
            format!("{kind} {number} {}{draft}", text::format_amount(*total, Language::EN))
        }
        RowEffect::DeleteDraft { .. } => format!("draft deleted ({id})"),
    })
}
