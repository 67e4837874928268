//! Making one call to ProductFlow: authentication, pacing by the rate-limit header, the meaning of the answer, and the repeats
//! that are safe.

use crate::error::Error;
use domain::ids::ProductFlowCompanyId;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, Response};
use runtime::clock::{SharedClock, SystemClock};
use runtime::http::{BodyError, read_body};
use runtime::observer::{CallEnd, NoObserver, SharedObserver, WatchedCall};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// Longest wait for an answer, as the contract with ProductFlow says.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// A read that failed within this time is repeated once. After a longer wait the time is better left to the caller.
const RETRY_IF_FAILED_WITHIN: Duration = Duration::from_secs(5);
/// A 429 that asks for a longer wait than this is returned to the caller instead.
const LONGEST_RATE_WAIT: Duration = Duration::from_secs(3);
/// Repeats of one call after a 429.
const RATE_RETRIES: u32 = 2;
/// The client waits for the next second when the rate-limit header shows so many requests left, or fewer.
const RESERVED_REQUESTS: u64 = 1;

/// Characters that a path segment keeps unencoded. `.` is encoded too, but a segment that is `.` or `..` remains a folder in
/// every URL.
const PATH_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');

/// A client for one ProductFlow company.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: Url,
    access_token: SecretString,
    company: ProductFlowCompanyId,
    not_before: Arc<Mutex<Option<Instant>>>,
    observer: SharedObserver,
    clock: SharedClock,
}

/// A request. Path and query are percent-encoded already.
struct Call<'a> {
    method: Method,
    path: &'a str,
    query: &'a str,
    write: Option<Write<'a>>,
}

/// The body and the language of a write.
pub(crate) struct Write<'a> {
    /// Fields of the form, as name and value. Without fields the request has no body.
    pub(crate) form: &'a [(String, String)],
    /// Locale of the texts in the form (`accept-language`).
    pub(crate) language: Option<&'a str>,
}

/// Percent-encodes a text as one segment of a path.
pub(crate) fn encode_path_segment(text: &str) -> String {
    utf8_percent_encode(text, PATH_SEGMENT).to_string()
}

impl Client {
    /// A client for the company `company`, to which `access_token` must give access.
    pub fn new(
        http: reqwest::Client,
        base_url: Url,
        access_token: SecretString,
        company: ProductFlowCompanyId,
    ) -> Self {
        Self {
            http,
            base_url,
            access_token,
            company,
            not_before: Arc::default(),
            observer: Arc::new(NoObserver),
            clock: Arc::new(SystemClock),
        }
    }

    /// Waits by this clock instead of the machine's.
    #[must_use]
    pub fn with_clock(self, clock: SharedClock) -> Self {
        Self { clock, ..self }
    }

    /// Reports every call to `observer`.
    #[must_use]
    pub fn with_observer(self, observer: SharedObserver) -> Self {
        Self { observer, ..self }
    }

    /// Reports to the observer when an answer could not be read.
    pub(crate) fn report_if_unreadable<T>(&self, read: Result<T, Error>) -> Result<T, Error> {
        if read.is_err() {
            self.observer.answer_unreadable();
        }
        read
    }

