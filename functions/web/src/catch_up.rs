//! The orders that a connection would book after a long break: those that changed during the break, and those that waited before.

use crate::api_error::ApiError;
use crate::config::Deps;
use domain::catalogue::{Article, ArticleAnswer, Catalogue};
use domain::ids::{ArticleId, ConnectionId, OrderIdentifier};
use domain::ledger::{Ledger, OrderState};
use domain::money::Cents;
use domain::order::{Order, OrderFacts, OrderStatus};
use domain::plan::{Plan, plan_order};
use domain::settings::Settings;
use jiff::{SignedDuration, Timestamp};
use runtime::error::Chain;
use std::collections::BTreeMap;
use std::time::Duration;
use store::model::{ConnectionItem, DueKind, OrderRecord};
use tokio::time::Instant;

/// Orders per page of ProductFlow's list.
const PER_PAGE: u32 = 100;
/// The list is read this much further back, because ProductFlow's clock differs from ours and its list lags.
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);
/// No list page is asked for when less time than this is left.
const LEAST_TIME_FOR_PAGE: Duration = Duration::from_secs(2);
/// Most orders from before the break that are taken into account.
const MOST_WAITING: usize = 1_000;

/// The orders that would be booked after a break.
pub(crate) struct BreakSurvey {
    /// The orders by their identifiers.
    pub orders: BTreeMap<OrderIdentifier, SurveyedOrder>,
    /// Whether everything was read before the time was over.
    pub is_complete: bool,
}

pub(crate) enum SurveyedOrder {
    /// As ProductFlow's list shows the order now.
    ReadNow(Box<Order>),
    /// As the ledger knows an order that was due before the break and that the list did not show.
    FromLedger {
        /// Total of the order, VAT-inclusive.
        total: Option<Cents>,
    },
}

impl BreakSurvey {
    /// The sum of the totals of all orders whose total is known.
    pub(crate) fn total_amount(&self) -> Cents {
        let totals = self.orders.values().map(|seen| match seen {
            SurveyedOrder::ReadNow(order) => order.total.or_else(|| order.compute_total()),
            SurveyedOrder::FromLedger { total } => *total,
        });
        Cents(totals.flatten().fold(0_i64, |sum, cents| sum.saturating_add(cents.0)))
    }
}

/// Reads ProductFlow's list back to the beginning of the break, and the orders that were due before it.
pub(crate) async fn survey_break(
    deps: &Deps,
    item: &ConnectionItem,
    client: &productflow::Client,
    go_live: Timestamp,
    since: Timestamp,
    until: Instant,
) -> Result<BreakSurvey, ApiError> {
    let connection = &item.connection;
    let settings = connection.to_rule_settings(go_live);
    let last_read = item.poll.watermark.map_or(since, |mark| mark.min(since));
    let boundary = last_read.checked_sub(OVERLAP).unwrap_or(last_read);
    let mut survey = BreakSurvey { orders: BTreeMap::new(), is_complete: false };
    add_orders_waiting_before(deps, &connection.id, &mut survey).await?;
    let mut sorted = true;
    for page in 1.. {
        if until.saturating_duration_since(Instant::now()) < LEAST_TIME_FOR_PAGE {
            return Ok(survey);
        }
        let listed = client.read_order_list_page(page, PER_PAGE, true).await.map_err(|error| {
            tracing::warn!(error = %Chain(&error), "the orders of a break could not be read");
            ApiError::peer_unavailable("ProductFlow")
        })?;
        let times: Vec<Option<Timestamp>> =
            listed.orders.iter().map(productflow::RawOrder::updated_at).collect();
        sorted &= times.iter().all(Option::is_some) && times.is_sorted_by(|a, b| a >= b);
        // Only a list that is sorted by its update times tells where the break began; another list is read to its end.
        let orders: Vec<Order> = listed
            .orders
            .iter()
            .filter_map(|raw| productflow::parse_order(raw, &connection.settings).ok())
            .collect();
        let identifiers: Vec<OrderIdentifier> = orders.iter().map(|order| order.identifier.clone()).collect();
        let known = deps.store.load_orders(&connection.id, &identifiers).await?;
        for order in orders {
            let fresh = Ledger::new(connection.id.clone(), order.identifier.clone());
            let ledger = known.get(&order.identifier).map_or(&fresh, |record| &record.ledger);
            if would_book(&order, ledger, &settings) {
                survey.orders.insert(order.identifier.clone(), SurveyedOrder::ReadNow(Box::new(order)));
            } else {
                survey.orders.remove(&order.identifier);
            }
        }
        let oldest = times.last().copied().flatten();
        let reached = sorted && oldest.is_some_and(|oldest| oldest < boundary);
        if listed.is_last || listed.orders.is_empty() || reached {
            break;
        }
    }
    survey.is_complete = true;
    Ok(survey)
}

