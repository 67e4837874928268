//! Calls of the connector's HTTP API.

use crate::failure::Failure;
use reqwest::{Method, StatusCode, header};
use runtime::error::Chain;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::time::Duration;
use url::Url;

/// Longest wait for an answer. API Gateway itself gives up after 30 s.
const TIME_LIMIT: Duration = Duration::from_secs(35);
/// Attempts at one call, the first one included.
const MOST_TRIES: u32 = 4;
/// The longest `Retry-After` that is waited for. When a server asks for more, the command fails and says so.
const LONGEST_DELAY: Duration = Duration::from_secs(20);
/// JSON pointers to the secrets in a request's body (contract api.md).
const SECRET_POINTERS: [&str; 3] = ["/robaws/key", "/robaws/secret", "/productflow/access_token"];

/// One request to the API, not sent yet.
#[derive(Clone)]
pub struct Call {
    pub method: Method,
    /// The path, percent-encoded.
    pub path: String,
    /// Query parameters, not encoded yet.
    pub query: Vec<(&'static str, String)>,
    pub body: Option<Value>,
    /// Whether a second arrival of this request changes nothing more than the first.
    is_repeatable: bool,
}

impl Call {
    fn new(method: Method, path: String, body: Option<Value>) -> Self {
        Self { is_repeatable: method == Method::GET, method, path, query: Vec::new(), body }
    }

    pub fn get(path: String) -> Self {
        Self::new(Method::GET, path, None)
    }

    /// A POST. It is sent once, unless [`Self::allow_repeat`] allows a repeat.
    pub fn post(path: String, body: Value) -> Self {
        Self::new(Method::POST, path, Some(body))
    }

    pub fn patch(path: String, body: Value) -> Self {
        Self::new(Method::PATCH, path, Some(body))
    }

    pub fn delete(path: String) -> Self {
        Self::new(Method::DELETE, path, None)
    }

    /// Allows the call to be sent again after a 5xx or a lost answer, because the contract makes a repeat harmless.
    pub fn allow_repeat(mut self) -> Self {
        self.is_repeatable = true;
        self
    }

    /// Adds a query parameter. `None` adds nothing.
    pub fn with_query(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.query.push((name, value.to_string()));
        }
        self
    }

    /// The path and the encoded query.
    pub fn path_and_query(&self) -> String {
        if self.query.is_empty() {
            return self.path.clone();
        }
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.query);
        format!("{}?{}", self.path, query.finish())
    }

    /// The body for `--dry-run`, with `***` in the place of each secret.
    pub fn masked_body(&self) -> Option<Value> {
        let mut body = self.body.clone()?;
        for at in SECRET_POINTERS {
            if let Some(secret) = body.pointer_mut(at) {
                *secret = json!("***");
            }
        }
        Some(body)
    }
}

/// An answer of the API, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    /// The body, byte for byte as it came; printed with `--json`.
    pub text: String,
    /// The body as JSON; null when the body is empty or is not JSON.
    pub json: Value,
}

impl Answer {
    /// `error.code` of the body; empty when the body has none.
    pub fn error_code(&self) -> &str {
        self.json.pointer("/error/code").and_then(Value::as_str).unwrap_or_default()
    }
}

/// An HTTP client for the API of one deployment.
pub struct Api {
    http: reqwest::Client,
    base: String,
    token: Option<SecretString>,
    first_delay: Duration,
}

impl Api {
    /// A client for the API at this URL. The token may be sent over plain HTTP only to this machine; any other URL must be https.
    pub fn new(base: &str, token: Option<SecretString>, rest: Duration) -> Result<Self, Failure> {
        let wrong = |why: &str| Failure::wrong_usage(format!("{base} can't be the API's URL: {why}."));
        let url: Url = base.parse().map_err(|_| wrong("it is not a URL like https://host"))?;
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err(Failure::wrong_usage("The API's URL may hold neither credentials nor a query."));
        }
        let is_here = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let is_plain = url.scheme() == "http" && is_here;
        if url.scheme() != "https" && !is_plain {
            return Err(wrong("the token may only go over https"));
        }
        let http = runtime::http::peer_client_with_machine_roots(&[&url]).map_err(|error| {
            Failure::not_reachable(format!("no HTTP client can be made: {}", Chain(&error)))
        })?;
        Ok(Self { http, base: url.as_str().trim_end_matches('/').to_owned(), token, first_delay: rest })
    }

    pub fn url(&self) -> &str {
        &self.base
    }

    /// Sends a call and repeats it where that is harmless. A call that did not arrive (no connection, 429) is always repeated; a
    /// call that may have arrived (5xx, lost answer) is repeated only if the call allows it.
    pub async fn send_call(&self, call: &Call) -> Result<Answer, Failure> {
        let mut rest = self.first_delay;
        let mut tries = 1;
        loop {
            let outcome = self.send_once(call).await;
            // A 429 was turned away before anything happened, so the call may go again even if it is not repeatable.
            let again = match &outcome {
                Ok((answer, asked)) => {
                    let refused = answer.status == StatusCode::TOO_MANY_REQUESTS;
                    let broken = answer.status.is_server_error() && call.is_repeatable;
                    (refused || broken) && asked.is_none_or(|asked| asked <= LONGEST_DELAY)
                }
                Err(error) => error.is_connect() || call.is_repeatable,
            };
            if !again || tries >= MOST_TRIES {
                return outcome
                    .map(|(answer, _)| answer)
                    .map_err(|error| self.explain_no_answer(call, &error));
            }
            let asked = outcome.ok().and_then(|(_, asked)| asked);
            tokio::time::sleep(asked.unwrap_or(rest)).await;
            rest = rest.saturating_mul(2);
            tries += 1;
        }
    }

    async fn send_once(&self, call: &Call) -> Result<(Answer, Option<Duration>), reqwest::Error> {
        let url = format!("{}{}", self.base, call.path_and_query());
        let mut request = self.http.request(call.method.clone(), url).timeout(TIME_LIMIT);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let asked = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|seconds| seconds.parse().ok())
            .map(Duration::from_secs);
        let text = response.text().await?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok((Answer { status, text, json }, asked))
    }

    fn explain_no_answer(&self, call: &Call, error: &reqwest::Error) -> Failure {
        let base = &self.base;
        if error.is_connect() {
            let why = Chain(error).to_string();
            return Failure::not_reachable(format!("{base} can't be reached: {why}."))
                .with_advice("Check --stack, --api or --local, and your network.");
        }
        let failure = Failure::not_reachable(format!("{base} gave no answer: {}.", Chain(error)));
        if call.is_repeatable {
            failure
        } else {
            failure.with_advice("Whether it was done is not known: look before you repeat it.")
        }
    }
}

