//! Robaws: credentials, modules, media types, pages.

use reqwest::Method;
use serde_json::json;
use simulators::ViolationKind;
use simulators::robaws::{Article, Module};

use crate::support::{ids_of_items, read_answer, start_bench};

#[tokio::test]
async fn wrong_credentials_are_401_with_the_frameworks_body() {
    let bench = start_bench().await;
    let url = format!("{}/api/v2/articles", bench.robaws_server.url());
    let attempts = [
        bench.http.get(&url),
        bench.http.get(&url).basic_auth("key", Some("wrong")),
        bench.http.get(&url).basic_auth("nobody", Some("secret")),
        bench.http.get(&url).bearer_auth("secret"),
    ];
    for attempt in attempts {
        let response = attempt.send().await.unwrap();
        assert!(response.headers().contains_key("www-authenticate"));
        let (status, body) = read_answer(response).await;
        assert_eq!(status, 401);
        assert_eq!(body["status"], 401);
        assert_eq!(body["error"], "Unauthorized");
        assert_eq!(body["path"], "/api/v2/articles");
        assert_eq!(body["timestamp"], "2026-11-23T08:00:00.000+00:00");
        assert_eq!(body["correlationId"].as_str().unwrap().len(), 36);
        assert!(body.get("message").is_none());
    }
    assert!(bench.robaws.calls().iter().all(|call| call.status() == Some(401)));
}

#[tokio::test]
async fn a_module_that_was_not_granted_is_403_and_no_other() {
    let bench = start_bench().await;
    bench.tenant.add_user("key", "secret", &[Module::Articles]);
    assert_eq!(bench.get_robaws("/articles").await.0, 200);
    for path in ["/stock-locations", "/sales-invoices", "/vat-tariffs", "/webhook-endpoints", "/users"] {
        let (status, body) = bench.get_robaws(path).await;
        assert_eq!((status, body["error"].as_str()), (403, Some("Forbidden")), "{path}");
    }
}

#[tokio::test]
async fn a_revoked_user_is_out() {
    let bench = start_bench().await;
    bench.tenant.remove_user("key");
    assert_eq!(bench.get_robaws("/articles").await.0, 401);
}

#[tokio::test]
async fn tenants_see_nothing_of_each_other() {
    let bench = start_bench().await;
    let other = bench.robaws.tenant_named("other");
    other.add_admin("k2", "s2").put_article(Article::new("12", "B-1"));
    let url = format!("{}/api/v2/articles/12", bench.robaws_server.url());
    let (_, theirs) =
        read_answer(bench.http.get(&url).basic_auth("k2", Some("s2")).send().await.unwrap()).await;
    let (_, ours) = bench.get_robaws("/articles/12").await;
    assert_eq!(theirs["articleNumber"], "B-1");
    assert_eq!(ours["articleNumber"], "A-1");
    let tenants: Vec<_> = bench.robaws.calls().into_iter().map(|call| call.tenant.unwrap()).collect();
    assert_eq!(tenants, ["other", "acme"]);
}

#[tokio::test]
async fn only_a_merge_patch_patches() {
    let bench = start_bench().await;
    let body = json!({"name": "New"}).to_string();
    for media_type in ["application/json", "application/json-patch+json", "text/plain"] {
        let request = bench.robaws_request(Method::PATCH, "/articles/12").header("content-type", media_type);
        assert_eq!(
            read_answer(request.body(body.clone()).send().await.unwrap()).await.0,
            415,
            "{media_type}"
        );
    }
    assert_eq!(bench.tenant.find_article("12").unwrap().name.as_deref(), Some("Article A-1"));
    assert!(bench.robaws.violations().iter().all(|seen| seen.kind == ViolationKind::MediaType));
    assert_eq!(bench.robaws.violations().len(), 3);
    let request = bench
        .robaws_request(Method::PATCH, "/articles/12")
        .header("content-type", "application/merge-patch+json; charset=utf-8");
    assert_eq!(read_answer(request.body(body).send().await.unwrap()).await.0, 204);
}