async fn add_orders_waiting_before(
    deps: &Deps,
    id: &ConnectionId,
    survey: &mut BreakSurvey,
) -> Result<(), ApiError> {
    let due = deps.store.load_due_orders(id, DueKind::Work, Timestamp::MAX, MOST_WAITING).await?;
    let identifiers: Vec<OrderIdentifier> = due.into_iter().map(|due| due.identifier).collect();
    for (identifier, record) in deps.store.load_orders(id, &identifiers).await? {
        // An order with an invoice would not be booked: its invoice is finished in any case, or its undoing was decided.
        let is_new = record.ledger.find_invoice().is_none();
        if is_new && matches!(record.state, OrderState::Waiting | OrderState::Blocked) {
            survey.orders.insert(identifier, SurveyedOrder::FromLedger { total: record.total });
        }
    }
    Ok(())
}

/// Whether something would be booked for an order, assuming that all its articles and tariffs exist in Robaws.
fn would_book(order: &Order, ledger: &Ledger, settings: &Settings) -> bool {
    if order.placed_at < settings.go_live && ledger.rows.is_empty() {
        return false;
    }
    if ledger.handled.is_some() || ledger.find_invoice().is_some() {
        return false;
    }
    if order.status == OrderStatus::Shipped {
        return true;
    }
    // Every SKU is answered with an invented article, so that the plan does not stop at what it cannot look up here.
    let mut catalogue = Catalogue { tariffs: Some(BTreeMap::new()), ..Catalogue::default() };
    let mut found: Plan = plan_order(order, ledger, &catalogue, settings);
    for _ in 0..3 {
        if found.missing.articles.is_empty() {
            break;
        }
        for sku in &found.missing.articles {
            if let Ok(id) = ArticleId::parse(sku.as_str()) {
                let article =
                    Article { id, number: Some(sku.as_str().to_owned()), stock_article: true, live: true };
                catalogue.articles.insert(sku.clone(), ArticleAnswer::Found(article));
            }
        }
        found = plan_order(order, ledger, &catalogue, settings);
    }
    !found.effects.is_empty()
}

/// Closes all orders of a survey as handled. Fails with 503 when the time is over.
pub(crate) async fn close_survey_as_handled(
    deps: &Deps,
    id: &ConnectionId,
    survey: &BreakSurvey,
    until: Instant,
) -> Result<(), ApiError> {
    let now = deps.clock.now();
    for (identifier, seen) in &survey.orders {
        if Instant::now() > until + Duration::from_secs(8) {
            return Err(ApiError::new(http::StatusCode::SERVICE_UNAVAILABLE, "out_of_time"));
        }
        // An order that the ledger does not hold yet is created as handled. On a conflict the ledger holds it, and it is amended.
        let mut record = OrderRecord::new(id.clone(), identifier.clone(), now);
        close_order_as_handled(&mut record, seen, now);
        match deps.store.save_order(&mut record, now).await {
            Ok(()) => continue,
            Err(store::StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
        deps.store
            .amend_order(id, identifier, now, |record| {
                close_order_as_handled(record, seen, now);
                true
            })
            .await?;
    }
    Ok(())
}

fn close_order_as_handled(record: &mut OrderRecord, seen: &SurveyedOrder, now: Timestamp) {
    let facts = match seen {
        SurveyedOrder::ReadNow(order) => {
            record.update_from_order(order);
            record.read_fingerprint = Some(order.compute_fingerprint());
            Some(OrderFacts::from_order(order))
        }
        SurveyedOrder::FromLedger { .. } => None,
    };
    record.close_as_handled(facts, "operator", now);
}
