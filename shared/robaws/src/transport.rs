//! Making one call to Robaws: authentication, pacing, time-outs, the meaning of the answer, and the repeats that are safe.

use crate::error::{Error, Misfit};
use crate::pacing::{Limits, Pacer};
use crate::wire;
use reqwest::{Method, RequestBuilder, Response};
use runtime::http::{BodyError, read_body};
use runtime::observer::{CallEnd, NoObserver, SharedObserver, WatchedCall};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Longest wait for an ordinary answer, as the contract with Robaws says.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// A read that failed within this time is repeated once. After a longer wait the time is better left to the caller.
const RETRY_IF_FAILED_WITHIN: Duration = Duration::from_secs(5);
/// Longest wait for the cheapest read, which only asks whether Robaws answers.
pub(crate) const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for a list. Lists of articles are slow.
pub(crate) const LIST_TIMEOUT: Duration = Duration::from_secs(30);
/// A 429 of the second that asks for a longer wait than this is returned to the caller instead.
const LONGEST_RATE_WAIT: Duration = Duration::from_secs(3);
/// Repeats of one call after a 429.
const RATE_RETRIES: u32 = 2;
/// Most pages of one list. The requests of a day are a tenth of what so many pages would need to fill, so a longer list has no
/// end.
const MOST_LIST_PAGES: u32 = 1_000;

/// Key and secret of an "API only" user of Robaws.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The key: the user name of Basic authentication.
    pub key: SecretString,
    /// The secret: the password of Basic authentication.
    pub secret: SecretString,
}

/// A client for one tenant of Robaws.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: Url,
    credentials: Credentials,
    pacer: Arc<Pacer>,
    observer: SharedObserver,
}

/// One request to Robaws.
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) query: &'a [(&'a str, &'a str)],
    /// Content type and text of the body.
    pub(crate) body: Option<(&'static str, &'a str)>,
    pub(crate) idempotency_key: Option<&'a str>,
    pub(crate) timeout: Duration,
    /// Whether the replica is read, a copy of the database that may lag behind and has a daily quota of its own.
    pub(crate) from_replica: bool,
}

impl<'a> Request<'a> {
    pub(crate) fn get(path: &'a str, query: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            method: Method::GET,
            path,
            query,
            body: None,
            idempotency_key: None,
            timeout: ANSWER_TIMEOUT,
            from_replica: false,
        }
    }

    pub(crate) fn post_json(path: &'a str, body: &'a str, key: &'a str) -> Self {
        let body = Some(("application/json", body));
        Self {
            method: Method::POST,
            path,
            query: &[],
            body,
            idempotency_key: Some(key),
            timeout: ANSWER_TIMEOUT,
            from_replica: false,
        }
    }

    pub(crate) fn merge_patch(path: &'a str, body: &'a str, key: &'a str) -> Self {
        let body = Some(("application/merge-patch+json", body));
        Self { method: Method::PATCH, ..Self { body, ..Self::post_json(path, "", key) } }
    }

    pub(crate) fn delete(path: &'a str) -> Self {
        Self { method: Method::DELETE, ..Self::get(path, &[]) }
    }

    /// Leaves out the idempotency key, for a write that states what is to be and may be repeated.
    pub(crate) fn without_idempotency_key(self) -> Self {
        Self { idempotency_key: None, ..self }
    }

    pub(crate) fn with_replica(self, replica: bool) -> Self {
        Self { from_replica: replica, ..self }
    }
}

impl Client {
    /// A client for the tenant that the credentials belong to. All clients of one tenant share one `pacer`.
    pub fn new(http: reqwest::Client, base_url: Url, credentials: Credentials, pacer: Arc<Pacer>) -> Self {
        Self { http, base_url, credentials, pacer, observer: Arc::new(NoObserver) }
    }

    /// Reports every call to `observer`.
    #[must_use]
    pub fn with_observer(self, observer: SharedObserver) -> Self {
        Self { observer, ..self }
    }

    /// Digest of the key, 16 hex digits. Tells API users apart in the ledger without telling the key.
    pub fn key_digest(&self) -> String {
        hex::encode(&Sha256::digest(self.credentials.key.expose_secret().as_bytes())[..8])
    }

