//! API `settle`: a person's decision on an order. The ledger keeps who decided what, and when.

use crate::api_error::ApiError;
use crate::config::Deps;
use crate::handler::Reply;
use crate::orders::{known, must_be_active, send, unknown};
use crate::request::Request;
use crate::undo::{self, Asked};
use crate::{body, order_view};
use domain::ids::{DocumentId, OrderIdentifier};
use domain::invoice::DocumentKind;
use domain::ledger::{Outcome, Row, RowEffect, RowState, Settlement};
use domain::plan::effect_name;
use domain::problem::{Arg, ProblemCode};
use domain::undo::{UndoInvoice, UndoStock};
use runtime::error::Chain;
use serde::Deserialize;
use store::model::{ConnectionItem, OrderRecord};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum As {
    Handled,
    Done,
    NotDone,
    Undo,
}

/// The body of all kinds of `settle`. One struct for all of them lets serde name the field that has a wrong value.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    r#as: As,
    robaws_id: Option<DocumentId>,
    invoice: Option<UndoInvoice>,
    stock: Option<UndoStock>,
}

enum Settle {
    Handled,
    Done { robaws_id: DocumentId },
    NotDone,
    Undo(Asked),
}

impl Settle {
    /// Checks that the body has exactly the fields of its kind.
    fn of(body: Body) -> Result<Self, ApiError> {
        fn needed<T>(field: &str, value: Option<T>) -> Result<T, ApiError> {
            value.ok_or_else(|| ApiError::bad_request(field, "is missing"))
        }
        let is_undo = matches!(body.r#as, As::Undo);
        let strangers = [
            (
                "robaws_id",
                body.robaws_id.is_some() && !matches!(body.r#as, As::Done),
            ),
            ("invoice", body.invoice.is_some() && !is_undo),
            ("stock", body.stock.is_some() && !is_undo),
        ];
        if let Some((field, _)) = strangers.into_iter().find(|(_, is_there)| *is_there) {
            return Err(ApiError::bad_request(field, "does not belong here"));
        }
        Ok(match body.r#as {
            As::Handled => Self::Handled,
            As::Done => Self::Done {
                robaws_id: needed("robaws_id", body.robaws_id)?,
            },
            As::NotDone => Self::NotDone,
            As::Undo => Self::Undo(Asked {
                invoice: needed("invoice", body.invoice)?,
                stock: needed("stock", body.stock)?,
            }),
        })
    }
}

/// `POST …/orders/{identifier}/settle`: carries out a person's decision on an order.
pub async fn settle(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
    identifier: &OrderIdentifier,
) -> Result<Reply, ApiError> {
    let settle = Settle::of(body::read(&request.body)?)?;
    let record = known(deps, item, identifier).await?;
    let record = match settle {
        Settle::Handled => handled(deps, request, item, &record).await?,
        Settle::Done { robaws_id } => {
            body::robaws_id("robaws_id", robaws_id.as_str())?;
            done(deps, request, item, &record, robaws_id).await?
        }
        Settle::NotDone => not_done(deps, request, item, &record).await?,
        Settle::Undo(asked) => undo::undo(deps, item, record, asked, request.by).await?,
    };
    Ok(Reply::ok(order_view::order(&record, item.connection.language)))
}

fn reference(record: &OrderRecord) -> Arg {
    record.reference().into()
}

async fn handled(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
    record: &OrderRecord,
) -> Result<OrderRecord, ApiError> {
    if record.is_final && record.problems.is_empty() && record.differences.is_empty() {
        return Err(ApiError::conflict("nothing_open").arg("order", reference(record)));
    }
    let now = deps.clock.now();
    let identifier = &record.ledger.identifier;
    let amended = deps
        .store
        .amend_order(&item.connection.id, identifier, now, |record| {
            record.handle(None, request.by, now);
            true
        })
        .await?;
    tracing::info!(settled.by = request.by, "closed as handled");
    amended.ok_or_else(|| unknown(identifier))
}

fn in_doubt(record: &OrderRecord) -> Result<Row, ApiError> {
    if let Some(lost) = asked_about_the_past(record) {
        return Err(ApiError::conflict(lost.as_str()).arg("order", reference(record)));
    }
    let row = record
        .ledger
        .in_doubt()
        .filter(|_| record.ledger.handled.is_none());
    row.cloned()
        .ok_or_else(|| ApiError::conflict("not_in_doubt").arg("order", reference(record)))
}

/// The open problem that asks what a lost ledger held of the order, if there is one.
fn asked_about_the_past(record: &OrderRecord) -> Option<ProblemCode> {
    let mut codes = record.problems.iter().map(|open| open.problem.code);
    codes.find(|code| matches!(code, ProblemCode::PastUnknown | ProblemCode::PastUnmatched))
}

/// Ends the row in doubt as done. The named document is read from Robaws and must be what was sent.
async fn done(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
    record: &OrderRecord,
    robaws_id: DocumentId,
) -> Result<OrderRecord, ApiError> {
    must_be_active(item)?;
    let row = in_doubt(record)?;
    let clients = deps
        .peers
        .of(&item.connection)
        .await
        .map_err(|error| ApiError::internal(&error))?;
    let answer = match &row.effect {
        RowEffect::StockChange { .. } => {
            let mark = record.ledger.row_mark(row.no);
            let found = clients.robaws.stock_change(&robaws_id).await;
            found.map(|found| found.map(|change| change.outcome(&mark)))
        }
        RowEffect::Invoice { .. } => {
            let found = clients.robaws.invoice(&robaws_id, false).await;
            found.map(|found| found.map(|shown| shown.outcome(&row.reference, DocumentKind::Invoice)))
        }
        RowEffect::CreditNote { .. } => {
            let found = clients.robaws.invoice(&robaws_id, false).await;
            found.map(|found| found.map(|shown| shown.outcome(&row.reference, DocumentKind::CreditNote)))
        }
        // The deletion of a draft is never in doubt, because Robaws shows whether the draft is there.
        RowEffect::DeleteDraft { .. } => Ok(None),
    };
    // An invoice and its credit note carry the same reference, so another row of the order may have made this document.
    let is_of_another = row.effect.document().is_some() && record.ledger.made_by_another(&robaws_id, row.no);
    let about = |error: ApiError| {
        error
            .arg("robaws_id", robaws_id.to_string())
            .arg("order", reference(record))
            .arg("effect", Arg::Effect(effect_name(&row.effect).to_owned()))
            .arg("reference", row.reference.clone())
    };
    let outcome = match answer {
        Ok(Some(outcome @ Outcome::Done { .. })) if !is_of_another => outcome,
        Ok(Some(_)) => return Err(about(ApiError::refused("document_differs"))),
        Ok(None) => return Err(about(ApiError::refused("document_not_found"))),
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "a document could not be read");
            return Err(ApiError::peer_unavailable("Robaws"));
        }
    };
    settled(
        deps,
        request,
        item,
        record,
        "done",
        Some(robaws_id),
        |ledger, no, now| {
            ledger.end_attempt(no, &outcome, now);
        },
    )
    .await
}

