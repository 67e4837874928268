//! Tests of connections and orders as they are stored, and examples of both for the tests of other modules.

use super::*;
use crate::record::Record;
use domain::ids::LineId;
use domain::ledger::{InvoiceProgress, Row, RowEffect, RowState};
use domain::order::{Costs, OrderLine};
use domain::problem::{Holds, build_args};

/// A connection of which nothing is stored but what the merchant set.
pub(crate) fn connection_item(connection: Connection) -> ConnectionItem {
    ConnectionItem {
        connection,
        robaws: PeerHealth::default(),
        productflow: PeerHealth::default(),
        poll: PollState::default(),
        newest: NewestDocuments::default(),
        problems: BTreeMap::new(),
        webhook: None,
        last_event_at: None,
        articles_stamp: 0,
        sweeps: BTreeMap::new(),
        problems_changed_at: None,
        notification_progress: NotificationProgress::default(),
        checklist: BTreeSet::new(),
    }
}

pub(crate) fn new_connection() -> Connection {
    let id = ConnectionId::parse("shop").unwrap();
    Connection::new(id, Language::NL, ConnectionSettings::default(), now())
}

fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

fn new_order_record() -> OrderRecord {
    let connection = ConnectionId::parse("shop").unwrap();
    OrderRecord::new(connection, OrderIdentifier::parse("PF-1").unwrap(), now())
}

fn new_problem(code: ProblemCode) -> Problem {
    Problem::new(code, Holds::Everything, build_args([]))
}

#[test]
fn what_was_looked_up_is_void_when_the_settings_or_an_article_changed() {
    let mut item = connection_item(new_connection());
    item.connection.catalogue_stamp = 3;
    item.articles_stamp = 7;
    let before = item.catalogue_stamps();
    assert_eq!(before, (3, 7));
    let mut settings = item.clone();
    settings.connection.catalogue_stamp += 1;
    assert_ne!(settings.catalogue_stamps(), before);
    let mut articles = item.clone();
    articles.articles_stamp += 1;
    assert_ne!(articles.catalogue_stamps(), before);
}

#[test]
fn what_becomes_of_one_peer_leaves_the_other_as_it_is() {
    for (peer, other) in [(Peer::Robaws, Peer::Productflow), (Peer::Productflow, Peer::Robaws)] {
        let mut item = connection_item(new_connection());
        item.health_mut(peer).begin_pause(now(), None);
        assert!(item.health(peer).is_paused(now()), "{peer:?}");
        assert_eq!(*item.health(other), PeerHealth::default(), "{peer:?}");
    }
}

fn order_with_price(status: OrderStatus, price: i64) -> Order {
    Order {
        identifier: OrderIdentifier::parse("PF-1").unwrap(),
        status,
        external_identifier: None,
        marketplace: None,
        currency: "EUR".to_owned(),
        placed_at: now(),
        updated_at: None,
        shipped_at: None,
        costs: Costs::default(),
        total: None,
        country: None,
        business: None,
        lines: vec![OrderLine {
            id: LineId::parse("1").unwrap(),
            sku: None,
            title: "Kaars".to_owned(),
            quantity: 1,
            price: Cents(price),
            vat_code: None,
            fbm: false,
        }],
    }
}

#[test]
fn an_order_that_is_cancelled_keeps_the_lines_and_the_total_that_it_had() {
    let mut record = new_order_record();
    let seen = |record: &OrderRecord| {
        let facts = record.facts.as_ref().unwrap();
        (facts.lines[0].price, record.total)
    };
    for (status, price, kept) in [
        (OrderStatus::Cancelled, 900, 900),
        (OrderStatus::Open, 1_000, 1_000),
        (OrderStatus::Shipped, 1_100, 1_100),
        (OrderStatus::Unknown("lost".to_owned()), 1_200, 1_200),
        (OrderStatus::Cancelled, 0, 1_200),
    ] {
        let word = status.as_str().to_owned();
        record.update_from_order(&order_with_price(status, price));
        assert_eq!(record.status, word);
        assert_eq!(seen(&record), (Cents(kept), Some(Cents(kept))), "{word}");
    }
}

#[test]
fn a_difference_is_told_when_it_appears_and_when_it_is_gone_and_not_in_between() {
    let mut record = new_order_record();
    let found = || vec![new_problem(ProblemCode::RecordsDiffer)];
    assert!(!record.set_differences(Vec::new(), now()));
    assert_eq!(Record::connection_to_notify(&record), None);
    assert!(record.set_differences(found(), now()));
    assert!(record.problems_changed);
    assert!(record.set_differences(found(), now()));
    assert!(record.problems_changed, "it is not stored yet");
    assert_eq!(Record::tally(&record), ProblemTally { opened: 1, closed: 0 });
    let mut stored = record.next_version(now());
    assert!(stored.set_differences(found(), now()));
    assert_eq!(Record::connection_to_notify(&stored), None, "it was told");
    assert!(stored.set_differences(Vec::new(), now()));
    assert_eq!(Record::connection_to_notify(&stored), Some(&record.ledger.connection), "it is gone");
    assert_eq!(Record::tally(&stored), ProblemTally { opened: 0, closed: 1 });
}

#[test]
fn the_same_problems_seen_again_are_no_news() {
    let (gone, differs) = (new_problem(ProblemCode::OrderGone), new_problem(ProblemCode::RecordsDiffer));
    let open = |problems: &[&Problem]| -> Vec<OpenProblem> {
        let open = problems.iter().map(|problem| OpenProblem {
            problem: (*problem).clone(),
            opened_at: now(),
            last_seen_at: now(),
            count: 3,
        });
        open.collect()
    };
    for (before, found, news) in [
        (open(&[]), vec![], false),
        (open(&[&gone]), vec![gone.clone()], false),
        (open(&[&gone, &differs]), vec![gone.clone(), differs.clone()], false),
        (open(&[]), vec![gone.clone()], true),
        (open(&[&gone]), vec![], true),
        (open(&[&gone]), vec![differs.clone()], true),
        (open(&[&gone]), vec![gone.clone(), differs.clone()], true),
        (open(&[&gone, &differs]), vec![gone.clone(), gone.clone()], true),
    ] {
        assert_eq!(problems_differ(&before, &found), news, "{before:?} {found:?}");
    }
}

pub(crate) fn ledger_row(no: u32, state: RowState, effect: RowEffect) -> Row {
    Row {
        no,
        effect,
        body: String::new(),
        reference: format!("PF-1#{no}"),
        state,
        attempts: 1,
        ever_unknown: false,
        first_attempt_at: None,
        api_user: None,
        robaws_id: None,
        reason: None,
        created_at: now(),
        at: now(),
    }
}

pub(crate) fn invoice_effect(booked: bool) -> RowEffect {
    RowEffect::Invoice {
        total: Cents(12_100),
        progress: InvoiceProgress { booked, ..InvoiceProgress::default() },
    }
}
