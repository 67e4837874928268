//! What goes wrong while an invoice is undone: lost answers, refusals, races, and processes killed in between.

use crate::api::code;
use crate::shop::Shop;
use crate::undo::{
    assert_credited_once, booking, credit_notes, decided, explanation, in_conflict, invoice, mixed, pieces,
    refused, settle, shown, stock, undo, work,
};
use domain::ledger::RowState;
use jiff::SignedDuration;
use serde_json::json;
use simulators::Fault;
use simulators::traffic::{Answer, Effect, Outcome};
use std::time::Duration;

async fn credited_once(fault: Fault) {
    let shop = booking().await;
    in_conflict(&shop, "PF-1").await;
    decided(&shop, "PF-1", "credit", "return").await;
    shop.stack.robaws.fault(fault);
    shop.rounds(90).await;
    assert_eq!(shop.state("PF-1").await, "reversed");
    assert_credited_once(&shop, "PF-1");
    assert_eq!(stock(&shop), pieces(25, 140));
    assert_eq!(shop.robaws.stock_changes().len(), 2);
    assert_eq!(shop.codes("PF-1").await, [""; 0]);
    assert!(struck(&shop), "the fault met no call");
    shop.assert_no_violations();
}

fn struck(shop: &Shop) -> bool {
    shop.stack.robaws.calls().iter().any(|call| call.fault)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_the_header_there_is_one_credit_note() {
    let header = || Fault::on("POST", "/sales-invoices").containing("CREDIT_NOTE");
    for fault in [
        header().drop_after(),
        header().drop_after().times(4),
        header().drop_before().times(4),
        header().status_after(500),
        header().status_after(502),
        header().status(500).times(2),
        header().status(409),
        header().truncate(),
        header().status_after(500).times(1),
        header().patch_answer(json!({ "clientReference": "something else" })),
        header().patch_answer(json!({ "type": "INVOICE" })),
    ] {
        credited_once(fault).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_a_line_or_the_booking_there_is_one_credit_note() {
    // The invoice's own lines went out before the fault was set.
    let line = || Fault::on("POST", "/sales-invoices/*/line-items");
    for fault in [
        line().nth(2).times(3).drop_after(),
        line().nth(3).drop_before(),
        line().status_after(500),
        line().nth(5).status(409),
        line().nth(1).status(503).times(7),
        Fault::on("GET", "/sales-invoices/*").nth(2).status(500).times(3),
        Fault::on("GET", "/sales-invoices").drop_before().times(3),
        Fault::on("PATCH", "/sales-invoices/*").drop_after(),
        Fault::on("PATCH", "/sales-invoices/*").status_after(500),
        Fault::on("PATCH", "/sales-invoices/*").status(503).times(3),
        Fault::on("PATCH", "/sales-invoices/*").status(409),
    ] {
        credited_once(fault).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_the_return_the_stock_comes_back_once() {
    let back = || Fault::on("POST", "/stock-changes");
    for fault in [
        back().drop_after(),
        back().drop_before().times(4),
        back().status_after(500),
        back().status(409),
        back().truncate(),
    ] {
        credited_once(fault).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_the_deletion_the_draft_goes() {
    let delete = || Fault::on("DELETE", "/sales-invoices/*");
    for fault in [
        delete().drop_after(),
        delete().drop_before().times(4),
        delete().status_after(500),
        delete().status(500).times(4),
        delete().status(409),
        Fault::on("GET", "/sales-invoices/*").status(503).times(3),
    ] {
        let shop = Shop::open().await;
        in_conflict(&shop, "PF-1").await;
        shop.stack.robaws.clear_calls();
        decided(&shop, "PF-1", "delete_draft", "return").await;
        shop.stack.robaws.fault(fault);
        shop.rounds(60).await;
        assert_eq!(shop.state("PF-1").await, "reversed");
        assert!(shop.robaws.invoices().is_empty());
        assert_eq!(stock(&shop), pieces(25, 140));
        let order = shown(&shop, "PF-1").await;
        assert_eq!(order["effects"][1]["state"], "deleted");
        assert!(struck(&shop), "the fault met no call");
        shop.assert_no_violations();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_that_robaws_does_not_delete_is_still_to_be_decided() {
    let shop = Shop::open().await;
    in_conflict(&shop, "PF-1").await;
    decided(&shop, "PF-1", "delete_draft", "return").await;
    let no = Answer::json(400, json!({ "status": 400, "message": "The period is closed" }));
    let delete = Fault::on("DELETE", "/sales-invoices/*").effect(Effect::Answer(no));
    shop.stack.robaws.fault(delete.forever());
    shop.rounds(70).await;
    let order = shown(&shop, "PF-1").await;
    assert_eq!(order["state"], "conflict");
    assert_eq!(shop.codes("PF-1").await, ["cancelled_after_invoice"]);
    let said = order["explanation"].as_str().unwrap();
    assert!(said.contains("(\"The period is closed\")"), "{said}");
    assert_eq!(
        stock(&shop),
        pieces(23, 137),
        "nor the stock, until it is decided again"
    );
    assert_eq!(shop.stack.robaws.count("DELETE", "/sales-invoices"), 1);
    shop.stack.robaws.clear_faults();
    shop.rounds(70).await;
    assert_eq!(
        shop.state("PF-1").await,
        "conflict",
        "it does not go on by itself"
    );
    decided(&shop, "PF-1", "delete_draft", "return").await;
    work(&shop).await;
    assert_eq!(shop.state("PF-1").await, "reversed");
    assert!(shop.robaws.invoices().is_empty());
    shop.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credit_note_that_robaws_refuses_goes_on_by_itself_and_holds_up_no_stock() {
    let shop = booking().await;
    in_conflict(&shop, "PF-1").await;
    let no = Answer::json(400, json!({ "status": 400, "message": "The period is closed" }));
    for step in [
        Fault::on("POST", "/sales-invoices"),
        Fault::on("POST", "/sales-invoices/*/line-items").nth(2),
    ] {
        shop.stack.robaws.fault(
            step.clone()
                .effect(Effect::Answer(no.clone()))
                .times(u32::MAX - 2),
        );
        let decided = undo(&shop, "PF-1", "credit", "return").await;
        assert_eq!(decided.0, 200);
        work(&shop).await;
        assert_eq!(shop.state("PF-1").await, "blocked");
        let order = shown(&shop, "PF-1").await;
        assert_eq!(
            order["problems"][0]["message"],
            "Robaws does not accept this for order 1083993841 (PF-1) (Credit note): The period is closed"
        );
        assert_eq!(stock(&shop), pieces(25, 140));
        shop.stack.robaws.clear_faults();
    }
    shop.rounds(70).await;
    assert_eq!(shop.state("PF-1").await, "reversed");
    assert_credited_once(&shop, "PF-1");
    shop.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_that_is_booked_by_hand_after_a_lost_deletion_is_kept() {
    let shop = Shop::open().await;
    in_conflict(&shop, "PF-1").await;
    decided(&shop, "PF-1", "delete_draft", "return").await;
    shop.stack
        .robaws
        .fault(Fault::on("DELETE", "/sales-invoices/*").drop_before().times(3));
    work(&shop).await;
    let rows = shop.order("PF-1").await.ledger.rows;
    assert_eq!(rows[2].state, RowState::Unknown);
    assert_eq!(refused(&shop, "PF-1", "keep", "keep").await.0, "undo_under_way");
    let id = invoice(&shop, "PF-1").id;
    shop.robaws.edit_invoice(&id, |invoice| invoice.booked = true);
    shop.rounds(15).await;
    assert_eq!(shop.state("PF-1").await, "conflict");
    assert!(explanation(&shop, "PF-1").await.contains("so it was not deleted"));
    assert_eq!(shop.robaws.invoices().len(), 1);
    decided(&shop, "PF-1", "keep", "keep").await;
    work(&shop).await;
    assert_eq!(shop.state("PF-1").await, "invoiced");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_header_of_a_changed_order_is_looked_for_and_not_sent_again() {
    let shop = booking().await;
    in_conflict(&shop, "PF-1").await;
    decided(&shop, "PF-1", "credit", "return").await;
    let header = Fault::on("POST", "/sales-invoices").drop_before();
    shop.stack.robaws.fault(header.times(3));
    work(&shop).await;
    assert_eq!(shop.order("PF-1").await.ledger.rows[2].state, RowState::Unknown);
    shop.productflow.set_status("PF-1", "shipped");
    shop.rounds(90).await;
    assert_eq!(shop.state("PF-1").await, "conflict");
    assert!(credit_notes(&shop, "PF-1").is_empty());
    assert_eq!(shop.order("PF-1").await.ledger.rows[2].state, RowState::Refused);
    assert_eq!(stock(&shop), pieces(23, 137));
    // One that did get through is finished as frozen, though the order changed.
    shop.productflow.cancel("PF-1");
    shop.rounds(10).await;
    decided(&shop, "PF-1", "credit", "return").await;
    let header = Fault::on("POST", "/sales-invoices").drop_after();
    shop.stack.robaws.fault(header.times(3));
    work(&shop).await;
    shop.productflow.set_status("PF-1", "shipped");
    shop.rounds(30).await;
    assert_eq!(shop.state("PF-1").await, "conflict");
    assert_credited_once(&shop, "PF-1");
    assert!(
        explanation(&shop, "PF-1")
            .await
            .contains("credited with credit note C2026-0001")
    );
    assert_eq!(stock(&shop), pieces(23, 137), "the stock was not begun");
    shop.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decided_twice_at_the_same_moment_it_is_undone_once() {
    let shop = booking().await;
    in_conflict(&shop, "PF-1").await;
    let (a, b, c) = tokio::join!(
        undo(&shop, "PF-1", "credit", "return"),
        undo(&shop, "PF-1", "credit", "return"),
        undo(&shop, "PF-1", "keep", "keep"),
    );
    for (status, answer) in [a, b, c] {
        assert!(
            status == 200 || (status == 409 && code(&answer) == "conflict"),
            "{answer}"
        );
    }
    // Whoever came last decided.
    decided(&shop, "PF-1", "credit", "return").await;
    let (a, b) = tokio::join!(shop.stack.work(), shop.stack.work());
    a.unwrap();
    b.unwrap();
    shop.stack.aws.queues.release(local::stack::ORDERS_QUEUE);
    let (a, b, (status, answer)) = tokio::join!(
        shop.stack.work(),
        shop.stack.work(),
        undo(&shop, "PF-1", "credit", "return")
    );
    a.unwrap();
    b.unwrap();
    assert_eq!(status, 200, "{answer}");
    shop.rounds(30).await;
    assert_credited_once(&shop, "PF-1");
    assert_eq!(shop.robaws.stock_changes().len(), 2);
    assert_eq!(shop.state("PF-1").await, "reversed");
    shop.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credit_note_in_doubt_is_settled_as_done_or_not_done() {
    for done in [true, false] {
        let shop = booking().await;
        in_conflict(&shop, "PF-1").await;
        decided(&shop, "PF-1", "credit", "return").await;
        let header = Fault::on("POST", "/sales-invoices");
        shop.stack.robaws.fault(if done {
            header.drop_after().times(3)
        } else {
            header.drop_before().times(3)
        });
        work(&shop).await;
        // The list shows nothing of ours for two hours: nobody can tell what became of the call.
        let empty = json!({"items": [], "totalItems": 0, "totalPages": 0, "currentPage": 0, "size": 0});
        shop.stack.robaws.fault(
            Fault::on("GET", "/sales-invoices")
                .effect(Effect::Answer(Answer::json(200, empty)))
                .forever(),
        );
        shop.clock.advance(SignedDuration::from_hours(2));
        shop.rounds(10).await;
        assert_eq!(shop.state("PF-1").await, "in_doubt");
        let order = shown(&shop, "PF-1").await;
        let message = order["problems"][0]["message"].as_str().unwrap();
        assert!(message.contains("Credit note"), "{message}");
        assert_eq!(order["effects"][2]["state"], "in_doubt");
        assert_eq!(refused(&shop, "PF-1", "keep", "keep").await.0, "undo_in_doubt");
        shop.stack.robaws.clear_faults();
        if done {
            let own = invoice(&shop, "PF-1").id;
            let (status, answer) = settle(&shop, "PF-1", json!({ "as": "done", "robaws_id": own })).await;
            assert_eq!(
                (status, code(&answer)),
                (422, "document_differs"),
                "that is the invoice"
            );
            let id = credit_notes(&shop, "PF-1")[0].id.clone();
            let (status, answer) = settle(&shop, "PF-1", json!({ "as": "done", "robaws_id": id })).await;
            assert_eq!(status, 200, "{answer}");
        } else {
            let (status, answer) = settle(&shop, "PF-1", json!({ "as": "not_done" })).await;
            assert_eq!(status, 200, "{answer}");
        }
        work(&shop).await;
        assert_eq!(shop.state("PF-1").await, "reversed");
        assert_credited_once(&shop, "PF-1");
        assert_eq!(stock(&shop), pieces(25, 140));
        shop.assert_no_violations();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credit_note_that_people_wrongly_call_not_done_is_not_made_again() {
    let shop = booking().await;
    in_conflict(&shop, "PF-1").await;
    decided(&shop, "PF-1", "credit", "keep").await;
    let header = Fault::on("POST", "/sales-invoices").drop_after().times(3);
    shop.stack.robaws.fault(header);
    work(&shop).await;
    let empty = json!({"items": [], "totalItems": 0, "totalPages": 0, "currentPage": 0, "size": 0});
    shop.stack.robaws.fault(
        Fault::on("GET", "/sales-invoices")
            .effect(Effect::Answer(Answer::json(200, empty)))
            .forever(),
    );
    shop.clock.advance(SignedDuration::from_hours(2));
    shop.rounds(10).await;
    assert_eq!(shop.state("PF-1").await, "in_doubt");
    shop.stack.robaws.clear_faults();
    assert_eq!(settle(&shop, "PF-1", json!({ "as": "not_done" })).await.0, 200);
    work(&shop).await;
    assert_eq!(shop.state("PF-1").await, "conflict");
    assert_eq!(credit_notes(&shop, "PF-1").len(), 1);
}

/// How a process is killed in the middle of a call to Robaws.
#[derive(Clone, Copy, Debug)]
enum Killed {
    /// The call has no effect.
    Before,
    /// The call has its effect after its caller is gone.
    Meanwhile,
    /// The call has had its effect, and its answer goes to nobody.
    After,
}

/// Longer than it takes to notice the call.
const NOTICED: Duration = Duration::from_millis(400);

/// Waits for the simulator; fails when that does not come.
async fn until(what: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it does not come");
}

/// Works until the `nth` call to Robaws begins, and is killed there. `false`: it made fewer calls.
async fn killed_in(shop: &mut Shop, nth: u32, how: Killed) -> bool {
    let fault = Fault::on("*", "**").nth(nth);
    shop.stack.robaws.clear_calls();
    shop.stack.robaws.fault(match how {
        Killed::Before => fault.delay_before(NOTICED).drop_before(),
        Killed::Meanwhile => fault.delay_before(NOTICED),
        Killed::After => fault.delay_after(NOTICED),
    });
    let robaws = shop.stack.robaws.clone();
    let is_struck = || robaws.calls().iter().any(|call| call.fault);
    tokio::select! {
        () = work(shop) => {}
        () = until(is_struck) => {}
    }
    let was_struck = is_struck();
    until(|| robaws.calls().iter().all(|call| call.outcome != Outcome::Running)).await;
    shop.stack.robaws.clear_faults();
    shop.stack.restart().unwrap();
    was_struck
}

async fn killed_at_every_call(asked: &str, how: Killed) {
    let mut shop = if asked == "credit" {
        booking().await
    } else {
        Shop::open().await
    };
    let mut calls = 0;
    for nth in 1.. {
        let order = format!("PF-{nth}");
        shop.place(mixed(&order).status("shipped"));
        shop.round().await;
        shop.productflow.cancel(&order);
        shop.round().await;
        assert_eq!(shop.state(&order).await, "conflict");
        decided(&shop, &order, asked, "return").await;
        let struck = killed_in(&mut shop, nth, how).await;
        shop.rounds(75).await;
        assert_eq!(shop.state(&order).await, "reversed", "{asked} {how:?} call {nth}");
        if asked == "credit" {
            assert_credited_once(&shop, &format!("({order})"));
        } else {
            assert!(shop.robaws.invoices().is_empty(), "{how:?} call {nth}");
        }
        assert_eq!(stock(&shop), pieces(25, 140), "{asked} {how:?} call {nth}");
        let back = shop.robaws.stock_changes_of(&format!("({order})"));
        assert_eq!(back.len(), 2, "{asked} {how:?} call {nth}");
        shop.assert_no_violations();
        if !struck {
            break;
        }
        calls += 1;
    }
    // The invoice, other credit notes, header, seven lines, check, booking, stock; the draft, its deletion, stock.
    let expected = if asked == "credit" { 13 } else { 3 };
    assert_eq!(calls, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_any_call_of_a_credit_note_it_is_made_once() {
    killed_at_every_call("credit", Killed::Before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_during_any_call_of_a_credit_note_it_is_made_once() {
    killed_at_every_call("credit", Killed::Meanwhile).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_any_call_of_a_credit_note_it_is_made_once() {
    killed_at_every_call("credit", Killed::After).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_any_call_of_a_deletion_the_draft_goes() {
    for how in [Killed::Before, Killed::Meanwhile, Killed::After] {
        killed_at_every_call("delete_draft", how).await;
    }
}
