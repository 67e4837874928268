//! Notifications: problems of one cause told as one, closed by themselves, each with one task in Robaws for whoever is chosen.

use domain::UserId;
use jiff::SignedDuration;
use serde_json::{Value, json};
use simulators::robaws::{Article, Module};
use simulators::{Fault, OrderBuilder, demo};
use world::{World, default_settings, order_of_one_line};

async fn shop_with_user() -> World {
    let mut settings = default_settings();
    settings.task_user_id = Some(UserId::parse(demo::USER).unwrap());
    World::with_settings(settings).await
}

async fn list_notifications(world: &World, query: &str) -> Vec<Value> {
    let path = format!("/api/connections/shop/notifications{query}");
    let (status, answer) = world.stack.call_api("GET", &path, &Value::Null).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    answer["items"].as_array().unwrap().clone()
}

fn for_unknown_article(identifier: &str) -> OrderBuilder {
    OrderBuilder::new(identifier).with_line("A-9", 1, 1000, Some("7"))
}

fn open_tasks(world: &World) -> Vec<String> {
    let tasks = world.robaws.tasks().into_iter();
    tasks.filter(|task| task.status.as_deref() == Some("Te doen")).map(|task| task.title).collect()
}

#[tokio::test]
async fn orders_that_wait_for_one_article_are_one_notification_and_one_task() {
    let world = shop_with_user().await;
    for n in 1..=25 {
        world.place_order(for_unknown_article(&format!("PF-{n}")));
    }
    world.poll_and_work().await;
    let open = list_notifications(&world, "").await;
    assert_eq!(open.len(), 1, "{open:#?}");
    let told = &open[0];
    assert_eq!(told["code"], "article_not_found");
    assert_eq!(told["message"], "The following article(s) could not be found in Robaws: A-9");
    assert_eq!(told["article"], "A-9");
    assert_eq!(told["order"], Value::Null);
    assert_eq!(told["orders"].as_array().unwrap().len(), 20);
    assert_eq!((&told["orders_in_all"], &told["state"]), (&json!(25), &json!("open")));
    assert_eq!(open_tasks(&world), ["ProductFlow A-9: Article not found in Robaws"]);
    let task = &world.robaws.tasks()[0];
    assert_eq!(task.assigned_user_id.as_deref(), Some(demo::USER));
    world.poll_for_minutes(60).await;
    assert_eq!(world.robaws.tasks().len(), 1);

    world.robaws.put_article(Article::new("90", "A-9"));
    world.poll_for_minutes(70).await;
    assert!(list_notifications(&world, "").await.is_empty());
    let solved = list_notifications(&world, "?state=resolved").await;
    assert_eq!((solved.len(), &solved[0]["id"]), (1, &told["id"]));
    assert!(solved[0]["resolved_at"].is_string());
    assert!(open_tasks(&world).is_empty());
    assert_eq!(world.robaws.tasks().len(), 1);
}

#[tokio::test]
async fn what_comes_back_is_told_again() {
    let world = shop_with_user().await;
    world.place_order(for_unknown_article("PF-1"));
    world.poll_and_work().await;
    world.robaws.put_article(Article::new("90", "A-9"));
    world.poll_for_minutes(30).await;
    assert!(list_notifications(&world, "").await.is_empty());
    world.robaws.remove_article("90");
    world.poll_for_minutes(10).await;
    world.place_order(for_unknown_article("PF-2"));
    world.poll_for_minutes(10).await;
    let open = list_notifications(&world, "").await;
    assert_eq!(open.len(), 1);
    assert_eq!(open[0]["order"], "PF-2");
    assert_eq!(world.robaws.tasks().len(), 2);
    assert_eq!(open_tasks(&world).len(), 1);
    assert_eq!(list_notifications(&world, "?state=all").await.len(), 1);
}

#[tokio::test]
async fn nobody_chosen_means_no_task_until_somebody_is() {
    let world = World::new().await;
    world.place_order(for_unknown_article("PF-1"));
    world.poll_for_minutes(10).await;
    assert_eq!(list_notifications(&world, "").await.len(), 1);
    assert!(world.robaws.tasks().is_empty());
    let change = json!({ "settings": { "task_user_id": demo::USER } });
    let (status, answer) = world.stack.call_api("PATCH", "/api/connections/shop", &change).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    world.poll_and_work().await;
    assert_eq!(open_tasks(&world).len(), 1);
}

#[tokio::test]
async fn a_failing_task_holds_up_no_order_and_is_made_once() {
    let world = shop_with_user().await;
    lose_answers_to_new_tasks(&world, 6);
    world.place_order(for_unknown_article("PF-1"));
    world.place_order(order_of_one_line("PF-2"));
    world.poll_and_work().await;
    assert_eq!(world.order_state("PF-2").await, "booked");
    assert_eq!(list_notifications(&world, "").await.len(), 1);
    world.poll_for_minutes(120).await;
    assert_eq!(world.robaws.tasks().len(), 1, "lost answers are no second task");
}

