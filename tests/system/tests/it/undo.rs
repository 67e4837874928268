//! An invoice that ProductFlow contradicts is undone as the merchant decides, once, whatever comes between.

use crate::api::code;
use crate::shop::{Shop, one_line, settings};
use domain::ConnectionSettings;
use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::robaws::{Invoice, InvoiceKind};
use simulators::{OrderBuilder, Outage, demo};

pub(crate) async fn booking() -> Shop {
    let shop = Shop::open_with(ConnectionSettings {
        book_invoices: true,
        ..settings()
    })
    .await;
    // The limits have tests of their own.
    shop.robaws.set(|settings| {
        settings.rate_per_second = 10_000;
        settings.burst = 10_000;
    });
    shop
}

/// Two tariffs, costs, a discount, and a line total that its quantity does not divide.
pub(crate) fn mixed(identifier: &str) -> OrderBuilder {
    OrderBuilder::new(identifier)
        .external("1083993841")
        .line("A-1", 2, 5998, Some("7"))
        .line("A-2", 3, 1000, Some("10"))
        .shipping_cost(495)
        .discount(250)
}

pub(crate) const TOTAL: i64 = 5998 + 1000 + 495 - 250;

/// Invoiced, and cancelled after that.
pub(crate) async fn in_conflict(shop: &Shop, identifier: &str) {
    shop.place(mixed(identifier).status("shipped"));
    shop.rounds(10).await;
    assert_eq!(shop.state(identifier).await, "invoiced");
    shop.productflow.cancel(identifier);
    shop.rounds(10).await;
    assert_eq!(shop.state(identifier).await, "conflict");
}

pub(crate) async fn settle(shop: &Shop, identifier: &str, body: Value) -> (u16, Value) {
    let path = format!("/api/connections/shop/orders/{identifier}/settle");
    Box::pin(shop.stack.api("POST", &path, &body)).await.unwrap()
}

pub(crate) async fn undo(shop: &Shop, identifier: &str, invoice: &str, stock: &str) -> (u16, Value) {
    let body = json!({ "as": "undo", "invoice": invoice, "stock": stock });
    settle(shop, identifier, body).await
}

