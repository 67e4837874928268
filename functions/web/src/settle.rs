//! API `settle`: a person's decision on an order. The ledger keeps who decided what, and when.

use crate::api_error::ApiError;
use crate::config::Deps;
use crate::handler::Reply;
use crate::orders_api::{load_order, must_be_active, order_not_found, queue_order};
use crate::request::Request;
use crate::undo::{self, UndoRequest};
use crate::{json_body, order_json};
use domain::ids::{DocumentId, OrderIdentifier};
use domain::invoice::DocumentKind;
use domain::ledger::{AttemptOutcome, Row, RowEffect, RowState, Settlement};
use domain::plan::effect_name;
use domain::problem::{Arg, ProblemCode};
use domain::undo::{UndoInvoice, UndoStock};
use runtime::error::Chain;
use serde::Deserialize;
use store::model::{ConnectionItem, OrderRecord};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum SettleKind {
    Handled,
    Done,
    NotDone,
    Undo,
}

/// The body of all kinds of `settle`. One struct for all of them lets serde name the field that has a wrong value.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettleBody {
    r#as: SettleKind,
    robaws_id: Option<DocumentId>,
    invoice: Option<UndoInvoice>,
    stock: Option<UndoStock>,
}

enum SettleCommand {
    Handled,
    Done { robaws_id: DocumentId },
    NotDone,
    Undo(UndoRequest),
}

impl SettleCommand {
    /// Checks that the body has exactly the fields of its kind.
    fn from_body(body: SettleBody) -> Result<Self, ApiError> {
        fn require_field<T>(field: &str, value: Option<T>) -> Result<T, ApiError> {
            value.ok_or_else(|| ApiError::bad_request(field, "is missing"))
        }
        let is_undo = matches!(body.r#as, SettleKind::Undo);
        let strangers = [
            ("robaws_id", body.robaws_id.is_some() && !matches!(body.r#as, SettleKind::Done)),
            ("invoice", body.invoice.is_some() && !is_undo),
            ("stock", body.stock.is_some() && !is_undo),
        ];
        if let Some((field, _)) = strangers.into_iter().find(|(_, is_there)| *is_there) {
            return Err(ApiError::bad_request(field, "does not belong here"));
        }
        Ok(match body.r#as {
            SettleKind::Handled => Self::Handled,
            SettleKind::Done => Self::Done { robaws_id: require_field("robaws_id", body.robaws_id)? },
            SettleKind::NotDone => Self::NotDone,
            SettleKind::Undo => Self::Undo(UndoRequest {
                invoice: require_field("invoice", body.invoice)?,
                stock: require_field("stock", body.stock)?,
            }),
        })
    }
}

/// `POST …/orders/{identifier}/settle`: carries out a person's decision on an order.
pub(crate) async fn settle_order(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
    identifier: &OrderIdentifier,
) -> Result<Reply, ApiError> {
    let settle = SettleCommand::from_body(json_body::parse_body(&request.body)?)?;
    let record = load_order(deps, item, identifier).await?;
    let record = match settle {
        SettleCommand::Handled => settle_as_handled(deps, request, item, &record).await?,
        SettleCommand::Done { robaws_id } => {
            json_body::check_robaws_id("robaws_id", robaws_id.as_str())?;
            settle_as_done(deps, request, item, &record, robaws_id).await?
        }
        SettleCommand::NotDone => settle_as_not_done(deps, request, item, &record).await?,
        SettleCommand::Undo(asked) => undo::decide_undo(deps, item, record, asked, request.by).await?,
    };
    Ok(Reply::ok(order_json::render_order_json(&record, item.connection.language)))
}

fn reference_arg(record: &OrderRecord) -> Arg {
    record.display_reference().into()
}

async fn settle_as_handled(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
    record: &OrderRecord,
) -> Result<OrderRecord, ApiError> {
    if record.is_final && record.problems.is_empty() && record.differences.is_empty() {
        return Err(ApiError::http_conflict("nothing_open").with_arg("order", reference_arg(record)));
    }
    let now = deps.clock.now();
    let identifier = &record.ledger.identifier;
    let amended = deps
        .store
        .amend_order(&item.connection.id, identifier, now, |record| {
            record.close_as_handled(None, request.by, now);
            true
        })
        .await?;
    tracing::info!(settled.by = request.by, "closed as handled");
    amended.ok_or_else(|| order_not_found(identifier))
}

fn find_row_in_doubt(record: &OrderRecord) -> Result<Row, ApiError> {
    if let Some(lost) = find_past_problem(record) {
        return Err(ApiError::http_conflict(lost.as_str()).with_arg("order", reference_arg(record)));
    }
    let row = record.ledger.find_row_in_doubt().filter(|_| record.ledger.handled.is_none());
    row.cloned()
        .ok_or_else(|| ApiError::http_conflict("not_in_doubt").with_arg("order", reference_arg(record)))
}

/// The open problem that asks what a lost ledger held of the order, if there is one.
fn find_past_problem(record: &OrderRecord) -> Option<ProblemCode> {
    let mut codes = record.problems.iter().map(|open| open.problem.code);
    codes.find(|code| matches!(code, ProblemCode::PastUnknown | ProblemCode::PastUnmatched))
}

/// Ends the row in doubt as done. The named document is read from Robaws and must be what was sent.
async fn settle_as_done(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
    record: &OrderRecord,
    robaws_id: DocumentId,
) -> Result<OrderRecord, ApiError> {
    must_be_active(item)?;
    let row = find_row_in_doubt(record)?;
    let clients =
        deps.peers.clients_for(&item.connection).await.map_err(|error| ApiError::internal_error(&error))?;
    let answer = match &row.effect {
        RowEffect::StockChange { .. } => {
            let mark = record.ledger.row_mark(row.no);
            let found = clients.robaws.read_stock_change(&robaws_id).await;
            found.map(|found| found.map(|change| change.attempt_outcome(&mark)))
        }
        RowEffect::Invoice { .. } => {
            let found = clients.robaws.read_invoice(&robaws_id, false).await;
            found.map(|found| found.map(|shown| shown.attempt_outcome(&row.reference, DocumentKind::Invoice)))
        }
        RowEffect::CreditNote { .. } => {
            let found = clients.robaws.read_invoice(&robaws_id, false).await;
            found.map(|found| {
                found.map(|shown| shown.attempt_outcome(&row.reference, DocumentKind::CreditNote))
            })
        }
        // The deletion of a draft is never in doubt, because Robaws shows whether the draft is there.
        RowEffect::DeleteDraft { .. } => Ok(None),
    };
    // An invoice and its credit note carry the same reference, so another row of the order may have made this document.
    let is_of_another =
        row.effect.document_kind().is_some() && record.ledger.is_made_by_another_row(&robaws_id, row.no);
    let about = |error: ApiError| {
        error
            .with_arg("robaws_id", robaws_id.to_string())
            .with_arg("order", reference_arg(record))
            .with_arg("effect", Arg::Effect(effect_name(&row.effect).to_owned()))
            .with_arg("reference", row.reference.clone())
    };
    let outcome = match answer {
        Ok(Some(outcome @ AttemptOutcome::Done { .. })) if !is_of_another => outcome,
        Ok(Some(_)) => return Err(about(ApiError::unprocessable_entity("document_differs"))),
        Ok(None) => return Err(about(ApiError::unprocessable_entity("document_not_found"))),
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "a document could not be read");
            return Err(ApiError::peer_unavailable("Robaws"));
        }
    };
    end_row_in_doubt(deps, request, item, record, "done", Some(robaws_id), |ledger, no, now| {
        ledger.end_attempt(no, &outcome, now);
    })
    .await
}

