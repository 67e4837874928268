//! Makes one effect happen exactly once.
//!
//! Robaws books deltas, so a repeated call is a wrong stock. A row is written to the ledger, with its attempt counted, before
//! the call is made. A row whose end is not known is resolved before anything else of its order.

use crate::look::{Look, LookStop};
use crate::sales_document;
use crate::undo_invoice;
use connection::Trouble;
use domain::ids::{DocumentId, StockLocationId};
use domain::invoice::{DocumentKind, InvoicePlan};
use domain::ledger::{
    AttemptOutcome, Direction, InvoiceProgress, LookRefusal, NotFoundVerdict, Row, RowEffect, RowState,
    StockItem,
};
use domain::order::{Order, OrderFacts};
use domain::text::hide_business;
use domain::undo::Obstacle;
use jiff::SignedDuration;
use robaws::wire;
use runtime::metrics::{self, Metric};
use std::time::Duration;
use store::model::{NewestDocument, OrderRecord, Peer};

/// Most calls for one row within one invocation.
const MOST_CALLS_PER_ROW: u32 = 3;
/// A look-up starts this long before the first attempt, since the clocks of Robaws and the connector differ.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(10);

/// Books a stock change. Gives `true` when nothing happened in Robaws, so that the order need not be read anew.
pub(crate) async fn book_stock_change(
    look: &Look<'_>,
    record: &mut OrderRecord,
    direction: Direction,
    location: StockLocationId,
    items: Vec<StockItem>,
) -> Result<bool, LookStop> {
    let now = look.ctx.clock.now();
    let mark = record.ledger.row_mark(record.ledger.next_row);
    let description = domain::reference::describe_stock_change(&record.display_reference(), &mark);
    let date = domain::invoice::bookkeeping_day(now);
    let body = wire::stock_change_body(date, &description, direction, &location, &items);
    let effect = RowEffect::StockChange { direction, stock_location_id: location, items };
    let no = record.ledger.add_intended_row(effect, body, description, now);
    record.ledger.begin_attempt(no, &look.live.api_user, now);
    look.ctx.store.save_order(record, now).await?;
    call_until_row_ends(look, record, no).await
}

/// Freezes the invoice and makes it. Gives `true` when nothing happened in Robaws, so that the order need not be read anew.
pub(crate) async fn make_invoice(
    look: &Look<'_>,
    record: &mut OrderRecord,
    order: &Order,
    plan: &InvoicePlan,
) -> Result<bool, LookStop> {
    let now = look.ctx.clock.now();
    let (header, kept_draft) = plan.build_header(now);
    let no = record.ledger.next_row;
    let line_bodies = plan.lines.iter().map(wire::invoice_line_body).collect();
    let frozen = plan.freeze_as_row(no, &header, line_bodies, kept_draft);
    let progress = InvoiceProgress {
        steps: frozen.step_count(),
        business: plan.business.is_some(),
        kept_draft: frozen.kept_draft,
        date: Some(frozen.date),
        ..InvoiceProgress::default()
    };
    let effect = RowEffect::Invoice { total: plan.total, progress };
    let body = wire::invoice_header_body(DocumentKind::Invoice, &header);
    record.ledger.add_intended_row(effect, body, header.reference, now);
    record.ledger.invoiced_facts = Some(OrderFacts::from_order(order));
    record.ledger.begin_attempt(no, &look.live.api_user, now);
    // Row and frozen invoice are written in one transaction: once the header is out, the invoice is finished as frozen,
    // whatever the order says then.
    look.ctx.store.save_order_and_invoice(record, &frozen, now).await?;
    let untouched = call_until_row_ends(look, record, no).await?;
    if record.ledger.find_row(no).is_some_and(|row| row.state == RowState::Done) {
        sales_document::finish_document(look, record, no, Some(frozen)).await?;
    }
    Ok(untouched)
}

/// Resolves row `no`, whose call was made in an earlier invocation and whose end is not known. The effect is first looked for
/// in Robaws. `wanted`: whether the order still asks for the effect, so that the call may be repeated.
pub(crate) async fn resolve_unknown_row(
    look: &Look<'_>,
    record: &mut OrderRecord,
    no: u32,
    wanted: bool,
) -> Result<(), LookStop> {
    let Some(row) = record.ledger.find_row(no) else {
        return Ok(());
    };
    if row.attempts == 0 {
        // The row was written but its call was never made: nothing can have happened.
        return amend_record(look, record, |r, now| {
            r.ledger.record_row_end(no, RowState::Refused, None, now);
        })
        .await;
    }
    match look_up_row(look, record, no, wanted).await? {
        RowLookUp::Answered => Ok(()),
        RowLookUp::Resend => {
            count_attempt(look, record, no).await?;
            call_until_row_ends(look, record, no).await.map(drop)
        }
    }
}

