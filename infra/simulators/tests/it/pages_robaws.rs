//! Robaws: the pages for people, as a browser uses them.

use http::header;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::Outage;
use simulators::robaws::Article;

use crate::support::{Bench, Page, bench};
use crate::webhooks::Receiver;
use runtime::clock::Clock as _;

impl Bench {
    async fn office(&self, path: &str) -> Page {
        self.page(&self.robaws_server, path).await
    }

    async fn filed(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.send(&self.robaws_server, path, fields).await
    }

    /// What Robaws announces, delivered.
    async fn announced(&self, receiver: &Receiver) -> Vec<String> {
        let seen = receiver.bodies().len();
        self.robaws.deliver_due().await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        receiver.bodies()[seen..]
            .iter()
            .map(|body| format!("{} {}", text(&body["event"]), text(&body["data"]["id"])))
            .collect()
    }
}

const EDIT: [(&str, &str); 7] = [
    ("articleNumber", "A-1"),
    ("name", "Drill"),
    ("description", "Strong\r\nand light"),
    ("costPrice", "14,5"),
    ("salePrice", "29.99"),
    ("vatTariffId", "11"),
    ("stockArticle", "on"),
];

#[tokio::test]
async fn an_article_is_edited_and_robaws_announces_it() {
    let bench = bench().await;
    let (receiver, _server, _) = Receiver::start(&bench).await;
    let page = bench.office("/articles/12").await;
    assert_eq!(
        (page.value("articleNumber"), page.value("salePrice")),
        (Some("A-1"), Some("0.00"))
    );
    bench.clock.advance(jiff::SignedDuration::from_mins(1));
    let page = bench.filed("/articles/12", &EDIT).await;
    assert_eq!(
        (page.status, page.location.as_deref()),
        (303, Some("/articles/12?note=saved"))
    );
    let article = bench.tenant.article("12").unwrap();
    assert_eq!(article.name.as_deref(), Some("Drill"));
    assert_eq!(article.description.as_deref(), Some("Strong\nand light"));
    assert_eq!(
        (article.cost_price, article.sale_price),
        (Decimal::new(145, 1), Decimal::new(2999, 2))
    );
    assert_eq!(article.vat_tariff_id.as_deref(), Some("11"));
    assert!(article.stock_article && article.is_ticked());
    assert_eq!(article.updated_at, bench.clock.now());
    assert_eq!(bench.announced(&receiver).await, ["article.updated 12"]);
    // The same once more is no edit.
    let page = bench.filed("/articles/12", &EDIT).await;
    assert_eq!(page.location.as_deref(), Some("/articles/12?note=unchanged"));
    assert!(bench.announced(&receiver).await.is_empty());
    // What is emptied is null, what is not ticked is off.
    bench.filed("/articles/12", &[("articleNumber", " A-1 ")]).await;
    let article = bench.tenant.article("12").unwrap();
    assert_eq!(article.article_number.as_deref(), Some(" A-1 "));
    assert_eq!(
        (article.name, article.vat_tariff_id, article.stock_article),
        (None, None, false)
    );
    assert_eq!(article.cost_price, Decimal::ZERO);
}

#[tokio::test]
async fn what_cannot_be_read_is_named_and_what_was_typed_is_kept() {
    let bench = bench().await;
    let (receiver, _server, _) = Receiver::start(&bench).await;
    let before = bench.tenant.article("12");
    let fields = [
        ("name", "\"><script>alert(1)</script>"),
        ("costPrice", "fourteen"),
        ("salePrice", "-1"),
        ("vatTariffId", "99"),
        ("description", "</textarea><script>"),
    ];
    let page = bench.filed("/articles/12?note=saved", &fields).await;
    assert_eq!(page.status, 422);
    assert_eq!(page.errors(), ["Cost price", "Sale price", "VAT tariff"]);
    assert_eq!(
        (page.value("costPrice"), page.value("salePrice")),
        (Some("fourteen"), Some("-1"))
    );
    page.shows("&#60;/textarea&#62;&#60;script&#62;");
    page.shows("<title>Error: Article A-1");
    assert!(!page.body.contains("<script") && !page.body.contains("Saved."));
    assert_eq!(bench.tenant.article("12"), before);
    let page = bench.filed("/articles/99", &fields).await;
    assert_eq!((page.status, page.value("costPrice")), (404, Some("fourteen")));
    page.shows("There is no article 99.");
    assert!(!page.body.contains("<script"));
    assert!(bench.announced(&receiver).await.is_empty());
}

