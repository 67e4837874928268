//! ProductFlow: the pages for people, as a browser uses them.

use serde_json::{Value, json};
use simulators::OrderBuilder;

use crate::support::{Bench, Page, bench};

impl Bench {
    async fn shop(&self, path: &str) -> Page {
        self.page(&self.productflow_server, path).await
    }

    async fn sent(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.send(&self.productflow_server, path, fields).await
    }

    fn order(&self, identifier: &str) -> Value {
        self.company.order(identifier).unwrap()
    }
}

#[tokio::test]
async fn an_order_is_placed_with_several_lines_and_a_business_buyer() {
    let bench = bench().await;
    let form = bench.shop("/new-order").await;
    assert_eq!(form.status, 200);
    assert_eq!(
        (form.value("country"), form.value("line-1-sku")),
        (Some("BE"), Some(""))
    );
    let fields = [
        ("rows", "3"),
        ("line-1-sku", "A-1"),
        ("line-1-title", "Drill & bits"),
        ("line-1-quantity", "2"),
        ("line-1-price", "59,98"),
        ("line-1-vat_code", "7"),
        ("line-3-sku", "B-1"),
        ("line-3-quantity", "1"),
        ("line-3-price", "3.4"),
        ("line-3-fbm", "on"),
        ("shipping_cost", "4.95"),
        ("discount_price", "1"),
        ("country", "nl"),
        ("company_name", "Bouw bv"),
        ("vat_number", "NL123"),
        ("marketplace", "Amazon"),
        ("external_identifier", "1083993841"),
    ];
    let page = bench.sent("/new-order", &fields).await;
    assert_eq!(page.location.as_deref(), Some("/orders/PF-100001?note=placed"));
    let order = bench.order("PF-100001");
    assert_eq!(
        order["lines"],
        json!([
            {"id": "1", "sku": "A-1", "ean": null, "title": "Drill & bits", "quantity": 2, "price": 5998,
                "vat_code": "7", "fbm": false},
            {"id": "2", "sku": "B-1", "ean": null, "title": "B-1", "quantity": 1, "price": 340,
                "vat_code": null, "fbm": true},
        ])
    );
    for (field, wanted) in [
        ("status", json!("open")),
        ("shipping_cost", json!(495)),
        ("transaction_price", json!(0)),
        ("discount_price", json!(100)),
        ("external_identifier", json!("1083993841")),
        ("placed_at", json!("2026-11-23T08:00:00Z")),
    ] {
        assert_eq!(order[field], wanted, "{field}");
    }
    assert_eq!(order["marketplace"]["name"], "Amazon");
    let buyer = &order["billing_customer"];
    assert_eq!(
        [
            &buyer["country_code"],
            &buyer["company_name"],
            &buyer["vat_number"]
        ],
        ["NL", "Bouw bv", "NL123"]
    );
    // What was placed is what the API gives, and its page shows it.
    assert_eq!(bench.pget("order/PF-100001").await.1["data"], order);
    let page = bench.shop("/orders/PF-100001?note=placed").await;
    assert_eq!(page.status, 200);
    page.shows("The order is placed.");
    page.shows("Drill &#38; bits");
    page.shows("€ 67.33");
}

#[tokio::test]
async fn what_is_left_empty_is_a_consumer_and_the_usual_number() {
    let bench = bench().await;
    let fields = [
        ("line-1-sku", "A-1"),
        ("line-1-quantity", "1"),
        ("line-1-price", "5"),
        ("country", "BE"),
        ("marketplace", "bol.com"),
    ];
    // An identifier that somebody took by hand is not given again.
    bench
        .company
        .place(OrderBuilder::new("PF-100001").line("A-1", 1, 100, None));
    let page = bench.sent("/new-order", &fields).await;
    assert_eq!(page.location.as_deref(), Some("/orders/PF-100002?note=placed"));
    let order = bench.order("PF-100002");
    assert_eq!(order["billing_customer"]["vat_number"], json!(null));
    assert_eq!(order["external_identifier"], "XPF-100002");
}

