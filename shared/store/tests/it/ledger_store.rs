//! The ledger's store against the embedded DynamoDB: who loses a race is told so, and one bad item stops no other.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::{ClientId, ConnectionId, OrderIdentifier, ProductFlowCompanyId, Sku};
use domain::invoice::FrozenDocument;
use domain::ledger::OrderState;
use domain::money::Cents;
use domain::problem::{Holds, Problem, ProblemCode, WaitsFor, build_args};
use domain::{Language, settings::ConnectionSettings};
use jiff::{SignedDuration, Timestamp};
use local::aws::{Aws, TABLE};
use runtime::clock::ManualClock;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use store::connections::ClaimError;
use store::model::{Connection, Due, DueKind, OrderRecord};
use store::orders::OrderFilter;
use store::{ProblemObserver, ProblemTally, Store, StoreError};
use world::START;

pub(crate) struct Opened {
    pub(crate) aws: Aws,
    pub(crate) store: Store,
    pub(crate) now: Timestamp,
    pub(crate) connection: ConnectionId,
}

pub(crate) async fn open_store() -> Opened {
    let now = START.parse().unwrap();
    let aws = Aws::start_services(Arc::new(ManualClock::starting_at(now))).await.unwrap();
    Opened {
        store: Store::new(aws.dynamodb.clone(), TABLE),
        aws,
        now,
        connection: ConnectionId::parse("shop").unwrap(),
    }
}

impl Opened {
    pub(crate) fn make_record(&self, identifier: &str) -> OrderRecord {
        OrderRecord::new(self.connection.clone(), OrderIdentifier::parse(identifier).unwrap(), self.now)
    }

    async fn due_identifiers(&self, kind: DueKind) -> Vec<String> {
        let due = self.store.load_due_orders(&self.connection, kind, self.now, 100).await.unwrap();
        due.into_iter().map(|order| order.identifier.to_string()).collect()
    }
}

#[tokio::test]
async fn of_two_writers_one_is_told_of_the_other() {
    let opened = open_store().await;
    let mut first = opened.make_record("PF-1");
    let mut second = opened.make_record("PF-1");
    opened.store.save_order(&mut first, opened.now).await.unwrap();
    let lost = opened.store.save_order(&mut second, opened.now).await;
    assert!(matches!(lost, Err(StoreError::Conflict)), "a new order is new once");
    assert_eq!(second.version, 0, "whoever lost keeps what was read");
    let mut third = first.clone();
    opened.store.save_order(&mut first, opened.now).await.unwrap();
    let lost = opened.store.save_order(&mut third, opened.now).await;
    assert!(matches!(lost, Err(StoreError::Conflict)));
    let id = first.ledger.identifier.clone();
    let amends = (0..20).map(|_| {
        opened.store.amend_order(&opened.connection, &id, opened.now, |record| {
            record.rounds += 1;
            true
        })
    });
    for amended in futures::future::join_all(amends).await {
        amended.unwrap();
    }
    let record = opened.store.load_order(&opened.connection, &id).await.unwrap().unwrap();
    assert_eq!(record.rounds, 20, "what is known for certain is never lost");
}

#[tokio::test]
async fn only_what_is_due_is_due() {
    let opened = open_store().await;
    let at = |minutes: i64, kind| {
        let at = opened.now.checked_add(SignedDuration::from_mins(minutes)).unwrap();
        Some(Due { at, kind })
    };
    for (identifier, due) in [
        ("late", at(-5, DueKind::Work)),
        ("now", at(0, DueKind::Work)),
        ("later", at(1, DueKind::Work)),
        ("relook", at(-1, DueKind::Relook)),
        ("final", None),
    ] {
        let mut record = opened.make_record(identifier);
        record.due = due;
        opened.store.save_order(&mut record, opened.now).await.unwrap();
    }
    assert_eq!(opened.due_identifiers(DueKind::Work).await, ["late", "now"]);
    assert_eq!(opened.due_identifiers(DueKind::Relook).await, ["relook"]);
    let late = OrderIdentifier::parse("late").unwrap();
    let other = opened.now.checked_sub(SignedDuration::from_mins(4)).unwrap();
    let marked = opened.store.note_order_queued(&opened.connection, &late, other, opened.now).await;
    assert!(!marked.unwrap(), "what is due changed meanwhile");
    let due_at = at(-5, DueKind::Work).unwrap().at;
    let marked = opened.store.note_order_queued(&opened.connection, &late, due_at, opened.now).await;
    assert!(marked.unwrap());
    let mut record = opened.store.load_order(&opened.connection, &late).await.unwrap().unwrap();
    assert_eq!(record.queued_at, Some(opened.now));
    assert_eq!(record.version, 1, "a mark is no change of the order");
    record.due = None;
    opened.store.save_order(&mut record, opened.now).await.unwrap();
    assert_eq!(opened.due_identifiers(DueKind::Work).await, ["now"]);
}