/// The result of a look-up for an unknown row.
pub(crate) enum RowLookUp {
    /// The end of the row is known now, or the row is in doubt.
    Answered,
    /// The effect did not happen, and the call may be repeated.
    Resend,
}

/// The next step for a row whose end is not known.
enum NextStep {
    Resend,
    LookUp,
}

/// Makes the call of row `no`, whose attempt is counted, until the end of the row is known. Gives `true` when Robaws refused
/// and nothing happened.
///
/// After a lost answer or a 409 the same body goes out again with the same key. After a 5xx the effect is looked for first.
/// After a lost answer to a deletion the draft is read: if it is gone, the deletion is done.
pub(crate) async fn call_until_row_ends(
    look: &Look<'_>,
    record: &mut OrderRecord,
    no: u32,
) -> Result<bool, LookStop> {
    for call in 1.. {
        let Some(row) = record.ledger.find_row(no).cloned() else {
            return Ok(false);
        };
        let key = record.ledger.row_key(no);
        let mark = record.ledger.row_mark(no);
        let (outcome, error) = make_call(look, record, &row, &key, &mark).await;
        amend_record(look, record, |r, now| r.ledger.end_attempt(no, &outcome, now)).await?;
        match record.ledger.find_row(no).map(|row| row.state) {
            Some(RowState::Done) => {
                report_row_done(look, record, &row, &outcome).await?;
                return Ok(false);
            }
            Some(RowState::Refused) => return record_refusal(look, record, &row, error).await.map(|()| true),
            _ => {}
        }
        if call >= MOST_CALLS_PER_ROW || !look.ctx.has_time() {
            return Err(error
                .as_ref()
                .map_or(LookStop::Failed(Peer::Robaws, Trouble::Down), stop_for_unknown_end));
        }
        let next = match &error {
            Some(
                robaws::Error::Unauthorized { .. }
                | robaws::Error::Forbidden { .. }
                | robaws::Error::RateLimited { .. },
            ) => {
                // After an unknown attempt these prove nothing about the first call, and a repeat would be refused the same
                // way.
                return Err(error.as_ref().map_or(LookStop::TooEarlyToTell, LookStop::from_robaws_error));
            }
            _ if matches!(row.effect, RowEffect::DeleteDraft { .. }) => NextStep::LookUp,
            Some(
                robaws::Error::NoAnswer { .. }
                | robaws::Error::Conflict { .. }
                | robaws::Error::Unreadable { .. }
                | robaws::Error::NotJson { .. },
            ) => NextStep::Resend,
            _ => NextStep::LookUp,
        };
        wait_before_repeat(look, call).await;
        match next {
            NextStep::Resend => count_attempt(look, record, no).await?,
            NextStep::LookUp => match look_up_row(look, record, no, true).await? {
                RowLookUp::Answered => return Ok(false),
                RowLookUp::Resend => count_attempt(look, record, no).await?,
            },
        }
    }
    Ok(false)
}

/// Why the look stops. A call whose end is not known counts as a failure of Robaws, whatever the answer was.
fn stop_for_unknown_end(error: &robaws::Error) -> LookStop {
    match Trouble::from(error) {
        Trouble::Refused { .. } | Trouble::Unreadable | Trouble::Permission { .. } => {
            LookStop::Failed(Peer::Robaws, Trouble::Unreadable)
        }
        trouble => LookStop::Failed(Peer::Robaws, trouble),
    }
}

/// Waits 1 second, then 2: an earlier request that is still running at Robaws gets the time to end.
async fn wait_before_repeat(look: &Look<'_>, call: u32) {
    let pause = Duration::from_secs(u64::from(call)).min(look.ctx.spare_time());
    look.ctx.clock.sleep(pause).await;
}

/// The attempt is counted before the call, so that a process that dies in the call leaves an unknown row and never a forgotten
/// one.
async fn count_attempt(look: &Look<'_>, record: &mut OrderRecord, no: u32) -> Result<(), LookStop> {
    let now = look.ctx.clock.now();
    record.ledger.begin_attempt(no, &look.live.api_user, now);
    look.ctx.store.save_order(record, now).await?;
    Ok(())
}

