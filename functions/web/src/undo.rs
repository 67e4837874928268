//! API `settle` as `undo`: the merchant's decision on an invoice that ProductFlow contradicts, and on its stock.
//!
//! The decision is checked against the ledger and against the invoice in Robaws, and is stored. process-order carries it out.

use crate::api_error::ApiError;
use crate::config::Deps;
use crate::orders_api::{must_be_active, order_not_found, queue_order};
use domain::invoice::DocumentKind;
use domain::ledger::InvoiceProgress;
use domain::problem::Arg;
use domain::undo::{InvoiceEnd, Obstacle, UndoInvoice, UndoStock, document_number_arg};
use robaws::obstacles;
use runtime::error::Chain;
use store::StoreError;
use store::model::{ConnectionItem, OrderRecord};

/// The two answers of an `undo`.
#[derive(Clone, Copy)]
pub(crate) struct UndoRequest {
    /// What becomes of the invoice.
    pub invoice: UndoInvoice,
    /// What becomes of the stock that is booked out.
    pub stock: UndoStock,
}

/// Checks and stores the decision. The same decision once more changes nothing.
pub(crate) async fn decide_undo(
    deps: &Deps,
    item: &ConnectionItem,
    record: OrderRecord,
    asked: UndoRequest,
    by: &str,
) -> Result<OrderRecord, ApiError> {
    must_be_active(item)?;
    if is_decided_already(&record, asked) {
        return Ok(record);
    }
    check_ledger(&record, asked).map_err(|error| error.with_arg("order", record.display_reference()))?;
    check_invoice_at_robaws(deps, item, &record, asked).await?;
    let now = deps.clock.now();
    let connection = &item.connection.id;
    let identifier = &record.ledger.identifier;
    let amended = deps
        .store
        .amend_order(connection, identifier, now, |stored| {
            is_unchanged_since_check(stored, &record)
                && stored.record_undo_decision(asked.invoice, asked.stock, by, now)
        })
        .await?
        .ok_or_else(|| order_not_found(identifier))?;
    if !is_decided_already(&amended, asked) {
        return Err(StoreError::Conflict.into());
    }
    tracing::info!(
        undo.invoice = ?asked.invoice, undo.stock = ?asked.stock,
        settled.by = by, "decided to undo"
    );
    queue_order(deps, connection, identifier).await;
    Ok(amended)
}

/// Whether exactly this was decided already, for the order as it is now.
fn is_decided_already(record: &OrderRecord, asked: UndoRequest) -> bool {
    let ledger = &record.ledger;
    let same = |decided: &domain::undo::UndoDecision| {
        decided.has_same_answers(asked.invoice, asked.stock) && decided.obstacle.is_none()
    };
    ledger.handled.is_none() && ledger.last_undo().is_some_and(same) && record.open_changes().is_empty()
}

/// Whether the stored order is still the order that was checked. Only then may the decision be written on it.
fn is_unchanged_since_check(stored: &OrderRecord, checked: &OrderRecord) -> bool {
    let (is, was) = (&stored.ledger, &checked.ledger);
    is.rows == was.rows
        && is.undo == was.undo
        && is.handled == was.handled
        && stored.known_facts() == checked.known_facts()
}

/// Checks that the ledger has something to undo, and that no row has to end first.
fn check_ledger(record: &OrderRecord, asked: UndoRequest) -> Result<(), ApiError> {
    let ledger = &record.ledger;
    let changes = record.open_changes();
    let is_open = !changes.is_empty();
    if ledger.handled.is_some()
        || ledger.find_invoice().is_none()
        || (!is_open && ledger.last_undo().is_none())
        || record.facts.is_none()
    {
        // An invoice in doubt does not count as an invoice yet: the doubt has to be settled first.
        let code = if ledger.find_row_in_doubt().is_some() && ledger.handled.is_none() {
            "undo_in_doubt"
        } else {
            "not_in_conflict"
        };
        return Err(ApiError::http_conflict(code));
    }
    if ledger.find_row_in_doubt().is_some() {
        return Err(ApiError::http_conflict("undo_in_doubt"));
    }
    if ledger.find_unresolved_row().is_some() || ledger.find_unfinished_credit_note().is_some() {
        return Err(ApiError::http_conflict("undo_under_way"));
    }
    if asked.invoice != UndoInvoice::Keep {
        match ledger.invoice_end() {
            None => return Ok(()),
            Some(InvoiceEnd::Credited) => return Err(ApiError::http_conflict("invoice_credited")),
            Some(InvoiceEnd::Deleted) => return Err(ApiError::http_conflict("invoice_deleted")),
        }
    }
    // Keeping the invoice decides something only when a conflict is open, an undo is under way, or stock is taken back.
    let returns = asked.stock == UndoStock::Return && ledger.has_stock_out();
    if is_open || returns || ledger.is_undoing() {
        Ok(())
    } else {
        Err(ApiError::http_conflict("nothing_open"))
    }
}

/// Checks that the invoice in Robaws is still what the decision is about: a draft can be deleted, a booked one credited.
async fn check_invoice_at_robaws(
    deps: &Deps,
    item: &ConnectionItem,
    record: &OrderRecord,
    asked: UndoRequest,
) -> Result<(), ApiError> {
    let Some((row, progress)) = record.ledger.find_invoice() else {
        return Ok(());
    };
    let (UndoInvoice::Credit | UndoInvoice::DeleteDraft, Some(id)) = (asked.invoice, &row.robaws_id) else {
        return Ok(());
    };
    let clients =
        deps.peers.clients_for(&item.connection).await.map_err(|error| ApiError::internal_error(&error))?;
    let unavailable = |error: robaws::Error| {
        tracing::warn!(error = %Chain(&error), "an invoice could not be read");
        ApiError::peer_unavailable("Robaws")
    };
    let shown = clients.robaws.read_invoice(id, true).await.map_err(unavailable)?;
    let mut obstacle = if asked.invoice == UndoInvoice::DeleteDraft {
        obstacles::find_obstacle_to_deleting(shown.as_ref(), &row.reference, progress.booked)
    } else {
        let (connection, identifier) = (&item.connection.id, &record.ledger.identifier);
        let frozen = deps.store.load_frozen_invoice(connection, identifier, row.no).await?;
        let frozen = frozen
            .ok_or_else(|| StoreError::missing_item(format!("frozen invoice {} of {identifier}", row.no)))?;
        obstacles::find_obstacle_to_crediting(shown.as_ref(), &row.reference, &frozen)
    };
    if obstacle.is_none() && asked.invoice == UndoInvoice::Credit {
        let kind = DocumentKind::CreditNote;
        let found = clients.robaws.find_invoices_by_reference(&row.reference, kind).await;
        let found = found.map_err(unavailable)?;
        let known = found.into_iter().find(|document| document.is_of_kind(kind));
        obstacle = known.map(|document| Obstacle::AlreadyCredited {
            credit_note: document.number.unwrap_or_else(|| document.id.to_string()),
        });
    }
    let number = shown.and_then(|invoice| invoice.number);
    match obstacle {
        None => Ok(()),
        Some(obstacle) => Err(obstacle_error(record, progress, number, &obstacle)),
    }
}

fn obstacle_error(
    record: &OrderRecord,
    progress: &InvoiceProgress,
    number: Option<String>,
    obstacle: &Obstacle,
) -> ApiError {
    let number = number.map_or_else(|| document_number_arg(progress), Arg::Text);
    let error = ApiError::http_conflict(obstacle.name()).with_arg("order", record.display_reference());
    obstacle.text_args(number).into_iter().fold(error, |error, (name, arg)| error.with_arg(&name, arg))
}
