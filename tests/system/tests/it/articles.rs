//! Articles: from the checkbox in Robaws to an offer in ProductFlow, and up to date ever after.

use crate::catalogue::{Catalogue, euros};
use domain::ids::ArticleId;
use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::json;
use simulators::robaws::{Article, VatTariff};
use simulators::{Fault, Outage, demo};

#[tokio::test]
async fn activation_registers_one_webhook_and_pushes_what_is_ticked() {
    let shop = Catalogue::open_with(json!({ "send_sale_price": true })).await;
    let endpoints = shop.robaws.webhook_endpoints();
    assert_eq!(endpoints.len(), 1, "{endpoints:?}");
    assert!(endpoints[0].url.ends_with("/webhooks/robaws/shop"));
    assert_eq!(shop.get("").await["webhook"], "registered");
    shop.assert_equal(true);
    let product = shop.productflow.product("A-1").unwrap();
    assert_eq!(product.texts["nl"]["title"], "Boormachine");
    let offer = shop.productflow.offer("A-1").unwrap();
    assert_eq!(
        (offer.price("cost_price"), offer.price("sell_price")),
        (Some("14.50"), Some("29.99"))
    );
    let list = shop.get("/articles?state=sent").await;
    let mut numbers: Vec<&str> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["number"].as_str().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, ["A-1", "A-2", "B-1"]);
    // Again: nothing to register, nothing to write.
    shop.clear_calls();
    shop.activate().await;
    shop.settle().await;
    assert_eq!(shop.robaws.webhook_endpoints(), endpoints);
    assert_eq!(shop.writes(), [""; 0]);
    shop.assert_clean();
}

#[tokio::test]
async fn an_endpoint_whose_secret_is_lost_is_replaced() {
    let shop = Catalogue::open().await;
    let url = shop.robaws.webhook_endpoints()[0].url.clone();
    shop.stack
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
    let before = shop.robaws.webhook_endpoints();
    shop.activate().await;
    let after = shop.robaws.webhook_endpoints();
    assert_eq!(after.len(), 1);
    assert_eq!(after[0].url, url);
    assert_ne!(after[0].id, before[0].id);
    shop.robaws
        .edit_article("12", |article| article.cost_price = euros(1500));
    shop.settle().await;
    shop.assert_equal(false);
    shop.assert_clean();
}

#[tokio::test]
async fn an_api_that_moved_takes_its_webhook_along() {
    let shop = Catalogue::open().await;
    let elsewhere = "https://old.example/webhooks/robaws/shop";
    let item = shop
        .stack
        .store
        .connection(&shop.connection)
        .await
        .unwrap()
        .unwrap();
    let mut webhook = item.webhook.unwrap();
    shop.robaws.move_webhook(&webhook.endpoint_id, elsewhere);
    webhook.url = elsewhere.to_owned();
    shop.stack
        .store
        .save_webhook(&shop.connection, Some(&webhook))
        .await
        .unwrap();
    shop.activate().await;
    let endpoints = shop.robaws.webhook_endpoints();
    assert_eq!(endpoints.len(), 1, "{endpoints:?}");
    assert_ne!(endpoints[0].url, elsewhere);
    shop.robaws.set_stock("12", demo::STOCK_LOCATION, 4);
    shop.settle().await;
    shop.assert_equal(false);
    shop.assert_clean();
}

#[tokio::test]
async fn deactivation_removes_the_webhook_and_coming_back_pushes_again() {
    let shop = Catalogue::open().await;
    shop.post("deactivate", json!({})).await;
    assert_eq!(shop.robaws.webhook_endpoints().len(), 0);
    assert_eq!(shop.get("").await["webhook"], "missing");
    shop.robaws.set_stock("12", demo::STOCK_LOCATION, 3);
    shop.robaws.edit_article("13", |article| article.tick(false));
    shop.clear_calls();
    shop.round().await;
    assert_eq!(shop.calls(), (0, 0));
    shop.activate().await;
    shop.settle().await;
    shop.assert_equal(false);
    shop.assert_clean();
}