#[tokio::test]
async fn an_article_is_created_ticked_archived_and_brought_back() {
    let bench = bench().await;
    let (receiver, _server, _) = Receiver::start(&bench).await;
    let page = bench
        .filed("/new-article", &[("costPrice", "x"), ("ticked", "on")])
        .await;
    assert_eq!((page.status, page.errors()), (422, vec!["Cost price"]));
    page.shows("name=\"ticked\" checked");
    let mut fields = EDIT.to_vec();
    fields.push(("ticked", "on"));
    let page = bench.filed("/new-article", &fields).await;
    assert_eq!(page.location.as_deref(), Some("/articles/100001?note=created"));
    let made = bench.tenant.article("100001").unwrap();
    assert!(made.is_ticked() && made.stock_article);
    assert_eq!(
        (made.name.as_deref(), made.created_at),
        (Some("Drill"), bench.clock.now())
    );
    for (action, note) in [
        ("untick", "unticked"),
        ("tick", "ticked"),
        ("archive", "archived"),
        ("restore", "restored"),
    ] {
        let page = bench.filed(&format!("/articles/100001/{action}"), &[]).await;
        assert_eq!(page.location, Some(format!("/articles/100001?note={note}")));
        let article = bench.tenant.article("100001").unwrap();
        assert_eq!(article.is_ticked(), action != "untick", "{action}");
        assert_eq!(article.archived_at.is_some(), action == "archive", "{action}");
    }
    // Archiving is an edit that Robaws does not announce.
    assert_eq!(
        bench.announced(&receiver).await,
        [
            "article.created 100001",
            "article.updated 100001",
            "article.updated 100001"
        ]
    );
    assert_eq!(bench.filed("/articles/99/tick", &[]).await.status, 404);
    bench.tenant.set(|settings| settings.product_flow_defined = false);
    let page = bench.office("/articles/12").await;
    page.shows("No administrator has defined the checkbox");
    assert!(!page.body.contains("/articles/12/untick"));
    assert!(!bench.office("/new-article").await.body.contains("ticked"));
}

#[tokio::test]
async fn stock_is_set_per_location() {
    let bench = bench().await;
    let (receiver, _server, _) = Receiver::start(&bench).await;
    let page = bench.office("/articles/12").await;
    assert_eq!(
        (page.value("stock-3"), page.value("stock-4")),
        (Some("25"), Some("0"))
    );
    let page = bench
        .filed("/articles/12/stock", &[("stock-3", "25"), ("stock-4", "-1,5")])
        .await;
    assert_eq!(page.location.as_deref(), Some("/articles/12?note=stock"));
    assert_eq!(bench.tenant.stock("12", "4"), Decimal::new(-15, 1));
    assert_eq!(bench.announced(&receiver).await, ["article.stock-changed 12"]);
    let page = bench
        .filed("/articles/12/stock", &[("stock-3", "many"), ("stock-4", "3")])
        .await;
    assert_eq!((page.status, page.errors()), (422, vec!["Depot"]));
    assert_eq!(
        (page.value("stock-3"), page.value("stock-4")),
        (Some("many"), Some("3"))
    );
    let page = bench.filed("/articles/12/stock", &[("stock-9", "3")]).await;
    assert_eq!(page.status, 422);
    page.shows("There is no stock location 9.");
    let page = bench.filed("/articles/14/stock", &[("stock-3", "3")]).await;
    assert_eq!(page.status, 422);
    page.shows("This article can have no stock.");
    assert_eq!(
        bench
            .filed("/articles/99/stock", &[("stock-3", "3")])
            .await
            .status,
        404
    );
    assert!(bench.announced(&receiver).await.is_empty());
    let list = bench.office("/").await;
    list.shows("Depot: 25<br>Shop: -1.5");
    list.shows("no stock article");
    // Where a refused form stood, a reload leads to the article.
    assert_eq!(
        bench.office("/articles/12/stock").await.location.as_deref(),
        Some("/articles/12")
    );
}

#[tokio::test]
async fn articles_are_listed_with_everything_and_escaped() {
    let bench = bench().await;
    let mut article = Article::new("15", "<script>alert(1)</script>").tariff("8");
    article.name = Some("\"><img src=x onerror=alert(1)>".to_owned());
    bench.tenant.put_article(article);
    bench.tenant.archive_article("13");
    for path in ["/", "/articles", "/articles/15"] {
        let page = bench.office(path).await;
        page.shows("&#60;script&#62;alert(1)&#60;/script&#62;");
        assert!(
            !page.body.contains("<script") && !page.body.contains("<img"),
            "{path}"
        );
    }
    let list = bench.office("/").await;
    for text in ["A-1", "ticked", "archived", "21% excl.", "href=\"/articles/12\""] {
        list.shows(text);
    }
    bench
        .office("/articles/15")
        .await
        .shows("<option value=\"8\" selected>8: 21% excl.</option>");
}

