//! What must hold of any input, one function for each kind. None of them panics, whatever it is given, unless something is wrong.

pub mod answers;
pub mod browsing;

use domain::Language;
use domain::ids::{ClientId, ConnectionId, OrderIdentifier, StockLocationId};
use domain::settings::{ConnectionSettings, LinePrice, OrderAmounts, Settings};
use domain::{Catalogue, Ledger};
use jiff::Timestamp;
use local::Stack;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use store::article_record::ArticleRecord;
use store::model::OrderRecord;
use store::notifications::Notification;
use store::queue::{ArticleMessage, OrdersQueueMessage, SweepMessage};
use web::request::{Request, decode_order_identifier, encode_order_identifier};

/// No page is larger (in bytes).
pub const LARGEST_PAGE: usize = 60 * 1024;

/// What is answered to an event of the HTTP API, checked for what must hold of every answer; gives its status.
pub async fn answered(stack: &Stack, event: Value) -> u16 {
    let shown = event.to_string();
    let answer = stack.invoke_http(event).await.unwrap_or_else(|error| panic!("{error:#}: {shown:.2000}"));
    let status = answer["statusCode"].as_u64().unwrap();
    assert!(status < 500 || status == 503, "{status} {}: {shown:.2000}", answer["body"]);
    let body = answer["body"].as_str().unwrap_or_default();
    assert!(body.len() <= LARGEST_PAGE, "{} bytes: {shown:.2000}", body.len());
    for (name, value) in answer["headers"].as_object().unwrap() {
        assert!(!value.as_str().unwrap().contains(['\r', '\n']), "{name}: {shown:.2000}");
    }
    u16::try_from(status).unwrap()
}

/// An order identifier is the same after its way through a link. What was never one is refused or read, and what was read has a
/// link.
pub fn identifier(text: &str) {
    let read = decode_order_identifier(text).ok();
    for identifier in [OrderIdentifier::parse(text).ok(), read].into_iter().flatten() {
        let part = encode_order_identifier(&identifier);
        assert!(
            !part.contains(['/', '?', '#', ' ']) && !matches!(part.as_str(), "." | "..") && part.is_ascii(),
            "{part}"
        );
        let path = format!("/{part}");
        let event =
            local::api_gateway::build_event("GET", &path, "", &Map::new(), "x", &Vec::new().into()).unwrap();
        let path = event["rawPath"].as_str().unwrap().strip_prefix('/').unwrap();
        assert_eq!(decode_order_identifier(path).unwrap(), identifier);
    }
}

/// A batch of SQS: its messages are read or left out.
pub fn messages(bytes: &[u8]) {
    if let Ok(event) = serde_json::from_slice(bytes) {
        runtime::sqs_event::read_messages::<OrdersQueueMessage>(event).ok();
    }
    if let Ok(event) = serde_json::from_slice(bytes) {
        runtime::sqs_event::read_messages::<ArticleMessage>(event).ok();
    }
    if let Ok(event) = serde_json::from_slice(bytes) {
        let messages = runtime::sqs_event::read_messages::<SweepMessage>(event);
        for message in messages.into_iter().flatten() {
            is_the_same_again(&message.body);
        }
    }
}

/// An event of API Gateway: read or refused, with what is asked of a request afterwards.
pub fn request(bytes: &[u8]) {
    let Ok(event) = serde_json::from_slice(bytes) else {
        return;
    };
    if let Ok(request) = Request::from_event(event) {
        request.bearer_token();
        request.cookie_value("__Host-session");
        request.path_and_query();
        request.parse_limit(50, 100).ok();
        for part in &request.path {
            identifier(part);
        }
    }
}

/// The body of a delivery of Robaws, and its signature: the first line, and the rest.
pub fn delivery(bytes: &[u8]) {
    article_push::delivery::parse_delivery(bytes);
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let (header, body) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    article_push::delivery::parse_delivery(body);
    let signature = std::str::from_utf8(header).ok().and_then(article_push::signature::Signature::parse);
    if let Some(signature) = signature {
        signature.is_fresh(Timestamp::MAX);
        assert!(!signature.is_made_with("a secret that nobody has", body));
    }
}

/// An order as ProductFlow may send it: what is read of it adds up and can be planned, the same every time; what can't be read is
/// told in few words.
pub fn order(body: Value) {
    planned(&productflow::RawOrder::new(body));
}

/// See [`order`].
pub fn planned(raw: &productflow::RawOrder) {
    for (order_amounts, line_price) in
        [(OrderAmounts::Cents, LinePrice::Total), (OrderAmounts::Euros, LinePrice::Unit)]
    {
        let settings = Settings {
            language: Language::NL,
            go_live: Timestamp::UNIX_EPOCH,
            connection: ConnectionSettings {
                b2c_client_id: Some(ClientId::parse("5").unwrap()),
                stock_location_id: Some(StockLocationId::parse("3").unwrap()),
                order_amounts,
                line_price,
                ..ConnectionSettings::default()
            },
            ledger_loss: None,
        };
        let plan_once = || match productflow::parse_order(raw, &settings.connection) {
            Ok(order) => {
                assert!(order.compute_total().is_some());
                assert_eq!(raw.identifier().as_ref(), Some(&order.identifier));
                let ledger = ledger(&order.identifier);
                domain::plan_order(&order, &ledger, &Catalogue::default(), &settings)
            }
            Err(unreadable) => {
                assert!(unreadable.value.chars().count() <= 200, "{unreadable:?}");
                let ledger = ledger(&unreadable.identifier);
                domain::plan::plan_unreadable_order(&unreadable, &ledger, &settings)
            }
        };
        assert_eq!(plan_once(), plan_once());
    }
}

fn ledger(order: &OrderIdentifier) -> Ledger {
    Ledger::new(ConnectionId::parse("shop").unwrap(), order.clone())
}

/// A record of ours, as what it may be: what is read is the same when it was written and read again.
pub fn record(bytes: &[u8]) {
    read_again::<OrderRecord>(bytes);
    read_again::<ArticleRecord>(bytes);
    read_again::<Notification>(bytes);
}

fn read_again<R: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    if let Ok(record) = serde_json::from_slice::<R>(bytes) {
        is_the_same_again(&record);
    }
}

fn is_the_same_again<R: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(record: &R) {
    let text = serde_json::to_string(record).unwrap();
    assert_eq!(&serde_json::from_str::<R>(&text).unwrap(), record);
}
