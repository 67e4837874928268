//! Time: days in Europe/Brussels around every switch of its clocks, a clock of ours that jumps back, keys older than Robaws
//! remembers them, and the end of an invocation's time in the middle of a batch or of a long invoice.

use crate::shop::{Shop, one_line, settings};
use domain::ConnectionSettings;
use jiff::SignedDuration;
use rust_decimal::Decimal;
use simulators::{Fault, OrderBuilder};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_have_the_brussels_day_across_years_months_and_switches_of_the_clocks() {
    let shop = Shop::open_with(ConnectionSettings {
        book_invoices: true,
        ..settings()
    })
    .await;
    // Now, shipped at, the invoice's date, whether it is booked, the stock change's date.
    let cases = [
        // Winter: an hour ahead of UTC. The year ends at 23:00.
        (
            "2026-12-31T22:50:00Z",
            "2026-12-31T22:40:00Z",
            "2026-12-31",
            true,
            "2026-12-31",
        ),
        (
            "2026-12-31T23:10:00Z",
            "2026-12-31T22:59:00Z",
            "2026-12-31",
            false,
            "2027-01-01",
        ),
        (
            "2026-12-31T23:30:00Z",
            "2026-12-31T23:01:00Z",
            "2027-01-01",
            true,
            "2027-01-01",
        ),
        // The shortest month.
        (
            "2027-02-28T23:30:00Z",
            "2027-02-28T22:59:59Z",
            "2027-02-28",
            false,
            "2027-03-01",
        ),
        // The clocks go forward on 28 March at 01:00 UTC: from that night on days end at 22:00.
        (
            "2027-03-27T23:20:00Z",
            "2027-03-27T22:30:00Z",
            "2027-03-27",
            true,
            "2027-03-28",
        ),
        (
            "2027-03-28T21:50:00Z",
            "2027-03-28T00:59:00Z",
            "2027-03-28",
            true,
            "2027-03-28",
        ),
        (
            "2027-03-28T22:20:00Z",
            "2027-03-28T22:10:00Z",
            "2027-03-29",
            true,
            "2027-03-29",
        ),
        (
            "2027-06-30T22:20:00Z",
            "2027-06-30T21:59:00Z",
            "2027-06-30",
            false,
            "2027-07-01",
        ),
        // They go back on 31 October at 01:00 UTC, which is a month's end as well.
        (
            "2027-10-30T22:20:00Z",
            "2027-10-30T22:10:00Z",
            "2027-10-31",
            true,
            "2027-10-31",
        ),
        (
            "2027-10-31T00:50:00Z",
            "2027-10-31T00:30:00Z",
            "2027-10-31",
            true,
            "2027-10-31",
        ),
        (
            "2027-10-31T22:50:00Z",
            "2027-10-31T22:30:00Z",
            "2027-10-31",
            true,
            "2027-10-31",
        ),
        (
            "2027-10-31T23:20:00Z",
            "2027-10-31T22:59:00Z",
            "2027-10-31",
            false,
            "2027-11-01",
        ),
    ];
    for (nth, (now, shipped, date, booked, moved)) in cases.into_iter().enumerate() {
        let identifier = format!("PF-{nth}");
        shop.clock.set(now.parse().unwrap());
        let order = OrderBuilder::new(&identifier).line("A-2", 1, 595, Some("7"));
        shop.place(order.status("shipped").set("shipped_at", shipped));
        shop.stack.round().await.unwrap();
        let mark = format!("({identifier})");
        let invoice = &shop.robaws.invoices_of(&mark)[0];
        assert_eq!(
            (invoice.date.as_str(), invoice.booked),
            (date, booked),
            "{now}, shipped {shipped}"
        );
        let change = &shop.robaws.stock_changes_of(&mark)[0];
        assert_eq!(change.date, moved, "{now}");
    }
    shop.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_back_between_row_and_look_books_once() {
    let stock_change = || Fault::on("POST", "/stock-changes").times(3);
    for back in [SignedDuration::from_mins(20), SignedDuration::from_hours(3)] {
        for fault in [stock_change().drop_after(), stock_change().drop_before()] {
            let shop = Shop::open().await;
            // So that it jumps back to a time after go-live.
            shop.clock.advance(SignedDuration::from_hours(4));
            shop.stack.robaws.fault(fault);
            shop.place(one_line("PF-1"));
            shop.round().await;
            assert!(shop.order("PF-1").await.ledger.unsettled().is_some());
            shop.clock.advance(-back);
            shop.rounds(back.as_mins() + 90).await;
            assert_eq!(shop.state("PF-1").await, "booked");
            assert_eq!(shop.robaws.stock_changes().len(), 1);
            assert_eq!(shop.stock("12"), Decimal::from(23));
            shop.assert_no_violations();
        }
    }
}

/// A stock change whose end stays unknown for two hours, longer than Robaws remembers its key.
async fn unknown_for_two_hours(shop: &Shop, fault: Fault) {
    shop.robaws.set(|settings| settings.idempotency_ttl_s = 3_600);
    shop.stack.robaws.fault(fault);
    shop.place(one_line("PF-1"));
    shop.round().await;
    assert!(shop.order("PF-1").await.ledger.unsettled().is_some());
    shop.clock.advance(SignedDuration::from_hours(2));
    shop.stack.robaws.clear_calls();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_past_its_age_is_never_sent_again() {
    let lost = || Fault::on("POST", "/stock-changes").times(3);
    // It was booked: it is found.
    let shop = Shop::open().await;
    unknown_for_two_hours(&shop, lost().drop_after()).await;
    shop.rounds(20).await;
    assert_eq!(shop.state("PF-1").await, "booked");
    assert_eq!(shop.stack.robaws.count("POST", "/stock-changes"), 0);
    assert_eq!(shop.robaws.stock_changes().len(), 1);
    // It was not, and nothing shows that a look-up would find it: people are asked.
    let shop = Shop::open().await;
    unknown_for_two_hours(&shop, lost().drop_before()).await;
    shop.rounds(90).await;
    assert_eq!(shop.state("PF-1").await, "in_doubt");
    assert_eq!(shop.codes("PF-1").await, ["effect_in_doubt"]);
    assert_eq!(shop.stack.robaws.count("POST", "/stock-changes"), 0);
    // It was not, and the look-up shows another document of ours: it is booked under a key of its own.
    let shop = Shop::open().await;
    let its_own = Fault::on("POST", "/stock-changes").containing("(PF-1)");
    shop.stack.robaws.fault(its_own.drop_before().forever());
    shop.place(one_line("PF-1"));
    shop.round().await;
    shop.place(one_line("PF-2"));
    shop.round().await;
    assert_eq!(shop.state("PF-2").await, "booked");
    let first = shop.order("PF-1").await.ledger.key(1);
    shop.clock.advance(SignedDuration::from_hours(2));
    shop.stack.robaws.clear_faults();
    shop.stack.robaws.clear_calls();
    shop.rounds(20).await;
    assert_eq!(shop.state("PF-1").await, "booked");
    let calls = shop.stack.robaws.calls();
    let posts: Vec<_> = calls.iter().filter(|call| call.method == "POST").collect();
    assert_eq!(posts.len(), 1);
    assert_ne!(posts[0].idempotency_key, Some(first));
    assert_eq!(shop.stock("12"), Decimal::from(21));
    shop.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invocation_that_ends_in_the_middle_of_a_batch_loses_nothing() {
    let mut shop = Shop::open().await;
    shop.stack.set_time_limit(Duration::from_secs(5));
    for nth in 0..10 {
        shop.place(one_line(&format!("PF-{nth}")));
    }
    // Half of them are not answered before the invocation ends.
    for nth in 5..10 {
        let slow = Fault::on("POST", "/stock-changes").containing(&format!("(PF-{nth})"));
        shop.stack.robaws.fault(slow.delay_after(Duration::from_secs(20)));
    }
    shop.clock.advance(SignedDuration::from_mins(5));
    shop.stack.poll().await.unwrap();
    assert_eq!(shop.stack.work().await.unwrap(), 10);
    for nth in 0..10 {
        let is_booked = shop.state(&format!("PF-{nth}")).await == "booked";
        assert_eq!(is_booked, nth < 5, "PF-{nth}: the batch was not cut in two");
    }
    shop.stack.robaws.clear_faults();
    shop.rounds(30).await;
    for nth in 0..10 {
        let identifier = format!("PF-{nth}");
        assert_eq!(shop.state(&identifier).await, "booked");
        assert_eq!(shop.robaws.stock_changes_of(&format!("({identifier})")).len(), 1);
    }
    assert_eq!(shop.stock("12"), Decimal::from(5));
    shop.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoice_of_four_hundred_lines_is_finished_by_as_many_invocations_as_it_takes() {
    let mut shop = Shop::open().await;
    shop.robaws.set_stock("13", "3", 1_000);
    let cents = |line: i64| 100 + line;
    let mut order = OrderBuilder::new("PF-1").status("shipped");
    for line in 0..400 {
        order = order.line("A-2", 1, cents(line), Some("7"));
    }
    shop.place(order);
    // Lines go out at the pace that Robaws allows: about half a minute.
    shop.stack.set_time_limit(Duration::from_secs(20));
    shop.clock.advance(SignedDuration::from_mins(5));
    shop.stack.poll().await.unwrap();
    let mut invocations = 0;
    while shop.stack.work().await.unwrap() > 0 {
        invocations += 1;
        // A new process each time.
        shop.stack.restart().unwrap();
        assert!(invocations < 20, "it never ends");
    }
    assert!(
        invocations > 1,
        "it fitted into one invocation: nothing was tried"
    );
    assert_eq!(shop.state("PF-1").await, "invoiced");
    let invoices = shop.robaws.invoices();
    assert_eq!((invoices.len(), invoices[0].line_items.len()), (1, 400));
    assert_eq!(
        invoices[0].total_incl_vat,
        Decimal::new((0..400).map(cents).sum(), 2)
    );
    assert_eq!(shop.stock("13"), Decimal::from(600));
    shop.assert_no_violations();
}
