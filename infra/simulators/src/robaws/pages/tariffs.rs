//! The pages of VAT tariffs: listed, created, edited.

use askama::Template;
use http::{Method, StatusCode};

use crate::pages::form::percentage;
use crate::pages::text::plain;
use crate::pages::{Answer, Ask, Form, Frame, NoPage, html};
use crate::robaws::{RobawsTenant, VatTariff};

struct Row {
    id: String,
    name: String,
    percentage: String,
    inclusive: bool,
}

#[derive(Template)]
#[template(path = "robaws/tariffs.html")]
struct List {
    frame: Frame,
    rows: Vec<Row>,
}

pub(super) fn list(tenant: &RobawsTenant, ask: &Ask<'_>) -> Answer {
    let rows = tenant.vat_tariffs().into_iter().map(|tariff| Row {
        id: tariff.id,
        name: tariff.name,
        percentage: plain(tariff.percentage),
        inclusive: tariff.vat_inclusive,
    });
    let page = List {
        frame: ask.frame("VAT tariffs", "vat-tariffs"),
        rows: rows.collect(),
    };
    html(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "robaws/tariff.html")]
struct Page {
    frame: Frame,
    form: Form,
    new: bool,
}

/// The tariff that was typed, without its id.
fn read(form: &mut Form) -> Option<VatTariff> {
    let name = form.text("name").to_owned();
    if name.trim().is_empty() {
        form.refuse("name", "Name", "A VAT tariff has a name.");
    }
    let percentage = form.take("percentage", "Percentage", percentage)?;
    let tariff = VatTariff {
        id: String::new(),
        name,
        percentage,
        vat_inclusive: form.checked("vatInclusive"),
    };
    form.errors.is_empty().then_some(tariff)
}

pub(super) fn create(tenant: &RobawsTenant, ask: &Ask<'_>) -> Answer {
    let mut form = Form::default().with_check("vatInclusive", true);
    let mut status = StatusCode::OK;
    if ask.method == Method::POST {
        form = ask.form();
        if let Some(tariff) = read(&mut form) {
            let id = tenant.next_id();
            tenant.put_vat_tariff(VatTariff {
                id: id.clone(),
                ..tariff
            });
            return Ok(ask.done(&["vat-tariffs", &id], "created"));
        }
        status = StatusCode::UNPROCESSABLE_ENTITY;
    }
    let page = Page {
        frame: ask.frame("New VAT tariff", "vat-tariffs"),
        form,
        new: true,
    };
    html(status, &page)
}

pub(super) fn one(tenant: &RobawsTenant, ask: &Ask<'_>, id: &str) -> Answer {
    let here = ["vat-tariffs", id];
    let tariffs = tenant.vat_tariffs();
    let tariff = tariffs.into_iter().find(|tariff| tariff.id == id);
    let tariff = tariff.ok_or_else(|| NoPage::Missing(format!("VAT tariff {id}")))?;
    let mut form = Form::default()
        .with("name", tariff.name)
        .with("percentage", plain(tariff.percentage))
        .with_check("vatInclusive", tariff.vat_inclusive);
    let mut status = StatusCode::OK;
    if ask.method == Method::POST {
        form = ask.form();
        if let Some(tariff) = read(&mut form) {
            let id = id.to_owned();
            tenant.put_vat_tariff(VatTariff { id, ..tariff });
            return Ok(ask.done(&here, "saved"));
        }
        status = StatusCode::UNPROCESSABLE_ENTITY;
    }
    let page = Page {
        frame: ask.frame(format!("VAT tariff {id}"), "vat-tariffs"),
        form,
        new: false,
    };
    html(status, &page)
}
