//! The breaking machine: whole histories at random, in which people, both peers, the queues and the processes do what they may
//! at the worst moment. Orders come back after their cancellation or vanish, articles are renumbered, doubled, archived and offered,
//! tariffs and settings change, merchants choose and settle, the API user is another one, messages come again, processes are killed.
//! At the end a second reading of the manual judges every order ([`judge`]), and ProductFlow must offer what Robaws says.
//!
//! `MACHINE_HISTORIES=500` runs more histories, `MACHINE_FIRST=17` begins with history 17.

mod judge;
mod people;

use domain::settings::ConnectionSettings;
use futures::{StreamExt as _, stream};
use jiff::SignedDuration;
use judge::{FLIPPED_TARIFF, Past, SPARE_ARTICLE, Told, judge, judge_notifications};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rust_decimal::Decimal;
use serde_json::json;
use simulators::productflow::{Envelope, Sort};
use simulators::robaws::{Article, VatTariff};
use simulators::{Company, Fault, Gate, OrderBuilder, demo};
use std::collections::BTreeMap;
use world::{START, World, default_settings};

const HISTORIES: u64 = 16;
const STEPS: usize = 40;
const SIDE_BY_SIDE: usize = 8;
const NUMBERS: [(&str, &str, &str); 3] = [("A-1", "12", "21"), ("A-2", "13", "22"), ("B-1", "14", "23")];
const CALM: &str = "calm";

/// How a call that a history breaks fails, and how many times.
fn break_call(method: &str, path: &str, random: &mut StdRng) -> Fault {
    let fault = Fault::for_call(method, path).for_calls(random.random_range(1..=3));
    match random.random_range(0..8) {
        0 => fault.drop_before(),
        1 => fault.drop_after(),
        2 => fault.answer_status(500),
        3 => fault.status_after(500),
        4 => fault.status_after(502),
        5 => fault.answer_status(503),
        6 if method == "POST" => fault.answer_status(409),
        _ => fault.truncate_answer(),
    }
}

struct Machine {
    world: World,
    random: StdRng,
    history: u64,
    orders: BTreeMap<String, Told>,
    past: Past,
    /// Another merchant, whose one order always fails.
    calm: Company,
    calm_orders: usize,
}

impl Machine {
    async fn start(history: u64) -> Self {
        let mut random = StdRng::seed_from_u64(history);
        let world = World::with_settings(ConnectionSettings {
            send_sale_price: sends_sale_price(history),
            ..default_settings()
        })
        .await;
        // Registers the webhook and pushes all articles.
        Box::pin(world.activate_connection()).await;
        world.productflow.change_settings(|settings| {
            settings.list_lag_ms = *[0, 0, 90_000, 400_000].choose(&mut random).unwrap();
            settings.page_drift = random.random_bool(0.3);
            settings.sort =
                *[Sort::Honoured, Sort::Honoured, Sort::Ignored, Sort::Refused].choose(&mut random).unwrap();
            // A short page of an unsorted list may look sorted by chance.
            settings.max_per_page = match settings.sort {
                Sort::Ignored => 50,
                Sort::Honoured | Sort::Refused => *[50, 3].choose(&mut random).unwrap(),
            };
            settings.envelope =
                *[Envelope::Resource, Envelope::TopLevel, Envelope::BareArray].choose(&mut random).unwrap();
        });
        world
            .robaws
            .put_article(Article::new(SPARE_ARTICLE, "SPARE").with_tariff("7"))
            .put_vat_tariff(VatTariff::new(FLIPPED_TARIFF, Decimal::from(21), true));
        world.robaws.change_settings(|settings| {
            settings.page_drift = random.random_bool(0.3);
            settings.draft_totals_null = random.random_bool(0.3);
            settings.draft_number_null = random.random_bool(0.3);
            settings.webhook_repeat = random.random_bool(0.3);
            settings.webhook_reorder = random.random_bool(0.5);
            settings.webhook_guid_keys = random.random();
            // The limits have tests of their own.
            settings.rate_per_second = 10_000;
            settings.burst = 10_000;
        });
        let tenant = world.stack.robaws.tenant_named(CALM);
        tenant.change_settings(|settings| {
            settings.rate_per_second = 10_000;
            settings.burst = 10_000;
        });
        tenant
            .add_admin("calm-key", "calm-secret")
            .put_stock_location("3", "Depot")
            .put_client("5", "Webshop")
            .put_vat_tariff(VatTariff::new("7", Decimal::from(21), true))
            .put_article(Article::new("12", "A-1").with_tariff("7"));
        let calm = world.stack.productflow.company_numbered(43);
        calm.add_token("calm-token");
        let (robaws, productflow) = (("calm-key", "calm-secret"), (43, "calm-token"));
        let start = START.parse().unwrap();
        let connected =
            world.stack.create_active_connection(CALM, robaws, productflow, default_settings(), start).await;
        connected.unwrap();
        let bad = Fault::for_call("POST", "/stock-changes").of_tenant(CALM).whose_text_contains("(BAD)");
        world.stack.robaws.add_fault(bad.answer_status(500).until_cleared());
        let machine = Self {
            world,
            random,
            history,
            orders: BTreeMap::new(),
            past: Past::default(),
            calm,
            calm_orders: 0,
        };
        machine.calm.place_order(OrderBuilder::new("BAD").with_placed_at(START).with_line(
            "A-1",
            1,
            2999,
            Some("7"),
        ));
        machine
    }

