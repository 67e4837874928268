//! One look at one order: what should Robaws hold, and what is missing?
//!
//! Effects are carried out one at a time. Before each effect the order is read again, so that the effect follows from the order
//! as it was a moment ago.

use crate::context::ConnectionContext;
use crate::outcome::{self, LookEnd, LookStart, RELOOK_AFTER};
use crate::{exactly_once, sales_document, undo_invoice};
use connection::LiveClients;
use connection::{Gate, Trouble};
use domain::catalogue::Catalogue;
use domain::ids::OrderIdentifier;
use domain::ledger::RowEffect;
use domain::order::{Order, OrderFacts, OrderStatus, UnreadableOrder};
use domain::plan::{Plan, PlannedEffect, plan_gone_order, plan_order, plan_unreadable_order};
use domain::problem::WaitsFor;
use domain::undo::{Obstacle, UndoInvoice, UndoStock};
use sha2::{Digest, Sha256};
use store::StoreError;
use store::model::{OrderRecord, Peer};

/// What ProductFlow says of the order now.
#[derive(Debug, Clone)]
pub(crate) enum OrderReading {
    Order(Box<Order>),
    /// A field that booking needs is missing or wrong.
    Unreadable(UnreadableOrder),
    /// ProductFlow does not have the order any more (404).
    Gone,
}

/// Why a look stops before its end.
#[derive(Debug)]
pub(crate) enum LookStop {
    /// The table failed, so nothing could be recorded.
    Store(StoreError),
    /// A call failed.
    Failed(Peer, Trouble),
    /// Somebody else wrote the record, so the look starts over.
    StartOver,
    OutOfTime,
    /// It is too early to tell what became of a call, so the order is looked at again later.
    TooEarlyToTell,
}

impl From<StoreError> for LookStop {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::StartOver,
            other => Self::Store(other),
        }
    }
}

impl LookStop {
    /// The reason for a look to stop after a failed call to Robaws.
    pub(crate) fn from_robaws_error(error: &robaws::Error) -> Self {
        match Trouble::from(error) {
            Trouble::OutOfTime => Self::OutOfTime,
            trouble => Self::Failed(Peer::Robaws, trouble),
        }
    }
}

/// Most effects of one look. An order needs a handful; the number ends a loop that would not end.
const MOST_EFFECTS: usize = 1_000;
/// Times that a look starts over because somebody else wrote the record.
const MOST_RESTARTS: usize = 20;

/// Whether other orders are processed at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Concurrency {
    /// Other orders are processed at the same time, so a crash may have been caused by another order.
    WithOthers,
    /// No other order is processed at the same time.
    Alone,
}

/// Looks at an order, and records how the look ended.
pub(crate) async fn look_at_order(
    ctx: &ConnectionContext,
    identifier: &OrderIdentifier,
    concurrency: Concurrency,
) -> Result<LookEnd, StoreError> {
    let record = match begin_look(ctx, identifier, concurrency).await? {
        LookBegin::Started(record) => *record,
        LookBegin::NotDue => return Ok(LookEnd::NotDue),
        LookBegin::Interrupted(times) => return Ok(LookEnd::Interrupted(times)),
    };
    if record.starts > outcome::MOST_STARTS {
        return outcome::give_up(ctx, identifier).await;
    }
    let began = LookStart::from_record(&record);
    let mut record = Some(record);
    let mut renewed = false;
    for _ in 0..MOST_RESTARTS {
        let live = ctx.live().await;
        let current = match record.take() {
            Some(record) => record,
            None => match ctx.store.load_order(&ctx.item.connection.id, identifier).await? {
                Some(record) => record,
                None => return Ok(LookEnd::NotDue),
            },
        };
        let look = Look::new(ctx, &live, &began);
        match Box::pin(look.run_look(current)).await {
            Ok(end) => return Ok(end),
            Err(LookStop::StartOver) => {}
            Err(LookStop::Store(error)) => return Err(error),
            Err(LookStop::OutOfTime) => return outcome::record_continuation(ctx, identifier).await,
            Err(LookStop::TooEarlyToTell) => {
                return outcome::record_failed_call(
                    ctx,
                    identifier,
                    &began,
                    Peer::Robaws,
                    Trouble::Unreadable,
                )
                .await;
            }
            Err(LookStop::Failed(_, Trouble::Credentials))
                if !renewed && ctx.renew_credentials(&live).await =>
            {
                renewed = true;
            }
            Err(LookStop::Failed(peer, trouble)) => {
                ctx.record_failure(peer, Some(identifier), &trouble, &live).await?;
                return outcome::record_failed_call(ctx, identifier, &began, peer, trouble).await;
            }
        }
    }
    outcome::record_missing_outcome(ctx, identifier).await
}

