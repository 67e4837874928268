//! The preview: what the latest orders and articles would become, shown without anything being done.

use serde_json::{Value, json};
use simulators::robaws::Article;
use simulators::traffic::ViolationKind;
use simulators::{Fault, OrderBuilder, Outage, demo};
use world::World;
use world::browser::{Browser, Page};
use world::order_of_one_line;

const BEFORE: &str = "2026-11-20T08:00:00Z";
const PREVIEW: &str = "/c/shop/preview?go_live=2026-11-23T08%3A00%3A00Z";

/// A connection with everything filled in that was never activated.
async fn set_up(settings: Value) -> World {
    let world = World::without_connection().await;
    world.create_connection(settings).await;
    world
}

fn place_old_order(world: &World, order: OrderBuilder) {
    world.productflow.place_order(order.with_placed_at(BEFORE));
}

/// Neither peer was asked to change anything.
fn assert_only_read(world: &World) {
    let robaws = world.stack.robaws.calls();
    let productflow = world.stack.productflow.calls();
    assert!(!robaws.is_empty() && !productflow.is_empty(), "both were asked");
    for call in robaws.iter().chain(&productflow) {
        assert_eq!(call.method, "GET", "{} {}", call.method, call.path);
    }
}

fn assert_says(page: &Page, words: &[&str]) {
    let text = page.visible_text();
    for words in words {
        assert!(text.contains(words), "no {words:?} on {}: {text}", page.path);
    }
}

#[tokio::test]
async fn the_preview_shows_what_would_be_booked_and_books_nothing() {
    let world = set_up(json!({ "send_sale_price": true })).await;
    place_old_order(
        &world,
        order_of_one_line("PF-1").with_external_number("1001").with_shipping_cost(495).with_country("FR"),
    );
    world.productflow.ship_order("PF-1");
    place_old_order(
        &world,
        OrderBuilder::new("PF-2").with_external_number("1002").with_line("A-9", 1, 100, None),
    );
    place_old_order(&world, order_of_one_line("PF-3").with_external_number("1003").with_status("cancelled"));
    place_old_order(
        &world,
        OrderBuilder::new("PF-4").with_external_number("1004").with_line("A-2", 3, 1785, Some("10")),
    );
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    world.clear_calls();
    let page = browser.get(PREVIEW).await;
    assert_eq!(page.status, 200);
    assert_says(
        &page,
        &[
            "Nothing is booked yet.",
            "Start date: 23 Nov 2026 09:00",
            "Out of stock, from Magazijn 2 × A-1",
            "France",
            "Title of A-1 2 €29.99 7 21%",
            "Shipping costs 1 €4.95 7 21%",
            "Invoice total, VAT included: €64.93",
            // What is wrong, with what to do about it.
            "The following article(s) could not be found in Robaws: A-9",
            "Create an article with exactly this article number in Robaws",
            "Order line without VAT code",
            "The order was already cancelled before anything was booked",
            // Not shipped yet: the invoice that follows.
            "Invoice, once the order is shipped",
            "Title of A-2 3 €5.95 10 6%",
            "2 orders from before the start date are not shipped yet.",
            "3 articles are sent to ProductFlow",
            "A-1 Boormachine 25 €14.50 €29.99",
        ],
    );
    assert!(
        page.link_paths().contains(&"/c/shop/set-up/start?go_live=2026-11-23T08%3A00%3A00Z".to_owned()),
        "{:?}",
        page.link_paths()
    );
    assert_only_read(&world);
    assert_eq!((world.robaws.stock_changes().len(), world.robaws.invoices().len()), (0, 0));
    assert_eq!(world.get_from_api("/orders").await["items"], json!([]));
    // Every language has all of it.
    for (language, words) in
        [("nl", "Uit stock, van Magazijn"), ("fr", "TVA comprise"), ("de", "Einstandspreis")]
    {
        let form = page.form_to("/c/shop/language").set("language", language);
        let page = browser.submit_form(&form).await;
        assert_eq!(page.path, PREVIEW);
        assert_says(&page, &[words]);
        for section in ["preview.", "articles.", "checklist."] {
            assert!(!page.visible_text().contains(&format!("{section}a")), "{}", page.visible_text());
        }
    }
}

