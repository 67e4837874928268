//! The pages of articles.

use std::collections::BTreeMap;

use askama::Template;
use http::{Method, StatusCode};

use super::Names;
use super::article_form::{apply, filled, read_stock, stock, stock_field, tariff_choices};
use crate::pages::text::{euros, plain};
use crate::pages::{Answer, Ask, Form, Frame, NoPage, Pager, html};
use crate::robaws::{Article, RobawsTenant};

struct Row {
    id: String,
    number: String,
    name: String,
    cost_price: String,
    sale_price: String,
    tariff: String,
    stock: Vec<String>,
    ticked: bool,
    state: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "robaws/articles.html")]
struct List {
    frame: Frame,
    rows: Vec<Row>,
    pager: Pager,
}

pub(super) fn list(tenant: &RobawsTenant, ask: &Ask<'_>) -> Answer {
    let locations = Names::new(tenant.stock_locations());
    let mut stock: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (article, location, pieces) in tenant.all_stock() {
        let text = format!("{}: {}", locations.get(&location), plain(pieces));
        stock.entry(article).or_default().push(text);
    }
    let tariffs = tariff_names(tenant);
    let (pager, articles) = Pager::cut(ask, &["articles"], tenant.articles());
    let rows = articles.into_iter().map(|article| Row {
        number: label(&article),
        name: article.name.clone().unwrap_or_default(),
        cost_price: euros(article.cost_price),
        sale_price: euros(article.sale_price),
        tariff: tariffs.find(article.vat_tariff_id.as_deref()).unwrap_or_default(),
        stock: match stock.remove(&article.id) {
            _ if !article.stock_article => vec!["no stock article".to_owned()],
            Some(stock) => stock,
            None => vec!["0".to_owned()],
        },
        ticked: article.is_ticked(),
        state: state(&article),
        id: article.id,
    });
    let list = List {
        frame: ask.frame("Articles", "articles"),
        rows: rows.collect(),
        pager,
    };
    html(StatusCode::OK, &list)
}

fn tariff_names(tenant: &RobawsTenant) -> Names {
    let tariffs = tenant.vat_tariffs().into_iter();
    Names::new(tariffs.map(|tariff| (tariff.id, tariff.name)).collect())
}

/// What a person calls the article.
fn label(article: &Article) -> String {
    article
        .article_number
        .clone()
        .filter(|number| !number.trim().is_empty())
        .unwrap_or_else(|| format!("(no number, id {})", article.id))
}

fn state(article: &Article) -> Option<&'static str> {
    if article.deleted_at.is_some() {
        Some("deleted")
    } else {
        article.archived_at.map(|_| "archived")
    }
}

/// A form for an article alone: a new one, or one that is gone since its page was opened.
#[derive(Template)]
#[template(path = "robaws/article_form.html")]
struct Blank {
    frame: Frame,
    form: Form,
    tariffs: Vec<(String, String)>,
    new: bool,
    /// Whether an administrator has defined the checkbox.
    checkbox: bool,
}

pub(super) fn create(tenant: &RobawsTenant, ask: &Ask<'_>) -> Answer {
    let (form, status) = if ask.method == Method::POST {
        let mut form = ask.form();
        let mut article = Article::default();
        apply(tenant, &mut form, &mut article);
        if form.errors.is_empty() {
            if form.checked("ticked") && tenant.settings().product_flow_defined {
                article.tick(true);
            }
            let id = tenant.next_id();
            article.id.clone_from(&id);
            tenant.create_article(article);
            return Ok(ask.done(&["articles", &id], "created"));
        }
        (form, StatusCode::UNPROCESSABLE_ENTITY)
    } else {
        (filled(&Article::default()), StatusCode::OK)
    };
    let page = Blank {
        frame: ask.frame("New article", "articles"),
        form,
        tariffs: tariff_choices(tenant, None),
        new: true,
        checkbox: tenant.settings().product_flow_defined,
    };
    html(status, &page)
}

struct Location {
    field: String,
    name: String,
}

#[derive(Template)]
#[template(path = "robaws/article.html")]
struct Page {
    frame: Frame,
    article: Article,
    label: String,
    state: Option<&'static str>,
    /// Whether an administrator has defined the checkbox.
    checkbox: bool,
    form: Form,
    tariffs: Vec<(String, String)>,
    stock: Form,
    locations: Vec<Location>,
}