#[tokio::test]
async fn deactivation_does_not_depend_on_robaws() {
    for refused in [403, 405] {
        let shop = Catalogue::open().await;
        shop.robaws
            .set(|settings| settings.webhook_delete_refused = Some(refused));
        assert_eq!(shop.post("deactivate", json!({})).await.0, 200);
        shop.robaws.set_stock("12", demo::STOCK_LOCATION, 3);
        shop.clear_calls();
        let answers = shop.stack.robaws.deliver_due().await;
        assert_eq!(answers[0].status, Some(404));
        assert_eq!(shop.calls(), (0, 0));
        // The endpoint that Robaws would not remove signs with a secret that we hold no longer.
        shop.activate().await;
        shop.robaws.set_stock("12", demo::STOCK_LOCATION, 4);
        shop.settle().await;
        shop.assert_equal(false);
    }
}

#[tokio::test]
async fn a_webhook_that_robaws_does_not_allow_is_told_at_activation() {
    let shop = Catalogue::empty().await;
    shop.create(json!({})).await;
    shop.stack
        .robaws
        .fault(Fault::on("POST", "/webhook-endpoints").forever().status(403));
    let (status, answer) = shop.post("activate", json!({})).await;
    assert_eq!(status, 422);
    assert_eq!(answer["error"]["details"][0]["field"], "robaws.webhooks");
    assert_eq!(shop.get("").await["state"], "inactive");
}

#[tokio::test]
async fn every_change_is_sent_with_the_fewest_calls() {
    let shop = Catalogue::open_with(json!({ "send_sale_price": true })).await;
    shop.clear_calls();
    shop.robaws.edit_article("12", |article| {
        article.cost_price = euros(1500);
        article.sale_name = Some("Klopboormachine".to_owned());
        article.description = Some("Met koffer".to_owned());
    });
    shop.settle().await;
    assert_eq!(shop.calls(), (1, 2));
    assert_eq!(shop.writes(), ["POST /product/A-1", "POST /product/A-1/offer"]);
    shop.clear_calls();
    shop.robaws.set_stock("12", demo::STOCK_LOCATION, 7);
    shop.settle().await;
    assert_eq!(shop.calls(), (1, 1));
    assert_eq!(shop.writes(), ["POST /product/A-1/offer"]);
    let product = shop.productflow.product("A-1").unwrap();
    assert_eq!(product.texts["nl"]["title"], "Klopboormachine");
    assert_eq!(product.texts["nl"]["description"], "Met koffer");
    shop.assert_equal(true);
    // A change that changes nothing for ProductFlow.
    shop.clear_calls();
    shop.robaws
        .edit_article("12", |article| article.name = Some("intern".to_owned()));
    shop.settle().await;
    assert_eq!(shop.calls(), (1, 0));
    shop.assert_clean();
}

#[tokio::test]
async fn repeated_reordered_and_incomplete_events_end_at_the_latest_state() {
    let shop = Catalogue::open().await;
    shop.robaws.set(|settings| {
        settings.webhook_repeat = true;
        settings.webhook_reorder = true;
        settings.webhook_guid_keys = true;
    });
    for pieces in [9, 4, 30, 2] {
        shop.robaws.set_stock("12", demo::STOCK_LOCATION, pieces);
        shop.robaws
            .edit_article("12", |article| article.cost_price = euros(pieces * 100));
    }
    shop.clear_calls();
    shop.settle().await;
    shop.assert_equal(false);
    assert_eq!(shop.writes(), ["POST /product/A-1/offer"]);
    shop.assert_clean();
}

