//! The control API: everything that the handles do, with curl.

use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::{ProductFlowSim, RobawsSim, Server, demo, spawn_server, system_clock};

use crate::support::{StatusAndBody, build_client, read_answer};

struct Stack {
    robaws: RobawsSim,
    servers: [Server; 2],
}

async fn start_stack() -> Stack {
    let robaws = RobawsSim::new(system_clock());
    let productflow = ProductFlowSim::new(system_clock());
    demo::seed_demo_shop(&robaws, &productflow);
    let servers = [
        spawn_server(robaws.build_router()).await.unwrap(),
        spawn_server(productflow.build_router()).await.unwrap(),
    ];
    Stack { robaws, servers }
}

impl Stack {
    async fn call_peer(&self, peer: usize, method: Method, path: &str, body: Option<Value>) -> StatusAndBody {
        let url = format!("{}{path}", self.servers[peer].url());
        let request = build_client().request(method, url);
        // As curl does: a body with the media type of a form.
        let request = match body {
            Some(body) => {
                request.header("content-type", "application/x-www-form-urlencoded").body(body.to_string())
            }
            None => request,
        };
        read_answer(request.send().await.unwrap()).await
    }

    async fn control_robaws(&self, method: Method, path: &str, body: Option<Value>) -> StatusAndBody {
        self.call_peer(0, method, &format!("/_control{path}"), body).await
    }

    async fn control_productflow(&self, method: Method, path: &str, body: Option<Value>) -> StatusAndBody {
        self.call_peer(1, method, &format!("/_control{path}"), body).await
    }
}

#[tokio::test]
async fn an_order_is_placed_edited_shipped_and_cancelled() {
    let stack = start_stack().await;
    let lines = json!([{"sku": "A-1", "quantity": 2, "price": 5998, "vat_code": "7"}]);
    let (status, placed) =
        stack.control_productflow(Method::POST, "/companies/42/orders", Some(json!({"lines": lines}))).await;
    assert_eq!(status, 201);
    assert_eq!((&placed["identifier"], &placed["status"]), (&json!("PF-100001"), &json!("open")));
    assert_eq!((&placed["lines"][0]["id"], &placed["currency_code"]), (&json!("1"), &json!("EUR")));
    let path = "/companies/42/orders/PF-100001";
    assert_eq!(
        stack.control_productflow(Method::PATCH, path, Some(json!({"shipping_cost": 495}))).await.0,
        204
    );
    assert_eq!(stack.control_productflow(Method::POST, &format!("{path}/ship"), None).await.0, 204);
    let (_, orders) = stack.control_productflow(Method::GET, "/companies/42/orders", None).await;
    assert_eq!((&orders[0]["status"], &orders[0]["shipping_cost"]), (&json!("shipped"), &json!(495)));
    assert_eq!(stack.control_productflow(Method::POST, &format!("{path}/cancel"), None).await.0, 204);
    assert_eq!(stack.control_productflow(Method::GET, path, None).await.1["status"], "cancelled");
    assert_eq!(
        stack.control_productflow(Method::POST, &format!("{path}/status"), Some(json!("odd"))).await.0,
        204
    );
    assert_eq!(stack.control_productflow(Method::DELETE, path, None).await.0, 204);
    assert_eq!(stack.control_productflow(Method::GET, path, None).await.0, 404);
    assert_eq!(stack.control_productflow(Method::POST, &format!("{path}/ship"), None).await.0, 404);
}

#[tokio::test]
async fn robaws_is_read_and_changed() {
    let stack = start_stack().await;
    let tenant = "/tenants/demo";
    let article = format!("{tenant}/articles/12");
    assert_eq!(stack.control_robaws(Method::GET, &article, None).await.1["articleNumber"], "A-1");
    assert_eq!(
        stack
            .control_robaws(Method::PATCH, &article, Some(json!({"salePrice": 31.5, "name": "Drill"})))
            .await
            .0,
        204
    );
    let stored = stack.robaws.tenant_named("demo").find_article("12").unwrap();
    assert_eq!((stored.sale_price, stored.name.as_deref()), (Decimal::new(315, 1), Some("Drill")));
    assert!(stored.is_ticked());
    assert_eq!(
        stack
            .control_robaws(Method::POST, &format!("{article}/tick"), Some(json!({"ticked": false})))
            .await
            .0,
        204
    );
    assert!(!stack.robaws.tenant_named("demo").find_article("12").unwrap().is_ticked());
    let new = json!({"articleNumber": "C-1", "name": "New"});
    assert_eq!(stack.control_robaws(Method::PUT, &format!("{tenant}/articles/20"), Some(new)).await.0, 204);
    assert_eq!(
        stack.control_robaws(Method::POST, &format!("{tenant}/articles/20/archive"), None).await.0,
        204
    );
    assert!(stack.robaws.tenant_named("demo").find_article("20").unwrap().is_gone());

    let stock = json!({"articleId": "12", "stockLocationId": "4", "quantity": 3.5});
    assert_eq!(
        stack.control_robaws(Method::PUT, &format!("{tenant}/stock"), Some(stock.clone())).await.0,
        204
    );
    let (_, all) = stack.control_robaws(Method::GET, &format!("{tenant}/stock"), None).await;
    assert!(all.as_array().unwrap().contains(&stock), "{all}");
    let tariff = json!({"name": "9%", "percentage": 9, "vatInclusive": true});
    assert_eq!(
        stack.control_robaws(Method::PUT, &format!("{tenant}/vat-tariffs/30"), Some(tariff)).await.0,
        204
    );
    assert_eq!(stack.control_robaws(Method::DELETE, &format!("{tenant}/clients/6"), None).await.0, 204);
    assert_eq!(
        stack.control_robaws(Method::PUT, &format!("{tenant}/clients/8"), Some(json!({"name": "X"}))).await.0,
        204
    );
    let user = json!({"secret": "s", "modules": ["articles"]});
    assert_eq!(stack.control_robaws(Method::PUT, &format!("{tenant}/api-users/k"), Some(user)).await.0, 204);
    let (_, settings) = stack
        .control_robaws(Method::PATCH, &format!("{tenant}/settings"), Some(json!({"dailyLimit": 5})))
        .await;
    assert_eq!((&settings["dailyLimit"], &settings["burst"]), (&json!(5), &json!(20)));
    for list in ["stock-changes", "sales-invoices", "tasks", "webhook-endpoints", "vat-tariffs", "articles"] {
        assert!(
            stack.control_robaws(Method::GET, &format!("{tenant}/{list}"), None).await.1.is_array(),
            "{list}"
        );
    }
}

