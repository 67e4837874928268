//! Answers calls of the resources that can only be read: stock locations, VAT tariffs, clients, users, companies, payment
//! conditions.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::access::{Module, Refusal};
use super::fields::{Answer, Scene};
use super::lists::{num, page};
use super::model::VatTariff;
use super::state::{Data, Named, Table};
use crate::traffic::{Reply, Request};

pub(crate) fn handle(scene: &mut Scene<'_>, request: &Request, module: Module, rest: &[&str]) -> Answer {
    match (&request.method, rest) {
        (&Method::GET, []) => {
            scene.know_params(request, if module == Module::Clients { &["name"] } else { &[] });
            let mut rows = rows(scene.data, module);
            if module == Module::Clients
                && let Some(wanted) = scene.filter(request, "name").map(str::to_lowercase)
            {
                rows.retain(|row| {
                    row["name"]
                        .as_str()
                        .is_some_and(|name| name.to_lowercase().contains(&wanted))
                });
            }
            page(scene, request, rows)
        }
        (&Method::GET, [id]) => {
            let row = rows(scene.data, module).into_iter().find(|row| row["id"] == **id);
            row.map(|row| Reply::json(StatusCode::OK, &row))
                .ok_or_else(Refusal::not_found)
        }
        _ => Err(super::no_such_method(rest.len() < 2)),
    }
}

fn rows(data: &Data, module: Module) -> Vec<Value> {
    match module {
        Module::VatTariffs => data.tariffs.iter().map(tariff).collect(),
        Module::StockLocations => named(&data.locations, "name"),
        Module::Clients => clients(&data.clients),
        Module::Users => named(&data.users, "fullName"),
        Module::Companies => named(&data.companies, "name"),
        Module::PaymentConditions => named(&data.conditions, "name"),
        Module::Articles
        | Module::StockChanges
        | Module::SalesInvoices
        | Module::Tasks
        | Module::WebhookEndpoints => Vec::new(),
    }
}

fn named(table: &Table<Named>, label: &str) -> Vec<Value> {
    table
        .iter()
        .map(|record| json!({"id": record.id, label: record.name}))
        .collect()
}

/// Clients. Their number (`logicId`) is their id here.
fn clients(table: &Table<Named>) -> Vec<Value> {
    table
        .iter()
        .map(|record| json!({"id": record.id, "logicId": record.id, "name": record.name}))
        .collect()
}

fn tariff(tariff: &VatTariff) -> Value {
    json!({
        "id": tariff.id,
        "name": tariff.name,
        "percentage": num(tariff.percentage),
        "vatInclusive": tariff.vat_inclusive,
    })
}
