//! The web page of each simulator: how it is served, and that the control API knows every call that the page's script makes.

use std::collections::BTreeSet;

use http::header;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use simulators::Server;

use crate::support::{Bench, read_answer, start_bench};

const ROBAWS_PAGE: &str = include_str!("../../src/robaws/page.html");
const PRODUCTFLOW_PAGE: &str = include_str!("../../src/productflow/page.html");
const SHARED: &str = include_str!("../../src/page/shared.html");

impl Bench {
    async fn send_to(&self, server: &Server, method: Method, path: &str, body: &str) -> Response {
        let request = self.http.request(method, format!("{}{path}", server.url()));
        request.body(body.to_owned()).send().await.unwrap()
    }

    async fn call_control(&self, server: &Server, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let path = format!("/_control{path}");
        read_answer(self.send_to(server, method, &path, &body.to_string()).await).await
    }
}

/// Checks status, content type, policy and text of the page at `/`, and that no other path has a page.
async fn check_served_page(bench: &Bench, server: &Server, own_part: &str) {
    let page = bench.send_to(server, Method::GET, "/", "").await;
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers()[header::CONTENT_TYPE], "text/html; charset=UTF-8");
    let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(policy.matches("'sha256-").count(), 3, "two scripts and one style: {policy}");
    assert_eq!(page.text().await.unwrap(), format!("{SHARED}{own_part}"));
    assert_eq!(bench.send_to(server, Method::POST, "/", "").await.status(), 405);
    assert_eq!(bench.send_to(server, Method::GET, "/orders", "").await.status(), 404);
}

/// A call of a page: its text in the script, and a method, path and body as the script would send them.
type PageCall = (&'static str, &'static str, String, Value);

/// Checks that the script makes no other calls than these, and makes no HTML of data.
fn check_script(page: &str, calls: &[PageCall]) {
    for forbidden in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
        assert!(!SHARED.contains(forbidden) && !page.contains(forbidden), "{forbidden}");
    }
    let texts: BTreeSet<&str> = calls.iter().map(|(text, ..)| *text).collect();
    assert_eq!(page.matches("call(").count(), texts.len(), "{texts:?}");
    for text in texts {
        assert!(page.contains(text), "no {text} in the page");
    }
}

async fn make_calls(bench: &Bench, server: &Server, calls: &[PageCall]) {
    for (_, method, path, body) in calls {
        let (status, answer) = bench.call_control(server, method, path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
    }
}

#[tokio::test]
async fn robaws_has_a_page_whose_calls_the_control_api_knows() {
    let bench = start_bench().await;
    let server = &bench.robaws_server;
    check_served_page(&bench, server, ROBAWS_PAGE).await;
    let header = json!({"type": "INVOICE", "clientId": "5", "date": "2026-11-23"});
    let mut drafts = Vec::new();
    for _ in 0..2 {
        let (_, draft) = bench.post_robaws("/sales-invoices", header.clone()).await;
        drafts.push(draft["id"].as_str().unwrap().to_owned());
    }
    let stock = json!({"articleId": "12", "stockLocationId": "4", "quantity": 2.5});
    let act = r#"call("POST", `${pathOf("articles", article.id)}/${action}`, body)"#;
    let tenant = "/tenants/acme";
    let mut calls = vec![
        (act, "POST", format!("{tenant}/articles/12/archive"), Value::Null),
        (act, "POST", format!("{tenant}/articles/12/restore"), Value::Null),
        (act, "POST", format!("{tenant}/articles/12/tick"), json!({"ticked": false})),
        (
            r#"call("POST", `${path}/book`)"#,
            "POST",
            format!("{tenant}/sales-invoices/{}/book", drafts[0]),
            Value::Null,
        ),
        (r#"call("DELETE", path)"#, "DELETE", format!("{tenant}/sales-invoices/{}", drafts[1]), Value::Null),
        (
            r#"call("PATCH", pathOf("articles", article.id), changed)"#,
            "PATCH",
            format!("{tenant}/articles/12"),
            json!({"name": null, "salePrice": 4.5}),
        ),
        (
            r#"call("POST", `${base()}/articles`, changed)"#,
            "POST",
            format!("{tenant}/articles"),
            json!({"name": "New"}),
        ),
        (
            r#"call("POST", `${pathOf("articles", id)}/tick`, { ticked: true })"#,
            "POST",
            format!("{tenant}/articles/12/tick"),
            json!({"ticked": true}),
        ),
        (r#"call("PUT", `${base()}/stock`"#, "PUT", format!("{tenant}/stock"), stock),
    ];
    let lists = ROBAWS_PAGE.split("const LISTS = [").nth(1).unwrap();
    let lists = lists.split(']').next().unwrap().split(", ").map(|name| name.trim_matches('"'));
    for list in lists.chain(["users", "settings"]) {
        calls.push((r#"call("GET", `${base()}/${list}`)"#, "GET", format!("{tenant}/{list}"), Value::Null));
    }
    check_script(ROBAWS_PAGE, &calls);
    make_calls(&bench, server, &calls).await;
    let booked = bench.tenant.invoices();
    assert_eq!((booked.len(), booked[0].booked), (1, true));
    let article = bench.tenant.find_article("12").unwrap();
    assert!(article.is_ticked() && !article.is_gone() && article.name.is_none());
    assert_eq!(bench.tenant.stock_at("12", "4"), rust_decimal::Decimal::new(25, 1));
}

#[tokio::test]
async fn productflow_has_a_page_whose_calls_the_control_api_knows() {
    let bench = start_bench().await;
    let server = &bench.productflow_server;
    check_served_page(&bench, server, PRODUCTFLOW_PAGE).await;
    let company = "/companies/42";
    let lines = json!([{"sku": "A-1", "quantity": 1, "price": 595, "vat_code": "7"}]);
    // An identifier with a slash is one part of the path.
    let new = json!({"identifier": "a/b é", "lines": lines, "billing_customer": {"country_code": "NL"}});
    let order = format!("{company}/orders/a%2Fb%20%C3%A9");
    let act = r#"call("POST", `${path}/${action}`, body)"#;
    let list = r#"call("GET", `${base()}/${list}`)"#;
    let calls = [
        (r#"call("POST", `${base()}/orders`"#, "POST", format!("{company}/orders"), new),
        (list, "GET", format!("{company}/orders"), Value::Null),
        (list, "GET", format!("{company}/products"), Value::Null),
        (act, "POST", format!("{order}/ship"), Value::Null),
        (act, "POST", format!("{order}/status"), json!("accepted")),
        (act, "POST", format!("{order}/cancel"), Value::Null),
        (
            r#"call("PATCH", pathOf("orders", order.id), changed)"#,
            "PATCH",
            order.clone(),
            json!({"shipping_cost": 495}),
        ),
    ];
    let removal = [(r#"call("DELETE", path)"#, "DELETE", order, Value::Null)];
    check_script(PRODUCTFLOW_PAGE, &[&calls[..], &removal[..]].concat());
    make_calls(&bench, server, &calls).await;
    let stored = bench.company.find_order("a/b é").unwrap();
    assert_eq!((&stored["status"], &stored["shipping_cost"]), (&json!("cancelled"), &json!(495)));
    let customer = &stored["billing_customer"];
    assert_eq!((&customer["country_code"], &customer["city"]), (&json!("NL"), &json!("Gent")));
    make_calls(&bench, server, &removal).await;
    assert_eq!(bench.company.find_order("a/b é"), None);
}
