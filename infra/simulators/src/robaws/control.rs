//! The control API of the simulated Robaws: the tenants' data for people and scripts.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::model::{Article, VatTariff};
use super::{Module, RobawsSim, RobawsTenant};
use crate::number;
use crate::traffic::control::{
    answer_shared_call, parse_body, reply_error, reply_no_content, reply_ok, reply_unknown_route,
};
use crate::traffic::{Reply, Request, merge_patch};

const HELP: [&str; 24] = [
    "GET|POST|DELETE /_control/faults",
    "GET|PUT /_control/outage  \"drop\" | \"unavailable\" | null",
    "GET|DELETE /_control/calls ?path=",
    "GET /_control/violations",
    "POST /_control/reset",
    "GET /_control/tenants",
    "GET|PATCH /_control/tenants/{tenant}/settings",
    "PUT|DELETE /_control/tenants/{tenant}/api-users/{key}  {secret, modules?}",
    "GET|POST /_control/tenants/{tenant}/articles  POST gives the article the next free id",
    "GET|PUT|PATCH|DELETE /_control/tenants/{tenant}/articles/{id}  PATCH ?silent=true fires no event",
    "POST /_control/tenants/{tenant}/articles/{id}/archive",
    "POST /_control/tenants/{tenant}/articles/{id}/restore",
    "POST /_control/tenants/{tenant}/articles/{id}/tick  {ticked?}",
    "GET|PUT /_control/tenants/{tenant}/stock  {articleId, stockLocationId, quantity}",
    "GET /_control/tenants/{tenant}/stock-changes",
    "GET /_control/tenants/{tenant}/sales-invoices",
    "POST /_control/tenants/{tenant}/sales-invoices/{id}/book",
    "DELETE /_control/tenants/{tenant}/{sales-invoices|stock-changes|tasks|webhook-endpoints}/{id}",
    "GET /_control/tenants/{tenant}/tasks",
    "GET /_control/tenants/{tenant}/webhook-endpoints",
    "GET /_control/tenants/{tenant}/vat-tariffs",
    "PUT|DELETE /_control/tenants/{tenant}/vat-tariffs/{id}  {name, percentage, vatInclusive}",
    "GET /_control/tenants/{tenant}/{stock-locations|clients|users}",
    "PUT|DELETE /_control/tenants/{tenant}/{stock-locations|clients|users|companies|payment-conditions}/{id}  {name}",
];

