//! A step of the nightly check, on Robaws' side: every document that the ledger names must be there as it was booked, and no
//! other with the same mark or reference.
//!
//! Each difference names both sides. Rows that ended within the last two hours are left out.

use crate::order_check::CHECKED_BACK;
use crate::recent_documents::{self, RecentDocuments};
use crate::sweeps::{SweepContext, SweepStop, stop_from_robaws};
use domain::ids::DocumentId;
use domain::invoice::DocumentKind;
use domain::ledger::{Direction, InvoiceProgress, OrderState, Row, RowEffect, RowState, StockItem};
use domain::money::Cents;
use domain::problem::{Arg, Holds, Problem, ProblemCode, build_args};
use jiff::{SignedDuration, Timestamp};
use robaws::{Invoice, StockChange};
use runtime::metrics::{self, Metric};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use store::model::OrderRecord;
use store::orders::OrderFilter;
use store::sweep::SweepRun;

/// Rows that ended more recently than this are left out: they may be under way, and the replica lags.
const CHECKED_AFTER: SignedDuration = SignedDuration::from_hours(2);
/// Records read at a time.
const RECORDS_PER_PAGE: usize = 100;

/// Checks the orders of the last 30 days, as far as the time goes. Gives the next step of the sweep.
pub(crate) async fn check_records(
    sweep: &SweepContext<'_>,
    run: &mut SweepRun,
) -> Result<Option<&'static str>, SweepStop> {
    let session = sweep.session;
    let now = session.clock.now();
    let since = now.checked_sub(CHECKED_BACK).unwrap_or(now);
    let documents = recent_documents::read_recent_documents(sweep, since).await?;
    loop {
        let cursor = run.after.take();
        let listed = session
            .store
            .list_orders(sweep.connection_id(), &OrderFilter::default(), cursor.as_deref(), RECORDS_PER_PAGE)
            .await?;
        for record in &listed.records {
            if record.created_at >= since {
                check_record(sweep, &documents, record, now).await?;
            }
        }
        let reached = listed.records.last().is_some_and(|record| record.created_at < since);
        match listed.cursor.filter(|_| !reached) {
            None => {
                // Articles, stock changes and invoices could all be read, so no module is forbidden.
                let item = &session.item;
                session.store.close_problem(item, ProblemCode::RobawsPermission).await?;
                return Ok(None);
            }
            cursor => run.after = cursor,
        }
        if !session.has_time() {
            return Ok(Some("records"));
        }
    }
}

async fn check_record(
    sweep: &SweepContext<'_>,
    documents: &RecentDocuments,
    record: &OrderRecord,
    now: Timestamp,
) -> Result<(), SweepStop> {
    if record.state == OrderState::InDoubt {
        metrics::add_count(Metric::OrdersInDoubt, 1);
    }
    let mut found = Vec::new();
    if record.ledger.handled.is_none() {
        for row in &record.ledger.rows {
            let settled = matches!(row.state, RowState::Done | RowState::Refused);
            if settled && now.duration_since(row.at) >= CHECKED_AFTER {
                found.extend(find_row_differences(sweep, documents, record, row).await?);
            }
        }
    }
    if found.is_empty() && record.differences.is_empty() {
        return Ok(());
    }
    for problem in &found {
        tracing::warn!(
            order.identifier = %record.ledger.identifier, document = ?problem.args.get("document"),
            "ledger and Robaws differ"
        );
    }
    let identifier = &record.ledger.identifier;
    let store = &sweep.session.store;
    store
        .amend_order(sweep.connection_id(), identifier, now, |record| {
            record.set_differences(found.clone(), now)
        })
        .await?;
    Ok(())
}