async fn draft(bench: &Bench, kind: &str) -> String {
    let header = json!({"type": kind, "clientId": "5", "date": "2026-11-23", "clientReference": "X<1>"});
    let (_, made) = bench.post("/sales-invoices", header).await;
    let id = made["id"].as_str().unwrap().to_owned();
    let lines = format!("/sales-invoices/{id}/line-items");
    for line in [
        json!({"type": "LINE", "articleId": "12", "description": "<b>Drill</b>", "quantity": 2, "price": 29.99,
            "vatTariffId": "7"}),
        json!({"type": "TEXT", "description": "Thank you"}),
    ] {
        assert_eq!(bench.post(&lines, line).await.0, 201);
    }
    id
}

#[tokio::test]
async fn an_invoice_is_shown_booked_and_a_draft_deleted() {
    let bench = bench().await;
    bench.tenant.set(|settings| settings.draft_number_null = true);
    let (invoice, credit) = (draft(&bench, "INVOICE").await, draft(&bench, "CREDIT_NOTE").await);
    let list = bench.office("/sales-invoices").await;
    for text in [
        "Credit note",
        "X&#60;1&#62;",
        "€ 59.98",
        "Webshop",
        "(no number yet",
    ] {
        list.shows(text);
    }
    let path = format!("/sales-invoices/{invoice}");
    let page = bench.office(&path).await;
    for text in [
        "draft",
        "&#60;b&#62;Drill&#60;/b&#62;",
        "€ 29.99",
        "7: 21% incl.",
        "€ 49.57",
        "Thank you",
    ] {
        page.shows(text);
    }
    page.shows("href=\"/articles/12\"");
    let booked = bench.filed(&format!("{path}/book"), &[]).await;
    assert_eq!(booked.location, Some(format!("{path}?note=booked")));
    let (_, read) = bench.get(&path).await;
    assert_eq!(
        (&read["booked"], &read["logicId"]),
        (&json!(true), &json!("F2026-0001"))
    );
    bench.office(&path).await.shows("Invoice F2026-0001");
    // A booked one stays.
    let refused = bench.filed(&format!("{path}/delete"), &[]).await;
    assert_eq!(refused.location, Some(format!("{path}?note=unchanged")));
    let again = bench.filed(&format!("{path}/book"), &[]).await;
    assert_eq!(again.location, Some(format!("{path}?note=unchanged")));
    let deleted = bench
        .filed(&format!("/sales-invoices/{credit}/delete"), &[])
        .await;
    assert_eq!(deleted.location.as_deref(), Some("/sales-invoices?note=deleted"));
    let left: Vec<_> = bench
        .tenant
        .invoices()
        .into_iter()
        .map(|invoice| invoice.id)
        .collect();
    assert_eq!(left, [invoice]);
    for path in [
        format!("/sales-invoices/{credit}"),
        "/sales-invoices/x".to_owned(),
    ] {
        assert_eq!(bench.office(&path).await.status, 404);
    }
}

#[tokio::test]
async fn stock_changes_are_shown_with_their_lines() {
    let bench = bench().await;
    bench
        .office("/stock-changes")
        .await
        .shows("There are no stock changes yet.");
    let body = json!({"date": "2026-11-23", "description": "PF-1 <script>", "fromStockLocationId": "3",
        "booked": true, "lineItems": [{"articleId": "12", "quantity": 2}]});
    let (_, made) = bench.post("/stock-changes", body).await;
    let id = made["id"].as_str().unwrap();
    for path in ["/stock-changes".to_owned(), format!("/stock-changes/{id}")] {
        let page = bench.office(&path).await;
        for text in ["PF-1 &#60;script&#62;", "Depot", "A-1 Article A-1", "booked"] {
            page.shows(text);
        }
        assert!(!page.body.contains("<script"));
    }
    assert_eq!(bench.office("/stock-changes/1").await.status, 404);
}

#[tokio::test]
async fn a_task_has_links_to_the_web_and_to_documents() {
    let bench = bench().await;
    let body = json!({"title": "Look <here>", "status": "Te doen", "assignedUserId": "9",
        "description": "See https://shop.example/s/a?b=1&c=2.\njavascript:alert(1) <script>",
        "relatedResource": "/sales-invoices/7"});
    let (_, made) = bench.post("/tasks", body).await;
    let id = made["id"].as_str().unwrap();
    for path in ["/tasks".to_owned(), format!("/tasks/{id}")] {
        let page = bench.office(&path).await;
        page.shows("<a href=\"https://shop.example/s/a?b=1&#38;c=2\" rel=\"noreferrer\">");
        for text in ["Look &#60;here&#62;", "Te doen", "Els Maes"] {
            page.shows(text);
        }
        assert!(!page.body.contains("<script") && !page.body.contains("href=\"javascript"));
    }
    bench
        .office(&format!("/tasks/{id}"))
        .await
        .shows("href=\"/sales-invoices/7\"");
    assert_eq!(bench.office("/tasks/1").await.status, 404);
}