#[tokio::test]
async fn what_is_no_longer_for_sale_is_withdrawn_once() {
    let shop = Catalogue::open().await;
    shop.clear_calls();
    shop.robaws.edit_article("12", |article| article.tick(false));
    shop.settle().await;
    assert_eq!(shop.writes(), ["DELETE /product/A-1/offer"]);
    shop.robaws.set_stock("12", demo::STOCK_LOCATION, 1);
    shop.settle().await;
    assert_eq!(shop.writes().len(), 1);
    assert_eq!(shop.article("12").await.0, "off");
    // No event tells that an article was archived or removed.
    shop.robaws.archive_article("13");
    shop.robaws.remove_article("14");
    shop.night_after(18).await;
    shop.assert_equal(false);
    assert_eq!(shop.writes().len(), 3);
    shop.robaws.restore_article("13");
    shop.robaws.edit_article("12", |article| article.tick(true));
    shop.night_after(24).await;
    shop.assert_equal(false);
    shop.assert_clean();
}

#[tokio::test]
async fn a_renumbered_article_moves_and_numbers_may_be_swapped() {
    let shop = Catalogue::open().await;
    shop.clear_calls();
    shop.robaws
        .edit_article("12", |article| article.article_number = Some("A-1b".to_owned()));
    shop.settle().await;
    shop.assert_equal(false);
    assert_eq!(
        shop.writes(),
        [
            "DELETE /product/A-1/offer",
            "POST /product/A-1b",
            "POST /product/A-1b/offer"
        ]
    );
    shop.robaws
        .edit_article_silently("13", |article| article.article_number = Some("B-1".to_owned()));
    shop.robaws
        .edit_article("14", |article| article.article_number = Some("A-2".to_owned()));
    shop.robaws.edit_article("13", |_| {});
    shop.settle().await;
    shop.assert_equal(false);
    shop.assert_clean();
}

#[tokio::test]
async fn an_offer_that_another_article_took_over_is_not_withdrawn() {
    let shop = Catalogue::open().await;
    let withdrawal = Fault::on("DELETE", "/product/A-1/offer");
    shop.stack.productflow.fault(withdrawal.times(1).status(500));
    shop.robaws
        .edit_article("12", |article| article.article_number = Some("Z-1".to_owned()));
    shop.settle().await;
    shop.robaws
        .edit_article("13", |article| article.article_number = Some("A-1".to_owned()));
    shop.settle().await;
    assert_eq!(shop.productflow.offer("A-1").unwrap().qty_available, 140);
    // The first article's withdrawal is tried again.
    for _ in 0..3 {
        shop.round().await;
    }
    shop.assert_equal(false);
    shop.assert_clean();
}

#[tokio::test]
async fn of_two_equal_numbers_neither_is_sold_until_one_is_left() {
    let shop = Catalogue::open().await;
    shop.robaws.create_article(Article::new("20", "A-1").ticked(true));
    shop.settle().await;
    shop.assert_equal(false);
    for id in ["12", "20"] {
        assert_eq!(
            shop.article(id).await,
            ("problem".to_owned(), vec!["article_not_unique".to_owned()])
        );
    }
    // Each in its case is another number.
    shop.robaws
        .edit_article("20", |article| article.article_number = Some("a-1".to_owned()));
    shop.settle().await;
    shop.assert_equal(false);
    assert_eq!(shop.article("12").await, ("sent".to_owned(), vec![]));
    assert_eq!(shop.article("20").await, ("sent".to_owned(), vec![]));
    // An unticked one counts as well.
    shop.robaws.create_article(Article::new("21", "A-2"));
    shop.settle().await;
    shop.assert_equal(false);
    assert_eq!(shop.article("13").await.1, ["article_not_unique"]);
    shop.robaws
        .edit_article("21", |article| article.article_number = Some("A-22".to_owned()));
    shop.settle().await;
    shop.assert_equal(false);
    // No event tells that the other one was archived: it is looked at again by itself.
    shop.robaws.create_article(Article::new("22", "B-1"));
    shop.settle().await;
    assert!(shop.productflow.offer("B-1").is_none());
    shop.robaws.archive_article("22");
    for _ in 0..4 {
        shop.round().await;
    }
    shop.assert_equal(false);
    shop.assert_clean();
}

