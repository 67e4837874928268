//! Sales invoices and credit notes: the resource `/sales-invoices` of Robaws, which holds both.

use crate::Error;
use crate::stock::DocumentListPage;
use crate::transport::{Client, LIST_TIMEOUT, Request};
use crate::wire::{Invoice, ShownInvoiceLine};
use domain::ids::{ArticleId, DocumentId};
use domain::invoice::{DocumentKind, InvoiceLine};
use jiff::Timestamp;
use rust_decimal::Decimal;

impl Client {
    /// Makes the header of an invoice or credit note, as a draft. `body` is sent as it is. The same `key` with the same `body`
    /// makes no second one.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected. Only after
    /// [`Error::is_certain_refusal`] is it certain that no document was made.
    pub async fn create_invoice_header(&self, body: &str, key: &str) -> Result<Invoice, Error> {
        self.send_write(Request::post_json("sales-invoices", body, key)).await?.parse_json("a sales invoice")
    }

    /// Adds one line to a draft. `body` is sent as it is. The same `key` with the same `body` adds no second line.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected. Only after
    /// [`Error::is_certain_refusal`] is it certain that no line was added.
    pub async fn add_invoice_line(&self, id: &DocumentId, body: &str, key: &str) -> Result<(), Error> {
        let path = format!("sales-invoices/{id}/line-items");
        self.send_write(Request::post_json(&path, body, key))
            .await?
            .parse_json::<serde_json::Value>("an invoice line")
            .map(drop)
    }

    /// Reads an invoice or credit note by its id. Gives `None` when Robaws does not have the document.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn read_invoice(&self, id: &DocumentId, with_lines: bool) -> Result<Option<Invoice>, Error> {
        let path = format!("sales-invoices/{id}");
        let query: &[(&str, &str)] = if with_lines { &[("include", "lineItems")] } else { &[] };
        self.get_optional_json(Request::get(&path, query), "a sales invoice").await
    }

    /// Reads one list page of 100 invoices and credit notes from the replica, which may lag behind: for sweeps, never for
    /// decisions. `page` counts from 0. Robaws may ignore the filter `updated_from`.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn read_invoice_list_page(
        &self,
        page: u32,
        updated_from: Timestamp,
    ) -> Result<DocumentListPage<Invoice>, Error> {
        self.read_document_list_page("sales-invoices", page, updated_from, true, "sales invoices").await
    }

    /// Reads one list page of 100 invoices and credit notes from the live database, for decisions. `page` counts from 0. Robaws
    /// may ignore the filter `updated_from`.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn read_live_invoice_list_page(
        &self,
        page: u32,
        updated_from: Timestamp,
    ) -> Result<DocumentListPage<Invoice>, Error> {
        self.read_document_list_page("sales-invoices", page, updated_from, false, "sales invoices").await
    }

    /// Books a draft. Booking a document that is booked changes nothing.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached or refuses the call. Only after [`Error::is_certain_refusal`] is it certain that the
    /// document was not booked.
    pub async fn book_invoice(&self, id: &DocumentId, key: &str) -> Result<(), Error> {
        let path = format!("sales-invoices/{id}");
        self.send_write(Request::merge_patch(&path, r#"{"booked":true}"#, key)).await.map(drop)
    }

    /// Deletes a draft. A draft that is not there counts as deleted.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached or refuses the call, as it does for a booked document.
    pub async fn delete_draft_invoice(&self, id: &DocumentId) -> Result<(), Error> {
        let path = format!("sales-invoices/{id}");
        match self.send_write(Request::delete(&path)).await {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Finds the invoices and credit notes with exactly this reference. The list is read until a document of `kind` is among
    /// them.
    ///
    /// Robaws may ignore the filter, so every document is compared here.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn find_invoices_by_reference(
        &self,
        reference: &str,
        kind: DocumentKind,
    ) -> Result<Vec<Invoice>, Error> {
        let query = [("clientReference", reference)];
        let ours = |invoice: &Invoice| invoice.client_reference.as_deref() == Some(reference);
        let found = self
            .read_whole_list(
                "sales-invoices",
                &query,
                "sales invoices",
                LIST_TIMEOUT,
                |i: &Invoice| i.id.as_str(),
                |found| found.iter().any(|invoice| ours(invoice) && invoice.is_of_kind(kind)),
            )
            .await?;
        Ok(found.into_iter().filter(ours).collect())
    }
}

impl Invoice {
    /// How many of the frozen lines stand on the document already, in their order. `None` when the document shows other lines.
    pub fn count_standing_lines(&self, frozen: &[InvoiceLine]) -> Option<usize> {
        let same = |(line, shown): (&InvoiceLine, &ShownInvoiceLine)| {
            shown.article_id.as_deref() == line.article_id.as_ref().map(ArticleId::as_str)
                && shown.vat_tariff_id.as_deref() == Some(line.vat_tariff_id.as_str())
                && shown.quantity == Some(Decimal::from(line.quantity))
                && shown.price == Some(line.price.to_euros())
        };
        let count = self.lines.len();
        (count <= frozen.len() && frozen.iter().zip(&self.lines).all(same)).then_some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ids::VatTariffId;
    use domain::money::Cents;
    use serde_json::{Value, json};

    fn invoice_line(article: Option<&str>, quantity: i64, cents: i64) -> InvoiceLine {
        InvoiceLine {
            article_id: article.map(|id| ArticleId::parse(id).unwrap()),
            description: "Drill".to_owned(),
            quantity,
            price: Cents(cents),
            vat_tariff_id: VatTariffId::parse("7").unwrap(),
        }
    }

    fn shown_invoice(lines: &[Value]) -> Invoice {
        serde_json::from_value(json!({ "id": "41", "lineItems": lines })).unwrap()
    }

    #[test]
    fn lines_stand_when_each_is_what_was_frozen_in_its_place() {
        let frozen = [invoice_line(Some("12"), 2, 2_999), invoice_line(None, -1, 500)];
        let first = json!({ "articleId": "12", "quantity": 2, "price": 29.99, "vatTariffId": "7" });
        let second = json!({ "articleId": null, "quantity": -1, "price": 5, "vatTariffId": "7" });
        assert_eq!(shown_invoice(&[]).count_standing_lines(&frozen), Some(0));
        assert_eq!(shown_invoice(std::slice::from_ref(&first)).count_standing_lines(&frozen), Some(1));
        let whole = [first.clone(), second.clone()];
        assert_eq!(shown_invoice(&whole).count_standing_lines(&frozen), Some(2));
        assert_eq!(shown_invoice(&[second.clone(), first.clone()]).count_standing_lines(&frozen), None);
        let one_more = [first.clone(), second.clone(), second.clone()];
        assert_eq!(shown_invoice(&one_more).count_standing_lines(&frozen), None);
        for (field, other) in [
            ("articleId", json!("13")),
            ("articleId", Value::Null),
            ("quantity", json!(3)),
            ("quantity", Value::Null),
            ("price", json!(29.98)),
            ("price", Value::Null),
            ("vatTariffId", json!("8")),
            ("vatTariffId", Value::Null),
        ] {
            let mut changed = first.clone();
            changed[field] = other;
            assert_eq!(shown_invoice(&[changed.clone()]).count_standing_lines(&frozen), None, "{changed}");
        }
    }
}
