//! A server for the simulators' routers: plain HTTP/1.1, able to drop a connection instead of answering.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tower::ServiceExt as _;

use crate::traffic::DropConnection;

/// Serves a router on a listener until the task is dropped. A response with the extension [`DropConnection`] is
/// never sent: the connection ends without a byte of it.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve_router(router: Router, listener: TcpListener) -> io::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_stream(router.clone(), stream));
                }
                // The caller hung up before it was accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Why a connection ended without an answer.
#[derive(Debug)]
struct Dropped;

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is dropped on purpose")
    }
}

impl std::error::Error for Dropped {}

async fn serve_stream(router: Router, stream: TcpStream) {
    let service = service_fn(move |request: http::Request<Incoming>| {
        let router = router.clone();
        async move {
            let response: Response = match router.oneshot(request.map(Body::new)).await {
                Ok(response) => response,
                Err(impossible) => match impossible {},
            };
            if response.extensions().get::<DropConnection>().is_some() {
                return Err(Dropped);
            }
            Ok(response)
        }
    });
    // An error here is a connection that broke or was dropped on purpose: the caller sees it, nobody else has to.
    let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// A router that is being served; dropping it ends the server and its connections.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: AbortHandle,
}

impl Server {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://address`, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves a router on a free port of the loopback interface.
///
/// # Errors
/// When no port can be had.
pub async fn spawn_server(router: Router) -> io::Result<Server> {
    spawn_server_on(router, SocketAddr::from(([127, 0, 0, 1], 0))).await
}

/// Serves a router on an address.
///
/// # Errors
/// When the address cannot be had.
pub async fn spawn_server_on(router: Router, address: SocketAddr) -> io::Result<Server> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let task = tokio::spawn(async move { serve_router(router, listener).await }).abort_handle();
    Ok(Server { address, task })
}