#[tokio::test]
async fn vat_tariffs_are_created_and_edited() {
    let bench = bench().await;
    let page = bench
        .filed("/new-vat-tariff", &[("name", ""), ("percentage", "a lot")])
        .await;
    assert_eq!((page.status, page.errors()), (422, vec!["Name", "Percentage"]));
    assert_eq!(page.value("percentage"), Some("a lot"));
    let fields = [
        ("name", "12% <incl>"),
        ("percentage", "12"),
        ("vatInclusive", "on"),
    ];
    let page = bench.filed("/new-vat-tariff", &fields).await;
    assert_eq!(page.location.as_deref(), Some("/vat-tariffs/100001?note=created"));
    bench.office("/vat-tariffs").await.shows("12% &#60;incl&#62;");
    let page = bench
        .filed("/vat-tariffs/100001", &[("name", "12%"), ("percentage", "12,5")])
        .await;
    assert_eq!(page.location.as_deref(), Some("/vat-tariffs/100001?note=saved"));
    let (_, read) = bench.get("/vat-tariffs/100001").await;
    assert_eq!(
        (&read["percentage"], &read["vatInclusive"]),
        (&json!(12.5), &json!(false))
    );
    let page = bench
        .filed("/vat-tariffs/100001", &[("name", "12%"), ("percentage", "")])
        .await;
    assert_eq!((page.status, page.errors()), (422, vec!["Percentage"]));
    assert_eq!(bench.office("/vat-tariffs/99").await.status, 404);
    let page = bench.office("/articles/12").await;
    page.shows("<option value=\"100001\">100001: 12%</option>");
}

#[tokio::test]
async fn pages_are_no_calls_and_no_fault_strikes_them() {
    let bench = bench().await;
    bench.robaws.outage(Some(Outage::Drop));
    let used = bench.tenant.used_today();
    assert_eq!(bench.office("/articles/12").await.status, 200);
    assert_eq!(bench.filed("/articles/12/untick", &[]).await.status, 303);
    assert_eq!(bench.robaws.calls(), []);
    assert_eq!(bench.robaws.violations(), []);
    assert_eq!(bench.tenant.used_today(), used);
}

#[tokio::test]
async fn a_page_lets_no_script_run_and_only_forms_change_things() {
    let bench = bench().await;
    let url = bench.robaws_server.url();
    let page = bench.http.get(&url).send().await.unwrap();
    let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self'"),
        "{policy}"
    );
    let style = bench.http.get(format!("{url}/style.css")).send().await.unwrap();
    assert_eq!(style.headers()[header::CONTENT_TYPE], "text/css; charset=UTF-8");
    let json = bench
        .http
        .post(format!("{url}/articles/12/untick"))
        .json(&json!({}));
    assert_eq!(json.send().await.unwrap().status(), 415);
    let got = bench.office("/articles/12/untick").await;
    assert_eq!(got.status, 404);
    let put = bench.http.put(format!("{url}/articles/12")).send().await.unwrap();
    assert_eq!(
        (put.status().as_u16(), &put.headers()["allow"]),
        (405, &"GET, HEAD, POST".parse().unwrap())
    );
    assert!(bench.tenant.article("12").unwrap().is_ticked());
    // A button alone has nothing to send, so nothing to be of a type.
    let button = bench.http.post(format!("{url}/articles/12/untick"));
    assert_eq!(button.send().await.unwrap().status(), 303);
    assert!(!bench.tenant.article("12").unwrap().is_ticked());
    let head = bench.http.head(&url).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(bench.office("/nothing").await.status, 404);
}

#[tokio::test]
async fn with_several_tenants_one_is_chosen_and_with_none_the_page_says_so() {
    let bench = bench().await;
    bench
        .robaws
        .tenant("o'neil & co")
        .put_article(Article::new("12", "OTHER"));
    let page = bench.office("/articles/12").await;
    page.shows("href=\"/articles/12?tenant=acme\"");
    page.shows("href=\"/articles/12?tenant=o%27neil%20%26%20co\"");
    let page = bench.office("/articles/12?tenant=o%27neil%20%26%20co").await;
    page.shows("Article OTHER");
    page.shows("href=\"/tasks?tenant=o%27neil%20%26%20co\"");
    assert_eq!(bench.office("/?tenant=nobody").await.status, 404);
    assert_eq!(bench.robaws.tenants().len(), 2);
    let empty = simulators::RobawsSim::new(std::sync::Arc::new(bench.clock.clone()));
    let server = simulators::spawn(empty.router()).await.unwrap();
    let page = bench.page(&server, "/").await;
    assert_eq!(page.status, 404);
    page.shows("There is no tenant yet.");
}