pub(crate) async fn decided(shop: &Shop, identifier: &str, invoice: &str, stock: &str) -> Value {
    let (status, answer) = undo(shop, identifier, invoice, stock).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

pub(crate) async fn refused(shop: &Shop, identifier: &str, invoice: &str, stock: &str) -> (String, String) {
    let (status, answer) = undo(shop, identifier, invoice, stock).await;
    assert_eq!(status, 409, "{answer}");
    let message = answer["error"]["message"].as_str().unwrap().to_owned();
    (code(&answer).to_owned(), message)
}

pub(crate) async fn work(shop: &Shop) {
    while shop.stack.work().await.unwrap() > 0 {}
}

pub(crate) async fn shown(shop: &Shop, identifier: &str) -> Value {
    let path = format!("/api/connections/shop/orders/{identifier}");
    shop.stack.api("GET", &path, &Value::Null).await.unwrap().1
}

pub(crate) async fn explanation(shop: &Shop, identifier: &str) -> String {
    shown(shop, identifier).await["explanation"]
        .as_str()
        .unwrap()
        .to_owned()
}

pub(crate) fn of_kind(shop: &Shop, identifier: &str, kind: InvoiceKind) -> Vec<Invoice> {
    let mut documents = shop.robaws.invoices_of(identifier);
    documents.retain(|document| document.kind == kind);
    documents
}

pub(crate) fn credit_notes(shop: &Shop, identifier: &str) -> Vec<Invoice> {
    of_kind(shop, identifier, InvoiceKind::CreditNote)
}

pub(crate) fn invoice(shop: &Shop, identifier: &str) -> Invoice {
    of_kind(shop, identifier, InvoiceKind::Invoice)[0].clone()
}

/// What counts of lines: everything but their ids.
pub(crate) fn lines(document: &Invoice) -> Vec<Value> {
    let line = |line: &simulators::robaws::InvoiceLine| {
        let mut line = json!(line);
        line["id"] = Value::Null;
        line
    };
    document.line_items.iter().map(line).collect()
}

/// Exactly one credit note, with the invoice's own lines.
pub(crate) fn assert_credited_once(shop: &Shop, identifier: &str) {
    let credit_notes = credit_notes(shop, identifier);
    assert_eq!(credit_notes.len(), 1, "{identifier}: {credit_notes:#?}");
    assert_eq!(
        credit_notes[0].total_incl_vat,
        Decimal::new(TOTAL, 2),
        "{identifier}"
    );
    assert!(credit_notes[0].booked, "{identifier}");
    assert_eq!(lines(&credit_notes[0]), lines(&invoice(shop, identifier)));
}

pub(crate) fn stock(shop: &Shop) -> (Decimal, Decimal) {
    (shop.stock("12"), shop.stock("13"))
}

pub(crate) fn pieces(a: i64, b: i64) -> (Decimal, Decimal) {
    (Decimal::from(a), Decimal::from(b))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_booked_invoice_is_credited_with_its_own_lines() {
    let shop = Shop::open_with(ConnectionSettings {
        book_invoices: true,
        robaws_company_id: domain::RobawsCompanyId::parse("1").ok(),
        payment_condition_id: domain::PaymentConditionId::parse("2").ok(),
        ..settings()
    })
    .await;
    shop.place(
        mixed("PF-1")
            .set("marketplace", json!({ "id": 12, "name": "bol.com" }))
            .status("shipped"),
    );
    shop.rounds(10).await;
    let invoice = invoice(&shop, "PF-1");
    assert!(invoice.booked);
    // 23:30 UTC is the next day in Brussels.
    shop.clock
        .advance(SignedDuration::from_hours(24 + 15) + SignedDuration::from_mins(15));
    shop.productflow.cancel("PF-1");
    shop.round().await;
    assert_eq!(shop.state("PF-1").await, "conflict");
    let answer = decided(&shop, "PF-1", "credit", "return").await;
    assert_eq!(answer["state"], "waiting");
    assert_eq!(
        answer["explanation"],
        "Your decision is being carried out in Robaws."
    );
    assert_eq!(answer["problems"], json!([]));
    assert!(
        credit_notes(&shop, "PF-1").is_empty(),
        "nothing is called by the request"
    );
    work(&shop).await;
    assert_credited_once(&shop, "PF-1");
    let credit_note = credit_notes(&shop, "PF-1").remove(0);
    assert_eq!(credit_note.date, "2026-11-25");
    assert_eq!(credit_note.client_reference, invoice.client_reference);
    assert_eq!(credit_note.client_id, demo::B2C_CLIENT);
    assert_eq!(credit_note.company_id.as_deref(), Some("1"));
    assert_eq!(credit_note.payment_condition_id.as_deref(), Some("2"));
    assert_eq!(
        credit_note.remark.as_deref(),
        Some("Cancellation of invoice F2026-0001 of 23 Nov 2026. ProductFlow PF-1 · bol.com 1083993841")
    );
    assert!(lines(&credit_note).iter().any(|line| line["quantity"] == -1));
    assert_eq!(stock(&shop), pieces(25, 140));
    let order = shown(&shop, "PF-1").await;
    assert_eq!(order["state"], "reversed");
    assert_eq!(
        order["explanation"],
        "The invoice was credited with credit note C2026-0001. The articles are back in stock."
    );
    assert_eq!(order["problems"], json!([]));
    assert_eq!(order["next_look_at"], Value::Null);
    let effects = order["effects"].as_array().unwrap();
    let kinds: Vec<_> = effects.iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["stock_change", "invoice", "credit_note", "stock_change"]);
    assert_eq!(effects[2]["robaws_id"], json!(credit_note.id));
    assert_eq!(effects[2]["number"], "C2026-0001");
    assert_eq!(effects[2]["total_cents"], TOTAL);
    assert_eq!(
        (&effects[2]["booked"], &effects[2]["state"]),
        (&json!(true), &json!("done"))
    );
    assert_eq!(effects[3]["direction"], "in");
    let settled = &order["settlements"][0];
    assert_eq!(
        (
            &settled["as"],
            &settled["by"],
            &settled["invoice"],
            &settled["stock"]
        ),
        (
            &json!("undo"),
            &json!("operator"),
            &json!("credit"),
            &json!("return")
        )
    );
    let path = "/api/connections/shop/orders?q=C2026-0001";
    let (_, found) = shop.stack.api("GET", path, &Value::Null).await.unwrap();
    assert_eq!(found["items"][0]["identifier"], "PF-1");
    // The same once more changes nothing; anything else has nothing left to do.
    assert_eq!(
        decided(&shop, "PF-1", "credit", "return").await["state"],
        "reversed"
    );
    assert_eq!(
        refused(&shop, "PF-1", "credit", "keep").await.0,
        "invoice_credited"
    );
    assert_eq!(
        refused(&shop, "PF-1", "delete_draft", "keep").await.0,
        "invoice_credited"
    );
    assert_eq!(refused(&shop, "PF-1", "keep", "keep").await.0, "nothing_open");
    assert_eq!(refused(&shop, "PF-1", "keep", "return").await.0, "nothing_open");
    shop.rounds(120).await;
    assert_eq!(shop.robaws.invoices().len(), 2);
    assert_eq!(shop.robaws.stock_changes().len(), 2);
    assert_eq!(
        shown(&shop, "PF-1").await["settlements"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    shop.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_is_deleted_and_stock_that_was_kept_comes_back_later() {
    let shop = Shop::open().await;
    in_conflict(&shop, "PF-1").await;
    decided(&shop, "PF-1", "delete_draft", "keep").await;
    work(&shop).await;
    assert!(shop.robaws.invoices().is_empty());
    let order = shown(&shop, "PF-1").await;
    assert_eq!(
        order["state"], "booked",
        "no invoice stands, and the stock is out"
    );
    assert_eq!(
        order["explanation"],
        "The draft invoice is deleted. What is booked out of stock stays out, as you decided."
    );
    let effects = order["effects"].as_array().unwrap();
    assert_eq!(effects.len(), 2);
    assert_eq!(effects[1]["kind"], "invoice");
    assert_eq!(effects[1]["state"], "deleted");
    assert!(effects[1]["deleted_at"].is_string());
    assert_eq!(stock(&shop), pieces(23, 137));
    let deletes = || shop.stack.robaws.count("DELETE", "/sales-invoices");
    assert_eq!(deletes(), 1);
    assert_eq!(
        refused(&shop, "PF-1", "delete_draft", "return").await.0,
        "invoice_deleted"
    );
    shop.rounds(70).await;
    decided(&shop, "PF-1", "keep", "return").await;
    work(&shop).await;
    decided(&shop, "PF-1", "keep", "return").await;
    shop.rounds(70).await;
    assert_eq!(shop.state("PF-1").await, "reversed");
    assert_eq!(
        explanation(&shop, "PF-1").await,
        "The draft invoice is deleted. The articles are back in stock."
    );
    assert_eq!(stock(&shop), pieces(25, 140));
    assert_eq!(shop.robaws.stock_changes().len(), 2);
    assert_eq!(deletes(), 1);
    assert!(
        shop.robaws.invoices().is_empty(),
        "it is never invoiced again by itself"
    );
    shop.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_closes_the_conflict_and_may_be_undone_later() {
    let shop = booking().await;
    in_conflict(&shop, "PF-1").await;
    decided(&shop, "PF-1", "keep", "keep").await;
    work(&shop).await;
    let order = shown(&shop, "PF-1").await;
    assert_eq!(
        (&order["state"], &order["problems"]),
        (&json!("invoiced"), &json!([]))
    );
    assert_eq!(
        order["explanation"],
        "The invoice stays as it is, as you decided. What is booked out of stock stays out, as you decided."
    );
    assert_eq!(shop.robaws.invoices().len(), 1);
    assert_eq!(shop.robaws.stock_changes().len(), 1);
    // The invoice first, and the stock after that, on their own.
    decided(&shop, "PF-1", "credit", "keep").await;
    work(&shop).await;
    assert_credited_once(&shop, "PF-1");
    assert_eq!(shop.state("PF-1").await, "booked");
    assert_eq!(stock(&shop), pieces(23, 137));
    decided(&shop, "PF-1", "keep", "return").await;
    work(&shop).await;
    assert_eq!(shop.state("PF-1").await, "reversed");
    assert_eq!(stock(&shop), pieces(25, 140));
    assert_credited_once(&shop, "PF-1");
    shop.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_later_change_is_a_conflict_once() {
    let shop = booking().await;
    in_conflict(&shop, "PF-1").await;
    decided(&shop, "PF-1", "credit", "return").await;
    work(&shop).await;
    assert_eq!(shop.state("PF-1").await, "reversed");
    for (status, changes) in [("shipped", "open again"), ("cancelled", "cancelled")] {
        shop.productflow.set_status("PF-1", status);
        shop.rounds(10).await;
        assert_eq!(shop.state("PF-1").await, "conflict", "{changes}");
        assert_eq!(
            refused(&shop, "PF-1", "credit", "return").await.0,
            "invoice_credited"
        );
        decided(&shop, "PF-1", "keep", "keep").await;
        shop.rounds(70).await;
        assert_eq!(shop.state("PF-1").await, "reversed", "{changes}");
    }
    assert_credited_once(&shop, "PF-1");
    assert_eq!(stock(&shop), pieces(25, 140));
    shop.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_undone_is_refused_and_named() {
    let shop = Shop::open().await;
    let (status, answer) = undo(&shop, "PF-1", "keep", "keep").await;
    assert_eq!((status, code(&answer)), (404, "not_found"));
    shop.place(mixed("PF-1").status("shipped"));
    shop.rounds(10).await;
    let (what, message) = refused(&shop, "PF-1", "delete_draft", "return").await;
    assert_eq!(what, "not_in_conflict");
    assert!(message.contains("1083993841 (PF-1)"), "{message}");
    shop.productflow.cancel("PF-1");
    shop.rounds(10).await;
    for (body, field) in [
        (
            json!({"as": "undo", "invoice": "destroy", "stock": "keep"}),
            "invoice: must be one of `credit`, `delete_draft`, `keep`",
        ),
        (
            json!({"as": "undo", "invoice": "keep", "stock": 1}),
            "stock: has a wrong type",
        ),
        (
            json!({"as": "undo", "invoice": "keep", "stock": "back"}),
            "stock: must be `return` or `keep`",
        ),
        (json!({"as": "undo", "stock": "keep"}), "invoice: is missing"),
        (json!({"as": "undo", "invoice": "keep"}), "stock: is missing"),
        (
            json!({"as": "handled", "stock": "keep"}),
            "stock: does not belong here",
        ),
        (
            json!({"as": "undo", "invoice": "keep", "stock": "keep", "robaws_id": "1"}),
            "robaws_id: does not",
        ),
        (json!({"as": "done"}), "robaws_id: is missing"),
        (json!({"as": "undone"}), "as: must be one of"),
    ] {
        let (status, answer) = settle(&shop, "PF-1", body).await;
        assert_eq!((status, code(&answer)), (400, "bad_request"));
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.starts_with(field), "{message}");
    }
    let (what, message) = refused(&shop, "PF-1", "credit", "return").await;
    assert_eq!(what, "invoice_is_draft");
    assert!(message.contains("Invoice F2026-0001"), "{message}");
    shop.stack.robaws.outage(Some(Outage::Unavailable));
    let (status, answer) = undo(&shop, "PF-1", "delete_draft", "return").await;
    assert_eq!((status, code(&answer)), (503, "peer_unavailable"));
    shop.stack.robaws.outage(None);
    let id = invoice(&shop, "PF-1").id;
    shop.robaws.edit_invoice(&id, |invoice| invoice.booked = true);
    assert_eq!(
        refused(&shop, "PF-1", "delete_draft", "return").await.0,
        "invoice_is_booked"
    );
    // Booked by hand with other lines, or another reference: that is not ours to credit.
    shop.robaws.edit_invoice(&id, |invoice| {
        invoice.line_items[0].vat_tariff_id = Some("10".to_owned());
    });
    assert_eq!(
        refused(&shop, "PF-1", "credit", "return").await.0,
        "invoice_differs"
    );
    shop.robaws.edit_invoice(&id, |invoice| {
        invoice.line_items[0].vat_tariff_id = Some("7".to_owned());
        invoice.client_reference = Some("x".to_owned());
    });
    assert_eq!(
        refused(&shop, "PF-1", "credit", "return").await.0,
        "invoice_differs"
    );
    shop.robaws.remove_invoice(&id);
    assert_eq!(refused(&shop, "PF-1", "credit", "return").await.0, "invoice_gone");
    assert_eq!(shop.state("PF-1").await, "conflict", "nothing was changed");
    assert!(shop.order("PF-1").await.ledger.undo.is_none());
    assert_eq!(stock(&shop), pieces(23, 137));
    // A draft that is gone needs no deletion.
    shop.stack.robaws.clear_calls();
    decided(&shop, "PF-1", "delete_draft", "return").await;
    work(&shop).await;
    assert_eq!(shop.state("PF-1").await, "reversed");
    assert_eq!(shop.stack.robaws.count("DELETE", "/sales-invoices"), 0);
    assert_eq!(stock(&shop), pieces(25, 140));
    let (status, answer) = shop
        .stack
        .api("POST", "/api/connections/shop/deactivate", &Value::Null)
        .await
        .unwrap();
    assert_eq!(status, 200, "{answer}");
    assert_eq!(refused(&shop, "PF-1", "keep", "keep").await.0, "inactive");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_text_of_a_refusal_is_in_the_connections_language() {
    let shop = Shop::open().await;
    in_conflict(&shop, "PF-1").await;
    for (language, begins) in [
        (
            "nl",
            "Factuur F2026-0001 van bestelling 1083993841 (PF-1) is een concept",
        ),
        (
            "fr",
            "La facture F2026-0001 de la commande 1083993841 (PF-1) est un brouillon",
        ),
        (
            "de",
            "Die Rechnung F2026-0001 der Bestellung 1083993841 (PF-1) ist in Robaws ein Entwurf",
        ),
    ] {
        let path = "/api/connections/shop";
        let body = json!({ "language": language });
        assert_eq!(shop.stack.api("PATCH", path, &body).await.unwrap().0, 200);
        let (_, message) = refused(&shop, "PF-1", "credit", "keep").await;
        assert!(message.starts_with(begins), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handled_order_is_not_undone_and_a_handled_decision_is_not_carried_out() {
    let shop = booking().await;
    in_conflict(&shop, "PF-1").await;
    decided(&shop, "PF-1", "credit", "return").await;
    assert_eq!(settle(&shop, "PF-1", json!({ "as": "handled" })).await.0, 200);
    work(&shop).await;
    shop.rounds(15).await;
    assert_eq!(shop.state("PF-1").await, "skipped");
    assert!(credit_notes(&shop, "PF-1").is_empty());
    assert_eq!(
        refused(&shop, "PF-1", "credit", "return").await.0,
        "not_in_conflict"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_credit_note_goes_where_the_invoice_went() {
    // Left as a draft, which the merchant put a business on, dated and booked.
    let shop = Shop::open().await;
    shop.robaws.set(|settings| settings.draft_number_null = true);
    shop.place(
        mixed("PF-1")
            .business("Bouw bv", "BE0123456749")
            .status("shipped"),
    );
    shop.rounds(10).await;
    let id = invoice(&shop, "PF-1").id;
    shop.robaws.edit_invoice(&id, |invoice| {
        invoice.client_id = "6".to_owned();
        invoice.date = "2026-11-20".to_owned();
        invoice.logic_id = Some("F2026-0099".to_owned());
        invoice.booked = true;
    });
    shop.productflow.cancel("PF-1");
    shop.rounds(10).await;
    decided(&shop, "PF-1", "credit", "keep").await;
    work(&shop).await;
    let credit_note = credit_notes(&shop, "PF-1").remove(0);
    assert_eq!(credit_note.client_id, "6");
    assert!(
        !credit_note.booked,
        "the settings say that nothing is booked by itself"
    );
    let remark = credit_note.remark.unwrap();
    assert!(
        remark.starts_with("Cancellation of invoice F2026-0099 of 20 Nov 2026."),
        "{remark}"
    );
    let order = shown(&shop, "PF-1").await;
    assert_eq!(order["effects"][1]["number"], "F2026-0099");
    assert_eq!(order["effects"][2]["number"], Value::Null);
    let said = order["explanation"].as_str().unwrap();
    assert!(
        said.starts_with("Credit note (draft without number) for the invoice is ready as a draft"),
        "{said}"
    );
    assert_eq!(order["problems"], json!([]));
    shop.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_that_has_not_begun_may_be_taken_back() {
    let shop = booking().await;
    in_conflict(&shop, "PF-1").await;
    decided(&shop, "PF-1", "credit", "return").await;
    decided(&shop, "PF-1", "keep", "keep").await;
    work(&shop).await;
    shop.rounds(15).await;
    assert_eq!(shop.state("PF-1").await, "invoiced");
    assert_eq!(shop.robaws.invoices().len(), 1);
    assert_eq!(stock(&shop), pieces(23, 137));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_that_is_booked_by_hand_meanwhile_is_not_deleted() {
    let shop = Shop::open().await;
    in_conflict(&shop, "PF-1").await;
    decided(&shop, "PF-1", "delete_draft", "return").await;
    let id = invoice(&shop, "PF-1").id;
    shop.robaws.edit_invoice(&id, |invoice| invoice.booked = true);
    work(&shop).await;
    assert_eq!(shop.state("PF-1").await, "conflict");
    let said = explanation(&shop, "PF-1").await;
    assert!(
        said.contains("Invoice F2026-0001 is booked in Robaws, so it was not deleted"),
        "{said}"
    );
    assert_eq!(shop.stack.robaws.count("DELETE", "/sales-invoices"), 0);
    assert_eq!(stock(&shop), pieces(23, 137));
    // Booked right after it was seen as a draft: Robaws refuses, and the draft shows why.
    decided(&shop, "PF-1", "credit", "return").await;
    work(&shop).await;
    assert_eq!(shop.state("PF-1").await, "reversed");
    assert_eq!(credit_notes(&shop, "PF-1").len(), 1);
    shop.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_changes_between_decision_and_look_is_a_conflict_again() {
    let shop = booking().await;
    in_conflict(&shop, "PF-1").await;
    decided(&shop, "PF-1", "credit", "return").await;
    shop.productflow.set_status("PF-1", "shipped");
    work(&shop).await;
    assert_eq!(shop.state("PF-1").await, "conflict");
    assert_eq!(shop.codes("PF-1").await, ["changed_after_invoice"]);
    assert!(credit_notes(&shop, "PF-1").is_empty());
    assert_eq!(stock(&shop), pieces(23, 137));
    shop.rounds(70).await;
    assert_eq!(shop.robaws.invoices().len(), 1);
    // Not even when it is again what it was when that was decided: the merchant saw it change.
    shop.productflow.cancel("PF-1");
    shop.rounds(70).await;
    assert_eq!(shop.state("PF-1").await, "conflict");
    let said = explanation(&shop, "PF-1").await;
    assert!(
        said.contains("before all of your decision was carried out"),
        "{said}"
    );
    assert_eq!(shop.robaws.invoices().len(), 1);
    decided(&shop, "PF-1", "credit", "return").await;
    work(&shop).await;
    assert_credited_once(&shop, "PF-1");
    assert_eq!(shop.state("PF-1").await, "reversed");
    shop.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_merchant_credited_by_hand_is_not_credited_again() {
    let shop = booking().await;
    in_conflict(&shop, "PF-1").await;
    let reference = invoice(&shop, "PF-1").client_reference.unwrap();
    let by_hand = || async {
        let body = json!({
            "type": "CREDIT_NOTE", "clientId": "5", "date": "2026-11-23", "clientReference": reference, "booked": true,
        });
        let url = format!("{}/api/v2/sales-invoices", shop.stack.robaws_server.url());
        let http = runtime::http::client(&[&url.parse().unwrap()]).unwrap();
        let post = http
            .post(url)
            .basic_auth(demo::ROBAWS_KEY, Some(demo::ROBAWS_SECRET));
        assert_eq!(post.json(&body).send().await.unwrap().status(), 201);
    };
    decided(&shop, "PF-1", "credit", "return").await;
    by_hand().await;
    work(&shop).await;
    assert_eq!(shop.state("PF-1").await, "conflict");
    let said = explanation(&shop, "PF-1").await;
    assert!(
        said.contains("Credit note C2026-0001 with the reference"),
        "{said}"
    );
    assert_eq!(credit_notes(&shop, "PF-1").len(), 1);
    let (what, message) = refused(&shop, "PF-1", "credit", "return").await;
    assert_eq!(what, "already_credited");
    assert!(message.contains("C2026-0001"), "{message}");
    decided(&shop, "PF-1", "keep", "return").await;
    work(&shop).await;
    assert_eq!(shop.state("PF-1").await, "invoiced");
    assert_eq!(stock(&shop), pieces(25, 140));
    assert_eq!(credit_notes(&shop, "PF-1").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_draft_is_no_document_that_new_credentials_must_see() {
    let shop = Shop::open().await;
    // Without any stock change: the invoice is the only document.
    shop.place(
        OrderBuilder::new("PF-1")
            .line("MONTAGE", 1, 5000, Some("7"))
            .status("shipped"),
    );
    shop.rounds(10).await;
    shop.productflow.cancel("PF-1");
    shop.rounds(10).await;
    decided(&shop, "PF-1", "delete_draft", "return").await;
    work(&shop).await;
    assert_eq!(shop.state("PF-1").await, "reversed");
    assert_eq!(
        explanation(&shop, "PF-1").await,
        "The draft invoice is deleted.",
        "nothing was out"
    );
    shop.robaws.add_admin("new-key", "new-secret");
    let body = json!({ "robaws": { "key": "new-key", "secret": "new-secret" } });
    let (status, answer) = shop
        .stack
        .api("PATCH", "/api/connections/shop", &body)
        .await
        .unwrap();
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_shows_what_is_decided() {
    let shop = booking().await;
    in_conflict(&shop, "PF-1").await;
    decided(&shop, "PF-1", "credit", "return").await;
    let path = "/api/connections/shop/plan";
    let (status, answer) = shop.stack.api("GET", path, &Value::Null).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    let effects = &answer["items"][0]["effects"];
    assert_eq!(
        effects[0],
        json!({ "kind": "credit_note", "booked": true, "total_cents": TOTAL })
    );
    assert_eq!(effects[1]["direction"], "in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_without_our_invoice_has_nothing_to_undo() {
    let shop = Shop::open().await;
    shop.place(one_line("PF-1"));
    shop.rounds(10).await;
    shop.productflow.cancel("PF-1");
    shop.rounds(10).await;
    assert_eq!(shop.state("PF-1").await, "reversed");
    assert_eq!(
        refused(&shop, "PF-1", "keep", "return").await.0,
        "not_in_conflict"
    );
    assert_eq!(shop.robaws.stock_changes().len(), 2);
}