    /// Checks that the access token gives access to the company (`GET marketplace`).
    ///
    /// # Errors
    ///
    /// Fails when ProductFlow cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn test_connection(&self) -> Result<(), Error> {
        self.get_json("marketplace", "").await.map(drop)
    }

    /// Sends a write that states what is to be. Any 2xx will do, with or without a body.
    ///
    /// A write is never repeated here: a write whose answer was lost may still take effect, and the next write must come after
    /// it.
    pub(crate) async fn send_write(&self, method: Method, path: &str, write: Write<'_>) -> Result<(), Error> {
        self.call_with_rate_retries(&Call { method, path, query: "", write: Some(write) }).await.map(drop)
    }

    /// Reads JSON. `path` and `query` are percent-encoded already. The read is repeated once when no answer or a 5xx came soon.
    pub(crate) async fn get_json(&self, path: &str, query: &str) -> Result<Value, Error> {
        let began = self.clock.instant();
        let call = Call { method: Method::GET, path, query, write: None };
        match self.call_with_rate_retries(&call).await {
            Err(error) if error.is_transient() && self.clock.instant() - began < RETRY_IF_FAILED_WITHIN => {
                self.clock.sleep(Duration::from_millis(300)).await;
                self.call_with_rate_retries(&call).await
            }
            answer => answer,
        }
    }

    async fn call_with_rate_retries(&self, call: &Call<'_>) -> Result<Value, Error> {
        let mut waited = 0;
        loop {
            let until = *self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(until) = until {
                let wait = until.saturating_duration_since(self.clock.instant());
                self.clock.sleep(wait).await;
            }
            let watched = WatchedCall::begin_now(&*self.observer);
            let answered = self.call_once(call).await;
            watched.end_as(answered.as_ref().map_or_else(Error::observed_end, |_| CallEnd::Answered));
            match answered {
                Err(Error::RateLimited { retry_after }) if waited < RATE_RETRIES => {
                    let wait = retry_after.unwrap_or(Duration::from_secs(1));
                    if wait > LONGEST_RATE_WAIT {
                        return Err(Error::RateLimited { retry_after });
                    }
                    waited += 1;
                    self.clock.sleep(wait).await;
                }
                answer => return answer,
            }
        }
    }

    async fn call_once(&self, call: &Call<'_>) -> Result<Value, Error> {
        let base = self.base_url.as_str().trim_end_matches('/');
        let url = if call.query.is_empty() {
            format!("{base}/{}", call.path)
        } else {
            format!("{base}/{}?{}", call.path, call.query)
        };
        let mut request = self.http.request(call.method.clone(), url);
        if let Some(write) = &call.write {
            if !write.form.is_empty() {
                request = request.form(write.form);
            }
            if let Some(language) = write.language {
                request = request.header("accept-language", language);
            }
        }
        let response = request
            .timeout(ANSWER_TIMEOUT)
            .header("accept", "application/json")
            .header("x-company-id", self.company.to_string())
            .bearer_auth(self.access_token.expose_secret())
            .send()
            .await
            .map_err(|source| Error::NoAnswer { source: source.without_url() })?;
        self.learn_from_answer(&response);
        read_answer(response, call, self.access_token.expose_secret()).await
    }

    /// Waits for the next second when the header shows that few requests are left. Without the header nothing is paced.
    fn learn_from_answer(&self, response: &Response) {
        let remaining = response
            .headers()
            .get("x-ratelimit-remaining")
            .and_then(|v| v.to_str().ok()?.trim().parse::<u64>().ok());
        let mut not_before = self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        *not_before = remaining
            .filter(|left| *left <= RESERVED_REQUESTS)
            .map(|_| self.clock.instant() + Duration::from_secs(1));
    }
}

fn remove_secret(sentence: &str, secret: &str) -> String {
    if secret.is_empty() {
        return sentence.to_owned();
    }
    sentence.replace(secret, "…")
}

