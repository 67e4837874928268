//! Every call that leaves a function is two steps: before anything of it happens, and after it happened, before its answer goes
//! back. They can be counted, and at any of them a process can be killed: its calls stand still for ever from then on, and the
//! future that made them is dropped. Nothing depends on time, so the same work has the same steps.

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

/// Which side of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Nothing of it has happened.
    Before,
    /// It has had its effect; its answer goes to nobody if the process is killed here.
    After,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The call: whose, and what.
    pub call: String,
    /// Which side of it.
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

/// How watched work ended.
#[derive(Debug)]
pub struct Ended<T> {
    /// What it gave; `None`: it was killed.
    pub gave: Option<T>,
    /// Its steps, the one at which it was killed among them.
    pub steps: Vec<Step>,
}

/// Counts the steps of work, and kills it at one of them.
#[derive(Clone, Default)]
pub struct Steps {
    watch: Arc<Mutex<Watch>>,
    killed: Arc<Notify>,
}

impl Steps {
    fn lock(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` and counts its steps; at step number `kill_at`, from 0, it is killed: dropped as it is, while the call in hand
    /// stands still for ever. One piece of work at a time.
    pub async fn run<T>(&self, kill_at: Option<usize>, work: impl Future<Output = T>) -> Ended<T> {
        *self.lock() = Watch {
            is_on: true,
            kill_at,
            ..Watch::default()
        };
        let gave = tokio::select! {
            biased;
            () = self.killed.notified() => None,
            gave = work => Some(gave),
        };
        let watch = std::mem::take(&mut *self.lock());
        Ended {
            gave,
            steps: watch.steps,
        }
    }

    /// One step of a call: does not come back when the process is killed here, or was killed before.
    async fn step(&self, call: &str, side: Side) {
        let stands_still = {
            let mut watch = self.lock();
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

    /// The same service, with every call to it watched.
    pub(crate) fn before(&self, service: Router, name: &'static str) -> Router {
        let state = Watched {
            name,
            steps: self.clone(),
        };
        service.layer(middleware::from_fn_with_state(state, watched))
    }
}

#[derive(Clone)]
struct Watched {
    name: &'static str,
    steps: Steps,
}

async fn watched(State(watched): State<Watched>, request: Request, next: Next) -> Response {
    let call = call_of(watched.name, &request);
    watched.steps.step(&call, Side::Before).await;
    let response = next.run(request).await;
    watched.steps.step(&call, Side::After).await;
    response
}

/// `DynamoDB UpdateItem`, `Robaws POST /stock-changes`.
fn call_of(service: &str, request: &Request) -> String {
    let target = request.headers().get("x-amz-target");
    if let Some((_, operation)) = target
        .and_then(|target| target.to_str().ok())
        .and_then(|target| target.split_once('.'))
    {
        return format!("{service} {operation}");
    }
    let path = request.uri().path();
    let below = ["/api/v2", "/api/v1"]
        .iter()
        .find_map(|base| path.strip_prefix(base));
    format!("{service} {} {}", request.method(), below.unwrap_or(path))
}

/// Hands every call on to a server that no layer can be put around.
pub(crate) fn forward(to: SocketAddr) -> Router {
    Router::new().fallback(move |request: Request| async move {
        handed_on(to, request).await.unwrap_or_else(|error| {
            tracing::error!(error = format!("{error:#}"), "a call could not be handed on");
            StatusCode::BAD_GATEWAY.into_response()
        })
    })
}

async fn handed_on(to: SocketAddr, request: Request) -> anyhow::Result<Response> {
    let stream = TcpStream::connect(to).await.context("no connection")?;
    let (mut server, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the answer, since nothing else is asked.
    tokio::spawn(connection);
    Ok(server.send_request(request).await?.map(Body::new))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use url::Url;

    /// A service that counts what happens, behind steps, and a client for it.
    async fn service() -> (Steps, Arc<AtomicU32>, simulators::Server) {
        let happened = Arc::new(AtomicU32::new(0));
        let counts = happened.clone();
        let router = Router::new().fallback(move || {
            counts.fetch_add(1, Ordering::Relaxed);
            std::future::ready("done")
        });
        let steps = Steps::default();
        let server = simulators::spawn(steps.before(router, "Service")).await.unwrap();
        (steps, happened, server)
    }

    async fn calls(server: &simulators::Server, times: usize) -> usize {
        let url: Url = server.url().parse().unwrap();
        let http = runtime::http::client(&[&url]).unwrap();
        for _ in 0..times {
            http.post(url.clone()).send().await.unwrap();
        }
        times
    }

    #[tokio::test]
    async fn a_call_is_two_steps_and_what_is_killed_goes_no_further() {
        let (steps, happened, server) = service().await;
        let ended = steps.run(None, calls(&server, 3)).await;
        assert_eq!((ended.gave, ended.steps.len()), (Some(3), 6));
        assert_eq!(ended.steps[1].to_string(), "after Service POST /");
        // Before the second call it has not happened, after it it has.
        for (kill_at, expected) in [(2, 1), (3, 2)] {
            happened.store(0, Ordering::Relaxed);
            let ended = steps.run(Some(kill_at), calls(&server, 3)).await;
            assert_eq!(ended.gave, None);
            assert_eq!(ended.steps.len(), kill_at + 1);
            assert_eq!(happened.load(Ordering::Relaxed), expected);
        }
        let ended = steps.run(Some(6), calls(&server, 3)).await;
        assert_eq!(ended.gave, Some(3), "it has no seventh step");
        assert_eq!(calls(&server, 1).await, 1, "nobody counts what is not watched");
    }
}
