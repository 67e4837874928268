//! Limits: of the peers, of the API user's role, of an invocation's time; and that one merchant's are no other's.

use jiff::SignedDuration;
use local::Stack;
use runtime::clock::ManualClock;
use rust_decimal::Decimal;
use simulators::robaws::{Article, Module, VatTariff};
use simulators::traffic::ViolationKind;
use simulators::{Fault, OrderBuilder, Outage, demo};
use std::sync::Arc;
use std::time::Duration;
use world::{START, World, default_settings, order_of_one_line};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_right_names_the_module_and_lifts_by_itself() {
    let world = World::new().await;
    let invoices = [
        Module::Articles,
        Module::StockLocations,
        Module::VatTariffs,
        Module::Clients,
        Module::SalesInvoices,
    ];
    world.robaws.add_user(demo::ROBAWS_KEY, demo::ROBAWS_SECRET, &invoices);
    world.place_order(order_of_one_line("PF-1"));
    world.poll_for_minutes(10).await;
    assert_eq!(world.order_state("PF-1").await, "blocked");
    assert_eq!(world.problem_codes("PF-1").await, ["robaws_permission"]);
    let problem = world.read_order("PF-1").await.problems[0].problem.clone();
    let message = domain::text::render_problem(&problem, domain::Language::EN).message;
    assert!(message.contains("stock-changes"), "{message}");
    world.robaws.add_admin(demo::ROBAWS_KEY, demo::ROBAWS_SECRET);
    world.poll_for_minutes(65).await;
    assert_eq!(world.order_state("PF-1").await, "booked");
    assert!(world.problem_codes("PF-1").await.is_empty());
    assert_eq!(world.robaws.stock_changes().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_days_quota_stops_bookings_until_its_reset_and_loses_nothing() {
    let world = World::new().await;
    world.robaws.set_used_today(10_000, 0);
    world.expect_violation(ViolationKind::RateLimit);
    world.place_order(order_of_one_line("PF-1"));
    world.poll_and_work().await;
    world.stack.robaws.clear_calls();
    world.poll_for_minutes(60).await;
    assert!(world.robaws.stock_changes().is_empty());
    let bounced = world.stack.robaws.calls().len();
    assert!(bounced <= 2, "{bounced} calls although the day's are used up");
    world.clock.advance_by(SignedDuration::from_hours(24));
    world.poll_for_minutes(70).await;
    assert_eq!(world.order_state("PF-1").await, "booked");
    assert_eq!(world.robaws.stock_changes().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn below_half_of_the_days_quota_only_what_needs_something_is_looked_at() {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1"));
    world.poll_and_work().await;
    world.robaws.set_used_today(6_000, 0);
    world.place_order(order_of_one_line("PF-2"));
    world.poll_and_work().await;
    // The list stands still, and its first page does not show the order: only a re-look can see what follows.
    world.productflow.change_settings(|settings| {
        settings.list_frozen = true;
        settings.max_per_page = 1;
    });
    world.clock.advance_by(SignedDuration::from_secs(1));
    world.productflow.ship_order("PF-1");
    world.poll_for_minutes(150).await;
    assert_eq!(world.order_state("PF-1").await, "booked");
    world.clock.advance_by(SignedDuration::from_hours(24));
    world.poll_for_minutes(150).await;
    assert_eq!(world.order_state("PF-1").await, "invoiced");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_invoice_goes_on_in_the_next_invocation() {
    let mut world = World::new().await;
    let mut order = OrderBuilder::new("PF-1").with_status("shipped");
    for line in 0..60 {
        order = order.with_line("A-2", 1, 100 + line, Some("7"));
    }
    world.place_order(order);
    // The lines alone take longer than an invocation.
    world.stack.robaws.add_fault(
        Fault::for_call("POST", "/sales-invoices/*/line-items")
            .delay_before(Duration::from_millis(120))
            .until_cleared(),
    );
    world.stack.set_time_limit(Duration::from_secs(6));
    world.clock.advance_by(SignedDuration::from_mins(5));
    world.stack.run_poll().await.unwrap();
    let mut invocations = 0;
    while world.stack.work_orders().await.unwrap() > 0 {
        invocations += 1;
        assert!(invocations < 50, "it never ends");
    }
    assert!(invocations > 1, "the invoice fitted into one invocation: nothing was tried");
    assert_eq!(world.order_state("PF-1").await, "invoiced");
    let invoices = world.robaws.invoices();
    assert_eq!(invoices.len(), 1);
    assert_eq!(invoices[0].total_incl_vat, Decimal::new((100..160).sum::<i64>(), 2));
    assert_eq!(invoices[0].line_items.len(), 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_merchants_outage_is_no_others() {
    let world = World::new().await;
    // A second merchant, in both peers, with its own tenant and company.
    let tenant = world.stack.robaws.tenant_named("second");
    tenant
        .add_admin("second-key", "second-secret")
        .put_stock_location("3", "Depot")
        .put_client("5", "Webshop")
        .put_article(Article::new("12", "A-1").with_tariff("7"))
        .set_stock("12", "3", 25);
    tenant.put_vat_tariff(VatTariff::new("7", Decimal::from(21), true));
    let company = world.stack.productflow.company_numbered(43);
    company.add_token("second-token");
    let second = world
        .stack
        .create_active_connection(
            "second",
            ("second-key", "second-secret"),
            (43, "second-token"),
            default_settings(),
            START.parse().unwrap(),
        )
        .await
        .unwrap();
    world
        .stack
        .robaws
        .add_fault(Fault::for_call("*", "**").of_tenant(demo::TENANT).answer_status(503).until_cleared());
    let now = runtime::clock::Clock::now(&world.clock).to_string();
    for n in 0..20 {
        world.place_order(order_of_one_line(&format!("PF-{n}")));
        company.place_order(order_of_one_line(&format!("PF-{n}")).with_placed_at(&now));
    }
    world.poll_and_work().await;
    for n in 0..20 {
        let order = world.stack.order_record(&second, &format!("PF-{n}")).await.unwrap();
        assert_eq!(order.state.as_str(), "booked");
    }
    assert_eq!(tenant.stock_at("12", "3"), Decimal::from(25 - 40));
    assert!(world.robaws.stock_changes().is_empty());
    world.stack.robaws.clear_faults();
    world.poll_for_minutes(90).await;
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(25 - 40));
    assert_eq!(tenant.stock_at("12", "3"), Decimal::from(25 - 40));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_productflow_stops_no_settling() {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1"));
    world.clock.advance_by(SignedDuration::from_mins(5));
    world.stack.run_poll().await.unwrap();
    // The answer is lost, and so is every further one of the invocation.
    world.stack.robaws.add_fault(Fault::for_call("POST", "/stock-changes").drop_after().for_calls(1));
    world
        .stack
        .robaws
        .add_fault(Fault::for_call("POST", "/stock-changes").at_nth_call(2).drop_before().for_calls(5));
    world.stack.work_orders().await.unwrap();
    world.stack.productflow.set_outage(Some(Outage::Drop));
    world.stack.robaws.clear_faults();
    world.poll_for_minutes(60).await;
    let order = world.read_order("PF-1").await;
    assert_eq!(order.ledger.rows[0].state, domain::ledger::RowState::Done, "{:#?}", order.ledger);
    world.stack.productflow.set_outage(None);
    world.poll_for_minutes(30).await;
    assert_eq!(world.order_state("PF-1").await, "booked");
    assert_eq!(world.robaws.stock_changes().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_is_gone_or_of_unknown_status_is_left_as_it_is_and_comes_back() {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1"));
    world.place_order(order_of_one_line("PF-2"));
    world.poll_and_work().await;
    let kept = world.productflow.find_order("PF-1").unwrap();
    world.productflow.remove_order("PF-1");
    world.productflow.set_status("PF-2", "returned");
    world.poll_for_minutes(130).await;
    assert_eq!(world.problem_codes("PF-1").await, ["order_gone"]);
    assert_eq!(world.problem_codes("PF-2").await, ["order_status_unknown"]);
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(21));
    assert!(world.robaws.invoices().is_empty());
    world.productflow.place_order(kept);
    world.productflow.ship_order("PF-1");
    world.productflow.ship_order("PF-2");
    world.poll_for_minutes(70).await;
    for order in ["PF-1", "PF-2"] {
        assert_eq!(world.order_state(order).await, "invoiced");
        assert!(world.problem_codes(order).await.is_empty());
    }
    assert_eq!(world.robaws.stock_changes().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_called_for_a_stack_without_connections() {
    let stack = Stack::start_empty(Arc::new(ManualClock::starting_at(START.parse().unwrap()))).await.unwrap();
    stack.poll_and_drain().await.unwrap();
    assert!(stack.robaws.calls().is_empty() && stack.productflow.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_too_large_for_the_ledger_says_so_and_stops_no_other() {
    let world = World::new().await;
    let mut huge = OrderBuilder::new("PF-HUGE");
    for line in 0..4_000 {
        huge = huge.with_line(&format!("{line}-{}", "x".repeat(100)), 1, 100, Some("7"));
    }
    world.place_order(order_of_one_line("PF-1"));
    world.place_order(huge);
    world.place_order(order_of_one_line("PF-2"));
    world.poll_for_minutes(15).await;
    assert_eq!([world.order_state("PF-1").await, world.order_state("PF-2").await], ["booked", "booked"]);
    assert_eq!(world.problem_codes("PF-HUGE").await, ["order_unreadable"]);
    assert_eq!(world.robaws.stock_changes().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stored_order_that_cannot_be_read_stops_no_other() {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1"));
    world.poll_and_work().await;
    let text = |value: &str| aws_sdk_dynamodb::types::AttributeValue::S(value.to_owned());
    world
        .stack
        .aws
        .dynamodb
        .update_item()
        .table_name(local::aws::TABLE)
        .key("pk", text("ORDER#shop"))
        .key("sk", text("PF-1"))
        .update_expression("SET #state = :x")
        .expression_attribute_names("#state", "state")
        .expression_attribute_values(":x", text("no such state"))
        .send()
        .await
        .unwrap();
    world.productflow.ship_order("PF-1");
    world.place_order(order_of_one_line("PF-2"));
    world.poll_for_minutes(15).await;
    assert_eq!(world.order_state("PF-2").await, "booked");
    let (status, list) =
        world.stack.call_api("GET", "/api/connections/shop/orders", &serde_json::Value::Null).await.unwrap();
    assert_eq!((status, &list["items"][0]["identifier"]), (200, &serde_json::json!("PF-2")));
}
