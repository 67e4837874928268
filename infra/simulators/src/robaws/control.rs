//! The control API of the simulated Robaws: the tenants' data for people and scripts.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::model::{Article, VatTariff};
use super::{Module, RobawsSim, RobawsTenant};
use crate::number;
use crate::traffic::control::{body, done, fail, missing, ok, shared};
use crate::traffic::{Reply, Request, merge};

const HELP: [&str; 20] = [
    "GET|POST|DELETE /_control/faults",
    "GET|PUT /_control/outage  \"drop\" | \"unavailable\" | null",
    "GET|DELETE /_control/calls ?path=",
    "GET /_control/violations",
    "POST /_control/reset",
    "GET /_control/tenants",
    "GET|PATCH /_control/tenants/{tenant}/settings",
    "PUT|DELETE /_control/tenants/{tenant}/api-users/{key}  {secret, modules?}",
    "GET /_control/tenants/{tenant}/articles",
    "GET|PUT|PATCH|DELETE /_control/tenants/{tenant}/articles/{id}  PATCH ?silent=true fires no event",
    "POST /_control/tenants/{tenant}/articles/{id}/archive",
    "POST /_control/tenants/{tenant}/articles/{id}/tick  {ticked?}",
    "GET|PUT /_control/tenants/{tenant}/stock  {articleId, stockLocationId, quantity}",
    "GET /_control/tenants/{tenant}/stock-changes",
    "GET /_control/tenants/{tenant}/sales-invoices",
    "GET /_control/tenants/{tenant}/tasks",
    "GET /_control/tenants/{tenant}/webhook-endpoints",
    "GET /_control/tenants/{tenant}/vat-tariffs",
    "PUT|DELETE /_control/tenants/{tenant}/vat-tariffs/{id}  {name, percentage, vatInclusive}",
    "PUT|DELETE /_control/tenants/{tenant}/{stock-locations|clients|users|companies|payment-conditions}/{id}  {name}",
];