#[tokio::test]
async fn a_number_that_can_not_be_addressed_is_said_and_not_sent() {
    let shop = Catalogue::open().await;
    shop.robaws.create_article(Article::new("20", "A/1").ticked(true));
    let mut nameless = Article::new("21", "x").ticked(true);
    nameless.article_number = None;
    shop.robaws.create_article(nameless);
    shop.settle().await;
    for id in ["20", "21"] {
        assert_eq!(shop.article(id).await.1, ["article_number_invalid"]);
    }
    shop.robaws
        .edit_article("20", |article| article.article_number = Some("A-9".to_owned()));
    shop.settle().await;
    assert_eq!(shop.article("20").await, ("sent".to_owned(), vec![]));
    shop.assert_equal(false);
    shop.assert_clean();
}

#[tokio::test]
async fn an_outage_of_either_peer_loses_no_change() {
    let shop = Catalogue::open().await;
    shop.stack.productflow.outage(Some(Outage::Drop));
    shop.robaws.set_stock("12", demo::STOCK_LOCATION, 3);
    shop.robaws.edit_article("13", |article| article.tick(false));
    shop.settle().await;
    shop.stack.aws.queues.lose_all("articles.fifo");
    for _ in 0..30 {
        shop.round().await;
    }
    shop.robaws.create_article(Article::new("20", "NEW").ticked(true));
    shop.settle().await;
    shop.stack.productflow.outage(None);
    for _ in 0..16 {
        shop.round().await;
    }
    shop.assert_equal(false);
    shop.stack.robaws.outage(Some(Outage::Unavailable));
    shop.robaws.set_stock("14", demo::STOCK_LOCATION, 2);
    shop.settle().await;
    for _ in 0..6 {
        shop.round().await;
    }
    shop.stack.robaws.outage(None);
    for _ in 0..16 {
        shop.round().await;
    }
    shop.assert_equal(false);
    shop.assert_clean();
}