    fn pick_one<T: Copy>(&mut self, of: &[T]) -> T {
        *of.choose(&mut self.random).unwrap()
    }

    fn any_order(&mut self) -> Option<String> {
        let names: Vec<&String> = self.orders.keys().collect();
        names.choose(&mut self.random).map(|name| (*name).clone())
    }

    /// Keeps what became of an order.
    fn note_order(&mut self, identifier: &str) {
        if let Some(now) = self.world.productflow.find_order(identifier) {
            self.orders.entry(identifier.to_owned()).or_default().versions.push(now);
        }
    }

    fn place_random_order(&mut self) {
        let identifier = format!("PF-{}", self.orders.len() + 1);
        let mut order = OrderBuilder::new(&identifier).with_external_number(&format!("M{identifier}"));
        for _ in 0..self.random.random_range(1..=3) {
            let (sku, ..) = self.pick_one(&NUMBERS);
            let code = self.pick_one(&[Some("7"), Some("7"), Some("10"), Some(FLIPPED_TARIFF), None]);
            let cents = self.random.random_range(1..=9_999);
            order = order.with_line(sku, self.random.random_range(1..=4), cents, code);
        }
        order = order.with_shipping_cost(self.random.random_range(0..=1) * 495);
        let before_go_live = self.random.random_bool(0.1);
        if before_go_live {
            self.world.productflow.place_order(order.with_placed_at("2026-11-23T07:59:59Z"));
        } else {
            self.world.place_order(order);
        }
        self.note_order(&identifier);
        self.orders.get_mut(&identifier).unwrap().before_go_live = before_go_live;
    }

    fn break_random_call(&mut self) {
        let (method, path) = self.pick_one(&[
            ("POST", "/stock-changes"),
            ("POST", "/stock-changes"),
            ("POST", "/sales-invoices"),
            ("POST", "/sales-invoices/*/line-items"),
            ("PATCH", "/sales-invoices/*"),
            ("GET", "/sales-invoices/*"),
            ("GET", "/stock-changes"),
            ("GET", "/articles"),
            ("GET", "/vat-tariffs"),
            ("GET", "/order"),
            ("GET", "/order/*"),
            ("POST", "/product/**"),
            ("DELETE", "/product/**"),
        ]);
        let fault = break_call(method, path, &mut self.random);
        if path.starts_with("/order") || path.starts_with("/product") {
            self.world.stack.productflow.add_fault(fault.of_tenant(&demo::COMPANY.to_string()));
        } else {
            self.world.stack.robaws.add_fault(fault.of_tenant(demo::TENANT));
        }
    }

    /// A process dies during a call: before its effect, or before its answer. The effect may come after the process is gone.
    async fn kill_in_call(&mut self) {
        self.world.stack.run_poll().await.unwrap();
        let gate = Gate::new();
        let call =
            Fault::for_call("*", "**").of_tenant(demo::TENANT).at_nth_call(self.random.random_range(1..12));
        self.world.stack.robaws.add_fault(match self.random.random_range(0..3) {
            0 => call.hold_before(&gate).drop_before(),
            1 => call.hold_before(&gate),
            _ => call.hold_after(&gate),
        });
        tokio::select! {
            worked = self.world.stack.work_orders() => { worked.unwrap(); }
            () = gate.wait_for_calls(1) => {}
        }
        gate.open();
        self.world.stack.restart_functions().unwrap();
    }

    /// The functions run: polls may overlap, messages come twice, two workers take them at a time.
    async fn pass_time(&mut self) {
        let minutes = self.pick_one(&[1, 5, 5, 10, 15, 70]);
        self.world.clock.advance_by(SignedDuration::from_mins(minutes));
        let stack = &self.world.stack;
        let (a, b) = tokio::join!(stack.run_poll(), stack.run_poll());
        a.and(b).unwrap();
        if self.random.random() {
            let first = tokio::join!(stack.work_orders(), stack.work_orders());
            first.0.and(first.1).unwrap();
            stack.aws.queues.release_messages(local::stack::ORDERS_QUEUE);
        }
        let second = tokio::join!(stack.work_orders(), stack.work_orders());
        second.0.and(second.1).unwrap();
    }

