//! The shapes on the wire, and EVERY assumption about Robaws that nothing public confirms, marked `[A:id]` as in the contract. A
//! wrong guess is mended here and nowhere else; `infra/doctor` has a check, or a reason why there is none, for every id.
//!
//! - \[A:rw-stock-change-create\] `POST /stock-changes`: path, body (`fromStockLocationId` / `toStockLocationId`, positive
//!   quantities, `booked` at once, inline `lineItems`); an unknown location or article is 400 and nothing moved.
//! - \[A:rw-stock-changes\] `GET /stock-changes` shows the same fields; \[A:rw-stock-change-lines\] its `lineItems` with
//!   `include=lineItems`; \[A:rw-stock-change-description\] its `description` as written.
//! - \[A:rw-updated-from\] `updatedFrom` filters documents, or is ignored.
//! - \[A:rw-stock-locations\] `/stock-locations` gives `id` and `name`.
//! - \[A:rw-client-search\] `GET /clients?name=` gives the clients whose name contains a text, or ignores the filter;
//!   \[A:rw-client-number\] the number that people know a client by is its `id`.
//! - \[A:rw-vat-inclusive\] A tariff's "BTW berekening inclusief" is called `vatInclusive`; absent means not inclusive.
//! - \[A:rw-reference-filter\] `clientReference` can be filtered on, and comes back as written.
//! - \[A:rw-invoice-moves-no-stock\] An invoice line does not move stock; \[A:rw-negative-quantity\] a line's quantity may be
//!   negative; \[A:rw-invoice-number\] a draft may have no number.
//! - \[A:rw-article-name-filter\] The filter `name` of articles gives candidates that contain it, as `articleNumber` does.
//! - \[A:rw-invoice-type\] An answer shows `type`, at least of a credit note; without it a document counts as an invoice.
//! - \[A:rw-invoice-header\] An answer shows `date`, `companyId` and `paymentConditionId` as they are now; what is not shown is
//!   as it was sent.
//! - \[A:rw-delete-draft\] `DELETE` removes a draft; of a booked invoice it is refused with 4xx.
//! - \[A:rw-article-gone\] `archivedAt` and `deletedAt` mark an article that is gone.
//! - \[A:rw-sale-price-vat\] An article's `salePrice` includes VAT when its tariff is VAT-inclusive.
//! - \[A:rw-checkbox\] The checkbox is `extraFields.ProductFlow.booleanValue`; `null` or absent is unticked, and so is an article
//!   whose `extraFields` are `null`. An answer without `extraFields` says nothing of it.
//! - \[A:rw-idempotency-memory\] An `Idempotency-Key` is remembered for 24 h at most: the ledger is what says what was done.
//! - \[A:rw-silent-edits\] Some edits fire no event: the nightly check finds them.

use crate::articles::FoundArticle;
use domain::article::ArticleDetail;
use domain::catalogue::{Article, VatTariff};
use domain::ids::{ArticleId, DocumentId, StockLocationId, UserId, VatTariffId};
use domain::invoice::{DocumentKind, InvoiceHeader, InvoiceLine};
use domain::ledger::{AttemptOutcome, Direction, StockItem};
use domain::money::Cents;
use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value, json};
use std::collections::BTreeMap;
use std::str::FromStr;

/// Relations that an article is read with when a product is made from it.
pub(crate) const ARTICLE_INCLUDES: &str = "availableStock,extraFields";
/// Filter of `/articles` on the ProductFlow checkbox.
pub(crate) const TICKED_FILTER: &str = "extraFields[ProductFlow]";
/// Filter of articles and clients on a part of their name.
pub(crate) const NAME_FILTER: &str = "name";
/// Name of the ProductFlow checkbox among the extra fields of an article.
const CHECKBOX: &str = "ProductFlow";

/// The body that ticks or unticks the checkbox of an article.
pub(crate) fn checkbox_body(ticked: bool) -> String {
    json!({ "extraFields": { CHECKBOX: { "booleanValue": ticked } } }).to_string()
}

