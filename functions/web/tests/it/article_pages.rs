//! The list of articles: what ProductFlow has of each, what is wrong, and the buttons over all of them.

use serde_json::json;
use simulators::demo;
use simulators::robaws::Article;
use world::browser::{Browser, Page};
use world::{World, euros};

const ARTICLES: &str = "/c/shop/articles";

/// The numbers on a page.
fn listed_numbers(page: &Page) -> Vec<String> {
    let mut numbers = page.texts_of("tbody th[scope=row]");
    numbers.sort_unstable();
    numbers
}

fn assert_says(page: &Page, words: &[&str]) {
    let text = page.visible_text();
    for words in words {
        assert!(text.contains(words), "no {words:?} on {}: {text}", page.path);
    }
}

fn is_ticked(world: &World, id: &str) -> bool {
    world.robaws.find_article(id).unwrap().is_ticked()
}

/// Calls that changed anything at either peer.
fn count_writes(world: &World) -> usize {
    let calls = world.stack.robaws.calls().into_iter();
    let calls = calls.chain(world.stack.productflow.calls());
    calls.filter(|call| call.method != "GET").count()
}

/// So many more ticked articles, from id 1000 on.
fn add_articles(world: &World, count: usize) {
    for number in 0..count {
        let id = (1000 + number).to_string();
        let article = Article::new(&id, &format!("N-{number:03}")).with_tick(true);
        world.robaws.put_article(article.with_prices(euros(12_345), euros(0))).set_stock(
            &id,
            demo::STOCK_LOCATION,
            5,
        );
    }
}

#[tokio::test]
async fn every_article_is_shown_as_it_was_sent() {
    let world = World::activated_with(json!({ "send_sale_price": true })).await;
    world.robaws.edit_article("15", |article| article.set_tick(true));
    world.robaws.edit_article("14", |article| article.set_tick(false));
    world.robaws.create_article(Article::new("20", "A-2").with_tick(true));
    world.robaws.create_article(Article::new("21", "X/1").with_tick(true));
    world.deliver_and_work().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    world.clear_calls();
    let page = browser.get(ARTICLES).await;
    assert_eq!(page.status, 200);
    assert_says(
        &page,
        &[
            "A-1 Sent to ProductFlow 25 €14.50 €29.99 23 Nov 2026 09:00",
            "MONTAGE Sent with stock 0: Robaws keeps no stock of this article 0",
            "B-1 Taken off sale",
            "The following article(s) are not unique in Robaws: A-2",
            "The following article number(s) contains invalid characters: X/1",
            "Give every article its own article number in Robaws",
            "If you untick an article, it is taken off sale in ProductFlow",
        ],
    );
    assert_eq!(listed_numbers(&page), ["A-1", "A-2", "A-2", "B-1", "MONTAGE", "X/1"]);
    let filtered = [
        ("sent", vec!["A-1", "MONTAGE"]),
        ("problem", vec!["A-2", "A-2", "X/1"]),
        ("off", vec!["B-1"]),
        ("due", vec![]),
    ];
    for (state, expected) in filtered {
        let page = browser.get(&format!("{ARTICLES}?state={state}")).await;
        assert_eq!(listed_numbers(&page), expected, "{state}");
    }
    assert_eq!(browser.get(&format!("{ARTICLES}?state=x")).await.status, 404);
    assert_eq!(browser.get(&format!("{ARTICLES}?cursor=x")).await.status, 400);
    // By exact number; who shares it too.
    assert_eq!(listed_numbers(&browser.get(&format!("{ARTICLES}?number=A-1")).await), ["A-1"]);
    assert_eq!(listed_numbers(&browser.get(&format!("{ARTICLES}?number=A-2")).await), ["A-2", "A-2"]);
    let page = browser.get(&format!("{ARTICLES}?number=a-1")).await;
    assert_says(&page, &["Nothing was sent under exactly this number."]);
    assert_eq!(world.count_calls(), (0, 0));
    for (language, words) in
        [("nl", "Uit de verkoop gehaald"), ("fr", "Retiré de la vente"), ("de", "Aus dem Verkauf")]
    {
        let form = page.form_to("/c/shop/language").set("language", language);
        browser.submit_form(&form).await;
        assert_says(&browser.get(ARTICLES).await, &[words]);
    }
}

