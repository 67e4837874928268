//! Robaws: tariffs, clients, users, companies, conditions, tasks, webhook endpoints.

use serde_json::{Value, json};

use crate::support::{ids_of_items, start_bench};

#[tokio::test]
async fn tariffs_say_whether_prices_include_them() {
    let bench = start_bench().await;
    let (_, tariff) = bench.get_robaws("/vat-tariffs/7").await;
    assert_eq!(tariff, json!({"id": "7", "name": "21% incl.", "percentage": 21, "vatInclusive": true}));
    let (_, page) = bench.get_robaws("/vat-tariffs?page=0&size=100").await;
    assert_eq!(ids_of_items(&page), ["7", "8", "11"]);
    assert_eq!(page["items"][2]["percentage"].to_string(), "25.5");
    assert_eq!(page["items"][1]["vatInclusive"], false);
    assert_eq!(bench.get_robaws("/vat-tariffs/99").await.0, 404);
    assert_eq!(bench.post_robaws("/vat-tariffs", json!({"name": "x"})).await.0, 405);
}

#[tokio::test]
async fn directories_have_names() {
    let bench = start_bench().await;
    bench.tenant.put_client("6", "Webshop B2B").put_client("10", "Janssens");
    assert_eq!(bench.get_robaws("/clients/5").await.1, json!({"id": "5", "logicId": "5", "name": "Webshop"}));
    assert_eq!(ids_of_items(&bench.get_robaws("/clients?name=webs").await.1), ["5", "6"]);
    assert_eq!(bench.get_robaws("/clients/99").await.0, 404);
    assert_eq!(bench.get_robaws("/users").await.1["items"], json!([{"id": "9", "fullName": "Els Maes"}]));
    assert_eq!(bench.get_robaws("/companies").await.1["items"], json!([{"id": "1", "name": "Acme"}]));
    assert_eq!(
        bench.get_robaws("/payment-conditions").await.1["items"],
        json!([{"id": "2", "name": "Cash"}])
    );
    bench.tenant.change_settings(|settings| {
        settings.ignored_filters.insert("name".to_owned());
    });
    assert_eq!(ids_of_items(&bench.get_robaws("/clients?name=webs").await.1), ["5", "6", "10"]);
}

#[tokio::test]
async fn a_task_is_made_and_closed() {
    let bench = start_bench().await;
    let (status, made) = bench
        .post_robaws(
            "/tasks",
            json!({
                "title": "Order PF-1", "description": "Article A-9 is not known", "status": "Te doen",
                "assignedUserId": "9", "relatedResource": "/sales-invoices/1",
            }),
        )
        .await;
    assert_eq!(status, 201);
    let path = format!("/tasks/{}", made["id"].as_str().unwrap());
    assert_eq!(bench.patch_robaws(&path, json!({"status": "Gedaan"})).await.0, 204);
    let (_, read) = bench.get_robaws(&path).await;
    assert_eq!((&read["status"], &read["title"]), (&json!("Gedaan"), &json!("Order PF-1")));
    assert_eq!(
        ids_of_items(&bench.get_robaws("/tasks?relatedResource=%2Fsales-invoices%2F1").await.1).len(),
        1
    );
    assert_eq!(
        ids_of_items(&bench.get_robaws("/tasks?relatedResource=%2Fsales-invoices%2F2").await.1).len(),
        0
    );
    assert_eq!(bench.delete_robaws(&path).await.0, 204);
    assert_eq!(bench.tenant.tasks(), []);
}

#[tokio::test]
async fn a_task_with_anything_wrong_is_400() {
    let bench = start_bench().await;
    for body in [
        json!({}),
        json!({"title": ""}),
        json!({"title": "x", "assignedUserId": "undefined"}),
        json!({"title": "x", "assignedUserId": 9}),
        json!({"title": "x", "status": 1}),
        json!({"title": "x", "relatedResource": "sales-invoices/1"}),
        json!({"title": "x", "relatedResource": "/nothing/1"}),
    ] {
        assert_eq!(bench.post_robaws("/tasks", body.clone()).await.0, 400, "{body}");
    }
    assert_eq!(bench.patch_robaws("/tasks/99", json!({"status": "Gedaan"})).await.0, 404);
    assert_eq!(bench.tenant.tasks(), []);
}

#[tokio::test]
async fn an_endpoints_secret_is_shown_once() {
    let bench = start_bench().await;
    let body = json!({"url": "https://example.com/hook", "events": ["article.updated"]});
    let (status, made) = bench.post_robaws("/webhook-endpoints", body.clone()).await;
    assert_eq!(status, 201);
    assert_eq!(made["secret"].as_str().unwrap().len(), 36);
    // A second registration is a second endpoint.
    let (_, second) = bench.post_robaws("/webhook-endpoints", body).await;
    assert_ne!(second["id"], made["id"]);
    let (_, page) = bench.get_robaws("/webhook-endpoints").await;
    assert_eq!(ids_of_items(&page).len(), 2);
    assert!(page["items"][0].get("secret").is_none());
    let path = format!("/webhook-endpoints/{}", made["id"].as_str().unwrap());
    bench.tenant.change_settings(|settings| settings.webhook_delete_refused = Some(405));
    assert_eq!(bench.delete_robaws(&path).await.0, 405);
    bench.tenant.change_settings(|settings| settings.webhook_delete_refused = None);
    assert_eq!(bench.delete_robaws(&path).await, (204, Value::Null));
    assert_eq!(bench.delete_robaws(&path).await.0, 404);
    assert_eq!(bench.tenant.webhook_endpoints().len(), 1);
}

#[tokio::test]
async fn an_endpoint_with_anything_wrong_is_400() {
    let bench = start_bench().await;
    for body in [
        json!({"events": ["article.updated"]}),
        json!({"url": "nowhere", "events": ["article.updated"]}),
        json!({"url": "ftp://example.com", "events": ["article.updated"]}),
        json!({"url": "https://example.com"}),
        json!({"url": "https://example.com", "events": []}),
        json!({"url": "https://example.com", "events": ["article.deleted"]}),
    ] {
        assert_eq!(bench.post_robaws("/webhook-endpoints", body.clone()).await.0, 400, "{body}");
    }
    assert_eq!(bench.tenant.webhook_endpoints(), []);
}