    pub fn limits(&self) -> Limits {
        self.pacer.limits()
    }

    /// Reads JSON. The read is repeated once when no answer or a 5xx came soon.
    pub(crate) async fn get_json<T: DeserializeOwned>(
        &self,
        request: Request<'_>,
        what: &'static str,
    ) -> Result<T, Error> {
        let clock = self.pacer.clock();
        let began = clock.instant();
        match self.call_with_rate_retries(&request).await {
            Err(error) if error.is_transient() && clock.instant() - began < RETRY_IF_FAILED_WITHIN => {
                clock.sleep(Duration::from_millis(300)).await;
                self.call_with_rate_retries(&request).await?
            }
            answer => answer?,
        }
        .parse_json(what)
    }

    /// Reads one resource. Gives `None` on 404.
    pub(crate) async fn get_optional_json<T: DeserializeOwned>(
        &self,
        request: Request<'_>,
        what: &'static str,
    ) -> Result<Option<T>, Error> {
        match self.get_json(request, what).await {
            Ok(found) => Ok(Some(found)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends a write. The write is repeated only after a 429, which proves that nothing happened.
    pub(crate) async fn send_write(&self, request: Request<'_>) -> Result<Answer, Error> {
        self.call_with_rate_retries(&request).await
    }

    /// Reads the pages of a list until its end, or until `enough` is satisfied with the items read so far. Each item is given
    /// once, told apart by `id`.
    pub(crate) async fn read_whole_list<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        what: &'static str,
        timeout: Duration,
        id: impl Fn(&T) -> &str,
        mut enough: impl FnMut(&[T]) -> bool,
    ) -> Result<Vec<T>, Error> {
        let mut items: Vec<T> = Vec::new();
        let mut known = HashSet::new();
        let mut page = 0_u32;
        loop {
            let number = page.to_string();
            let mut query = query.to_vec();
            query.extend([("page", number.as_str()), ("size", "100")]);
            let request = Request { timeout, ..Request::get(path, &query) };
            let answer: wire::ListPage<T> = self.get_json(request, what).await?;
            let count = answer.items.len();
            for item in answer.items {
                // Rows may shift between two pages while the list is read.
                if known.insert(id(&item).to_owned()) {
                    items.push(item);
                }
            }
            page += 1;
            if is_list_end(page, count, answer.total_pages)
                .map_err(|source| Error::Unreadable { what, source })?
                || enough(&items)
            {
                return Ok(items);
            }
        }
    }

    async fn call_with_rate_retries(&self, request: &Request<'_>) -> Result<Answer, Error> {
        // In a URL these parts name a folder, so the call would be of another resource.
        if request.path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(Error::NotFound { path: request.path.to_owned() });
        }
        let mut waited = 0;
        loop {
            match self.call_once(request).await {
                Err(Error::RateLimited { retry_after, daily: false, reset }) if waited < RATE_RETRIES => {
                    let wait = retry_after.unwrap_or(Duration::from_secs(1));
                    self.pacer.hold_requests(wait);
                    if wait > LONGEST_RATE_WAIT {
                        return Err(Error::RateLimited { retry_after, daily: false, reset });
                    }
                    waited += 1;
                }
                answer => return answer,
            }
        }
    }

    async fn call_once(&self, request: &Request<'_>) -> Result<Answer, Error> {
        let turn = self.pacer.wait_for_permit().await;
        let watched = WatchedCall::begin_now(&*self.observer);
        let answered = match self.build_request(request).send().await {
            Ok(response) => {
                self.pacer.learn_from_answer(response.headers(), !request.from_replica);
                // Robaws counted the request when it sent the headers, so another one may go while the body is read.
                drop(turn);
                read_answer(response, request.path, &self.observer).await
            }
            Err(source) => Err(Error::NoAnswer { source: source.without_url() }),
        };
        watched.end_as(answered.as_ref().map_or_else(Error::observed_end, |_| CallEnd::Answered));
        answered.map_err(|error| error.with_reworded_message(|sentence| self.remove_secrets(sentence)))
    }

    /// A refusal may repeat the key or the secret.
    fn remove_secrets(&self, sentence: &str) -> String {
        let Credentials { key, secret } = &self.credentials;
        [secret, key]
            .into_iter()
            .map(ExposeSecret::expose_secret)
            .filter(|secret| !secret.is_empty())
            .fold(sentence.to_owned(), |sentence, secret| sentence.replace(secret, "…"))
    }

    fn build_request(&self, request: &Request<'_>) -> RequestBuilder {
        let mut url = self.base_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(request.path.split('/'));
        }
        let mut builder = self
            .http
            .request(request.method.clone(), url)
            .query(request.query)
            .timeout(request.timeout)
            .header("accept", "application/json")
            .basic_auth(self.credentials.key.expose_secret(), Some(self.credentials.secret.expose_secret()));
        if let Some((content_type, body)) = request.body {
            builder = builder.header("content-type", content_type).body(body.to_owned());
        }
        if let Some(key) = request.idempotency_key {
            builder = builder.header("idempotency-key", key);
        }
        if request.from_replica {
            builder = builder.header("database-mode", "replica");
        }
        builder
    }
}

