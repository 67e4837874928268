//! Our own items, damaged: what can't be read is refused, and stops nobody else.

use super::Inputs;
use super::mutate::Mutator;
use crate::upgrade::{Item, Upgraded, newest, text};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::{ArticleId, CompanyId, ConnectionId, OrderIdentifier, Sku};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use store::links::SignInLink;
use store::model::{DueKind, OrderRecord};
use store::orders::OrderFilter;
use store::{Store, StoreError};
use world::{World, order_of_one_line};

fn change(mutator: &mut Mutator, value: &mut AttributeValue) {
    match value {
        AttributeValue::M(fields) if !fields.is_empty() && mutator.below(8) > 0 => {
            change_field(mutator, fields);
        }
        AttributeValue::L(items) if !items.is_empty() && mutator.below(8) > 0 => {
            let at = mutator.below(items.len());
            change(mutator, &mut items[at]);
        }
        other => {
            *other = match mutator.below(9) {
                0 => AttributeValue::Null(true),
                1 => AttributeValue::Bool(true),
                2 => AttributeValue::N("-1".to_owned()),
                3 => AttributeValue::N("99999999999999999999".to_owned()),
                4 => AttributeValue::N("0.5".to_owned()),
                5 => AttributeValue::L(Vec::new()),
                6 => AttributeValue::M(HashMap::new()),
                7 => AttributeValue::S(String::new()),
                _ => AttributeValue::S(mutator.text("2026-11-23T08:00:00Z")),
            };
        }
    }
}

