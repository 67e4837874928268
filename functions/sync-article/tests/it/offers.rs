//! Articles: from the checkbox in Robaws to an offer in ProductFlow, and up to date ever after.

use domain::ids::ArticleId;
use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::json;
use simulators::robaws::{Article, VatTariff};
use simulators::{Fault, Outage, demo};
use world::{World, euros};

#[tokio::test]
async fn activation_registers_one_webhook_and_pushes_what_is_ticked() {
    let world = World::activated_with(json!({ "send_sale_price": true })).await;
    let endpoints = world.robaws.webhook_endpoints();
    assert_eq!(endpoints.len(), 1, "{endpoints:?}");
    assert!(endpoints[0].url.ends_with("/webhooks/robaws/shop"));
    assert_eq!(world.get_from_api("").await["webhook"], "registered");
    world.assert_offers_equal(true);
    let product = world.productflow.find_product("A-1").unwrap();
    assert_eq!(product.texts["nl"]["title"], "Boormachine");
    let offer = world.productflow.find_offer("A-1").unwrap();
    assert_eq!(
        (offer.euro_price("cost_price"), offer.euro_price("sell_price")),
        (Some("14.50"), Some("29.99"))
    );
    let list = world.get_from_api("/articles?state=sent").await;
    let mut numbers: Vec<&str> =
        list["items"].as_array().unwrap().iter().map(|item| item["number"].as_str().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, ["A-1", "A-2", "B-1"]);
    // Again: nothing to register, nothing to write.
    world.clear_calls();
    world.activate_connection().await;
    world.deliver_and_work().await;
    assert_eq!(world.robaws.webhook_endpoints(), endpoints);
    assert_eq!(world.list_writes(), [""; 0]);
}

#[tokio::test]
async fn an_endpoint_whose_secret_is_lost_is_replaced() {
    let world = World::new_activated().await;
    let url = world.robaws.webhook_endpoints()[0].url.clone();
    world
        .stack
        .aws
        .secretsmanager
        .put_secret_value()
        .secret_id("connector/connections/shop")
        .secret_string(
            json!({
                "robaws": { "key": demo::ROBAWS_KEY, "secret": demo::ROBAWS_SECRET },
                "productflow": { "access_token": demo::TOKEN },
            })
            .to_string(),
        )
        .send()
        .await
        .unwrap();
    let before = world.robaws.webhook_endpoints();
    world.activate_connection().await;
    let after = world.robaws.webhook_endpoints();
    assert_eq!(after.len(), 1);
    assert_eq!(after[0].url, url);
    assert_ne!(after[0].id, before[0].id);
    world.robaws.edit_article("12", |article| article.cost_price = euros(1500));
    world.deliver_and_work().await;
    world.assert_offers_equal(false);
}

#[tokio::test]
async fn an_api_that_moved_takes_its_webhook_along() {
    let world = World::new_activated().await;
    let elsewhere = "https://old.example/webhooks/robaws/shop";
    let item = world.stack.store.load_connection(&world.connection).await.unwrap().unwrap();
    let mut webhook = item.webhook.unwrap();
    world.robaws.move_webhook(&webhook.endpoint_id, elsewhere);
    webhook.url = elsewhere.to_owned();
    world.stack.store.save_webhook(&world.connection, Some(&webhook)).await.unwrap();
    world.activate_connection().await;
    let endpoints = world.robaws.webhook_endpoints();
    assert_eq!(endpoints.len(), 1, "{endpoints:?}");
    assert_ne!(endpoints[0].url, elsewhere);
    world.robaws.set_stock("12", demo::STOCK_LOCATION, 4);
    world.deliver_and_work().await;
    world.assert_offers_equal(false);
}

#[tokio::test]
async fn deactivation_removes_the_webhook_and_coming_back_pushes_again() {
    let world = World::new_activated().await;
    world.post_to_api("deactivate", json!({})).await;
    assert_eq!(world.robaws.webhook_endpoints().len(), 0);
    assert_eq!(world.get_from_api("").await["webhook"], "missing");
    world.robaws.set_stock("12", demo::STOCK_LOCATION, 3);
    world.robaws.edit_article("13", |article| article.set_tick(false));
    world.clear_calls();
    world.poll_and_work().await;
    assert_eq!(world.count_calls(), (0, 0));
    world.activate_connection().await;
    world.deliver_and_work().await;
    world.assert_offers_equal(false);
}

