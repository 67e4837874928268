//! The checklist: what is seen to be done, what is to do, and what only the merchant can tell.

use serde_json::{Map, Value, json};
use simulators::{Outage, demo};
use std::collections::BTreeSet;
use web::pages::session::SessionKeys;
use web::request::Request;
use world::World;
use world::browser::{Browser, Form, Page};

const CHECKLIST: &str = "/c/shop/checklist";

/// The state of each step, in their order.
fn step_states(page: &Page) -> Vec<String> {
    page.texts_of("ol.steps > li > .state")
}

/// The form of a step that the merchant may tick.
fn form_of_step(page: &Page, step: &str) -> Option<Form> {
    page.all_forms().into_iter().find(|form| form.value("step") == Some(step))
}

async fn ticked_steps(world: &World) -> BTreeSet<String> {
    let item = world.stack.store.load_connection(&world.connection).await.unwrap();
    item.unwrap().checklist
}

/// Neither peer was asked to change anything.
fn assert_only_read(world: &World) {
    let calls = world.stack.robaws.calls().into_iter();
    for call in calls.chain(world.stack.productflow.calls()) {
        assert_eq!(call.method, "GET", "{} {}", call.method, call.path);
    }
}

/// What the home page is told, asked as a signed-in browser would.
async fn open_steps(world: &World, browser: &Browser<'_>) -> usize {
    let deps = world.stack.web_deps();
    let event = local::api_gateway::build_event(
        "GET",
        CHECKLIST,
        "",
        &Map::new(),
        "shop.example",
        &Vec::new().into(),
    );
    let mut event = event.unwrap();
    let session = browser.cookie("__Host-session").unwrap();
    event["cookies"] = json!([format!("__Host-session={session}")]);
    let request = Request::from_event(serde_json::from_value(event).unwrap()).unwrap();
    let keys = SessionKeys::from_operator_token(&deps.operator_token).await.unwrap();
    let visit = web::pages::Visit::open_visit(deps, &request, keys, "shop", world.now()).await;
    let visit = visit.unwrap_or_else(|error| panic!("not signed in: {error:?}"));
    web::pages::checklist_page::count_open_steps(&visit).await.unwrap()
}

#[tokio::test]
async fn each_step_is_done_to_do_or_for_the_merchant_to_tell() {
    let world = World::without_connection().await;
    world.create_connection(json!({})).await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    world.clear_calls();
    let page = browser.get(CHECKLIST).await;
    assert_eq!(page.status, 200);
    let unseen = "We can't see this";
    assert_eq!(
        step_states(&page),
        ["Done", "Done", "To do", "Done", "Done", unseen, unseen, unseen, unseen, "To do", "To do"]
    );
    // Every VAT-inclusive tariff with its code, and no other.
    assert_eq!(page.texts_of(".code"), ["7", "10", "11"]);
    let text = page.visible_text();
    assert!(text.contains("…/vatTariff/7 is code 7"), "{text}");
    assert!(text.contains("Latest orders: 0 of 0 lines with a VAT code"), "{text}");
    assert!(text.contains("with the right percentage and code 7, 10, 11"), "{text}");
    assert_only_read(&world);
    // What Robaws showed counts where nobody is asked.
    assert_eq!(ticked_steps(&world).await, BTreeSet::from(["checkbox".to_owned(), "tariff".to_owned()]));
    world.clear_calls();
    assert_eq!(open_steps(&world, &browser).await, 7);
    assert_eq!(world.count_calls(), (0, 0));
    // Without a tariff, or the checkbox, they are to do again.
    for id in ["7", "10", "11"] {
        world.robaws.remove_vat_tariff(id);
    }
    let page = browser.get(CHECKLIST).await;
    assert_eq!(step_states(&page)[4], "To do");
    assert_eq!(ticked_steps(&world).await, BTreeSet::from(["checkbox".to_owned()]));
}

#[tokio::test]
async fn ticks_are_kept_and_only_of_steps_that_can_be_ticked() {
    let world = World::new_activated().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get(CHECKLIST).await;
    let form = form_of_step(&page, "accounting").unwrap().set("ticked", "on");
    let page = browser.submit_form(&form).await;
    assert_eq!((page.status, step_states(&page)[5].as_str()), (200, "Ticked"));
    assert!(ticked_steps(&world).await.contains("accounting"));
    let page = browser.submit_form(&form_of_step(&page, "abroad").unwrap().set("ticked", "on")).await;
    assert!(
        ticked_steps(&world).await.contains("accounting") && ticked_steps(&world).await.contains("abroad")
    );
    // Unticked again, the other stays.
    let form = form_of_step(&page, "accounting").unwrap();
    assert_eq!(form.value("ticked"), Some("on"));
    let page = browser.submit_form(&form.without("ticked")).await;
    assert_eq!(step_states(&page)[5], "We can't see this");
    assert!(
        !ticked_steps(&world).await.contains("accounting") && ticked_steps(&world).await.contains("abroad")
    );
    let before = ticked_steps(&world).await;
    let form = form_of_step(&page, "accounting").unwrap().set("ticked", "on");
    for unknown in ["articles", "robaws", "test_order", "", "x"] {
        let refused = browser.submit_form(&form.clone().set("step", unknown)).await;
        assert_eq!(refused.status, 400, "{unknown}");
    }
    assert_eq!(browser.submit_form(&form.clone().without("token")).await.status, 403);
    world.add_second_merchant().await;
    let mut other = Browser::new_signed_in(&world.stack, "other").await;
    assert_eq!(other.get(CHECKLIST).await.status, 401);
    assert_eq!(other.submit_form(&form).await.status, 401);
    assert_eq!(ticked_steps(&world).await, before);
}

