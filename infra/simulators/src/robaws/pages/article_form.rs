//! The forms of an article: its fields, and its stock.

use rust_decimal::Decimal;

use crate::pages::form::{Form, pieces, price};
use crate::pages::text::{self, plain};
use crate::robaws::{Article, RobawsTenant};

/// The choices for a VAT tariff: value and label. One that an article has and that is gone stays a choice.
pub(super) fn tariff_choices(tenant: &RobawsTenant, current: Option<&str>) -> Vec<(String, String)> {
    let mut choices = vec![(String::new(), "None".to_owned())];
    let tariffs = tenant.vat_tariffs().into_iter();
    choices.extend(tariffs.map(|tariff| {
        let label = format!("{}: {}", tariff.id, tariff.name);
        (tariff.id, label)
    }));
    if let Some(id) = current
        && !choices.iter().any(|(known, _)| known == id)
    {
        choices.push((id.to_owned(), format!("{id}: does not exist any more")));
    }
    choices
}

/// The form with an article's fields in it.
pub(super) fn filled(article: &Article) -> Form {
    let words = |field: &Option<String>| field.clone().unwrap_or_default();
    Form::default()
        .with("articleNumber", words(&article.article_number))
        .with("name", words(&article.name))
        .with("description", words(&article.description))
        .with("costPrice", text::price(article.cost_price))
        .with("salePrice", text::price(article.sale_price))
        .with("vatTariffId", words(&article.vat_tariff_id))
        .with_check("stockArticle", article.stock_article)
}

/// Puts what was typed into an article; what cannot be read is noted in the form.
pub(super) fn apply(tenant: &RobawsTenant, form: &mut Form, article: &mut Article) {
    for (field, target) in [
        ("articleNumber", &mut article.article_number),
        ("name", &mut article.name),
        ("description", &mut article.description),
    ] {
        // As typed, spaces included: Robaws normalises nothing. Line ends are the browser's.
        let before = target.as_deref().unwrap_or_default().replace("\r\n", "\n");
        if before != form.text(field) {
            *target = form.filled(field);
        }
    }
    for (field, label, target) in [
        ("costPrice", "Cost price", &mut article.cost_price),
        ("salePrice", "Sale price", &mut article.sale_price),
    ] {
        // A price that was not touched stays, whatever it is.
        if form.text(field) != text::price(*target)
            && let Some(price) = form.take(field, label, price)
        {
            *target = price;
        }
    }
    let tariff = form.filled("vatTariffId");
    if tariff != article.vat_tariff_id {
        let known = tenant.vat_tariffs();
        match &tariff {
            Some(id) if !known.iter().any(|tariff| tariff.id == *id) => {
                form.refuse(
                    "vatTariffId",
                    "VAT tariff",
                    format!("There is no VAT tariff {id}."),
                );
            }
            _ => article.vat_tariff_id = tariff,
        }
    }
    article.stock_article = form.checked("stockArticle");
}

/// The field of the stock at a location.
pub(super) fn stock_field(location: &str) -> String {
    format!("stock-{location}")
}

/// The form with an article's stock in it.
pub(super) fn stock(tenant: &RobawsTenant, article: &Article) -> Form {
    let locations = tenant.stock_locations().into_iter();
    locations.fold(Form::default(), |form, (id, _)| {
        form.with(&stock_field(&id), plain(tenant.stock(&article.id, &id)))
    })
}

/// The stock that was typed, by location, where it is another than before.
pub(super) fn read_stock(
    tenant: &RobawsTenant,
    form: &mut Form,
    article: &Article,
) -> Vec<(String, Decimal)> {
    let locations = tenant.stock_locations();
    for field in form.names() {
        let location = field.strip_prefix("stock-");
        if let Some(id) = location
            && !locations.iter().any(|(known, _)| known == id)
        {
            form.refuse("", "", format!("There is no stock location {id}."));
        }
    }
    if !article.stock_article {
        form.refuse("", "", "This article can have no stock.");
    }
    let mut changes = Vec::new();
    for (id, name) in locations {
        let field = stock_field(&id);
        let before = tenant.stock(&article.id, &id);
        if form.has(&field)
            && form.text(&field) != plain(before)
            && let Some(pieces) = form.take(&field, &name, pieces)
        {
            changes.push((id, pieces));
        }
    }
    changes
}
