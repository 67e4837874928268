//! `cargo run -- demo`: a scripted day of orders and articles, on a clock of its own. At its end everything that both peers hold
//! is compared with what the day must have left there.

use crate::runner::{CONNECTION, create_demo_connection};
use crate::stack::{ARTICLES_QUEUE, ORDERS_QUEUE, SWEEPS_QUEUE, Stack};
use anyhow::bail;
use domain::ids::ConnectionId;
use jiff::{SignedDuration, Timestamp};
use runtime::clock::{Clock as _, ManualClock};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::robaws::Article;
use simulators::{Company, Fault, OrderBuilder, Outage, RobawsTenant, demo};
use std::fmt::Write as _;
use std::io::Write;
use std::sync::Arc;

/// The moment at which the day begins. By then the shop is filled and its connection is active.
const MORNING: &str = "2026-11-23T08:00:00Z";
/// Interval of the EventBridge rule that starts the poll.
const FIVE_MINUTES: SignedDuration = SignedDuration::from_mins(5);

mod article_scenes;

struct Day<'a> {
    stack: Stack,
    clock: ManualClock,
    connection: ConnectionId,
    robaws: RobawsTenant,
    productflow: Company,
    out: &'a mut dyn Write,
}

/// An order of the day, and what must have become of it.
struct ExpectedOrder {
    order: &'static str,
    story: &'static str,
    state: &'static str,
    /// Article ids, with the pieces that are out at the end.
    pieces_out: &'static [(&'static str, i64)],
    stock_changes: usize,
    /// Total of its one invoice in integer cents, VAT-inclusive; `None`: it has no invoice.
    invoice_cents: Option<i64>,
}

const EXPECTED: [ExpectedOrder; 12] = [
    ExpectedOrder {
        order: "PF-1001",
        story: "registered, then shipped, with shipping costs",
        state: "invoiced",
        pieces_out: &[("12", 2)],
        stock_changes: 1,
        invoice_cents: Some(5998 + 495),
    },
    ExpectedOrder {
        order: "PF-1002",
        story: "3 pieces for 10.00, two VAT tariffs, a discount",
        state: "invoiced",
        pieces_out: &[("13", 3), ("14", 1)],
        stock_changes: 1,
        invoice_cents: Some(1000 + 349 - 150),
    },
    ExpectedOrder {
        order: "PF-1003",
        story: "registered, then cancelled",
        state: "reversed",
        pieces_out: &[],
        stock_changes: 2,
        invoice_cents: None,
    },
    ExpectedOrder {
        order: "PF-1004",
        story: "cancelled before it was seen",
        state: "skipped",
        pieces_out: &[],
        stock_changes: 0,
        invoice_cents: None,
    },
    ExpectedOrder {
        order: "PF-1005",
        story: "an article that Robaws gets only later",
        state: "invoiced",
        pieces_out: &[("12", 1), ("90", 1)],
        stock_changes: 2,
        invoice_cents: Some(2999 + 1900),
    },
    ExpectedOrder {
        order: "PF-1006",
        story: "no VAT code: the merchant chooses a tariff",
        state: "invoiced",
        pieces_out: &[("13", 2)],
        stock_changes: 1,
        invoice_cents: Some(1190),
    },
    ExpectedOrder {
        order: "PF-1007",
        story: "Robaws books, its answer is lost",
        state: "booked",
        pieces_out: &[("14", 4)],
        stock_changes: 1,
        invoice_cents: None,
    },
    ExpectedOrder {
        order: "PF-1008",
        story: "registered while Robaws is down",
        state: "booked",
        pieces_out: &[("12", 1)],
        stock_changes: 1,
        invoice_cents: None,
    },
    ExpectedOrder {
        order: "PF-1009",
        story: "cancelled after its invoice",
        state: "conflict",
        pieces_out: &[("13", 1)],
        stock_changes: 1,
        invoice_cents: Some(595),
    },
    ExpectedOrder {
        order: "PF-1010",
        story: "the answer to its invoice is lost",
        state: "invoiced",
        pieces_out: &[("14", 1)],
        stock_changes: 1,
        invoice_cents: Some(349),
    },
    ExpectedOrder {
        order: "PF-1011",
        story: "two pieces become one before it ships",
        state: "invoiced",
        pieces_out: &[("12", 1)],
        stock_changes: 2,
        invoice_cents: Some(2999),
    },
    ExpectedOrder {
        order: "PF-0999",
        story: "placed before the connector was started",
        state: "skipped",
        pieces_out: &[],
        stock_changes: 0,
        invoice_cents: None,
    },
];

