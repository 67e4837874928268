//! The one type of this crate that calls a peer. It keeps the HTTP client to itself and only makes GET calls with it.

use domain::ids::ProductFlowCompanyId;
use http::HeaderMap;
use reqwest::Response;
use secrecy::ExposeSecret;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use store::secrets::{ProductflowLogin, RobawsLogin};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

/// Longest wait for an answer. Lists of articles are slow (contract robaws.md).
const TIMEOUT: Duration = Duration::from_secs(30);
/// Calls in a row without an answer after which nothing more is asked of the peer.
const MOST_SILENCES: u32 = 2;
/// With fewer calls than this left of the day's quota nothing more is asked: they are for the connection.
const DAILY_RESERVE: u64 = 200;
/// With fewer calls than this left in the current second the next call waits for the next second.
const SECOND_RESERVE: u64 = 3;
/// Bytes of an answer's body at most.
const MOST_BYTES: usize = 16 * 1024 * 1024;

pub(crate) enum Auth {
    Basic(RobawsLogin),
    Bearer(ProductflowLogin, ProductFlowCompanyId),
}

/// As whom a call is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// With the credentials that were given.
    Connection,
    /// With the credentials that were given, reading from Robaws' replica (`Database-Mode: replica`).
    ConnectionOnReplica,
    /// With a token that does not exist (ProductFlow).
    BadToken,
    /// With the given token and a company that does not exist (ProductFlow).
    OtherCompany,
}

/// An answer of a peer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) json: Option<Value>,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(crate) fn header_text(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn header_number(&self, name: &str) -> Option<u64> {
        self.header_text(name)?.trim().parse().ok()
    }

    /// Status and kind of body, such as `404 with JSON`; never a value of the answer.
    pub(crate) fn in_words(&self) -> String {
        let body = if self.json.is_some() { "JSON" } else { "no JSON" };
        format!("{} with {body}", self.status)
    }
}

#[derive(Default)]
struct ReaderState {
    calls: usize,
    silences: u32,
    not_before: Option<Instant>,
    stopped: Option<String>,
    header_names: BTreeSet<String>,
}

pub(crate) struct Reader {
    http: reqwest::Client,
    base_url: Url,
    auth: Auth,
    pace: Duration,
    most_calls: usize,
    state: Mutex<ReaderState>,
    stop_reason: std::sync::Mutex<Option<String>>,
}

impl Reader {
    /// A reader that makes at most `most_calls` calls, at least `pace` apart.
    pub(crate) fn new(
        http: reqwest::Client,
        base_url: Url,
        auth: Auth,
        pace: Duration,
        most_calls: usize,
    ) -> Self {
        Self {
            http,
            base_url,
            auth,
            pace,
            most_calls,
            state: Mutex::default(),
            stop_reason: std::sync::Mutex::default(),
        }
    }