#[tokio::test]
async fn deactivation_does_not_depend_on_robaws() {
    for refused in [403, 405] {
        let world = World::new_activated().await;
        world.robaws.change_settings(|settings| settings.webhook_delete_refused = Some(refused));
        assert_eq!(world.post_to_api("deactivate", json!({})).await.0, 200);
        world.robaws.set_stock("12", demo::STOCK_LOCATION, 3);
        world.clear_calls();
        let answers = world.stack.robaws.deliver_webhooks().await;
        assert_eq!(answers[0].status, Some(404));
        assert_eq!(world.count_calls(), (0, 0));
        // The endpoint that Robaws would not remove signs with a secret that we hold no longer.
        world.activate_connection().await;
        world.robaws.set_stock("12", demo::STOCK_LOCATION, 4);
        world.deliver_and_work().await;
        world.assert_offers_equal(false);
    }
}

#[tokio::test]
async fn a_webhook_that_robaws_does_not_allow_is_told_at_activation() {
    let world = World::without_connection().await;
    world.create_connection(json!({})).await;
    world
        .stack
        .robaws
        .add_fault(Fault::for_call("POST", "/webhook-endpoints").until_cleared().answer_status(403));
    let (status, answer) = world.post_to_api("activate", json!({})).await;
    assert_eq!(status, 422);
    assert_eq!(answer["error"]["details"][0]["field"], "robaws.webhooks");
    assert_eq!(world.get_from_api("").await["state"], "inactive");
}

#[tokio::test]
async fn every_change_is_sent_with_the_fewest_calls() {
    let world = World::activated_with(json!({ "send_sale_price": true })).await;
    world.clear_calls();
    world.robaws.edit_article("12", |article| {
        article.cost_price = euros(1500);
        article.sale_name = Some("Klopboormachine".to_owned());
        article.description = Some("Met koffer".to_owned());
    });
    world.deliver_and_work().await;
    assert_eq!(world.count_calls(), (1, 2));
    assert_eq!(world.list_writes(), ["POST /product/A-1", "POST /product/A-1/offer"]);
    world.clear_calls();
    world.robaws.set_stock("12", demo::STOCK_LOCATION, 7);
    world.deliver_and_work().await;
    assert_eq!(world.count_calls(), (1, 1));
    assert_eq!(world.list_writes(), ["POST /product/A-1/offer"]);
    let product = world.productflow.find_product("A-1").unwrap();
    assert_eq!(product.texts["nl"]["title"], "Klopboormachine");
    assert_eq!(product.texts["nl"]["description"], "Met koffer");
    world.assert_offers_equal(true);
    // A change that changes nothing for ProductFlow.
    world.clear_calls();
    world.robaws.edit_article("12", |article| article.name = Some("intern".to_owned()));
    world.deliver_and_work().await;
    assert_eq!(world.count_calls(), (1, 0));
}

#[tokio::test]
async fn repeated_reordered_and_incomplete_events_end_at_the_latest_state() {
    let world = World::new_activated().await;
    world.robaws.change_settings(|settings| {
        settings.webhook_repeat = true;
        settings.webhook_reorder = true;
        settings.webhook_guid_keys = true;
    });
    for pieces in [9, 4, 30, 2] {
        world.robaws.set_stock("12", demo::STOCK_LOCATION, pieces);
        world.robaws.edit_article("12", |article| article.cost_price = euros(pieces * 100));
    }
    world.clear_calls();
    world.deliver_and_work().await;
    world.assert_offers_equal(false);
    assert_eq!(world.list_writes(), ["POST /product/A-1/offer"]);
}