#[tokio::test]
async fn who_asks_for_a_push_does_not_wait_for_the_end_of_a_pause() {
    let shop = Catalogue::open().await;
    shop.stack.productflow.outage(Some(Outage::Unavailable));
    shop.robaws.set_stock("12", demo::STOCK_LOCATION, 3);
    shop.settle().await;
    for _ in 0..8 {
        shop.round().await;
    }
    shop.stack.productflow.outage(None);
    assert!(shop.get("").await["paused"]["productflow"].is_string());
    assert_eq!(shop.post("articles/push", json!({})).await.0, 202);
    shop.settle().await;
    shop.assert_equal(false);
    assert!(shop.get("").await["paused"]["productflow"].is_null());
    shop.assert_clean();
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_made_again() {
    let shop = Catalogue::open().await;
    shop.stack
        .productflow
        .fault(Fault::on("POST", "/product/*/offer").drop_after());
    shop.robaws.set_stock("12", demo::STOCK_LOCATION, 3);
    shop.settle().await;
    // Back to what was certain before, while it is not certain what ProductFlow has.
    shop.robaws.set_stock("12", demo::STOCK_LOCATION, 25);
    shop.settle().await;
    shop.round().await;
    shop.assert_equal(false);
    shop.assert_clean();
}

#[tokio::test]
async fn what_productflow_refuses_is_said_and_sent_again_with_the_next_change() {
    let shop = Catalogue::open().await;
    shop.stack
        .productflow
        .fault(Fault::on("POST", "/product/A-1/offer").forever().status(422));
    shop.robaws.set_stock("12", demo::STOCK_LOCATION, 3);
    shop.robaws.set_stock("13", demo::STOCK_LOCATION, 4);
    shop.settle().await;
    assert_eq!(shop.article("12").await.1, ["productflow_refused"]);
    assert_eq!(shop.article("13").await, ("sent".to_owned(), vec![]));
    shop.stack.productflow.clear_faults();
    shop.robaws.set_stock("12", demo::STOCK_LOCATION, 5);
    shop.settle().await;
    assert_eq!(shop.article("12").await, ("sent".to_owned(), vec![]));
    shop.assert_equal(false);
}

#[tokio::test]
async fn a_stock_that_is_not_told_is_not_zero() {
    let shop = Catalogue::open().await;
    shop.robaws.edit_article("12", |article| {
        article.available_stock_override = Some(serde_json::Value::Null);
    });
    shop.settle().await;
    assert_eq!(shop.productflow.offer("A-1").unwrap().qty_available, 25);
    assert_eq!(shop.article("12").await.0, "due");
    shop.robaws.edit_article_silently("12", |article| {
        article.available_stock_override = Some(json!(-2.5));
    });
    shop.round().await;
    assert_eq!(shop.productflow.offer("A-1").unwrap().qty_available, 0);
}

#[tokio::test]
async fn the_sale_price_follows_tariff_and_settings() {
    let shop = Catalogue::open().await;
    assert_eq!(shop.productflow.offer("A-1").unwrap().price("sell_price"), None);
    let change = json!({ "settings": { "send_sale_price": true, "product_language": "fr" } });
    let path = "/api/connections/shop";
    assert_eq!(shop.stack.api("PATCH", path, &change).await.unwrap().0, 200);
    shop.settle().await;
    shop.assert_equal(true);
    assert_eq!(
        shop.productflow.product("A-1").unwrap().texts["fr"]["title"],
        "Boormachine"
    );
    shop.robaws
        .edit_article("12", |article| article.vat_tariff_id = Some("8".to_owned()));
    shop.robaws
        .edit_article("13", |article| article.vat_tariff_id = None);
    shop.settle().await;
    assert_eq!(
        shop.productflow.offer("A-1").unwrap().price("sell_price"),
        Some("36.29")
    );
    assert_eq!(shop.productflow.offer("A-2").unwrap().price("sell_price"), None);
    assert_eq!(shop.article("13").await.1, ["sale_price_vat_unknown"]);
    // A tariff changes: no event tells, the night does.
    shop.robaws
        .put_vat_tariff(VatTariff::new("8", Decimal::from(6), false));
    shop.night_after(20).await;
    assert_eq!(
        shop.productflow.offer("A-1").unwrap().price("sell_price"),
        Some("31.79")
    );
    let change = json!({ "settings": { "sale_price_vat_tariff_id": "7" } });
    assert_eq!(shop.stack.api("PATCH", path, &change).await.unwrap().0, 200);
    shop.settle().await;
    assert_eq!(shop.article("13").await, ("sent".to_owned(), vec![]));
    assert_eq!(
        shop.productflow.offer("A-2").unwrap().price("sell_price"),
        Some("5.95")
    );
    shop.assert_clean();
}

#[tokio::test]
async fn a_value_that_flips_is_slowed_and_said_and_forgotten() {
    let shop = Catalogue::open().await;
    for turn in 0..20 {
        let cost = if turn % 2 == 0 { 1500 } else { 1450 };
        shop.robaws
            .edit_article("12", |article| article.cost_price = euros(cost));
        shop.settle().await;
        shop.clock.advance(SignedDuration::from_secs(10));
    }
    assert_eq!(shop.article("12").await.1, ["article_flips"]);
    let list = shop.get("/articles?state=problem").await;
    let message = list["items"][0]["problems"][0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("The cost price of article A-1 changed "),
        "{message}"
    );
    // 20 changes in 200 seconds: some at once, then one a minute at most.
    let writes = shop
        .writes()
        .iter()
        .filter(|write| write.ends_with("A-1/offer"))
        .count();
    assert!((6..=12).contains(&writes), "{writes} writes");
    shop.round().await;
    shop.assert_equal(false);
    for _ in 0..14 {
        shop.round().await;
    }
    assert_eq!(shop.article("12").await, ("sent".to_owned(), vec![]));
    shop.assert_clean();
}

#[tokio::test]
async fn an_order_that_waits_for_an_article_is_due_as_soon_as_it_comes_in() {
    let shop = Catalogue::open().await;
    shop.place("PF-1", "NEW");
    shop.place("PF-2", "NEW-2");
    for _ in 0..20 {
        shop.round().await;
    }
    let state = |id: &'static str| async {
        shop.stack
            .order(&shop.connection, id)
            .await
            .unwrap()
            .state
            .as_str()
    };
    assert_eq!(state("PF-1").await, "blocked");
    // By now it is looked at hourly; the article brings it in with the next poll.
    shop.robaws.create_article(Article::new("90", "NEW"));
    shop.settle().await;
    shop.round().await;
    assert_eq!(state("PF-1").await, "booked");
    assert_eq!(state("PF-2").await, "blocked");
    shop.robaws
        .edit_article("90", |article| article.article_number = Some("NEW-2".to_owned()));
    shop.settle().await;
    shop.round().await;
    assert_eq!(state("PF-2").await, "booked");
    shop.assert_clean();
}