#[tokio::test]
async fn blocked_orders_are_woken_and_no_others() {
    let opened = open_store().await;
    for (identifier, state) in [("blocked", OrderState::Blocked), ("booked", OrderState::Booked)] {
        let mut record = opened.make_record(identifier);
        record.state = state;
        record.due = opened
            .now
            .checked_add(SignedDuration::from_mins(50))
            .ok()
            .map(|at| Due { at, kind: DueKind::Work });
        opened.store.save_order(&mut record, opened.now).await.unwrap();
    }
    opened.store.make_blocked_orders_due(&opened.connection, opened.now).await.unwrap();
    assert_eq!(opened.due_identifiers(DueKind::Work).await, ["blocked"]);
}

fn frozen_invoice() -> FrozenDocument {
    FrozenDocument {
        row: 1,
        client_id: ClientId::parse("5").unwrap(),
        company_id: None,
        payment_condition_id: None,
        line_bodies: (0..400)
            .map(|line| format!("{{\"line\":{line},\"text\":\"{}\"}}", "x".repeat(300)))
            .collect(),
        lines: Vec::new(),
        total: Cents(1),
        date: "2026-11-23".parse().unwrap(),
        book: false,
        kept_draft: None,
    }
}

#[tokio::test]
async fn an_invoice_and_its_row_are_stored_both_or_neither() {
    let opened = open_store().await;
    let mut record = opened.make_record("PF-1");
    opened.store.save_order(&mut record, opened.now).await.unwrap();
    let frozen = frozen_invoice();
    let mut outdated = record.clone();
    opened.store.save_order(&mut record, opened.now).await.unwrap();
    let lost = opened.store.save_order_and_invoice(&mut outdated, &frozen, opened.now).await;
    assert!(matches!(lost, Err(StoreError::Conflict)));
    let id = &record.ledger.identifier.clone();
    assert!(opened.store.load_frozen_invoice(&opened.connection, id, 1).await.unwrap().is_none());
    opened.store.save_order_and_invoice(&mut record, &frozen, opened.now).await.unwrap();
    assert_eq!(
        opened.store.load_frozen_invoice(&opened.connection, id, 1).await.unwrap(),
        Some(frozen.clone())
    );
    let again = opened.store.save_order_and_invoice(&mut record, &frozen, opened.now).await;
    assert!(matches!(again, Err(StoreError::Conflict)), "a row number is never used for two bodies");
}

#[tokio::test]
async fn a_cursor_of_another_connection_shows_nothing_of_it() {
    let opened = open_store().await;
    let other = ConnectionId::parse("other").unwrap();
    for connection in [&opened.connection, &other] {
        for n in 0..3 {
            let identifier = OrderIdentifier::parse(format!("{connection}-{n}")).unwrap();
            let mut record = OrderRecord::new(connection.clone(), identifier, opened.now);
            opened.store.save_order(&mut record, opened.now).await.unwrap();
        }
    }
    let filter = OrderFilter::default();
    let foreign = opened.store.list_orders(&other, &filter, None, 1).await.unwrap();
    let cursor = foreign.cursor.unwrap();
    let page = opened.store.list_orders(&opened.connection, &filter, Some(&cursor), 100).await.unwrap();
    assert!(page.records.iter().all(|record| record.ledger.connection == opened.connection));
    let forged = opened.store.list_orders(&opened.connection, &filter, Some("e30"), 1).await;
    assert!(matches!(forged, Err(StoreError::BadCursor)));
}