async fn find_row_differences(
    sweep: &SweepContext<'_>,
    documents: &RecentDocuments,
    record: &OrderRecord,
    row: &Row,
) -> Result<Vec<Problem>, SweepStop> {
    let known = row.robaws_id.as_ref().filter(|_| row.state == RowState::Done);
    let mut found = Vec::new();
    match &row.effect {
        RowEffect::StockChange { direction, stock_location_id, items } => {
            let expected =
                ExpectedStockChange { direction: *direction, location: stock_location_id.as_str(), items };
            if let Some(id) = known {
                found.extend(compare_stock_change(sweep, documents, record, &expected, id).await?);
            }
            let mark = row.reference.split(' ').find(|word| word.starts_with('#'));
            for id in documents.others_with_mark(mark.unwrap_or(&row.reference), known) {
                if let Some(other) = read_stock_change(sweep, &id).await?.filter(|other| other.booked) {
                    let shown = Arg::Text(format_shown_pieces(record, &other));
                    let document = stock_change_argument(*direction, &id);
                    found.push(records_differ_problem(record, document, phrase_none(), shown));
                }
            }
        }
        RowEffect::Invoice { .. } if record.ledger.is_deleting_draft(row.no) => {}
        RowEffect::Invoice { total, progress } => {
            // A deleted draft must not be there any more.
            let known = known.filter(|_| record.ledger.find_deletion_of(row.no).is_none());
            let document = ExpectedDocument::from_row(DocumentKind::Invoice, row, *total, progress);
            found.extend(document.find_differences(sweep, documents, record, known).await?);
        }
        RowEffect::CreditNote { total, progress, .. } => {
            let document = ExpectedDocument::from_row(DocumentKind::CreditNote, row, *total, progress);
            found.extend(document.find_differences(sweep, documents, record, known).await?);
        }
        RowEffect::DeleteDraft { .. } => {}
    }
    Ok(found)
}

/// The stock change that a row booked.
struct ExpectedStockChange<'a> {
    direction: Direction,
    location: &'a str,
    items: &'a [StockItem],
}

impl ExpectedStockChange<'_> {
    fn quantity_per_article(&self) -> BTreeMap<&str, Decimal> {
        let mut quantities = BTreeMap::new();
        for item in self.items {
            *quantities.entry(item.article_id.as_str()).or_default() += Decimal::from(item.quantity);
        }
        quantities
    }

    /// Whether Robaws shows the stock change as it was booked. A list may come without lines and locations; what the list does
    /// not show is not compared.
    fn is_as_booked(&self, shown: &StockChange) -> bool {
        let location = match self.direction {
            Direction::Out => &shown.from_stock_location_id,
            Direction::In => &shown.to_stock_location_id,
        };
        let at_location = location.as_deref().is_none_or(|location| location == self.location);
        let same_lines = shown.lines.as_ref().is_none_or(|lines| {
            let mut quantities: BTreeMap<&str, Decimal> = BTreeMap::new();
            for line in lines {
                let article = line.article_id.as_deref().unwrap_or_default();
                *quantities.entry(article).or_default() += line.quantity.unwrap_or_default();
            }
            quantities == self.quantity_per_article()
        });
        shown.booked && at_location && same_lines
    }
}

async fn compare_stock_change(
    sweep: &SweepContext<'_>,
    documents: &RecentDocuments,
    record: &OrderRecord,
    expected: &ExpectedStockChange<'_>,
    id: &DocumentId,
) -> Result<Option<Problem>, SweepStop> {
    if documents.stock_changes.get(id).is_some_and(|shown| expected.is_as_booked(shown)) {
        return Ok(None);
    }
    let found = read_stock_change(sweep, id).await?;
    if found.as_ref().is_some_and(|shown| expected.is_as_booked(shown)) {
        return Ok(None);
    }
    let shown = match found {
        None => phrase_none(),
        Some(shown) if !shown.booked => Arg::Phrase("not_booked".to_owned()),
        Some(shown) => Arg::Text(format_shown_pieces(record, &shown)),
    };
    let document = stock_change_argument(expected.direction, id);
    let pieces = expected
        .items
        .iter()
        .map(|item| format_pieces(Decimal::from(item.quantity), record, item.article_id.as_str()));
    let expected = Arg::Text(pieces.collect::<Vec<_>>().join(", "));
    Ok(Some(records_differ_problem(record, document, expected, shown)))
}

/// The invoice or credit note that a row made.
struct ExpectedDocument<'a> {
    kind: DocumentKind,
    reference: &'a str,
    /// The total that the document must have. `None` when a mismatch is known, which the merchant has been told already.
    total: Option<Cents>,
    number: Option<String>,
}

impl<'a> ExpectedDocument<'a> {
    fn from_row(kind: DocumentKind, row: &'a Row, total: Cents, progress: &InvoiceProgress) -> Self {
        Self {
            kind,
            reference: &row.reference,
            // A mismatch that the check after making the document found is known already.
            total: Some(total).filter(|_| progress.mismatch.is_none()),
            number: progress.number.clone(),
        }
    }

