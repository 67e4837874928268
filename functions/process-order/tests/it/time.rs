//! Time: days in Europe/Brussels around every switch of its clocks, a clock of ours that jumps back, keys older than Robaws
//! remembers them, and the end of an invocation's time in the middle of a batch or of a long invoice.

use domain::ConnectionSettings;
use jiff::SignedDuration;
use rust_decimal::Decimal;
use simulators::{Fault, Gate, OrderBuilder};
use std::time::Duration;
use world::{World, default_settings, order_of_one_line};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_have_the_brussels_day_across_years_months_and_switches_of_the_clocks() {
    let world = World::with_settings(ConnectionSettings { book_invoices: true, ..default_settings() }).await;
    // Now, shipped at, the invoice's date, whether it is booked, the stock change's date.
    let cases = [
        // Winter: an hour ahead of UTC. The year ends at 23:00.
        ("2026-12-31T22:50:00Z", "2026-12-31T22:40:00Z", "2026-12-31", true, "2026-12-31"),
        ("2026-12-31T23:10:00Z", "2026-12-31T22:59:00Z", "2026-12-31", false, "2027-01-01"),
        ("2026-12-31T23:30:00Z", "2026-12-31T23:01:00Z", "2027-01-01", true, "2027-01-01"),
        // The shortest month.
        ("2027-02-28T23:30:00Z", "2027-02-28T22:59:59Z", "2027-02-28", false, "2027-03-01"),
        // The clocks go forward on 28 March at 01:00 UTC: from that night on days end at 22:00.
        ("2027-03-27T23:20:00Z", "2027-03-27T22:30:00Z", "2027-03-27", true, "2027-03-28"),
        ("2027-03-28T21:50:00Z", "2027-03-28T00:59:00Z", "2027-03-28", true, "2027-03-28"),
        ("2027-03-28T22:20:00Z", "2027-03-28T22:10:00Z", "2027-03-29", true, "2027-03-29"),
        ("2027-06-30T22:20:00Z", "2027-06-30T21:59:00Z", "2027-06-30", false, "2027-07-01"),
        // They go back on 31 October at 01:00 UTC, which is a month's end as well.
        ("2027-10-30T22:20:00Z", "2027-10-30T22:10:00Z", "2027-10-31", true, "2027-10-31"),
        ("2027-10-31T00:50:00Z", "2027-10-31T00:30:00Z", "2027-10-31", true, "2027-10-31"),
        ("2027-10-31T22:50:00Z", "2027-10-31T22:30:00Z", "2027-10-31", true, "2027-10-31"),
        ("2027-10-31T23:20:00Z", "2027-10-31T22:59:00Z", "2027-10-31", false, "2027-11-01"),
    ];
    for (nth, (now, shipped, date, booked, moved)) in cases.into_iter().enumerate() {
        let identifier = format!("PF-{nth}");
        world.clock.set_now(now.parse().unwrap());
        let order = OrderBuilder::new(&identifier).with_line("A-2", 1, 595, Some("7"));
        world.place_order(order.with_status("shipped").with_field("shipped_at", shipped));
        world.stack.poll_and_drain().await.unwrap();
        let mark = format!("({identifier})");
        let invoice = &world.robaws.invoices_of(&mark)[0];
        assert_eq!((invoice.date.as_str(), invoice.booked), (date, booked), "{now}, shipped {shipped}");
        let change = &world.robaws.stock_changes_of(&mark)[0];
        assert_eq!(change.date, moved, "{now}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_back_between_row_and_look_books_once() {
    let stock_change = || Fault::for_call("POST", "/stock-changes").for_calls(3);
    for back in [SignedDuration::from_mins(20), SignedDuration::from_hours(3)] {
        for fault in [stock_change().drop_after(), stock_change().drop_before()] {
            let world = World::new().await;
            // So that it jumps back to a time after go-live.
            world.clock.advance_by(SignedDuration::from_hours(4));
            world.stack.robaws.add_fault(fault);
            world.place_order(order_of_one_line("PF-1"));
            world.poll_and_work().await;
            assert!(world.read_order("PF-1").await.ledger.find_unresolved_row().is_some());
            world.clock.advance_by(-back);
            world.poll_for_minutes(back.as_mins() + 90).await;
            assert_eq!(world.order_state("PF-1").await, "booked");
            assert_eq!(world.robaws.stock_changes().len(), 1);
            assert_eq!(world.pieces_in_stock("12"), Decimal::from(23));
        }
    }
}

/// A stock change whose end stays unknown for two hours, longer than Robaws remembers its key.
async fn unknown_for_two_hours(world: &World, fault: Fault) {
    world.robaws.change_settings(|settings| settings.idempotency_ttl_s = 3_600);
    world.stack.robaws.add_fault(fault);
    world.place_order(order_of_one_line("PF-1"));
    world.poll_and_work().await;
    assert!(world.read_order("PF-1").await.ledger.find_unresolved_row().is_some());
    world.clock.advance_by(SignedDuration::from_hours(2));
    world.stack.robaws.clear_calls();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_past_its_age_is_never_sent_again() {
    let lost = || Fault::for_call("POST", "/stock-changes").for_calls(3);
    // It was booked: it is found.
    let world = World::new().await;
    unknown_for_two_hours(&world, lost().drop_after()).await;
    world.poll_for_minutes(20).await;
    assert_eq!(world.order_state("PF-1").await, "booked");
    assert_eq!(world.stack.robaws.count_calls("POST", "/stock-changes"), 0);
    assert_eq!(world.robaws.stock_changes().len(), 1);
    // It was not, and nothing shows that a look-up would find it: people are asked.
    let world = World::new().await;
    unknown_for_two_hours(&world, lost().drop_before()).await;
    world.poll_for_minutes(90).await;
    assert_eq!(world.order_state("PF-1").await, "in_doubt");
    assert_eq!(world.problem_codes("PF-1").await, ["effect_in_doubt"]);
    assert_eq!(world.stack.robaws.count_calls("POST", "/stock-changes"), 0);
    // It was not, and the look-up shows another document of ours: it is booked under a key of its own.
    let world = World::new().await;
    let its_own = Fault::for_call("POST", "/stock-changes").whose_text_contains("(PF-1)");
    world.stack.robaws.add_fault(its_own.drop_before().until_cleared());
    world.place_order(order_of_one_line("PF-1"));
    world.poll_and_work().await;
    world.place_order(order_of_one_line("PF-2"));
    world.poll_and_work().await;
    assert_eq!(world.order_state("PF-2").await, "booked");
    let first = world.read_order("PF-1").await.ledger.row_key(1);
    world.clock.advance_by(SignedDuration::from_hours(2));
    world.stack.robaws.clear_faults();
    world.stack.robaws.clear_calls();
    world.poll_for_minutes(20).await;
    assert_eq!(world.order_state("PF-1").await, "booked");
    let calls = world.stack.robaws.calls();
    let posts: Vec<_> = calls.iter().filter(|call| call.method == "POST").collect();
    assert_eq!(posts.len(), 1);
    assert_ne!(posts[0].idempotency_key, Some(first));
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(21));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invocation_that_ends_in_the_middle_of_a_batch_loses_nothing() {
    let mut world = World::new().await;
    world.stack.set_time_limit(Duration::from_secs(5));
    for nth in 0..10 {
        world.place_order(order_of_one_line(&format!("PF-{nth}")));
    }
    // Half of them are not answered before the invocation ends.
    let gate = Gate::new();
    for nth in 5..10 {
        let slow = Fault::for_call("POST", "/stock-changes").whose_text_contains(&format!("(PF-{nth})"));
        world.stack.robaws.add_fault(slow.hold_after(&gate));
    }
    world.clock.advance_by(SignedDuration::from_mins(5));
    world.stack.run_poll().await.unwrap();
    let time_passes = async {
        gate.wait_for_calls(5).await;
        for nth in 0..5 {
            while world.order_state(&format!("PF-{nth}")).await != "booked" {
                tokio::task::yield_now().await;
            }
        }
        world.clock.advance_by(SignedDuration::from_millis(4_700));
    };
    let (worked, ()) = tokio::join!(world.stack.work_orders(), time_passes);
    assert_eq!(worked.unwrap(), 10);
    gate.open();
    for nth in 0..10 {
        let is_booked = world.order_state(&format!("PF-{nth}")).await == "booked";
        assert_eq!(is_booked, nth < 5, "PF-{nth}: the batch was not cut in two");
    }
    world.stack.robaws.clear_faults();
    world.poll_for_minutes(30).await;
    for nth in 0..10 {
        let identifier = format!("PF-{nth}");
        assert_eq!(world.order_state(&identifier).await, "booked");
        assert_eq!(world.robaws.stock_changes_of(&format!("({identifier})")).len(), 1);
    }
    assert_eq!(world.pieces_in_stock("12"), Decimal::from(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoice_of_four_hundred_lines_is_finished_by_as_many_invocations_as_it_takes() {
    let mut world = World::new().await;
    world.robaws.set_stock("13", "3", 1_000);
    let cents = |line: i64| 100 + line;
    let mut order = OrderBuilder::new("PF-1").with_status("shipped");
    for line in 0..400 {
        order = order.with_line("A-2", 1, cents(line), Some("7"));
    }
    world.place_order(order);
    // Lines go out at the pace that Robaws allows: about half a minute.
    world.stack.set_time_limit(Duration::from_secs(20));
    world.clock.advance_by(SignedDuration::from_mins(5));
    world.stack.run_poll().await.unwrap();
    let mut invocations = 0;
    while world.stack.work_orders().await.unwrap() > 0 {
        invocations += 1;
        // A new process each time.
        world.stack.restart_functions().unwrap();
        assert!(invocations < 20, "it never ends");
    }
    assert!(invocations > 1, "it fitted into one invocation: nothing was tried");
    assert_eq!(world.order_state("PF-1").await, "invoiced");
    let invoices = world.robaws.invoices();
    assert_eq!((invoices.len(), invoices[0].line_items.len()), (1, 400));
    assert_eq!(invoices[0].total_incl_vat, Decimal::new((0..400).map(cents).sum(), 2));
    assert_eq!(world.pieces_in_stock("13"), Decimal::from(600));
}