enum LookBegin {
    Started(Box<OrderRecord>),
    /// The order is not known or not due: the message came late or twice.
    NotDue,
    Interrupted(u32),
}

/// Begins a look: counts it in the record before it starts, so that a look that kills the process is counted too.
async fn begin_look(
    ctx: &ConnectionContext,
    identifier: &OrderIdentifier,
    concurrency: Concurrency,
) -> Result<LookBegin, StoreError> {
    let connection = &ctx.item.connection.id;
    for _ in 0..MOST_RESTARTS {
        let now = ctx.clock.now();
        let Some(mut record) = ctx.store.load_order(connection, identifier).await? else {
            return Ok(LookBegin::NotDue);
        };
        if record.due.is_none_or(|due| due.at > now) {
            return Ok(LookBegin::NotDue);
        }
        if record.starts > 0 && concurrency == Concurrency::WithOthers {
            return Ok(LookBegin::Interrupted(record.starts));
        }
        record.starts = record.starts.saturating_add(1);
        record.ledger.skip_lost_row_numbers(ctx.settings.ledger_loss.as_ref());
        match ctx.store.save_order(&mut record, now).await {
            Ok(()) => return Ok(LookBegin::Started(Box::new(record))),
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Conflict)
}

/// One run of a look. A look that starts over has several runs.
pub(crate) struct Look<'a> {
    pub ctx: &'a ConnectionContext,
    pub live: &'a LiveClients,
    began: &'a LookStart,
}

impl<'a> Look<'a> {
    fn new(ctx: &'a ConnectionContext, live: &'a LiveClients, began: &'a LookStart) -> Self {
        Self { ctx, live, began }
    }

    async fn run_look(&self, mut record: OrderRecord) -> Result<LookEnd, LookStop> {
        let identifier = record.ledger.identifier.clone();
        let forced = record.forced;
        if self.ctx.check_gate(Peer::Robaws, self.live, forced).await? != Gate::Open {
            return Ok(outcome::record_hold(self.ctx, &identifier).await?);
        }
        let productflow = self.ctx.check_gate(Peer::Productflow, self.live, forced).await? == Gate::Open;
        if !productflow {
            // Whether an effect of an unknown row happened can be found out without ProductFlow.
            if record.ledger.handled.is_none() && record.ledger.find_unresolved_row().is_some() {
                while let Some(no) = record.ledger.find_unresolved_row().map(|row| row.no) {
                    exactly_once::resolve_unknown_row(self, &mut record, no, false).await?;
                }
            }
            return Ok(outcome::record_hold(self.ctx, &identifier).await?);
        }
        if self.is_still_waiting(&record).await? {
            return Ok(outcome::record_postponement(self.ctx, &identifier, self.began).await?);
        }
        let mut read: Option<OrderReading> = None;
        let mut is_fresh = false;
        for _ in 0..MOST_EFFECTS {
            if !self.ctx.has_time() {
                return Err(LookStop::OutOfTime);
            }
            if record.ledger.handled.is_none()
                && let Some(no) = record.ledger.find_unresolved_row().map(|row| row.no)
            {
                let reading = self.read_order(&mut record, &mut read, &mut is_fresh).await?;
                self.lapse_decision(&mut record, &reading).await?;
                let wanted = is_still_wanted(&record, no, &reading);
                Box::pin(exactly_once::resolve_unknown_row(self, &mut record, no, wanted)).await?;
                // Resolving a row takes calls of its own, so the order is read anew before whatever follows.
                is_fresh = false;
                continue;
            }
            let known = match read.clone() {
                Some(read) => read,
                None => self.read_order(&mut record, &mut read, &mut is_fresh).await?,
            };
            let (mut plan, mut catalogue) = self.plan_with_lookups(&mut record, &known).await?;
            let mut known = known;
            let is_new_effect = matches!(plan.effects.first(), Some(effect) if !matches!(effect, PlannedEffect::FinishInvoice(_)));
            // A new effect must follow from the order as it is right before the call. Finishing an invoice follows from what
            // was frozen.
            if is_new_effect && !is_fresh {
                known = self.read_order(&mut record, &mut read, &mut is_fresh).await?;
                (plan, catalogue) = self.plan_with_lookups(&mut record, &known).await?;
            }
            if self.lapse_decision(&mut record, &known).await? {
                continue;
            }
            match plan.effects.first().cloned() {
                None => {
                    if sales_document::recheck_document(self, &mut record, &plan).await? {
                        continue;
                    }
                    let digest = awaited_tariffs_digest(&plan, &catalogue);
                    let seen = |record: &mut OrderRecord| keep_reading(record, &known, self.ctx.clock.now());
                    return Ok(outcome::record_outcome(
                        self.ctx,
                        &identifier,
                        self.began,
                        plan,
                        seen,
                        digest,
                    )
                    .await?);
                }
                Some(PlannedEffect::StockChange { direction, stock_location_id, items }) => {
                    is_fresh = exactly_once::book_stock_change(
                        self,
                        &mut record,
                        direction,
                        stock_location_id,
                        items,
                    )
                    .await?;
                }
                Some(PlannedEffect::Invoice(invoice)) => {
                    if let OrderReading::Order(order) = &known {
                        is_fresh =
                            Box::pin(exactly_once::make_invoice(self, &mut record, order, &invoice)).await?;
                    }
                }
                Some(PlannedEffect::FinishInvoice(no)) => {
                    Box::pin(sales_document::finish_document(self, &mut record, no, None)).await?;
                }
                Some(PlannedEffect::CreditNote(plan)) => {
                    is_fresh = Box::pin(undo_invoice::make_credit_note(self, &mut record, &plan)).await?;
                }
                Some(PlannedEffect::DeleteDraft(no)) => {
                    is_fresh = Box::pin(undo_invoice::delete_draft(self, &mut record, no)).await?;
                }
            }
        }
        Err(LookStop::StartOver)
    }

