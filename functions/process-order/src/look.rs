//! One look at one order: what should Robaws hold, and what is missing?
//!
//! Effects are carried out one at a time. Before each effect the order is read again, so that the effect follows from the order
//! as it was a moment ago.

use crate::context::Context;
use crate::outcome::{self, Began, End, RELOOK};
use crate::{book, invoice, undo};
use connection::Live;
use connection::{Gate, Trouble};
use domain::catalogue::Catalogue;
use domain::ids::OrderIdentifier;
use domain::ledger::RowEffect;
use domain::order::{Order, OrderFacts, OrderStatus, Unreadable};
use domain::plan::{Effect, Plan, plan, plan_gone, plan_unreadable};
use domain::problem::WaitsFor;
use domain::undo::{Obstacle, UndoInvoice, UndoStock};
use sha2::{Digest, Sha256};
use store::StoreError;
use store::model::{OrderRecord, Peer};

/// What ProductFlow says of the order now.
#[derive(Debug, Clone)]
pub enum Read {
    Order(Box<Order>),
    /// A field that booking needs is missing or wrong.
    Unreadable(Unreadable),
    /// ProductFlow does not have the order any more (404).
    Gone,
}

/// Why a look stops before its end.
#[derive(Debug)]
pub enum Stop {
    /// The table failed, so nothing could be recorded.
    Store(StoreError),
    /// A call failed.
    Failed(Peer, Trouble),
    /// Somebody else wrote the record, so the look starts over.
    StartOver,
    OutOfTime,
    /// It is too early to tell what became of a call, so the order is looked at again later.
    LookAgain,
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::StartOver,
            other => Self::Store(other),
        }
    }
}