#[tokio::test]
async fn faults_calls_and_reset() {
    let stack = start_stack().await;
    let fault = json!({"path": "**", "times": null, "effect": {"answer": {"status": 503, "html": "x"}}});
    assert_eq!(stack.control_productflow(Method::POST, "/faults", Some(fault)).await.0, 201);
    assert_eq!(stack.call_peer(1, Method::GET, "/api/v1/order", None).await.0, 503);
    let (_, faults) = stack.control_productflow(Method::GET, "/faults", None).await;
    assert_eq!((&faults[0]["seen"], &faults[0]["method"]), (&json!(1), &json!("*")));
    assert_eq!(stack.control_productflow(Method::DELETE, "/faults", None).await.0, 204);
    assert_eq!(stack.control_productflow(Method::PUT, "/outage", Some(json!("unavailable"))).await.0, 204);
    assert_eq!(stack.call_peer(1, Method::GET, "/api/v1/order", None).await.0, 503);
    assert_eq!(
        stack.control_productflow(Method::GET, "/outage", None).await.1,
        json!({"outage": "unavailable"})
    );
    assert_eq!(stack.control_productflow(Method::PUT, "/outage", Some(Value::Null)).await.0, 204);
    assert_eq!(stack.call_peer(1, Method::GET, "/api/v1/order", None).await.0, 302);
    let (_, calls) = stack.control_productflow(Method::GET, "/calls?path=order", None).await;
    let outcomes: Vec<_> =
        calls.as_array().unwrap().iter().map(|call| call["outcome"]["answered"].clone()).collect();
    assert_eq!(outcomes, [503, 503, 302]);
    assert_eq!(
        stack.control_productflow(Method::GET, "/violations", None).await.1[0]["kind"],
        "missing_header"
    );

    stack.robaws.tenant_named("demo").put_client("77", "Gone after the reset").set_stock("12", "3", 0);
    stack.robaws.tenant_named("other");
    assert_eq!(stack.control_robaws(Method::POST, "/reset", None).await.0, 204);
    assert_eq!(stack.robaws.tenant_named("demo").stock_at("12", "3"), Decimal::from(25));
    assert_eq!(stack.robaws.tenants(), ["demo"]);
    assert_eq!(stack.control_productflow(Method::POST, "/reset", None).await.0, 204);
    assert_eq!(stack.control_productflow(Method::GET, "/calls", None).await.1, json!([]));
}

#[tokio::test]
async fn mistakes_are_named() {
    let stack = start_stack().await;
    assert!(stack.control_robaws(Method::GET, "", None).await.1["routes"].is_array());
    assert!(stack.control_productflow(Method::GET, "", None).await.1["routes"].is_array());
    assert_eq!(stack.control_robaws(Method::GET, "/nothing", None).await.0, 404);
    assert_eq!(stack.control_robaws(Method::GET, "/tenants/nobody/articles", None).await.0, 404);
    assert_eq!(
        stack.control_robaws(Method::PATCH, "/tenants/demo/settings", Some(json!({"dailylimit": 5}))).await.0,
        400
    );
    assert_eq!(
        stack.control_robaws(Method::POST, "/faults", Some(json!({"path": "**", "oops": 1}))).await.0,
        400
    );
    assert_eq!(stack.control_productflow(Method::GET, "/companies/acme/orders", None).await.0, 400);
    assert_eq!(stack.control_productflow(Method::POST, "/companies/42/orders", Some(json!([]))).await.0, 400);
    // The control API leaves no trace in the log.
    assert_eq!(stack.robaws.calls(), []);
}