/// The form that stores these units.
fn find_unit_form(page: &Page, order_amounts: &str, line_price: &str) -> world::browser::Form {
    let forms = page.all_forms().into_iter();
    let mut forms = forms.filter(|form| form.action.ends_with("/preview/units"));
    let found = forms.find(|form| {
        form.value("order_amounts") == Some(order_amounts) && form.value("line_price") == Some(line_price)
    });
    found.unwrap_or_else(|| panic!("no such units: {}", page.visible_text()))
}

async fn stored_units(world: &World) -> (Value, Value) {
    let settings = world.get_from_api("").await["settings"].clone();
    (settings["order_amounts"].clone(), settings["line_price"].clone())
}

#[tokio::test]
async fn units_chosen_in_the_preview_change_the_totals_and_the_setting() {
    let world = set_up(json!({})).await;
    place_old_order(&world, order_of_one_line("PF-1").with_external_number("1001"));
    world.clock.advance_by(jiff::SignedDuration::from_mins(1));
    place_old_order(
        &world,
        OrderBuilder::new("PF 2/x").with_external_number("1002").with_line("A-2", 3, 600, Some("7")),
    );
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    world.clear_calls();
    let page = browser.get(PREVIEW).await;
    // The newest one is asked about, and another may be picked.
    assert_says(&page, &["Is the total of order 1002 the one that you see in ProductFlow: €6.00?"]);
    let page = browser.get(&format!("{PREVIEW}&order=PF-1")).await;
    assert_says(&page, &["Is the total of order 1001 the one that you see in ProductFlow: €59.98?"]);
    let answers: Vec<String> =
        page.link_paths().into_iter().filter(|link| link.contains("answer=")).collect();
    assert_eq!(answers.len(), 3, "{answers:?}");
    let open = |link: &str| link.split('#').next().unwrap().to_owned();
    let yes = browser.get(&open(&answers[0])).await;
    assert_says(&yes, &["Good, the units stay as they are."]);
    let amounts = browser.get(&open(&answers[1])).await;
    assert_says(&amounts, &["Total: €5,998.00", "Total: €119.96", "Total: €11,996.00"]);
    let quantity = browser.get(&open(&answers[2])).await;
    assert!(
        quantity.visible_text().find("Total: €119.96") < quantity.visible_text().find("Total: €5,998.00")
    );
    // A form that is forged changes nothing.
    let form = find_unit_form(&quantity, "cents", "unit");
    assert_eq!(browser.submit_form(&form.clone().without("token")).await.status, 403);
    assert_eq!(browser.submit_form(&form.clone().set("line_price", "dozen")).await.status, 400);
    assert_eq!(browser.submit_form(&form.clone().without("order_amounts")).await.status, 400);
    assert_eq!(stored_units(&world).await, (json!("cents"), json!("total")));
    let page = browser.submit_form(&form).await;
    assert_eq!(page.status, 200, "{}", page.visible_text());
    assert!(page.path.starts_with(PREVIEW) && page.path.contains("order=PF-1"), "{}", page.path);
    assert_says(
        &page,
        &[
            "Saved.",
            "Is the total of order 1001 the one that you see in ProductFlow: €119.96?",
            "Invoice total, VAT included: €119.96",
            "Invoice total, VAT included: €18.00",
        ],
    );
    assert_eq!(stored_units(&world).await, (json!("cents"), json!("unit")));
    assert_only_read(&world);
}

