//! Answers calls of `/sales-invoices`: a header is created first, then lines are added; totals are computed as Robaws does.

use http::{Method, StatusCode};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::access::Refusal;
use super::fields::{self, Answer, Scene};
use super::lists::answer_list_page;
use super::model::{Invoice, InvoiceKind, InvoiceLine, LineKind, line_totals};
use super::settings::Settings;
use super::state::Data;
use crate::traffic::{Reply, Request};

const HEADER: [&str; 8] =
    ["type", "clientId", "date", "clientReference", "remark", "booked", "companyId", "paymentConditionId"];
const LINE: [&str; 6] = ["type", "articleId", "description", "quantity", "price", "vatTariffId"];
const FILTERS: [&str; 6] = ["clientReference", "type", "clientId", "fromDate", "toDate", "updatedFrom"];

pub(crate) fn answer_invoice_call(scene: &mut Scene<'_>, request: &Request, rest: &[&str]) -> Answer {
    match (&request.method, rest) {
        (&Method::GET, []) => list_invoices(scene, request),
        (&Method::POST, []) => create_invoice(scene, request),
        (&Method::GET, [id]) => {
            let include = scene.asked_relations(request, &["lineItems"]);
            let invoice = scene.data.invoices.get(id).ok_or_else(Refusal::not_found)?;
            Ok(Reply::json(StatusCode::OK, &render_invoice(scene.settings, invoice, &include)))
        }
        (&Method::PATCH, [id]) => patch_invoice(scene, request, id),
        (&Method::DELETE, [id]) => {
            if scene.data.invoices.get(id).ok_or_else(Refusal::not_found)?.booked {
                return Err(Refusal::bad_request("a booked invoice can't be deleted"));
            }
            scene.data.invoices.remove(id);
            Ok(Reply::without_body(StatusCode::NO_CONTENT))
        }
        (&Method::POST, [id, "line-items"]) => add_line(scene, request, id),
        _ => Err(super::no_such_method(rest.len() < 2 || rest.get(1) == Some(&"line-items"))),
    }
}

fn render_invoice(settings: &Settings, invoice: &Invoice, include: &[&str]) -> Value {
    let mut row = json!(invoice);
    if !invoice.booked && settings.draft_totals_null {
        row["totalExclVat"] = Value::Null;
        row["totalInclVat"] = Value::Null;
    }
    if let Value::Object(fields) = &mut row
        && !include.contains(&"lineItems")
    {
        fields.remove("lineItems");
    }
    row
}

fn list_invoices(scene: &mut Scene<'_>, request: &Request) -> Answer {
    let include = scene.asked_relations(request, &["lineItems"]);
    scene.note_unknown_params(request, &FILTERS);
    let since = scene.updated_from(request)?;
    let reference = scene.filter_value(request, "clientReference").map(str::to_lowercase);
    let filter = |name| scene.filter_value(request, name);
    let (kind, client) = (filter("type"), filter("clientId"));
    let (from, to) = (filter("fromDate"), filter("toDate"));
    let rows = scene.data.invoices.iter().filter(|invoice| {
        let own = invoice.client_reference.as_deref().unwrap_or_default().to_lowercase();
        reference.as_ref().is_none_or(|wanted| own.contains(wanted))
            && kind.is_none_or(|kind| json!(invoice.kind) == kind)
            && client.is_none_or(|client| invoice.client_id == client)
            && from.is_none_or(|from| invoice.date.as_str() >= from)
            && to.is_none_or(|to| invoice.date.as_str() <= to)
            && since.is_none_or(|since| invoice.updated_at >= since)
    });
    let rows = rows.map(|invoice| render_invoice(scene.settings, invoice, &include)).collect();
    answer_list_page(scene, request, rows)
}

fn parse_kind(body: &Map<String, Value>) -> Result<InvoiceKind, Refusal> {
    match body.get("type").and_then(Value::as_str) {
        Some("INVOICE") => Ok(InvoiceKind::Invoice),
        Some("CREDIT_NOTE") => Ok(InvoiceKind::CreditNote),
        _ => Err(Refusal::bad_request("type: must be INVOICE or CREDIT_NOTE")),
    }
}

fn next_invoice_number(data: &mut Data, kind: InvoiceKind, date: &str) -> String {
    let letter = if kind == InvoiceKind::Invoice { 'F' } else { 'C' };
    let year: String = date.chars().take(4).collect();
    data.next_number(&format!("{letter}{year}"))
}

/// Books a draft. It gets a number unless it has one.
pub(crate) fn book_draft(data: &mut Data, invoice: &mut Invoice) {
    invoice.booked = true;
    if invoice.logic_id.is_none() {
        invoice.logic_id = Some(next_invoice_number(data, invoice.kind, &invoice.date));
    }
}

