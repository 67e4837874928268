//! ProductFlow: token, company, headers, limits.

use reqwest::Method;
use serde_json::{Value, json};
use simulators::ViolationKind;
use simulators::productflow::Unauthenticated;

use crate::support::{Bench, read_answer, start_bench};

fn with_token(bench: &Bench, token: &str) -> reqwest::RequestBuilder {
    let url = format!("{}/api/v1/order", bench.productflow_server.url());
    bench.http.get(url).bearer_auth(token).header("accept", "application/json").header("x-company-id", "42")
}

#[tokio::test]
async fn a_bad_token_is_401() {
    let bench = start_bench().await;
    let response = with_token(&bench, "wrong").send().await.unwrap();
    assert_eq!(read_answer(response).await, (401, json!({"message": "Unauthenticated."})));
    assert_eq!(with_token(&bench, "token").send().await.unwrap().status(), 200);
    bench.productflow.revoke_token("token");
    assert_eq!(with_token(&bench, "token").send().await.unwrap().status(), 401);
    bench.company.add_token(&"x".repeat(1500));
    assert_eq!(with_token(&bench, &"x".repeat(1500)).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_bad_token_can_be_a_login_page() {
    let bench = start_bench().await;
    bench.company.change_settings(|settings| settings.unauthenticated = Unauthenticated::Redirect);
    let response = with_token(&bench, "wrong").send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["location"]),
        (302, &"/login".parse().unwrap())
    );
    bench.company.change_settings(|settings| settings.unauthenticated = Unauthenticated::LoginPage);
    let response = with_token(&bench, "wrong").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/html; charset=UTF-8");
    assert_eq!(read_answer(response).await.1, Value::Null);
}

#[tokio::test]
async fn json_must_be_asked_for() {
    let bench = start_bench().await;
    let url = format!("{}/api/v1/order", bench.productflow_server.url());
    let bare = |token: &str| bench.http.get(&url).bearer_auth(token).header("x-company-id", "42");
    assert_eq!(bare("wrong").send().await.unwrap().status(), 302);
    assert_eq!(bare("token").send().await.unwrap().status(), 406);
    assert!(bench.productflow.violations().iter().all(|seen| seen.kind == ViolationKind::MissingHeader));
    assert_eq!(bench.productflow.violations().len(), 2);
}

#[tokio::test]
async fn a_company_that_the_token_does_not_reach_is_403_or_404() {
    let bench = start_bench().await;
    bench.productflow.company_numbered(43);
    let url = format!("{}/api/v1/order", bench.productflow_server.url());
    let request = || bench.http.get(&url).bearer_auth("token").header("accept", "application/json");
    for company in ["43", "44", "acme", ""] {
        let (status, body) =
            read_answer(request().header("x-company-id", company).send().await.unwrap()).await;
        assert_eq!((status, body), (403, json!({"message": "This action is unauthorized."})), "{company}");
    }
    assert_eq!(request().send().await.unwrap().status(), 403);
    bench.productflow.company_numbered(43).change_settings(|settings| settings.wrong_company_status = 404);
    assert_eq!(request().header("x-company-id", "43").send().await.unwrap().status(), 404);
    // One token can reach several companies.
    bench.productflow.company_numbered(43).add_token("token");
    assert_eq!(request().header("x-company-id", "43").send().await.unwrap().status(), 200);
    assert_eq!(bench.get_productflow("order").await.0, 200);
}

#[tokio::test]
async fn the_connection_test_and_unknown_paths() {
    let bench = start_bench().await;
    let response = bench.productflow_request(Method::GET, "marketplace").send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(read_answer(response).await.0, 200);
    assert_eq!(bench.get_productflow("nothing").await.0, 404);
    assert_eq!(bench.get_productflow("orders").await.0, 404);
}

#[tokio::test]
async fn a_limit_when_there_is_one() {
    let bench = start_bench().await;
    let response = bench.productflow_request(Method::GET, "order").send().await.unwrap();
    assert!(!response.headers().contains_key("x-ratelimit-limit"));
    bench.company.change_settings(|settings| settings.rate_limit = Some(2));
    for left in ["1", "0"] {
        let response = bench.productflow_request(Method::GET, "order").send().await.unwrap();
        assert_eq!(
            (&response.headers()["x-ratelimit-limit"], &response.headers()["x-ratelimit-remaining"]),
            (&"2".parse().unwrap(), &left.parse().unwrap())
        );
    }
    let response = bench.productflow_request(Method::GET, "order").send().await.unwrap();
    assert_eq!(response.status(), 429);
    let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(bench.productflow.violations()[0].kind, ViolationKind::RateLimit);
}