#[tokio::test]
async fn when_no_order_can_be_read_the_units_that_fit_are_offered() {
    let world = set_up(json!({})).await;
    let line = json!({ "sku": "A-1", "title": "Drill", "quantity": 2, "price": "59.98", "vat_code": "7" });
    place_old_order(&world, OrderBuilder::new("PF-1").with_external_number("1001").with_line_value(line));
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get(PREVIEW).await;
    assert_says(
        &page,
        &[
            "We can read no order, 1001 neither.",
            "Total: €59.98",
            "Read like this, the order makes no sense.",
            "Order cannot be read",
        ],
    );
    let page = browser.submit_form(&find_unit_form(&page, "euros", "total")).await;
    assert_says(&page, &["Is the total of order 1001 the one that you see in ProductFlow: €59.98?"]);
    assert_eq!(stored_units(&world).await, (json!("euros"), json!("total")));
}

#[tokio::test]
async fn a_peer_that_does_not_answer_is_said_and_the_rest_is_shown() {
    let world = set_up(json!({})).await;
    place_old_order(&world, order_of_one_line("PF-1").with_external_number("1001"));
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    world.stack.robaws.set_outage(Some(Outage::Drop));
    let page = browser.get(PREVIEW).await;
    assert_eq!(page.status, 200);
    assert_says(
        &page,
        &[
            "Robaws does not answer now.",
            "Is the total of order 1001 the one that you see in ProductFlow: €59.98?",
            "We could not find out now what would happen for this order.",
            "1 order from before the start date is not shipped yet.",
        ],
    );
    world.stack.robaws.set_outage(None);
    world.stack.productflow.set_outage(Some(Outage::Unavailable));
    let page = browser.get(PREVIEW).await;
    assert_eq!(page.status, 200);
    assert_says(&page, &["ProductFlow does not answer now.", "3 articles are sent to ProductFlow"]);
    world.stack.productflow.set_outage(None);
    // One whose articles can't be listed still plans its orders.
    world
        .stack
        .robaws
        .add_fault(Fault::for_call("GET", "/stock-locations").until_cleared().answer_status(503));
    let page = browser.get(PREVIEW).await;
    assert_says(&page, &["Out of stock, from 3 2 × A-1", "Out of stock"]);
}

#[tokio::test]
async fn older_open_orders_are_counted_whatever_becomes_of_the_filter() {
    let world = set_up(json!({ "status_words": { "open": ["new"] } })).await;
    for number in 0..510 {
        let status = ["new", "shipped"][number % 2];
        place_old_order(&world, order_of_one_line(&format!("PF-{number}")).with_status(status));
    }
    // One placed after the start date is none of them.
    world.productflow.place_order(order_of_one_line("PF-late").with_placed_at("2026-11-23T08:00:00Z"));
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get(PREVIEW).await;
    assert_says(&page, &["255 orders from before the start date are not shipped yet."]);
    world.productflow.change_settings(|settings| settings.ignore_status_filter = true);
    world.clear_calls();
    let page = browser.get(PREVIEW).await;
    assert_says(&page, &["At least 250 orders from before the start date are not shipped yet."]);
    let calls = world.stack.productflow.calls().into_iter();
    assert_eq!(calls.filter(|call| call.query.contains("status")).count(), 5);
    assert_only_read(&world);
}

#[tokio::test]
async fn ticked_articles_are_counted_and_the_first_shown_as_they_are_sent() {
    let world = set_up(json!({})).await;
    for number in 0..620 {
        let article = Article::new(&(1000 + number).to_string(), &format!("N-{number}")).with_tick(true);
        world.robaws.put_article(article);
    }
    // A namesake among the first ones: it would not be sent.
    world.robaws.put_article(Article::new("5000", "A-2"));
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    world.clear_calls();
    let page = browser.get(PREVIEW).await;
    assert_says(
        &page,
        &[
            "623 articles are sent to ProductFlow",
            "The first articles, as they are sent",
            "The following article(s) are not unique in Robaws: A-2",
            "Give every article its own article number in Robaws",
        ],
    );
    assert_eq!(page.texts_of("tbody th[scope=row]").len(), 10);
    assert_only_read(&world);
    world.robaws.change_settings(|settings| {
        settings.ignored_filters.insert("extraFields[ProductFlow]".to_owned());
    });
    world.expect_violation(ViolationKind::UnknownParameter);
    // The one article that is not ticked is among the first 500.
    let page = browser.get(PREVIEW).await;
    assert_says(&page, &["At least 499 articles are sent to ProductFlow"]);
}

