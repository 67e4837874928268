//! What Robaws announces: only what its webhook signed comes in, and a burst of it ends with both peers equal.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde_json::json;
use simulators::demo;
use simulators::robaws::Article;
use world::announcements::{announce_change, deliver_announcement, sign_delivery};
use world::{World, euros};

const ARTICLES: &str = "articles.fifo";

#[tokio::test]
async fn only_what_the_webhook_signed_comes_in() {
    let world = World::new_activated().await;
    let secret = world.robaws.webhook_endpoints()[0].secret.clone();
    let now = world.now().as_second();
    let body = announce_change("e-1", "12");
    let good = sign_delivery(&secret, now, &body);
    for (header, expected) in [
        (None, 401),
        (Some("nonsense".to_owned()), 401),
        (Some(sign_delivery("another secret", now, &body)), 401),
        (Some(sign_delivery(&secret, now - 301, &body)), 401),
        (Some(sign_delivery(&secret, now + 301, &body)), 401),
        (Some(sign_delivery(&secret, now, b"{}")), 401),
    ] {
        assert_eq!(
            deliver_announcement(&world, "shop", header.as_deref(), &body, false).await,
            expected,
            "{header:?}"
        );
    }
    assert_eq!(deliver_announcement(&world, "nobody", Some(&good), &body, false).await, 404);
    assert_eq!(deliver_announcement(&world, "NOT an id", Some(&good), &body, false).await, 404);
    let large = format!("{{\"id\":\"{}\"}}", "x".repeat(1 << 20)).into_bytes();
    let signed = sign_delivery(&secret, now, &large);
    for encode in [true, false] {
        assert_eq!(deliver_announcement(&world, "shop", Some(&signed), &large, encode).await, 413);
    }
    let signed = sign_delivery(&secret, now, b"<html>");
    assert_eq!(deliver_announcement(&world, "shop", Some(&signed), b"<html>", false).await, 400);
    for other in [&br#"{"id":"x","event":"client.updated","data":{"id":"12"}}"#[..], b"{}", b"[1]"] {
        let signed = sign_delivery(&secret, now, other);
        assert_eq!(deliver_announcement(&world, "shop", Some(&signed), other, false).await, 202);
    }
    assert!(world.stack.aws.queues.messages_in(ARTICLES).is_empty());
    // Several signatures, an encoded body, and a repeat that changes nothing.
    let header = format!("v0=1,v1={},{good}", "0".repeat(64));
    assert_eq!(deliver_announcement(&world, "shop", Some(&header), &body, true).await, 202);
    assert_eq!(deliver_announcement(&world, "shop", Some(&good), &body, false).await, 202);
    let queued = world.stack.aws.queues.messages_in(ARTICLES);
    assert_eq!(queued.len(), 1);
    assert_eq!(queued[0].group, "shop");
    world.post_to_api("deactivate", json!({})).await;
    assert_eq!(deliver_announcement(&world, "shop", Some(&good), &body, false).await, 404);
}

#[tokio::test]
async fn the_secret_of_another_merchant_opens_nothing() {
    let world = World::new_activated().await;
    let (other, _) = world.add_second_merchant().await;
    let theirs = other.webhook_endpoints()[0].secret.clone();
    let body = announce_change("e-1", "12");
    let signed = sign_delivery(&theirs, world.now().as_second(), &body);
    assert_eq!(deliver_announcement(&world, "shop", Some(&signed), &body, false).await, 401);
    assert_eq!(deliver_announcement(&world, "other", Some(&signed), &body, false).await, 202);
    // The same event id of two merchants is two events.
    let ours = world.robaws.webhook_endpoints()[0].secret.clone();
    let signed = sign_delivery(&ours, world.now().as_second(), &body);
    assert_eq!(deliver_announcement(&world, "shop", Some(&signed), &body, false).await, 202);
    assert_eq!(world.stack.aws.queues.messages_in(ARTICLES).len(), 2);
}

#[tokio::test]
async fn an_event_without_its_article_is_taken_and_left_to_the_night() {
    let world = World::new_activated().await;
    let secret = world.robaws.webhook_endpoints()[0].secret.clone();
    let body = br#"{"id":"e","event":"article.updated","data":{}}"#;
    let signed = sign_delivery(&secret, world.now().as_second(), body);
    assert_eq!(deliver_announcement(&world, "shop", Some(&signed), body, false).await, 202);
    assert!(world.stack.aws.queues.messages_in(ARTICLES).is_empty());
}

/// Within the limits that Robaws really has: 15 requests a second, by the machine's clock.
#[tokio::test(flavor = "multi_thread")]
async fn a_burst_delivered_thrice_and_shuffled_ends_equal_without_a_single_429() {
    const TICKED: usize = 120;
    const CHANGED: usize = 40;
    let mut rng = StdRng::seed_from_u64(7);
    let world = World::without_connection().await;
    for n in 0..TICKED {
        let article =
            Article::new(&format!("{}", 1000 + n), &format!("SKU-{n}")).with_tick(true).with_tariff("7");
        world.robaws.put_article(article.with_prices(euros(100 + i64::try_from(n).unwrap()), euros(200)));
        world.robaws.set_stock(&format!("{}", 1000 + n), demo::STOCK_LOCATION, 5);
    }
    world.create_connection(json!({ "send_sale_price": true })).await;
    world.activate_connection().await;
    world.deliver_and_work().await;
    world.assert_offers_equal(true);
    assert_eq!(world.list_writes().len(), 2 * (TICKED + 3));
    world.clear_calls();
    let secret = world.robaws.webhook_endpoints()[0].secret.clone();
    let mut events = Vec::new();
    for n in 0..CHANGED {
        let id = format!("{}", 1000 + n);
        let cost = euros(rng.random_range(1..9_999));
        world.robaws.edit_article_silently(&id, |article| article.cost_price = cost);
        for _ in 0..3 {
            events.push(announce_change(&format!("event-{n}"), &id));
        }
    }
    events.shuffle(&mut rng);
    for body in &events {
        let signed = sign_delivery(&secret, world.now().as_second(), body);
        assert_eq!(deliver_announcement(&world, "shop", Some(&signed), body, false).await, 202);
    }
    world.deliver_and_work().await;
    world.assert_offers_equal(true);
    // No write that changed nothing, one look for each.
    assert_eq!(world.list_writes().len(), CHANGED);
    let (robaws, _) = world.count_calls();
    assert!(robaws <= 2 * CHANGED, "{robaws} calls");
    let refused = |call: &simulators::Call| call.outcome == simulators::Outcome::Answered(429);
    assert_eq!(world.stack.robaws.calls().iter().filter(|call| refused(call)).count(), 0);
}
