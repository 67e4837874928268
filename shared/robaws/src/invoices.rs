//! `/sales-invoices`: invoices and credit notes.

use crate::Error;
use crate::stock::DocumentsPage;
use crate::transport::{Client, LIST_TIMEOUT, Request};
use crate::wire::{Invoice, InvoiceLineShown};
use domain::ids::{ArticleId, DocumentId};
use domain::invoice::{DocumentKind, InvoiceLine};
use jiff::Timestamp;
use rust_decimal::Decimal;

impl Client {
    /// Makes the header with exactly this body.
    pub async fn create_invoice(&self, body: &str, key: &str) -> Result<Invoice, Error> {
        self.write(Request::post("sales-invoices", body, key))
            .await?
            .json("a sales invoice")
    }

    /// Adds a line with exactly this body.
    pub async fn add_invoice_line(&self, id: &DocumentId, body: &str, key: &str) -> Result<(), Error> {
        let path = format!("sales-invoices/{id}/line-items");
        self.write(Request::post(&path, body, key))
            .await?
            .json::<serde_json::Value>("an invoice line")
            .map(drop)
    }

    /// An invoice by its id; `None` when it is not there.
    pub async fn invoice(&self, id: &DocumentId, with_lines: bool) -> Result<Option<Invoice>, Error> {
        let path = format!("sales-invoices/{id}");
        let query: &[(&str, &str)] = if with_lines {
            &[("include", "lineItems")]
        } else {
            &[]
        };
        self.get_optional(Request::get(&path, query), "a sales invoice")
            .await
    }

    /// One page of 100 invoices and credit notes, from 0, from the replica: for sweeps, never for decisions (contract). The
    /// filter may be ignored.
    pub async fn invoices_page(
        &self,
        page: u32,
        updated_from: Timestamp,
    ) -> Result<DocumentsPage<Invoice>, Error> {
        self.documents_page("sales-invoices", page, updated_from, true, "sales invoices")
            .await
    }

    /// The same, live: for decisions.
    pub async fn invoices_now(
        &self,
        page: u32,
        updated_from: Timestamp,
    ) -> Result<DocumentsPage<Invoice>, Error> {
        self.documents_page("sales-invoices", page, updated_from, false, "sales invoices")
            .await
    }

    /// Books a draft.
    pub async fn book_invoice(&self, id: &DocumentId, key: &str) -> Result<(), Error> {
        let path = format!("sales-invoices/{id}");
        self.write(Request::patch(&path, r#"{"booked":true}"#, key))
            .await
            .map(drop)
    }

    /// Removes a draft. Gone already is removed.
    pub async fn delete_invoice(&self, id: &DocumentId) -> Result<(), Error> {
        let path = format!("sales-invoices/{id}");
        match self.write(Request::delete(&path)).await {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Invoices and credit notes with exactly this reference, until one of `kind` is among them. The filter gives candidates, or
    /// is ignored.
    pub async fn find_by_reference(
        &self,
        reference: &str,
        kind: DocumentKind,
    ) -> Result<Vec<Invoice>, Error> {
        let query = [("clientReference", reference)];
        let ours = |invoice: &Invoice| invoice.client_reference.as_deref() == Some(reference);
        let found = self
            .list(
                "sales-invoices",
                &query,
                "sales invoices",
                LIST_TIMEOUT,
                |i: &Invoice| i.id.as_str(),
                |found| found.iter().any(|invoice| ours(invoice) && invoice.is_a(kind)),
            )
            .await?;
        Ok(found.into_iter().filter(ours).collect())
    }
}

impl Invoice {
    /// How many of these lines stand on it, in their order; `None`: it has others.
    pub fn standing_lines(&self, frozen: &[InvoiceLine]) -> Option<usize> {
        let same = |(line, shown): (&InvoiceLine, &InvoiceLineShown)| {
            shown.article_id.as_deref() == line.article_id.as_ref().map(ArticleId::as_str)
                && shown.vat_tariff_id.as_deref() == Some(line.vat_tariff_id.as_str())
                && shown.quantity == Some(Decimal::from(line.quantity))
                && shown.price == Some(line.price.to_euros())
        };
        let count = self.lines.len();
        (count <= frozen.len() && frozen.iter().zip(&self.lines).all(same)).then_some(count)
    }
}