async fn read_answer(response: Response, call: &Call<'_>, token: &str) -> Result<Value, Error> {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let is_json = headers
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .is_none_or(|value| value.to_ascii_lowercase().contains("json"));
    match status {
        200..=299 => {
            let body = read_body(response).await.map_err(|error| match error {
                BodyError::Lost(source) => Error::NoAnswer { source: source.without_url() },
                BodyError::TooLarge => Error::Unreadable { what: "an answer of at most 8 MiB" },
            })?;
            // The body of a write's answer says nothing that is needed, and may be empty.
            // A login page with status 200 is no success: only JSON, or nothing, is.
            if call.write.is_some() && (is_json || body.is_empty()) {
                return Ok(Value::Null);
            }
            if !is_json {
                return Err(Error::Unauthorized { status });
            }
            match serde_json::from_slice(&body) {
                Ok(json) => Ok(json),
                // Without a content type only the first character tells an HTML page from JSON.
                Err(_) if body.trim_ascii_start().starts_with(b"<") => Err(Error::Unauthorized { status }),
                Err(_) => Err(Error::Unreadable { what: "JSON" }),
            }
        }
        300..=399 | 401 => Err(Error::Unauthorized { status }),
        403 => Err(Error::Forbidden {}),
        404 => Err(Error::NotFound { path: call.path.to_owned() }),
        408 | 500.. => Err(Error::Unavailable { status }),
        429 => {
            let seconds =
                headers.get("retry-after").and_then(|v| v.to_str().ok()?.trim().parse::<u64>().ok());
            Err(Error::RateLimited { retry_after: seconds.map(Duration::from_secs) })
        }
        _ => {
            let json: Value = read_body(response)
                .await
                .ok()
                .and_then(|b| serde_json::from_slice(&b).ok())
                .unwrap_or_default();
            let message = json.get("message").and_then(Value::as_str).unwrap_or("no message");
            Err(Error::Rejected {
                status,
                // A refusal may repeat the access token.
                message: remove_secret(message, token).chars().take(300).collect(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// How every call ended, and how often an answer could not be read.
    #[derive(Debug, Default)]
    struct RecordedCalls(Mutex<(Vec<CallEnd>, u32)>);

    impl runtime::observer::CallObserver for RecordedCalls {
        fn call_ended(&self, _took: Duration, ended: CallEnd) {
            self.0.lock().unwrap().0.push(ended);
        }

        fn answer_unreadable(&self) {
            self.0.lock().unwrap().1 += 1;
        }
    }

    /// A client whose calls end at once without an answer, since the client speaks HTTPS only.
    fn client_without_answers() -> (Client, Arc<RecordedCalls>) {
        let heard = Arc::new(RecordedCalls::default());
        let client = Client::new(
            runtime::http::peer_client(&[]).unwrap(),
            "http://localhost/api/v1".parse().unwrap(),
            "t0ken".into(),
            ProductFlowCompanyId(42),
        );
        (client.with_observer(heard.clone()), heard)
    }

    fn response_with(status: u16, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Response {
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(body.into()).unwrap().into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_without_an_answer_is_made_once_more_and_a_write_is_not() {
        let (client, heard) = client_without_answers();
        let answer = client.get_json("marketplace", "").await;
        assert!(matches!(answer, Err(Error::NoAnswer { .. })), "{answer:?}");
        assert_eq!(heard.0.lock().unwrap().0, [CallEnd::Failed, CallEnd::Failed]);

        let (client, heard) = client_without_answers();
        let write = Write { form: &[], language: None };
        let answer = client.send_write(Method::DELETE, "product/A-1/offer", write).await;
        assert!(matches!(answer, Err(Error::NoAnswer { .. })), "{answer:?}");
        assert_eq!(heard.0.lock().unwrap().0, [CallEnd::Failed]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_took_long_is_not_made_again() {
        let (client, heard) = client_without_answers();
        *client.not_before.lock().unwrap() = Some(Instant::now() + Duration::from_secs(6));
        let began = Instant::now();
        client.get_json("marketplace", "").await.unwrap_err();
        assert!(began.elapsed() >= Duration::from_secs(6));
        assert_eq!(heard.0.lock().unwrap().0, [CallEnd::Failed]);
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_told_to_the_observer() {
        let (client, heard) = client_without_answers();
        client.report_if_unreadable(Ok(())).unwrap();
        assert_eq!(heard.0.lock().unwrap().1, 0);
        client.report_if_unreadable::<()>(Err(Error::Unreadable { what: "an order" })).unwrap_err();
        assert_eq!(heard.0.lock().unwrap().1, 1);
    }

    #[rstest]
    #[case(Some("0"), true)]
    #[case(Some("1"), true)]
    #[case(Some(" 1 "), true)]
    #[case(Some("2"), false)]
    #[case(Some("59"), false)]
    #[case(Some("many"), false)]
    #[case(None, false)]
    #[tokio::test(start_paused = true)]
    async fn the_last_requests_of_a_limit_wait_for_its_next_second(
        #[case] left: Option<&str>,
        #[case] waits: bool,
    ) {
        let (client, _) = client_without_answers();
        let headers: Vec<_> = left.map(|left| ("x-ratelimit-remaining", left)).into_iter().collect();
        client.learn_from_answer(&response_with(200, &headers, ""));
        let next = Instant::now() + Duration::from_secs(1);
        assert_eq!(*client.not_before.lock().unwrap(), waits.then_some(next));

        client.learn_from_answer(&response_with(200, &[("x-ratelimit-remaining", "30")], ""));
        assert_eq!(*client.not_before.lock().unwrap(), None, "there are more again");
    }

    #[rstest]
    #[case(&[("content-type", "application/json")], "{}", true)]
    #[case(&[("content-type", "application/json")], "", true)]
    #[case(&[("content-type", "application/json")], "Saved.", true)]
    #[case(&[("content-type", "text/html")], "", true)]
    #[case(&[], "Saved.", true)]
    #[case(&[], "", true)]
    #[case(&[("content-type", "text/html; charset=utf-8")], "<html>Sign in</html>", false)]
    #[tokio::test]
    async fn a_write_is_done_whatever_its_answer_holds_but_not_when_that_is_a_page(
        #[case] headers: &[(&str, &str)],
        #[case] body: &'static str,
        #[case] is_done: bool,
    ) {
        let call = Call {
            method: Method::POST,
            path: "product/A-1",
            query: "",
            write: Some(Write { form: &[], language: None }),
        };
        match read_answer(response_with(200, headers, body), &call, "t0ken").await {
            Ok(_) => assert!(is_done),
            Err(Error::Unauthorized { status: 200 }) => assert!(!is_done),
            Err(other) => panic!("{other}"),
        }
    }

    #[rstest]
    #[case(200, r#"{"data":[]}"#, "")]
    #[case(200, "<html>Sign in</html>", "ProductFlow refuses the access token (200)")]
    #[case(200, "Hello", "the answer of ProductFlow can't be read as JSON")]
    #[case(200, "", "the answer of ProductFlow can't be read as JSON")]
    #[case(302, "", "ProductFlow refuses the access token (302)")]
    #[case(401, "", "ProductFlow refuses the access token (401)")]
    #[case(403, "", "ProductFlow refuses access to the company (403)")]
    #[case(404, "", "ProductFlow does not have order (404)")]
    #[case(408, "", "ProductFlow is not available (408)")]
    #[case(409, "", "ProductFlow refuses the request (409): no message")]
    #[case(422, r#"{"message":"No t0ken."}"#, "ProductFlow refuses the request (422): No ….")]
    #[case(429, "", "ProductFlow allows no more requests now (429)")]
    #[case(503, "<html>", "ProductFlow is not available (503)")]
    #[tokio::test]
    async fn an_answer_to_a_read_is_told_by_its_status(
        #[case] status: u16,
        #[case] body: &'static str,
        #[case] reason: &str,
    ) {
        let call = Call { method: Method::GET, path: "order", query: "", write: None };
        let answer = read_answer(response_with(status, &[], body), &call, "t0ken").await;
        assert_eq!(answer.err().map(|error| error.reason()).unwrap_or_default(), reason);
    }

    #[test]
    fn a_sentence_is_repeated_without_the_token() {
        assert_eq!(remove_secret("Token t0ken is not valid (t0ken).", "t0ken"), "Token … is not valid (…).");
        assert_eq!(remove_secret("No such order.", "t0ken"), "No such order.");
        assert_eq!(remove_secret("No such order.", ""), "No such order.");
    }
}