async fn make_call(
    look: &Look<'_>,
    record: &OrderRecord,
    row: &Row,
    key: &str,
    mark: &str,
) -> (AttemptOutcome, Option<robaws::Error>) {
    let robaws = &look.live.clients.robaws;
    let answer = match &row.effect {
        RowEffect::StockChange { .. } => {
            robaws.create_stock_change(&row.body, key).await.map(|answer| answer.attempt_outcome(mark))
        }
        RowEffect::Invoice { .. } => robaws
            .create_invoice_header(&row.body, key)
            .await
            .map(|answer| answer.attempt_outcome(&row.reference, DocumentKind::Invoice))
            // The header may name a business, and the sentence of Robaws is kept and shown. So the business is taken out of the
            // sentence.
            .map_err(|error| {
                error.with_reworded_message(|sentence| hide_business(sentence, &wire::read_remark(&row.body)))
            }),
        RowEffect::CreditNote { .. } => robaws
            .create_invoice_header(&row.body, key)
            .await
            .map(|answer| answer.attempt_outcome(&row.reference, DocumentKind::CreditNote)),
        RowEffect::DeleteDraft { invoice } => undo_invoice::send_deletion(look, record, *invoice).await,
    };
    match answer {
        Ok(outcome) => (outcome, None),
        Err(error) if error.is_certain_refusal() => {
            (AttemptOutcome::Refused { reason: error.reason_of_robaws() }, Some(error))
        }
        Err(error) => (AttemptOutcome::Unknown, Some(error)),
    }
}

async fn report_row_done(
    look: &Look<'_>,
    record: &OrderRecord,
    row: &Row,
    outcome: &AttemptOutcome,
) -> Result<(), LookStop> {
    look.ctx.health.record_success(Peer::Robaws).await?;
    if let AttemptOutcome::Done { robaws_id, .. } = outcome {
        record_made_document(look, record, row, robaws_id).await;
    }
    Ok(())
}

async fn record_made_document(look: &Look<'_>, record: &OrderRecord, row: &Row, robaws_id: &DocumentId) {
    tracing::info!(
        robaws.id = %robaws_id, effect = domain::plan::effect_name(&row.effect), row = row.no, attempts = row.attempts,
        "effect done"
    );
    if matches!(row.effect, RowEffect::DeleteDraft { .. }) {
        return;
    }
    if let RowEffect::StockChange { direction, .. } = &row.effect {
        count_stock_change(record, *direction, look.ctx.clock.now());
    }
    let document = NewestDocument {
        robaws_id: robaws_id.clone(),
        reference: row.reference.clone(),
        at: look.ctx.clock.now(),
    };
    let is_invoice = row.effect.document_kind().is_some();
    look.ctx.note_made_document(document, is_invoice).await;
}

/// Counts a stock change that is done. The first one of an order also records how long the order waited for it.
fn count_stock_change(record: &OrderRecord, direction: Direction, now: jiff::Timestamp) {
    match direction {
        Direction::In => metrics::add_count(Metric::StockChangesReversed, 1),
        Direction::Out => {
            metrics::add_count(Metric::StockChangesBooked, 1);
            let is_booked = |row: &&Row| {
                row.state == RowState::Done && matches!(row.effect, RowEffect::StockChange { .. })
            };
            if record.ledger.rows.iter().filter(is_booked).count() == 1 {
                let seconds = now.duration_since(record.created_at).as_secs();
                metrics::record_value(Metric::OrderToBooking, u64::try_from(seconds).unwrap_or(0));
            }
        }
    }
}