/// Plays the day, and returns whether everything is as it must be.
pub async fn run_demo(out: &mut dyn Write) -> anyhow::Result<bool> {
    let clock = ManualClock::starting_at(MORNING.parse()?);
    let stack = Stack::start_empty(Arc::new(clock.clone())).await?;
    demo::seed_demo_shop(&stack.robaws, &stack.productflow);
    let connection = create_demo_connection(&stack).await?;
    let robaws = stack.robaws.tenant_named(demo::TENANT);
    let productflow = stack.productflow.company_numbered(demo::COMPANY);
    let mut day = Day { stack, clock, connection, robaws, productflow, out };
    day.play_scenes().await?;
    day.print_table().await?;
    day.compare_with_expected().await
}

impl Day<'_> {
    fn say_line(&mut self, what: &str) -> anyhow::Result<()> {
        writeln!(self.out, "{}  {what}", self.clock.now().strftime("%H:%M"))?;
        self.out.flush()?;
        Ok(())
    }

    fn place_order(&self, order: OrderBuilder) {
        self.productflow.place_order(order);
    }

    /// Five minutes pass, a poll runs, webhooks arrive, and the queues are worked off.
    async fn pass_interval(&self) -> anyhow::Result<()> {
        self.clock.advance_by(FIVE_MINUTES);
        self.stack.run_poll().await?;
        self.stack.run_until_quiet().await
    }

    async fn pass_intervals(&self, times: usize) -> anyhow::Result<()> {
        for _ in 0..times {
            self.pass_interval().await?;
        }
        Ok(())
    }

    fn ship_orders(&self, orders: &[&str]) -> anyhow::Result<()> {
        for order in orders {
            if !self.productflow.ship_order(order) {
                bail!("{order} is not in ProductFlow");
            }
        }
        Ok(())
    }

    async fn play_scenes(&mut self) -> anyhow::Result<()> {
        self.say_line("The connection is active: client 5, stock location 3, invoices stay drafts.")?;
        self.stack.run_until_quiet().await?;
        self.say_line("The three articles that are ticked in Robaws are in ProductFlow, with their offers.")?;
        // PF-0999 was placed before go-live, so the connector must leave it alone.
        let yesterday: Timestamp = self.clock.now().checked_sub(SignedDuration::from_hours(20))?;
        self.place_order(
            OrderBuilder::new("PF-0999")
                .with_line("A-1", 1, 2999, Some("7"))
                .with_placed_at(&yesterday.to_string()),
        );
        self.clock.advance_by(SignedDuration::from_mins(1));
        self.place_order(
            OrderBuilder::new("PF-1001").with_line("A-1", 2, 5998, Some("7")).with_shipping_cost(495),
        );
        self.place_order(
            OrderBuilder::new("PF-1002")
                .with_line("A-2", 3, 1000, Some("7"))
                .with_line("B-1", 1, 349, Some("10"))
                .with_discount(150),
        );
        self.place_order(OrderBuilder::new("PF-1003").with_line("A-1", 3, 8997, Some("7")));
        self.place_order(
            OrderBuilder::new("PF-1004").with_line("B-1", 2, 698, Some("7")).with_status("cancelled"),
        );
        self.place_order(OrderBuilder::new("PF-1005").with_line("A-1", 1, 2999, Some("7")).with_line(
            "NEW-1",
            1,
            1900,
            Some("7"),
        ));
        self.place_order(OrderBuilder::new("PF-1006").with_line("A-2", 2, 1190, None));
        self.place_order(OrderBuilder::new("PF-1009").with_line("A-2", 1, 595, Some("7")));
        self.place_order(OrderBuilder::new("PF-1010").with_line("B-1", 1, 349, Some("7")));
        self.place_order(OrderBuilder::new("PF-1011").with_line("A-1", 2, 5998, Some("7")));
        self.say_line(
            "ProductFlow has nine new orders, one of them cancelled already, and one from yesterday.",
        )?;
        self.pass_interval().await?;
        self.say_line("The stock of every line that can be booked is out.")?;

        self.productflow.cancel_order("PF-1003");
        self.productflow.edit_order("PF-1011", |order| {
            order["lines"][0]["quantity"] = json!(1);
            order["lines"][0]["price"] = json!(2999);
        });
        self.say_line("PF-1003 is cancelled; of PF-1011 one piece less is wanted.")?;
        self.pass_interval().await?;

        let stock_changes = Fault::for_call("POST", "/stock-changes").whose_text_contains("PF-1007");
        self.stack.robaws.add_fault(stock_changes.drop_after());
        self.place_order(OrderBuilder::new("PF-1007").with_line("B-1", 4, 1396, Some("7")));
        self.say_line("PF-1007 comes in; Robaws books it, but its answer never arrives.")?;
        self.pass_interval().await?;

        self.stack.robaws.set_outage(Some(Outage::Unavailable));
        self.place_order(OrderBuilder::new("PF-1008").with_line("A-1", 1, 2999, Some("7")));
        self.say_line("Robaws is down. PF-1008 comes in.")?;
        self.pass_intervals(4).await?;
        self.stack.robaws.set_outage(None);
        self.say_line("Robaws answers again.")?;
        self.pass_intervals(4).await?;

        let headers = Fault::for_call("POST", "/sales-invoices").whose_text_contains("PF-1010");
        self.stack.robaws.add_fault(headers.drop_after());
        self.ship_orders(&["PF-1001", "PF-1002", "PF-1005", "PF-1006", "PF-1009", "PF-1010", "PF-1011"])?;
        self.say_line("Seven orders are shipped; the answer to PF-1010's invoice is lost.")?;
        self.pass_intervals(2).await?;

        self.productflow.cancel_order("PF-1009");
        self.say_line("PF-1009 is cancelled although it is invoiced.")?;
        self.choose_tariff("PF-1006", "7").await?;
        self.say_line("The merchant chooses VAT tariff 7 for PF-1006.")?;
        self.robaws.put_article(Article::new("90", "NEW-1").with_tariff("7"));
        self.robaws.set_stock("90", demo::STOCK_LOCATION, 10);
        self.say_line("Article NEW-1 is created in Robaws; nobody touches PF-1005.")?;
        self.pass_intervals(14).await?;
        self.play_articles().await?;
        self.say_line("The day is over.")
    }

    /// Chooses a VAT tariff for the first line of an order through the API.
    async fn choose_tariff(&self, order: &str, tariff: &str) -> anyhow::Result<()> {
        let path = format!("/api/connections/{CONNECTION}/orders/{order}");
        let (status, shown) = self.stack.call_api("GET", &path, &Value::Null).await?;
        let line = shown["lines"][0]["line"].clone();
        if status != 200 || !line.is_string() {
            bail!("{order} has no line to choose for ({status}): {shown}");
        }
        let body = json!({ "lines": [{ "line": line, "vat_tariff_id": tariff }] });
        let (status, answer) = self.stack.call_api("POST", &format!("{path}/choose"), &body).await?;
        if status != 200 {
            bail!("the choice for {order} was refused ({status}): {answer}");
        }
        Ok(())
    }

    async fn print_table(&mut self) -> anyhow::Result<()> {
        let mut table =
            format!("\n{:<9} {:<50} {:<9} {}\n", "Order", "What happened", "State", "Robaws holds, and why");
        for expected in &EXPECTED {
            let path = format!("/api/connections/{CONNECTION}/orders/{}", expected.order);
            let (status, shown) = self.stack.call_api("GET", &path, &Value::Null).await?;
            if status != 200 {
                bail!("{} can't be shown ({status}): {shown}", expected.order);
            }
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let effects = shown["effects"].as_array().cloned().unwrap_or_default();
            let held: Vec<String> =
                effects.iter().filter(|effect| effect["state"] == "done").map(describe_effect).collect();
            writeln!(
                table,
                "{:<9} {:<50} {:<9} {}",
                expected.order,
                expected.story,
                text(&shown["state"]),
                if held.is_empty() { "nothing".to_owned() } else { held.join(", ") }
            )?;
            let indent = " ".repeat(70);
            writeln!(table, "{indent} {}", text(&shown["explanation"]))?;
            for problem in shown["problems"].as_array().into_iter().flatten() {
                writeln!(table, "{indent} ! {}", text(&problem["message"]))?;
                writeln!(table, "{indent}   {}", text(&problem["fix"]))?;
            }
        }
        self.out.write_all(table.as_bytes())?;
        Ok(())
    }

    /// Compares what both peers hold with what the day must have left there, and prints the result.
    async fn compare_with_expected(&mut self) -> anyhow::Result<bool> {
        let mut wrong = Vec::new();
        for expected in &EXPECTED {
            self.check_order(expected, &mut wrong).await?;
        }
        for (article, number, morning) in
            [("12", "A-1", 25), ("13", "A-2", 140), ("14", "B-1", 60), ("90", "NEW-1", 10)]
        {
            let sold: i64 = EXPECTED
                .iter()
                .flat_map(|expected| expected.pieces_out)
                .filter(|(id, _)| *id == article)
                .map(|(_, pieces)| pieces)
                .sum();
            let stock = self.robaws.stock_at(article, demo::STOCK_LOCATION);
            if stock != Decimal::from(morning - sold) {
                wrong.push(format!("{number}: {stock} in stock, {} expected", morning - sold));
            }
        }
        let invoices = self.robaws.invoices().len();
        let expected = EXPECTED.iter().filter(|expected| expected.invoice_cents.is_some()).count();
        if invoices != expected {
            wrong.push(format!("{invoices} invoices in Robaws, {expected} expected"));
        }
        for violation in self.stack.robaws.violations() {
            wrong.push(format!("Robaws' contract: {violation:?}"));
        }
        for violation in self.stack.productflow.violations() {
            wrong.push(format!("ProductFlow's contract: {violation:?}"));
        }
        for queue in [ORDERS_QUEUE, ARTICLES_QUEUE, SWEEPS_QUEUE] {
            let dead = self.stack.aws.queues.dead_letters(queue).len();
            if dead > 0 {
                wrong.push(format!("{dead} messages in the dead-letter queue of {queue}"));
            }
        }
        let offers = self.check_offers(&mut wrong);
        if wrong.is_empty() {
            let orders = EXPECTED.len();
            writeln!(
                self.out,
                "\nAll as it must be: {orders} orders, {invoices} invoices to the cent, every piece of stock accounted for; {offers} \
                 articles for sale as they are in Robaws."
            )?;
        } else {
            writeln!(self.out, "\nNOT as it must be:")?;
            for line in &wrong {
                writeln!(self.out, "  {line}")?;
            }
        }
        Ok(wrong.is_empty())
    }

    async fn check_order(&self, expected: &ExpectedOrder, wrong: &mut Vec<String>) -> anyhow::Result<()> {
        let order = expected.order;
        let state = self.stack.order_record(&self.connection, order).await?.state.as_str();
        if state != expected.state {
            wrong.push(format!("{order} is {state}, {} expected", expected.state));
        }
        let changes = self.robaws.stock_changes_of(order).len();
        if changes != expected.stock_changes {
            wrong.push(format!("{order} has {changes} stock changes, {} expected", expected.stock_changes));
        }
        let totals: Vec<Decimal> =
            self.robaws.invoices_of(order).iter().map(|invoice| invoice.total_incl_vat).collect();
        let wanted: Vec<Decimal> =
            expected.invoice_cents.iter().map(|cents| Decimal::new(*cents, 2)).collect();
        if totals != wanted {
            wrong.push(format!("{order} is invoiced for {totals:?}, {wanted:?} expected"));
        }
        Ok(())
    }
}

fn describe_effect(effect: &Value) -> String {
    let id = effect["robaws_id"].as_str().unwrap_or_default();
    if effect["kind"] == "invoice" {
        let cents = effect["total_cents"].as_i64().unwrap_or_default();
        let amount = domain::text::format_amount(domain::money::Cents(cents), domain::Language::EN);
        let draft = if effect["booked"] == true { "" } else { " (draft)" };
        return format!("invoice {id} of {amount}{draft}");
    }
    let lines = effect["lines"].as_array().cloned().unwrap_or_default();
    let pieces: Vec<String> = lines
        .iter()
        .map(|line| format!("{} × {}", line["quantity"], line["sku"].as_str().unwrap_or_default()))
        .collect();
    let way = if effect["direction"] == "in" { "back in" } else { "out" };
    format!("{} {way} (stock change {id})", pieces.join(" + "))
}
