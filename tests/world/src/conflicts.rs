//! Invoices that ProductFlow contradicts, and how people undo them through the API.

use domain::ConnectionSettings;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::OrderBuilder;
use simulators::robaws::{Invoice, InvoiceKind};

use crate::answers::error_code;
use crate::{World, default_settings};

pub async fn build_booking_world() -> World {
    let world = World::with_settings(ConnectionSettings { book_invoices: true, ..default_settings() }).await;
    // The limits have tests of their own.
    world.robaws.change_settings(|settings| {
        settings.rate_per_second = 10_000;
        settings.burst = 10_000;
    });
    world
}

/// Two tariffs, costs, a discount, and a line total that its quantity does not divide.
pub fn mixed_order(identifier: &str) -> OrderBuilder {
    OrderBuilder::new(identifier)
        .with_external_number("1083993841")
        .with_line("A-1", 2, 5998, Some("7"))
        .with_line("A-2", 3, 1000, Some("10"))
        .with_shipping_cost(495)
        .with_discount(250)
}

pub const MIXED_ORDER_TOTAL: i64 = 5998 + 1000 + 495 - 250;

/// Invoiced, and cancelled after that.
pub async fn bring_into_conflict(world: &World, identifier: &str) {
    world.place_order(mixed_order(identifier).with_status("shipped"));
    world.poll_for_minutes(10).await;
    assert_eq!(world.order_state(identifier).await, "invoiced");
    world.productflow.cancel_order(identifier);
    world.poll_for_minutes(10).await;
    assert_eq!(world.order_state(identifier).await, "conflict");
}

pub async fn settle_order(world: &World, identifier: &str, body: Value) -> (u16, Value) {
    let path = format!("/api/connections/shop/orders/{identifier}/settle");
    Box::pin(world.stack.call_api("POST", &path, &body)).await.unwrap()
}

pub async fn ask_for_undo(world: &World, identifier: &str, invoice: &str, stock: &str) -> (u16, Value) {
    let body = json!({ "as": "undo", "invoice": invoice, "stock": stock });
    settle_order(world, identifier, body).await
}

pub async fn decide_undo(world: &World, identifier: &str, invoice: &str, stock: &str) -> Value {
    let (status, answer) = ask_for_undo(world, identifier, invoice, stock).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

pub async fn assert_undo_refused(
    world: &World,
    identifier: &str,
    invoice: &str,
    stock: &str,
) -> (String, String) {
    let (status, answer) = ask_for_undo(world, identifier, invoice, stock).await;
    assert_eq!(status, 409, "{answer}");
    let message = answer["error"]["message"].as_str().unwrap().to_owned();
    (error_code(&answer).to_owned(), message)
}

pub async fn read_shown_order(world: &World, identifier: &str) -> Value {
    let path = format!("/api/connections/shop/orders/{identifier}");
    world.stack.call_api("GET", &path, &Value::Null).await.unwrap().1
}

pub async fn read_explanation(world: &World, identifier: &str) -> String {
    read_shown_order(world, identifier).await["explanation"].as_str().unwrap().to_owned()
}

pub fn documents_of_kind(world: &World, identifier: &str, kind: InvoiceKind) -> Vec<Invoice> {
    let mut documents = world.robaws.invoices_of(identifier);
    documents.retain(|document| document.kind == kind);
    documents
}

pub fn credit_notes(world: &World, identifier: &str) -> Vec<Invoice> {
    documents_of_kind(world, identifier, InvoiceKind::CreditNote)
}

pub fn first_invoice(world: &World, identifier: &str) -> Invoice {
    documents_of_kind(world, identifier, InvoiceKind::Invoice)[0].clone()
}

/// What counts of lines: everything but their ids.
pub fn lines_without_ids(document: &Invoice) -> Vec<Value> {
    let line = |line: &simulators::robaws::InvoiceLine| {
        let mut line = json!(line);
        line["id"] = Value::Null;
        line
    };
    document.line_items.iter().map(line).collect()
}

/// Exactly one credit note, with the invoice's own lines.
pub fn assert_credited_once(world: &World, identifier: &str) {
    let credit_notes = credit_notes(world, identifier);
    assert_eq!(credit_notes.len(), 1, "{identifier}: {credit_notes:#?}");
    assert_eq!(credit_notes[0].total_incl_vat, Decimal::new(MIXED_ORDER_TOTAL, 2), "{identifier}");
    assert!(credit_notes[0].booked, "{identifier}");
    assert_eq!(lines_without_ids(&credit_notes[0]), lines_without_ids(&first_invoice(world, identifier)));
}

pub fn stock_of_both_articles(world: &World) -> (Decimal, Decimal) {
    (world.pieces_in_stock("12"), world.pieces_in_stock("13"))
}

pub fn pieces_of_both_articles(a: i64, b: i64) -> (Decimal, Decimal) {
    (Decimal::from(a), Decimal::from(b))
}