#[tokio::test]
async fn our_own_stock_changes_come_back_once_and_end() {
    let shop = Catalogue::open().await;
    shop.place("PF-1", "A-1");
    shop.clear_calls();
    for _ in 0..4 {
        shop.round().await;
    }
    shop.assert_equal(false);
    assert_eq!(shop.writes(), ["POST /product/A-1/offer"]);
    shop.assert_clean();
}

#[tokio::test]
async fn an_order_for_a_number_under_which_we_sent_an_article_is_for_that_article() {
    let shop = Catalogue::open().await;
    shop.robaws
        .edit_article("12", |article| article.article_number = Some("A-1b".to_owned()));
    shop.settle().await;
    shop.place("PF-1", "A-1");
    shop.round().await;
    assert_eq!(shop.robaws.stock("12", demo::STOCK_LOCATION), Decimal::from(23));
    shop.assert_clean();
}

#[tokio::test]
async fn the_last_of_the_days_requests_are_for_orders() {
    let shop = Catalogue::open().await;
    shop.robaws.set_used_today(8_500, 0);
    shop.robaws.set_stock("12", demo::STOCK_LOCATION, 9);
    shop.settle().await;
    // The answers to that look told what is left: from now on articles wait.
    shop.robaws.set_stock("13", demo::STOCK_LOCATION, 9);
    shop.settle().await;
    shop.round().await;
    assert_eq!(shop.productflow.offer("A-2").unwrap().qty_available, 140);
    shop.place("PF-1", "A-1");
    shop.round().await;
    assert_eq!(shop.robaws.stock("12", demo::STOCK_LOCATION), Decimal::from(7));
    shop.clock.advance(SignedDuration::from_hours(17));
    shop.round().await;
    shop.round().await;
    shop.assert_equal(false);
    shop.assert_clean();
}

#[tokio::test]
async fn every_article_can_be_ticked_at_once() {
    let shop = Catalogue::open().await;
    for n in 0..120 {
        shop.robaws
            .put_article(Article::new(&format!("{}", 1000 + n), &format!("T-{n}")));
    }
    shop.robaws.set(|settings| {
        settings.rate_per_second = 10_000;
        settings.burst = 10_000;
    });
    assert_eq!(shop.post("articles/tick", json!({})).await.0, 400);
    assert_eq!(shop.post("articles/tick", json!({ "all": false })).await.0, 400);
    assert_eq!(shop.post("articles/tick", json!({ "all": true })).await.0, 202);
    shop.settle().await;
    shop.round().await;
    let unticked = shop
        .robaws
        .articles()
        .into_iter()
        .filter(|article| !article.is_ticked())
        .count();
    assert_eq!(unticked, 0);
    shop.assert_equal(false);
    // Everything again, although nothing changed.
    shop.clear_calls();
    assert_eq!(shop.post("articles/push", json!({})).await.0, 202);
    shop.settle().await;
    assert_eq!(shop.writes().len(), 2 * 124);
    shop.assert_clean();
}

