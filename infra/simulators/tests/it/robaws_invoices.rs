//! Robaws: invoices, header first, then lines, then totals.

use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::ViolationKind;
use simulators::robaws::{InvoiceKind, LineKind};

use crate::support::{Bench, ids_of_items, start_bench};

fn invoice_header() -> Value {
    json!({
        "type": "INVOICE", "clientId": "5", "date": "2026-11-23", "clientReference": "1083 (PF-10)",
        "remark": "bol.com", "booked": false, "companyId": "1", "paymentConditionId": "2",
    })
}

fn invoice_line(quantity: &str, price: &str, tariff: &str) -> Value {
    let number = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    json!({
        "type": "LINE", "articleId": "12", "description": "Drill", "quantity": number(quantity),
        "price": number(price), "vatTariffId": tariff,
    })
}

async fn create_draft(bench: &Bench) -> String {
    let (status, made) = bench.post_robaws("/sales-invoices", invoice_header()).await;
    assert_eq!(status, 201, "{made}");
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_working_sequence() {
    let bench = start_bench().await;
    let (status, made) = bench.post_robaws("/sales-invoices", invoice_header()).await;
    assert_eq!(status, 201);
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["logicId"], "F2026-0001");
    assert_eq!(made["booked"], false);
    let lines = format!("/sales-invoices/{id}/line-items");
    let (status, first) = bench.post_robaws(&lines, invoice_line("2", "29.99", "7")).await;
    assert_eq!((status, &first["type"], &first["price"]), (201, &json!("LINE"), &json!(29.99)));
    assert_eq!(bench.post_robaws(&lines, json!({"type": "TEXT", "description": "Thanks"})).await.0, 201);
    // A discount: one piece less than none.
    assert_eq!(bench.post_robaws(&lines, invoice_line("-1", "5.00", "7")).await.0, 201);
    let (_, read) = bench.get_robaws(&format!("/sales-invoices/{id}?include=lineItems")).await;
    assert_eq!(read["totalInclVat"].to_string(), "54.98");
    // 49.57 less 4.13.
    assert_eq!(read["totalExclVat"].to_string(), "45.44");
    assert_eq!(read["lineItems"][0]["description"], "Drill");
    assert_eq!(
        read["lineItems"][1],
        json!({
            "id": read["lineItems"][1]["id"], "type": "TEXT", "description": "Thanks",
            "articleId": null, "quantity": null, "price": null, "vatTariffId": null,
        })
    );
    assert!(bench.get_robaws(&format!("/sales-invoices/{id}")).await.1.get("lineItems").is_none());
    assert_eq!(bench.patch_robaws(&format!("/sales-invoices/{id}"), json!({"booked": true})).await.0, 204);

    let invoices = bench.tenant.invoices_of("PF-10");
    assert_eq!(invoices.len(), 1);
    assert!(invoices[0].booked);
    assert_eq!(invoices[0].total_incl_vat, Decimal::new(5498, 2));
    assert_eq!(invoices[0].line_items[1].kind, LineKind::Text);
    // An invoice moves no stock.
    assert_eq!(bench.tenant.stock_at("12", "3"), Decimal::from(25));
    assert_eq!(bench.robaws.violations(), []);
}

#[tokio::test]
async fn each_line_is_rounded_to_cents_by_its_own_tariff() {
    let bench = start_bench().await;
    for (quantity, price, tariff, excl, incl) in [
        ("3", "0.335", "8", "1.01", "1.22"),
        ("1", "0.005", "7", "0.01", "0.01"),
        ("1", "10", "11", "7.97", "10"),
        ("7", "1.4285", "8", "10", "12.1"),
    ] {
        let id = create_draft(&bench).await;
        bench
            .post_robaws(&format!("/sales-invoices/{id}/line-items"), invoice_line(quantity, price, tariff))
            .await;
        let (_, read) = bench.get_robaws(&format!("/sales-invoices/{id}")).await;
        let total = |name: &str| read[name].to_string();
        assert_eq!((total("totalExclVat"), total("totalInclVat")), (excl.to_owned(), incl.to_owned()));
    }
}

#[tokio::test]
async fn a_header_with_anything_wrong_is_400() {
    let bench = start_bench().await;
    for (field, value) in [
        ("type", json!("CREDITNOTE")),
        ("type", Value::Null),
        ("clientId", Value::Null),
        ("clientId", json!(5)),
        ("clientId", json!("99")),
        ("date", Value::Null),
        ("date", json!("23/11/2026")),
        ("companyId", json!("99")),
        ("companyId", json!(1)),
        ("paymentConditionId", json!("99")),
        ("booked", json!("no")),
        ("clientReference", json!(1083)),
    ] {
        let mut body = invoice_header();
        body[field] = value;
        assert_eq!(bench.post_robaws("/sales-invoices", body.clone()).await.0, 400, "{body}");
    }
    assert_eq!(bench.tenant.invoices(), []);
}

#[tokio::test]
async fn lines_in_a_header_are_dropped() {
    let bench = start_bench().await;
    let mut body = invoice_header();
    body["lineItems"] = json!([invoice_line("1", "5", "7")]);
    assert_eq!(bench.post_robaws("/sales-invoices", body).await.0, 201);
    assert_eq!(bench.tenant.invoices()[0].line_items, []);
    assert_eq!(bench.robaws.violations()[0].kind, ViolationKind::UnknownField);
}