pub(crate) fn handle(sim: &RobawsSim, request: &Request) -> Reply {
    if let Some(reply) = shared(&sim.0.traffic, request) {
        return reply;
    }
    match (&request.method, request.segments().as_slice()) {
        (&Method::GET, [""]) => ok(&json!({"peer": "robaws", "routes": HELP})),
        (&Method::POST, ["reset"]) => {
            sim.reset();
            done()
        }
        (&Method::GET, ["tenants"]) => ok(&json!(sim.tenants())),
        (_, ["tenants", name, rest @ ..]) => {
            if !sim.tenants().iter().any(|known| known == name) && request.method == Method::GET {
                return fail(StatusCode::NOT_FOUND, &format!("there is no tenant {name}"));
            }
            tenant(&sim.tenant(name), request, rest).unwrap_or_else(|reply| *reply)
        }
        _ => missing(request),
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
    #[serde(default = "yes")]
    ticked: bool,
}

fn yes() -> bool {
    true
}

fn found(found: bool) -> Reply {
    if found {
        done()
    } else {
        fail(StatusCode::NOT_FOUND, "there is no such record")
    }
}

fn tenant(tenant: &RobawsTenant, request: &Request, rest: &[&str]) -> Result<Reply, Box<Reply>> {
    let invalid = |error: serde_json::Error| Box::new(fail(StatusCode::BAD_REQUEST, &error.to_string()));
    let reply = match (&request.method, rest) {
        (&Method::GET, ["settings"]) => ok(&json!(tenant.settings())),
        (&Method::PATCH, ["settings"]) => ok(&json!(
            tenant.patch_settings(&body::<Value>(request)?).map_err(invalid)?
        )),
        (&Method::PUT, ["api-users", key]) => {
            let user: UserBody = body(request)?;
            let modules = user
                .modules
                .map_or_else(|| Module::ALL.to_vec(), |set| set.into_iter().collect());
            tenant.add_user(key, &user.secret, &modules);
            done()
        }
        (&Method::DELETE, ["api-users", key]) => {
            tenant.remove_user(key);
            done()
        }
        (_, ["articles", rest @ ..]) => articles(tenant, request, rest)?,
        (&Method::GET, ["stock"]) => {
            let stock = tenant.all_stock().into_iter();
            let rows = stock.map(|(article, location, pieces)| {
                json!({"articleId": article, "stockLocationId": location, "quantity": number::to_json(pieces)})
            });
            ok(&rows.collect())
        }
        (&Method::PUT, ["stock"]) => {
            let stock: StockBody = body(request)?;
            tenant.set_stock(&stock.article_id, &stock.stock_location_id, stock.quantity);
            done()
        }
        (&Method::GET, ["stock-changes"]) => ok(&json!(tenant.stock_changes())),
        (&Method::GET, ["sales-invoices"]) => ok(&json!(tenant.invoices())),
        (&Method::GET, ["tasks"]) => ok(&json!(tenant.tasks())),
        (&Method::GET, ["webhook-endpoints"]) => ok(&json!(tenant.webhook_endpoints())),
        (&Method::GET, ["vat-tariffs"]) => ok(&json!(tenant.vat_tariffs())),
        (&Method::PUT, ["vat-tariffs", id]) => {
            let tariff = VatTariff {
                id: (*id).to_owned(),
                ..body(request)?
            };
            tenant.put_vat_tariff(tariff);
            done()
        }
        (&Method::PUT, [kind, id]) => {
            let NameBody { name } = body(request)?;
            match Module::of_segment(kind) {
                Some(Module::StockLocations) => tenant.put_stock_location(id, &name),
                Some(Module::Clients) => tenant.put_client(id, &name),
                Some(Module::Users) => tenant.put_user(id, &name),
                Some(Module::Companies) => tenant.put_company(id, &name),
                Some(Module::PaymentConditions) => tenant.put_payment_condition(id, &name),
                _ => return Ok(missing(request)),
            };
            done()
        }
        (&Method::DELETE, [kind, id]) => match Module::of_segment(kind) {
            Some(module) => found(tenant.remove(module, id)),
            None => missing(request),
        },
        _ => missing(request),
    };
    Ok(reply)
}

fn articles(tenant: &RobawsTenant, request: &Request, rest: &[&str]) -> Result<Reply, Box<Reply>> {
    let invalid = |error: serde_json::Error| Box::new(fail(StatusCode::BAD_REQUEST, &error.to_string()));
    let unknown = || Box::new(fail(StatusCode::NOT_FOUND, "there is no such article"));
    Ok(match (&request.method, rest) {
        (&Method::GET, []) => ok(&json!(tenant.articles())),
        (&Method::GET, [id]) => ok(&json!(tenant.article(id).ok_or_else(unknown)?)),
        (&Method::PUT, [id]) => {
            let article = Article {
                id: (*id).to_owned(),
                ..body(request)?
            };
            if tenant.article(id).is_some() {
                tenant.edit_article(id, |stored| *stored = article);
            } else {
                tenant.create_article(article);
            }
            done()
        }
        (&Method::PATCH, [id]) => {
            let mut value = json!(tenant.article(id).ok_or_else(unknown)?);
            merge(&mut value, &body::<Value>(request)?);
            let article: Article = serde_json::from_value(value).map_err(invalid)?;
            let edit = |stored: &mut Article| {
                *stored = Article {
                    id: (*id).to_owned(),
                    ..article
                }
            };
            found(if request.param("silent") == Some("true") {
                tenant.edit_article_silently(id, edit)
            } else {
                tenant.edit_article(id, edit)
            })
        }
        (&Method::DELETE, [id]) => found(tenant.remove_article(id)),
        (&Method::POST, [id, "archive"]) => found(tenant.archive_article(id)),
        (&Method::POST, [id, "tick"]) => {
            let TickBody { ticked } = if request.body.is_empty() {
                TickBody { ticked: true }
            } else {
                body(request)?
            };
            found(tenant.edit_article(id, |article| article.tick(ticked)))
        }
        _ => missing(request),
    })
}