/// Keeps a refusal of Robaws, which proves that nothing happened.
///
/// When Robaws itself is not well, the look stops. A refusal of the effect is kept for the rest of the look, which plans anew.
async fn record_refusal(
    look: &Look<'_>,
    record: &mut OrderRecord,
    row: &Row,
    error: Option<robaws::Error>,
) -> Result<(), LookStop> {
    let Some(error) = error else { return Ok(()) };
    let Trouble::Refused { reason } = Trouble::from(&error) else {
        return Err(LookStop::from_robaws_error(&error));
    };
    look.ctx.health.record_success(Peer::Robaws).await?;
    if let Some(gone) = find_gone_setting(look, row).await? {
        record.ledger.look_refusals.push(gone);
        return Ok(());
    }
    match &row.effect {
        RowEffect::Invoice { .. } => record.ledger.look_refusals.push(LookRefusal::Invoice { reason }),
        RowEffect::CreditNote { .. } => record.ledger.look_refusals.push(LookRefusal::CreditNote { reason }),
        RowEffect::DeleteDraft { .. } => {
            undo_invoice::record_obstacle(look, record, Obstacle::Refused { reason }).await?;
        }
        RowEffect::StockChange { items, .. } if items.len() > 1 => {
            record.ledger.look_refusals.push(LookRefusal::SeveralItems);
        }
        RowEffect::StockChange { items, .. } => {
            for item in items {
                // What is remembered of the article may be outdated and the reason for the refusal.
                look.live.lookups.forget_article(&item.article_id).await;
                record.ledger.look_refusals.push(LookRefusal::Item {
                    key: item.key.clone(),
                    article_id: item.article_id.clone(),
                    reason: reason.clone(),
                });
            }
        }
    }
    Ok(())
}

/// Finds the setting that names something Robaws does not have any more. That may be why Robaws refused, and then it is what
/// the merchant has to know.
async fn find_gone_setting(look: &Look<'_>, row: &Row) -> Result<Option<LookRefusal>, LookStop> {
    let robaws = &look.live.clients.robaws;
    let settings = &look.ctx.settings.connection;
    let gone = |setting: &str, value: &str| {
        Some(LookRefusal::SettingGone { setting: setting.to_owned(), value: value.to_owned() })
    };
    match &row.effect {
        RowEffect::StockChange { stock_location_id, .. } => {
            let locations =
                robaws.read_stock_locations().await.map_err(|e| LookStop::from_robaws_error(&e))?;
            if locations.iter().any(|location| location.id == stock_location_id.as_str()) {
                return Ok(None);
            }
            let is_fbm = settings.fbm_stock_location_id.as_ref() == Some(stock_location_id);
            let setting = if is_fbm { "fbm_stock_location_id" } else { "stock_location_id" };
            Ok(gone(setting, stock_location_id.as_str()))
        }
        RowEffect::Invoice { .. } => {
            if let Some(client) = &settings.b2c_client_id
                && robaws.read_client(client).await.map_err(|e| LookStop::from_robaws_error(&e))?.is_none()
            {
                return Ok(gone("b2c_client_id", client.as_str()));
            }
            if let Some(company) = &settings.robaws_company_id {
                let companies = robaws.read_companies().await.map_err(|e| LookStop::from_robaws_error(&e))?;
                if !companies.iter().any(|c| c.id == company.as_str()) {
                    return Ok(gone("robaws_company_id", company.as_str()));
                }
            }
            if let Some(condition) = &settings.payment_condition_id {
                let conditions =
                    robaws.read_payment_conditions().await.map_err(|e| LookStop::from_robaws_error(&e))?;
                if !conditions.iter().any(|c| c.id == condition.as_str()) {
                    return Ok(gone("payment_condition_id", condition.as_str()));
                }
            }
            Ok(None)
        }
        // A credit note and a deletion are made from what stands on the invoice, whatever the settings say now.
        RowEffect::CreditNote { .. } | RowEffect::DeleteDraft { .. } => Ok(None),
    }
}