#[tokio::test]
async fn more_lines_keep_what_was_typed_and_place_nothing() {
    let bench = bench().await;
    let page = bench
        .sent(
            "/new-order",
            &[("rows", "3"), ("more", "1"), ("line-2-sku", "B-1")],
        )
        .await;
    assert_eq!(page.status, 200);
    assert_eq!(
        (page.value("line-2-sku"), page.value("line-6-sku")),
        (Some("B-1"), Some(""))
    );
    assert_eq!((page.value("line-7-sku"), page.value("rows")), (None, Some("6")));
    assert!(bench.company.orders().is_empty());
}

#[tokio::test]
async fn what_cannot_be_read_is_named_and_what_was_typed_is_kept() {
    let bench = bench().await;
    let fields = [
        ("rows", "3"),
        ("line-1-sku", "A-1"),
        ("line-1-quantity", "two"),
        ("line-1-price", "5,9.8"),
        ("line-2-quantity", "1"),
        ("line-2-price", "5"),
        ("discount_price", "-1"),
        ("country", "Belgium"),
        ("company_name", "\"><script>alert(1)</script>"),
    ];
    let page = bench.sent("/new-order", &fields).await;
    assert_eq!(page.status, 422);
    assert_eq!(
        page.errors(),
        [
            "Line 1, quantity",
            "Line 1, line total",
            "Line 2, SKU",
            "Discount",
            "Country"
        ]
    );
    for (field, typed) in [
        ("line-1-quantity", "two"),
        ("line-1-price", "5,9.8"),
        ("country", "Belgium"),
    ] {
        assert_eq!(page.value(field), Some(typed));
    }
    page.shows("aria-describedby=\"discount_price-error\"");
    assert!(!page.body.contains("<script"));
    let nothing = bench.sent("/new-order", &[("country", "BE")]).await;
    assert_eq!((nothing.status, nothing.errors()), (422, vec!["Line 1, SKU"]));
    assert!(bench.company.orders().is_empty());
}

#[tokio::test]
async fn an_order_is_edited_in_one_go() {
    let bench = bench().await;
    bench.company.place(
        OrderBuilder::new("PF-1")
            .line("A-1", 2, 5998, Some("7"))
            .line("A-2", 1, 595, None)
            .line("B-1", 1, 349, Some("7")),
    );
    bench.clock.advance(jiff::SignedDuration::from_mins(1));
    let page = bench.shop("/orders/PF-1").await;
    assert_eq!(
        (page.value("line-1-price"), page.value("lines")),
        (Some("59.98"), Some("3"))
    );
    let mut fields = page.fields();
    for (field, value) in [
        ("line-1-quantity", "1"),
        ("line-1-price", "29.99"),
        ("line-2-vat_code", "10"),
        ("line-3-remove", "on"),
        ("new-1-title", "By hand"),
        ("new-1-quantity", "1"),
        ("new-1-price", "10"),
        ("shipping_cost", "4.95"),
    ] {
        fields.retain(|(name, _)| name != field);
        fields.push((field.to_owned(), value.to_owned()));
    }
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let page = bench.sent("/orders/PF-1", &fields).await;
    assert_eq!(
        (page.status, page.location.as_deref()),
        (303, Some("/orders/PF-1?note=saved"))
    );
    let order = bench.order("PF-1");
    assert_eq!(order["lines"][0]["quantity"], 1);
    assert_eq!(order["lines"][0]["price"], 2999);
    assert_eq!(order["lines"][1]["vat_code"], "10");
    let added = json!({"id": "4", "sku": null, "ean": null, "title": "By hand", "quantity": 1, "price": 1000,
        "vat_code": null, "fbm": false});
    assert_eq!(order["lines"][2], added);
    assert_eq!(order["lines"].as_array().unwrap().len(), 3);
    assert_eq!(order["shipping_cost"], 495);
    assert_eq!(order["updated_at"], "2026-11-23T08:01:00Z");
    // The form for three lines no longer fits.
    bench.company.edit("PF-1", |order| order["lines"] = json!([]));
    let page = bench.sent("/orders/PF-1", &fields).await;
    assert_eq!(page.status, 409);
    page.shows("The order has other lines by now.");
    assert_eq!(bench.order("PF-1")["lines"], json!([]));
}

