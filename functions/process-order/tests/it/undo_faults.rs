//! What goes wrong while an invoice is undone: lost answers, refusals, races, and processes killed in between.

use domain::ledger::RowState;
use jiff::SignedDuration;
use serde_json::json;
use simulators::traffic::{Answer, Effect};
use simulators::{Fault, Gate};
use world::World;
use world::answers::error_code;
use world::conflicts::{
    ask_for_undo, assert_credited_once, assert_undo_refused, bring_into_conflict, build_booking_world,
    credit_notes, decide_undo, first_invoice, mixed_order, pieces_of_both_articles, read_explanation,
    read_shown_order, settle_order, stock_of_both_articles,
};

async fn credited_once(fault: Fault) {
    let world = build_booking_world().await;
    bring_into_conflict(&world, "PF-1").await;
    decide_undo(&world, "PF-1", "credit", "return").await;
    world.stack.robaws.add_fault(fault);
    world.poll_for_minutes(90).await;
    assert_eq!(world.order_state("PF-1").await, "reversed");
    assert_credited_once(&world, "PF-1");
    assert_eq!(stock_of_both_articles(&world), pieces_of_both_articles(25, 140));
    assert_eq!(world.robaws.stock_changes().len(), 2);
    assert_eq!(world.problem_codes("PF-1").await, [""; 0]);
    assert!(is_fault_struck(&world), "the fault met no call");
}