async fn settle_as_not_done(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
    record: &OrderRecord,
) -> Result<OrderRecord, ApiError> {
    if find_past_problem(record) == Some(ProblemCode::PastUnknown) {
        return vouch_for_order(deps, request, item, record).await;
    }
    end_row_in_doubt(deps, request, item, record, "not_done", None, |ledger, no, now| {
        ledger.record_row_end(no, RowState::Refused, None, now);
    })
    .await
}

/// Records a person's word that Robaws holds nothing of the order but what the rebuilt ledger shows. The rest is booked then.
async fn vouch_for_order(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
    record: &OrderRecord,
) -> Result<OrderRecord, ApiError> {
    must_be_active(item)?;
    let now = deps.clock.now();
    let (connection, identifier) = (&item.connection.id, &record.ledger.identifier);
    let amended = deps
        .store
        .amend_order(connection, identifier, now, |record| {
            if !record.ledger.can_be_vouched_for() || record.ledger.handled.is_some() {
                return false;
            }
            record.ledger.vouched_at = Some(now);
            record.ledger.settlements.push(Settlement {
                kind: "not_done".to_owned(),
                by: request.by.to_owned(),
                at: now,
                row: None,
                robaws_id: None,
                invoice: None,
                stock: None,
            });
            record.force_look(now);
            true
        })
        .await?
        .ok_or_else(|| order_not_found(identifier))?;
    tracing::info!(settled.kind = "not_done", settled.by = request.by, "settled");
    queue_order(deps, connection, identifier).await;
    Ok(amended)
}

/// Ends the row in doubt as a person says, and has the order looked at at once.
async fn end_row_in_doubt(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
    record: &OrderRecord,
    kind: &str,
    robaws_id: Option<DocumentId>,
    change: impl Fn(&mut domain::ledger::Ledger, u32, jiff::Timestamp),
) -> Result<OrderRecord, ApiError> {
    let row = find_row_in_doubt(record)?;
    let now = deps.clock.now();
    let connection = &item.connection.id;
    let identifier = &record.ledger.identifier;
    let amended = deps
        .store
        .amend_order(connection, identifier, now, |record| {
            // If somebody else decided about the row meanwhile, that decision stands.
            if record.ledger.find_row(row.no).map(|row| row.state) != Some(RowState::InDoubt) {
                return false;
            }
            change(&mut record.ledger, row.no, now);
            record.ledger.settlements.push(Settlement {
                kind: kind.to_owned(),
                by: request.by.to_owned(),
                at: now,
                row: Some(row.no),
                robaws_id: robaws_id.clone(),
                invoice: None,
                stock: None,
            });
            record.force_look(now);
            true
        })
        .await?
        .ok_or_else(|| order_not_found(identifier))?;
    tracing::info!(row = row.no, settled.kind = kind, settled.by = request.by, "settled");
    queue_order(deps, connection, identifier).await;
    Ok(amended)
}