#[tokio::test]
async fn long_lists_come_in_pages_of_fifty_and_stay_small() {
    let world = World::without_connection().await;
    // The worst there is: every number long, and in use twice.
    for number in 0..60 {
        let long = format!("{number:02}{}", "N".repeat(180));
        for id in [2_000 + number, 3_000 + number] {
            let article = Article::new(&id.to_string(), &long).with_tick(true);
            world.robaws.put_article(article);
        }
    }
    world.create_connection(json!({})).await;
    world.activate_connection().await;
    world.deliver_and_work().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let mut page = browser.get(&format!("{ARTICLES}?state=problem")).await;
    let mut seen = 0;
    loop {
        let shown = listed_numbers(&page).len();
        assert!(shown <= 50);
        seen += shown;
        let Some(next) = page.link_paths().into_iter().find(|link| link.contains("cursor=")) else {
            break;
        };
        assert!(next.contains("state=problem"), "{next}");
        page = browser.get(&next).await;
    }
    assert_eq!(seen, 120);
    // French is longest.
    let form = page.form_to("/c/shop/language").set("language", "fr");
    browser.submit_form(&form).await;
    assert_eq!(listed_numbers(&browser.get(&format!("{ARTICLES}?state=problem")).await).len(), 50);
}

#[tokio::test]
async fn all_articles_are_ticked_after_a_page_that_says_what_that_does() {
    let world = World::new_activated().await;
    assert!(!is_ticked(&world, "15"));
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    world.clear_calls();
    let page = browser.get(ARTICLES).await;
    assert!(page.link_paths().contains(&"/c/shop/articles/tick".to_owned()));
    let page = browser.get("/c/shop/articles/tick").await;
    assert_says(
        &page,
        &["Every article in Robaws that is not archived gets a tick", "There is no button to undo this"],
    );
    let form = page.form_to("/articles/tick");
    assert_eq!(browser.submit_form(&form.clone().without("token")).await.status, 403);
    world.deliver_and_work().await;
    assert_eq!((count_writes(&world), is_ticked(&world, "15")), (0, false));
    let page = browser.submit_form(&form).await;
    assert_eq!(page.status, 200, "{}", page.visible_text());
    assert_says(&page, &["The articles are being ticked.", "All articles are being ticked now."]);
    world.deliver_and_work().await;
    assert!(is_ticked(&world, "15"));
    assert!(world.productflow.find_offer("MONTAGE").is_some());
    let page = browser.get(ARTICLES).await;
    assert!(!page.visible_text().contains("being ticked now"), "{}", page.visible_text());
    world.assert_offers_equal(false);
}

#[tokio::test]
async fn everything_is_sent_again_or_checked_on_demand() {
    let world = World::new_activated().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get(ARTICLES).await;
    world.clear_calls();
    let after = browser.submit_form(&page.form_to("/articles/push")).await;
    assert_says(&after, &["The articles are sent again.", "All ticked articles are being sent now."]);
    world.deliver_and_work().await;
    let mut sent = world.list_writes();
    sent.sort_unstable();
    assert_eq!(
        sent,
        [
            "POST /product/A-1",
            "POST /product/A-1/offer",
            "POST /product/A-2",
            "POST /product/A-2/offer",
            "POST /product/B-1",
            "POST /product/B-1/offer"
        ]
    );
    // What nobody announced is found by a check.
    world.robaws.edit_article_silently("12", |article| article.cost_price = euros(1_600));
    world.clear_calls();
    let after = browser.submit_form(&page.form_to("/articles/check")).await;
    assert_says(&after, &["The check has started.", "The check is running."]);
    world.deliver_and_work().await;
    assert_eq!(world.list_writes(), ["POST /product/A-1/offer"]);
    assert_says(&browser.get(ARTICLES).await, &["€16.00"]);
    world.assert_offers_equal(false);
}