fn create_invoice(scene: &mut Scene<'_>, request: &Request) -> Answer {
    let body = fields::parse_object(request)?;
    scene.note_unknown_fields(&body, &HEADER);
    let kind = parse_kind(&body)?;
    let date = fields::required_date(&body, "date")?;
    let data = &*scene.data;
    let client = fields::known_id(&body, "clientId", |id| data.clients.contains(id))?;
    let client_id = client.ok_or_else(|| Refusal::bad_request("clientId: must be given"))?;
    let company_id = fields::known_id(&body, "companyId", |id| data.companies.contains(id))?;
    let payment_condition_id =
        fields::known_id(&body, "paymentConditionId", |id| data.conditions.contains(id))?;
    let client_reference = fields::optional_text(&body, "clientReference")?;
    let remark = fields::optional_text(&body, "remark")?;
    let booked = fields::optional_flag(&body, "booked")?.unwrap_or(false);

    let id = scene.data.fresh_id();
    let numbered = booked || !scene.settings.draft_number_null;
    let logic_id = numbered.then(|| next_invoice_number(scene.data, kind, &date));
    let invoice = Invoice {
        id: id.clone(),
        logic_id,
        kind,
        client_id,
        date,
        client_reference,
        remark,
        company_id,
        payment_condition_id,
        booked,
        created_at: scene.now,
        updated_at: scene.now,
        line_items: Vec::new(),
        total_excl_vat: Decimal::ZERO,
        total_incl_vat: Decimal::ZERO,
    };
    let row = render_invoice(scene.settings, &invoice, &[]);
    scene.data.invoices.insert(&id, invoice);
    Ok(Reply::json(StatusCode::CREATED, &row))
}

fn patch_invoice(scene: &mut Scene<'_>, request: &Request, id: &str) -> Answer {
    let body = fields::parse_object(request)?;
    let mut invoice = scene.data.invoices.get(id).ok_or_else(Refusal::not_found)?.clone();
    scene.note_unknown_fields(&body, &HEADER);
    if invoice.booked {
        let says_nothing_new = body.iter().all(|(name, value)| name == "booked" && *value == true);
        return if says_nothing_new {
            Ok(Reply::without_body(StatusCode::NO_CONTENT))
        } else {
            Err(Refusal::bad_request("a booked invoice can't be changed"))
        };
    }
    let data = &*scene.data;
    if body.contains_key("type") && parse_kind(&body)? != invoice.kind {
        return Err(Refusal::bad_request("type: can't be changed"));
    }
    if body.contains_key("date") {
        invoice.date = fields::required_date(&body, "date")?;
    }
    if body.contains_key("clientId") {
        let client = fields::known_id(&body, "clientId", |id| data.clients.contains(id))?;
        invoice.client_id = client.ok_or_else(|| Refusal::bad_request("clientId: must be given"))?;
    }
    if body.contains_key("companyId") {
        invoice.company_id = fields::known_id(&body, "companyId", |id| data.companies.contains(id))?;
    }
    if body.contains_key("paymentConditionId") {
        let conditions = &data.conditions;
        invoice.payment_condition_id =
            fields::known_id(&body, "paymentConditionId", |id| conditions.contains(id))?;
    }
    for (name, field) in [("clientReference", &mut invoice.client_reference), ("remark", &mut invoice.remark)]
    {
        if body.contains_key(name) {
            *field = fields::optional_text(&body, name)?;
        }
    }
    if fields::optional_flag(&body, "booked")? == Some(true) {
        book_draft(scene.data, &mut invoice);
    }
    invoice.updated_at = scene.now;
    scene.data.invoices.insert(id, invoice);
    Ok(Reply::without_body(StatusCode::NO_CONTENT))
}

fn add_line(scene: &mut Scene<'_>, request: &Request, id: &str) -> Answer {
    let body = fields::parse_object(request)?;
    let booked = scene.data.invoices.get(id).ok_or_else(Refusal::not_found)?.booked;
    if booked {
        return Err(Refusal::bad_request("a booked invoice takes no more lines"));
    }
    scene.note_unknown_fields(&body, &LINE);
    let kind = match body.get("type").and_then(Value::as_str) {
        Some("LINE") => LineKind::Line,
        Some("TEXT") => LineKind::Text,
        _ => return Err(Refusal::bad_request("type: must be LINE or TEXT")),
    };
    let description = fields::required_text(&body, "description")?;
    let mut line = InvoiceLine {
        id: String::new(),
        kind,
        article_id: None,
        description,
        quantity: None,
        price: None,
        vat_tariff_id: None,
    };
    if kind == LineKind::Line {
        let data = &*scene.data;
        let missing = |name: &str| Refusal::bad_request(format!("{name}: must be given"));
        line.article_id = fields::known_id(&body, "articleId", |id| data.articles.contains(id))?;
        line.quantity =
            Some(fields::optional_decimal(&body, "quantity")?.ok_or_else(|| missing("quantity"))?);
        let price = fields::optional_decimal(&body, "price")?.ok_or_else(|| missing("price"))?;
        if price < Decimal::ZERO {
            return Err(Refusal::bad_request("price: must not be below 0"));
        }
        line.price = Some(price);
        let tariff = fields::known_id(&body, "vatTariffId", |id| data.tariffs.contains(id))?;
        line.vat_tariff_id = Some(tariff.ok_or_else(|| missing("vatTariffId"))?);
    }
    line.id = scene.data.fresh_id();
    let row = json!(line);
    let totals = sum_line(scene.data, &line);
    let now = scene.now;
    let invoice = scene.data.invoices.get_mut(id).ok_or_else(Refusal::not_found)?;
    invoice.line_items.push(line);
    invoice.total_excl_vat += totals.0;
    invoice.total_incl_vat += totals.1;
    invoice.updated_at = now;
    Ok(Reply::json(StatusCode::CREATED, &row))
}

fn sum_line(data: &Data, line: &InvoiceLine) -> (Decimal, Decimal) {
    let tariff = line.vat_tariff_id.as_deref().and_then(|id| data.tariffs.get(id));
    match (line.quantity, line.price, tariff) {
        (Some(quantity), Some(price), Some(tariff)) => line_totals(quantity, price, tariff),
        _ => (Decimal::ZERO, Decimal::ZERO),
    }
}