#[tokio::test]
async fn what_is_no_longer_for_sale_is_withdrawn_once() {
    let world = World::new_activated().await;
    world.clear_calls();
    world.robaws.edit_article("12", |article| article.set_tick(false));
    world.deliver_and_work().await;
    assert_eq!(world.list_writes(), ["DELETE /product/A-1/offer"]);
    world.robaws.set_stock("12", demo::STOCK_LOCATION, 1);
    world.deliver_and_work().await;
    assert_eq!(world.list_writes().len(), 1);
    assert_eq!(world.read_article("12").await.0, "off");
    // No event tells that an article was archived or removed.
    world.robaws.archive_article("13");
    world.robaws.remove_article("14");
    world.pass_hours_and_check(18).await;
    world.assert_offers_equal(false);
    assert_eq!(world.list_writes().len(), 3);
    world.robaws.restore_article("13");
    world.robaws.edit_article("12", |article| article.set_tick(true));
    world.pass_hours_and_check(24).await;
    world.assert_offers_equal(false);
}

#[tokio::test]
async fn a_renumbered_article_moves_and_numbers_may_be_swapped() {
    let world = World::new_activated().await;
    world.clear_calls();
    world.robaws.edit_article("12", |article| article.article_number = Some("A-1b".to_owned()));
    world.deliver_and_work().await;
    world.assert_offers_equal(false);
    assert_eq!(
        world.list_writes(),
        ["DELETE /product/A-1/offer", "POST /product/A-1b", "POST /product/A-1b/offer"]
    );
    world.robaws.edit_article_silently("13", |article| article.article_number = Some("B-1".to_owned()));
    world.robaws.edit_article("14", |article| article.article_number = Some("A-2".to_owned()));
    world.robaws.edit_article("13", |_| {});
    world.deliver_and_work().await;
    world.assert_offers_equal(false);
}

#[tokio::test]
async fn an_offer_that_another_article_took_over_is_not_withdrawn() {
    let world = World::new_activated().await;
    let withdrawal = Fault::for_call("DELETE", "/product/A-1/offer");
    world.stack.productflow.add_fault(withdrawal.for_calls(1).answer_status(500));
    world.robaws.edit_article("12", |article| article.article_number = Some("Z-1".to_owned()));
    world.deliver_and_work().await;
    world.robaws.edit_article("13", |article| article.article_number = Some("A-1".to_owned()));
    world.deliver_and_work().await;
    assert_eq!(world.productflow.find_offer("A-1").unwrap().qty_available, 140);
    // The first article's withdrawal is tried again.
    for _ in 0..3 {
        world.poll_and_work().await;
    }
    world.assert_offers_equal(false);
}

#[tokio::test]
async fn of_two_equal_numbers_neither_is_sold_until_one_is_left() {
    let world = World::new_activated().await;
    world.robaws.create_article(Article::new("20", "A-1").with_tick(true));
    world.deliver_and_work().await;
    world.assert_offers_equal(false);
    for id in ["12", "20"] {
        assert_eq!(
            world.read_article(id).await,
            ("problem".to_owned(), vec!["article_not_unique".to_owned()])
        );
    }
    // Each in its case is another number.
    world.robaws.edit_article("20", |article| article.article_number = Some("a-1".to_owned()));
    world.deliver_and_work().await;
    world.assert_offers_equal(false);
    assert_eq!(world.read_article("12").await, ("sent".to_owned(), vec![]));
    assert_eq!(world.read_article("20").await, ("sent".to_owned(), vec![]));
    // An unticked one counts as well.
    world.robaws.create_article(Article::new("21", "A-2"));
    world.deliver_and_work().await;
    world.assert_offers_equal(false);
    assert_eq!(world.read_article("13").await.1, ["article_not_unique"]);
    world.robaws.edit_article("21", |article| article.article_number = Some("A-22".to_owned()));
    world.deliver_and_work().await;
    world.assert_offers_equal(false);
    // No event tells that the other one was archived: it is looked at again by itself.
    world.robaws.create_article(Article::new("22", "B-1"));
    world.deliver_and_work().await;
    assert!(world.productflow.find_offer("B-1").is_none());
    world.robaws.archive_article("22");
    for _ in 0..4 {
        world.poll_and_work().await;
    }
    world.assert_offers_equal(false);
}