#[tokio::test]
async fn with_everything_done_the_integration_is_set_up() {
    let world = World::new_activated().await;
    world.place_order_of_article("PF-1", "A-1");
    world.poll_and_work().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    world.clear_calls();
    let mut page = browser.get(CHECKLIST).await;
    let unseen = "We can't see this";
    assert_eq!(
        step_states(&page),
        ["Done", "Done", "Done", "Done", "Done", unseen, "Done", unseen, "Done", "Done", "Done"]
    );
    assert!(page.visible_text().contains("Latest orders: 1 of 1 lines with a VAT code"));
    assert!(page.visible_text().contains("Sent: 3, with a problem: 0"), "{}", page.visible_text());
    assert!(!page.visible_text().contains("That's it"));
    assert_eq!(open_steps(&world, &browser).await, 2);
    for step in ["accounting", "abroad"] {
        page = browser.submit_form(&form_of_step(&page, step).unwrap().set("ticked", "on")).await;
    }
    let words = "That's it, the integration is active and set up correctly!";
    assert!(page.visible_text().contains(words), "{}", page.visible_text());
    assert_eq!(open_steps(&world, &browser).await, 0);
    assert_only_read(&world);
    // An order whose line has no code shows that the group is not on every product.
    world.clock.advance_by(jiff::SignedDuration::from_mins(1));
    let order = simulators::OrderBuilder::new("PF-2").with_placed_at(&world.now().to_string());
    world.productflow.place_order(order.with_line("A-2", 1, 500, None));
    world.poll_and_work().await;
    let page = browser.get(CHECKLIST).await;
    assert_eq!(step_states(&page)[8], "To do");
    assert!(page.visible_text().contains("Latest orders: 1 of 2 lines with a VAT code"));
    assert!(!page.visible_text().contains("That's it"));
}

#[tokio::test]
async fn before_activation_the_lines_are_those_of_productflows_list() {
    let world = World::without_connection().await;
    world.create_connection(json!({})).await;
    world.place_order_of_article("PF-1", "A-1");
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get(CHECKLIST).await;
    assert!(
        page.visible_text().contains("Latest orders: 1 of 1 lines with a VAT code"),
        "{}",
        page.visible_text()
    );
    assert_eq!((step_states(&page)[6].as_str(), step_states(&page)[8].as_str()), ("Done", "Done"));
}

#[tokio::test]
async fn a_peer_that_is_silent_or_refuses_is_told_apart() {
    let world = World::new_activated().await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    world.stack.robaws.set_outage(Some(Outage::Unavailable));
    world.stack.productflow.set_outage(Some(Outage::Drop));
    let page = browser.get(CHECKLIST).await;
    assert_eq!(page.status, 200);
    let text = page.visible_text();
    assert!(
        text.contains("Robaws does not answer now.") && text.contains("ProductFlow does not answer now.")
    );
    // As we last knew it.
    assert_eq!(step_states(&page)[..2], ["Done", "Done"]);
    assert_eq!(step_states(&page)[4], "We can't see this");
    world.stack.robaws.set_outage(None);
    world.stack.productflow.set_outage(None);
    world.robaws.remove_user(demo::ROBAWS_KEY);
    world.stack.productflow.revoke_token(demo::TOKEN);
    let page = browser.get(CHECKLIST).await;
    assert_eq!(step_states(&page)[..2], ["To do", "To do"]);
}

#[tokio::test]
async fn a_checkbox_that_is_missing_is_to_do_with_its_fix() {
    let world = World::without_connection().await;
    for id in ["12", "13", "14"] {
        world.robaws.edit_article(id, |article| article.extra_fields.clear());
    }
    world.robaws.change_settings(|settings| settings.product_flow_defined = false);
    world.create_connection(json!({})).await;
    let mut browser = Browser::new_signed_in(&world.stack, "shop").await;
    let page = browser.get(CHECKLIST).await;
    assert_eq!(step_states(&page)[3], "We can't see this");
    let page = browser.submit_form(&form_of_step(&page, "checkbox").unwrap().set("ticked", "on")).await;
    assert_eq!(step_states(&page)[3], "Ticked");
    world.activate_connection().await;
    let page = browser.get(CHECKLIST).await;
    assert_eq!(step_states(&page)[3], "To do");
    assert!(page.visible_text().contains("Have an administrator create a field of type checkbox"));
    assert_eq!(form_of_step(&page, "checkbox").map(|form| form.fields), None);
    // Nobody's tick outlives what was found out.
    assert!(!ticked_steps(&world).await.contains("checkbox"));
    let answer: Value = world.get_from_api("").await;
    assert_eq!(answer["problems"][0]["code"], "checkbox_missing");
}
