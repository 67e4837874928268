//! The store where the table answers in pages or not at all, and beside it the queues and the secrets: nothing is left out, handed
//! out twice or taken for something else.

use crate::ledger_store::{Opened, inactive_connection, open_store};
use aws_sdk_dynamodb::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeSerializationInterceptorContextMut,
    BeforeTransmitInterceptorContextMut,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::query::QueryInput;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use domain::ids::{ArticleId, ConnectionId, OrderIdentifier, Sku};
use domain::ledger::{InvoiceProgress, OrderState, Row, RowEffect, RowState};
use domain::money::Cents;
use domain::notification::ProblemGroup;
use domain::problem::{Holds, Problem, ProblemCode, build_args};
use jiff::{SignedDuration, civil::date};
use local::aws::{SECRET_PREFIX, TABLE};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use store::article_record::{ArticleDueKind, ArticleRecord, SentListing};
use store::days::Days;
use store::due_queueing::MOST_QUEUED;
use store::model::{DueKind, OrderRecord};
use store::notifications::Notification;
use store::orders::OrderFilter;
use store::queue::{ArticleEvent, ArticleMessage, ArticleQueue, OrderQueue};
use store::secrets::{Credentials, ProductflowLogin};
use store::sweep::SweptArticle;
use store::{SecretStore, Store, StoreError};

#[derive(Debug, Default)]
struct Seen {
    calls: Vec<String>,
    last: Value,
    unprocessed: usize,
}

/// A table that shows so many items at a time, and leaves what it is asked for undone so many times.
#[derive(Debug, Clone)]
struct Scanty {
    page: Option<i32>,
    seen: Arc<Mutex<Seen>>,
}

impl Scanty {
    fn of(opened: &Opened, page: Option<i32>, unprocessed: usize) -> (Store, Self) {
        let scanty = Self { page, seen: Arc::new(Mutex::new(Seen { unprocessed, ..Seen::default() })) };
        let config = opened.aws.dynamodb.config().to_builder();
        let config = config.interceptor(scanty.clone()).build();
        let client = aws_sdk_dynamodb::Client::from_conf(config);
        (Store::new(client, TABLE), scanty)
    }

    fn calls(&self, operation: &str) -> usize {
        let seen = self.seen.lock().unwrap();
        seen.calls.iter().filter(|call| call.ends_with(operation)).count()
    }
}

impl Intercept for Scanty {
    fn name(&self) -> &'static str {
        "Scanty"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some((query, page)) = context.input_mut().downcast_mut::<QueryInput>().zip(self.page) {
            query.limit = Some(query.limit.map_or(page, |limit| limit.min(page)));
        }
        Ok(())
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let mut seen = self.seen.lock().unwrap();
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        seen.calls.push(target.to_owned());
        seen.last = serde_json::from_slice(request.body().bytes().unwrap_or_default())?;
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut seen = self.seen.lock().unwrap();
        let asked = seen.last["RequestItems"].clone();
        if asked.is_object() && seen.unprocessed > 0 {
            seen.unprocessed -= 1;
            let answer = json!({ "Responses": {}, "UnprocessedKeys": asked });
            *context.response_mut().body_mut() = answer.to_string().into();
        }
        Ok(())
    }
}

fn make_identifiers(count: usize) -> Vec<OrderIdentifier> {
    (0..count).map(|no| OrderIdentifier::parse(format!("PF-{no:04}")).unwrap()).collect()
}

fn make_problem(code: ProblemCode) -> Problem {
    Problem::new(code, Holds::Everything, build_args([]))
}

/// Orders seen one second after the other.
async fn place_records(opened: &Opened, count: usize, change: impl Fn(usize, &mut OrderRecord)) {
    for (no, identifier) in make_identifiers(count).into_iter().enumerate() {
        let seen_at = opened.now + SignedDuration::from_secs(i64::try_from(no).unwrap());
        let mut record = OrderRecord::new(opened.connection.clone(), identifier, seen_at);
        change(no, &mut record);
        opened.store.save_order(&mut record, opened.now).await.unwrap();
    }
}