#[tokio::test]
async fn a_missing_checkbox_is_said_and_closed_once_it_is_there() {
    let shop = Catalogue::empty().await;
    for id in ["12", "13", "14"] {
        shop.robaws
            .edit_article_silently(id, |article| article.extra_fields.clear());
    }
    shop.robaws.set(|settings| settings.product_flow_defined = false);
    shop.create(json!({})).await;
    shop.activate().await;
    shop.settle().await;
    assert_eq!(shop.codes().await, ["checkbox_missing"]);
    let ticked = |article: &Article| !article.extra_fields.is_empty();
    assert!(
        !shop.robaws.articles().iter().any(ticked),
        "an article was changed to find out"
    );
    shop.robaws.set(|settings| settings.product_flow_defined = true);
    shop.robaws.edit_article("12", |article| article.tick(true));
    shop.settle().await;
    assert_eq!(shop.codes().await, [""; 0]);
    shop.assert_equal(false);
}

#[tokio::test]
async fn a_number_that_many_others_contain_costs_no_more_once_it_is_known_to_be_unique() {
    let shop = Catalogue::empty().await;
    shop.robaws.set(|settings| {
        settings.rate_per_second = 10_000;
        settings.burst = 10_000;
    });
    for n in 0..250 {
        shop.robaws
            .put_article(Article::new(&format!("{}", 1000 + n), &format!("X1-{n}")));
    }
    shop.robaws.put_article(Article::new("900", "X1").ticked(true));
    shop.create(json!({})).await;
    shop.activate().await;
    shop.settle().await;
    shop.assert_equal(false);
    shop.clear_calls();
    shop.robaws.set_stock("900", demo::STOCK_LOCATION, 5);
    shop.settle().await;
    assert_eq!(shop.calls(), (1, 1));
    shop.assert_equal(false);
    // Another takes the number: that is announced, and then it is looked up.
    shop.robaws
        .edit_article("1007", |article| article.article_number = Some("X1".to_owned()));
    shop.settle().await;
    shop.assert_equal(false);
    assert_eq!(shop.article("900").await.1, ["article_not_unique"]);
    shop.robaws
        .edit_article("1007", |article| article.article_number = Some("X1-7".to_owned()));
    shop.settle().await;
    shop.assert_equal(false);
    shop.assert_clean();
}

#[tokio::test]
async fn a_module_that_may_not_be_read_is_named_until_it_may() {
    let shop = Catalogue::open().await;
    let list = Fault::on("GET", "/articles").forever();
    shop.stack.robaws.fault(list.status(403));
    shop.robaws.set_stock("12", demo::STOCK_LOCATION, 5);
    shop.settle().await;
    assert_eq!(shop.codes().await, ["robaws_permission"]);
    // Every night asks once, and the polls don't ask again and again.
    shop.night_after(18).await;
    shop.clear_calls();
    for _ in 0..3 {
        shop.round().await;
    }
    assert!(!shop.stack.robaws.calls().iter().any(|call| call.replica));
    shop.stack.robaws.clear_faults();
    for _ in 0..12 {
        shop.round().await;
    }
    assert_eq!(shop.codes().await, [""; 0]);
    shop.assert_equal(false);
}

#[tokio::test]
async fn merchants_do_not_see_each_other() {
    let shop = Catalogue::open().await;
    let (other, theirs) = shop.second_merchant().await;
    assert_eq!(theirs.offer("A-1").unwrap().qty_available, 1);
    assert_eq!(shop.productflow.offer("A-1").unwrap().qty_available, 25);
    other.set_stock("12", "3", 2);
    shop.settle().await;
    assert_eq!(theirs.offer("A-1").unwrap().qty_available, 2);
    shop.assert_equal(false);
    let id = ArticleId::parse("12").unwrap();
    let record = shop
        .stack
        .store
        .article(&shop.connection, &id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record.connection, shop.connection);
    shop.assert_clean();
}
