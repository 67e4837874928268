//! Tests of reading orders in every form that ProductFlow may send, and of the forms that are sent to ProductFlow.

use super::*;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

#[test]
fn an_offer_carries_the_whole_set_and_no_price_that_is_not_there() {
    let offer = |cost: Option<&str>, sale: Option<&str>| {
        offer_form(&Offer {
            title: "Boor & co".to_owned(),
            quantity: 7,
            cost_price: cost.map(|p| p.parse().unwrap()),
            sale_price: sale.map(|p| p.parse().unwrap()),
        })
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
    };
    assert_eq!(
        offer(Some("4.5"), Some("12")),
        [
            "title=Boor & co",
            "qty_available=7",
            "prices[EUR][cost_price]=4.50",
            "prices[EUR][sell_price]=12.00"
        ]
    );
    assert_eq!(offer(Some("0.0001"), None)[2..], ["prices[EUR][cost_price]=0.0001"]);
    assert_eq!(offer(None, None).len(), 2);
}

fn order_body() -> Value {
    json!({
        "identifier": "PF-100234", "status": "open", "external_identifier": "1083993841",
        "marketplace": {"id": 12, "name": "bol.com"}, "currency_code": "EUR",
        "placed_at": "2026-11-23T09:14:05+01:00", "updated_at": "2026-11-23T09:20:00+01:00", "shipped_at": null,
        "shipping_cost": 495, "transaction_price": 0, "additional_price": 0, "discount_price": 0,
        "billing_customer": {"first_name": "An", "country_code": "BE", "company_name": null, "vat_number": null},
        "shipping_customer": {"country_code": "NL"},
        "lines": [{"id": "1", "sku": "A-1", "title": "Boormachine", "quantity": 2, "price": 5998, "vat_code": "7", "fbm": false}]
    })
}

fn parse_edited_order(edit: impl FnOnce(&mut Value)) -> Result<Order, UnreadableOrder> {
    let mut body = order_body();
    edit(&mut body);
    parse_order(&RawOrder::new(body), &ConnectionSettings::default())
}

#[test]
fn the_contracts_order_is_read() {
    let order = parse_edited_order(|_| {}).unwrap();
    assert_eq!(order.reference(), "1083993841 (PF-100234)");
    assert_eq!(order.compute_total(), Some(Cents(6493)));
    assert_eq!(order.country.as_deref(), Some("NL"));
    assert_eq!(order.placed_at.to_string(), "2026-11-23T08:14:05Z");
    assert!(order.business.is_none());
}

#[rstest]
#[case("/lines/0/quantity", json!(0), "lines[0].quantity")]
#[case("/lines/0/quantity", json!(1.5), "lines[0].quantity")]
#[case("/lines/0/quantity", json!(-1), "lines[0].quantity")]
#[case("/lines/0/price", json!(59.98), "lines[0].price")]
#[case("/lines/0/price", json!("59.98"), "lines[0].price")]
#[case("/lines/0/price", json!(-1), "lines[0].price")]
#[case("/lines/0/price", json!(null), "lines[0].price")]
#[case("/lines", json!([]), "lines")]
#[case("/status", json!(null), "status")]
#[case("/placed_at", json!("yesterday"), "placed_at")]
#[case("/shipping_cost", json!("x"), "shipping_cost")]
#[case("/discount_price", json!(10000), "total")]
fn what_is_missing_or_wrong_is_named(#[case] at: &str, #[case] value: Value, #[case] field: &str) {
    let error = parse_edited_order(|body| *body.pointer_mut(at).unwrap() = value).unwrap_err();
    assert_eq!(error.field, field);
}

#[rstest]
#[case(json!(5998.0), 5998)]
#[case(json!("5998"), 5998)]
#[case(json!(0), 0)]
fn amounts_are_whole_cents(#[case] price: Value, #[case] cents: i64) {
    assert_eq!(parse_edited_order(|b| b["lines"][0]["price"] = price).unwrap().lines[0].price, Cents(cents));
}

#[test]
fn other_units_are_a_setting() {
    let settings = ConnectionSettings {
        order_amounts: OrderAmounts::Euros,
        line_price: LinePrice::Unit,
        ..ConnectionSettings::default()
    };
    let mut body = order_body();
    body["lines"][0]["price"] = json!("29.99");
    body["shipping_cost"] = json!(4.95);
    let order = parse_order(&RawOrder::new(body.clone()), &settings).unwrap();
    assert_eq!(order.lines[0].price, Cents(5998));
    assert_eq!(order.costs.shipping, Cents(495));
    body["lines"][0]["price"] = json!(29.995);
    assert_eq!(parse_order(&RawOrder::new(body), &settings).unwrap_err().field, "lines[0].price");
}