impl Stop {
    /// The reason for a look to stop after a failed call to Robaws.
    pub fn robaws(error: &robaws::Error) -> Self {
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
pub enum Company {
    /// Other orders are processed at the same time, so a crash may be theirs.
    Others,
    /// No other order is processed at the same time.
    Alone,
}

/// Looks at an order, and records how the look ended.
pub async fn look(ctx: &Context, identifier: &OrderIdentifier, company: Company) -> Result<End, StoreError> {
    let record = match begin(ctx, identifier, company).await? {
        Begin::Look(record) => *record,
        Begin::NotDue => return Ok(End::NotDue),
        Begin::Interrupted(times) => return Ok(End::Interrupted(times)),
    };
    if record.starts > outcome::STARTS {
        return outcome::set_aside(ctx, identifier).await;
    }
    let began = Began::of(&record);
    let mut record = Some(record);
    let mut renewed = false;
    for _ in 0..MOST_RESTARTS {
        let live = ctx.live().await;
        let current = match record.take() {
            Some(record) => record,
            None => match ctx.store.order(&ctx.item.connection.id, identifier).await? {
                Some(record) => record,
                None => return Ok(End::NotDue),
            },
        };
        let look = Look::new(ctx, &live, &began);
        match Box::pin(look.run(current)).await {
            Ok(end) => return Ok(end),
            Err(Stop::StartOver) => {}
            Err(Stop::Store(error)) => return Err(error),
            Err(Stop::OutOfTime) => return outcome::continues(ctx, identifier).await,
            Err(Stop::LookAgain) => {
                return outcome::failed(ctx, identifier, &began, Peer::Robaws, Trouble::Unreadable).await;
            }
            Err(Stop::Failed(_, Trouble::Credentials)) if !renewed && ctx.renew(&live).await => {
                renewed = true;
            }
            Err(Stop::Failed(peer, trouble)) => {
                ctx.failed(peer, Some(identifier), &trouble, &live).await?;
                return outcome::failed(ctx, identifier, &began, peer, trouble).await;
            }
        }
    }
    outcome::without_outcome(ctx, identifier).await
}

enum Begin {
    Look(Box<OrderRecord>),
    /// The order is not known or not due: the message came late or twice.
    NotDue,
    Interrupted(u32),
}

/// Begins a look: counts it in the record before it starts, so that a look that kills the process is counted too.
async fn begin(ctx: &Context, identifier: &OrderIdentifier, company: Company) -> Result<Begin, StoreError> {
    let connection = &ctx.item.connection.id;
    for _ in 0..MOST_RESTARTS {
        let now = ctx.clock.now();
        let Some(mut record) = ctx.store.order(connection, identifier).await? else {
            return Ok(Begin::NotDue);
        };
        if record.due.is_none_or(|due| due.at > now) {
            return Ok(Begin::NotDue);
        }
        if record.starts > 0 && company == Company::Others {
            return Ok(Begin::Interrupted(record.starts));
        }
        record.starts = record.starts.saturating_add(1);
        record.ledger.skip_lost_rows(ctx.settings.lost.as_ref());
        match ctx.store.save_order(&mut record, now).await {
            Ok(()) => return Ok(Begin::Look(Box::new(record))),
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Conflict)
}

/// One run of a look. A look that starts over has several runs.
pub struct Look<'a> {
    pub ctx: &'a Context,
    pub live: &'a Live,
    began: &'a Began,
}

impl<'a> Look<'a> {
    fn new(ctx: &'a Context, live: &'a Live, began: &'a Began) -> Self {
        Self { ctx, live, began }
    }

    async fn run(&self, mut record: OrderRecord) -> Result<End, Stop> {
        let identifier = record.ledger.identifier.clone();
        let forced = record.forced;
        if self.ctx.gate(Peer::Robaws, self.live, forced).await? != Gate::Open {
            return Ok(outcome::held(self.ctx, &identifier).await?);
        }
        let productflow = self.ctx.gate(Peer::Productflow, self.live, forced).await? == Gate::Open;
        if !productflow {
            // Whether an effect of an unknown row happened can be found out without ProductFlow.
            if record.ledger.handled.is_none() && record.ledger.unsettled().is_some() {
                while let Some(no) = record.ledger.unsettled().map(|row| row.no) {
                    book::settle(self, &mut record, no, false).await?;
                }
            }
            return Ok(outcome::held(self.ctx, &identifier).await?);
        }
        if self.waits_on(&record).await? {
            return Ok(outcome::postponed(self.ctx, &identifier, self.began).await?);
        }
        let mut read: Option<Read> = None;
        let mut is_fresh = false;
        for _ in 0..MOST_EFFECTS {
            if !self.ctx.has_time() {
                return Err(Stop::OutOfTime);
            }
            if record.ledger.handled.is_none()
                && let Some(no) = record.ledger.unsettled().map(|row| row.no)
            {
                let now = self.fresh(&mut record, &mut read, &mut is_fresh).await?;
                self.lapse(&mut record, &now).await?;
                let wanted = still_wanted(&record, no, &now);
                Box::pin(book::settle(self, &mut record, no, wanted)).await?;
                // Resolving a row takes calls of its own, so the order is read anew before whatever follows.
                is_fresh = false;
                continue;
            }
            let known = match read.clone() {
                Some(read) => read,
                None => self.fresh(&mut record, &mut read, &mut is_fresh).await?,
            };
            let (mut plan, mut catalogue) = self.plan(&mut record, &known).await?;
            let mut known = known;
            let is_new_effect =
                matches!(plan.effects.first(), Some(effect) if !matches!(effect, Effect::FinishInvoice(_)));
            // A new effect must follow from the order as it is right before the call. Finishing an invoice follows from what
            // was frozen.
            if is_new_effect && !is_fresh {
                known = self.fresh(&mut record, &mut read, &mut is_fresh).await?;
                (plan, catalogue) = self.plan(&mut record, &known).await?;
            }
            if self.lapse(&mut record, &known).await? {
                continue;
            }
            match plan.effects.first().cloned() {
                None => {
                    if invoice::recheck(self, &mut record, &plan).await? {
                        continue;
                    }
                    let digest = tariffs_digest(&plan, &catalogue);
                    let seen = |record: &mut OrderRecord| remember(record, &known, self.ctx.clock.now());
                    return Ok(
                        outcome::settled(self.ctx, &identifier, self.began, plan, seen, digest).await?,
                    );
                }
                Some(Effect::StockChange {
                    direction,
                    stock_location_id,
                    items,
                }) => {
                    is_fresh =
                        book::stock_change(self, &mut record, direction, stock_location_id, items).await?;
                }
                Some(Effect::Invoice(invoice)) => {
                    if let Read::Order(order) = &known {
                        is_fresh = Box::pin(book::invoice(self, &mut record, order, &invoice)).await?;
                    }
                }
                Some(Effect::FinishInvoice(no)) => {
                    Box::pin(invoice::finish(self, &mut record, no, None)).await?;
                }
                Some(Effect::CreditNote(plan)) => {
                    is_fresh = Box::pin(undo::credit_note(self, &mut record, &plan)).await?;
                }
                Some(Effect::DeleteDraft(no)) => {
                    is_fresh = Box::pin(undo::delete_draft(self, &mut record, no)).await?;
                }
            }
        }
        Err(Stop::StartOver)
    }

    /// Ends a decision of the merchant when the order changed before all of the decision was carried out: the merchant decides
    /// again. Tells whether the decision ended.
    async fn lapse(&self, record: &mut OrderRecord, now: &Read) -> Result<bool, Stop> {
        let Read::Order(order) = now else {
            return Ok(false);
        };
        let is_known = !matches!(order.status, OrderStatus::Unknown(_));
        let lapses =
            record.ledger.handled.is_none() && record.ledger.lapses(&OrderFacts::of(order), is_known);
        if lapses {
            undo::obstruct(self, record, Obstacle::OrderChanged).await?;
        }
        Ok(lapses)
    }

    /// Whether everything that a blocked order waits for at Robaws is still missing, so that a look would change nothing.
    async fn waits_on(&self, record: &OrderRecord) -> Result<bool, Stop> {
        if record.forced || record.waits_for.is_empty() || record.ledger.unsettled().is_some() {
            return Ok(false);
        }
        // A vanished order is on no list page, so only reading the order shows that it is gone. So the order is read hourly in
        // any case.
        let now = self.ctx.clock.now();
        let was_read = |at: jiff::Timestamp| at <= now && now.duration_since(at) < RELOOK;
        if !record.looked_at.is_some_and(was_read) {
            return Ok(false);
        }
        let failed = |trouble| Stop::Failed(Peer::Robaws, trouble);
        let mut keys = record.waits_for.clone();
        if keys.contains(&WaitsFor::Tariffs) {
            let mut catalogue = Catalogue::default();
            self.live
                .lookups
                .refresh_tariffs(&mut catalogue, false)
                .await
                .map_err(failed)?;
            if digest_of_tariffs(&catalogue) != record.tariffs_digest {
                return Ok(false);
            }
            keys.retain(|key| *key != WaitsFor::Tariffs);
        }
        self.live
            .lookups
            .came_in(&keys)
            .await
            .map(|came_in| !came_in)
            .map_err(failed)
    }

    /// Reads the order from ProductFlow, unless `read` is still fresh.
    async fn fresh(
        &self,
        record: &mut OrderRecord,
        read: &mut Option<Read>,
        is_fresh: &mut bool,
    ) -> Result<Read, Stop> {
        if *is_fresh && let Some(read) = read {
            return Ok(read.clone());
        }
        let identifier = &record.ledger.identifier;
        let answer = self.live.clients.productflow.order(identifier).await;
        let now = match answer {
            Ok(Some(raw)) => match productflow::read(&raw, &self.ctx.settings.connection) {
                Ok(order) => Read::Order(Box::new(order)),
                Err(unreadable) => Read::Unreadable(unreadable),
            },
            Ok(None) => Read::Gone,
            Err(error) => {
                return Err(match Trouble::from(&error) {
                    Trouble::OutOfTime => Stop::OutOfTime,
                    trouble => Stop::Failed(Peer::Productflow, trouble),
                });
            }
        };
        self.ctx.health.succeeded(Peer::Productflow).await?;
        if let Read::Order(order) = &now {
            record.see(order);
            if order.status == OrderStatus::Shipped && record.ledger.first_shipped_at.is_none() {
                record.ledger.first_shipped_at = Some(self.ctx.clock.now());
            }
        }
        *read = Some(now.clone());
        *is_fresh = true;
        Ok(now)
    }

    /// Plans, and asks Robaws for every answer that the plan needs.
    async fn plan(&self, record: &mut OrderRecord, read: &Read) -> Result<(Plan, Catalogue), Stop> {
        let failed = |trouble| match trouble {
            Trouble::OutOfTime => Stop::OutOfTime,
            trouble => Stop::Failed(Peer::Robaws, trouble),
        };
        let mut catalogue = Catalogue::default();
        let settings = &self.ctx.settings;
        let order = match read {
            Read::Order(order) => order,
            Read::Unreadable(unreadable) => {
                return Ok((plan_unreadable(unreadable, &record.ledger, settings), catalogue));
            }
            Read::Gone => {
                let reference = record.reference();
                let plan = plan_gone(record.last_seen(&reference), &record.ledger, settings);
                return Ok((plan, catalogue));
            }
        };
        let mut found = plan(order, &record.ledger, &catalogue, settings);
        let lookups = &self.live.lookups;
        // Each answer may raise the next question: which article has this number, and then which tariffs there are.
        while !found.missing.is_empty() {
            lookups
                .fill(&mut catalogue, &found.missing, record.forced)
                .await
                .map_err(failed)?;
            found = plan(order, &record.ledger, &catalogue, settings);
        }
        let waits_for_tariffs = found
            .problems
            .iter()
            .any(|p| p.waits_for.contains(&WaitsFor::Tariffs));
        if waits_for_tariffs
            && lookups
                .refresh_tariffs(&mut catalogue, record.forced)
                .await
                .map_err(failed)?
        {
            found = plan(order, &record.ledger, &catalogue, settings);
        }
        Ok((found, catalogue))
    }
}

/// Whether the order as it is now still asks for the effect of row `no`, so that the call may be repeated when Robaws does not
/// show the effect.
///
/// Before the invoice a stock change is repeated whatever the order says now: the next plan takes back what is too much.
fn still_wanted(record: &OrderRecord, no: u32, now: &Read) -> bool {
    let ledger = &record.ledger;
    let Some(effect) = ledger.row(no).map(|row| &row.effect) else {
        return false;
    };
    let is_undoing = ledger.invoice().is_some_and(|(invoice, _)| no > invoice.no);
    if matches!(effect, RowEffect::StockChange { .. }) && !is_undoing {
        return true;
    }
    let Read::Order(order) = now else {
        return false;
    };
    let facts = OrderFacts::of(order);
    let is_known = !matches!(order.status, OrderStatus::Unknown(_));
    let decided = ledger.decided(&facts, is_known);
    match effect {
        RowEffect::StockChange { .. } => decided.is_some_and(|undo| undo.stock == UndoStock::Return),
        RowEffect::CreditNote { .. } => decided.is_some_and(|undo| undo.invoice == UndoInvoice::Credit),
        RowEffect::DeleteDraft { .. } => decided.is_some_and(|undo| undo.invoice == UndoInvoice::DeleteDraft),
        RowEffect::Invoice { .. } => {
            order.status == OrderStatus::Shipped
                && ledger
                    .invoiced_facts
                    .as_ref()
                    .is_some_and(|was| was.changes(&facts).is_empty())
        }
    }
}

fn tariffs_digest(plan: &Plan, catalogue: &Catalogue) -> Option<String> {
    plan.waits_for()
        .contains(&WaitsFor::Tariffs)
        .then(|| digest_of_tariffs(catalogue))
        .flatten()
}

fn digest_of_tariffs(catalogue: &Catalogue) -> Option<String> {
    let tariffs = catalogue.tariffs.as_ref()?;
    let mut hash = Sha256::new();
    for tariff in tariffs.values() {
        hash.update(format!(
            "{:?}|{}|{}\n",
            tariff.id, tariff.percentage, tariff.vat_inclusive
        ));
    }
    Some(hex::encode(&hash.finalize()[..8]))
}

/// Keeps in the record what was read of the order. Of the buyer only the country and "business or not" are kept.
fn remember(record: &mut OrderRecord, read: &Read, now: jiff::Timestamp) {
    record.looked_at = Some(now);
    match read {
        Read::Order(order) => {
            record.see(order);
            record.read_fingerprint = Some(order.fingerprint());
            if order.status == OrderStatus::Shipped && record.ledger.first_shipped_at.is_none() {
                record.ledger.first_shipped_at = Some(now);
            }
        }
        Read::Unreadable(unreadable) => {
            record
                .external_identifier
                .clone_from(&unreadable.external_identifier);
            record.read_fingerprint = Some(unreadable.fingerprint.clone());
        }
        Read::Gone => record.read_fingerprint = None,
    }
}
