//! The control API of the simulated ProductFlow: place, edit, ship and cancel orders; see products and offers.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::{Company, OrderBuilder, ProductFlowSim};
use crate::traffic::control::{body, done, fail, missing, ok, shared};
use crate::traffic::{Reply, Request, merge};

const HELP: [&str; 16] = [
    "GET|POST|DELETE /_control/faults",
    "GET|PUT /_control/outage  \"drop\" | \"unavailable\" | null",
    "GET|DELETE /_control/calls ?path=",
    "GET /_control/violations",
    "POST /_control/reset",
    "GET /_control/companies",
    "DELETE /_control/tokens/{token}",
    "PUT /_control/companies/{company}/tokens/{token}",
    "GET|PATCH /_control/companies/{company}/settings",
    "GET /_control/companies/{company}/orders",
    "POST /_control/companies/{company}/orders  any fields of an order; {lines: [{sku, quantity, price, vat_code}]} will do",
    "GET|PATCH|DELETE /_control/companies/{company}/orders/{identifier}  PATCH is a merge patch",
    "POST /_control/companies/{company}/orders/{identifier}/ship",
    "POST /_control/companies/{company}/orders/{identifier}/cancel",
    "POST /_control/companies/{company}/orders/{identifier}/status  \"accepted\"",
    "GET /_control/companies/{company}/products",
];

pub(crate) fn handle(sim: &ProductFlowSim, request: &Request) -> Reply {
    if let Some(reply) = shared(&sim.0.traffic, request) {
        return reply;
    }
    match (&request.method, request.segments().as_slice()) {
        (&Method::GET, [""]) => ok(&json!({"peer": "productflow", "routes": HELP})),
        (&Method::POST, ["reset"]) => {
            sim.reset();
            done()
        }
        (&Method::GET, ["companies"]) => ok(&json!(sim.companies())),
        (&Method::DELETE, ["tokens", token]) => {
            sim.revoke_token(token);
            done()
        }
        (_, ["companies", id, rest @ ..]) => {
            let Ok(id) = id.parse() else {
                return fail(StatusCode::BAD_REQUEST, "a company has a number");
            };
            company(&sim.company(id), request, rest).unwrap_or_else(|reply| *reply)
        }
        _ => missing(request),
    }
}

fn found(found: bool) -> Reply {
    if found {
        done()
    } else {
        fail(StatusCode::NOT_FOUND, "there is no such order")
    }
}

fn company(company: &Company, request: &Request, rest: &[&str]) -> Result<Reply, Box<Reply>> {
    let invalid = |error: serde_json::Error| Box::new(fail(StatusCode::BAD_REQUEST, &error.to_string()));
    let reply = match (&request.method, rest) {
        (&Method::PUT, ["tokens", token]) => {
            company.add_token(token);
            done()
        }
        (&Method::GET, ["settings"]) => ok(&json!(company.settings())),
        (&Method::PATCH, ["settings"]) => ok(&json!(
            company
                .patch_settings(&body::<Value>(request)?)
                .map_err(invalid)?
        )),
        (&Method::GET, ["products"]) => ok(&json!(company.products())),
        (&Method::GET, ["orders"]) => ok(&json!(company.orders())),
        (&Method::POST, ["orders"]) => place(company, body(request)?),
        (&Method::GET, ["orders", identifier]) => match company.order(identifier) {
            Some(order) => ok(&order),
            None => found(false),
        },
        (&Method::PATCH, ["orders", identifier]) => {
            let patch: Value = body(request)?;
            found(company.edit(identifier, |order| merge(order, &patch)))
        }
        (&Method::DELETE, ["orders", identifier]) => found(company.remove(identifier)),
        (&Method::POST, ["orders", identifier, "ship"]) => found(company.ship(identifier)),
        (&Method::POST, ["orders", identifier, "cancel"]) => found(company.cancel(identifier)),
        (&Method::POST, ["orders", identifier, "status"]) => {
            found(company.set_status(identifier, &body::<String>(request)?))
        }
        _ => missing(request),
    };
    Ok(reply)
}

fn place(company: &Company, fields: Map<String, Value>) -> Reply {
    let given = fields
        .get("identifier")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let identifier = given.unwrap_or_else(|| company.next_identifier());
    company.place(OrderBuilder::from_fields(&identifier, fields));
    let order = company.order(&identifier).unwrap_or(Value::Null);
    Reply::json(StatusCode::CREATED, &order)
}