#[tokio::test]
async fn a_number_that_can_not_be_addressed_is_said_and_not_sent() {
    let world = World::new_activated().await;
    world.robaws.create_article(Article::new("20", "A/1").with_tick(true));
    let mut nameless = Article::new("21", "x").with_tick(true);
    nameless.article_number = None;
    world.robaws.create_article(nameless);
    world.deliver_and_work().await;
    for id in ["20", "21"] {
        assert_eq!(world.read_article(id).await.1, ["article_number_invalid"]);
    }
    world.robaws.edit_article("20", |article| article.article_number = Some("A-9".to_owned()));
    world.deliver_and_work().await;
    assert_eq!(world.read_article("20").await, ("sent".to_owned(), vec![]));
    world.assert_offers_equal(false);
}

#[tokio::test]
async fn an_outage_of_either_peer_loses_no_change() {
    let world = World::new_activated().await;
    world.stack.productflow.set_outage(Some(Outage::Drop));
    world.robaws.set_stock("12", demo::STOCK_LOCATION, 3);
    world.robaws.edit_article("13", |article| article.set_tick(false));
    world.deliver_and_work().await;
    world.stack.aws.queues.lose_messages("articles.fifo");
    for _ in 0..30 {
        world.poll_and_work().await;
    }
    world.robaws.create_article(Article::new("20", "NEW").with_tick(true));
    world.deliver_and_work().await;
    world.stack.productflow.set_outage(None);
    for _ in 0..16 {
        world.poll_and_work().await;
    }
    world.assert_offers_equal(false);
    world.stack.robaws.set_outage(Some(Outage::Unavailable));
    world.robaws.set_stock("14", demo::STOCK_LOCATION, 2);
    world.deliver_and_work().await;
    for _ in 0..6 {
        world.poll_and_work().await;
    }
    world.stack.robaws.set_outage(None);
    for _ in 0..16 {
        world.poll_and_work().await;
    }
    world.assert_offers_equal(false);
}