/// One page of a list, as Robaws wraps lists.
#[derive(Debug, Deserialize)]
pub(crate) struct ListPage<T> {
    pub(crate) items: Vec<T>,
    #[serde(rename = "totalPages", default)]
    pub(crate) total_pages: u64,
    #[serde(rename = "totalItems", default)]
    pub(crate) total_items: u64,
}

/// Anything of Robaws that has an id and a name: a client, a user, a company.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NamedItem {
    /// Robaws' id, sent as a number or a text.
    #[serde(deserialize_with = "deserialize_id")]
    pub id: String,
    /// `name`; of users `fullName`.
    #[serde(default, alias = "fullName")]
    pub name: Option<String>,
}

impl NamedItem {
    /// Whether the name contains `text`, in any case.
    pub fn name_contains(&self, text: &str) -> bool {
        let name = self.name.as_deref().unwrap_or_default();
        name.to_lowercase().contains(&text.to_lowercase())
    }
}

/// An article as Robaws sends it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireArticle {
    #[serde(deserialize_with = "deserialize_id")]
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) article_number: Option<String>,
    #[serde(default)]
    stock_article: Option<bool>,
    #[serde(default)]
    archived_at: Option<String>,
    #[serde(default)]
    deleted_at: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    sale_name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default, deserialize_with = "deserialize_lenient_decimal")]
    cost_price: Option<Decimal>,
    #[serde(default, deserialize_with = "deserialize_lenient_decimal")]
    sale_price: Option<Decimal>,
    #[serde(default, deserialize_with = "deserialize_lenient_decimal")]
    available_stock: Option<Decimal>,
    #[serde(default, deserialize_with = "deserialize_optional_id")]
    vat_tariff_id: Option<String>,
    #[serde(default, deserialize_with = "deserialize_present_value")]
    extra_fields: Option<Value>,
}

impl WireArticle {
    pub(crate) fn is_live(&self) -> bool {
        self.archived_at.is_none() && self.deleted_at.is_none()
    }

    /// Whether the checkbox is ticked. `None` when the answer held no extra fields at all, which says nothing of the checkbox.
    fn checkbox_state(&self) -> Option<bool> {
        match self.extra_fields.as_ref()? {
            Value::Null => Some(false),
            Value::Object(fields) => {
                let ticked = fields.get(CHECKBOX).and_then(|field| field.get("booleanValue"));
                Some(ticked == Some(&Value::Bool(true)))
            }
            _ => None,
        }
    }

    pub(crate) fn into_detail(self) -> Option<ArticleDetail> {
        Some(ArticleDetail {
            ticked: self.checkbox_state(),
            live: self.is_live(),
            has_checkbox: self.has_checkbox(),
            id: ArticleId::parse(self.id).ok()?,
            number: self.article_number,
            name: self.name,
            sale_name: self.sale_name,
            description: self.description,
            cost_price: self.cost_price,
            sale_price: self.sale_price,
            available_stock: self.available_stock,
            vat_tariff_id: self.vat_tariff_id.and_then(|id| VatTariffId::parse(id).ok()),
            stock_article: self.stock_article.unwrap_or(false),
        })
    }

    fn has_checkbox(&self) -> bool {
        self.extra_fields.as_ref().is_some_and(|fields| fields.get(CHECKBOX).is_some())
    }

    /// The article as people choose one. `None` when the article is archived or deleted.
    pub(crate) fn into_found(self) -> Option<FoundArticle> {
        if !self.is_live() {
            return None;
        }
        Some(FoundArticle {
            id: ArticleId::parse(self.id).ok()?,
            number: self.article_number,
            name: self.name,
        })
    }

    pub(crate) fn into_article(self) -> Option<Article> {
        let live = self.is_live();
        Some(Article {
            id: ArticleId::parse(self.id).ok()?,
            number: self.article_number,
            stock_article: self.stock_article.unwrap_or(false),
            live,
        })
    }
}

/// A VAT tariff as Robaws sends it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireTariff {
    #[serde(deserialize_with = "deserialize_id")]
    pub(crate) id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default, deserialize_with = "deserialize_decimal")]
    percentage: Option<Decimal>,
    #[serde(default)]
    vat_inclusive: Option<bool>,
}