#[tokio::test]
async fn one_unreadable_order_stops_no_other() {
    let opened = open_store().await;
    for identifier in ["bad", "good"] {
        let mut record = opened.make_record(identifier);
        opened.store.save_order(&mut record, opened.now).await.unwrap();
    }
    let key = |name: &str, value: &str| (name.to_owned(), AttributeValue::S(value.to_owned()));
    opened
        .aws
        .dynamodb
        .update_item()
        .table_name(TABLE)
        .set_key(Some([key("pk", "ORDER#shop"), key("sk", "bad")].into()))
        .update_expression("SET #state = :x")
        .expression_attribute_names("#state", "state")
        .expression_attribute_values(":x", AttributeValue::N("7".to_owned()))
        .send()
        .await
        .unwrap();
    assert_eq!(opened.due_identifiers(DueKind::Work).await, ["good"]);
}

pub(crate) fn inactive_connection(id: ConnectionId, created_at: Timestamp) -> Connection {
    Connection::new(id, Language::NL, ConnectionSettings::default(), created_at)
}

#[tokio::test]
async fn every_connection_of_a_part_is_read_once_newest_first() {
    let opened = open_store().await;
    let of_part = |part| {
        let ids = (0..).map(|no| ConnectionId::parse(format!("shop-{no}")).unwrap());
        ids.filter(move |id| store::keys::shard_of(id) == part)
    };
    // More than two pages of one part, and some of another.
    let ids = of_part(3).take(520).chain(of_part(4).take(3));
    let mut made = Vec::new();
    for (no, id) in (0_i64..).zip(ids) {
        let connection = inactive_connection(id.clone(), opened.now + SignedDuration::from_secs(no / 2));
        opened.store.create_connection(&connection).await.unwrap();
        made.push((connection.created_at, id));
    }
    let read = async |parts: &[u8]| {
        let items = opened.store.load_connections_of_shards(parts.iter().copied()).await.unwrap();
        let read = items.into_iter().map(|item| (item.connection.created_at, item.connection.id));
        read.collect::<Vec<_>>()
    };
    made.sort();
    made.reverse();
    assert_eq!(read(&[3, 4]).await, made);
    made.retain(|(_, id)| store::keys::shard_of(id) == 3);
    assert_eq!(read(&[3]).await, made);
    assert_eq!(read(&[2]).await, []);
}

#[derive(Debug, Default)]
struct Told(Mutex<ProblemTally>);

impl ProblemObserver for Told {
    fn count_problems(&self, tally: ProblemTally) {
        *self.0.lock().unwrap() += tally;
    }
}

#[tokio::test]
async fn a_problem_of_a_connection_is_told_when_it_opens_and_when_it_closes() {
    let opened = open_store().await;
    let told = Arc::new(Told::default());
    let store = Store::new(opened.aws.dynamodb.clone(), TABLE).with_observer(told.clone());
    let id = &opened.connection;
    store.create_connection(&inactive_connection(id.clone(), opened.now)).await.unwrap();
    let code = ProblemCode::RobawsQuota;
    let problem = || Problem::new(code, Holds::Everything, build_args([]));
    for (seen, at) in [opened.now, opened.now + SignedDuration::from_mins(5)].into_iter().enumerate() {
        let item = store.load_connection(id).await.unwrap().unwrap();
        assert!(store.open_problem(&item, problem(), at).await.unwrap());
        let item = store.load_connection(id).await.unwrap().unwrap();
        let open = &item.problems[&code];
        assert_eq!(
            (open.count, open.opened_at, open.last_seen_at),
            (u64::try_from(seen).unwrap() + 1, opened.now, at)
        );
        assert_eq!(*told.0.lock().unwrap(), ProblemTally { opened: 1, closed: 0 });
    }
    for _ in 0..2 {
        let item = store.load_connection(id).await.unwrap().unwrap();
        store.close_problem(&item, code).await.unwrap();
        assert_eq!(*told.0.lock().unwrap(), ProblemTally { opened: 1, closed: 1 });
    }
    assert!(store.load_connection(id).await.unwrap().unwrap().problems.is_empty());
}

