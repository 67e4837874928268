//! A connection that is deleted leaves its ledger and nothing else; who comes back goes on with it.

use serde_json::{Value, json};
use simulators::demo;
use world::{World, default_settings, order_of_one_line};

async fn call_api(world: &World, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let path = format!("/api/connections{path}");
    Box::pin(world.stack.call_api(method, &path, body)).await.unwrap()
}

fn settings_again() -> Value {
    json!({ "b2c_client_id": demo::B2C_CLIENT, "stock_location_id": demo::STOCK_LOCATION })
}

fn connection_to_create_again() -> Value {
    json!({
        "id": "shop", "settings": settings_again(),
        "robaws": { "key": demo::ROBAWS_KEY, "secret": demo::ROBAWS_SECRET },
        "productflow": { "access_token": demo::TOKEN, "company_id": demo::COMPANY },
    })
}

#[tokio::test]
async fn it_takes_its_secrets_and_settings_along_and_leaves_the_ledger() {
    let world = World::with_settings(default_settings()).await;
    world.place_order(order_of_one_line("PF-1"));
    world.poll_for_minutes(10).await;
    let (status, answer) = call_api(&world, "DELETE", "/shop", &Value::Null).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("still_active")));
    let secret = async || {
        let read = world.stack.aws.secretsmanager.get_secret_value();
        read.secret_id("connector/connections/shop").send().await
    };
    assert!(secret().await.is_ok());
    assert_eq!(call_api(&world, "POST", "/shop/deactivate", &json!({})).await.0, 200);
    let (status, answer) = call_api(&world, "DELETE", "/shop", &Value::Null).await;
    assert_eq!((status, &answer), (204, &Value::Null));
    for (method, path) in [("GET", "/shop"), ("DELETE", "/shop"), ("GET", "/shop/orders")] {
        assert_eq!(call_api(&world, method, path, &Value::Null).await.0, 404, "{method} {path}");
    }
    assert!(secret().await.is_err());
    let kept = world.stack.store.load_deleted_connection(&world.connection).await.unwrap().unwrap();
    assert_eq!(kept.connection.settings, domain::ConnectionSettings::default());

    let other = json!({ "id": "shop", "productflow": { "access_token": "x", "company_id": 4711 } });
    let (status, answer) = call_api(&world, "POST", "", &other).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("company_is_fixed")));
    let taken = json!({ "id": "else", "productflow": { "company_id": demo::COMPANY } });
    let (status, answer) = call_api(&world, "POST", "", &taken).await;
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("company_taken")));

    let (status, answer) = call_api(&world, "POST", "", &connection_to_create_again()).await;
    assert_eq!(status, 201, "{answer}");
    assert_eq!((&answer["state"], &answer["robaws"]["configured"]), (&json!("inactive"), &json!(true)));
    assert_eq!(world.stack.store.load_deleted_connection(&world.connection).await.unwrap(), None);
    assert_eq!(call_api(&world, "POST", "/shop/activate", &json!({})).await.0, 200);
    let booked = world.robaws.stock_changes().len();
    world.poll_for_minutes(10).await;
    assert_eq!(world.robaws.stock_changes().len(), booked, "nothing is booked twice");
    world.productflow.cancel_order("PF-1");
    world.poll_for_minutes(10).await;
    assert_eq!(world.order_state("PF-1").await, "reversed", "and what was booked is taken back");
}

#[tokio::test]
async fn one_that_never_was_active_leaves_nothing() {
    let world = World::new().await;
    let new = json!({ "id": "new", "productflow": { "access_token": "x", "company_id": 4711 } });
    assert_eq!(call_api(&world, "POST", "", &new).await.0, 201);
    assert_eq!(call_api(&world, "DELETE", "/new", &Value::Null).await.0, 204);
    let other = json!({ "id": "new", "productflow": { "company_id": 4712 } });
    let (status, answer) = call_api(&world, "POST", "", &other).await;
    assert_eq!((status, &answer["productflow"]["company_id"]), (201, &json!(4712)));
    assert_eq!(answer["productflow"]["configured"], false);
}

#[tokio::test]
async fn a_suspended_one_comes_back_suspended() {
    let world = World::new().await;
    assert_eq!(call_api(&world, "POST", "/shop/suspend", &json!({})).await.0, 200);
    assert_eq!(call_api(&world, "DELETE", "/shop", &Value::Null).await.0, 204);
    let (status, answer) = call_api(&world, "POST", "", &connection_to_create_again()).await;
    assert_eq!((status, &answer["state"]), (201, &json!("suspended")));
}
