//! Reads the documents of the last 30 days from the replica.
//!
//! The replica is enough to see that nothing differs. A document that seems to differ is read from the live database before
//! anything is said about it.

use crate::sweeps::{SweepContext, SweepStop, stop_from_robaws};
use domain::ids::DocumentId;
use domain::invoice::DocumentKind;
use jiff::Timestamp;
use robaws::{Invoice, StockChange};
use std::collections::BTreeMap;

/// Most list pages read of either kind of document, in case Robaws ignores the filter on the date.
const MOST_LIST_PAGES: u32 = 200;

/// The documents of the last 30 days, by their id, mark and reference.
#[derive(Debug, Default)]
pub(crate) struct RecentDocuments {
    /// Stock changes that carry a mark of ours.
    pub stock_changes: BTreeMap<DocumentId, StockChange>,
    /// Invoices and credit notes, whoever made them.
    pub invoices: BTreeMap<DocumentId, Invoice>,
    stock_changes_by_mark: BTreeMap<String, Vec<DocumentId>>,
    invoices_by_reference: BTreeMap<String, Vec<DocumentId>>,
    credit_notes_by_reference: BTreeMap<String, Vec<DocumentId>>,
}

/// Reads the documents updated since `since`.
pub(crate) async fn read_recent_documents(
    sweep: &SweepContext<'_>,
    since: Timestamp,
) -> Result<RecentDocuments, SweepStop> {
    let client = &sweep.live.clients.robaws;
    let mut documents = RecentDocuments::default();
    for number in 0..MOST_LIST_PAGES {
        let listed = client
            .read_stock_change_list_page(number, since)
            .await
            .map_err(|error| stop_from_robaws(&error))?;
        for change in listed.documents.into_iter().filter(StockChange::has_mark_of_ours) {
            let text = change.description.clone().unwrap_or_default();
            for mark in text.split(' ').filter(|word| word.starts_with('#')) {
                let ids = documents.stock_changes_by_mark.entry(mark.to_owned()).or_default();
                ids.push(change.id.clone());
            }
            documents.stock_changes.insert(change.id.clone(), change);
        }
        if listed.is_last {
            break;
        }
    }
    for number in 0..MOST_LIST_PAGES {
        let listed =
            client.read_invoice_list_page(number, since).await.map_err(|error| stop_from_robaws(&error))?;
        for invoice in listed.documents {
            let by_reference = if invoice.is_of_kind(DocumentKind::CreditNote) {
                &mut documents.credit_notes_by_reference
            } else {
                &mut documents.invoices_by_reference
            };
            if let Some(reference) = invoice.client_reference.clone() {
                let ids = by_reference.entry(reference).or_default();
                ids.push(invoice.id.clone());
            }
            documents.invoices.insert(invoice.id.clone(), invoice);
        }
        if listed.is_last {
            break;
        }
    }
    Ok(documents)
}

impl RecentDocuments {
    /// The stock changes with this mark, without the known one.
    pub(crate) fn others_with_mark(&self, mark: &str, known: Option<&DocumentId>) -> Vec<DocumentId> {
        other_ids(self.stock_changes_by_mark.get(mark), known)
    }

    /// The invoices or credit notes with this reference, without the known one.
    pub(crate) fn others_with_reference(
        &self,
        kind: DocumentKind,
        reference: &str,
        known: Option<&DocumentId>,
    ) -> Vec<DocumentId> {
        let by_reference = match kind {
            DocumentKind::Invoice => &self.invoices_by_reference,
            DocumentKind::CreditNote => &self.credit_notes_by_reference,
        };
        other_ids(by_reference.get(reference), known)
    }
}

fn other_ids(ids: Option<&Vec<DocumentId>>, known: Option<&DocumentId>) -> Vec<DocumentId> {
    let mut others: Vec<DocumentId> = ids.into_iter().flatten().cloned().collect();
    others.retain(|id| Some(id) != known);
    others.sort();
    others.dedup();
    others
}
