//! Tests of reading what Robaws may show, and of the bodies that are sent to Robaws.

use super::*;
use domain::ids::{ClientId, Sku};
use domain::ledger::StockKey;

fn stock_item(article: &str, quantity: u32) -> StockItem {
    let sku = Sku::parse("A").unwrap();
    StockItem {
        key: StockKey::Sku { sku: sku.clone(), fbm: false },
        sku: Some(sku),
        article_id: ArticleId::parse(article).unwrap(),
        quantity,
    }
}

#[test]
fn a_stock_change_is_booked_with_one_line_per_article() {
    let body = stock_change_body(
        "2026-11-23".parse().unwrap(),
        "ProductFlow 108 (PF-1) #1-0123456789ab",
        Direction::Out,
        &StockLocationId::parse("3").unwrap(),
        &[stock_item("12", 2), stock_item("12", 1), stock_item("7", 4)],
    );
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap(),
        json!({
            "date": "2026-11-23", "description": "ProductFlow 108 (PF-1) #1-0123456789ab",
            "fromStockLocationId": "3", "booked": true,
            "lineItems": [{"articleId": "12", "quantity": 3}, {"articleId": "7", "quantity": 4}]
        })
    );
}

#[test]
fn a_line_carries_its_price_as_a_number_to_the_cent() {
    let line = InvoiceLine {
        article_id: None,
        description: "Verzending \"x\"".to_owned(),
        quantity: -1,
        price: Cents(2999),
        vat_tariff_id: VatTariffId::parse("7").unwrap(),
    };
    let expected =
        r#"{"description":"Verzending \"x\"","price":29.99,"quantity":-1,"type":"LINE","vatTariffId":"7"}"#;
    assert_eq!(invoice_line_body(&line), expected);
    for (cents, number) in [(0, "0"), (5, "0.05"), (100, "1"), (110, "1.1"), (999_999_999, "9999999.99")] {
        assert_eq!(euros_as_json(Cents(cents)).to_string(), number);
    }
}

#[test]
fn a_header_is_a_draft() {
    let header = InvoiceHeader {
        client_id: ClientId::parse("5").unwrap(),
        company_id: None,
        payment_condition_id: None,
        date: "2026-11-23".parse().unwrap(),
        reference: "108 (PF-1)".to_owned(),
        remark: "x".to_owned(),
    };
    let body: Value = serde_json::from_str(&invoice_header_body(DocumentKind::CreditNote, &header)).unwrap();
    assert_eq!(body["type"], json!("CREDIT_NOTE"));
    assert_eq!(body["booked"], json!(false));
    assert_eq!(body.get("companyId"), None);
}

#[test]
fn only_what_shows_what_we_asked_is_done() {
    let answer =
        |json: Value| serde_json::from_value::<StockChange>(json).unwrap().attempt_outcome("#1-0123456789ab");
    let text = "ProductFlow PF-1 #1-0123456789ab";
    assert!(matches!(
        answer(json!({"id": "9", "booked": true, "description": text})),
        AttemptOutcome::Done { .. }
    ));
    assert_eq!(answer(json!({"id": "9", "booked": false, "description": text})), AttemptOutcome::Unknown);
    assert_eq!(answer(json!({"id": "9", "booked": true, "description": "x"})), AttemptOutcome::Unknown);
    assert_eq!(answer(json!({"id": "9"})), AttemptOutcome::Unknown);
}

#[test]
fn marks_of_ours_are_recognised() {
    let ours = |text: &str| {
        let id = DocumentId::parse("1").unwrap();
        StockChange {
            id,
            booked: true,
            description: Some(text.to_owned()),
            from_stock_location_id: None,
            to_stock_location_id: None,
            lines: None,
        }
        .has_mark_of_ours()
    };
    assert!(ours("ProductFlow 108 (PF-1) #12-0123456789ab"));
    assert!(!ours("ProductFlow 108 #x-0123456789ab"));
    assert!(!ours("Inventaris #1-0123456789ab"));
}

#[test]
fn an_error_body_may_be_html() {
    assert_eq!(read_error_message(b"<html>", 400), ("HTTP 400".to_owned(), None));
    let body = br#"{"status":400,"error":"Bad Request","message":"Unknown article","correlationId":"c-1"}"#;
    assert_eq!(read_error_message(body, 400), ("Unknown article".to_owned(), Some("c-1".to_owned())));
}

fn wire_article(fields: &Value) -> WireArticle {
    let mut json = json!({ "id": "12", "articleNumber": "A-1", "stockArticle": true });
    let fields = fields.as_object().unwrap().clone();
    json.as_object_mut().unwrap().extend(fields);
    serde_json::from_value(json).unwrap()
}