#[tokio::test]
async fn who_asks_for_a_push_does_not_wait_for_the_end_of_a_pause() {
    let world = World::new_activated().await;
    world.stack.productflow.set_outage(Some(Outage::Unavailable));
    world.robaws.set_stock("12", demo::STOCK_LOCATION, 3);
    world.deliver_and_work().await;
    for _ in 0..8 {
        world.poll_and_work().await;
    }
    world.stack.productflow.set_outage(None);
    assert!(world.get_from_api("").await["paused"]["productflow"].is_string());
    assert_eq!(world.post_to_api("articles/push", json!({})).await.0, 202);
    world.deliver_and_work().await;
    world.assert_offers_equal(false);
    assert!(world.get_from_api("").await["paused"]["productflow"].is_null());
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_made_again() {
    let world = World::new_activated().await;
    world.stack.productflow.add_fault(Fault::for_call("POST", "/product/*/offer").drop_after());
    world.robaws.set_stock("12", demo::STOCK_LOCATION, 3);
    world.deliver_and_work().await;
    // Back to what was certain before, while it is not certain what ProductFlow has.
    world.robaws.set_stock("12", demo::STOCK_LOCATION, 25);
    world.deliver_and_work().await;
    world.poll_and_work().await;
    world.assert_offers_equal(false);
}

#[tokio::test]
async fn what_productflow_refuses_is_said_and_sent_again_with_the_next_change() {
    let world = World::new_activated().await;
    world
        .stack
        .productflow
        .add_fault(Fault::for_call("POST", "/product/A-1/offer").until_cleared().answer_status(422));
    world.robaws.set_stock("12", demo::STOCK_LOCATION, 3);
    world.robaws.set_stock("13", demo::STOCK_LOCATION, 4);
    world.deliver_and_work().await;
    assert_eq!(world.read_article("12").await.1, ["productflow_refused"]);
    assert_eq!(world.read_article("13").await, ("sent".to_owned(), vec![]));
    world.stack.productflow.clear_faults();
    world.robaws.set_stock("12", demo::STOCK_LOCATION, 5);
    world.deliver_and_work().await;
    assert_eq!(world.read_article("12").await, ("sent".to_owned(), vec![]));
    world.assert_offers_equal(false);
}

#[tokio::test]
async fn a_stock_that_is_not_told_is_not_zero() {
    let world = World::new_activated().await;
    world.robaws.edit_article("12", |article| {
        article.available_stock_override = Some(serde_json::Value::Null);
    });
    world.deliver_and_work().await;
    assert_eq!(world.productflow.find_offer("A-1").unwrap().qty_available, 25);
    assert_eq!(world.read_article("12").await.0, "due");
    world.robaws.edit_article_silently("12", |article| {
        article.available_stock_override = Some(json!(-2.5));
    });
    world.poll_and_work().await;
    assert_eq!(world.productflow.find_offer("A-1").unwrap().qty_available, 0);
}

#[tokio::test]
async fn the_sale_price_follows_tariff_and_settings() {
    let world = World::new_activated().await;
    assert_eq!(world.productflow.find_offer("A-1").unwrap().euro_price("sell_price"), None);
    let change = json!({ "settings": { "send_sale_price": true, "product_language": "fr" } });
    let path = "/api/connections/shop";
    assert_eq!(world.stack.call_api("PATCH", path, &change).await.unwrap().0, 200);
    world.deliver_and_work().await;
    world.assert_offers_equal(true);
    assert_eq!(world.productflow.find_product("A-1").unwrap().texts["fr"]["title"], "Boormachine");
    world.robaws.edit_article("12", |article| article.vat_tariff_id = Some("8".to_owned()));
    world.robaws.edit_article("13", |article| article.vat_tariff_id = None);
    world.deliver_and_work().await;
    assert_eq!(world.productflow.find_offer("A-1").unwrap().euro_price("sell_price"), Some("36.29"));
    assert_eq!(world.productflow.find_offer("A-2").unwrap().euro_price("sell_price"), None);
    assert_eq!(world.read_article("13").await.1, ["sale_price_vat_unknown"]);
    // A tariff changes: no event tells, the night does.
    world.robaws.put_vat_tariff(VatTariff::new("8", Decimal::from(6), false));
    world.pass_hours_and_check(20).await;
    assert_eq!(world.productflow.find_offer("A-1").unwrap().euro_price("sell_price"), Some("31.79"));
    let change = json!({ "settings": { "sale_price_vat_tariff_id": "7" } });
    assert_eq!(world.stack.call_api("PATCH", path, &change).await.unwrap().0, 200);
    world.deliver_and_work().await;
    assert_eq!(world.read_article("13").await, ("sent".to_owned(), vec![]));
    assert_eq!(world.productflow.find_offer("A-2").unwrap().euro_price("sell_price"), Some("5.95"));
}

#[tokio::test]
async fn a_value_that_flips_is_slowed_and_said_and_forgotten() {
    let world = World::new_activated().await;
    for turn in 0..20 {
        let cost = if turn % 2 == 0 { 1500 } else { 1450 };
        world.robaws.edit_article("12", |article| article.cost_price = euros(cost));
        world.deliver_and_work().await;
        world.clock.advance_by(SignedDuration::from_secs(10));
    }
    assert_eq!(world.read_article("12").await.1, ["article_flips"]);
    let list = world.get_from_api("/articles?state=problem").await;
    let message = list["items"][0]["problems"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("The cost price of article A-1 changed "), "{message}");
    // 20 changes in 200 seconds: some at once, then one a minute at most.
    let writes = world.list_writes().iter().filter(|write| write.ends_with("A-1/offer")).count();
    assert!((6..=12).contains(&writes), "{writes} writes");
    world.poll_and_work().await;
    world.assert_offers_equal(false);
    for _ in 0..14 {
        world.poll_and_work().await;
    }
    assert_eq!(world.read_article("12").await, ("sent".to_owned(), vec![]));
}

#[tokio::test]
async fn an_order_that_waits_for_an_article_is_due_as_soon_as_it_comes_in() {
    let world = World::new_activated().await;
    world.place_order_of_article("PF-1", "NEW");
    world.place_order_of_article("PF-2", "NEW-2");
    for _ in 0..20 {
        world.poll_and_work().await;
    }
    let state = |id: &'static str| async {
        world.stack.order_record(&world.connection, id).await.unwrap().state.as_str()
    };
    assert_eq!(state("PF-1").await, "blocked");
    // By now it is looked at hourly; the article brings it in with the next poll.
    world.robaws.create_article(Article::new("90", "NEW"));
    world.deliver_and_work().await;
    world.poll_and_work().await;
    assert_eq!(state("PF-1").await, "booked");
    assert_eq!(state("PF-2").await, "blocked");
    world.robaws.edit_article("90", |article| article.article_number = Some("NEW-2".to_owned()));
    world.deliver_and_work().await;
    world.poll_and_work().await;
    assert_eq!(state("PF-2").await, "booked");
}

