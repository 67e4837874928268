//! The nightly check after an invoice was undone: silent about what was decided, and not about what was not.

use crate::catalogue::{Catalogue, euros};
use serde_json::{Value, json};
use simulators::demo;
use simulators::robaws::{Invoice, InvoiceKind};

async fn in_conflict(book: bool) -> Catalogue {
    let shop = Catalogue::open_with(json!({ "book_invoices": book })).await;
    shop.place("PF-1", "A-1");
    shop.productflow.ship("PF-1");
    shop.round().await;
    shop.productflow.cancel("PF-1");
    shop.round().await;
    assert_eq!(shop.get("/orders/PF-1").await["state"], "conflict");
    shop
}

async fn undo(shop: &Catalogue, invoice: &str) {
    let body = json!({ "as": "undo", "invoice": invoice, "stock": "return" });
    let (status, answer) = shop.post("orders/PF-1/settle", body).await;
    assert_eq!(status, 200, "{answer}");
    shop.settle().await;
    assert_eq!(shop.get("/orders/PF-1").await["state"], "reversed");
}

async fn undone(book: bool, invoice: &str) -> Catalogue {
    let shop = in_conflict(book).await;
    undo(&shop, invoice).await;
    shop
}

/// What the check says of the order.
async fn night(shop: &Catalogue) -> Vec<String> {
    shop.night_after(18).await;
    let shown = shop.get("/orders/PF-1").await;
    let problems = shown["problems"].as_array().unwrap();
    let message = |problem: &Value| problem["message"].as_str().unwrap().to_owned();
    problems.iter().map(message).collect()
}

fn credit_note(shop: &Catalogue) -> Invoice {
    let mut documents = shop.robaws.invoices_of("PF-1");
    documents.retain(|document| document.kind == InvoiceKind::CreditNote);
    assert_eq!(documents.len(), 1);
    documents.remove(0)
}

#[tokio::test]
async fn a_deleted_draft_is_no_difference() {
    let shop = undone(false, "delete_draft").await;
    assert_eq!(night(&shop).await, [""; 0]);
    assert!(shop.robaws.invoices().is_empty());
    shop.assert_clean();
}

#[tokio::test]
async fn a_replica_that_still_shows_the_deleted_draft_is_not_believed() {
    let shop = in_conflict(false).await;
    // From here on the replica stays behind.
    shop.robaws
        .set(|settings| settings.replica_lag_ms = 30 * 24 * 60 * 60 * 1_000);
    undo(&shop, "delete_draft").await;
    let draft = format!(
        "/sales-invoices/{}",
        shop.get("/orders/PF-1").await["effects"][1]["robaws_id"]
            .as_str()
            .unwrap()
    );
    shop.clear_calls();
    assert_eq!(night(&shop).await, [""; 0]);
    assert_eq!(
        shop.stack.robaws.count("GET", &draft),
        1,
        "it was shown, and looked for"
    );
    shop.assert_clean();
}

#[tokio::test]
async fn a_credited_invoice_and_its_credit_note_are_no_difference() {
    let shop = undone(true, "credit").await;
    assert_eq!(night(&shop).await, [""; 0]);
    assert_eq!(shop.robaws.invoices().len(), 2);
    shop.assert_clean();
}

#[tokio::test]
async fn a_credit_note_that_is_not_what_was_made_is_named() {
    let shop = undone(true, "credit").await;
    let id = credit_note(&shop).id;
    shop.robaws
        .edit_invoice(&id, |document| document.total_incl_vat = euros(4_000));
    let found = night(&shop).await;
    assert!(
        found[0].contains("in Credit note C2026-0001: €59.98 according to ProductFlow, €40.00 in Robaws"),
        "{found:?}"
    );
    shop.robaws.remove_invoice(&id);
    let found = night(&shop).await;
    assert_eq!(found.len(), 1);
    assert!(
        found[0].contains("in Credit note C2026-0001: €59.98 according to ProductFlow, – in Robaws"),
        "{found:?}"
    );
}

#[tokio::test]
async fn an_invoice_that_was_credited_twice_is_named() {
    let shop = undone(true, "credit").await;
    let credit_note = credit_note(&shop);
    let body = json!({
        "type": "CREDIT_NOTE", "clientId": demo::B2C_CLIENT, "date": "2026-11-24",
        "clientReference": credit_note.client_reference, "booked": true,
    });
    let url = format!("{}/api/v2/sales-invoices", shop.stack.robaws_server.url());
    let http = runtime::http::client(&[&url.parse().unwrap()]).unwrap();
    let post = http
        .post(url)
        .basic_auth(demo::ROBAWS_KEY, Some(demo::ROBAWS_SECRET));
    assert_eq!(post.json(&body).send().await.unwrap().status(), 201);
    let found = night(&shop).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("in Credit note C2026-0002: – according to ProductFlow"),
        "{found:?}"
    );
}
