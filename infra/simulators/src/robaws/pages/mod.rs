//! Robaws' pages for people: articles and their stock, documents, tasks, VAT tariffs.

mod article_form;
mod articles;
mod documents;
mod tariffs;
mod tasks;

use std::collections::BTreeMap;

use http::Method;

use super::{RobawsSim, RobawsTenant};
use crate::pages::{Answer, Ask, House, NoPage, answer};
use crate::traffic::{Reply, Request};

static HOUSE: House = House {
    name: "Robaws",
    owner: "tenant",
    sections: &[
        ("Articles", "articles"),
        ("Stock changes", "stock-changes"),
        ("Sales invoices", "sales-invoices"),
        ("Tasks", "tasks"),
        ("VAT tariffs", "vat-tariffs"),
    ],
};

pub(crate) fn handle(sim: &RobawsSim, request: &Request) -> Reply {
    answer(&HOUSE, &sim.tenants(), request, |name, ask| {
        route(&sim.tenant(name), ask)
    })
}

fn route(tenant: &RobawsTenant, ask: &Ask<'_>) -> Answer {
    match (&ask.method, ask.segments().as_slice()) {
        (&Method::GET, [] | ["articles"]) => articles::list(tenant, ask),
        (_, ["new-article"]) => articles::create(tenant, ask),
        (_, ["articles", id, rest @ ..]) => articles::one(tenant, ask, id, rest),
        (&Method::GET, ["stock-changes"]) => documents::stock_changes(tenant, ask),
        (&Method::GET, ["stock-changes", id]) => documents::stock_change(tenant, ask, id),
        (&Method::GET, ["sales-invoices"]) => documents::invoices(tenant, ask),
        (_, ["sales-invoices", id, rest @ ..]) => documents::invoice(tenant, ask, id, rest),
        (&Method::GET, ["tasks"]) => tasks::list(tenant, ask),
        (&Method::GET, ["tasks", id]) => tasks::one(tenant, ask, id),
        (&Method::GET, ["vat-tariffs"]) => tariffs::list(tenant, ask),
        (_, ["new-vat-tariff"]) => tariffs::create(tenant, ask),
        (_, ["vat-tariffs", id]) => tariffs::one(tenant, ask, id),
        _ => Err(NoPage::here()),
    }
}

/// Names by id, for records that are referred to; one that is gone shows its id.
struct Names(BTreeMap<String, String>);

impl Names {
    fn new(records: Vec<(String, String)>) -> Self {
        Self(records.into_iter().collect())
    }

    fn of_articles(tenant: &RobawsTenant) -> Self {
        let articles = tenant.articles().into_iter();
        let label = |number: Option<String>, name: Option<String>| {
            [number, name].into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        Self(
            articles
                .map(|article| (article.id, label(article.article_number, article.name)))
                .collect(),
        )
    }

    fn get(&self, id: &str) -> String {
        match self.0.get(id) {
            Some(name) if !name.is_empty() => name.clone(),
            Some(_) => format!("(no name, id {id})"),
            None => format!("(id {id})"),
        }
    }

    /// The name behind an id that may be absent.
    fn find(&self, id: Option<&str>) -> Option<String> {
        id.map(|id| self.get(id))
    }
}
