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

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ids::VatTariffId;
    use domain::money::Cents;
    use serde_json::{Value, json};

    fn line(article: Option<&str>, quantity: i64, cents: i64) -> InvoiceLine {
        InvoiceLine {
            article_id: article.map(|id| ArticleId::parse(id).unwrap()),
            description: "Drill".to_owned(),
            quantity,
            price: Cents(cents),
            vat_tariff_id: VatTariffId::parse("7").unwrap(),
        }
    }

    fn shown(lines: &[Value]) -> Invoice {
        serde_json::from_value(json!({ "id": "41", "lineItems": lines })).unwrap()
    }

    #[test]
    fn lines_stand_when_each_is_what_was_frozen_in_its_place() {
        let frozen = [line(Some("12"), 2, 2_999), line(None, -1, 500)];
        let first = json!({ "articleId": "12", "quantity": 2, "price": 29.99, "vatTariffId": "7" });
        let second = json!({ "articleId": null, "quantity": -1, "price": 5, "vatTariffId": "7" });
        assert_eq!(shown(&[]).standing_lines(&frozen), Some(0));
        assert_eq!(
            shown(std::slice::from_ref(&first)).standing_lines(&frozen),
            Some(1)
        );
        let whole = [first.clone(), second.clone()];
        assert_eq!(shown(&whole).standing_lines(&frozen), Some(2));
        assert_eq!(
            shown(&[second.clone(), first.clone()]).standing_lines(&frozen),
            None
        );
        let one_more = [first.clone(), second.clone(), second.clone()];
        assert_eq!(shown(&one_more).standing_lines(&frozen), None);
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
            assert_eq!(
                shown(&[changed.clone()]).standing_lines(&frozen),
                None,
                "{changed}"
            );
        }
    }
}