#[test]
fn an_article_that_is_archived_or_deleted_is_gone() {
    let at = "2026-11-23T08:00:00Z";
    for (fields, live) in [
        (json!({}), true),
        (json!({ "archivedAt": null, "deletedAt": null }), true),
        (json!({ "archivedAt": at }), false),
        (json!({ "deletedAt": at }), false),
        (json!({ "archivedAt": at, "deletedAt": at }), false),
    ] {
        let detail = wire_article(&fields).into_detail().unwrap();
        let article = wire_article(&fields).into_article().unwrap();
        let found = wire_article(&fields).into_found();
        assert_eq!((detail.live, article.live, found.is_some()), (live, live, live), "{fields}");
    }
}

#[test]
fn the_checkbox_is_there_when_the_extra_fields_show_it() {
    for (fields, has_checkbox, ticked) in [
        (json!({}), false, None),
        (json!({ "extraFields": null }), false, Some(false)),
        (json!({ "extraFields": {} }), false, Some(false)),
        (json!({ "extraFields": { "Colour": { "stringValue": "red" } } }), false, Some(false)),
        (json!({ "extraFields": { "ProductFlow": null } }), true, Some(false)),
        (json!({ "extraFields": { "ProductFlow": { "booleanValue": null } } }), true, Some(false)),
        (json!({ "extraFields": { "ProductFlow": { "booleanValue": false } } }), true, Some(false)),
        (json!({ "extraFields": { "ProductFlow": { "booleanValue": true } } }), true, Some(true)),
        (json!({ "extraFields": [] }), false, None),
    ] {
        let detail = wire_article(&fields).into_detail().unwrap();
        assert_eq!((detail.has_checkbox, detail.ticked), (has_checkbox, ticked), "{fields}");
    }
}

fn wire_invoice(fields: &Value) -> Invoice {
    let mut json = json!({ "id": "41", "logicId": "2026/0041", "clientReference": "108 (PF-1)" });
    let fields = fields.as_object().unwrap().clone();
    json.as_object_mut().unwrap().extend(fields);
    serde_json::from_value(json).unwrap()
}

#[test]
fn only_an_invoice_with_our_reference_and_of_the_kind_is_done() {
    use DocumentKind::{CreditNote, Invoice};
    for (fields, kind, is_done) in [
        (json!({}), Invoice, true),
        (json!({ "type": "INVOICE" }), Invoice, true),
        (json!({ "type": "CREDIT_NOTE" }), CreditNote, true),
        (json!({}), CreditNote, false),
        (json!({ "type": "INVOICE" }), CreditNote, false),
        (json!({ "type": "CREDIT_NOTE" }), Invoice, false),
        (json!({ "clientReference": "109 (PF-1)" }), Invoice, false),
        (json!({ "clientReference": "108 (PF-1) " }), Invoice, false),
        (json!({ "clientReference": null }), Invoice, false),
    ] {
        let done = AttemptOutcome::Done {
            robaws_id: DocumentId::parse("41").unwrap(),
            number: Some("2026/0041".to_owned()),
        };
        let outcome = wire_invoice(&fields).attempt_outcome("108 (PF-1)", kind);
        assert_eq!(outcome, if is_done { done } else { AttemptOutcome::Unknown }, "{fields}, {kind:?}");
    }
}

#[test]
fn the_day_of_an_invoice_is_the_one_that_it_shows() {
    let day = |date: Value| wire_invoice(&json!({ "date": date })).day();
    let expected: Date = "2026-11-23".parse().unwrap();
    assert_eq!(day(json!("2026-11-23")), Some(expected));
    assert_eq!(day(json!("2026-11-23T00:30:00+01:00")), Some(expected));
    for none in [json!(null), json!(""), json!("2026-11"), json!("23/11/2026")] {
        assert_eq!(day(none.clone()), None, "{none}");
    }
}

#[test]
fn an_empty_id_is_none() {
    let change = |json: Value| serde_json::from_value::<StockChange>(json);
    let read = change(json!({ "id": 9, "fromStockLocationId": "", "toStockLocationId": 4 })).unwrap();
    assert_eq!(read.id.as_str(), "9");
    assert_eq!(read.from_stock_location_id, None);
    assert_eq!(read.to_stock_location_id.as_deref(), Some("4"));
    for id in [json!(""), json!(null), json!(true)] {
        assert!(change(json!({ "id": id })).is_err(), "{id}");
        assert!(serde_json::from_value::<NamedItem>(json!({ "id": id })).is_err(), "{id}");
    }
    let line: ShownInvoiceLine =
        serde_json::from_value(json!({ "articleId": "", "price": "", "quantity": "2" })).unwrap();
    assert_eq!((line.article_id, line.price), (None, None));
    assert_eq!(line.quantity, Some(Decimal::TWO));
}