#[tokio::test]
async fn a_user_who_is_gone_is_told_on_the_page_alone() {
    let world = shop_with_user().await;
    world.robaws.remove_record(Module::Users, demo::USER);
    world.place_order(for_unknown_article("PF-1"));
    world.poll_for_minutes(15).await;
    let open = list_notifications(&world, "").await;
    let codes: Vec<&str> = open.iter().map(|told| told["code"].as_str().unwrap()).collect();
    assert_eq!(codes.len(), 2, "{codes:?}");
    assert!(codes.contains(&"setting_gone") && codes.contains(&"article_not_found"));
    assert!(world.robaws.tasks().is_empty());
    world.robaws.put_user("19", "Jan");
    let change = json!({ "settings": { "task_user_id": "19" } });
    let (status, _) = world.stack.call_api("PATCH", "/api/connections/shop", &change).await.unwrap();
    assert_eq!(status, 200);
    world.place_order(OrderBuilder::new("PF-2").with_line("A-8", 1, 500, Some("7")));
    world.poll_for_minutes(10).await;
    assert_eq!(open_tasks(&world).len(), 1);
    let open = list_notifications(&world, "").await;
    assert!(open.iter().all(|told| told["code"] == "article_not_found"), "{open:#?}");
}

#[tokio::test]
async fn a_flood_makes_twenty_tasks_a_day() {
    let world = shop_with_user().await;
    for n in 0..30 {
        world.place_order(OrderBuilder::new(&format!("PF-{n}")).with_line(
            &format!("X-{n}"),
            1,
            1000,
            Some("7"),
        ));
    }
    world.poll_for_minutes(30).await;
    assert_eq!(list_notifications(&world, "").await.len(), 30);
    assert_eq!(world.robaws.tasks().len(), 20);
    world.clock.advance_by(SignedDuration::from_hours(16));
    world.poll_for_minutes(10).await;
    assert_eq!(world.robaws.tasks().len(), 30);
}

#[tokio::test]
async fn every_notification_can_be_read_in_four_languages() {
    let world = World::new().await;
    world.place_order(for_unknown_article("PF-1"));
    world.poll_and_work().await;
    for (lang, message) in [
        ("en", "The following article(s) could not be found in Robaws: A-9"),
        ("nl", "Volgende artikel(s) konden niet worden gevonden in Robaws: A-9"),
        ("fr", "Le ou les articles suivants n'ont pas pu être trouvés dans Robaws : A-9"),
        ("de", "Der/die folgende(n) Artikel konnte(n) nicht in Robaws gefunden werden: A-9"),
    ] {
        let told = list_notifications(&world, &format!("?lang={lang}")).await;
        assert_eq!(told[0]["message"], message);
    }
    let bad = world.stack.call_api("GET", "/api/connections/shop/notifications?lang=es", &Value::Null);
    assert_eq!(bad.await.unwrap().0, 400);
    let bad = world.stack.call_api("GET", "/api/connections/shop/notifications?state=x", &Value::Null);
    assert_eq!(bad.await.unwrap().0, 400);
}

#[tokio::test]
async fn handled_closes_the_notification_and_the_task() {
    let world = shop_with_user().await;
    world.place_order(for_unknown_article("PF-1"));
    world.poll_and_work().await;
    let path = "/api/connections/shop/orders/PF-1/settle";
    let (status, _) = world.stack.call_api("POST", path, &json!({ "as": "handled" })).await.unwrap();
    assert_eq!(status, 200);
    assert!(list_notifications(&world, "").await.is_empty());
    world.poll_and_work().await;
    assert!(open_tasks(&world).is_empty());
}

#[tokio::test]
async fn refused_credentials_are_told_and_close_by_themselves() {
    let world = shop_with_user().await;
    world.stack.productflow.revoke_token(demo::TOKEN);
    world.poll_and_work().await;
    let open = list_notifications(&world, "").await;
    assert_eq!(open.len(), 1);
    assert_eq!(open[0]["code"], "productflow_credentials");
    assert!(open[0]["message"].as_str().unwrap().contains("42"));
    assert_eq!(open_tasks(&world).len(), 1);
    world.productflow.add_token(demo::TOKEN);
    world.poll_for_minutes(70).await;
    assert!(list_notifications(&world, "").await.is_empty());
    assert!(open_tasks(&world).is_empty());
}

#[tokio::test]
async fn an_outage_is_told_after_an_hour() {
    let world = shop_with_user().await;
    world.stack.productflow.set_outage(Some(simulators::Outage::Unavailable));
    world.poll_for_minutes(50).await;
    assert!(list_notifications(&world, "").await.is_empty());
    world.poll_for_minutes(40).await;
    assert_eq!(list_notifications(&world, "").await[0]["code"], "productflow_unreachable");
    world.stack.productflow.set_outage(None);
    world.poll_for_minutes(20).await;
    assert!(list_notifications(&world, "").await.is_empty());
}

#[tokio::test]
async fn an_idle_connection_costs_nothing_more() {
    let world = shop_with_user().await;
    world.poll_for_minutes(30).await;
    world.stack.robaws.clear_calls();
    world.poll_for_minutes(30).await;
    assert!(world.stack.robaws.calls().is_empty());
}

/// The next `times` answers to a new task are lost: every other one after the task was made.
fn lose_answers_to_new_tasks(world: &World, times: usize) {
    for n in 0..times {
        let fault = Fault::for_call("POST", "/tasks").at_nth_call(u32::try_from(n).unwrap() + 1);
        world.stack.robaws.add_fault(if n % 2 == 0 { fault.drop_after() } else { fault.drop_before() });
    }
}