#[tokio::test]
async fn an_edit_that_cannot_be_read_changes_nothing() {
    let bench = bench().await;
    bench
        .company
        .place(OrderBuilder::new("PF-1").line("A-1", 2, 5998, Some("7")));
    let before = bench.order("PF-1");
    bench.clock.advance(jiff::SignedDuration::from_mins(1));
    let untouched = bench.shop("/orders/PF-1").await.fields();
    let mut fields: Vec<(&str, &str)> = untouched.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let page = bench.sent("/orders/PF-1", &fields).await;
    assert_eq!(page.location.as_deref(), Some("/orders/PF-1?note=unchanged"));
    fields.retain(|(name, _)| *name != "line-1-price");
    fields.extend([("line-1-price", "1e3"), ("new-1-sku", "B-1")]);
    let page = bench.sent("/orders/PF-1?note=saved", &fields).await;
    assert_eq!(page.status, 422);
    assert_eq!(
        page.errors(),
        [
            "Line 1: A-1, Title of A-1, line total",
            "New line 1, quantity",
            "New line 1, line total"
        ]
    );
    assert_eq!(
        (page.value("line-1-price"), page.value("new-1-sku")),
        (Some("1e3"), Some("B-1"))
    );
    assert!(!page.body.contains("Saved."));
    assert_eq!(bench.order("PF-1"), before);
    // The order goes while its page stands open: 404, and what was typed is still there.
    bench.company.remove("PF-1");
    let page = bench.sent("/orders/PF-1", &fields).await;
    assert_eq!((page.status, page.value("line-1-price")), (404, Some("1e3")));
    page.shows("There is no order PF-1.");
}

#[tokio::test]
async fn an_order_goes_through_its_life_by_buttons() {
    let bench = bench().await;
    bench
        .company
        .place(OrderBuilder::new("PF-1").line("A-1", 2, 5998, Some("7")));
    let page = bench.shop("/orders/PF-1").await;
    assert!(page.body.contains("action=\"/orders/PF-1/ship\"") && !page.body.contains("/orders/PF-1/reopen"));
    for (action, note, status, shipped_at) in [
        ("accept", "accepted", "accepted", json!(null)),
        ("ship", "shipped", "shipped", json!("2026-11-23T08:00:00Z")),
        ("reopen", "reopened", "open", json!(null)),
        ("cancel", "cancelled", "cancelled", json!(null)),
    ] {
        let page = bench.sent(&format!("/orders/PF-1/{action}"), &[]).await;
        let wanted = format!("/orders/PF-1?note={note}");
        assert_eq!((page.status, page.location), (303, Some(wanted)), "{action}");
        let order = bench.order("PF-1");
        assert_eq!(
            (&order["status"], &order["shipped_at"]),
            (&json!(status), &shipped_at),
            "{action}"
        );
    }
    let page = bench
        .sent("/orders/PF-1/status", &[("status", "partly <returned>")])
        .await;
    assert_eq!(page.status, 303);
    assert_eq!(bench.order("PF-1")["status"], "partly <returned>");
    bench
        .shop("/orders/PF-1")
        .await
        .shows("partly &#60;returned&#62;");
    let page = bench.sent("/orders/PF-1/status", &[("status", "")]).await;
    assert_eq!((page.status, page.errors()), (422, vec!["Status"]));
    let page = bench.sent("/orders/PF-1/remove", &[]).await;
    assert_eq!(page.location.as_deref(), Some("/orders?note=removed"));
    assert_eq!(bench.pget("order/PF-1").await.0, 404);
    assert_eq!(bench.shop("/orders/PF-1").await.status, 404);
    for action in ["ship", "remove", "status", "dance"] {
        let page = bench
            .sent(&format!("/orders/PF-1/{action}"), &[("status", "x")])
            .await;
        assert_eq!(page.status, 404, "{action}");
    }
}

#[tokio::test]
async fn orders_are_listed_newest_first_a_page_at_a_time() {
    let bench = bench().await;
    bench.shop("/").await.shows("There are no orders yet.");
    for number in 1..=51 {
        let placed = format!("2026-11-22T10:{number:02}:00Z");
        let order = OrderBuilder::new(&format!("PF-{number}")).line("A-1", 1, 100, None);
        bench.company.place(order.placed_at(&placed));
    }
    bench
        .company
        .place(OrderBuilder::new("PF-old").placed_at("2020-01-01T00:00:00Z"));
    let first = bench.shop("/").await;
    let (newest, older) = (first.body.find(">PF-51<"), first.body.find(">PF-50<"));
    assert!(newest.is_some() && newest < older);
    assert!(!first.body.contains(">PF-old<"));
    first.shows("Orders 1 to 50 of 52");
    first.shows("href=\"/orders?page=2\"");
    let second = bench.shop("/orders?page=2").await;
    assert!(second.body.contains(">PF-1<") && second.body.contains(">PF-old<"));
    assert!(!second.body.contains("rel=\"next\""));
}

