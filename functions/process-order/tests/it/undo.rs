//! An invoice that ProductFlow contradicts is undone as the merchant decides, once, whatever comes between.

use domain::ConnectionSettings;
use jiff::SignedDuration;
use serde_json::{Value, json};
use simulators::{OrderBuilder, Outage, demo};
use world::answers::error_code;
use world::conflicts::{
    MIXED_ORDER_TOTAL, ask_for_undo, assert_credited_once, assert_undo_refused, bring_into_conflict,
    build_booking_world, credit_notes, decide_undo, first_invoice, lines_without_ids, mixed_order,
    pieces_of_both_articles, read_explanation, read_shown_order, settle_order, stock_of_both_articles,
};
use world::{World, default_settings, order_of_one_line};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_booked_invoice_is_credited_with_its_own_lines() {
    let world = World::with_settings(ConnectionSettings {
        book_invoices: true,
        robaws_company_id: domain::RobawsCompanyId::parse("1").ok(),
        payment_condition_id: domain::PaymentConditionId::parse("2").ok(),
        ..default_settings()
    })
    .await;
    world.place_order(
        mixed_order("PF-1")
            .with_field("marketplace", json!({ "id": 12, "name": "bol.com" }))
            .with_status("shipped"),
    );
    world.poll_for_minutes(10).await;
    let invoice = first_invoice(&world, "PF-1");
    assert!(invoice.booked);
    // 23:30 UTC is the next day in Brussels.
    world.clock.advance_by(SignedDuration::from_hours(24 + 15) + SignedDuration::from_mins(15));
    world.productflow.cancel_order("PF-1");
    world.poll_and_work().await;
    assert_eq!(world.order_state("PF-1").await, "conflict");
    let answer = decide_undo(&world, "PF-1", "credit", "return").await;
    assert_eq!(answer["state"], "waiting");
    assert_eq!(answer["explanation"], "Your decision is being carried out in Robaws.");
    assert_eq!(answer["problems"], json!([]));
    assert!(credit_notes(&world, "PF-1").is_empty(), "nothing is called by the request");
    world.work_off_orders().await;
    assert_credited_once(&world, "PF-1");
    let credit_note = credit_notes(&world, "PF-1").remove(0);
    assert_eq!(credit_note.date, "2026-11-25");
    assert_eq!(credit_note.client_reference, invoice.client_reference);
    assert_eq!(credit_note.client_id, demo::B2C_CLIENT);
    assert_eq!(credit_note.company_id.as_deref(), Some("1"));
    assert_eq!(credit_note.payment_condition_id.as_deref(), Some("2"));
    assert_eq!(
        credit_note.remark.as_deref(),
        Some("Cancellation of invoice F2026-0001 of 23 Nov 2026. ProductFlow PF-1 · bol.com 1083993841")
    );
    assert!(lines_without_ids(&credit_note).iter().any(|line| line["quantity"] == -1));
    assert_eq!(stock_of_both_articles(&world), pieces_of_both_articles(25, 140));
    let order = read_shown_order(&world, "PF-1").await;
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
    assert_eq!(effects[2]["total_cents"], MIXED_ORDER_TOTAL);
    assert_eq!((&effects[2]["booked"], &effects[2]["state"]), (&json!(true), &json!("done")));
    assert_eq!(effects[3]["direction"], "in");
    let settled = &order["settlements"][0];
    assert_eq!(
        (&settled["as"], &settled["by"], &settled["invoice"], &settled["stock"]),
        (&json!("undo"), &json!("operator"), &json!("credit"), &json!("return"))
    );
    let path = "/api/connections/shop/orders?q=C2026-0001";
    let (_, found) = world.stack.call_api("GET", path, &Value::Null).await.unwrap();
    assert_eq!(found["items"][0]["identifier"], "PF-1");
    // The same once more changes nothing; anything else has nothing left to do.
    assert_eq!(decide_undo(&world, "PF-1", "credit", "return").await["state"], "reversed");
    assert_eq!(assert_undo_refused(&world, "PF-1", "credit", "keep").await.0, "invoice_credited");
    assert_eq!(assert_undo_refused(&world, "PF-1", "delete_draft", "keep").await.0, "invoice_credited");
    assert_eq!(assert_undo_refused(&world, "PF-1", "keep", "keep").await.0, "nothing_open");
    assert_eq!(assert_undo_refused(&world, "PF-1", "keep", "return").await.0, "nothing_open");
    world.poll_for_minutes(120).await;
    assert_eq!(world.robaws.invoices().len(), 2);
    assert_eq!(world.robaws.stock_changes().len(), 2);
    assert_eq!(read_shown_order(&world, "PF-1").await["settlements"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_is_deleted_and_stock_that_was_kept_comes_back_later() {
    let world = World::new().await;
    bring_into_conflict(&world, "PF-1").await;
    decide_undo(&world, "PF-1", "delete_draft", "keep").await;
    world.work_off_orders().await;
    assert!(world.robaws.invoices().is_empty());
    let order = read_shown_order(&world, "PF-1").await;
    assert_eq!(order["state"], "booked", "no invoice stands, and the stock is out");
    assert_eq!(
        order["explanation"],
        "The draft invoice is deleted. What is booked out of stock stays out, as you decided."
    );
    let effects = order["effects"].as_array().unwrap();
    assert_eq!(effects.len(), 2);
    assert_eq!(effects[1]["kind"], "invoice");
    assert_eq!(effects[1]["state"], "deleted");
    assert!(effects[1]["deleted_at"].is_string());
    assert_eq!(stock_of_both_articles(&world), pieces_of_both_articles(23, 137));
    let deletes = || world.stack.robaws.count_calls("DELETE", "/sales-invoices");
    assert_eq!(deletes(), 1);
    assert_eq!(assert_undo_refused(&world, "PF-1", "delete_draft", "return").await.0, "invoice_deleted");
    world.poll_for_minutes(70).await;
    decide_undo(&world, "PF-1", "keep", "return").await;
    world.work_off_orders().await;
    decide_undo(&world, "PF-1", "keep", "return").await;
    world.poll_for_minutes(70).await;
    assert_eq!(world.order_state("PF-1").await, "reversed");
    assert_eq!(
        read_explanation(&world, "PF-1").await,
        "The draft invoice is deleted. The articles are back in stock."
    );
    assert_eq!(stock_of_both_articles(&world), pieces_of_both_articles(25, 140));
    assert_eq!(world.robaws.stock_changes().len(), 2);
    assert_eq!(deletes(), 1);
    assert!(world.robaws.invoices().is_empty(), "it is never invoiced again by itself");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_closes_the_conflict_and_may_be_undone_later() {
    let world = build_booking_world().await;
    bring_into_conflict(&world, "PF-1").await;
    decide_undo(&world, "PF-1", "keep", "keep").await;
    world.work_off_orders().await;
    let order = read_shown_order(&world, "PF-1").await;
    assert_eq!((&order["state"], &order["problems"]), (&json!("invoiced"), &json!([])));
    assert_eq!(
        order["explanation"],
        "The invoice stays as it is, as you decided. What is booked out of stock stays out, as you decided."
    );
    assert_eq!(world.robaws.invoices().len(), 1);
    assert_eq!(world.robaws.stock_changes().len(), 1);
    // The invoice first, and the stock after that, on their own.
    decide_undo(&world, "PF-1", "credit", "keep").await;
    world.work_off_orders().await;
    assert_credited_once(&world, "PF-1");
    assert_eq!(world.order_state("PF-1").await, "booked");
    assert_eq!(stock_of_both_articles(&world), pieces_of_both_articles(23, 137));
    decide_undo(&world, "PF-1", "keep", "return").await;
    world.work_off_orders().await;
    assert_eq!(world.order_state("PF-1").await, "reversed");
    assert_eq!(stock_of_both_articles(&world), pieces_of_both_articles(25, 140));
    assert_credited_once(&world, "PF-1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_later_change_is_a_conflict_once() {
    let world = build_booking_world().await;
    bring_into_conflict(&world, "PF-1").await;
    decide_undo(&world, "PF-1", "credit", "return").await;
    world.work_off_orders().await;
    assert_eq!(world.order_state("PF-1").await, "reversed");
    for (status, changes) in [("shipped", "open again"), ("cancelled", "cancelled")] {
        world.productflow.set_status("PF-1", status);
        world.poll_for_minutes(10).await;
        assert_eq!(world.order_state("PF-1").await, "conflict", "{changes}");
        assert_eq!(assert_undo_refused(&world, "PF-1", "credit", "return").await.0, "invoice_credited");
        decide_undo(&world, "PF-1", "keep", "keep").await;
        world.poll_for_minutes(70).await;
        assert_eq!(world.order_state("PF-1").await, "reversed", "{changes}");
    }
    assert_credited_once(&world, "PF-1");
    assert_eq!(stock_of_both_articles(&world), pieces_of_both_articles(25, 140));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_undone_is_refused_and_named() {
    let world = World::new().await;
    let (status, answer) = ask_for_undo(&world, "PF-1", "keep", "keep").await;
    assert_eq!((status, error_code(&answer)), (404, "not_found"));
    world.place_order(mixed_order("PF-1").with_status("shipped"));
    world.poll_for_minutes(10).await;
    let (what, message) = assert_undo_refused(&world, "PF-1", "delete_draft", "return").await;
    assert_eq!(what, "not_in_conflict");
    assert!(message.contains("1083993841 (PF-1)"), "{message}");
    world.productflow.cancel_order("PF-1");
    world.poll_for_minutes(10).await;
    for (body, field) in [
        (
            json!({"as": "undo", "invoice": "destroy", "stock": "keep"}),
            "invoice: must be one of `credit`, `delete_draft`, `keep`",
        ),
        (json!({"as": "undo", "invoice": "keep", "stock": 1}), "stock: has a wrong type"),
        (json!({"as": "undo", "invoice": "keep", "stock": "back"}), "stock: must be `return` or `keep`"),
        (json!({"as": "undo", "stock": "keep"}), "invoice: is missing"),
        (json!({"as": "undo", "invoice": "keep"}), "stock: is missing"),
        (json!({"as": "handled", "stock": "keep"}), "stock: does not belong here"),
        (json!({"as": "undo", "invoice": "keep", "stock": "keep", "robaws_id": "1"}), "robaws_id: does not"),
        (json!({"as": "done"}), "robaws_id: is missing"),
        (json!({"as": "undone"}), "as: must be one of"),
    ] {
        let (status, answer) = settle_order(&world, "PF-1", body).await;
        assert_eq!((status, error_code(&answer)), (400, "bad_request"));
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.starts_with(field), "{message}");
    }
    let (what, message) = assert_undo_refused(&world, "PF-1", "credit", "return").await;
    assert_eq!(what, "invoice_is_draft");
    assert!(message.contains("Invoice F2026-0001"), "{message}");
    world.stack.robaws.set_outage(Some(Outage::Unavailable));
    let (status, answer) = ask_for_undo(&world, "PF-1", "delete_draft", "return").await;
    assert_eq!((status, error_code(&answer)), (503, "peer_unavailable"));
    world.stack.robaws.set_outage(None);
    let id = first_invoice(&world, "PF-1").id;
    world.robaws.edit_invoice(&id, |invoice| invoice.booked = true);
    assert_eq!(assert_undo_refused(&world, "PF-1", "delete_draft", "return").await.0, "invoice_is_booked");
    // Booked by hand with other lines, or another reference: that is not ours to credit.
    world.robaws.edit_invoice(&id, |invoice| {
        invoice.line_items[0].vat_tariff_id = Some("10".to_owned());
    });
    assert_eq!(assert_undo_refused(&world, "PF-1", "credit", "return").await.0, "invoice_differs");
    world.robaws.edit_invoice(&id, |invoice| {
        invoice.line_items[0].vat_tariff_id = Some("7".to_owned());
        invoice.client_reference = Some("x".to_owned());
    });
    assert_eq!(assert_undo_refused(&world, "PF-1", "credit", "return").await.0, "invoice_differs");
    world.robaws.remove_invoice(&id);
    assert_eq!(assert_undo_refused(&world, "PF-1", "credit", "return").await.0, "invoice_gone");
    assert_eq!(world.order_state("PF-1").await, "conflict", "nothing was changed");
    assert!(world.read_order("PF-1").await.ledger.undo.is_none());
    assert_eq!(stock_of_both_articles(&world), pieces_of_both_articles(23, 137));
    // A draft that is gone needs no deletion.
    world.stack.robaws.clear_calls();
    decide_undo(&world, "PF-1", "delete_draft", "return").await;
    world.work_off_orders().await;
    assert_eq!(world.order_state("PF-1").await, "reversed");
    assert_eq!(world.stack.robaws.count_calls("DELETE", "/sales-invoices"), 0);
    assert_eq!(stock_of_both_articles(&world), pieces_of_both_articles(25, 140));
    let (status, answer) =
        world.stack.call_api("POST", "/api/connections/shop/deactivate", &Value::Null).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    assert_eq!(assert_undo_refused(&world, "PF-1", "keep", "keep").await.0, "inactive");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_text_of_a_refusal_is_in_the_connections_language() {
    let world = World::new().await;
    bring_into_conflict(&world, "PF-1").await;
    for (language, begins) in [
        ("nl", "Factuur F2026-0001 van bestelling 1083993841 (PF-1) is een concept"),
        ("fr", "La facture F2026-0001 de la commande 1083993841 (PF-1) est un brouillon"),
        ("de", "Die Rechnung F2026-0001 der Bestellung 1083993841 (PF-1) ist in Robaws ein Entwurf"),
    ] {
        let path = "/api/connections/shop";
        let body = json!({ "language": language });
        assert_eq!(world.stack.call_api("PATCH", path, &body).await.unwrap().0, 200);
        let (_, message) = assert_undo_refused(&world, "PF-1", "credit", "keep").await;
        assert!(message.starts_with(begins), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handled_order_is_not_undone_and_a_handled_decision_is_not_carried_out() {
    let world = build_booking_world().await;
    bring_into_conflict(&world, "PF-1").await;
    decide_undo(&world, "PF-1", "credit", "return").await;
    assert_eq!(settle_order(&world, "PF-1", json!({ "as": "handled" })).await.0, 200);
    world.work_off_orders().await;
    world.poll_for_minutes(15).await;
    assert_eq!(world.order_state("PF-1").await, "skipped");
    assert!(credit_notes(&world, "PF-1").is_empty());
    assert_eq!(assert_undo_refused(&world, "PF-1", "credit", "return").await.0, "not_in_conflict");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_credit_note_goes_where_the_invoice_went() {
    // Left as a draft, which the merchant put a business on, dated and booked.
    let world = World::new().await;
    world.robaws.change_settings(|settings| settings.draft_number_null = true);
    world.place_order(
        mixed_order("PF-1").with_business_buyer("Bouw bv", "BE0123456749").with_status("shipped"),
    );
    world.poll_for_minutes(10).await;
    let id = first_invoice(&world, "PF-1").id;
    world.robaws.edit_invoice(&id, |invoice| {
        invoice.client_id = "6".to_owned();
        invoice.date = "2026-11-20".to_owned();
        invoice.logic_id = Some("F2026-0099".to_owned());
        invoice.booked = true;
    });
    world.productflow.cancel_order("PF-1");
    world.poll_for_minutes(10).await;
    decide_undo(&world, "PF-1", "credit", "keep").await;
    world.work_off_orders().await;
    let credit_note = credit_notes(&world, "PF-1").remove(0);
    assert_eq!(credit_note.client_id, "6");
    assert!(!credit_note.booked, "the settings say that nothing is booked by itself");
    let remark = credit_note.remark.unwrap();
    assert!(remark.starts_with("Cancellation of invoice F2026-0099 of 20 Nov 2026."), "{remark}");
    let order = read_shown_order(&world, "PF-1").await;
    assert_eq!(order["effects"][1]["number"], "F2026-0099");
    assert_eq!(order["effects"][2]["number"], Value::Null);
    let said = order["explanation"].as_str().unwrap();
    assert!(
        said.starts_with("Credit note (draft without number) for the invoice is ready as a draft"),
        "{said}"
    );
    assert_eq!(order["problems"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_that_has_not_begun_may_be_taken_back() {
    let world = build_booking_world().await;
    bring_into_conflict(&world, "PF-1").await;
    decide_undo(&world, "PF-1", "credit", "return").await;
    decide_undo(&world, "PF-1", "keep", "keep").await;
    world.work_off_orders().await;
    world.poll_for_minutes(15).await;
    assert_eq!(world.order_state("PF-1").await, "invoiced");
    assert_eq!(world.robaws.invoices().len(), 1);
    assert_eq!(stock_of_both_articles(&world), pieces_of_both_articles(23, 137));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_that_is_booked_by_hand_meanwhile_is_not_deleted() {
    let world = World::new().await;
    bring_into_conflict(&world, "PF-1").await;
    decide_undo(&world, "PF-1", "delete_draft", "return").await;
    let id = first_invoice(&world, "PF-1").id;
    world.robaws.edit_invoice(&id, |invoice| invoice.booked = true);
    world.work_off_orders().await;
    assert_eq!(world.order_state("PF-1").await, "conflict");
    let said = read_explanation(&world, "PF-1").await;
    assert!(said.contains("Invoice F2026-0001 is booked in Robaws, so it was not deleted"), "{said}");
    assert_eq!(world.stack.robaws.count_calls("DELETE", "/sales-invoices"), 0);
    assert_eq!(stock_of_both_articles(&world), pieces_of_both_articles(23, 137));
    // Booked right after it was seen as a draft: Robaws refuses, and the draft shows why.
    decide_undo(&world, "PF-1", "credit", "return").await;
    world.work_off_orders().await;
    assert_eq!(world.order_state("PF-1").await, "reversed");
    assert_eq!(credit_notes(&world, "PF-1").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_changes_between_decision_and_look_is_a_conflict_again() {
    let world = build_booking_world().await;
    bring_into_conflict(&world, "PF-1").await;
    decide_undo(&world, "PF-1", "credit", "return").await;
    world.productflow.set_status("PF-1", "shipped");
    world.work_off_orders().await;
    assert_eq!(world.order_state("PF-1").await, "conflict");
    assert_eq!(world.problem_codes("PF-1").await, ["changed_after_invoice"]);
    assert!(credit_notes(&world, "PF-1").is_empty());
    assert_eq!(stock_of_both_articles(&world), pieces_of_both_articles(23, 137));
    world.poll_for_minutes(70).await;
    assert_eq!(world.robaws.invoices().len(), 1);
    // Not even when it is again what it was when that was decided: the merchant saw it change.
    world.productflow.cancel_order("PF-1");
    world.poll_for_minutes(70).await;
    assert_eq!(world.order_state("PF-1").await, "conflict");
    let said = read_explanation(&world, "PF-1").await;
    assert!(said.contains("before all of your decision was carried out"), "{said}");
    assert_eq!(world.robaws.invoices().len(), 1);
    decide_undo(&world, "PF-1", "credit", "return").await;
    world.work_off_orders().await;
    assert_credited_once(&world, "PF-1");
    assert_eq!(world.order_state("PF-1").await, "reversed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_merchant_credited_by_hand_is_not_credited_again() {
    let world = build_booking_world().await;
    bring_into_conflict(&world, "PF-1").await;
    let reference = first_invoice(&world, "PF-1").client_reference.unwrap();
    let by_hand = || async {
        let body = json!({
            "type": "CREDIT_NOTE", "clientId": "5", "date": "2026-11-23", "clientReference": reference, "booked": true,
        });
        let url = format!("{}/api/v2/sales-invoices", world.stack.robaws_server.url());
        let http = runtime::http::peer_client(&[&url.parse().unwrap()]).unwrap();
        let post = http.post(url).basic_auth(demo::ROBAWS_KEY, Some(demo::ROBAWS_SECRET));
        assert_eq!(post.json(&body).send().await.unwrap().status(), 201);
    };
    decide_undo(&world, "PF-1", "credit", "return").await;
    by_hand().await;
    world.work_off_orders().await;
    assert_eq!(world.order_state("PF-1").await, "conflict");
    let said = read_explanation(&world, "PF-1").await;
    assert!(said.contains("Credit note C2026-0001 with the reference"), "{said}");
    assert_eq!(credit_notes(&world, "PF-1").len(), 1);
    let (what, message) = assert_undo_refused(&world, "PF-1", "credit", "return").await;
    assert_eq!(what, "already_credited");
    assert!(message.contains("C2026-0001"), "{message}");
    decide_undo(&world, "PF-1", "keep", "return").await;
    world.work_off_orders().await;
    assert_eq!(world.order_state("PF-1").await, "invoiced");
    assert_eq!(stock_of_both_articles(&world), pieces_of_both_articles(25, 140));
    assert_eq!(credit_notes(&world, "PF-1").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_draft_is_no_document_that_new_credentials_must_see() {
    let world = World::new().await;
    // Without any stock change: the invoice is the only document.
    world.place_order(
        OrderBuilder::new("PF-1").with_line("MONTAGE", 1, 5000, Some("7")).with_status("shipped"),
    );
    world.poll_for_minutes(10).await;
    world.productflow.cancel_order("PF-1");
    world.poll_for_minutes(10).await;
    decide_undo(&world, "PF-1", "delete_draft", "return").await;
    world.work_off_orders().await;
    assert_eq!(world.order_state("PF-1").await, "reversed");
    assert_eq!(read_explanation(&world, "PF-1").await, "The draft invoice is deleted.", "nothing was out");
    world.robaws.add_admin("new-key", "new-secret");
    let body = json!({ "robaws": { "key": "new-key", "secret": "new-secret" } });
    let (status, answer) = world.stack.call_api("PATCH", "/api/connections/shop", &body).await.unwrap();
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_shows_what_is_decided() {
    let world = build_booking_world().await;
    bring_into_conflict(&world, "PF-1").await;
    decide_undo(&world, "PF-1", "credit", "return").await;
    let path = "/api/connections/shop/plan";
    let (status, answer) = world.stack.call_api("GET", path, &Value::Null).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    let effects = &answer["items"][0]["effects"];
    assert_eq!(
        effects[0],
        json!({ "kind": "credit_note", "booked": true, "total_cents": MIXED_ORDER_TOTAL })
    );
    assert_eq!(effects[1]["direction"], "in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_without_our_invoice_has_nothing_to_undo() {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1"));
    world.poll_for_minutes(10).await;
    world.productflow.cancel_order("PF-1");
    world.poll_for_minutes(10).await;
    assert_eq!(world.order_state("PF-1").await, "reversed");
    assert_eq!(assert_undo_refused(&world, "PF-1", "keep", "return").await.0, "not_in_conflict");
    assert_eq!(world.robaws.stock_changes().len(), 2);
}