    /// Whatever happens to one merchant, and to one of the other's orders: his next is booked at once.
    async fn try_calm_merchant(&mut self) {
        self.calm_orders += 1;
        let identifier = format!("C-{}", self.calm_orders);
        let now = runtime::clock::Clock::now(&self.world.clock).to_string();
        let order = OrderBuilder::new(&identifier).with_placed_at(&now);
        self.calm.place_order(order.with_line("A-1", 1, 2999, Some("7")));
        // Longer than what a killed process had in hand is hidden.
        self.world.clock.advance_by(SignedDuration::from_mins(11));
        Box::pin(self.world.stack.poll_and_drain()).await.unwrap();
        assert_eq!(self.calm_state(&identifier).await, "booked", "history {}: {identifier}", self.history);
    }

    async fn calm_state(&self, identifier: &str) -> &'static str {
        let connection = domain::ConnectionId::parse(CALM).unwrap();
        let order = self.world.stack.order_record(&connection, identifier).await;
        order.map_or("never seen", |order| order.state.as_str())
    }

    /// Announcements arrive, and messages about articles are lost or come while others are worked off.
    async fn push_articles(&mut self) {
        let stack = &self.world.stack;
        match self.random.random_range(0..5) {
            0 => stack.aws.queues.lose_messages("articles.fifo"),
            1 => {
                let path = "/api/connections/shop/articles/push";
                // Refused while an earlier push runs.
                let _answer = Box::pin(stack.call_api("POST", path, &json!({}))).await.unwrap();
            }
            _ => drop(stack.robaws.deliver_webhooks().await),
        }
        stack.aws.queues.release_messages("articles.fifo");
        let (a, b) = tokio::join!(stack.work_articles(), stack.work_articles());
        a.and(b).unwrap();
    }

    async fn take_step(&mut self) {
        match self.random.random_range(0..24) {
            0..=2 => self.place_random_order(),
            3..=6 => self.change_order(),
            7 | 8 => self.break_random_call(),
            9 => self.change_article(),
            10 => {
                // Where drafts have no total nobody can see that a tariff changed under them.
                let shown = !self.world.robaws.settings().draft_totals_null;
                let inclusive = self.random.random_bool(0.6) || !shown;
                let tariff = VatTariff::new(FLIPPED_TARIFF, Decimal::from(21), inclusive);
                self.world.robaws.put_vat_tariff(tariff);
                self.past.tariff_flipped |= !inclusive;
            }
            11 => self.change_settings().await,
            12 | 13 => self.decide().await,
            14 => self.kill_in_call().await,
            15 => self.world.stack.aws.queues.lose_messages(local::stack::ORDERS_QUEUE),
            16 => self.try_calm_merchant().await,
            17 | 18 => self.change_offer(),
            19 | 20 => self.push_articles().await,
            _ => self.pass_time().await,
        }
    }
}

fn sends_sale_price(history: u64) -> bool {
    history.is_multiple_of(2)
}

/// Two nights find what nobody announced; then ProductFlow offers what Robaws says.
async fn judge_offers(world: &World, history: u64) {
    for _ in 0..2 {
        Box::pin(world.pass_hours_and_check(13)).await;
        for _ in 0..3 {
            world.clock.advance_by(SignedDuration::from_hours(4));
            world.stack.run_poll().await.unwrap();
            Box::pin(world.deliver_and_work()).await;
        }
    }
    world.assert_offers_equal(sends_sale_price(history));
}

async fn live_through_history(history: u64) {
    let mut machine = Machine::start(history).await;
    for _ in 0..STEPS {
        Box::pin(machine.take_step()).await;
    }
    let Machine { world, orders, past, .. } = &machine;
    world.stack.robaws.clear_faults();
    world.stack.productflow.clear_faults();
    // Until every back-off is over.
    for _ in 0..20 {
        world.clock.advance_by(SignedDuration::from_mins(15));
        Box::pin(world.stack.poll_and_drain()).await.unwrap();
    }
    for (identifier, told) in orders {
        judge(world, identifier, told, *past, history).await;
    }
    let names: Vec<String> = orders.keys().cloned().collect();
    judge_notifications(world, &names, history).await;
    let bad = machine.calm_state("BAD").await;
    assert!(["booked", "in_doubt"].contains(&bad), "history {history}: BAD is {bad}");
    judge_offers(world, history).await;
}

fn read_number(name: &'static str) -> Option<u64> {
    runtime::env::read_optional(name).map(|value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_broken_everything_ends_as_the_manual_says() {
    let first = read_number("MACHINE_FIRST").unwrap_or(0);
    let histories = read_number("MACHINE_HISTORIES").unwrap_or(HISTORIES);
    let failed: Vec<u64> = stream::iter(first..first + histories)
        .map(|seed| async move { (seed, tokio::spawn(live_through_history(seed)).await) })
        .buffer_unordered(SIDE_BY_SIDE)
        .filter_map(|(seed, ended)| std::future::ready(ended.is_err().then_some(seed)))
        .collect()
        .await;
    assert!(failed.is_empty(), "histories {failed:?} of {histories} went wrong, as told above");
}