    /// Ends a decision of the merchant when the order changed before all of the decision was carried out: the merchant decides
    /// again. Tells whether the decision ended.
    async fn lapse_decision(
        &self,
        record: &mut OrderRecord,
        reading: &OrderReading,
    ) -> Result<bool, LookStop> {
        let OrderReading::Order(order) = reading else {
            return Ok(false);
        };
        let is_known = !matches!(order.status, OrderStatus::Unknown(_));
        let lapses = record.ledger.handled.is_none()
            && record.ledger.has_lapsed_undo(&OrderFacts::from_order(order), is_known);
        if lapses {
            undo_invoice::record_obstacle(self, record, Obstacle::OrderChanged).await?;
        }
        Ok(lapses)
    }

    /// Whether everything that a blocked order waits for at Robaws is still missing, so that a look would change nothing.
    async fn is_still_waiting(&self, record: &OrderRecord) -> Result<bool, LookStop> {
        if record.forced || record.waits_for.is_empty() || record.ledger.find_unresolved_row().is_some() {
            return Ok(false);
        }
        // A vanished order is on no list page, so only reading the order shows that it is gone. So the order is read hourly in
        // any case.
        let now = self.ctx.clock.now();
        let was_read = |at: jiff::Timestamp| at <= now && now.duration_since(at) < RELOOK_AFTER;
        if !record.looked_at.is_some_and(was_read) {
            return Ok(false);
        }
        let failed = |trouble| LookStop::Failed(Peer::Robaws, trouble);
        let mut keys = record.waits_for.clone();
        if keys.contains(&WaitsFor::Tariffs) {
            let mut catalogue = Catalogue::default();
            self.live.lookups.refresh_tariffs(&mut catalogue, false).await.map_err(failed)?;
            if digest_tariffs(&catalogue) != record.tariffs_digest {
                return Ok(false);
            }
            keys.retain(|key| *key != WaitsFor::Tariffs);
        }
        self.live.lookups.has_come_in(&keys).await.map(|came_in| !came_in).map_err(failed)
    }

    /// Reads the order from ProductFlow, unless `read` is still fresh.
    async fn read_order(
        &self,
        record: &mut OrderRecord,
        read: &mut Option<OrderReading>,
        is_fresh: &mut bool,
    ) -> Result<OrderReading, LookStop> {
        if *is_fresh && let Some(read) = read {
            return Ok(read.clone());
        }
        let identifier = &record.ledger.identifier;
        let answer = self.live.clients.productflow.read_order(identifier).await;
        let reading = match answer {
            Ok(Some(raw)) => match productflow::parse_order(&raw, &self.ctx.settings.connection) {
                Ok(order) => OrderReading::Order(Box::new(order)),
                Err(unreadable) => OrderReading::Unreadable(unreadable),
            },
            Ok(None) => OrderReading::Gone,
            Err(error) => {
                return Err(match Trouble::from(&error) {
                    Trouble::OutOfTime => LookStop::OutOfTime,
                    trouble => LookStop::Failed(Peer::Productflow, trouble),
                });
            }
        };
        self.ctx.health.record_success(Peer::Productflow).await?;
        if let OrderReading::Order(order) = &reading {
            record.update_from_order(order);
            if order.status == OrderStatus::Shipped && record.ledger.first_shipped_at.is_none() {
                record.ledger.first_shipped_at = Some(self.ctx.clock.now());
            }
        }
        *read = Some(reading.clone());
        *is_fresh = true;
        Ok(reading)
    }

