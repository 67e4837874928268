//! ProductFlow: products and offers, written as forms.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use simulators::ViolationKind;

use crate::support::{Bench, read_answer, start_bench};

fn write_product(bench: &Bench, sku: &str) -> RequestBuilder {
    bench.productflow_request(Method::POST, &format!("product/{sku}")).header("accept-language", "nl")
}

async fn send_form(request: RequestBuilder) -> (u16, Value) {
    read_answer(request.send().await.unwrap()).await
}

async fn has_status(bench: &Bench, sku: &str) {
    assert_eq!(send_form(write_product(bench, sku).form(&[("title", "Drill")])).await.0, 201);
}

fn write_offer(bench: &Bench, sku: &str, form: &[(&str, &str)]) -> RequestBuilder {
    bench.productflow_request(Method::POST, &format!("product/{sku}/offer")).form(form)
}

#[tokio::test]
async fn a_product_is_made_then_updated_per_language() {
    let bench = start_bench().await;
    let form = [("title", "Boormachine"), ("description", "Groen & sterk")];
    assert_eq!(send_form(write_product(&bench, "A%201").form(&form)).await.0, 201);
    assert_eq!(send_form(write_product(&bench, "A%201").form(&[("title", "Boor")])).await.0, 200);
    let english = bench.productflow_request(Method::POST, "product/A%201").header("accept-language", "en");
    assert_eq!(send_form(english.form(&[("title", "Drill")])).await.0, 200);
    let texts = json!(bench.company.find_product("A 1").unwrap().texts);
    assert_eq!(
        texts,
        json!({
            "nl": {"title": "Boor", "description": "Groen & sterk"}, "en": {"title": "Drill"},
        })
    );
    bench.company.change_settings(|settings| settings.empty_write_bodies = true);
    let response = write_product(&bench, "A%201").form(&form).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (200, ""));
    assert_eq!(bench.productflow.violations(), []);
}

#[tokio::test]
async fn a_product_needs_form_language_and_title() {
    let bench = start_bench().await;
    assert_eq!(send_form(write_product(&bench, "A-1").json(&json!({"title": "x"}))).await.0, 415);
    assert_eq!(bench.productflow.violations()[0].kind, ViolationKind::MediaType);
    let (status, body) =
        send_form(bench.productflow_request(Method::POST, "product/A-1").form(&[("title", "x")])).await;
    assert_eq!((status, body["errors"].get("Accept-Language").is_some()), (422, true));
    for form in [&[("description", "x")], &[("title", " ")]] {
        let (status, body) = send_form(write_product(&bench, "A-1").form(form)).await;
        assert_eq!((status, &body["message"]), (422, &json!("The given data was invalid.")));
        assert!(body["errors"]["title"][0].is_string());
    }
    assert!(bench.company.products().is_empty());
}

#[tokio::test]
async fn a_slash_in_a_sku_cannot_be_addressed() {
    let bench = start_bench().await;
    assert_eq!(send_form(write_product(&bench, "A%2F1").form(&[("title", "x")])).await.0, 404);
    assert!(bench.company.products().is_empty());
}

#[tokio::test]
async fn an_offer_is_written_whole() {
    let bench = start_bench().await;
    has_status(&bench, "A-1").await;
    let full = [
        ("title", "Drill"),
        ("qty_available", "12"),
        ("prices[EUR][cost_price]", "4.5025"),
        ("prices[EUR][sell_price]", "19.95"),
    ];
    assert_eq!(send_form(write_offer(&bench, "A-1", &full)).await.0, 201);
    let stored = bench.company.find_offer("A-1").unwrap();
    assert_eq!((stored.qty_available, stored.title.as_str()), (12, "Drill"));
    assert_eq!(
        (stored.euro_price("cost_price"), stored.euro_price("sell_price")),
        (Some("4.5025"), Some("19.95"))
    );
    // What is left out is gone.
    assert_eq!(
        send_form(write_offer(&bench, "A-1", &[("title", "Drill"), ("qty_available", "0")])).await.0,
        200
    );
    let stored = bench.company.find_offer("A-1").unwrap();
    assert_eq!((stored.qty_available, stored.euro_price("cost_price")), (0, None));

    bench.company.change_settings(|settings| settings.offer_merges = true);
    assert_eq!(send_form(write_offer(&bench, "A-1", &full)).await.0, 200);
    assert_eq!(send_form(write_offer(&bench, "A-1", &[("qty_available", "3")])).await.0, 200);
    let stored = bench.company.find_offer("A-1").unwrap();
    assert_eq!((stored.qty_available, stored.euro_price("cost_price")), (3, Some("4.5025")));
}