impl WireTariff {
    pub(crate) fn into_tariff(self) -> Option<VatTariff> {
        Some(VatTariff {
            id: VatTariffId::parse(self.id).ok()?,
            name: self.name.unwrap_or_default(),
            percentage: self.percentage?,
            vat_inclusive: self.vat_inclusive.unwrap_or(false),
        })
    }
}

/// A stock change as Robaws sends it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StockChange {
    #[serde(deserialize_with = "deserialize_document_id")]
    pub id: DocumentId,
    /// Whether the stock moved. A stock change that is not booked moved nothing.
    #[serde(default)]
    pub booked: bool,
    /// The description, as the connector wrote it.
    #[serde(default)]
    pub description: Option<String>,
    /// The location that stock is taken from.
    #[serde(default, deserialize_with = "deserialize_optional_id")]
    pub from_stock_location_id: Option<String>,
    /// The location that stock is put to.
    #[serde(default, deserialize_with = "deserialize_optional_id")]
    pub to_stock_location_id: Option<String>,
    /// The lines, when they were asked for.
    #[serde(default, rename = "lineItems")]
    pub lines: Option<Vec<StockChangeLine>>,
}

/// A line of a stock change as Robaws sends it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StockChangeLine {
    #[serde(default, deserialize_with = "deserialize_optional_id")]
    pub article_id: Option<String>,
    /// Quantity in pieces, always positive.
    #[serde(default, deserialize_with = "deserialize_decimal")]
    pub quantity: Option<Decimal>,
}

impl StockChange {
    /// What the answer proves about an attempt: done only when it shows a booked stock change with our mark.
    pub fn attempt_outcome(&self, mark: &str) -> AttemptOutcome {
        let ours = self.description.as_deref().is_some_and(|text| text.contains(mark));
        if self.booked && ours {
            AttemptOutcome::Done { robaws_id: self.id.clone(), number: None }
        } else {
            AttemptOutcome::Unknown
        }
    }

    /// Whether the description carries a mark of this product, of whatever connection.
    pub fn has_mark_of_ours(&self) -> bool {
        self.description.as_deref().is_some_and(domain::reference::has_row_mark)
    }
}

/// A webhook endpoint as Robaws sends it.
#[derive(Debug, Deserialize)]
pub struct WebhookEndpoint {
    #[serde(deserialize_with = "deserialize_id")]
    pub id: String,
    /// The URL that Robaws delivers to.
    #[serde(default)]
    pub url: String,
    /// The secret that deliveries are signed with. Shown only in the answer that makes the endpoint.
    #[serde(default)]
    pub secret: Option<SecretString>,
}

/// The body that makes a webhook endpoint for changes of articles.
pub(crate) fn webhook_body(url: &str) -> String {
    json!({ "url": url, "events": ["article.created", "article.updated", "article.stock-changed"] })
        .to_string()
}

/// A task to be made, which tells a user of Robaws what to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTask {
    pub title: String,
    pub description: String,
    /// The user that the task is assigned to.
    pub user: UserId,
    /// Path of the document that the task is about, such as `/sales-invoices/1`.
    pub related: Option<String>,
}

/// The body that makes a task.
pub(crate) fn task_body(task: &NewTask) -> String {
    let mut body = json!({
        "title": task.title, "description": task.description, "status": TASK_OPEN, "assignedUserId": task.user,
    });
    if let Some(related) = &task.related {
        body["relatedResource"] = json!(related);
    }
    body.to_string()
}

/// The body that closes a task.
pub(crate) fn task_done_body() -> String {
    json!({ "status": TASK_DONE }).to_string()
}

/// Robaws' word for the status of an open task.
const TASK_OPEN: &str = "Te doen";
/// Robaws' word for the status of a closed task.
const TASK_DONE: &str = "Gedaan";

