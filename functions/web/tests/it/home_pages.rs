//! The home page, the notifications and the list of errors, as a merchant reads them.

use jiff::SignedDuration;
use simulators::OrderBuilder;
use simulators::robaws::Article;
use world::browser::Browser;
use world::{World, order_of_one_line};

fn for_unknown_article(identifier: &str) -> OrderBuilder {
    OrderBuilder::new(identifier).with_external_number("1083").with_line("A-9", 1, 1000, Some("7"))
}

#[tokio::test]
async fn home_says_that_all_is_well_and_counts() {
    let world = World::new().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get("/c/shop").await;
    assert!(
        page.visible_text().contains("The first orders are fetched within 5 minutes"),
        "{}",
        page.visible_text()
    );
    world.place_order(order_of_one_line("PF-1"));
    world.poll_and_work().await;
    world.productflow.ship_order("PF-1");
    world.place_order(order_of_one_line("PF-2"));
    world.poll_and_work().await;
    let page = browser.get("/c/shop").await;
    assert!(
        page.visible_text().contains("All is well. Last fetched from ProductFlow: 23 Nov 2026 09:10."),
        "{}",
        page.visible_text()
    );
    let numbers = page.texts_of(".numbers li");
    assert_eq!(numbers[..4], numbers[4..], "{numbers:?}");
    assert_eq!(
        numbers[..4],
        ["2 Orders came in", "2 With stock booked out", "1 Invoiced · €59.98", "0 Wait for you"]
    );
    assert!(page.visible_text().contains("1 invoices made as drafts (€59.98)"));
    assert!(page.html.contains("23 Nov 2026 2\""), "the picture is told in words");
    world.clock.advance_by(SignedDuration::from_hours(24));
    let page = browser.get("/c/shop").await;
    assert_eq!(page.texts_of(".numbers li")[0], "0 Orders came in");
    assert!(page.visible_text().contains("that should be every 5 minutes"), "{}", page.visible_text());
}

#[tokio::test]
async fn a_notification_opens_into_what_went_wrong_and_closes_by_itself() {
    let world = World::new().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    world.place_order(for_unknown_article("PF/1"));
    world.place_order(order_of_one_line("PF-2"));
    world.poll_and_work().await;
    let home = browser.get("/c/shop").await;
    assert!(home.visible_text().contains("1 thing needs your attention"), "{}", home.visible_text());
    let told = home.link_paths().into_iter().find(|path| path.contains("/notifications/")).unwrap();
    for (code, message) in [
        ("en", "The following article(s) could not be found in Robaws: A-9"),
        ("nl", "Volgende artikel(s) konden niet worden gevonden in Robaws: A-9"),
        ("de", "Der/die folgende(n) Artikel konnte(n) nicht in Robaws gefunden werden: A-9"),
        ("fr", "Le ou les articles suivants n'ont pas pu être trouvés dans Robaws\u{a0}: A-9"),
    ] {
        let form = browser.get(&told).await.form_to("/language").set("language", code);
        let page = browser.submit_form(&form).await;
        assert_eq!(page.path, told);
        assert!(page.html.contains(&message.replace('\'', "&#39;")), "{}", page.html);
        assert!(page.link_paths().contains(&"/c/shop/orders/~UEYvMQ".to_owned()));
    }
    world.robaws.put_article(Article::new("90", "A-9"));
    world.poll_for_minutes(30).await;
    let form = browser.get("/c/shop").await.form_to("/language").set("language", "en");
    let home = browser.submit_form(&form).await;
    assert!(home.visible_text().contains("All is well"), "{}", home.visible_text());
    let page = browser.get("/c/shop/notifications").await;
    assert!(page.visible_text().contains("No open notifications. All is well."));
    let page = browser.get("/c/shop/notifications?state=resolved").await;
    assert!(page.link_paths().contains(&told), "{:?}", page.link_paths());
    assert!(browser.get(&told).await.visible_text().contains("Solved"));
}

#[tokio::test]
async fn the_worst_comes_first() {
    let world = World::new().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    world.place_order(for_unknown_article("PF-1"));
    let business =
        serde_json::json!({ "company_name": "Bouw bv", "vat_number": "BE0123456749", "country_code": "BE" });
    world.place_order(order_of_one_line("PF-2").with_field("billing_customer", business));
    world.place_order(order_of_one_line("PF-3"));
    world.productflow.ship_order("PF-3");
    world.poll_and_work().await;
    world.productflow.cancel_order("PF-3");
    world.poll_for_minutes(10).await;
    let page = browser.get("/c/shop/notifications").await;
    let titles = page.texts_of("ul.told a");
    assert_eq!(
        titles,
        [
            "Cancelled after invoicing: 1083993841 (PF-3)",
            "Article not found in Robaws: A-9",
            "Business buyer: 1083993841 (PF-2)",
        ]
    );
}

#[tokio::test]
async fn what_strangers_write_is_only_text() {
    let world = World::new().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    world.place_order(OrderBuilder::new("PF-1").with_line("<script>alert(1)</script>", 1, 1000, Some("7")));
    world.poll_and_work().await;
    for path in ["/c/shop", "/c/shop/notifications"] {
        let page = browser.get(path).await;
        assert!(!page.html.contains("<script"), "{}", page.html);
        assert!(page.visible_text().contains("<script>alert(1)</script>"), "{}", page.visible_text());
    }
}

#[tokio::test]
async fn no_page_of_another_connection_is_shown() {
    let world = World::new().await;
    world.place_order(for_unknown_article("PF-1"));
    world.poll_and_work().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let home = browser.get("/c/shop").await;
    let told = home.link_paths().into_iter().find(|path| path.contains("/notifications/")).unwrap();
    let other = serde_json::json!({ "id": "other" });
    let (status, _) = world.stack.call_api("POST", "/api/connections", &other).await.unwrap();
    assert_eq!(status, 201);
    let mut stranger = Browser::new_signed_in(&world.stack, "other").await;
    assert_eq!(stranger.get(&told).await.status, 401);
    assert_eq!(stranger.get(&told.replace("/c/shop", "/c/other")).await.status, 404);
}

#[tokio::test]
async fn every_error_of_the_manual_is_explained() {
    let world = World::new().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get("/c/shop/help").await;
    let text = page.visible_text();
    for message in [
        "The following article(s) could not be found in Robaws:",
        "The following order lines from ProductFlow do not contain a VAT code:",
        "Following VAT rates were found but are not VAT inclusive:",
        "For the following order line …, there is no corresponding VAT rate in Robaws (CODE: …)",
        "The following article(s) are not unique in Robaws:",
        "The following article number(s) contains invalid characters:",
    ] {
        assert!(text.contains(message), "{message}");
    }
    assert_eq!(page.texts_of("details").len(), domain::ProblemCode::ALL.len());
}
