//! Answers calls of the resources that can only be read: stock locations, VAT tariffs, clients, users, companies, payment
//! conditions.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::access::{Module, Refusal};
use super::fields::{Answer, Scene};
use super::lists::{answer_list_page, decimal_json};
use super::model::VatTariff;
use super::state::{Data, Named, Table};
use crate::traffic::{Reply, Request};

pub(crate) fn answer_directory_call(
    scene: &mut Scene<'_>,
    request: &Request,
    module: Module,
    rest: &[&str],
) -> Answer {
    match (&request.method, rest) {
        (&Method::GET, []) => {
            scene.note_unknown_params(request, if module == Module::Clients { &["name"] } else { &[] });
            let mut rows = render_rows(scene.data, module);
            if module == Module::Clients
                && let Some(wanted) = scene.filter_value(request, "name").map(str::to_lowercase)
            {
                rows.retain(|row| {
                    row["name"].as_str().is_some_and(|name| name.to_lowercase().contains(&wanted))
                });
            }
            answer_list_page(scene, request, rows)
        }
        (&Method::GET, [id]) => {
            let row = render_rows(scene.data, module).into_iter().find(|row| row["id"] == **id);
            row.map(|row| Reply::json(StatusCode::OK, &row)).ok_or_else(Refusal::not_found)
        }
        _ => Err(super::no_such_method(rest.len() < 2)),
    }
}

fn render_rows(data: &Data, module: Module) -> Vec<Value> {
    match module {
        Module::VatTariffs => data.tariffs.iter().map(render_tariff).collect(),
        Module::StockLocations => render_named(&data.locations, "name"),
        Module::Clients => render_clients(&data.clients),
        Module::Users => render_named(&data.users, "fullName"),
        Module::Companies => render_named(&data.companies, "name"),
        Module::PaymentConditions => render_named(&data.conditions, "name"),
        Module::Articles
        | Module::StockChanges
        | Module::SalesInvoices
        | Module::Tasks
        | Module::WebhookEndpoints => Vec::new(),
    }
}

fn render_named(table: &Table<Named>, label: &str) -> Vec<Value> {
    table.iter().map(|record| json!({"id": record.id, label: record.name})).collect()
}

/// Clients. Their number (`logicId`) is their id here.
fn render_clients(table: &Table<Named>) -> Vec<Value> {
    table.iter().map(|record| json!({"id": record.id, "logicId": record.id, "name": record.name})).collect()
}

fn render_tariff(tariff: &VatTariff) -> Value {
    json!({
        "id": tariff.id,
        "name": tariff.name,
        "percentage": decimal_json(tariff.percentage),
        "vatInclusive": tariff.vat_inclusive,
    })
}