/// Many orders that are all alike, as quickly as the table takes them.
async fn many_placed(opened: &Opened, count: usize) {
    place_records(opened, 1, |_, _| {}).await;
    let key = |name: &str, value: &str| (name.to_owned(), AttributeValue::S(value.to_owned()));
    let table = &opened.aws.dynamodb;
    let first = table.get_item().table_name(TABLE);
    let first = first.set_key(Some([key("pk", "ORDER#shop"), key("sk", "PF-0000")].into()));
    let first = first.send().await.unwrap().item.unwrap();
    let copies = make_identifiers(count).into_iter().enumerate().skip(1);
    let copies = copies.map(|(no, identifier)| {
        let seen_at = opened.now + SignedDuration::from_secs(i64::try_from(no).unwrap());
        let mut copy = first.clone();
        let identifier = AttributeValue::S(identifier.to_string());
        let AttributeValue::M(ledger) = copy.get_mut("ledger").unwrap() else {
            panic!("the ledger is no map");
        };
        ledger.insert("identifier".to_owned(), identifier.clone());
        copy.insert("sk".to_owned(), identifier);
        copy.extend([key("newest_at", &seen_at.to_string())]);
        let put = PutRequest::builder().set_item(Some(copy)).build().unwrap();
        WriteRequest::builder().put_request(put).build()
    });
    for some in copies.collect::<Vec<_>>().chunks(25) {
        let written = table.batch_write_item().request_items(TABLE, some.to_vec()).send();
        assert!(written.await.unwrap().unprocessed_items().is_none_or(HashMap::is_empty));
    }
}

#[tokio::test]
async fn due_orders_are_as_many_as_asked_for_however_short_the_pages() {
    let opened = open_store().await;
    place_records(&opened, 5, |_, _| {}).await;
    let (store, _) = Scanty::of(&opened, Some(2), 0);
    let until = opened.now + SignedDuration::from_mins(1);
    for (limit, given) in [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (100, 5)] {
        let due = store.load_due_orders(&opened.connection, DueKind::Work, until, limit);
        let due: Vec<_> = due.await.unwrap().into_iter().map(|due| due.identifier).collect();
        assert_eq!(due, make_identifiers(given), "of {limit}");
    }
}

#[tokio::test]
async fn every_order_is_counted_however_short_the_pages() {
    let opened = open_store().await;
    place_records(&opened, 7, |no, record| {
        if no == 3 {
            record.state = OrderState::Booked;
        }
    })
    .await;
    let (store, _) = Scanty::of(&opened, Some(2), 0);
    let since = opened.now + SignedDuration::from_secs(2);
    let summaries = store.load_order_summaries(&opened.connection, since).await.unwrap();
    let seen: Vec<_> = summaries.iter().map(|order| order.seen_at).collect();
    let expected: Vec<_> =
        (2..7).rev().map(|second| opened.now + SignedDuration::from_secs(second)).collect();
    assert_eq!(seen, expected);
    let booked = summaries.iter().filter(|order| order.state == OrderState::Booked);
    assert_eq!(booked.count(), 1);
}

#[tokio::test]
async fn every_open_problem_is_told_however_short_the_pages() {
    let opened = open_store().await;
    place_records(&opened, 5, |no, record| {
        let now = record.created_at;
        if no != 2 {
            record.set_problems(vec![make_problem(ProblemCode::ArticleNotFound)], now);
        }
        if no == 1 || no == 4 {
            record.set_differences(vec![make_problem(ProblemCode::RecordsDiffer)], now);
        }
    })
    .await;
    let id = ArticleId::parse("12").unwrap();
    let mut article = ArticleRecord::new(opened.connection.clone(), id, opened.now);
    article.set_problems(vec![make_problem(ProblemCode::ArticleNotUnique)], opened.now);
    opened.store.save_article(&mut article, opened.now).await.unwrap();
    for page in [None, Some(2)] {
        let (store, _) = Scanty::of(&opened, page, 0);
        let (seen, subjects) = store.load_open_problems(&opened.connection).await.unwrap();
        assert_eq!((seen.len(), subjects), (7, 5), "{page:?}");
        let of = |code| seen.iter().filter(|seen| seen.problem.code == code).count();
        assert_eq!(
            (
                of(ProblemCode::ArticleNotFound),
                of(ProblemCode::RecordsDiffer),
                of(ProblemCode::ArticleNotUnique)
            ),
            (4, 2, 1)
        );
    }
}

