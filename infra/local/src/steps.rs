//! Watches the calls that leave a function, so that a test can kill the work at any of them. Each call is two steps: before it
//! has any effect, and after its effect but before its answer goes back. Killing means that the future is dropped and its call in
//! hand never gets an answer. The steps do not depend on time, so the same work has the same steps.

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// The two steps of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The call has had no effect yet.
    Before,
    /// The call has had its effect. If the work is killed here, the answer reaches nobody.
    After,
}

/// One step of watched work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The call: service and operation, such as `DynamoDB UpdateItem`.
    pub call: String,
    pub side: Side,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.side {
            Side::Before => write!(f, "before {}", self.call),
            Side::After => write!(f, "after {}", self.call),
        }
    }
}

#[derive(Default)]
struct Watch {
    is_on: bool,
    is_killed: bool,
    kill_at: Option<usize>,
    steps: Vec<Step>,
}

/// The result of watched work.
#[derive(Debug)]
pub struct WatchedRun<T> {
    /// Output of the work; `None`: it was killed.
    pub output: Option<T>,
    /// All steps that were reached, the one at which the work was killed included.
    pub steps: Vec<Step>,
}

/// Counts the steps of a piece of work, and kills the work at one of them.
#[derive(Clone, Default)]
pub struct Steps {
    watch: Arc<Mutex<Watch>>,
    killed: Arc<Notify>,
}

impl Steps {
    fn lock_watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` and counts its steps. At step number `kill_at`, counted from 0, the work is killed: its future is dropped, and
    /// the call in hand never gets an answer. Only one piece of work can be watched at a time.
    pub async fn run_watched<T>(
        &self,
        kill_at: Option<usize>,
        work: impl Future<Output = T>,
    ) -> WatchedRun<T> {
        *self.lock_watch() = Watch { is_on: true, kill_at, ..Watch::default() };
        let gave = tokio::select! {
            biased;
            () = self.killed.notified() => None,
            gave = work => Some(gave),
        };
        let watch = std::mem::take(&mut *self.lock_watch());
        WatchedRun { output: gave, steps: watch.steps }
    }

    /// Counts one step. Never returns when the work is killed at this step or was killed before.
    async fn take_step(&self, call: &str, side: Side) {
        let stands_still = {
            let mut watch = self.lock_watch();
            if !watch.is_on {
                return;
            }
            if !watch.is_killed {
                watch.is_killed = watch.kill_at == Some(watch.steps.len());
                let call = call.to_owned();
                watch.steps.push(Step { call, side });
            }
            watch.is_killed
        };
        if stands_still {
            self.killed.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// The service, with every call to it watched.
    pub(crate) fn watch_service(&self, service: Router, name: &'static str) -> Router {
        let state = WatchedService { name, steps: self.clone() };
        service.layer(middleware::from_fn_with_state(state, watch_call))
    }
}

#[derive(Clone)]
struct WatchedService {
    name: &'static str,
    steps: Steps,
}

async fn watch_call(State(watched): State<WatchedService>, request: Request, next: Next) -> Response {
    let call = describe_call(watched.name, &request);
    watched.steps.take_step(&call, Side::Before).await;
    let response = next.run(request).await;
    watched.steps.take_step(&call, Side::After).await;
    response
}

/// Service and operation of a call, such as `DynamoDB UpdateItem` or `Robaws POST /stock-changes`.
fn describe_call(service: &str, request: &Request) -> String {
    let target = request.headers().get("x-amz-target");
    if let Some((_, operation)) =
        target.and_then(|target| target.to_str().ok()).and_then(|target| target.split_once('.'))
    {
        return format!("{service} {operation}");
    }
    let path = request.uri().path();
    let below = ["/api/v2", "/api/v1"].iter().find_map(|base| path.strip_prefix(base));
    format!("{service} {} {}", request.method(), below.unwrap_or(path))
}

/// A service that hands every call on to a server around which no layer can be put.
pub(crate) fn forward_to(to: SocketAddr) -> Router {
    Router::new().fallback(move |request: Request| async move {
        hand_request_on(to, request).await.unwrap_or_else(|error| {
            tracing::error!(error = format!("{error:#}"), "a call could not be handed on");
            StatusCode::BAD_GATEWAY.into_response()
        })
    })
}

async fn hand_request_on(to: SocketAddr, request: Request) -> anyhow::Result<Response> {
    let stream = TcpStream::connect(to).await.context("no connection")?;
    let (mut server, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // The connection's task ends after this one answer, since nothing else is sent over it.
    tokio::spawn(connection);
    Ok(server.send_request(request).await?.map(Body::new))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use url::Url;

    /// A watched service that counts the calls that have an effect.
    async fn spawn_service() -> (Steps, Arc<AtomicU32>, simulators::Server) {
        let happened = Arc::new(AtomicU32::new(0));
        let counts = happened.clone();
        let router = Router::new().fallback(move || {
            counts.fetch_add(1, Ordering::Relaxed);
            std::future::ready("done")
        });
        let steps = Steps::default();
        let server = simulators::spawn_server(steps.watch_service(router, "Service")).await.unwrap();
        (steps, happened, server)
    }

    async fn make_calls(server: &simulators::Server, times: usize) -> usize {
        let url: Url = server.url().parse().unwrap();
        let http = runtime::http::peer_client(&[&url]).unwrap();
        for _ in 0..times {
            http.post(url.clone()).send().await.unwrap();
        }
        times
    }

    #[tokio::test]
    async fn a_call_is_two_steps_and_what_is_killed_goes_no_further() {
        let (steps, happened, server) = spawn_service().await;
        let ended = steps.run_watched(None, make_calls(&server, 3)).await;
        assert_eq!((ended.output, ended.steps.len()), (Some(3), 6));
        assert_eq!(ended.steps[1].to_string(), "after Service POST /");
        // Killed before the second call, one call has had its effect; killed after it, two have.
        for (kill_at, expected) in [(2, 1), (3, 2)] {
            happened.store(0, Ordering::Relaxed);
            let ended = steps.run_watched(Some(kill_at), make_calls(&server, 3)).await;
            assert_eq!(ended.output, None);
            assert_eq!(ended.steps.len(), kill_at + 1);
            assert_eq!(happened.load(Ordering::Relaxed), expected);
        }
        let ended = steps.run_watched(Some(6), make_calls(&server, 3)).await;
        assert_eq!(ended.output, Some(3), "it has no seventh step");
        assert_eq!(make_calls(&server, 1).await, 1, "nobody counts what is not watched");
    }
}