#[tokio::test]
async fn of_two_people_who_change_a_connection_one_is_told_of_the_other() {
    let opened = open_store().await;
    let first = inactive_connection(opened.connection.clone(), opened.now);
    opened.store.create_connection(&first).await.unwrap();
    let second = opened.store.update_connection(&first).await.unwrap();
    let lost = opened.store.update_connection(&first).await;
    assert!(matches!(lost, Err(StoreError::Conflict)));
    let company = ProductFlowCompanyId(7);
    let third = opened.store.activate_connection(&second, company).await.unwrap();
    let lost = opened.store.update_connection(&second).await;
    assert!(matches!(lost, Err(StoreError::Conflict)));
    let lost = opened.store.activate_connection(&second, company).await;
    assert!(matches!(lost, Err(ClaimError::Store(StoreError::Conflict))));
    let fourth = opened.store.update_connection(&third).await.unwrap();
    let stored = opened.store.load_connection(&opened.connection).await.unwrap();
    assert_eq!(stored.unwrap().connection, fourth);
}

#[tokio::test]
async fn what_a_process_marks_it_tells_of_once() {
    let opened = open_store().await;
    let (store, id) = (&opened.store, &opened.connection);
    store.create_connection(&inactive_connection(id.clone(), opened.now)).await.unwrap();
    assert!(!store.take_problem_change(id));
    store.announce_problem_change(id, opened.now).await.unwrap();
    let item = store.load_connection(id).await.unwrap().unwrap();
    assert_eq!(item.problems_changed_at, Some(opened.now));
    assert!(!store.take_problem_change(&ConnectionId::parse("other").unwrap()));
    assert!(store.take_problem_change(id));
    assert!(!store.take_problem_change(id));
}

#[tokio::test]
async fn what_is_announced_of_a_connection_that_is_gone_makes_none() {
    let opened = open_store().await;
    let (store, id, now) = (&opened.store, &opened.connection, opened.now);
    assert!(!store.save_last_event(id, now).await.unwrap());
    store.bump_articles_stamp(id).await.unwrap();
    assert!(store.load_connection(id).await.unwrap().is_none());
    store.create_connection(&inactive_connection(id.clone(), now)).await.unwrap();
    assert!(store.save_last_event(id, now).await.unwrap());
    let before = store.load_connection(id).await.unwrap().unwrap();
    assert_eq!(before.last_event_at, Some(now));
    store.bump_articles_stamp(id).await.unwrap();
    let after = store.load_connection(id).await.unwrap().unwrap();
    assert_ne!(after.catalogue_stamps(), before.catalogue_stamps());
}

#[tokio::test]
async fn an_order_is_woken_by_what_it_waits_for() {
    let opened = open_store().await;
    let tariffs = BTreeSet::from([WaitsFor::Tariffs]);
    let article = WaitsFor::Article(Sku::parse("A-1").unwrap());
    let later = opened.now + SignedDuration::from_mins(50);
    for (identifier, at, waits_for) in [
        ("sleeps", later, vec![]),
        ("tariffs", later, vec![WaitsFor::Tariffs]),
        ("article", opened.now, vec![article.clone()]),
        ("both", opened.now, vec![article.clone(), WaitsFor::Tariffs]),
        ("awake", opened.now, vec![]),
    ] {
        let mut record = opened.make_record(identifier);
        record.state = OrderState::Blocked;
        record.rounds = 3;
        record.waits_for = waits_for;
        record.due = Some(Due { at, kind: DueKind::Work });
        opened.store.save_order(&mut record, opened.now).await.unwrap();
    }
    let (store, id, now) = (&opened.store, &opened.connection, opened.now);
    let nothing = BTreeSet::new();
    assert_eq!(store.make_waiting_orders_due(id, &nothing, now).await.unwrap(), 0);
    assert_eq!(store.make_waiting_orders_due(id, &tariffs, now).await.unwrap(), 2);
    assert_eq!(store.make_waiting_orders_due(id, &tariffs, now).await.unwrap(), 0);
    assert_eq!(store.make_blocked_orders_due(id, now).await.unwrap(), 2);
    assert_eq!(store.make_blocked_orders_due(id, now).await.unwrap(), 0);
    for (identifier, rounds) in [("sleeps", 0), ("tariffs", 0), ("article", 0), ("both", 0), ("awake", 3)] {
        let identifier = OrderIdentifier::parse(identifier).unwrap();
        let record = store.load_order(id, &identifier).await.unwrap().unwrap();
        assert_eq!(record.rounds, rounds, "{identifier}");
        assert!(record.due.is_some_and(|due| due.at == now), "{identifier}");
    }
}