#[tokio::test]
async fn a_line_with_anything_wrong_is_400() {
    let bench = start_bench().await;
    let id = create_draft(&bench).await;
    let path = format!("/sales-invoices/{id}/line-items");
    for (field, value) in [
        ("type", json!("ARTICLE")),
        ("type", Value::Null),
        ("description", Value::Null),
        ("description", json!(" ")),
        ("quantity", Value::Null),
        ("quantity", json!("2")),
        ("price", Value::Null),
        ("price", json!(-0.01)),
        ("vatTariffId", Value::Null),
        ("vatTariffId", json!(7)),
        ("vatTariffId", json!("99")),
        ("articleId", json!("99")),
        ("articleId", json!(12)),
    ] {
        let mut body = invoice_line("1", "5", "7");
        body[field] = value;
        assert_eq!(bench.post_robaws(&path, body.clone()).await.0, 400, "{body}");
    }
    assert_eq!(bench.post_robaws(&path, json!({"type": "TEXT"})).await.0, 400);
    assert_eq!(bench.tenant.invoices()[0].line_items, []);
    assert_eq!(bench.post_robaws("/sales-invoices/99/line-items", invoice_line("1", "5", "7")).await.0, 404);
}

#[tokio::test]
async fn a_booked_invoice_is_final() {
    let bench = start_bench().await;
    let id = create_draft(&bench).await;
    let path = format!("/sales-invoices/{id}");
    assert_eq!(bench.patch_robaws(&path, json!({"remark": "later", "companyId": null})).await.0, 204);
    assert_eq!(bench.patch_robaws(&path, json!({"type": "CREDIT_NOTE"})).await.0, 400);
    assert_eq!(bench.patch_robaws(&path, json!({"clientId": null})).await.0, 400);
    assert_eq!(bench.patch_robaws(&path, json!({"booked": true})).await.0, 204);
    let stored = bench.tenant.invoices();
    assert_eq!((stored[0].remark.as_deref(), stored[0].company_id.as_deref()), (Some("later"), None));
    assert_eq!(bench.post_robaws(&format!("{path}/line-items"), invoice_line("1", "5", "7")).await.0, 400);
    assert_eq!(bench.patch_robaws(&path, json!({"booked": true})).await.0, 204);
    assert_eq!(bench.patch_robaws(&path, json!({"booked": false})).await.0, 400);
    assert_eq!(bench.patch_robaws(&path, json!({"remark": "x"})).await.0, 400);
    assert_eq!(bench.delete_robaws(&path).await.0, 400);
    assert_eq!(bench.tenant.invoices(), stored);
}

#[tokio::test]
async fn a_draft_can_be_deleted() {
    let bench = start_bench().await;
    let id = create_draft(&bench).await;
    assert_eq!(bench.delete_robaws(&format!("/sales-invoices/{id}")).await.0, 204);
    assert_eq!(bench.get_robaws(&format!("/sales-invoices/{id}")).await.0, 404);
    assert_eq!(bench.delete_robaws(&format!("/sales-invoices/{id}")).await.0, 404);
}

#[tokio::test]
async fn a_draft_can_be_without_totals_and_number() {
    let bench = start_bench().await;
    bench.tenant.change_settings(|settings| {
        settings.draft_totals_null = true;
        settings.draft_number_null = true;
    });
    let id = create_draft(&bench).await;
    let path = format!("/sales-invoices/{id}");
    let (_, read) = bench.get_robaws(&path).await;
    assert_eq!(
        (&read["logicId"], &read["totalInclVat"], &read["totalExclVat"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    bench.patch_robaws(&path, json!({"booked": true})).await;
    let (_, read) = bench.get_robaws(&path).await;
    assert_eq!((&read["logicId"], &read["totalInclVat"]), (&json!("F2026-0001"), &json!(0)));
}

#[tokio::test]
async fn a_credit_note_keeps_its_kind_and_has_its_own_numbers() {
    let bench = start_bench().await;
    create_draft(&bench).await;
    let mut body = invoice_header();
    body["type"] = json!("CREDIT_NOTE");
    let (_, made) = bench.post_robaws("/sales-invoices", body).await;
    assert_eq!((&made["type"], &made["logicId"]), (&json!("CREDIT_NOTE"), &json!("C2026-0001")));
    assert_eq!(bench.tenant.invoices()[1].kind, InvoiceKind::CreditNote);
    let id = made["id"].as_str().unwrap();
    assert_eq!(ids_of_items(&bench.get_robaws("/sales-invoices?type=CREDIT_NOTE").await.1), [id]);
}

#[tokio::test]
async fn the_reference_filter_gives_candidates_or_is_ignored() {
    let bench = start_bench().await;
    let first = create_draft(&bench).await;
    let mut other = invoice_header();
    other["clientReference"] = json!("1084 (PF-100)");
    let (_, other) = bench.post_robaws("/sales-invoices", other).await;
    let other = other["id"].as_str().unwrap();
    assert_eq!(
        ids_of_items(&bench.get_robaws("/sales-invoices?clientReference=pf-10").await.1),
        [first.as_str(), other]
    );
    let exact = "/sales-invoices?clientReference=1083%20(PF-10)";
    assert_eq!(ids_of_items(&bench.get_robaws(exact).await.1), [first.as_str()]);
    bench.tenant.change_settings(|settings| {
        settings.ignored_filters.insert("clientReference".to_owned());
    });
    assert_eq!(ids_of_items(&bench.get_robaws(exact).await.1), [first.as_str(), other]);
}
