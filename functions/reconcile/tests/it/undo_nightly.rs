//! The nightly check after an invoice was undone: silent about what was decided, and not about what was not.

use serde_json::{Value, json};
use simulators::demo;
use simulators::robaws::{Invoice, InvoiceKind};
use world::{World, euros};

async fn in_conflict(book: bool) -> World {
    let world = World::activated_with(json!({ "book_invoices": book })).await;
    world.place_order_of_article("PF-1", "A-1");
    world.productflow.ship_order("PF-1");
    world.poll_and_work().await;
    world.productflow.cancel_order("PF-1");
    world.poll_and_work().await;
    assert_eq!(world.get_from_api("/orders/PF-1").await["state"], "conflict");
    world
}

async fn undo_invoice(world: &World, invoice: &str) {
    let body = json!({ "as": "undo", "invoice": invoice, "stock": "return" });
    let (status, answer) = world.post_to_api("orders/PF-1/settle", body).await;
    assert_eq!(status, 200, "{answer}");
    world.deliver_and_work().await;
    assert_eq!(world.get_from_api("/orders/PF-1").await["state"], "reversed");
}

async fn build_world_with_undone_invoice(book: bool, invoice: &str) -> World {
    let world = in_conflict(book).await;
    undo_invoice(&world, invoice).await;
    world
}

/// What the check says of the order.
async fn messages_of_nightly_check(world: &World) -> Vec<String> {
    world.pass_hours_and_check(18).await;
    let shown = world.get_from_api("/orders/PF-1").await;
    let problems = shown["problems"].as_array().unwrap();
    let message = |problem: &Value| problem["message"].as_str().unwrap().to_owned();
    problems.iter().map(message).collect()
}

fn credit_note(world: &World) -> Invoice {
    let mut documents = world.robaws.invoices_of("PF-1");
    documents.retain(|document| document.kind == InvoiceKind::CreditNote);
    assert_eq!(documents.len(), 1);
    documents.remove(0)
}

#[tokio::test]
async fn a_deleted_draft_is_no_difference() {
    let world = build_world_with_undone_invoice(false, "delete_draft").await;
    assert_eq!(messages_of_nightly_check(&world).await, [""; 0]);
    assert!(world.robaws.invoices().is_empty());
}

#[tokio::test]
async fn a_replica_that_still_shows_the_deleted_draft_is_not_believed() {
    let world = in_conflict(false).await;
    // From here on the replica stays behind.
    world.robaws.change_settings(|settings| settings.replica_lag_ms = 30 * 24 * 60 * 60 * 1_000);
    undo_invoice(&world, "delete_draft").await;
    let draft = format!(
        "/sales-invoices/{}",
        world.get_from_api("/orders/PF-1").await["effects"][1]["robaws_id"].as_str().unwrap()
    );
    world.clear_calls();
    assert_eq!(messages_of_nightly_check(&world).await, [""; 0]);
    assert_eq!(world.stack.robaws.count_calls("GET", &draft), 1, "it was shown, and looked for");
}

#[tokio::test]
async fn a_credited_invoice_and_its_credit_note_are_no_difference() {
    let world = build_world_with_undone_invoice(true, "credit").await;
    assert_eq!(messages_of_nightly_check(&world).await, [""; 0]);
    assert_eq!(world.robaws.invoices().len(), 2);
}

#[tokio::test]
async fn a_credit_note_that_is_not_what_was_made_is_named() {
    let world = build_world_with_undone_invoice(true, "credit").await;
    let id = credit_note(&world).id;
    world.robaws.edit_invoice(&id, |document| document.total_incl_vat = euros(4_000));
    let found = messages_of_nightly_check(&world).await;
    assert!(
        found[0].contains("in Credit note C2026-0001: €59.98 according to ProductFlow, €40.00 in Robaws"),
        "{found:?}"
    );
    world.robaws.remove_invoice(&id);
    let found = messages_of_nightly_check(&world).await;
    assert_eq!(found.len(), 1);
    assert!(
        found[0].contains("in Credit note C2026-0001: €59.98 according to ProductFlow, – in Robaws"),
        "{found:?}"
    );
}

#[tokio::test]
async fn an_invoice_that_was_credited_twice_is_named() {
    let world = build_world_with_undone_invoice(true, "credit").await;
    let credit_note = credit_note(&world);
    let body = json!({
        "type": "CREDIT_NOTE", "clientId": demo::B2C_CLIENT, "date": "2026-11-24",
        "clientReference": credit_note.client_reference, "booked": true,
    });
    let url = format!("{}/api/v2/sales-invoices", world.stack.robaws_server.url());
    let http = runtime::http::peer_client(&[&url.parse().unwrap()]).unwrap();
    let post = http.post(url).basic_auth(demo::ROBAWS_KEY, Some(demo::ROBAWS_SECRET));
    assert_eq!(post.json(&body).send().await.unwrap().status(), 201);
    let found = messages_of_nightly_check(&world).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("in Credit note C2026-0002: – according to ProductFlow"), "{found:?}");
}