#[tokio::test]
async fn our_own_stock_changes_come_back_once_and_end() {
    let world = World::new_activated().await;
    world.place_order_of_article("PF-1", "A-1");
    world.clear_calls();
    for _ in 0..4 {
        world.poll_and_work().await;
    }
    world.assert_offers_equal(false);
    assert_eq!(world.list_writes(), ["POST /product/A-1/offer"]);
}

#[tokio::test]
async fn an_order_for_a_number_under_which_we_sent_an_article_is_for_that_article() {
    let world = World::new_activated().await;
    world.robaws.edit_article("12", |article| article.article_number = Some("A-1b".to_owned()));
    world.deliver_and_work().await;
    world.place_order_of_article("PF-1", "A-1");
    world.poll_and_work().await;
    assert_eq!(world.robaws.stock_at("12", demo::STOCK_LOCATION), Decimal::from(23));
}

#[tokio::test]
async fn the_last_of_the_days_requests_are_for_orders() {
    let world = World::new_activated().await;
    world.robaws.set_used_today(8_500, 0);
    world.robaws.set_stock("12", demo::STOCK_LOCATION, 9);
    world.deliver_and_work().await;
    // The answers to that look told what is left: from now on articles wait.
    world.robaws.set_stock("13", demo::STOCK_LOCATION, 9);
    world.deliver_and_work().await;
    world.poll_and_work().await;
    assert_eq!(world.productflow.find_offer("A-2").unwrap().qty_available, 140);
    world.place_order_of_article("PF-1", "A-1");
    world.poll_and_work().await;
    assert_eq!(world.robaws.stock_at("12", demo::STOCK_LOCATION), Decimal::from(7));
    world.clock.advance_by(SignedDuration::from_hours(17));
    world.poll_and_work().await;
    world.poll_and_work().await;
    world.assert_offers_equal(false);
}

#[tokio::test]
async fn every_article_can_be_ticked_at_once() {
    let world = World::new_activated().await;
    for n in 0..120 {
        world.robaws.put_article(Article::new(&format!("{}", 1000 + n), &format!("T-{n}")));
    }
    world.robaws.change_settings(|settings| {
        settings.rate_per_second = 10_000;
        settings.burst = 10_000;
    });
    assert_eq!(world.post_to_api("articles/tick", json!({})).await.0, 400);
    assert_eq!(world.post_to_api("articles/tick", json!({ "all": false })).await.0, 400);
    assert_eq!(world.post_to_api("articles/tick", json!({ "all": true })).await.0, 202);
    world.deliver_and_work().await;
    world.poll_and_work().await;
    let unticked = world.robaws.articles().into_iter().filter(|article| !article.is_ticked()).count();
    assert_eq!(unticked, 0);
    world.assert_offers_equal(false);
    // Everything again, although nothing changed.
    world.clear_calls();
    assert_eq!(world.post_to_api("articles/push", json!({})).await.0, 202);
    world.deliver_and_work().await;
    assert_eq!(world.list_writes().len(), 2 * 124);
}