#[tokio::test]
async fn nothing_ticked_and_no_checkbox_are_told_apart() {
    let world = set_up(json!({})).await;
    for id in ["12", "13", "14"] {
        world.robaws.edit_article(id, |article| article.set_tick(false));
    }
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    world.clear_calls();
    let page = browser.get(PREVIEW).await;
    assert_says(&page, &["No article is ticked in Robaws yet.", "There are no orders in ProductFlow yet."]);
    for id in ["12", "13", "14"] {
        world.robaws.edit_article(id, |article| article.extra_fields.clear());
    }
    world.robaws.change_settings(|settings| settings.product_flow_defined = false);
    let page = browser.get(PREVIEW).await;
    assert_says(&page, &["We see no article with a checkbox \"ProductFlow\" in Robaws."]);
    assert_only_read(&world);
    // Activation tries it, and then we know.
    world.activate_connection().await;
    let page = browser.get("/c/shop/preview").await;
    assert_says(&page, &["Checkbox \"ProductFlow\" is missing in Robaws"]);
}

#[tokio::test]
async fn the_way_on_depends_on_the_state() {
    let world = set_up(json!({})).await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    world.activate_connection().await;
    let page = browser.get("/c/shop/preview").await;
    assert_says(&page, &["This page books nothing."]);
    assert!(!page.link_paths().iter().any(|link| link.contains("activate") || link.contains("set-up")));
    assert_eq!(world.post_to_api("deactivate", json!({})).await.0, 200);
    let page = browser.get("/c/shop/preview").await;
    assert!(page.link_paths().contains(&"/c/shop/activate".to_owned()), "{:?}", page.link_paths());
    assert_eq!(browser.get("/c/shop/preview?go_live=yesterday").await.status, 400);
}

#[tokio::test]
async fn what_is_not_filled_in_is_named() {
    let world = World::without_connection().await;
    let bare = json!({ "id": "shop", "language": "en" });
    assert_eq!(world.stack.call_api("POST", "/api/connections", &bare).await.unwrap().0, 201);
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get("/c/shop/preview").await;
    assert_eq!(page.status, 200);
    assert_says(&page, &["Not everything is filled in yet", "Robaws API key", "Access Token"]);
    assert_eq!(world.count_calls(), (0, 0));
}

#[tokio::test]
async fn a_page_of_long_orders_stays_small() {
    let world = set_up(json!({})).await;
    for number in 0..12 {
        let mut order = OrderBuilder::new(&format!("PF-{number}")).with_external_number(&"9".repeat(100));
        for line in 0..40 {
            let title = format!("A rather long title of a product {}", "x".repeat(300));
            let line = json!({ "id": line, "sku": "A-1", "title": title, "quantity": 1, "price": 100, "vat_code": "7" });
            order = order.with_line_value(line);
        }
        place_old_order(&world, order);
        world.productflow.ship_order(&format!("PF-{number}"));
    }
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get(PREVIEW).await;
    assert_says(&page, &["… and 32 more lines", "Invoice total, VAT included: €40.00"]);
    assert_eq!(page.texts_of("section h3").len(), 10);
}

#[tokio::test]
async fn another_connections_session_sees_no_preview() {
    let world = set_up(json!({})).await;
    world.add_second_merchant().await;
    let mut other = Browser::new_signed_in(&world.stack, "other").await;
    world.clear_calls();
    assert_eq!(other.get(PREVIEW).await.status, 401);
    let stored =
        other.send_request("POST", "/c/shop/preview/units", "order_amounts=euros&line_price=unit").await;
    assert_eq!(stored.status, 401);
    assert_eq!(stored_units(&world).await, (json!("cents"), json!("total")));
    assert_eq!(world.count_calls(), (0, 0));
    assert_eq!(world.productflow.id(), demo::COMPANY);
}
