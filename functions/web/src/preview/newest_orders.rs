//! ProductFlow's newest orders, and what each would do to Robaws.

use crate::api_error::ApiError;
use crate::config::Deps;
use connection::{Lookups, Trouble};
use domain::catalogue::Catalogue;
use domain::ids::{ConnectionId, OrderIdentifier};
use domain::invoice::InvoicePlan;
use domain::ledger::Ledger;
use domain::order::{Order, OrderStatus, UnreadableOrder};
use domain::plan::{Plan, PlannedEffect, plan_order, plan_unreadable_order};
use domain::settings::Settings;
use productflow::RawOrder;
use runtime::error::Chain;
use store::StoreError;
use store::model::OrderRecord;
use tokio::time::Instant;

/// An order with its plan.
pub(crate) struct PlannedOrder {
    /// The order as ProductFlow sent it.
    pub raw: RawOrder,
    /// ProductFlow's id of the order.
    pub identifier: OrderIdentifier,
    /// The order as it is read with the present settings.
    pub read: Result<Order, UnreadableOrder>,
    /// The order's record in the ledger, if a poll has taken the order in.
    pub record: Option<OrderRecord>,
    /// `None` when the time was over or Robaws did not answer.
    pub plan: Option<Plan>,
    /// For an open order: the invoice that it would get if it shipped as it is.
    pub later_invoice: Option<Box<InvoicePlan>>,
}

impl PlannedOrder {
    /// The name under which people know the order: the marketplace's number, else ProductFlow's identifier.
    pub(crate) fn reference(&self) -> String {
        let known = match (&self.read, &self.record) {
            (Ok(order), _) => order.external_identifier.clone(),
            (Err(_), Some(record)) => record.external_identifier.clone(),
            (Err(unreadable), None) => unreadable.external_identifier.clone(),
        };
        known.unwrap_or_else(|| self.identifier.to_string())
    }
}

/// The newest orders with their plans.
pub(crate) struct NewestOrders {
    /// The orders, newest first.
    pub orders: Vec<PlannedOrder>,
    /// What Robaws answered to the look-ups for these orders.
    pub catalogue: Catalogue,
    /// Whether the time was over before all orders were planned.
    pub truncated: bool,
    /// Why a look-up at Robaws failed; the orders after that one have no plan.
    pub trouble: Option<Trouble>,
}

/// Why there is no list of orders.
#[derive(Debug)]
pub enum NewestOrdersError {
    /// ProductFlow did not answer, or not as it should; the cause is logged.
    ProductFlow,
    Store(StoreError),
}

impl From<NewestOrdersError> for ApiError {
    fn from(error: NewestOrdersError) -> Self {
        match error {
            NewestOrdersError::ProductFlow => Self::peer_unavailable("ProductFlow"),
            NewestOrdersError::Store(error) => error.into(),
        }
    }
}

/// Reads the first list page, newest first; unsorted when ProductFlow refuses to sort.
async fn fetch_newest_orders(
    client: &productflow::Client,
    limit: u32,
) -> Result<Vec<RawOrder>, productflow::Error> {
    let page = match client.read_order_list_page(1, limit, true).await {
        Err(error) if error.is_refusal_of_query() => client.read_order_list_page(1, limit, false).await?,
        answer => answer?,
    };
    Ok(page.orders)
}

/// Reads the newest orders and plans them until `until`. Without `lookups` the orders are read and not planned.
pub(crate) async fn plan_newest_orders(
    deps: &Deps,
    connection: &ConnectionId,
    settings: &Settings,
    client: &productflow::Client,
    lookups: Option<&Lookups>,
    limit: usize,
    until: Instant,
) -> Result<NewestOrders, NewestOrdersError> {
    let per_page = u32::try_from(limit).unwrap_or(u32::MAX);
    let listed = tokio::time::timeout_at(until, fetch_newest_orders(client, per_page))
        .await
        .map_err(|_| NewestOrdersError::ProductFlow)?
        .map_err(|error| {
            tracing::warn!(connection.id = %connection, error = %Chain(&error), "the orders of a preview could not be read");
            NewestOrdersError::ProductFlow
        })?;
    let identifiers: Vec<_> = listed.iter().filter_map(RawOrder::identifier).collect();
    let mut known =
        deps.store.load_orders(connection, &identifiers).await.map_err(NewestOrdersError::Store)?;
    let mut newest =
        NewestOrders { orders: Vec::new(), catalogue: Catalogue::default(), truncated: false, trouble: None };
    for raw in listed.into_iter().take(limit) {
        let Some(identifier) = raw.identifier() else {
            continue;
        };
        let mut order = PlannedOrder {
            read: productflow::parse_order(&raw, &settings.connection),
            record: known.remove(&identifier),
            raw,
            identifier,
            plan: None,
            later_invoice: None,
        };
        if let Some(lookups) = lookups.filter(|_| !newest.truncated && newest.trouble.is_none()) {
            plan_into_order(&mut newest, &mut order, connection, settings, lookups, until).await;
        }
        newest.orders.push(order);
    }
    Ok(newest)
}

async fn plan_into_order(
    newest: &mut NewestOrders,
    order: &mut PlannedOrder,
    connection: &ConnectionId,
    settings: &Settings,
    lookups: &Lookups,
    until: Instant,
) {
    let ledger = order.record.as_ref().map_or_else(
        || Ledger::new(connection.clone(), order.identifier.clone()),
        |record| record.ledger.clone(),
    );
    let planned = plan_with_lookups(&order.read, &ledger, settings, lookups, &mut newest.catalogue);
    match tokio::time::timeout_at(until, planned).await {
        Ok(Ok(found)) => {
            order.later_invoice = plan_later_invoice(&order.read, &ledger, &newest.catalogue, settings);
            order.plan = Some(found);
        }
        Ok(Err(trouble)) => {
            tracing::warn!(connection.id = %connection, trouble = %trouble, "an order could not be planned");
            newest.trouble = Some(trouble);
        }
        Err(_) => newest.truncated = true,
    }
}

async fn plan_with_lookups(
    read: &Result<Order, UnreadableOrder>,
    ledger: &Ledger,
    settings: &Settings,
    lookups: &Lookups,
    catalogue: &mut Catalogue,
) -> Result<Plan, Trouble> {
    let order = match read {
        Ok(order) => order,
        Err(unreadable) => return Ok(plan_unreadable_order(unreadable, ledger, settings)),
    };
    loop {
        let found = plan_order(order, ledger, catalogue, settings);
        if found.missing.is_empty() {
            return Ok(found);
        }
        // With more answers the plan may ask for more, so it is made again until nothing is missing.
        lookups.fill_catalogue(catalogue, &found.missing, false).await?;
    }
}

/// Plans an open order as if it were shipped, and gives the invoice of that plan.
fn plan_later_invoice(
    read: &Result<Order, UnreadableOrder>,
    ledger: &Ledger,
    catalogue: &Catalogue,
    settings: &Settings,
) -> Option<Box<InvoicePlan>> {
    let open = read.as_ref().ok().filter(|order| order.status == OrderStatus::Open)?;
    let shipped = Order { status: OrderStatus::Shipped, ..open.clone() };
    let effects = plan_order(&shipped, ledger, catalogue, settings).effects;
    effects.into_iter().find_map(|effect| match effect {
        PlannedEffect::Invoice(invoice) => Some(invoice),
        PlannedEffect::StockChange { .. }
        | PlannedEffect::FinishInvoice(_)
        | PlannedEffect::CreditNote(_)
        | PlannedEffect::DeleteDraft(_) => None,
    })
}