#[tokio::test]
async fn an_offer_needs_its_product() {
    let bench = start_bench().await;
    let form = [("title", "Drill"), ("qty_available", "1")];
    assert_eq!(send_form(write_offer(&bench, "A-1", &form)).await.0, 404);
    assert_eq!(send_form(bench.productflow_request(Method::DELETE, "product/A-1/offer")).await.0, 404);
    has_status(&bench, "A-1").await;
    assert_eq!(send_form(write_offer(&bench, "A-1", &form)).await.0, 201);
}

#[tokio::test]
async fn an_offer_with_anything_wrong_is_422_and_changes_nothing() {
    let bench = start_bench().await;
    has_status(&bench, "A-1").await;
    let good = [("title", "Drill"), ("qty_available", "5"), ("prices[EUR][cost_price]", "4.50")];
    assert_eq!(send_form(write_offer(&bench, "A-1", &good)).await.0, 201);
    let before = bench.company.find_offer("A-1");
    for (field, value) in [
        ("title", ""),
        ("qty_available", "1.5"),
        ("qty_available", "-1"),
        ("qty_available", "+1"),
        ("qty_available", ""),
        ("prices[EUR][cost_price]", "0"),
        ("prices[EUR][cost_price]", "0.00"),
        ("prices[EUR][cost_price]", ""),
        ("prices[EUR][cost_price]", "4,50"),
        ("prices[EUR][cost_price]", "-4.50"),
        ("prices[EUR][price]", "4.50"),
        ("prices[eur][cost_price]", "4.50"),
        ("prices[EUR]", "4.50"),
        ("prices[EUR", "4.50"),
    ] {
        let mut form: Vec<_> = good.iter().copied().filter(|(name, _)| *name != field).collect();
        form.push((field, value));
        let (status, body) = send_form(write_offer(&bench, "A-1", &form)).await;
        assert_eq!(status, 422, "{field}={value}");
        assert!(body["errors"].as_object().is_some_and(|errors| !errors.is_empty()), "{body}");
    }
    for missing in ["title", "qty_available"] {
        let form: Vec<_> = good.iter().copied().filter(|(name, _)| *name != missing).collect();
        assert_eq!(send_form(write_offer(&bench, "A-1", &form)).await.0, 422, "{missing}");
    }
    let json = bench
        .productflow_request(Method::POST, "product/A-1/offer")
        .json(&json!({"title": "x", "qty_available": 1}));
    assert_eq!(send_form(json).await.0, 415);
    assert_eq!(bench.company.find_offer("A-1"), before);
}

#[tokio::test]
async fn an_offer_is_withdrawn_once() {
    let bench = start_bench().await;
    has_status(&bench, "A-1").await;
    send_form(write_offer(&bench, "A-1", &[("title", "Drill"), ("qty_available", "1")])).await;
    assert_eq!(
        send_form(bench.productflow_request(Method::DELETE, "product/A-1/offer")).await,
        (204, Value::Null)
    );
    assert_eq!(bench.company.find_offer("A-1"), None);
    assert!(bench.company.find_product("A-1").is_some());
    assert_eq!(send_form(bench.productflow_request(Method::DELETE, "product/A-1/offer")).await.0, 404);
    assert_eq!(send_form(bench.productflow_request(Method::PUT, "product/A-1/offer")).await.0, 405);
}

#[tokio::test]
async fn a_product_and_its_offer_can_be_read() {
    let bench = start_bench().await;
    assert_eq!(send_form(bench.productflow_request(Method::GET, "product/A-1")).await.0, 404);
    let mut product = simulators::productflow::Product::default();
    let texts = product.texts.entry("nl".to_owned()).or_default();
    texts.insert("title".to_owned(), "Boor".to_owned());
    bench.company.put_product("A-1", product.clone());
    assert_eq!(send_form(bench.productflow_request(Method::GET, "product/A-1/offer")).await.0, 404);
    product.offer = Some(simulators::productflow::Offer { qty_available: 7, ..Default::default() });
    bench.company.put_product("A-1", product);
    let (_, read) = send_form(bench.productflow_request(Method::GET, "product/A-1")).await;
    assert_eq!(read["data"]["title"], "Boor");
    let (_, read) = send_form(bench.productflow_request(Method::GET, "product/A-1/offer")).await;
    assert_eq!((&read["data"]["qty_available"], &read["data"]["qty_sellable"]), (&7.into(), &7.into()));
    // The doctor's tests go through every deviation.
    assert!(!bench.company.break_assumption("pf-nothing"));
    assert!(bench.company.break_assumption("pf-offer-stock"));
    let patched = bench.company.patch_settings(&serde_json::json!({"deviations": []})).unwrap();
    assert!(patched.deviations.is_empty());
}
