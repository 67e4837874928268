//! The pages of stock changes and of sales invoices and credit notes.

use askama::Template;
use http::{Method, StatusCode};

use super::Names;
use crate::pages::text::{euros, plain, when};
use crate::pages::{Answer, Ask, Frame, NoPage, Pager, html};
use crate::robaws::model::line_totals;
use crate::robaws::{Invoice, InvoiceKind, InvoiceLine, RobawsTenant, StockChange, VatTariff};

struct Change {
    id: String,
    date: String,
    description: String,
    from: Option<String>,
    to: Option<String>,
    booked: bool,
    created: String,
    lines: Vec<ChangeLine>,
}

struct ChangeLine {
    article_id: String,
    article: String,
    quantity: String,
}

impl Change {
    fn new(change: StockChange, locations: &Names, articles: &Names) -> Self {
        let lines = change.line_items.into_iter().map(|line| ChangeLine {
            article: articles.get(&line.article_id),
            article_id: line.article_id,
            quantity: plain(line.quantity),
        });
        Self {
            id: change.id,
            date: change.date,
            description: change.description.unwrap_or_default(),
            from: locations.find(change.from_stock_location_id.as_deref()),
            to: locations.find(change.to_stock_location_id.as_deref()),
            booked: change.booked,
            created: when(change.created_at),
            lines: lines.collect(),
        }
    }
}

#[derive(Template)]
#[template(path = "robaws/stock_changes.html")]
struct Changes {
    frame: Frame,
    rows: Vec<Change>,
    pager: Pager,
}

#[derive(Template)]
#[template(path = "robaws/stock_change.html")]
struct ChangePage {
    frame: Frame,
    change: Change,
}

pub(super) fn stock_changes(tenant: &RobawsTenant, ask: &Ask<'_>) -> Answer {
    let locations = Names::new(tenant.stock_locations());
    let articles = Names::of_articles(tenant);
    let mut changes = tenant.stock_changes();
    changes.reverse();
    let (pager, changes) = Pager::cut(ask, &["stock-changes"], changes);
    let rows = changes.into_iter();
    let page = Changes {
        frame: ask.frame("Stock changes", "stock-changes"),
        rows: rows
            .map(|change| Change::new(change, &locations, &articles))
            .collect(),
        pager,
    };
    html(StatusCode::OK, &page)
}

pub(super) fn stock_change(tenant: &RobawsTenant, ask: &Ask<'_>, id: &str) -> Answer {
    let change = tenant.stock_changes().into_iter().find(|change| change.id == id);
    let change = change.ok_or_else(|| NoPage::Missing(format!("stock change {id}")))?;
    let locations = Names::new(tenant.stock_locations());
    let page = ChangePage {
        frame: ask.frame(format!("Stock change {id}"), "stock-changes"),
        change: Change::new(change, &locations, &Names::of_articles(tenant)),
    };
    html(StatusCode::OK, &page)
}

fn kind(invoice: &Invoice) -> &'static str {
    match invoice.kind {
        InvoiceKind::Invoice => "Invoice",
        InvoiceKind::CreditNote => "Credit note",
    }
}

/// What a person calls it; a draft may have no number yet.
fn number(invoice: &Invoice) -> String {
    let number = invoice.logic_id.clone();
    number.unwrap_or_else(|| format!("(no number yet, id {})", invoice.id))
}

struct Row {
    id: String,
    number: String,
    kind: &'static str,
    date: String,
    client: String,
    reference: String,
    total: String,
    booked: bool,
}

#[derive(Template)]
#[template(path = "robaws/invoices.html")]
struct Invoices {
    frame: Frame,
    rows: Vec<Row>,
    pager: Pager,
}