#[tokio::test]
async fn a_missing_checkbox_is_said_and_closed_once_it_is_there() {
    let world = World::without_connection().await;
    for id in ["12", "13", "14"] {
        world.robaws.edit_article_silently(id, |article| article.extra_fields.clear());
    }
    world.robaws.change_settings(|settings| settings.product_flow_defined = false);
    world.create_connection(json!({})).await;
    world.activate_connection().await;
    world.deliver_and_work().await;
    assert_eq!(world.connection_problem_codes().await, ["checkbox_missing"]);
    let ticked = |article: &Article| !article.extra_fields.is_empty();
    assert!(!world.robaws.articles().iter().any(ticked), "an article was changed to find out");
    world.robaws.change_settings(|settings| settings.product_flow_defined = true);
    world.robaws.edit_article("12", |article| article.set_tick(true));
    world.deliver_and_work().await;
    assert_eq!(world.connection_problem_codes().await, [""; 0]);
    world.assert_offers_equal(false);
}

#[tokio::test]
async fn a_number_that_many_others_contain_costs_no_more_once_it_is_known_to_be_unique() {
    let world = World::without_connection().await;
    world.robaws.change_settings(|settings| {
        settings.rate_per_second = 10_000;
        settings.burst = 10_000;
    });
    for n in 0..250 {
        world.robaws.put_article(Article::new(&format!("{}", 1000 + n), &format!("X1-{n}")));
    }
    world.robaws.put_article(Article::new("900", "X1").with_tick(true));
    world.create_connection(json!({})).await;
    world.activate_connection().await;
    world.deliver_and_work().await;
    world.assert_offers_equal(false);
    world.clear_calls();
    world.robaws.set_stock("900", demo::STOCK_LOCATION, 5);
    world.deliver_and_work().await;
    assert_eq!(world.count_calls(), (1, 1));
    world.assert_offers_equal(false);
    // Another takes the number: that is announced, and then it is looked up.
    world.robaws.edit_article("1007", |article| article.article_number = Some("X1".to_owned()));
    world.deliver_and_work().await;
    world.assert_offers_equal(false);
    assert_eq!(world.read_article("900").await.1, ["article_not_unique"]);
    world.robaws.edit_article("1007", |article| article.article_number = Some("X1-7".to_owned()));
    world.deliver_and_work().await;
    world.assert_offers_equal(false);
}

#[tokio::test]
async fn a_module_that_may_not_be_read_is_named_until_it_may() {
    let world = World::new_activated().await;
    let list = Fault::for_call("GET", "/articles").until_cleared();
    world.stack.robaws.add_fault(list.answer_status(403));
    world.robaws.set_stock("12", demo::STOCK_LOCATION, 5);
    world.deliver_and_work().await;
    assert_eq!(world.connection_problem_codes().await, ["robaws_permission"]);
    // Every night asks once, and the polls don't ask again and again.
    world.pass_hours_and_check(18).await;
    world.clear_calls();
    for _ in 0..3 {
        world.poll_and_work().await;
    }
    assert!(!world.stack.robaws.calls().iter().any(|call| call.replica));
    world.stack.robaws.clear_faults();
    for _ in 0..12 {
        world.poll_and_work().await;
    }
    assert_eq!(world.connection_problem_codes().await, [""; 0]);
    world.assert_offers_equal(false);
}

#[tokio::test]
async fn merchants_do_not_see_each_other() {
    let world = World::new_activated().await;
    let (other, theirs) = world.add_second_merchant().await;
    assert_eq!(theirs.find_offer("A-1").unwrap().qty_available, 1);
    assert_eq!(world.productflow.find_offer("A-1").unwrap().qty_available, 25);
    other.set_stock("12", "3", 2);
    world.deliver_and_work().await;
    assert_eq!(theirs.find_offer("A-1").unwrap().qty_available, 2);
    world.assert_offers_equal(false);
    let id = ArticleId::parse("12").unwrap();
    let record = world.stack.store.load_article(&world.connection, &id).await.unwrap().unwrap();
    assert_eq!(record.connection, world.connection);
}