fn page(tenant: &RobawsTenant, ask: &Ask<'_>, article: Article, form: Form, stock: Form) -> Answer {
    let status = if form.errors.is_empty() && stock.errors.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let locations = tenant.stock_locations().into_iter();
    let page = Page {
        frame: ask.frame(format!("Article {}", label(&article)), "articles"),
        label: label(&article),
        state: state(&article),
        checkbox: tenant.settings().product_flow_defined,
        tariffs: tariff_choices(tenant, article.vat_tariff_id.as_deref()),
        locations: locations
            .map(|(id, name)| Location {
                field: stock_field(&id),
                name,
            })
            .collect(),
        article,
        form,
        stock,
    };
    html(status, &page)
}

/// One article, and what is done to it.
pub(super) fn one(tenant: &RobawsTenant, ask: &Ask<'_>, id: &str, rest: &[&str]) -> Answer {
    let missing = || NoPage::Missing(format!("article {id}"));
    let here = ["articles", id];
    match (&ask.method, rest) {
        (&Method::GET, []) => {
            let article = tenant.article(id).ok_or_else(missing)?;
            let (form, stock) = (filled(&article), stock(tenant, &article));
            page(tenant, ask, article, form, stock)
        }
        // Where a form that was refused stands.
        (&Method::GET, ["stock"]) => Ok(ask.see(&here)),
        (&Method::POST, []) => edit(tenant, ask, id),
        (&Method::POST, ["stock"]) => {
            let article = tenant.article(id).ok_or_else(missing)?;
            set_stock(tenant, ask, article)
        }
        (&Method::POST, [action]) => {
            let (done, note) = match *action {
                "tick" => (tenant.edit_article(id, |article| article.tick(true)), "ticked"),
                "untick" => (tenant.edit_article(id, |article| article.tick(false)), "unticked"),
                "archive" => (tenant.archive_article(id), "archived"),
                "restore" => (tenant.restore_article(id), "restored"),
                _ => return Err(NoPage::here()),
            };
            if done {
                Ok(ask.done(&here, note))
            } else {
                Err(missing())
            }
        }
        _ => Err(NoPage::here()),
    }
}

fn edit(tenant: &RobawsTenant, ask: &Ask<'_>, id: &str) -> Answer {
    let mut form = ask.form();
    let Some(before) = tenant.article(id) else {
        return vanished(tenant, ask, id, form);
    };
    let mut after = before.clone();
    apply(tenant, &mut form, &mut after);
    if !form.errors.is_empty() {
        let stock = stock(tenant, &before);
        return page(tenant, ask, before, form, stock);
    }
    if after == before {
        return Ok(ask.done(&["articles", id], "unchanged"));
    }
    // Only what the form is about: the rest is as it is by now.
    let edited = tenant.edit_article(id, |article| {
        article.article_number = after.article_number;
        article.name = after.name;
        article.description = after.description;
        article.cost_price = after.cost_price;
        article.sale_price = after.sale_price;
        article.vat_tariff_id = after.vat_tariff_id;
        article.stock_article = after.stock_article;
    });
    if edited {
        Ok(ask.done(&["articles", id], "saved"))
    } else {
        vanished(tenant, ask, id, form)
    }
}

/// The article was removed while its page stood open: what was typed is not lost.
fn vanished(tenant: &RobawsTenant, ask: &Ask<'_>, id: &str, mut form: Form) -> Answer {
    form.refuse("", "", format!("There is no article {id}."));
    let page = Blank {
        frame: ask.frame("Article not found", "articles"),
        tariffs: tariff_choices(tenant, form.filled("vatTariffId").as_deref()),
        form,
        new: false,
        checkbox: false,
    };
    html(StatusCode::NOT_FOUND, &page)
}

fn set_stock(tenant: &RobawsTenant, ask: &Ask<'_>, article: Article) -> Answer {
    let mut typed = ask.form();
    let changes = read_stock(tenant, &mut typed, &article);
    if !typed.errors.is_empty() {
        let form = filled(&article);
        return page(tenant, ask, article, form, typed);
    }
    let note = if changes.is_empty() { "unchanged" } else { "stock" };
    for (location, pieces) in changes {
        tenant.set_stock(&article.id, &location, pieces);
    }
    Ok(ask.done(&["articles", &article.id], note))
}
