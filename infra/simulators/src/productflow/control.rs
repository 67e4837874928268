//! The control API of the simulated ProductFlow: place, edit, ship and cancel orders; see products and offers.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::{Company, OrderBuilder, ProductFlowSim};
use crate::traffic::control::{
    answer_shared_call, parse_body, reply_error, reply_no_content, reply_ok, reply_unknown_route,
};
use crate::traffic::{Reply, Request, merge_patch};

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

pub(crate) fn answer_control_call(sim: &ProductFlowSim, request: &Request) -> Reply {
    if let Some(reply) = answer_shared_call(&sim.0.traffic, request) {
        return reply;
    }
    match (&request.method, request.raw_segments().as_slice()) {
        (&Method::GET, [""]) => {
            reply_ok(&json!({"peer": "productflow", "otherPage": sim.other_page(), "routes": HELP}))
        }
        (&Method::POST, ["reset"]) => {
            sim.reset_to_baseline();
            reply_no_content()
        }
        (&Method::GET, ["companies"]) => reply_ok(&json!(sim.companies())),
        (&Method::DELETE, ["tokens", token]) => {
            sim.revoke_token(token);
            reply_no_content()
        }
        (_, ["companies", id, rest @ ..]) => {
            let Ok(id) = id.parse() else {
                return reply_error(StatusCode::BAD_REQUEST, "a company has a number");
            };
            answer_for_company(&sim.company_numbered(id), request, rest).unwrap_or_else(|reply| *reply)
        }
        _ => reply_unknown_route(request),
    }
}

fn reply_if_found(found: bool) -> Reply {
    if found { reply_no_content() } else { reply_error(StatusCode::NOT_FOUND, "there is no such order") }
}

fn answer_for_company(company: &Company, request: &Request, rest: &[&str]) -> Result<Reply, Box<Reply>> {
    let invalid =
        |error: serde_json::Error| Box::new(reply_error(StatusCode::BAD_REQUEST, &error.to_string()));
    let reply = match (&request.method, rest) {
        (&Method::PUT, ["tokens", token]) => {
            company.add_token(token);
            reply_no_content()
        }
        (&Method::GET, ["settings"]) => reply_ok(&json!(company.settings())),
        (&Method::PATCH, ["settings"]) => {
            reply_ok(&json!(company.patch_settings(&parse_body::<Value>(request)?).map_err(invalid)?))
        }
        (&Method::GET, ["products"]) => reply_ok(&json!(company.products())),
        (&Method::GET, ["orders"]) => reply_ok(&json!(company.orders())),
        (&Method::POST, ["orders"]) => place_order(company, parse_body(request)?),
        (&Method::GET, ["orders", identifier]) => match company.find_order(identifier) {
            Some(order) => reply_ok(&order),
            None => reply_if_found(false),
        },
        (&Method::PATCH, ["orders", identifier]) => {
            let patch: Value = parse_body(request)?;
            reply_if_found(company.edit_order(identifier, |order| merge_patch(order, &patch)))
        }
        (&Method::DELETE, ["orders", identifier]) => reply_if_found(company.remove_order(identifier)),
        (&Method::POST, ["orders", identifier, "ship"]) => reply_if_found(company.ship_order(identifier)),
        (&Method::POST, ["orders", identifier, "cancel"]) => reply_if_found(company.cancel_order(identifier)),
        (&Method::POST, ["orders", identifier, "status"]) => {
            reply_if_found(company.set_status(identifier, &parse_body::<String>(request)?))
        }
        _ => reply_unknown_route(request),
    };
    Ok(reply)
}

fn place_order(company: &Company, fields: Map<String, Value>) -> Reply {
    let given = fields.get("identifier").and_then(Value::as_str).map(str::to_owned);
    let identifier = given.unwrap_or_else(|| company.next_identifier());
    company.place_order(OrderBuilder::from_fields(&identifier, fields));
    let order = company.find_order(&identifier).unwrap_or(Value::Null);
    Reply::json(StatusCode::CREATED, &order)
}
