//! A month's orders as a file: which orders, and every cell.

use jiff::SignedDuration;
use serde_json::json;
use simulators::OrderBuilder;
use world::browser::{Browser, Page};
use world::{World, default_settings, order_of_one_line};

async fn download_month(browser: &mut Browser<'_>, month: &str) -> Page {
    browser.get(&format!("/c/shop/orders/month?month={month}")).await
}

fn lines_of_file(page: &Page) -> Vec<&str> {
    let text = page.html.strip_prefix('\u{feff}').unwrap();
    text.strip_suffix("\r\n").unwrap().split("\r\n").collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_is_of_invoice_dates_and_every_cell_is_right() {
    let mut settings = default_settings();
    settings.book_invoices = true;
    let world = World::with_settings(settings).await;
    // In November: one shipped then, one that ships in December, one without an invoice whose buyer's shop is hostile.
    world.place_order(order_of_one_line("PF-1").with_external_number("1083993841"));
    world.place_order(order_of_one_line("PF-2").with_external_number("=HYPERLINK(\"x\")"));
    world.place_order(
        OrderBuilder::new("PF-3")
            .with_external_number("+1;2")
            .with_field("marketplace", json!({"id": 1, "name": "say \"cheese\""}))
            .with_line("GONE", 1, 100_000, Some("7")),
    );
    world.poll_and_work().await;
    world.productflow.ship_order("PF-1");
    world.poll_for_minutes(15).await;
    world.clock.advance_by(SignedDuration::from_hours(24 * 10));
    world.productflow.ship_order("PF-2");
    world.poll_for_minutes(15).await;
    // First seen in December, shipped at the end of November: the invoice is dated then, and stays a draft.
    world.place_order(order_of_one_line("PF-4").with_external_number("4"));
    world.productflow.edit_order("PF-4", |order| {
        order["status"] = json!("shipped");
        order["shipped_at"] = json!("2026-11-30T23:30:00+01:00");
        order["placed_at"] = json!("2026-11-29T10:00:00+01:00");
    });
    world.poll_for_minutes(15).await;
    let invoices = world.robaws.invoices();
    let number = |order: &str| {
        let found = invoices
            .iter()
            .find(|invoice| invoice.client_reference.as_deref().is_some_and(|text| text.contains(order)));
        found.unwrap().logic_id.clone().unwrap()
    };
    let stock_change = |order: &str| world.robaws.stock_changes_of(order)[0].id.clone();
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = download_month(&mut browser, "2026-11").await;
    assert_eq!(page.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(page.headers["content-disposition"], "attachment; filename=\"productflow-shop-2026-11.csv\"");
    let found = lines_of_file(&page);
    assert_eq!(
        found[0],
        "Sales channel;Number of the sales channel;Number in ProductFlow;Placed;Country;Status in ProductFlow;State;\
         Total incl. VAT;Stock changes;Invoice;Invoice date;Invoice total incl. VAT;Booked or draft;Credit note;Remarks"
    );
    let expected = [
        format!(
            "bol.com;1083993841;PF-1;2026-11-23;Belgium;Shipped;Invoiced;59.98;{};{};2026-11-23;59.98;booked;;",
            stock_change("PF-1)"),
            number("PF-1)")
        ),
        format!(
            "bol.com;4;PF-4;2026-11-29;Belgium;Shipped;Invoiced (draft);59.98;{};{};2026-11-30;59.98;draft;;",
            stock_change("PF-4)"),
            number("PF-4)")
        ),
        "\"say \"\"cheese\"\"\";\"'+1;2\";PF-3;2026-11-23;Belgium;Registered;Blocked: action needed;1000.00;;;;;;;\
         Article not found in Robaws"
            .to_owned(),
    ];
    assert_eq!(found[1..], expected);
    let december = download_month(&mut browser, "2026-12").await;
    let found = lines_of_file(&december);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[1].starts_with("bol.com;\"'=HYPERLINK(\"\"x\"\")\";PF-2;2026-11-23;"), "{}", found[1]);
    assert_eq!(lines_of_file(&download_month(&mut browser, "2026-10").await).len(), 1);
    let home = browser.get("/c/shop/orders").await;
    browser.submit_form(&home.form_to("/language").set("language", "nl")).await;
    let page = download_month(&mut browser, "2026-11").await;
    let found = lines_of_file(&page);
    assert!(found[0].starts_with("Verkoopkanaal;Nummer bij het verkoopkanaal;"), "{}", found[0]);
    assert!(found[1].contains(";België;Verzonden;Gefactureerd;59,98;"), "{}", found[1]);
    assert!(found[3].contains(";1000,00;"), "{}", found[3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_month_is_said_at_its_field() {
    let world = World::new().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    for typed in ["", "november", "2026-13"] {
        let page = download_month(&mut browser, typed).await;
        assert_eq!(page.status, 422, "{typed}");
        assert_eq!(page.texts_of("#month-fault"), ["Enter a month as year and month, for instance 2026-11."]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_ends_where_it_is_full_and_says_so() {
    let world = World::new().await;
    let now = runtime::clock::Clock::now(&world.clock);
    let orders: Vec<_> =
        (0..5_001).map(|n| domain::ids::OrderIdentifier::parse(format!("PF-{n:04}")).unwrap()).collect();
    for some in orders.chunks(50) {
        let stored = some.iter().map(|identifier| {
            let mut record =
                store::model::OrderRecord::new(world.connection.clone(), identifier.clone(), now);
            let store = &world.stack.store;
            async move { store.save_order(&mut record, now).await.unwrap() }
        });
        futures::future::join_all(stored).await;
    }
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = download_month(&mut browser, "2026-11").await;
    let found = lines_of_file(&page);
    assert_eq!(found.len(), 1 + 5_000 + 1);
    assert!(found[5_001].starts_with("\"Only the first 5000 orders of this month"), "{}", found[5_001]);
}