#[tokio::test]
async fn products_show_their_offers() {
    let bench = bench().await;
    bench.shop("/products").await.shows("There are no products yet.");
    let sku = "A&1 <script>";
    let path = "product/A%261%20%3Cscript%3E";
    let title = "<script>alert(1)</script>";
    let product = bench
        .p(reqwest::Method::POST, path)
        .header("accept-language", "nl");
    let made = product
        .form(&[("title", title), ("description", "Strong")])
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), 201);
    let page = bench.shop("/products").await;
    page.shows("A&#38;1 &#60;script&#62;");
    page.shows("href=\"/products/A%261%20%3Cscript%3E\"");
    let offer = [
        ("title", title),
        ("qty_available", "7"),
        ("prices[EUR][cost_price]", "4.50"),
    ];
    let offered = bench
        .p(reqwest::Method::POST, &format!("{path}/offer"))
        .form(&offer);
    assert_eq!(offered.send().await.unwrap().status(), 201);
    let list = bench.shop("/products").await;
    for text in ["for sale", ">7<", "€ 4.50", ">nl<"] {
        list.shows(text);
    }
    let page = bench.shop("/products/A%261%20%3Cscript%3E").await;
    for text in [
        "Texts in nl",
        "Strong",
        "EUR 4.50",
        "Product A&#38;1 &#60;script&#62;",
    ] {
        page.shows(text);
    }
    assert!(!list.body.contains("<script") && !page.body.contains("<script"));
    // An order line's SKU leads to its product, where there is one.
    bench.company.place(
        OrderBuilder::new("PF-1")
            .line(sku, 1, 100, None)
            .line("none", 1, 100, None),
    );
    let order = bench.shop("/orders/PF-1").await;
    assert!(order.body.contains("/products/A%261") && !order.body.contains("/products/none"));
    assert!(!order.body.contains("<script"));
    assert_eq!(bench.shop("/products/none").await.status, 404);
}

#[tokio::test]
async fn any_identifier_has_a_page() {
    let bench = bench().await;
    bench
        .company
        .place(OrderBuilder::new("a/b ?<c>").line("A-1", 1, 100, None));
    let list = bench.shop("/").await;
    let path = "/orders/a%2Fb%20%3F%3Cc%3E";
    list.shows(&format!("href=\"{path}\""));
    assert_eq!(bench.shop(path).await.status, 200);
    let page = bench.sent(&format!("{path}/ship"), &[]).await;
    assert_eq!(page.location, Some(format!("{path}?note=shipped")));
    assert_eq!(bench.order("a/b ?<c>")["status"], "shipped");
}

#[tokio::test]
async fn with_several_companies_one_is_chosen() {
    let bench = bench().await;
    let other = bench.productflow.company(43);
    other.place(OrderBuilder::new("PF-9").line("A-1", 1, 100, None));
    let page = bench.shop("/orders/PF-9").await;
    assert_eq!(page.status, 200);
    page.shows("href=\"/orders/PF-9?company=42\"");
    page.shows("href=\"/orders/PF-9?company=43\"");
    assert_eq!(bench.shop("/orders/PF-9?company=42").await.status, 404);
    let page = bench.shop("/orders/PF-9?company=43").await;
    page.shows("action=\"/orders/PF-9/ship?company=43\"");
    let page = bench.sent("/orders/PF-9/ship?company=43", &[]).await;
    assert_eq!(
        page.location.as_deref(),
        Some("/orders/PF-9?company=43&note=shipped")
    );
    let page = bench.sent("/orders/PF-9/cancel", &[]).await;
    assert_eq!(page.status, 400);
    page.shows("Nothing was changed");
    assert_eq!(other.order("PF-9").unwrap()["status"], "shipped");
    assert_eq!(bench.shop("/?company=99").await.status, 404);
    assert_eq!(bench.productflow.companies(), [42, 43]);
}
