//! The part of the control API that both peers share: faults, outage, calls, violations.

use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Fault, Outage, Reply, Request, Traffic};

/// Answers a call of the shared part; `None` for any other.
pub(crate) fn shared(traffic: &Traffic, request: &Request) -> Option<Reply> {
    let reply = match (&request.method, request.segments().as_slice()) {
        (&Method::GET, ["faults"]) => ok(&json!(traffic.faults())),
        (&Method::POST, ["faults"]) => match body::<Fault>(request) {
            Ok(fault) => {
                traffic.add_fault(fault);
                Reply::json(StatusCode::CREATED, &json!(traffic.faults()))
            }
            Err(reply) => *reply,
        },
        (&Method::DELETE, ["faults"]) => {
            traffic.clear_faults();
            done()
        }
        (&Method::GET, ["outage"]) => ok(&json!({"outage": traffic.outage()})),
        (&Method::PUT, ["outage"]) => match body::<Option<Outage>>(request) {
            Ok(outage) => {
                traffic.set_outage(outage);
                done()
            }
            Err(reply) => *reply,
        },
        (&Method::GET, ["calls"]) => {
            let mut calls = traffic.calls();
            if let Some(path) = request.param("path") {
                calls.retain(|call| call.path.contains(path));
            }
            ok(&json!(calls))
        }
        (&Method::DELETE, ["calls"]) => {
            traffic.clear_calls();
            traffic.clear_violations();
            done()
        }
        (&Method::GET, ["violations"]) => ok(&json!(traffic.violations())),
        _ => return None,
    };
    Some(reply)
}

/// 200 with a body.
pub(crate) fn ok(body: &Value) -> Reply {
    Reply::json(StatusCode::OK, body)
}

/// 204.
pub(crate) fn done() -> Reply {
    Reply::empty(StatusCode::NO_CONTENT)
}

/// An error of the control API.
pub(crate) fn fail(status: StatusCode, message: &str) -> Reply {
    Reply::json(status, &json!({"error": message}))
}

/// 404 of the control API.
pub(crate) fn missing(request: &Request) -> Reply {
    fail(
        StatusCode::NOT_FOUND,
        &format!("{} /_control{} is not known here", request.method, request.path),
    )
}

/// The body as JSON of a certain shape; whatever content type it came with.
pub(crate) fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Box<Reply>> {
    serde_json::from_slice(&request.body)
        .map_err(|error| Box::new(fail(StatusCode::BAD_REQUEST, &error.to_string())))
}
