//! Coming in: one-time links, sessions, and asking for a new link in Robaws.

use domain::UserId;
use jiff::SignedDuration;
use serde_json::Value;
use simulators::demo;
use world::browser::Browser;
use world::{World, default_settings};

async fn create_sign_in_link(world: &World) -> String {
    let (status, answer) =
        world.stack.call_api("POST", "/api/connections/shop/sign-in-link", &Value::Null).await.unwrap();
    assert_eq!(status, 201, "{answer}");
    let url: url::Url = answer["url"].as_str().unwrap().parse().unwrap();
    url.path().to_owned()
}

async fn shop_with_user() -> World {
    let mut settings = default_settings();
    settings.task_user_id = Some(UserId::parse(demo::USER).unwrap());
    World::with_settings(settings).await
}

#[tokio::test]
async fn a_link_is_used_up_by_its_button_and_not_by_opening_it() {
    let world = World::new().await;
    let path = create_sign_in_link(&world).await;
    let mut scanner = Browser::new(&world.stack);
    for _ in 0..3 {
        assert_eq!(scanner.get(&path).await.status, 200);
    }
    assert!(scanner.cookie("__Host-session").is_none());
    let mut browser = Browser::new(&world.stack);
    let page = browser.get(&path).await;
    let form = page.form_to(&path);
    let inside =
        browser.send_request("POST", &path, &format!("token={}", form.value("token").unwrap())).await;
    assert_eq!((inside.status, inside.headers["location"].as_str()), (303, Some("/c/shop")));
    assert!(browser.cookie("__Host-session").is_some());
    let mut second = Browser::new(&world.stack);
    let page = second.get(&path).await;
    assert_eq!(page.status, 410);
    assert!(page.visible_text().contains("already used or has expired"), "{}", page.visible_text());
    assert_eq!(page.form_to("/sign-in").value("connection"), Some("shop"));
}

#[tokio::test]
async fn a_link_ends_after_a_day_and_two_buttons_pressed_at_once_let_one_in() {
    let world = World::new().await;
    let path = create_sign_in_link(&world).await;
    let (mut one, mut two) = (Browser::new(&world.stack), Browser::new(&world.stack));
    let (first, second) = (one.get(&path).await.form_to(&path), two.get(&path).await.form_to(&path));
    let bodies = [first, second].map(|form| format!("token={}", form.value("token").unwrap()));
    let (a, b) = futures::join!(
        one.send_request("POST", &path, &bodies[0]),
        two.send_request("POST", &path, &bodies[1])
    );
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 410]);
    let path = create_sign_in_link(&world).await;
    world.clock.advance_by(SignedDuration::from_hours(24));
    assert_eq!(Browser::new(&world.stack).get(&path).await.status, 410);
}

#[tokio::test]
async fn a_form_without_its_token_or_from_another_site_is_not_taken() {
    let world = World::new().await;
    let path = create_sign_in_link(&world).await;
    let mut browser = Browser::new(&world.stack);
    let form = browser.get(&path).await.form_to(&path);
    assert_eq!(browser.submit_form(&form.clone().without("token")).await.status, 403);
    assert_eq!(browser.submit_form(&form.clone().set("token", "00")).await.status, 403);
    let stolen = Browser::new(&world.stack).get(&path).await.form_to(&path);
    assert_eq!(browser.submit_form(&stolen).await.status, 403);
    browser.headers.insert("sec-fetch-site".to_owned(), "cross-site".into());
    assert_eq!(browser.submit_form(&form).await.status, 403);
    browser.headers.insert("sec-fetch-site".to_owned(), "same-origin".into());
    let page =
        browser.send_request("POST", &form.action, &format!("token={}", form.value("token").unwrap())).await;
    assert_eq!(page.status, 303, "nothing of it used the link up");
}

#[tokio::test]
async fn a_new_link_comes_as_a_task_and_leads_on() {
    let world = shop_with_user().await;
    let mut browser = Browser::new(&world.stack);
    let page = browser.get("/c/shop/notifications/0123?x=1").await;
    assert_eq!(page.status, 401);
    let form = page.form_to("/sign-in");
    assert_eq!(form.value("connection"), Some("shop"));
    let page = browser.submit_form(&form).await;
    assert!(page.visible_text().contains("valid for 15 minutes"), "{}", page.visible_text());
    world.stack.drain_queues().await.unwrap();
    let tasks = world.robaws.tasks();
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0].assigned_user_id.as_deref(), Some(demo::USER));
    let text = tasks[0].description.clone().unwrap();
    let url: url::Url = text.lines().last().unwrap().parse().unwrap();
    let page = browser.get(url.path()).await;
    let form = page.form_to(url.path());
    let inside =
        browser.send_request("POST", url.path(), &format!("token={}", form.value("token").unwrap())).await;
    assert_eq!(inside.headers["location"], "/c/shop/notifications/0123?x=1");
}

