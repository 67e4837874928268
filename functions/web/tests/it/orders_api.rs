//! The operator's API over orders: shown, retried, chosen for, settled.

use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::robaws::Article;
use simulators::traffic::{Answer, Effect};
use simulators::{Fault, OrderBuilder, Outage};
use world::answers::{error_code, refused_fields};
use world::{World, order_of_one_line};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_listed_searched_and_shown() {
    let world = World::new().await;
    for n in 1..=5 {
        world.place_order(order_of_one_line(&format!("PF-{n}")).with_external_number(&format!("10{n}")));
        world.clock.advance_by(SignedDuration::from_secs(1));
        world.stack.poll_and_drain().await.unwrap();
    }
    world.productflow.ship_order("PF-3");
    world.place_order(OrderBuilder::new("PF/6 ü").with_line("A-9", 1, 100, Some("7")));
    world.poll_for_minutes(10).await;
    let get = |path: String| {
        let stack = &world.stack;
        async move { stack.call_api("GET", &path, &Value::Null).await.unwrap() }
    };
    let base = "/api/connections/shop/orders";
    let ids = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().unwrap();
        items.iter().map(|o| o["identifier"].as_str().unwrap().to_owned()).collect()
    };
    let (_, all) = get(base.to_owned()).await;
    assert_eq!(ids(&all), ["PF/6 ü", "PF-5", "PF-4", "PF-3", "PF-2", "PF-1"]);
    let (_, page) = get(format!("{base}?limit=4")).await;
    let (_, rest) = get(format!("{base}?limit=4&cursor={}", page["cursor"].as_str().unwrap())).await;
    assert_eq!([ids(&page), ids(&rest)].concat(), ids(&all));
    assert_eq!(rest["cursor"], Value::Null);
    let (_, invoiced) = get(format!("{base}?state=invoiced")).await;
    assert_eq!(ids(&invoiced), ["PF-3"]);
    let (_, found) = get(format!("{base}?q=104")).await;
    assert_eq!(ids(&found), ["PF-4"]);
    let (_, order) = get(format!("{base}/PF-3")).await;
    assert_eq!(order["reference"], "103");
    assert_eq!(order["effects"][0]["kind"], "stock_change");
    assert_eq!(order["effects"][0]["direction"], "out");
    assert_eq!(order["effects"][0]["lines"], json!([{"sku": "A-1", "article_id": "12", "quantity": 2}]));
    assert_eq!(order["effects"][1]["total_cents"], 5998);
    assert_eq!(order["effects"][1]["state"], "done");
    let (status, odd) = get(format!("{base}/~UEYvNiDDvA")).await;
    assert_eq!((status, &odd["state"]), (200, &json!("blocked")), "{odd}");
    assert_eq!(odd["problems"][0]["code"], "article_not_found");
    assert_eq!(odd["problems"][0]["skus"], json!(["A-9"]));
    assert_eq!(get(format!("{base}/PF-99")).await.0, 404);
    assert_eq!(get(format!("{base}/~!!")).await.0, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retry_looks_at_once_also_at_what_no_poll_has_seen() {
    let world = World::new().await;
    let post = |path: &'static str| async { world.stack.call_api("POST", path, &Value::Null).await.unwrap() };
    assert_eq!(post("/api/connections/shop/orders/PF-1/retry").await.0, 404);
    world.place_order(order_of_one_line("PF-1"));
    assert_eq!(post("/api/connections/shop/orders/PF-1/retry").await.0, 202);
    while world.stack.work_orders().await.unwrap() > 0 {}
    assert_eq!(world.order_state("PF-1").await, "booked");
    world.place_order(order_of_one_line("PF-2").with_line("NEW-1", 1, 100, Some("7")));
    world.poll_for_minutes(60).await;
    world.robaws.put_article(Article::new("90", "NEW-1").with_tariff("7"));
    assert_eq!(post("/api/connections/shop/orders/PF-2/retry").await.0, 202);
    while world.stack.work_orders().await.unwrap() > 0 {}
    assert_eq!(world.order_state("PF-2").await, "booked");
    // A paused peer gets one probe.
    world.stack.robaws.set_outage(Some(Outage::Drop));
    world.place_order(order_of_one_line("PF-3"));
    world.poll_for_minutes(15).await;
    world.stack.robaws.set_outage(None);
    assert_eq!(post("/api/connections/shop/orders/PF-3/retry").await.0, 202);
    while world.stack.work_orders().await.unwrap() > 0 {}
    assert_eq!(world.order_state("PF-3").await, "booked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn choices_are_checked_and_carried_out() {
    let world = World::new().await;
    world.place_order(
        OrderBuilder::new("PF-1")
            .with_line("A-1", 1, 2999, None)
            .with_line("GONE", 1, 1000, Some("7"))
            .with_line_value(json!({"title": "Gift", "quantity": 1, "price": 500, "vat_code": "7"}))
            .with_status("shipped"),
    );
    world.poll_and_work().await;
    let choose = |body: Value| {
        let stack = &world.stack;
        async move {
            let path = "/api/connections/shop/orders/PF-1/choose";
            stack.call_api("POST", path, &body).await.unwrap()
        }
    };
    let (status, answer) = choose(json!({"lines": []})).await;
    assert_eq!((status, error_code(&answer)), (400, "bad_request"));
    let (status, _) = choose(json!({"lines": [{"line": "1"}]})).await;
    assert_eq!(status, 400);
    let (status, answer) = choose(json!({"lines": [
        {"line": "1", "vat_tariff_id": "8"}, {"line": "2", "article_id": "99"}, {"line": "7", "article_id": null},
    ]}))
    .await;
    assert_eq!((status, error_code(&answer)), (422, "choice_refused"));
    assert_eq!(refused_fields(&answer), ["lines[0].vat_tariff_id", "lines[1].article_id", "lines[2].line"]);
    let (status, answer) = choose(json!({"lines": [
        {"line": "1", "vat_tariff_id": "7"}, {"line": "2", "article_id": "13"}, {"line": "3", "article_id": null},
    ]}))
    .await;
    assert_eq!(status, 200, "{answer}");
    while world.stack.work_orders().await.unwrap() > 0 {}
    assert_eq!(world.order_state("PF-1").await, "invoiced");
    assert_eq!(world.robaws.invoices()[0].total_incl_vat, Decimal::new(4499, 2));
    assert_eq!(
        (world.pieces_in_stock("12"), world.pieces_in_stock("13")),
        (Decimal::from(24), Decimal::from(139))
    );
    let (status, answer) = choose(json!({"lines": [{"line": "1", "vat_tariff_id": "10"}]})).await;
    assert_eq!((status, error_code(&answer)), (409, "already_invoiced"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handled_is_final_and_a_later_change_is_a_conflict() {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1").with_line("NEW-1", 1, 100, Some("7")));
    world.poll_and_work().await;
    let settle = |body: Value| {
        let stack = &world.stack;
        async move {
            let path = "/api/connections/shop/orders/PF-1/settle";
            stack.call_api("POST", path, &body).await.unwrap()
        }
    };
    assert_eq!(settle(json!({"as": "forgotten"})).await.0, 400);
    let (status, answer) = settle(json!({"as": "not_done"})).await;
    assert_eq!((status, error_code(&answer)), (409, "not_in_doubt"));
    let (status, answer) = settle(json!({"as": "handled"})).await;
    assert_eq!((status, &answer["state"]), (200, &json!("skipped")));
    assert_eq!(answer["problems"], json!([]));
    assert_eq!(answer["settlements"][0]["by"], "operator");
    let (status, answer) = settle(json!({"as": "handled"})).await;
    assert_eq!((status, error_code(&answer)), (409, "nothing_open"));
    let before = world.robaws.stock_changes().len();
    world.robaws.put_article(Article::new("90", "NEW-1").with_tariff("7"));
    world.productflow.ship_order("PF-1");
    world.poll_for_minutes(70).await;
    assert_eq!(world.order_state("PF-1").await, "skipped", "shipping is no change of what was done by hand");
    world.productflow.cancel_order("PF-1");
    world.poll_for_minutes(15).await;
    assert_eq!(world.order_state("PF-1").await, "conflict");
    assert_eq!(world.robaws.stock_changes().len(), before);
    assert!(world.robaws.invoices().is_empty());
    assert_eq!(settle(json!({"as": "handled"})).await.0, 200);
    world.poll_for_minutes(15).await;
    assert_eq!(world.order_state("PF-1").await, "skipped", "handled once more, with its cancellation");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_doubt_is_settled_as_done_or_not_done() {
    for done in [true, false] {
        let world = World::new().await;
        world.place_order(order_of_one_line("PF-1"));
        let effect = Fault::for_call("POST", "/stock-changes").until_cleared();
        world.stack.robaws.add_fault(if done {
            effect.status_after(500).for_calls(1)
        } else {
            effect.answer_status(500).for_calls(1)
        });
        // The list of stock changes can't be read for two hours: nobody can tell what became of the call.
        world
            .stack
            .robaws
            .add_fault(Fault::for_call("GET", "/stock-changes").answer_status(500).until_cleared());
        world.poll_for_minutes(120).await;
        world.stack.robaws.clear_faults();
        let empty = json!({"items": [], "totalItems": 0, "totalPages": 0, "currentPage": 0, "size": 0});
        world.stack.robaws.add_fault(
            Fault::for_call("GET", "/stock-changes")
                .with_effect(Effect::Answer(Answer::with_json(200, empty)))
                .until_cleared(),
        );
        world.poll_for_minutes(120).await;
        assert_eq!(world.order_state("PF-1").await, "in_doubt");
        world.stack.robaws.clear_faults();
        let settle = |body: Value| {
            let stack = &world.stack;
            async move {
                let path = "/api/connections/shop/orders/PF-1/settle";
                stack.call_api("POST", path, &body).await.unwrap()
            }
        };
        if done {
            let (status, answer) = settle(json!({"as": "done", "robaws_id": "1"})).await;
            assert_eq!((status, error_code(&answer)), (422, "document_not_found"));
            let id = world.robaws.stock_changes()[0].id.clone();
            let (status, answer) = settle(json!({"as": "done", "robaws_id": id})).await;
            assert_eq!(status, 200, "{answer}");
        } else {
            let (status, answer) = settle(json!({"as": "not_done"})).await;
            assert_eq!(status, 200, "{answer}");
        }
        while world.stack.work_orders().await.unwrap() > 0 {}
        assert_eq!(world.order_state("PF-1").await, "booked");
        assert_eq!(world.robaws.stock_changes().len(), 1);
        assert_eq!(world.pieces_in_stock("12"), Decimal::from(23));
    }
}