async fn not_done(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
    record: &OrderRecord,
) -> Result<OrderRecord, ApiError> {
    if asked_about_the_past(record) == Some(ProblemCode::PastUnknown) {
        return vouched(deps, request, item, record).await;
    }
    settled(
        deps,
        request,
        item,
        record,
        "not_done",
        None,
        |ledger, no, now| {
            ledger.settle(no, RowState::Refused, None, now);
        },
    )
    .await
}

/// Records a person's word that Robaws holds nothing of the order but what the rebuilt ledger shows. The rest is booked then.
async fn vouched(
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
            if !record.ledger.may_be_vouched_for() || record.ledger.handled.is_some() {
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
            record.look_again(now);
            true
        })
        .await?
        .ok_or_else(|| unknown(identifier))?;
    tracing::info!(settled.kind = "not_done", settled.by = request.by, "settled");
    send(deps, connection, identifier).await;
    Ok(amended)
}

/// Ends the row in doubt as a person says, and has the order looked at at once.
async fn settled(
    deps: &Deps,
    request: &Request,
    item: &ConnectionItem,
    record: &OrderRecord,
    kind: &str,
    robaws_id: Option<DocumentId>,
    change: impl Fn(&mut domain::ledger::Ledger, u32, jiff::Timestamp),
) -> Result<OrderRecord, ApiError> {
    let row = in_doubt(record)?;
    let now = deps.clock.now();
    let connection = &item.connection.id;
    let identifier = &record.ledger.identifier;
    let amended = deps
        .store
        .amend_order(connection, identifier, now, |record| {
            // If somebody else decided about the row meanwhile, that decision stands.
            if record.ledger.row(row.no).map(|row| row.state) != Some(RowState::InDoubt) {
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
            record.look_again(now);
            true
        })
        .await?
        .ok_or_else(|| unknown(identifier))?;
    tracing::info!(
        row = row.no,
        settled.kind = kind,
        settled.by = request.by,
        "settled"
    );
    send(deps, connection, identifier).await;
    Ok(amended)
}