#[test]
fn of_a_cancelled_order_only_the_cancellation_is_needed() {
    let order = parse_edited_order(|body| {
        body["status"] = json!("canceled");
        body["lines"] = json!([{"price": "x"}]);
        body["shipping_cost"] = json!("x");
    })
    .unwrap();
    assert_eq!(order.status, OrderStatus::Cancelled);
    assert!(order.lines.is_empty());
}

#[rstest]
#[case("2026-07-01T12:00:00Z", "2026-07-01T12:00:00Z")]
#[case("2026-07-01 12:00:00", "2026-07-01T10:00:00Z")]
#[case("2026-12-01T12:00:00", "2026-12-01T11:00:00Z")]
fn times_without_offset_are_amsterdam(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(parse_timestamp(text).unwrap().to_string(), expected);
}

#[test]
fn a_business_is_seen_and_a_string_number_read() {
    let order = parse_edited_order(|body| {
        body["billing_customer"]["vat_number"] = json!("BE0123456749");
        body["lines"][0]["quantity"] = json!("3");
        body["lines"][0]["vat_code"] = json!(7);
        body["lines"][0]["id"] = json!(null);
        body.as_object_mut().unwrap().remove("currency_code");
    })
    .unwrap();
    assert!(order.business.is_some());
    assert_eq!((order.lines[0].quantity, order.currency.as_str()), (3, "EUR"));
    assert_eq!(order.lines[0].vat_code.as_ref().unwrap().as_str(), "7");
    assert_eq!(order.lines[0].id.as_str(), "1");
}

#[test]
fn the_envelope_is_read_tolerantly() {
    let page = |answer| read_list_envelope(answer, 1).unwrap();
    assert!(page(json!({"data": [order_body()], "meta": {"last_page": 1}})).is_last);
    assert!(!page(json!({"data": [order_body()], "meta": {"last_page": 2}})).is_last);
    assert!(!page(json!({"data": [order_body()], "last_page": 2})).is_last);
    assert!(page(json!({"data": [order_body()], "links": {"next": null}})).is_last);
    assert!(!page(json!([order_body()])).is_last);
    assert!(page(json!([])).is_last);
    assert!(read_list_envelope(json!({"orders": []}), 1).is_err());
    assert!(read_list_envelope(json!("x"), 1).is_err());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_]{1,8}", inner, 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn reading_never_panics(value in any_json(), at in 0_usize..14) {
        const FIELDS: [&str; 14] = ["", "/identifier", "/status", "/placed_at", "/updated_at", "/marketplace",
            "/shipping_cost", "/lines", "/lines/0", "/lines/0/sku", "/lines/0/quantity", "/lines/0/price",
            "/billing_customer", "/lines/0/vat_code"];
        let mut body = order_body();
        *body.pointer_mut(FIELDS[at]).unwrap() = value;
        if let Ok(order) = parse_order(&RawOrder::new(body), &ConnectionSettings::default()) {
            prop_assert!(order.compute_total().is_some_and(|t| t.0 >= 0 || order.status == OrderStatus::Cancelled));
        }
    }
}

#[test]
fn the_answer_to_one_order_is_the_order_or_has_it_as_data() {
    let asked = OrderIdentifier::parse("PF-1").unwrap();
    let read = |answer: Value| read_order_envelope(answer, &asked).ok().map(|order| order.body);
    let order = serde_json::json!({ "identifier": "PF-1" });
    assert_eq!(read(order.clone()), Some(order.clone()));
    assert_eq!(read(serde_json::json!({ "data": order })), Some(order.clone()));
    for other in [
        serde_json::json!({}),
        serde_json::json!({ "message": "Not now." }),
        serde_json::json!({ "data": [order] }),
        serde_json::json!({ "data": null, "identifier": "PF-1" }),
        serde_json::json!([order]),
    ] {
        assert_eq!(read(other.clone()), None, "{other}");
    }
}

#[rstest]
#[case(json!(1), true)]
#[case(json!(true), true)]
#[case(json!("1"), true)]
#[case(json!("true"), true)]
#[case(json!(0), false)]
#[case(json!(2), false)]
#[case(json!(false), false)]
#[case(json!("0"), false)]
#[case(json!("false"), false)]
#[case(json!(""), false)]
#[case(json!(null), false)]
fn a_line_of_the_marketplaces_own_stock_is_told_however_it_is_written(
    #[case] fbm: Value,
    #[case] expected: bool,
) {
    let order = parse_edited_order(|body| body["lines"][0]["fbm"] = fbm).unwrap();
    assert_eq!(order.lines[0].fbm, expected);
}