/// An answer with status 2xx.
pub(crate) struct Answer {
    status: u16,
    body: Vec<u8>,
    is_json: bool,
    observer: SharedObserver,
}

impl Answer {
    /// Reads the body as JSON. `what` names the expected thing in an error.
    pub(crate) fn parse_json<T: DeserializeOwned>(&self, what: &'static str) -> Result<T, Error> {
        let read = if self.is_json {
            serde_json::from_slice(&self.body).map_err(|error| Error::from_json_error(what, &error))
        } else {
            Err(Error::NotJson { status: self.status })
        };
        if read.is_err() {
            self.observer.answer_unreadable();
        }
        read
    }
}

async fn read_answer(response: Response, path: &str, observer: &SharedObserver) -> Result<Answer, Error> {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let seconds =
        |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok().map(Duration::from_secs);
    let is_json = headers
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.to_ascii_lowercase().contains("json"));
    let body = match read_body(response).await {
        Ok(body) => body,
        // A refusal counts whatever became of its body. Any other answer without its end is no answer.
        Err(_) if (400..500).contains(&status) => Vec::new(),
        Err(BodyError::TooLarge) if !(200..300).contains(&status) => Vec::new(),
        Err(BodyError::TooLarge) => {
            return Err(Error::Unreadable { what: "an answer", source: Misfit::TooLarge });
        }
        Err(BodyError::Lost(source)) => {
            return Err(Error::NoAnswer { source: source.without_url() });
        }
    };
    match status {
        200..=299 => {
            Ok(Answer { status, is_json: is_json || body.is_empty(), body, observer: Arc::clone(observer) })
        }
        300..=399 => Err(Error::Redirected { status }),
        401 => Err(Error::Unauthorized {}),
        403 => Err(Error::Forbidden { path: path.to_owned() }),
        404 => Err(Error::NotFound { path: path.to_owned() }),
        408 | 500.. => Err(Error::Unavailable { status }),
        409 => Err(Error::Conflict {}),
        429 => {
            let daily =
                headers.get("x-ratelimit-daily-remaining").is_some_and(|left| left.as_bytes() == b"0");
            let reset = seconds("x-ratelimit-daily-reset").filter(|_| daily);
            Err(Error::RateLimited { retry_after: seconds("retry-after"), daily, reset })
        }
        _ => {
            let (message, correlation_id) = wire::read_error_message(&body, status);
            tracing::warn!(status, correlation_id, path, "Robaws refused a request");
            Err(Error::Rejected { status, message, correlation_id })
        }
    }
}

/// Whether a list ends with its `read`-th page, which holds `rows` rows.
fn is_list_end(read: u32, rows: usize, total_pages: u64) -> Result<bool, Misfit> {
    if rows == 0 || u64::from(read) >= total_pages {
        return Ok(true);
    }
    if read >= MOST_LIST_PAGES {
        return Err(Misfit::Endless);
    }
    Ok(false)
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