fn is_fault_struck(world: &World) -> bool {
    world.stack.robaws.calls().iter().any(|call| call.fault)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_the_header_there_is_one_credit_note() {
    let header = || Fault::for_call("POST", "/sales-invoices").whose_text_contains("CREDIT_NOTE");
    for fault in [
        header().drop_after(),
        header().drop_after().for_calls(4),
        header().drop_before().for_calls(4),
        header().status_after(500),
        header().status_after(502),
        header().answer_status(500).for_calls(2),
        header().answer_status(409),
        header().truncate_answer(),
        header().status_after(500).for_calls(1),
        header().patch_answer(json!({ "clientReference": "something else" })),
        header().patch_answer(json!({ "type": "INVOICE" })),
    ] {
        credited_once(fault).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_a_line_or_the_booking_there_is_one_credit_note() {
    // The invoice's own lines went out before the fault was set.
    let line = || Fault::for_call("POST", "/sales-invoices/*/line-items");
    for fault in [
        line().at_nth_call(2).for_calls(3).drop_after(),
        line().at_nth_call(3).drop_before(),
        line().status_after(500),
        line().at_nth_call(5).answer_status(409),
        line().at_nth_call(1).answer_status(503).for_calls(7),
        Fault::for_call("GET", "/sales-invoices/*").at_nth_call(2).answer_status(500).for_calls(3),
        Fault::for_call("GET", "/sales-invoices").drop_before().for_calls(3),
        Fault::for_call("PATCH", "/sales-invoices/*").drop_after(),
        Fault::for_call("PATCH", "/sales-invoices/*").status_after(500),
        Fault::for_call("PATCH", "/sales-invoices/*").answer_status(503).for_calls(3),
        Fault::for_call("PATCH", "/sales-invoices/*").answer_status(409),
    ] {
        credited_once(fault).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_the_return_the_stock_comes_back_once() {
    let back = || Fault::for_call("POST", "/stock-changes");
    for fault in [
        back().drop_after(),
        back().drop_before().for_calls(4),
        back().status_after(500),
        back().answer_status(409),
        back().truncate_answer(),
    ] {
        credited_once(fault).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_the_deletion_the_draft_goes() {
    let delete = || Fault::for_call("DELETE", "/sales-invoices/*");
    for fault in [
        delete().drop_after(),
        delete().drop_before().for_calls(4),
        delete().status_after(500),
        delete().answer_status(500).for_calls(4),
        delete().answer_status(409),
        Fault::for_call("GET", "/sales-invoices/*").answer_status(503).for_calls(3),
    ] {
        let world = World::new().await;
        bring_into_conflict(&world, "PF-1").await;
        world.stack.robaws.clear_calls();
        decide_undo(&world, "PF-1", "delete_draft", "return").await;
        world.stack.robaws.add_fault(fault);
        world.poll_for_minutes(60).await;
        assert_eq!(world.order_state("PF-1").await, "reversed");
        assert!(world.robaws.invoices().is_empty());
        assert_eq!(stock_of_both_articles(&world), pieces_of_both_articles(25, 140));
        let order = read_shown_order(&world, "PF-1").await;
        assert_eq!(order["effects"][1]["state"], "deleted");
        assert!(is_fault_struck(&world), "the fault met no call");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_that_robaws_does_not_delete_is_still_to_be_decided() {
    let world = World::new().await;
    bring_into_conflict(&world, "PF-1").await;
    decide_undo(&world, "PF-1", "delete_draft", "return").await;
    let no = Answer::with_json(400, json!({ "status": 400, "message": "The period is closed" }));
    let delete = Fault::for_call("DELETE", "/sales-invoices/*").with_effect(Effect::Answer(no));
    world.stack.robaws.add_fault(delete.until_cleared());
    world.poll_for_minutes(70).await;
    let order = read_shown_order(&world, "PF-1").await;
    assert_eq!(order["state"], "conflict");
    assert_eq!(world.problem_codes("PF-1").await, ["cancelled_after_invoice"]);
    let said = order["explanation"].as_str().unwrap();
    assert!(said.contains("(\"The period is closed\")"), "{said}");
    assert_eq!(
        stock_of_both_articles(&world),
        pieces_of_both_articles(23, 137),
        "nor the stock, until it is decided again"
    );
    assert_eq!(world.stack.robaws.count_calls("DELETE", "/sales-invoices"), 1);
    world.stack.robaws.clear_faults();
    world.poll_for_minutes(70).await;
    assert_eq!(world.order_state("PF-1").await, "conflict", "it does not go on by itself");
    decide_undo(&world, "PF-1", "delete_draft", "return").await;
    world.work_off_orders().await;
    assert_eq!(world.order_state("PF-1").await, "reversed");
    assert!(world.robaws.invoices().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credit_note_that_robaws_refuses_goes_on_by_itself_and_holds_up_no_stock() {
    let world = build_booking_world().await;
    bring_into_conflict(&world, "PF-1").await;
    let no = Answer::with_json(400, json!({ "status": 400, "message": "The period is closed" }));
    for step in [
        Fault::for_call("POST", "/sales-invoices"),
        Fault::for_call("POST", "/sales-invoices/*/line-items").at_nth_call(2),
    ] {
        world
            .stack
            .robaws
            .add_fault(step.clone().with_effect(Effect::Answer(no.clone())).for_calls(u32::MAX - 2));
        let decided = ask_for_undo(&world, "PF-1", "credit", "return").await;
        assert_eq!(decided.0, 200);
        world.work_off_orders().await;
        assert_eq!(world.order_state("PF-1").await, "blocked");
        let order = read_shown_order(&world, "PF-1").await;
        assert_eq!(
            order["problems"][0]["message"],
            "Robaws does not accept this for order 1083993841 (PF-1) (Credit note): The period is closed"
        );
        assert_eq!(stock_of_both_articles(&world), pieces_of_both_articles(25, 140));
        world.stack.robaws.clear_faults();
    }
    world.poll_for_minutes(70).await;
    assert_eq!(world.order_state("PF-1").await, "reversed");
    assert_credited_once(&world, "PF-1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_that_is_booked_by_hand_after_a_lost_deletion_is_kept() {
    let world = World::new().await;
    bring_into_conflict(&world, "PF-1").await;
    decide_undo(&world, "PF-1", "delete_draft", "return").await;
    world.stack.robaws.add_fault(Fault::for_call("DELETE", "/sales-invoices/*").drop_before().for_calls(3));
    world.work_off_orders().await;
    let rows = world.read_order("PF-1").await.ledger.rows;
    assert_eq!(rows[2].state, RowState::Unknown);
    assert_eq!(assert_undo_refused(&world, "PF-1", "keep", "keep").await.0, "undo_under_way");
    let id = first_invoice(&world, "PF-1").id;
    world.robaws.edit_invoice(&id, |invoice| invoice.booked = true);
    world.poll_for_minutes(15).await;
    assert_eq!(world.order_state("PF-1").await, "conflict");
    assert!(read_explanation(&world, "PF-1").await.contains("so it was not deleted"));
    assert_eq!(world.robaws.invoices().len(), 1);
    decide_undo(&world, "PF-1", "keep", "keep").await;
    world.work_off_orders().await;
    assert_eq!(world.order_state("PF-1").await, "invoiced");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_header_of_a_changed_order_is_looked_for_and_not_sent_again() {
    let world = build_booking_world().await;
    bring_into_conflict(&world, "PF-1").await;
    decide_undo(&world, "PF-1", "credit", "return").await;
    let header = Fault::for_call("POST", "/sales-invoices").drop_before();
    world.stack.robaws.add_fault(header.for_calls(3));
    world.work_off_orders().await;
    assert_eq!(world.read_order("PF-1").await.ledger.rows[2].state, RowState::Unknown);
    world.productflow.set_status("PF-1", "shipped");
    world.poll_for_minutes(90).await;
    assert_eq!(world.order_state("PF-1").await, "conflict");
    assert!(credit_notes(&world, "PF-1").is_empty());
    assert_eq!(world.read_order("PF-1").await.ledger.rows[2].state, RowState::Refused);
    assert_eq!(stock_of_both_articles(&world), pieces_of_both_articles(23, 137));
    // One that did get through is finished as frozen, though the order changed.
    world.productflow.cancel_order("PF-1");
    world.poll_for_minutes(10).await;
    decide_undo(&world, "PF-1", "credit", "return").await;
    let header = Fault::for_call("POST", "/sales-invoices").drop_after();
    world.stack.robaws.add_fault(header.for_calls(3));
    world.work_off_orders().await;
    world.productflow.set_status("PF-1", "shipped");
    world.poll_for_minutes(30).await;
    assert_eq!(world.order_state("PF-1").await, "conflict");
    assert_credited_once(&world, "PF-1");
    assert!(read_explanation(&world, "PF-1").await.contains("credited with credit note C2026-0001"));
    assert_eq!(stock_of_both_articles(&world), pieces_of_both_articles(23, 137), "the stock was not begun");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decided_twice_at_the_same_moment_it_is_undone_once() {
    let world = build_booking_world().await;
    bring_into_conflict(&world, "PF-1").await;
    let (a, b, c) = tokio::join!(
        ask_for_undo(&world, "PF-1", "credit", "return"),
        ask_for_undo(&world, "PF-1", "credit", "return"),
        ask_for_undo(&world, "PF-1", "keep", "keep"),
    );
    for (status, answer) in [a, b, c] {
        assert!(status == 200 || (status == 409 && error_code(&answer) == "conflict"), "{answer}");
    }
    // Whoever came last decided.
    decide_undo(&world, "PF-1", "credit", "return").await;
    let (a, b) = tokio::join!(world.stack.work_orders(), world.stack.work_orders());
    a.unwrap();
    b.unwrap();
    world.stack.aws.queues.release_messages(local::stack::ORDERS_QUEUE);
    let (a, b, (status, answer)) = tokio::join!(
        world.stack.work_orders(),
        world.stack.work_orders(),
        ask_for_undo(&world, "PF-1", "credit", "return")
    );
    a.unwrap();
    b.unwrap();
    assert_eq!(status, 200, "{answer}");
    world.poll_for_minutes(30).await;
    assert_credited_once(&world, "PF-1");
    assert_eq!(world.robaws.stock_changes().len(), 2);
    assert_eq!(world.order_state("PF-1").await, "reversed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credit_note_in_doubt_is_settled_as_done_or_not_done() {
    for done in [true, false] {
        let world = build_booking_world().await;
        bring_into_conflict(&world, "PF-1").await;
        decide_undo(&world, "PF-1", "credit", "return").await;
        let header = Fault::for_call("POST", "/sales-invoices");
        world.stack.robaws.add_fault(if done {
            header.drop_after().for_calls(3)
        } else {
            header.drop_before().for_calls(3)
        });
        world.work_off_orders().await;
        // The list shows nothing of ours for two hours: nobody can tell what became of the call.
        let empty = json!({"items": [], "totalItems": 0, "totalPages": 0, "currentPage": 0, "size": 0});
        world.stack.robaws.add_fault(
            Fault::for_call("GET", "/sales-invoices")
                .with_effect(Effect::Answer(Answer::with_json(200, empty)))
                .until_cleared(),
        );
        world.clock.advance_by(SignedDuration::from_hours(2));
        world.poll_for_minutes(10).await;
        assert_eq!(world.order_state("PF-1").await, "in_doubt");
        let order = read_shown_order(&world, "PF-1").await;
        let message = order["problems"][0]["message"].as_str().unwrap();
        assert!(message.contains("Credit note"), "{message}");
        assert_eq!(order["effects"][2]["state"], "in_doubt");
        assert_eq!(assert_undo_refused(&world, "PF-1", "keep", "keep").await.0, "undo_in_doubt");
        world.stack.robaws.clear_faults();
        if done {
            let own = first_invoice(&world, "PF-1").id;
            let (status, answer) =
                settle_order(&world, "PF-1", json!({ "as": "done", "robaws_id": own })).await;
            assert_eq!((status, error_code(&answer)), (422, "document_differs"), "that is the invoice");
            let id = credit_notes(&world, "PF-1")[0].id.clone();
            let (status, answer) =
                settle_order(&world, "PF-1", json!({ "as": "done", "robaws_id": id })).await;
            assert_eq!(status, 200, "{answer}");
        } else {
            let (status, answer) = settle_order(&world, "PF-1", json!({ "as": "not_done" })).await;
            assert_eq!(status, 200, "{answer}");
        }
        world.work_off_orders().await;
        assert_eq!(world.order_state("PF-1").await, "reversed");
        assert_credited_once(&world, "PF-1");
        assert_eq!(stock_of_both_articles(&world), pieces_of_both_articles(25, 140));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credit_note_that_people_wrongly_call_not_done_is_not_made_again() {
    let world = build_booking_world().await;
    bring_into_conflict(&world, "PF-1").await;
    decide_undo(&world, "PF-1", "credit", "keep").await;
    let header = Fault::for_call("POST", "/sales-invoices").drop_after().for_calls(3);
    world.stack.robaws.add_fault(header);
    world.work_off_orders().await;
    let empty = json!({"items": [], "totalItems": 0, "totalPages": 0, "currentPage": 0, "size": 0});
    world.stack.robaws.add_fault(
        Fault::for_call("GET", "/sales-invoices")
            .with_effect(Effect::Answer(Answer::with_json(200, empty)))
            .until_cleared(),
    );
    world.clock.advance_by(SignedDuration::from_hours(2));
    world.poll_for_minutes(10).await;
    assert_eq!(world.order_state("PF-1").await, "in_doubt");
    world.stack.robaws.clear_faults();
    assert_eq!(settle_order(&world, "PF-1", json!({ "as": "not_done" })).await.0, 200);
    world.work_off_orders().await;
    assert_eq!(world.order_state("PF-1").await, "conflict");
    assert_eq!(credit_notes(&world, "PF-1").len(), 1);
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

/// Works until the `nth` call to Robaws comes, and is killed there. `false`: it made fewer calls.
async fn kill_in_call(world: &mut World, nth: u32, how: Killed) -> bool {
    let gate = Gate::new();
    let fault = Fault::for_call("*", "**").at_nth_call(nth);
    world.stack.robaws.add_fault(match how {
        Killed::Before => fault.hold_before(&gate).drop_before(),
        Killed::Meanwhile => fault.hold_before(&gate),
        Killed::After => fault.hold_after(&gate),
    });
    let is_killed = tokio::select! {
        () = world.work_off_orders() => false,
        () = gate.wait_for_calls(1) => true,
    };
    gate.open();
    world.stack.robaws.wait_until_idle().await;
    world.stack.robaws.clear_faults();
    world.stack.restart_functions().unwrap();
    is_killed
}

async fn killed_at_every_call(asked: &str, how: Killed) {
    let mut world = if asked == "credit" { build_booking_world().await } else { World::new().await };
    let mut calls = 0;
    for nth in 1.. {
        let order = format!("PF-{nth}");
        world.place_order(mixed_order(&order).with_status("shipped"));
        world.poll_and_work().await;
        world.productflow.cancel_order(&order);
        world.poll_and_work().await;
        assert_eq!(world.order_state(&order).await, "conflict");
        decide_undo(&world, &order, asked, "return").await;
        let struck = kill_in_call(&mut world, nth, how).await;
        world.poll_for_minutes(75).await;
        assert_eq!(world.order_state(&order).await, "reversed", "{asked} {how:?} call {nth}");
        if asked == "credit" {
            assert_credited_once(&world, &format!("({order})"));
        } else {
            assert!(world.robaws.invoices().is_empty(), "{how:?} call {nth}");
        }
        assert_eq!(
            stock_of_both_articles(&world),
            pieces_of_both_articles(25, 140),
            "{asked} {how:?} call {nth}"
        );
        let back = world.robaws.stock_changes_of(&format!("({order})"));
        assert_eq!(back.len(), 2, "{asked} {how:?} call {nth}");
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