#[rstest]
#[case(json!({}), None)]
#[case(json!({"total": null}), None)]
#[case(json!({"total": 6493}), Some(6493))]
#[case(json!({"total_price": "6493"}), Some(6493))]
#[case(json!({"grand_total": 6493}), Some(6493))]
#[case(json!({"total": null, "total_price": null, "grand_total": 6493}), Some(6493))]
#[case(json!({"total": 6493, "grand_total": 1}), Some(6493))]
fn an_orders_own_total_is_read_under_each_of_its_names(#[case] fields: Value, #[case] cents: Option<i64>) {
    let order = parse_edited_order(|body| {
        let fields = fields.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(fields);
    })
    .unwrap();
    assert_eq!(order.total, cents.map(Cents));
}

#[rstest]
#[case("total")]
#[case("total_price")]
#[case("grand_total")]
fn a_total_that_is_no_amount_refuses_the_order(#[case] name: &str) {
    let error = parse_edited_order(|body| body[name] = json!("64.93")).unwrap_err();
    assert_eq!((error.field.as_str(), error.value.as_str()), (name, "64.93"));
}

#[rstest]
#[case(json!("3"), Some(3))]
#[case(json!(" 3 "), Some(3))]
#[case(json!(2.0), Some(2))]
#[case(json!("2.0"), None)]
#[case(json!("2.5"), None)]
#[case(json!("two"), None)]
#[case(json!(true), None)]
#[case(json!(4_294_967_296_i64), None)]
fn pieces_are_a_whole_number(#[case] quantity: Value, #[case] pieces: Option<u32>) {
    let order = parse_edited_order(|body| body["lines"][0]["quantity"] = quantity);
    assert_eq!(order.ok().map(|order| order.lines[0].quantity), pieces);
}

#[rstest]
#[case(json!("59.00"))]
#[case(json!("5998.0"))]
#[case(json!(" 5998.00 "))]
fn a_text_with_a_decimal_point_is_no_number_of_cents(#[case] price: Value) {
    let error = parse_edited_order(|body| body["lines"][0]["price"] = price.clone()).unwrap_err();
    assert_eq!(error.field, "lines[0].price");
    let error = parse_edited_order(|body| body["shipping_cost"] = price).unwrap_err();
    assert_eq!(error.field, "shipping_cost");
}

#[rstest]
#[case(json!([]), "–")]
#[case(json!(null), "–")]
#[case(json!("none"), "none")]
#[case(json!({"1": "A-1"}), r#"{"1":"A-1"}"#)]
fn lines_that_are_none_are_shown_as_they_came(#[case] lines: Value, #[case] shown: &str) {
    let error = parse_edited_order(|body| body["lines"] = lines).unwrap_err();
    assert_eq!((error.field.as_str(), error.value.as_str()), ("lines", shown));
}

#[rstest]
#[case(json!("2026-11-23T09:20:00+01:00"), Some("2026-11-23T08:20:00Z"))]
#[case(json!("2026-07-01 12:00:00"), Some("2026-07-01T10:00:00Z"))]
#[case(json!("today"), None)]
#[case(json!(1_763_886_000), None)]
#[case(json!(null), None)]
fn the_last_update_is_read_where_it_is_one(#[case] value: Value, #[case] at: Option<&str>) {
    let mut body = order_body();
    body["updated_at"] = value;
    let raw = RawOrder::new(body);
    let at = at.map(|at| at.parse::<Timestamp>().unwrap());
    assert_eq!(raw.updated_at(), at);
    assert_eq!(parse_order(&raw, &ConnectionSettings::default()).unwrap().updated_at, at);
}

#[test]
fn an_empty_text_is_as_good_as_none() {
    let order = parse_edited_order(|body| {
        body["lines"][0]["id"] = json!("");
        body["lines"][0]["sku"] = json!("");
        body["lines"][0]["title"] = json!("");
        body["lines"][0]["vat_code"] = json!("");
        body["marketplace"] = json!("");
        body["currency_code"] = json!("");
    })
    .unwrap();
    let line = &order.lines[0];
    assert_eq!((line.id.as_str(), line.title.as_str()), ("1", "1"));
    assert_eq!((line.sku.as_ref(), line.vat_code.as_ref()), (None, None));
    assert_eq!((order.marketplace, order.currency.as_str()), (None, "EUR"));
}