/// A sales invoice or credit note as Robaws sends it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invoice {
    #[serde(deserialize_with = "deserialize_document_id")]
    pub id: DocumentId,
    /// `INVOICE` or `CREDIT_NOTE`.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// The number that people know. A draft may have none.
    #[serde(default, rename = "logicId")]
    pub number: Option<String>,
    #[serde(default, deserialize_with = "deserialize_optional_id")]
    pub client_id: Option<String>,
    /// The date of the document, with or without a time.
    #[serde(default)]
    pub date: Option<String>,
    /// The company of the tenant that invoices.
    #[serde(default, deserialize_with = "deserialize_optional_id")]
    pub company_id: Option<String>,
    #[serde(default, deserialize_with = "deserialize_optional_id")]
    pub payment_condition_id: Option<String>,
    /// The reference, as the connector wrote it.
    #[serde(default)]
    pub client_reference: Option<String>,
    /// Whether the document is booked. Otherwise it is a draft.
    #[serde(default)]
    pub booked: bool,
    /// VAT-inclusive total in euros. May be null on a draft.
    #[serde(default, deserialize_with = "deserialize_decimal")]
    pub total_incl_vat: Option<Decimal>,
    /// The lines, when they were asked for, without text lines.
    #[serde(default, rename = "lineItems", deserialize_with = "deserialize_invoice_lines")]
    pub lines: Vec<ShownInvoiceLine>,
}

impl Invoice {
    /// What the answer proves about an attempt: done only when it shows a document of `kind` with our reference.
    pub fn attempt_outcome(&self, reference: &str, kind: DocumentKind) -> AttemptOutcome {
        if self.client_reference.as_deref() == Some(reference) && self.is_of_kind(kind) {
            AttemptOutcome::Done { robaws_id: self.id.clone(), number: self.number.clone() }
        } else {
            AttemptOutcome::Unknown
        }
    }

    /// The day in `date`, when the document shows one.
    pub fn day(&self) -> Option<Date> {
        self.date.as_deref()?.get(..10)?.parse().ok()
    }

    /// Whether the document is an invoice, or a credit note, as `kind` says.
    pub fn is_of_kind(&self, kind: DocumentKind) -> bool {
        self.kind.as_deref().unwrap_or(INVOICE_TYPE) == document_type(kind)
    }
}

const INVOICE_TYPE: &str = "INVOICE";

fn document_type(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Invoice => INVOICE_TYPE,
        DocumentKind::CreditNote => "CREDIT_NOTE",
    }
}

/// A line of an invoice or credit note as Robaws sends it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownInvoiceLine {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "deserialize_optional_id")]
    pub article_id: Option<String>,
    /// Quantity in pieces. Negative for a discount.
    #[serde(default, deserialize_with = "deserialize_decimal")]
    pub quantity: Option<Decimal>,
    /// Price of one piece in euros.
    #[serde(default, deserialize_with = "deserialize_decimal")]
    pub price: Option<Decimal>,
    #[serde(default, deserialize_with = "deserialize_optional_id")]
    pub vat_tariff_id: Option<String>,
}

/// The body of a stock change. Items of the same article become one line.
pub fn stock_change_body(
    date: Date,
    description: &str,
    direction: Direction,
    location: &StockLocationId,
    items: &[StockItem],
) -> String {
    let mut quantities: BTreeMap<&ArticleId, u64> = BTreeMap::new();
    for item in items {
        *quantities.entry(&item.article_id).or_default() += u64::from(item.quantity);
    }
    let lines: Vec<Value> = quantities
        .into_iter()
        .map(|(article, quantity)| json!({ "articleId": article.as_str(), "quantity": quantity }))
        .collect();
    let side = match direction {
        Direction::Out => "fromStockLocationId",
        Direction::In => "toStockLocationId",
    };
    json!({
        "date": date.to_string(),
        "description": description,
        side: location.as_str(),
        "booked": true,
        "lineItems": lines,
    })
    .to_string()
}