pub(super) fn invoices(tenant: &RobawsTenant, ask: &Ask<'_>) -> Answer {
    let clients = Names::new(tenant.clients());
    let mut invoices = tenant.invoices();
    invoices.reverse();
    let (pager, invoices) = Pager::cut(ask, &["sales-invoices"], invoices);
    let rows = invoices.into_iter().map(|invoice| Row {
        number: number(&invoice),
        kind: kind(&invoice),
        client: clients.get(&invoice.client_id),
        total: euros(invoice.total_incl_vat),
        id: invoice.id,
        date: invoice.date,
        reference: invoice.client_reference.unwrap_or_default(),
        booked: invoice.booked,
    });
    let page = Invoices {
        frame: ask.frame("Sales invoices", "sales-invoices"),
        rows: rows.collect(),
        pager,
    };
    html(StatusCode::OK, &page)
}

struct Line {
    description: String,
    /// Id and label.
    article: Option<(String, String)>,
    quantity: String,
    price: String,
    tariff: String,
    total: String,
}

impl Line {
    fn new(line: InvoiceLine, articles: &Names, tariffs: &[VatTariff]) -> Self {
        let tariff = line.vat_tariff_id.as_deref();
        let known = tariff.and_then(|id| tariffs.iter().find(|tariff| tariff.id == id));
        let total = match (line.quantity, line.price, known) {
            (Some(quantity), Some(price), Some(tariff)) => euros(line_totals(quantity, price, tariff).1),
            _ => String::new(),
        };
        Self {
            description: line.description,
            article: line.article_id.map(|id| {
                let label = articles.get(&id);
                (id, label)
            }),
            quantity: line.quantity.map(plain).unwrap_or_default(),
            price: line.price.map(euros).unwrap_or_default(),
            tariff: match (tariff, known) {
                (Some(id), Some(tariff)) => format!("{id}: {}", tariff.name),
                (Some(id), None) => format!("{id}: does not exist any more"),
                (None, _) => String::new(),
            },
            total,
        }
    }
}

#[derive(Template)]
#[template(path = "robaws/invoice.html")]
struct InvoicePage {
    frame: Frame,
    id: String,
    heading: String,
    date: String,
    client: String,
    reference: String,
    remark: String,
    booked: bool,
    created: String,
    lines: Vec<Line>,
    total_excl: String,
    total_incl: String,
}

/// One invoice or credit note; a draft can be booked or deleted.
pub(super) fn invoice(tenant: &RobawsTenant, ask: &Ask<'_>, id: &str, rest: &[&str]) -> Answer {
    let invoice = tenant.invoices().into_iter().find(|invoice| invoice.id == id);
    let invoice = invoice.ok_or_else(|| NoPage::Missing(format!("sales invoice {id}")))?;
    let here = ["sales-invoices", id];
    match (&ask.method, rest) {
        (&Method::GET, []) => html(StatusCode::OK, &invoice_page(tenant, ask, invoice)),
        (&Method::POST, ["book"]) => {
            let note = if tenant.book_invoice(id) {
                "booked"
            } else {
                "unchanged"
            };
            Ok(ask.done(&here, note))
        }
        // A booked one stays, as in Robaws.
        (&Method::POST, ["delete"]) if invoice.booked => Ok(ask.done(&here, "unchanged")),
        (&Method::POST, ["delete"]) => {
            tenant.remove_invoice(id);
            Ok(ask.done(&["sales-invoices"], "deleted"))
        }
        _ => Err(NoPage::here()),
    }
}

fn invoice_page(tenant: &RobawsTenant, ask: &Ask<'_>, invoice: Invoice) -> InvoicePage {
    let heading = format!("{} {}", kind(&invoice), number(&invoice));
    let articles = Names::of_articles(tenant);
    let tariffs = tenant.vat_tariffs();
    let lines = invoice.line_items.into_iter();
    InvoicePage {
        frame: ask.frame(heading.clone(), "sales-invoices"),
        id: invoice.id,
        heading,
        date: invoice.date,
        client: Names::new(tenant.clients()).get(&invoice.client_id),
        reference: invoice.client_reference.unwrap_or_default(),
        remark: invoice.remark.unwrap_or_default(),
        booked: invoice.booked,
        created: when(invoice.created_at),
        lines: lines.map(|line| Line::new(line, &articles, &tariffs)).collect(),
        total_excl: euros(invoice.total_excl_vat),
        total_incl: euros(invoice.total_incl_vat),
    }
}