#[tokio::test]
async fn a_post_must_be_json() {
    let bench = start_bench().await;
    let form = bench.robaws_request(Method::POST, "/tasks").form(&[("title", "x")]);
    assert_eq!(read_answer(form.send().await.unwrap()).await.0, 415);
    let broken =
        bench.robaws_request(Method::POST, "/tasks").header("content-type", "application/json").body("{");
    assert_eq!(read_answer(broken.send().await.unwrap()).await.0, 400);
    assert_eq!(bench.post_robaws("/tasks", json!([1])).await.0, 400);
    assert_eq!(bench.tenant.tasks(), []);
}

#[tokio::test]
async fn pages_have_10_rows_and_at_most_100() {
    let bench = start_bench().await;
    for number in 100..235 {
        bench.tenant.put_article(Article::new(&number.to_string(), &format!("N-{number}")));
    }
    let (_, page) = bench.get_robaws("/articles").await;
    assert_eq!((ids_of_items(&page).len(), &page["size"], &page["currentPage"]), (10, &json!(10), &json!(0)));
    assert_eq!((&page["totalItems"], &page["totalPages"]), (&json!(138), &json!(14)));
    let (_, last) = bench.get_robaws("/articles?page=1&size=100").await;
    assert_eq!((last["size"].as_u64(), last["totalPages"].as_u64()), (Some(38), Some(2)));
    let (status, beyond) = bench.get_robaws("/articles?page=9&size=100").await;
    assert_eq!((status, &beyond["items"], &beyond["size"]), (200, &json!([]), &json!(0)));
    for wrong in ["size=101", "size=0", "size=x", "page=-1"] {
        assert_eq!(bench.get_robaws(&format!("/articles?{wrong}")).await.0, 400, "{wrong}");
    }
    assert_eq!(bench.robaws.violations().len(), 4);
}

#[tokio::test]
async fn rows_shift_between_pages_when_asked_to() {
    let bench = start_bench().await;
    bench.tenant.change_settings(|settings| settings.page_drift = true);
    let (_, first) = bench.get_robaws("/articles?size=2").await;
    let (_, second) = bench.get_robaws("/articles?size=2&page=1").await;
    assert_eq!(ids_of_items(&first), ["12", "13"]);
    assert_eq!(ids_of_items(&second), ["13", "14"]);
}

#[tokio::test]
async fn sorting_by_what_is_not_known_is_400() {
    let bench = start_bench().await;
    let (_, page) = bench.get_robaws("/articles?sort=id:desc").await;
    assert_eq!(ids_of_items(&page), ["14", "13", "12"]);
    assert_eq!(bench.get_robaws("/articles?sort=colour:asc").await.0, 400);
    assert_eq!(bench.get_robaws("/articles?sort=id:up").await.0, 400);
}

#[tokio::test]
async fn paths_and_methods_that_do_not_exist() {
    let bench = start_bench().await;
    assert_eq!(bench.get_robaws("/nothing").await.0, 404);
    assert_eq!(bench.get_robaws("/articles/99").await.0, 404);
    assert_eq!(bench.delete_robaws("/articles/12").await.0, 405);
    assert_eq!(bench.get_robaws("/articles/12/prices").await.0, 404);
    let elsewhere = format!("{}/api/v1/articles", bench.robaws_server.url());
    assert_eq!(read_answer(bench.http.get(elsewhere).send().await.unwrap()).await.0, 404);
}

#[tokio::test]
async fn parameters_that_nobody_reads_are_noted() {
    let bench = start_bench().await;
    assert_eq!(bench.get_robaws("/articles?updatedForm=2026-01-01&include=extraFields,stock").await.0, 200);
    let noted: Vec<_> = bench.robaws.violations().into_iter().map(|seen| (seen.kind, seen.detail)).collect();
    let unknown = ViolationKind::UnknownParameter;
    assert_eq!(
        noted,
        [
            (unknown, "GET /articles: include=stock".to_owned()),
            (unknown, "GET /articles: updatedForm".to_owned()),
        ]
    );
}