/// The failure that an answer without a 2xx status becomes.
pub fn failure_from_answer(answer: &Answer) -> Failure {
    let status = answer.status;
    let error = &answer.json["error"];
    let message = error["message"].as_str().or_else(|| answer.json["message"].as_str());
    let said = match message {
        Some(message) => message.to_owned(),
        None => format!("the server answered {status}"),
    };
    let code = answer.error_code();
    let named = if code.is_empty() { said } else { format!("{said} ({code})") };
    let details = error["details"].as_array().into_iter().flatten().filter_map(describe_detail).collect();
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure::not_reachable(format!("not let in: {named}"))
            .with_advice("The token is not this deployment's: it is the string of the stack's secret OperatorToken; --stack finds it by itself."),
        StatusCode::NOT_FOUND if !code.is_empty() => Failure::not_found(named),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            Failure::refused_call(format!("the connector there does not know this call: {named}"))
                .with_advice("Is it another version than this command line? `connector health` tells its version.")
        }
        StatusCode::TOO_MANY_REQUESTS => Failure::refused_call(named).with_advice("Try again in a minute."),
        status if status.is_server_error() => {
            Failure::refused_call(named).with_advice("Try again; the connector's log says why it failed.")
        }
        _ => Failure::refused_call(named),
    }
    .with_details(details)
}

/// One entry of `error.details`, with the field that it is about.
fn describe_detail(detail: &Value) -> Option<String> {
    let message = detail["message"].as_str()?;
    Some(match detail["field"].as_str() {
        Some(field) => format!("{field}: {message}"),
        None => message.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;
    use rstest::rstest;

    #[rstest]
    #[case("https://api.example", true)]
    #[case("https://api.example/base/", true)]
    #[case("http://127.0.0.1:7000", true)]
    #[case("http://localhost:7000", true)]
    #[case("http://[::1]:7000", true)]
    #[case("http://api.example", false)]
    #[case("https://user:pass@api.example", false)]
    #[case("api.example", false)]
    #[case("ftp://localhost", false)]
    #[case("", false)]
    fn a_token_goes_only_over_tls(#[case] url: &str, #[case] is_taken: bool) {
        let made = Api::new(url, Some(SecretString::from("t")), Duration::ZERO);
        assert_eq!(made.is_ok(), is_taken);
        assert!(made.err().is_none_or(|failure| failure.exit == Exit::Usage));
    }

    #[test]
    fn secrets_are_masked() {
        let call = Call::post(
            "/api/connections".to_owned(),
            json!({"id": "a", "robaws": {"key": "k1", "secret": "s1"}, "productflow": {"access_token": "t1", "company_id": 42}}),
        );
        let masked = call.masked_body().unwrap();
        assert_eq!(
            masked,
            json!({"id": "a", "robaws": {"key": "***", "secret": "***"}, "productflow": {"access_token": "***", "company_id": 42}})
        );
    }

    #[test]
    fn queries_are_encoded() {
        let call = Call::get("/a".to_owned())
            .with_query("q", Some("a b&c"))
            .with_query("state", None::<String>)
            .with_query("limit", Some(5));
        assert_eq!(call.path_and_query(), "/a?q=a+b%26c&limit=5");
    }

    #[rstest]
    #[case(401, json!({"error": {"code": "unauthorized", "message": "Who?"}}), Exit::Unreachable)]
    #[case(403, json!({"message": "Forbidden"}), Exit::Unreachable)]
    #[case(404, json!({"error": {"code": "not_found", "message": "No such order."}}), Exit::NotFound)]
    #[case(404, json!({"message": "Not Found"}), Exit::Refused)]
    #[case(405, json!({"error": {"code": "method_not_allowed", "message": "No."}}), Exit::Refused)]
    #[case(409, json!({"error": {"code": "exists", "message": "There is one."}}), Exit::Refused)]
    #[case(502, Value::Null, Exit::Refused)]
    fn every_answer_has_its_exit(#[case] status: u16, #[case] json: Value, #[case] exit: Exit) {
        let answer = Answer { status: StatusCode::from_u16(status).unwrap(), text: json.to_string(), json };
        assert_eq!(failure_from_answer(&answer).exit, exit);
    }
}