#[tokio::test]
async fn every_article_is_counted_unless_there_are_too_many_which_is_said() {
    let opened = open_store().await;
    for no in 0..5_u32 {
        let id = ArticleId::parse(no.to_string()).unwrap();
        let mut article = ArticleRecord::new(opened.connection.clone(), id, opened.now);
        if no > 0 {
            article.sent = Some(SentListing {
                sku: Sku::parse("A-1").unwrap(),
                product: None,
                offer: None,
                values: BTreeMap::new(),
                at: None,
            });
        }
        if no > 2 {
            article.set_problems(vec![make_problem(ProblemCode::ArticleFlips)], opened.now);
        }
        opened.store.save_article(&mut article, opened.now).await.unwrap();
    }
    let (store, _) = Scanty::of(&opened, Some(2), 0);
    for (pages, counted) in [(1, (1, 0, false)), (2, (3, 1, false)), (3, (4, 2, true))] {
        let tally = store.count_articles(&opened.connection, pages).await.unwrap();
        let is = (tally.sent, tally.with_problem, tally.complete);
        assert_eq!(is, counted, "of {pages} pages");
    }
}

#[tokio::test]
async fn an_article_is_marked_as_queued_for_what_it_is_still_due_for() {
    let opened = open_store().await;
    let (store, connection, now) = (&opened.store, &opened.connection, opened.now);
    let id = ArticleId::parse("12").unwrap();
    let mut article = ArticleRecord::new(connection.clone(), id.clone(), now);
    article.make_due_now(ArticleDueKind::Change, now);
    store.save_article(&mut article, now).await.unwrap();
    let earlier = now - SignedDuration::from_mins(1);
    for (due_at, is_marked) in [(earlier, false), (now, true)] {
        let marked = store.note_article_queued(connection, &id, due_at, now).await;
        assert_eq!(marked.unwrap(), is_marked);
        let stored = store.load_article(connection, &id).await.unwrap().unwrap();
        assert_eq!(stored.queued_at, is_marked.then_some(now));
    }
}

#[tokio::test]
async fn a_sweep_gets_back_all_that_its_run_read_and_nothing_of_another() {
    let opened = open_store().await;
    let article =
        |no: u32| SweptArticle { id: ArticleId::parse(no.to_string()).unwrap(), number: None, ticked: true };
    for page in 0..5 {
        for (run, no) in [("run", page), ("other", 100 + page)] {
            let articles = vec![article(2 * no), article(2 * no + 1)];
            let saved = opened.store.save_swept_page(&opened.connection, run, page, articles, opened.now);
            saved.await.unwrap();
        }
    }
    let (store, _) = Scanty::of(&opened, Some(2), 0);
    let swept = store.load_swept_articles(&opened.connection, "run").await.unwrap();
    assert_eq!(swept, (0..10).map(article).collect::<Vec<_>>());
    assert_eq!(store.load_swept_articles(&opened.connection, "ru").await.unwrap(), []);
}