pub(crate) fn answer_control_call(sim: &RobawsSim, request: &Request) -> Reply {
    if let Some(reply) = answer_shared_call(&sim.0.traffic, request) {
        return reply;
    }
    match (&request.method, request.raw_segments().as_slice()) {
        (&Method::GET, [""]) => {
            reply_ok(&json!({"peer": "robaws", "otherPage": sim.other_page(), "routes": HELP}))
        }
        (&Method::POST, ["reset"]) => {
            sim.reset_to_baseline();
            reply_no_content()
        }
        (&Method::GET, ["tenants"]) => reply_ok(&json!(sim.tenants())),
        (_, ["tenants", name, rest @ ..]) => {
            if !sim.tenants().iter().any(|known| known == name) && request.method == Method::GET {
                return reply_error(StatusCode::NOT_FOUND, &format!("there is no tenant {name}"));
            }
            answer_for_tenant(&sim.tenant_named(name), request, rest).unwrap_or_else(|reply| *reply)
        }
        _ => reply_unknown_route(request),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StockBody {
    article_id: String,
    stock_location_id: String,
    #[serde(with = "number::field")]
    quantity: Decimal,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserBody {
    secret: String,
    modules: Option<BTreeSet<Module>>,
}

#[derive(Deserialize)]
struct NameBody {
    name: String,
}

#[derive(Deserialize)]
struct TickBody {
    #[serde(default = "default_to_true")]
    ticked: bool,
}

fn default_to_true() -> bool {
    true
}

fn reply_names(records: Vec<(String, String)>) -> Reply {
    let rows = records.into_iter();
    reply_ok(&rows.map(|(id, name)| json!({"id": id, "name": name})).collect())
}

fn reply_if_found(found: bool) -> Reply {
    if found { reply_no_content() } else { reply_error(StatusCode::NOT_FOUND, "there is no such record") }
}

fn answer_for_tenant(tenant: &RobawsTenant, request: &Request, rest: &[&str]) -> Result<Reply, Box<Reply>> {
    let invalid =
        |error: serde_json::Error| Box::new(reply_error(StatusCode::BAD_REQUEST, &error.to_string()));
    let reply = match (&request.method, rest) {
        (&Method::GET, ["settings"]) => reply_ok(&json!(tenant.settings())),
        (&Method::PATCH, ["settings"]) => {
            reply_ok(&json!(tenant.patch_settings(&parse_body::<Value>(request)?).map_err(invalid)?))
        }
        (&Method::PUT, ["api-users", key]) => {
            let user: UserBody = parse_body(request)?;
            let modules = user.modules.map_or_else(|| Module::ALL.to_vec(), |set| set.into_iter().collect());
            tenant.add_user(key, &user.secret, &modules);
            reply_no_content()
        }
        (&Method::DELETE, ["api-users", key]) => {
            tenant.remove_user(key);
            reply_no_content()
        }
        (_, ["articles", rest @ ..]) => answer_for_articles(tenant, request, rest)?,
        (&Method::GET, ["stock"]) => {
            let stock = tenant.all_stock().into_iter();
            let rows = stock.map(|(article, location, pieces)| {
                json!({"articleId": article, "stockLocationId": location, "quantity": number::to_json(pieces)})
            });
            reply_ok(&rows.collect())
        }
        (&Method::PUT, ["stock"]) => {
            let stock: StockBody = parse_body(request)?;
            tenant.set_stock(&stock.article_id, &stock.stock_location_id, stock.quantity);
            reply_no_content()
        }
        (&Method::GET, ["stock-changes"]) => reply_ok(&json!(tenant.stock_changes())),
        (&Method::GET, ["sales-invoices"]) => reply_ok(&json!(tenant.invoices())),
        (&Method::POST, ["sales-invoices", id, "book"]) => reply_if_found(tenant.book_invoice(id)),
        (&Method::GET, ["stock-locations"]) => reply_names(tenant.stock_locations()),
        (&Method::GET, ["clients"]) => reply_names(tenant.clients()),
        (&Method::GET, ["users"]) => reply_names(tenant.users()),
        (&Method::GET, ["tasks"]) => reply_ok(&json!(tenant.tasks())),
        (&Method::GET, ["webhook-endpoints"]) => reply_ok(&json!(tenant.webhook_endpoints())),
        (&Method::GET, ["vat-tariffs"]) => reply_ok(&json!(tenant.vat_tariffs())),
        (&Method::PUT, ["vat-tariffs", id]) => {
            let tariff = VatTariff { id: (*id).to_owned(), ..parse_body(request)? };
            tenant.put_vat_tariff(tariff);
            reply_no_content()
        }
        (&Method::PUT, [kind, id]) => {
            let NameBody { name } = parse_body(request)?;
            match Module::from_segment(kind) {
                Some(Module::StockLocations) => tenant.put_stock_location(id, &name),
                Some(Module::Clients) => tenant.put_client(id, &name),
                Some(Module::Users) => tenant.put_user(id, &name),
                Some(Module::Companies) => tenant.put_company(id, &name),
                Some(Module::PaymentConditions) => tenant.put_payment_condition(id, &name),
                _ => return Ok(reply_unknown_route(request)),
            };
            reply_no_content()
        }
        (&Method::DELETE, [kind, id]) => match Module::from_segment(kind) {
            Some(module) => reply_if_found(tenant.remove_record(module, id)),
            None => reply_unknown_route(request),
        },
        _ => reply_unknown_route(request),
    };
    Ok(reply)
}

fn answer_for_articles(tenant: &RobawsTenant, request: &Request, rest: &[&str]) -> Result<Reply, Box<Reply>> {
    let invalid =
        |error: serde_json::Error| Box::new(reply_error(StatusCode::BAD_REQUEST, &error.to_string()));
    let unknown = || Box::new(reply_error(StatusCode::NOT_FOUND, "there is no such article"));
    Ok(match (&request.method, rest) {
        (&Method::GET, []) => reply_ok(&json!(tenant.articles())),
        (&Method::POST, []) => {
            let article = Article { id: tenant.next_id(), ..parse_body(request)? };
            tenant.create_article(article.clone());
            Reply::json(StatusCode::CREATED, &json!(tenant.find_article(&article.id)))
        }
        (&Method::GET, [id]) => reply_ok(&json!(tenant.find_article(id).ok_or_else(unknown)?)),
        (&Method::PUT, [id]) => {
            let article = Article { id: (*id).to_owned(), ..parse_body(request)? };
            if tenant.find_article(id).is_some() {
                tenant.edit_article(id, |stored| *stored = article);
            } else {
                tenant.create_article(article);
            }
            reply_no_content()
        }
        (&Method::PATCH, [id]) => {
            let mut value = json!(tenant.find_article(id).ok_or_else(unknown)?);
            merge_patch(&mut value, &parse_body::<Value>(request)?);
            let article: Article = serde_json::from_value(value).map_err(invalid)?;
            let edit = |stored: &mut Article| *stored = Article { id: (*id).to_owned(), ..article };
            reply_if_found(if request.param("silent") == Some("true") {
                tenant.edit_article_silently(id, edit)
            } else {
                tenant.edit_article(id, edit)
            })
        }
        (&Method::DELETE, [id]) => reply_if_found(tenant.remove_article(id)),
        (&Method::POST, [id, "archive"]) => reply_if_found(tenant.archive_article(id)),
        (&Method::POST, [id, "restore"]) => reply_if_found(tenant.restore_article(id)),
        (&Method::POST, [id, "tick"]) => {
            let TickBody { ticked } =
                if request.body.is_empty() { TickBody { ticked: true } } else { parse_body(request)? };
            reply_if_found(tenant.edit_article(id, |article| article.set_tick(ticked)))
        }
        _ => reply_unknown_route(request),
    })
}