    async fn find_differences(
        &self,
        sweep: &SweepContext<'_>,
        documents: &RecentDocuments,
        record: &OrderRecord,
        known: Option<&DocumentId>,
    ) -> Result<Vec<Problem>, SweepStop> {
        let mut found = Vec::new();
        if let Some(id) = known {
            found.extend(self.compare_document(sweep, documents, record, id).await?);
        }
        for id in documents.others_with_reference(self.kind, self.reference, known) {
            if let Some(other) = read_invoice(sweep, &id).await? {
                let shown = total_in_cents(&other).map_or_else(|| Arg::Text(id.to_string()), Arg::Amount);
                let document = self.as_argument(other.number.clone(), &id);
                found.push(records_differ_problem(record, document, phrase_none(), shown));
            }
        }
        Ok(found)
    }

    async fn compare_document(
        &self,
        sweep: &SweepContext<'_>,
        documents: &RecentDocuments,
        record: &OrderRecord,
        id: &DocumentId,
    ) -> Result<Option<Problem>, SweepStop> {
        let agrees = |shown: &Invoice| match (self.total, total_in_cents(shown)) {
            (Some(total), Some(found)) => found == total,
            _ => true,
        };
        if documents.invoices.get(id).is_some_and(agrees) {
            return Ok(None);
        }
        let found = read_invoice(sweep, id).await?;
        if found.as_ref().is_some_and(agrees) {
            return Ok(None);
        }
        let expected = self.total.map_or_else(|| Arg::Text(id.to_string()), Arg::Amount);
        let shown = found.as_ref().and_then(total_in_cents).map_or_else(phrase_none, Arg::Amount);
        let number = found.and_then(|invoice| invoice.number);
        let document = self.as_argument(number.or_else(|| self.number.clone()), id);
        Ok(Some(records_differ_problem(record, document, expected, shown)))
    }

    fn as_argument(&self, number: Option<String>, id: &DocumentId) -> Arg {
        let effect = match self.kind {
            DocumentKind::Invoice => "invoice",
            DocumentKind::CreditNote => "credit_note",
        };
        Arg::Document { effect: effect.to_owned(), number: number.unwrap_or_else(|| id.to_string()) }
    }
}

async fn read_stock_change(
    sweep: &SweepContext<'_>,
    id: &DocumentId,
) -> Result<Option<StockChange>, SweepStop> {
    let found = sweep.live.clients.robaws.read_stock_change_with_lines(id).await;
    found.map_err(|error| stop_from_robaws(&error))
}

async fn read_invoice(sweep: &SweepContext<'_>, id: &DocumentId) -> Result<Option<Invoice>, SweepStop> {
    let found = sweep.live.clients.robaws.read_invoice(id, false).await;
    found.map_err(|error| stop_from_robaws(&error))
}

/// The total of an invoice or credit note in cents. A draft may have no total.
fn total_in_cents(invoice: &Invoice) -> Option<Cents> {
    Cents::from_euros(invoice.total_incl_vat?)
}

fn phrase_none() -> Arg {
    Arg::Phrase("none".to_owned())
}

fn stock_change_argument(direction: Direction, id: &DocumentId) -> Arg {
    let effect = match direction {
        Direction::Out => "stock_change_out",
        Direction::In => "stock_change_in",
    };
    Arg::Document { effect: effect.to_owned(), number: id.to_string() }
}

/// A quantity of an article, such as `2 × A-1`.
fn format_pieces(quantity: Decimal, record: &OrderRecord, article: &str) -> String {
    let items = record.ledger.rows.iter().flat_map(|row| match &row.effect {
        RowEffect::StockChange { items, .. } => items.as_slice(),
        RowEffect::Invoice { .. } | RowEffect::CreditNote { .. } | RowEffect::DeleteDraft { .. } => &[],
    });
    let sku = items.filter(|item| item.article_id.as_str() == article).find_map(|item| item.sku.as_ref());
    let name = sku.map_or(article, domain::Sku::as_str);
    format!("{} × {name}", quantity.normalize())
}

fn format_shown_pieces(record: &OrderRecord, shown: &StockChange) -> String {
    let lines = shown.lines.iter().flatten();
    let pieces = lines.map(|line| {
        let article = line.article_id.as_deref().unwrap_or_default();
        format_pieces(line.quantity.unwrap_or_default(), record, article)
    });
    pieces.collect::<Vec<_>>().join(", ")
}

fn records_differ_problem(record: &OrderRecord, document: Arg, expected: Arg, found: Arg) -> Problem {
    Problem::new(
        ProblemCode::RecordsDiffer,
        Holds::Nothing,
        build_args([
            ("order", record.display_reference().into()),
            ("document", document),
            ("expected", expected),
            ("found", found),
        ]),
    )
}