#[tokio::test]
async fn notifications_are_unfinished_until_they_are_solved_however_short_the_pages() {
    let opened = open_store().await;
    let group = ProblemGroup {
        problem: make_problem(ProblemCode::ArticleNotFound),
        orders: BTreeMap::new(),
        invoice: None,
        article: None,
        opened_at: opened.now,
        last_seen_at: opened.now,
        count: 1,
    };
    let mut told = Vec::new();
    for no in 0..5 {
        let mut notification = Notification::new(opened.connection.clone(), no.to_string(), &group);
        let saved = opened.store.save_notification(&mut notification, opened.now);
        saved.await.unwrap();
        told.push(notification);
    }
    let (store, _) = Scanty::of(&opened, Some(2), 0);
    let unfinished = async || {
        let unfinished = store.load_unfinished_notifications(&opened.connection).await;
        let ids: BTreeSet<String> = unfinished.unwrap().into_iter().map(|told| told.id).collect();
        ids.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(unfinished().await, ["0", "1", "2", "3", "4"]);
    for solved in &mut told[1..3] {
        solved.set_solved(opened.now);
        store.save_notification(solved, opened.now).await.unwrap();
    }
    assert_eq!(unfinished().await, ["0", "3", "4"]);
}

#[tokio::test]
async fn what_the_table_leaves_undone_is_asked_for_again() {
    let opened = open_store().await;
    many_placed(&opened, 150).await;
    for (unprocessed, calls) in [(0, 2), (1, 3), (3, 5)] {
        let (store, table) = Scanty::of(&opened, None, unprocessed);
        let orders = store.load_orders(&opened.connection, &make_identifiers(160)).await.unwrap();
        let found: BTreeSet<_> = orders.keys().cloned().collect();
        assert_eq!(found, make_identifiers(150).into_iter().collect());
        assert_eq!(table.calls("BatchGetItem"), calls);
    }
}

#[tokio::test]
async fn a_table_that_does_nothing_of_what_it_is_asked_is_given_up() {
    let opened = open_store().await;
    let (store, table) = Scanty::of(&opened, None, 60);
    let ended = store.load_orders(&opened.connection, &make_identifiers(1)).await;
    assert!(matches!(ended, Err(StoreError::Corrupt { .. })), "{ended:?}");
    assert!((20..60).contains(&table.calls("BatchGetItem")));
}

#[tokio::test]
async fn a_list_looks_at_a_thousand_orders_and_then_says_where_it_goes_on() {
    let opened = open_store().await;
    many_placed(&opened, 1_050).await;
    let booked = OrderIdentifier::parse("PF-0007").unwrap();
    let amended = opened.store.amend_order(&opened.connection, &booked, opened.now, |record| {
        record.state = OrderState::Booked;
        record.created_at = opened.now + SignedDuration::from_secs(7);
        true
    });
    assert!(amended.await.unwrap().is_some());
    let filter = OrderFilter { state: Some(OrderState::Booked), ..OrderFilter::default() };
    let list = |cursor| opened.store.list_orders(&opened.connection, &filter, cursor, 10);
    let first = list(None).await.unwrap();
    assert!(first.records.is_empty());
    let second = list(Some(first.cursor.unwrap().as_str())).await.unwrap();
    let found: Vec<_> = second.records.iter().map(|record| &record.ledger.identifier).collect();
    assert_eq!(found, [&booked]);
    assert_eq!(second.cursor, None);
}

#[tokio::test]
async fn the_table_is_asked_once_a_minute_which_it_is() {
    let opened = open_store().await;
    let (store, table) = Scanty::of(&opened, None, 0);
    let described = opened.aws.dynamodb.describe_table().table_name(TABLE).send();
    let described = described.await.unwrap().table.unwrap();
    let id = described.table_id.or(described.table_arn).unwrap();
    for _ in 0..3 {
        assert_eq!(store.load_table_id().await.unwrap(), id);
    }
    assert_eq!(table.calls("DescribeTable"), 1);
    store.forget_table_id().await;
    assert_eq!(store.load_table_id().await.unwrap(), id);
    assert_eq!(table.calls("DescribeTable"), 2);
}

#[tokio::test]
async fn an_invoice_is_dated_as_the_ledger_says() {
    let opened = open_store().await;
    let (first, last) = (date(2026, 11, 1), date(2026, 11, 30));
    let dates = [date(2026, 10, 31), first, last, date(2026, 12, 1)];
    place_records(&opened, dates.len(), |no, record| {
        record.ledger.rows = vec![Row {
            no: 1,
            effect: RowEffect::Invoice {
                total: Cents(100),
                progress: InvoiceProgress { date: Some(dates[no]), ..InvoiceProgress::default() },
            },
            body: String::new(),
            reference: String::new(),
            state: RowState::Done,
            attempts: 1,
            ever_unknown: false,
            first_attempt_at: None,
            api_user: None,
            robaws_id: None,
            reason: None,
            created_at: record.created_at,
            at: record.created_at,
        }];
    })
    .await;
    let days = Days {
        first,
        last,
        began: opened.now - SignedDuration::from_hours(24),
        ended: opened.now + SignedDuration::from_hours(24),
    };
    let mut given = Vec::new();
    let ended = opened.store.for_each_order_of_days(&opened.connection, &days, |order| {
        given.push(order.invoice_date);
        ControlFlow::Continue(())
    });
    assert!(ended.await.unwrap().is_continue());
    assert_eq!(given, [Some(first), Some(last)]);
}

#[tokio::test]
async fn one_message_asks_for_the_rest_of_a_backlog_and_none_when_there_is_no_rest() {
    let opened = open_store().await;
    let (store, connection) = (&opened.store, &opened.connection);
    let queue = OrderQueue::new(opened.aws.sqs.clone(), "http://localhost/queue/orders.fifo");
    let sent = async |minutes| {
        let now = opened.now + SignedDuration::from_mins(minutes);
        let chosen = store.select_due_orders(connection, now).await.unwrap();
        let queued = store.queue_selected_orders(&queue, connection, &chosen, now);
        queued.await.unwrap();
        let sent = opened.aws.queues.messages_in("orders.fifo");
        opened.aws.queues.lose_messages("orders.fifo");
        let rest = sent.iter().position(|sent| sent.body.contains("due_orders"));
        (sent.len(), rest, chosen.has_more)
    };
    assert_eq!(sent(0).await, (0, None, false));
    many_placed(&opened, MOST_QUEUED).await;
    let all = MOST_QUEUED;
    assert_eq!(sent(0).await, (all, None, false), "all of them");
    assert_eq!(sent(9).await, (0, None, false), "they are queued");
    let mut late = opened.make_record("PF-late");
    store.save_order(&mut late, opened.now).await.unwrap();
    assert_eq!(sent(9).await, (0, None, true), "there is no room");
    let halfway = Some(MOST_QUEUED / 2);
    assert_eq!(sent(10).await, (all + 1, halfway, true), "again, with the rest");
}

#[tokio::test]
async fn messages_that_the_queue_did_not_take_are_told_with_their_number() {
    let opened = open_store().await;
    let queue = ArticleQueue::new(opened.aws.sqs.clone(), "http://localhost/queue/articles.fifo");
    let message = |no: u32| {
        let id = ArticleId::parse(no.to_string()).unwrap();
        ArticleMessage::for_due_article(opened.connection.clone(), id, None)
    };
    let mut messages: Vec<ArticleMessage> = (0..25).map(message).collect();
    queue.send_messages(&messages).await.unwrap();
    assert_eq!(opened.aws.queues.messages_in("articles.fifo").len(), 25);
    messages[13].event = Some(ArticleEvent { id: "x".repeat(129), at: opened.now });
    let error = queue.send_messages(&messages).await.unwrap_err();
    assert_eq!(error.to_string(), "the queue took 19 of 25 messages");
}

fn make_credentials(token: &str) -> Credentials {
    Credentials {
        productflow: Some(ProductflowLogin { access_token: token.into() }),
        ..Credentials::default()
    }
}

#[tokio::test]
async fn earlier_credentials_are_read_by_their_version_and_the_present_ones_from_memory() {
    let opened = open_store().await;
    let secrets = SecretStore::new(opened.aws.secretsmanager.clone(), SECRET_PREFIX);
    let (world, other) = (&opened.connection, ConnectionId::parse("other").unwrap());
    assert!(secrets.load_credentials(world, None).await.unwrap().productflow.is_none());
    let first = secrets.save_credentials(world, &make_credentials("first")).await.unwrap();
    let second = secrets.save_credentials(world, &make_credentials("second")).await.unwrap();
    let others = secrets.save_credentials(&other, &make_credentials("other")).await.unwrap();
    let reads = opened.aws.secrets.reads();
    for _ in 0..2 {
        for (id, version, token) in [(world, &second, "second"), (&other, &others, "other")] {
            let known = secrets.load_credentials(id, Some(version)).await.unwrap();
            assert!(known.has_same_logins(&make_credentials(token)));
        }
    }
    assert_eq!(opened.aws.secrets.reads(), reads, "whoever stored them knows them");
    for (version, token) in [(&first, "first"), (&second, "second")] {
        let known = secrets.load_version(world, version).await.unwrap();
        assert!(known.has_same_logins(&make_credentials(token)));
    }
    let process = SecretStore::new(opened.aws.secretsmanager.clone(), SECRET_PREFIX);
    let reads = opened.aws.secrets.reads();
    for _ in 0..3 {
        let known = process.load_credentials(world, Some(&second)).await.unwrap();
        assert!(known.has_same_logins(&make_credentials("second")));
    }
    assert_eq!(opened.aws.secrets.reads(), reads + 1, "another process reads them once");
    secrets.delete_credentials(world).await.unwrap();
    secrets.delete_credentials(world).await.unwrap();
    assert!(secrets.load_credentials(world, None).await.unwrap().productflow.is_none());
    assert!(
        secrets.load_credentials(&other, None).await.unwrap().has_same_logins(&make_credentials("other"))
    );
}

#[tokio::test]
async fn a_connection_that_is_made_again_goes_on_with_its_ledger() {
    let opened = open_store().await;
    let (store, id) = (&opened.store, &opened.connection);
    let mut connection = inactive_connection(id.clone(), opened.now);
    connection.first_activated_at = Some(opened.now);
    connection.has_robaws = true;
    store.create_connection(&connection).await.unwrap();
    let item = store.load_connection(id).await.unwrap().unwrap();
    store.delete_connection(&item).await.unwrap();
    assert!(store.load_connection(id).await.unwrap().is_none());
    let kept = store.load_deleted_connection(id).await.unwrap().unwrap();
    assert!(!kept.connection.has_robaws);
    let again = kept.clone().hand_over_to(inactive_connection(id.clone(), opened.now));
    store.recreate_connection(&again, &kept.newest).await.unwrap();
    let outdated = store.update_connection(&item.connection).await;
    assert!(matches!(outdated, Err(StoreError::Conflict)), "a page left open");
    assert!(store.load_deleted_connection(id).await.unwrap().is_none());
}