    fn peer_name(&self) -> &'static str {
        match self.auth {
            Auth::Basic(_) => "Robaws",
            Auth::Bearer(..) => "ProductFlow",
        }
    }

    /// Why the remaining assumptions were not looked at.
    pub(crate) fn stop_reason(&self) -> String {
        let reason = self.stop_reason.lock().ok().and_then(|reason| reason.clone());
        reason.unwrap_or_else(|| "nothing was found to look at".to_owned())
    }

    /// Ends the examination of this peer: every further call fails with this reason.
    pub(crate) async fn stop_reading(&self, reason: String) {
        self.state.lock().await.stop_reading(self, reason);
    }

    /// Names of all response headers seen so far that tell a rate limit.
    pub(crate) async fn limit_headers(&self) -> Vec<String> {
        self.state.lock().await.header_names.iter().cloned().collect()
    }

    /// The JSON of a 2xx answer. An error says in words what came instead.
    pub(crate) async fn read_json(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, String> {
        let answer = self.get(path, query, Caller::Connection).await?;
        let words = answer.in_words();
        let shown = path.first().unwrap_or(&"");
        match answer.json {
            Some(json) if (200..300).contains(&answer.status) => Ok(json),
            _ => Err(format!("`{shown}` answers {words}")),
        }
    }

    /// Makes one GET call and returns the answer, whatever its status. An error says in words why there is none.
    pub(crate) async fn get(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        who: Caller,
    ) -> Result<Answer, String> {
        // The lock is held during the call, so that calls to a peer go one after the other.
        let mut state = self.state.lock().await;
        if let Some(reason) = &state.stopped {
            return Err(reason.clone());
        }
        if state.calls >= self.most_calls {
            let most = self.most_calls;
            return Err(format!("the doctor asks {} {most} times at most", self.peer_name()));
        }
        if let Some(until) = state.not_before {
            tokio::time::sleep_until(until).await;
        }
        state.calls += 1;
        let answer = self.send_request(path, query, who).await;
        state.not_before = Some(Instant::now() + self.pace);
        let answer = answer.and_then(|answer| match answer.status {
            408 | 500.. => Err(format!("{} is not available ({})", self.peer_name(), answer.status)),
            _ => Ok(answer),
        });
        match answer {
            Ok(answer) => {
                state.silences = 0;
                state.learn_limits(self, &answer);
                if answer.status == 429 { Err(state.stopped.clone().unwrap_or_default()) } else { Ok(answer) }
            }
            Err(reason) => {
                state.silences += 1;
                // A peer that does not answer the first call is taken to be down: every further call would only cost a time-out.
                if state.silences >= MOST_SILENCES || state.calls == 1 {
                    state.stop_reading(self, reason.clone());
                }
                Err(reason)
            }
        }
    }

    async fn send_request(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        who: Caller,
    ) -> Result<Answer, String> {
        let mut url = self.base_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let request = self.http.get(url).query(query).timeout(TIMEOUT).header("accept", "application/json");
        let request = match &self.auth {
            Auth::Basic(login) => {
                request.basic_auth(login.key.expose_secret(), Some(login.secret.expose_secret()))
            }
            Auth::Bearer(login, company) => {
                let token =
                    if who == Caller::BadToken { "no-token" } else { login.access_token.expose_secret() };
                let company = if who == Caller::OtherCompany { "0".to_owned() } else { company.to_string() };
                request.bearer_auth(token).header("x-company-id", company)
            }
        };
        let request = if who == Caller::ConnectionOnReplica {
            request.header("database-mode", "replica")
        } else {
            request
        };
        let response = request.send().await.map_err(|error| self.describe_silence(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = self.read_body(response).await?;
        Ok(Answer { status, headers, json: serde_json::from_slice(&body).ok() })
    }

    async fn read_body(&self, mut response: Response) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.describe_silence(&error))? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(format!("an answer of {} is too long", self.peer_name()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// Why there is no answer, in words without the URL, which may hold values.
    fn describe_silence(&self, error: &reqwest::Error) -> String {
        let why = if error.is_timeout() {
            "no answer in time"
        } else if error.is_connect() {
            "no connection"
        } else {
            "the connection broke off"
        };
        format!("{} gave no answer: {why}", self.peer_name())
    }
}

impl ReaderState {
    fn stop_reading(&mut self, reader: &Reader, reason: String) {
        if let Ok(mut shown) = reader.stop_reason.lock() {
            shown.get_or_insert_with(|| reason.clone());
        }
        self.stopped.get_or_insert(reason);
    }

    /// Reads the limits of an answer: stops at a 429 and when little of the day's quota is left, and waits a second when little
    /// of the current second is left.
    fn learn_limits(&mut self, reader: &Reader, answer: &Answer) {
        let names = answer.headers.keys().map(http::HeaderName::as_str);
        let of_limits = names.filter(|name| name.contains("ratelimit") || name.contains("rate-limit"));
        self.header_names.extend(of_limits.map(str::to_owned));
        if answer.status == 429 {
            let peer = reader.peer_name();
            self.stop_reading(
                reader,
                format!("{peer} allowed no more requests (429), so nothing more was asked"),
            );
        }
        if answer.header_number("x-ratelimit-daily-remaining").is_some_and(|left| left < DAILY_RESERVE) {
            let reason =
                format!("fewer than {DAILY_RESERVE} requests are left today: they are the connection's");
            self.stop_reading(reader, reason);
        }
        if answer.header_number("x-ratelimit-remaining").is_some_and(|left| left < SECOND_RESERVE) {
            self.not_before = Some(Instant::now() + Duration::from_secs(1));
        }
    }
}