/// Looks for an unknown row in the live database of Robaws, by its reference or mark.
async fn look_up_row(
    look: &Look<'_>,
    record: &mut OrderRecord,
    no: u32,
    wanted: bool,
) -> Result<RowLookUp, LookStop> {
    let Some(row) = record.ledger.find_row(no).cloned() else {
        return Ok(RowLookUp::Answered);
    };
    let robaws = &look.live.clients.robaws;
    let (found, shows_ours) = match &row.effect {
        RowEffect::StockChange { .. } => {
            // Stock changes have no filter on their mark, so the list is narrowed by time.
            let first = row.first_attempt_at.unwrap_or(row.created_at);
            let since = first.checked_sub(CLOCKS_DIFFER).unwrap_or(first);
            let mark = record.ledger.row_mark(no);
            let answer =
                robaws.find_stock_change(&mark, since).await.map_err(|e| LookStop::from_robaws_error(&e))?;
            match answer.found {
                // A stock change with our mark that is not booked moved nothing. Only a person can say how it came about.
                Some(change) if !change.booked => {
                    record_in_doubt(look, record, no).await?;
                    return Ok(RowLookUp::Answered);
                }
                Some(change) => (Some((change.id, None)), true),
                None => (None, answer.shows_ours),
            }
        }
        RowEffect::Invoice { .. } => look_up_document(look, record, &row, DocumentKind::Invoice).await?,
        RowEffect::CreditNote { .. } => {
            look_up_document(look, record, &row, DocumentKind::CreditNote).await?
        }
        RowEffect::DeleteDraft { invoice } => {
            let settled = undo_invoice::look_up_deletion(look, record, no, *invoice, wanted).await?;
            look.ctx.health.record_success(Peer::Robaws).await?;
            return Ok(settled);
        }
    };
    look.ctx.health.record_success(Peer::Robaws).await?;
    if let Some((robaws_id, number)) = found {
        let outcome = AttemptOutcome::Done { robaws_id: robaws_id.clone(), number };
        amend_record(look, record, |r, now| r.ledger.end_attempt(no, &outcome, now)).await?;
        record_made_document(look, record, &row, &robaws_id).await;
        return Ok(RowLookUp::Answered);
    }
    let now = look.ctx.clock.now();
    let api_user = &look.live.api_user;
    match record.ledger.judge_not_found(no, api_user, wanted, shows_ours, now) {
        NotFoundVerdict::Resend => Ok(RowLookUp::Resend),
        NotFoundVerdict::AskAgain => Err(LookStop::TooEarlyToTell),
        NotFoundVerdict::Refused => {
            amend_record(look, record, |r, now| {
                r.ledger.record_row_end(no, RowState::Refused, None, now);
            })
            .await?;
            Ok(RowLookUp::Answered)
        }
        NotFoundVerdict::InDoubt => {
            record_in_doubt(look, record, no).await?;
            Ok(RowLookUp::Answered)
        }
    }
}

/// The id of a document, and its number.
type FoundDocument = Option<(DocumentId, Option<String>)>;

/// Looks for an invoice or credit note by its reference. Also tells whether the look-up shows another document of ours: only
/// then does it prove that this one is absent.
async fn look_up_document(
    look: &Look<'_>,
    record: &OrderRecord,
    row: &Row,
    kind: DocumentKind,
) -> Result<(FoundDocument, bool), LookStop> {
    let by_reference = |reference: String| async move {
        let robaws = &look.live.clients.robaws;
        robaws.find_invoices_by_reference(&reference, kind).await.map_err(|e| LookStop::from_robaws_error(&e))
    };
    // An invoice and its credit note have the same reference.
    let of_other_row = |id: &DocumentId| record.ledger.is_made_by_another_row(id, row.no);
    let documents = by_reference(row.reference.clone()).await?;
    let ours = documents.iter().find(|document| document.is_of_kind(kind) && !of_other_row(&document.id));
    if let Some(document) = ours {
        return Ok((Some((document.id.clone(), document.number.clone())), true));
    }
    let mut shows_ours = documents.iter().any(|document| of_other_row(&document.id));
    if !shows_ours && let Some(other) = look.ctx.find_other_invoice(&row.reference).await {
        shows_ours = !by_reference(other.reference).await?.is_empty();
    }
    Ok((None, shows_ours))
}

/// Records that nobody can tell what became of row `no`, so that the merchant is asked.
pub(crate) async fn record_in_doubt(
    look: &Look<'_>,
    record: &mut OrderRecord,
    no: u32,
) -> Result<(), LookStop> {
    tracing::warn!(row = no, "in doubt");
    amend_record(look, record, |r, now| {
        r.ledger.record_row_end(no, RowState::InDoubt, None, now);
    })
    .await
}

/// Changes the record as it is stored now, even if somebody else wrote it meanwhile: an answer in hand is never thrown away.
/// What only this look knows of the order is carried over.
pub(crate) async fn amend_record(
    look: &Look<'_>,
    record: &mut OrderRecord,
    change: impl Fn(&mut OrderRecord, jiff::Timestamp),
) -> Result<(), LookStop> {
    let now = look.ctx.clock.now();
    let connection = &look.ctx.item.connection.id;
    let amended = look
        .ctx
        .store
        .amend_order(connection, &record.ledger.identifier, now, |stored| {
            change(stored, now);
            true
        })
        .await
        .map_err(LookStop::Store)?;
    let Some(mut amended) = amended else {
        return Err(LookStop::StartOver);
    };
    amended.ledger.look_refusals = std::mem::take(&mut record.ledger.look_refusals);
    amended.ledger.first_shipped_at = amended.ledger.first_shipped_at.or(record.ledger.first_shipped_at);
    *record = amended;
    Ok(())
}