#[tokio::test]
async fn a_tasks_link_ends_after_a_quarter_of_an_hour() {
    let world = shop_with_user().await;
    let mut browser = Browser::new(&world.stack);
    let form = browser.get("/c/shop").await.form_to("/sign-in");
    browser.submit_form(&form).await;
    world.stack.drain_queues().await.unwrap();
    let text = world.robaws.tasks()[0].description.clone().unwrap();
    let url: url::Url = text.lines().last().unwrap().parse().unwrap();
    world.clock.advance_by(SignedDuration::from_mins(15));
    assert_eq!(browser.get(url.path()).await.status, 410);
}

#[tokio::test]
async fn the_answer_is_the_same_whether_the_connection_exists_and_three_links_an_hour_are_made() {
    let world = shop_with_user().await;
    let mut browser = Browser::new(&world.stack);
    let form = browser.get("/").await.form_to("/sign-in");
    let known = browser.submit_form(&form.clone().set("connection", "shop")).await;
    let unknown = browser.submit_form(&form.clone().set("connection", "nobody")).await;
    assert_eq!(known.status, unknown.status);
    assert_eq!(known.html.replace("shop", "nobody"), unknown.html);
    for _ in 0..5 {
        let again = browser.submit_form(&form.clone().set("connection", "shop")).await;
        assert_eq!(again.html, known.html);
    }
    world.stack.drain_queues().await.unwrap();
    assert_eq!(world.robaws.tasks().len(), 3);
    world.clock.advance_by(SignedDuration::from_hours(1));
    browser.submit_form(&form.set("connection", "shop")).await;
    world.stack.drain_queues().await.unwrap();
    assert_eq!(world.robaws.tasks().len(), 4);
}

#[tokio::test]
async fn tries_to_guess_a_link_are_limited() {
    let world = World::new().await;
    let good = create_sign_in_link(&world).await;
    let mut browser = Browser::new(&world.stack);
    for n in 0..20 {
        assert_eq!(browser.get(&format!("/in/guess{n}")).await.status, 410);
    }
    assert_eq!(browser.get("/in/guess").await.status, 429);
    assert_eq!(browser.get(&good).await.status, 429);
    world.clock.advance_by(SignedDuration::from_mins(15));
    assert_eq!(browser.get(&good).await.status, 200);
}

#[tokio::test]
async fn a_session_sees_one_connection_and_ends_with_signing_out() {
    let world = World::new().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let (other, unknown) = (browser.get("/c/other").await, browser.get("/c/third").await);
    assert_eq!((other.status, unknown.status), (401, 401));
    assert_eq!(other.html.replace("other", "third"), unknown.html);
    let page = browser.get("/c/shop").await;
    let out = page.form_to("/sign-out");
    let page = browser.submit_form(&out).await;
    assert_eq!((page.status, page.path.as_str()), (200, "/"));
    assert!(page.all_forms().iter().any(|form| form.action == "/sign-in"));
    assert!(browser.cookie("__Host-session").is_none());
    assert_eq!(browser.get("/c/shop").await.status, 401);
}

#[tokio::test]
async fn a_session_lasts_thirty_days_from_its_last_use() {
    let world = World::new().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let stolen = browser.cookie("__Host-session").unwrap().to_owned();
    for _ in 0..3 {
        world.clock.advance_by(SignedDuration::from_hours(29 * 24));
        assert_eq!(browser.get("/c/shop").await.status, 200);
    }
    let mut old = Browser::new(&world.stack);
    old.set_cookie("__Host-session", &stolen);
    assert_eq!(old.get("/c/shop").await.status, 401);
    world.clock.advance_by(SignedDuration::from_hours(30 * 24));
    assert_eq!(browser.get("/c/shop").await.status, 401);
}

#[tokio::test]
async fn every_page_is_safe_to_keep_open() {
    let world = World::new().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    for path in ["/c/shop", "/c/shop/nothing", "/c/other", "/in/x", "/"] {
        let page = browser.send_request("GET", path, "").await;
        assert_eq!(page.headers["cache-control"], "no-store", "{path}");
        assert_eq!(page.headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(page.headers["referrer-policy"], "no-referrer", "{path}");
        let policy = page.headers["content-security-policy"].as_str().unwrap();
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe") && !policy.contains("script"),
            "{policy}"
        );
        assert!(!page.html.contains("<script") && !page.html.contains(" style="), "{path}");
    }
}

#[tokio::test]
async fn the_language_is_the_readers() {
    let world = World::new().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get("/c/shop").await;
    let form = page.form_to("/language").set("language", "nl");
    let page = browser.submit_form(&form).await;
    assert!(page.html.contains("<html lang=\"nl\">"), "{}", page.html);
    assert_eq!(page.path, "/c/shop");
    let form = form.set("back", "//evil.example/").set("language", "fr");
    let page = browser.submit_form(&form).await;
    assert_eq!(page.path, "/c/shop");
    assert!(page.html.contains("<html lang=\"fr\">"));
}