/// The body of the header of an invoice or credit note. The document is always a draft first.
pub fn invoice_header_body(kind: DocumentKind, header: &InvoiceHeader) -> String {
    let mut body = Map::new();
    body.insert("type".to_owned(), document_type(kind).into());
    body.insert("clientId".to_owned(), header.client_id.as_str().into());
    body.insert("date".to_owned(), header.date.to_string().into());
    body.insert("clientReference".to_owned(), header.reference.as_str().into());
    body.insert("remark".to_owned(), header.remark.as_str().into());
    body.insert("booked".to_owned(), false.into());
    if let Some(company) = &header.company_id {
        body.insert("companyId".to_owned(), company.as_str().into());
    }
    if let Some(condition) = &header.payment_condition_id {
        body.insert("paymentConditionId".to_owned(), condition.as_str().into());
    }
    Value::Object(body).to_string()
}

/// The remark in the body of a header. Empty when there is none.
pub fn read_remark(header: &str) -> String {
    let body: Value = serde_json::from_str(header).unwrap_or_default();
    let remark = body.get("remark").and_then(Value::as_str);
    remark.unwrap_or_default().to_owned()
}

/// The body of one line of an invoice or credit note.
pub fn invoice_line_body(line: &InvoiceLine) -> String {
    let mut body = Map::new();
    body.insert("type".to_owned(), "LINE".into());
    if let Some(article) = &line.article_id {
        body.insert("articleId".to_owned(), article.as_str().into());
    }
    body.insert("description".to_owned(), line.description.as_str().into());
    body.insert("quantity".to_owned(), line.quantity.into());
    body.insert("price".to_owned(), euros_as_json(line.price));
    body.insert("vatTariffId".to_owned(), line.vat_tariff_id.as_str().into());
    Value::Object(body).to_string()
}

/// An amount in euros as a JSON number.
fn euros_as_json(cents: Cents) -> Value {
    let text = cents.to_euros().normalize().to_string();
    // Two decimals always parse. Were that wrong, Robaws would refuse the text and never book a wrong amount.
    Number::from_str(&text).map_or(Value::String(text), Value::Number)
}

/// The sentence of Robaws in the body of a refusal, cut at 300 characters, and its correlation id. The body may be no JSON.
pub(crate) fn read_error_message(body: &[u8], status: u16) -> (String, Option<String>) {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| json.get(key).and_then(Value::as_str).filter(|t| !t.is_empty());
    let message =
        text("message").or_else(|| text("error")).map_or_else(|| format!("HTTP {status}"), str::to_owned);
    (message.chars().take(300).collect(), text("correlationId").map(str::to_owned))
}

fn text_or_number(value: Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn deserialize_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    text_or_number(Value::deserialize(deserializer)?)
        .ok_or_else(|| serde::de::Error::custom("an id is missing"))
}

fn deserialize_optional_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(text_or_number(Value::deserialize(deserializer)?))
}

fn deserialize_document_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DocumentId, D::Error> {
    DocumentId::parse(deserialize_id(deserializer)?).map_err(serde::de::Error::custom)
}

/// A number or null. Read through the text of the number, never through a float.
fn deserialize_decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    let Some(text) = text_or_number(Value::deserialize(deserializer)?) else {
        return Ok(None);
    };
    Decimal::from_str(&text)
        .or_else(|_| Decimal::from_scientific(&text))
        .map(Some)
        .map_err(serde::de::Error::custom)
}

/// A moment in the form that the filters of Robaws take.
pub(crate) fn format_timestamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A value that is there, `null` included: an absent value and `null` mean different things.
fn deserialize_present_value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// A number, or nothing when the value is no number: one odd value must not hide a whole page of articles.
fn deserialize_lenient_decimal<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Decimal>, D::Error> {
    let text = text_or_number(Value::deserialize(deserializer)?);
    Ok(text.and_then(|text| Decimal::from_str(&text).or_else(|_| Decimal::from_scientific(&text)).ok()))
}

fn deserialize_invoice_lines<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<ShownInvoiceLine>, D::Error> {
    let lines = Option::<Vec<ShownInvoiceLine>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(lines.into_iter().filter(|line| line.kind.as_deref() != Some("TEXT")).collect())
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