#[tokio::test]
async fn held_withdrawals_are_confirmed_as_they_were_shown() {
    let world = World::without_connection().await;
    add_articles(&world, 40);
    world.create_connection(json!({})).await;
    world.activate_connection().await;
    world.deliver_and_work().await;
    let untick = |from: usize, to: usize| {
        for id in from..to {
            world.robaws.edit_article_silently(&id.to_string(), |article| article.set_tick(false));
        }
    };
    let offers = || {
        let products = world.productflow.products();
        products.values().filter(|product| product.offer.is_some()).count()
    };
    untick(1_000, 1_021);
    world.pass_hours_and_check(18).await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let old = browser.get(ARTICLES).await;
    assert_says(&old, &["21 of the 43 articles sent suddenly have no", "Yes, take 21 articles off sale"]);
    // More are gone by the next night: what was shown before confirms nothing.
    untick(1_021, 1_025);
    world.pass_hours_and_check(24).await;
    let refused = browser.submit_form(&old.form_to("/articles/withdraw")).await;
    assert_eq!(refused.status, 422);
    assert_says(&refused, &["The number changed meanwhile", "Yes, take 25 articles off sale"]);
    world.deliver_and_work().await;
    assert_eq!(offers(), 43);
    let form = refused.form_to("/articles/withdraw");
    assert_eq!(browser.submit_form(&form.clone().without("token")).await.status, 403);
    let page = browser.submit_form(&form).await;
    assert_says(&page, &["Confirmed."]);
    world.deliver_and_work().await;
    assert_eq!(offers(), 18);
    let page = browser.get(ARTICLES).await;
    assert!(!page.visible_text().contains("off sale now"), "{}", page.visible_text());
    assert!(page.all_forms().iter().all(|form| !form.action.ends_with("/withdraw")));
    world.assert_offers_equal(false);
}

#[tokio::test]
async fn an_inactive_connection_shows_its_list_without_buttons() {
    let world = World::new_activated().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get(ARTICLES).await;
    let push = page.form_to("/articles/push");
    let tick = browser.get("/c/shop/articles/tick").await.form_to("/articles/tick");
    assert_eq!(world.post_to_api("deactivate", json!({})).await.0, 200);
    world.clear_calls();
    let page = browser.get(ARTICLES).await;
    assert_eq!(listed_numbers(&page), ["A-1", "A-2", "B-1"]);
    assert_says(&page, &["The integration is not active."]);
    assert!(page.all_forms().iter().all(|form| !form.action.contains("/articles")));
    assert!(!page.link_paths().iter().any(|link| link.ends_with("/articles/tick")));
    // Nor do forms from before work any more.
    assert_eq!(browser.submit_form(&push).await.status, 409);
    assert_eq!(browser.submit_form(&tick).await.status, 409);
    assert_eq!(browser.get("/c/shop/articles/tick").await.status, 409);
    world.deliver_and_work().await;
    assert_eq!(world.count_calls(), (0, 0));
}

#[tokio::test]
async fn another_connections_session_gets_nothing() {
    let world = World::new_activated().await;
    world.add_second_merchant().await;
    let mut own = Browser::new_signed_in(&world.stack, "shop").await;
    let page = own.get(ARTICLES).await;
    let mut other = Browser::new_signed_in(&world.stack, "other").await;
    world.clear_calls();
    assert_eq!(other.get(ARTICLES).await.status, 401);
    for action in ["/articles/push", "/articles/check"] {
        assert_eq!(other.submit_form(&page.form_to(action)).await.status, 401);
    }
    let tick = own.get("/c/shop/articles/tick").await.form_to("/articles/tick");
    assert_eq!(other.submit_form(&tick).await.status, 401);
    world.deliver_and_work().await;
    assert_eq!(world.count_calls(), (0, 0));
    assert!(!is_ticked(&world, "15"));
}
