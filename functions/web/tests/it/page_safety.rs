//! Every route of the pages: closed to other connections' sessions, and no form works without its token.

use serde_json::json;
use world::browser::Browser;
use world::{World, order_of_one_line};

/// Every page, with ids that exist in the shop where a page takes one.
const PAGES: [&str; 20] = [
    "",
    "/set-up",
    "/set-up/choices",
    "/set-up/start",
    "/settings",
    "/activate",
    "/deactivate",
    "/preview",
    "/checklist",
    "/orders",
    "/orders/PF-1",
    "/orders/month?month=2026-11",
    "/articles",
    "/articles/tick",
    "/notifications",
    "/notifications?state=resolved",
    "/help",
    "/preview?order=PF-1&answer=amounts",
    "/orders/PF-1?line=1&find=A",
    "/articles?number=A-1",
];

/// Every form.
const FORMS: [&str; 18] = [
    "/language",
    "/set-up",
    "/set-up/choices",
    "/set-up/start",
    "/settings",
    "/settings/credentials",
    "/settings/new-link",
    "/activate",
    "/deactivate",
    "/preview/units",
    "/checklist",
    "/orders/PF-1/retry",
    "/orders/PF-1/settle",
    "/orders/PF-1/choose",
    "/articles/tick",
    "/articles/push",
    "/articles/check",
    "/articles/withdraw",
];

async fn shop_with_an_order() -> World {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1"));
    world.poll_and_work().await;
    let (status, _) =
        world.stack.call_api("POST", "/api/connections", &json!({ "id": "other" })).await.unwrap();
    assert_eq!(status, 201);
    world
}

/// What both peers and the connection hold.
async fn state_of(world: &World) -> String {
    let order = world.read_order("PF-1").await;
    let connection = world.stack.store.load_connection(&world.connection).await.unwrap().unwrap();
    format!("{order:?} {:?} {:?}", connection.connection, connection.sweeps)
}

#[tokio::test]
async fn no_page_shows_anything_of_another_connection() {
    let world = shop_with_an_order().await;
    let mut stranger = Browser::new_signed_in(&world.stack, "other").await;
    let mut nobody = Browser::new(&world.stack);
    for path in PAGES {
        let path = format!("/c/shop{path}");
        for browser in [&mut stranger, &mut nobody] {
            let page = browser.send_request("GET", &path, "").await;
            assert_eq!(page.status, 401, "{path}");
            assert!(!page.html.contains("1083993841"), "{path}");
        }
    }
    // An order of the shop is none of the other connection.
    let page = stranger.send_request("GET", "/c/other/orders/PF-1", "").await;
    assert_eq!(page.status, 404);
}

#[tokio::test]
async fn no_form_works_for_another_connection_or_without_its_token() {
    let world = shop_with_an_order().await;
    let before = state_of(&world).await;
    let mut stranger = Browser::new_signed_in(&world.stack, "other").await;
    let theirs = stranger.get("/c/other/set-up").await.form_to("/language");
    let token = theirs.value("token").unwrap().to_owned();
    let mut merchant = Browser::new_signed_in(&world.stack, "shop").await;
    for form in FORMS {
        let path = format!("/c/shop{form}");
        let body = format!("token={token}&as=handled&language=nl&all=on&do=activate");
        let page = stranger.send_request("POST", &path, &body).await;
        assert_eq!(page.status, 401, "{path}");
        for body in ["as=handled&language=nl", body.as_str()] {
            let page = merchant.send_request("POST", &path, body).await;
            assert_eq!(page.status, 403, "{path} with {body}");
        }
    }
    assert_eq!(state_of(&world).await, before);
}

#[tokio::test]
async fn every_form_on_every_page_carries_a_token() {
    let world = shop_with_an_order().await;
    let mut merchant = Browser::new_signed_in(&world.stack, "shop").await;
    for path in PAGES {
        let page = merchant.get(&format!("/c/shop{path}")).await;
        let is_page = page.headers["content-type"].as_str().is_some_and(|kind| kind.starts_with("text/html"));
        assert_eq!(page.status, 200, "{path}");
        if is_page {
            assert!(!page.all_forms().is_empty(), "{path}: signing out is a form");
            assert!(page.all_forms().iter().all(|form| form.value("token").is_some()), "{path}");
            assert!(!page.html.contains("<script") && !page.html.contains(" onclick"), "{path}");
            assert!(!page.html.contains("demo-token") && !page.html.contains("demo-secret"), "{path}");
        }
    }
}