fn change_field(mutator: &mut Mutator, fields: &mut HashMap<String, AttributeValue>) {
    let mut names: Vec<String> = fields
        .keys()
        .filter(|name| !matches!(name.as_str(), "pk" | "sk"))
        .cloned()
        .collect();
    names.sort_unstable();
    if names.is_empty() {
        return;
    }
    let name = &names[mutator.below(names.len())];
    if mutator.below(6) == 0 {
        fields.remove(name);
    } else if let Some(value) = fields.get_mut(name) {
        change(mutator, value);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_is_read_or_refused() {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1"));
    world.place_order(order_of_one_line("PF-2"));
    world.poll_and_work().await;
    world.productflow.ship("PF-1");
    world.poll_for_minutes(15).await;
    let identifier = OrderIdentifier::parse("PF-1").unwrap();
    let client = &world.stack.aws.dynamodb;
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let found = client
        .get_item()
        .table_name(local::aws::TABLE)
        .key("pk", text("ORDER#shop"))
        .key("sk", text("PF-1"))
        .send()
        .await
        .unwrap();
    let whole = found.item.unwrap();
    let mut inputs = Inputs::of("stored", 150);
    let (mut read, mut refused) = (0, 0);
    while inputs.goes_on() {
        let mut item = whole.clone();
        for _ in 0..=inputs.mutator.below(2) {
            change_field(&mut inputs.mutator, &mut item);
        }
        let _tried = inputs.trying(format!("{item:?}").as_bytes());
        let put = client
            .put_item()
            .table_name(local::aws::TABLE)
            .set_item(Some(item))
            .send()
            .await;
        if put.is_err() {
            // A key of an index that DynamoDB itself does not take.
            continue;
        }
        match world.stack.store.order(&world.connection, &identifier).await {
            Ok(Some(record)) => {
                read += 1;
                let again: OrderRecord =
                    serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
                assert_eq!(again, record);
                let shown = world
                    .stack
                    .api("GET", "/api/connections/shop/orders/PF-1", &Value::Null)
                    .await
                    .unwrap();
                assert_ne!(shown.0, 500, "{}", shown.1);
            }
            Ok(None) => panic!("it is there"),
            Err(_) => refused += 1,
        }
        let list = world
            .stack
            .api("GET", "/api/connections/shop/orders", &Value::Null)
            .await
            .unwrap();
        assert_eq!(list.0, 200, "{}", list.1);
    }
    assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
}

/// The token of a link that is among the items.
const TOKEN: &str = "a-token-of-a-link";

fn connection() -> ConnectionId {
    ConnectionId::parse("shop").unwrap()
}

/// Reads the item under this key by itself, as whoever needs it does.
async fn read(store: &Store, pk: &str, sk: &str) -> Result<(), StoreError> {
    let world = connection();
    let (kind, of) = pk.split_once('#').unwrap();
    match kind {
        "CONNECTIONS" => drop(store.connection(&ConnectionId::parse(sk).unwrap()).await?),
        "COMPANY" => drop(store.claimed_by(CompanyId(of.parse().unwrap())).await?),
        "DELETED" => drop(
            store
                .deleted_connection(&ConnectionId::parse(of).unwrap())
                .await?,
        ),
        "ORDER" => drop(store.order(&world, &OrderIdentifier::parse(sk).unwrap()).await?),
        "INVOICE" => {
            let (order, row) = sk.rsplit_once('#').unwrap();
            let order = OrderIdentifier::parse(order).unwrap();
            store.frozen(&world, &order, row.parse().unwrap()).await?;
        }
        "ARTICLE" => drop(store.article(&world, &ArticleId::parse(sk).unwrap()).await?),
        "NUMBER" => drop(store.number(&world, &Sku::parse(sk).unwrap()).await?),
        "NOTIFICATION" => drop(store.notification(&world, sk).await?),
        "LINK" => drop(store.link(TOKEN).await?),
        "SWEEP" => drop(store.swept(&world, sk.split_once('#').unwrap().0).await?),
        "ALLOWANCE" => {
            let window: i64 = sk.parse().unwrap();
            let now = Timestamp::from_second(window * 3_600).unwrap();
            store.allows(of, 3, SignedDuration::from_hours(1), now).await?;
        }
        other => panic!("{other} is read by nobody here"),
    }
    Ok(())
}

/// Reads many items at once: one that can't be read hides no other.
async fn list(store: &Store, which: usize) -> Result<(), StoreError> {
    let (world, now) = (connection(), Timestamp::MAX);
    match which {
        0 => drop(store.connections().await?),
        1 => drop(
            store
                .list_orders(&world, &OrderFilter::default(), None, 100)
                .await?,
        ),
        2 => drop(store.due_orders(&world, DueKind::Work, now, 100).await?),
        3 => drop(store.order_summaries(&world, Timestamp::UNIX_EPOCH).await?),
        4 => drop(store.list_articles(&world, None, None, 100).await?),
        5 => drop(store.articles_from(&world, None).await?),
        6 => drop(store.open_problems(&world).await?),
        7 => drop(store.unfinished_notifications(&world).await?),
        _ => drop(store.list_notifications(&world, None, None, 100).await?),
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_of_any_kind_is_read_or_refused_by_its_name() {
    let it = Upgraded::from(&newest()).await;
    let store = &it.stack.store;
    let link = SignInLink {
        connection: connection(),
        next: Some("/c/shop/orders".to_owned()),
        ends_at: Timestamp::MAX,
        used_at: None,
    };
    store.save_link(TOKEN, &link).await.unwrap();
    let mut kinds: BTreeMap<String, Vec<Item>> = BTreeMap::new();
    for item in it.stored_items().await {
        let pk = text(&item, "pk");
        let kind = pk.split_once('#').unwrap().0.to_owned();
        let is_ours =
            kind != "LINK" || item.get("ends_at") == Some(&AttributeValue::S(Timestamp::MAX.to_string()));
        if is_ours {
            kinds.entry(kind).or_default().push(item);
        }
    }
    let kinds: Vec<(String, Vec<Item>)> = kinds.into_iter().collect();
    let mut inputs = Inputs::of("items", 500);
    let mut ends: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    while inputs.goes_on() {
        let (kind, items) = &kinds[inputs.count % kinds.len()];
        let whole = &items[inputs.mutator.below(items.len())];
        let mut item = whole.clone();
        for _ in 0..=inputs.mutator.below(2) {
            change_field(&mut inputs.mutator, &mut item);
        }
        let _tried = inputs.trying(format!("{item:?}").as_bytes());
        if !it.try_put(item).await {
            // A key of an index that DynamoDB itself does not take.
            continue;
        }
        let (pk, sk) = (text(whole, "pk"), text(whole, "sk"));
        let end = ends.entry(kind).or_default();
        match read(store, pk, sk).await {
            Ok(()) => end.0 += 1,
            Err(error) => {
                end.1 += 1;
                let said = error.to_string();
                assert!(said.contains(pk) && said.contains(sk), "{said}");
            }
        }
        list(store, inputs.mutator.below(9)).await.unwrap();
        assert!(it.try_put(whole.clone()).await);
    }
    for (kind, _) in &kinds {
        let (read, refused) = ends[kind.as_str()];
        // How often something was done counts from the start when it can't be read; of a claim there is nothing else to damage.
        assert!(
            (read > 0 || kind == "COMPANY") && (refused > 0 || kind == "ALLOWANCE"),
            "{kind}: {read} read, {refused} refused"
        );
    }
}