    /// Plans, and asks Robaws for every answer that the plan needs.
    async fn plan_with_lookups(
        &self,
        record: &mut OrderRecord,
        read: &OrderReading,
    ) -> Result<(Plan, Catalogue), LookStop> {
        let failed = |trouble| match trouble {
            Trouble::OutOfTime => LookStop::OutOfTime,
            trouble => LookStop::Failed(Peer::Robaws, trouble),
        };
        let mut catalogue = Catalogue::default();
        let settings = &self.ctx.settings;
        let order = match read {
            OrderReading::Order(order) => order,
            OrderReading::Unreadable(unreadable) => {
                return Ok((plan_unreadable_order(unreadable, &record.ledger, settings), catalogue));
            }
            OrderReading::Gone => {
                let reference = record.display_reference();
                let plan = plan_gone_order(record.to_last_seen(&reference), &record.ledger, settings);
                return Ok((plan, catalogue));
            }
        };
        let mut found = plan_order(order, &record.ledger, &catalogue, settings);
        let lookups = &self.live.lookups;
        // Each answer may raise the next question: which article has this number, and then which tariffs there are.
        while !found.missing.is_empty() {
            lookups.fill_catalogue(&mut catalogue, &found.missing, record.forced).await.map_err(failed)?;
            found = plan_order(order, &record.ledger, &catalogue, settings);
        }
        let waits_for_tariffs = found.problems.iter().any(|p| p.waits_for.contains(&WaitsFor::Tariffs));
        if waits_for_tariffs
            && lookups.refresh_tariffs(&mut catalogue, record.forced).await.map_err(failed)?
        {
            found = plan_order(order, &record.ledger, &catalogue, settings);
        }
        Ok((found, catalogue))
    }
}

/// Whether the order as it is now still asks for the effect of row `no`, so that the call may be repeated when Robaws does not
/// show the effect.
///
/// Before the invoice a stock change is repeated whatever the order says now: the next plan takes back what is too much.
fn is_still_wanted(record: &OrderRecord, no: u32, reading: &OrderReading) -> bool {
    let ledger = &record.ledger;
    let Some(effect) = ledger.find_row(no).map(|row| &row.effect) else {
        return false;
    };
    let is_undoing = ledger.find_invoice().is_some_and(|(invoice, _)| no > invoice.no);
    if matches!(effect, RowEffect::StockChange { .. }) && !is_undoing {
        return true;
    }
    let OrderReading::Order(order) = reading else {
        return false;
    };
    let facts = OrderFacts::from_order(order);
    let is_known = !matches!(order.status, OrderStatus::Unknown(_));
    let decided = ledger.valid_undo(&facts, is_known);
    match effect {
        RowEffect::StockChange { .. } => decided.is_some_and(|undo| undo.stock == UndoStock::Return),
        RowEffect::CreditNote { .. } => decided.is_some_and(|undo| undo.invoice == UndoInvoice::Credit),
        RowEffect::DeleteDraft { .. } => decided.is_some_and(|undo| undo.invoice == UndoInvoice::DeleteDraft),
        RowEffect::Invoice { .. } => {
            order.status == OrderStatus::Shipped
                && ledger.invoiced_facts.as_ref().is_some_and(|was| was.find_changes(&facts).is_empty())
        }
    }
}

fn awaited_tariffs_digest(plan: &Plan, catalogue: &Catalogue) -> Option<String> {
    plan.collect_waits_for().contains(&WaitsFor::Tariffs).then(|| digest_tariffs(catalogue)).flatten()
}

fn digest_tariffs(catalogue: &Catalogue) -> Option<String> {
    let tariffs = catalogue.tariffs.as_ref()?;
    let mut hash = Sha256::new();
    for tariff in tariffs.values() {
        hash.update(format!("{:?}|{}|{}\n", tariff.id, tariff.percentage, tariff.vat_inclusive));
    }
    Some(hex::encode(&hash.finalize()[..8]))
}

/// Keeps in the record what was read of the order. Of the buyer only the country and "business or not" are kept.
fn keep_reading(record: &mut OrderRecord, read: &OrderReading, now: jiff::Timestamp) {
    record.looked_at = Some(now);
    match read {
        OrderReading::Order(order) => {
            record.update_from_order(order);
            record.read_fingerprint = Some(order.compute_fingerprint());
            if order.status == OrderStatus::Shipped && record.ledger.first_shipped_at.is_none() {
                record.ledger.first_shipped_at = Some(now);
            }
        }
        OrderReading::Unreadable(unreadable) => {
            record.external_identifier.clone_from(&unreadable.external_identifier);
            record.read_fingerprint = Some(unreadable.fingerprint.clone());
        }
        OrderReading::Gone => record.read_fingerprint = None,
    }
}
