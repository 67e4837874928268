//! The part of the control API that both peers share: faults, outage, calls, violations.

use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Fault, Outage, Reply, Request, Traffic};

/// Answers a call of the shared part; `None` for any other.
pub(crate) fn answer_shared_call(traffic: &Traffic, request: &Request) -> Option<Reply> {
    let reply = match (&request.method, request.raw_segments().as_slice()) {
        (&Method::GET, ["faults"]) => reply_ok(&json!(traffic.faults())),
        (&Method::POST, ["faults"]) => match parse_body::<Fault>(request) {
            Ok(fault) => {
                traffic.add_fault(fault);
                Reply::json(StatusCode::CREATED, &json!(traffic.faults()))
            }
            Err(reply) => *reply,
        },
        (&Method::DELETE, ["faults"]) => {
            traffic.clear_faults();
            reply_no_content()
        }
        (&Method::GET, ["outage"]) => reply_ok(&json!({"outage": traffic.outage()})),
        (&Method::PUT, ["outage"]) => match parse_body::<Option<Outage>>(request) {
            Ok(outage) => {
                traffic.set_outage(outage);
                reply_no_content()
            }
            Err(reply) => *reply,
        },
        (&Method::GET, ["calls"]) => {
            let mut calls = traffic.calls();
            if let Some(path) = request.param("path") {
                calls.retain(|call| call.path.contains(path));
            }
            reply_ok(&json!(calls))
        }
        (&Method::DELETE, ["calls"]) => {
            traffic.clear_calls();
            traffic.clear_violations();
            reply_no_content()
        }
        (&Method::GET, ["violations"]) => reply_ok(&json!(traffic.violations())),
        _ => return None,
    };
    Some(reply)
}

/// 200 with a body.
pub(crate) fn reply_ok(body: &Value) -> Reply {
    Reply::json(StatusCode::OK, body)
}

/// 204.
pub(crate) fn reply_no_content() -> Reply {
    Reply::without_body(StatusCode::NO_CONTENT)
}

/// An error of the control API.
pub(crate) fn reply_error(status: StatusCode, message: &str) -> Reply {
    Reply::json(status, &json!({"error": message}))
}

/// 404 of the control API.
pub(crate) fn reply_unknown_route(request: &Request) -> Reply {
    reply_error(
        StatusCode::NOT_FOUND,
        &format!("{} /_control{} is not known here", request.method, request.path),
    )
}

/// The body as JSON of a certain shape; whatever content type it came with.
pub(crate) fn parse_body<T: DeserializeOwned>(request: &Request) -> Result<T, Box<Reply>> {
    serde_json::from_slice(&request.body)
        .map_err(|error| Box::new(reply_error(StatusCode::BAD_REQUEST, &error.to_string())))
}
