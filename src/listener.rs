//! The one listener. Connections live on the data plane's runtime; a request for a page is handed to the runtime of the
//! dashboard, so that rendering never delays a proxied request, nor the answer to a supervisor.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode};
use gateway::Gateway;
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt;

use crate::router::{is_data_plane, is_operation};

mod linger;
mod pace;
mod proxies;
mod socket;

use linger::Lingering;
use pace::Paced;
pub use proxies::Proxies;
use socket::{Socket, Talk};

/// Connections held at once; more wait in the kernel's queue. Fewer where the system allows few open files.
const MAX_CONNECTIONS: usize = 20_000;
/// Time a client has to send its request head.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// Silence after which the kernel asks a client whether it is still there.
const CLIENT_IDLE: Duration = Duration::from_secs(60);
/// Longest time what was sent may stay unread.
const CLIENT_STUCK: Duration = Duration::from_secs(300);
/// Most bytes of a request head. More is answered 431 by hyper itself, and is not seen here; so are more headers.
const MAX_HEAD: usize = 64 * 1024;
/// Most headers of a request. Hyper's own 100 is little for a request that has passed several proxies.
const MAX_HEADERS: usize = 256;
/// Most HTTP/2 streams of a connection.
const MAX_STREAMS: u32 = 250;

/// What a connection needs to answer.
pub struct Services {
    pub gateway: Gateway,
    pub operations: Router,
    pub pages: Router,
    /// The runtime that renders pages.
    pub pages_runtime: Handle,
    /// Peers whose `X-Forwarded-For` names the client.
    pub proxies: Arc<Proxies>,
}

/// When and how the listener stops.
#[derive(Debug)]
pub struct Drain {
    /// How often the server has been told to stop. The first time begins the grace; each further one ends a wait.
    pub signals: watch::Receiver<u32>,
    /// How long new requests are still taken.
    pub grace: Duration,
    /// How long running requests may take after that.
    pub patience: Duration,
}

impl Drain {
    /// Waits until no new request is to be taken.
    async fn begins(&self) {
        self.told(1).await;
        tokio::select! {
            () = tokio::time::sleep(self.grace) => {}
            () = self.told(2) => {}
        }
    }

    /// Waits for what still runs. Returns whether it came to its end.
    async fn waits_for(&self, running: impl Future) -> bool {
        let told = *self.signals.borrow();
        tokio::select! {
            _ = running => true,
            () = tokio::time::sleep(self.patience) => false,
            () = self.told(told + 1) => false,
        }
    }

    async fn told(&self, times: u32) {
        if self.signals.clone().wait_for(|told| *told >= times).await.is_err() {
            // Nobody is left who could tell.
            std::future::pending().await
        }
    }
}

/// Accepts until told to stop, then lets running requests finish. Returns whether all did.
pub async fn serve(listener: TcpListener, services: Services, drain: Drain) -> bool {
    let limit = connection_limit();
    let door = Door {
        services: Arc::new(services),
        builder: connection_builder(),
        graceful: GracefulShutdown::new(),
        slots: Arc::new(Semaphore::new(limit)),
        lingering: Lingering::default(),
    };
    tokio::select! {
        () = drain.begins() => {}
        never = door.accept(&listener) => match never {},
    }
    door.services.gateway.close();
    door.lingering.stop();
    drop(listener);
    tracing::info!(
        in_flight = door.services.gateway.in_flight(),
        "the listener is closed; running requests may finish"
    );
    let all = u32::try_from(limit).unwrap_or(u32::MAX);
    let running = async {
        door.graceful.shutdown().await;
        // Responses that are made in the background have no connection.
        door.services.gateway.drained().await;
        // Refusals that linger are no connections of hyper's any more, but have their slots.
        door.slots.acquire_many(all).await.is_ok()
    };
    drain.waits_for(running).await
}

/// What the accepting loop works with.
struct Door {
    services: Arc<Services>,
    builder: auto::Builder<TokioExecutor>,
    graceful: GracefulShutdown,
    slots: Arc<Semaphore>,
    lingering: Lingering,
}

impl Door {
    async fn accept(&self, listener: &TcpListener) -> Infallible {
        loop {
            let next = async {
                let slot = self.slots.clone().acquire_owned().await.map_err(io::Error::other)?;
                listener.accept().await.map(|(stream, peer)| (slot, stream, peer))
            };
            match next.await {
                Ok((slot, stream, peer)) => self.admit(slot, stream, peer),
                Err(error) => pause_after(&error).await,
            }
        }
    }

    fn admit(&self, slot: OwnedSemaphorePermit, stream: TcpStream, peer: SocketAddr) {
        prepare(&stream);
        let talk = Arc::new(Talk::default());
        let socket = TokioIo::new(Socket::new(stream, talk.clone()));
        let (services, said) = (Arc::clone(&self.services), talk.clone());
        let service = service_fn(move |request| answer(Arc::clone(&services), peer, request, said.clone()));
        // Boxed, because each function that it is handed to would keep room for it besides.
        let connection = Box::pin(self.graceful.watch(self.builder.serve_connection(socket, service).into_owned()));
        let lingering = self.lingering.clone();
        tokio::spawn(async move {
            let failed = converse(connection, &talk).await;
            if let Some(socket) = talk.take_unheard(failed) {
                lingering.hear_out(socket).await;
            }
            drop(slot);
        });
    }
}

/// Serves a connection. One that asks nothing within the time for a request head is closed: hyper's own limit begins with the
/// first complete preface, which such a client never sends. Returns whether it failed; that is a client that left or
/// spoke no HTTP, and concerns nobody else.
async fn converse<E>(mut connection: Pin<Box<impl Future<Output = Result<(), E>>>>, talk: &Talk) -> bool {
    tokio::select! {
        ended = &mut connection => return ended.is_err(),
        () = tokio::time::sleep(HEADER_TIMEOUT + Duration::from_secs(1)) => {}
    }
    if !talk.has_asked() {
        return false;
    }
    tokio::select! {
        ended = connection => ended.is_err(),
        never = talk.paces.look() => match never {},
    }
}

/// Asks the system for as many open files as it may have; a proxied connection needs two.
fn connection_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    let files = current.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    MAX_CONNECTIONS.min(files.saturating_sub(256) / 2).max(16)
}

fn connection_builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD as u32)
        .keep_alive_interval(Duration::from_secs(30));
    builder
}

/// Small events must leave at once, and a client that is gone, or never reads, must not hold an upstream connection for
/// ever: the kernel gives up on it, also while the client's window is zero; what it cannot see is watched by [`pace`]. A
/// socket that refuses an option still works.
fn prepare(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(CLIENT_IDLE));
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(CLIENT_STUCK));
}

async fn answer(
    services: Arc<Services>,
    peer: SocketAddr,
    request: Request<Incoming>,
    talk: Arc<Talk>,
) -> Result<Response<Paced>, Infallible> {
    let version = request.version();
    let mut request = talk.ask(request);
    let client = services.proxies.client_of(peer.ip(), request.headers());
    if is_data_plane(request.uri().path()) {
        // Boxed, so that it is gone while a stream runs, and while a connection waits for its next request.
        let response = Box::pin(services.gateway.handle(request, client)).await;
        return Ok(talk.paces.watch(response.map(Either::Left), version));
    }
    if is_operation(request.uri().path()) {
        let response = match services.operations.clone().oneshot(request.map(Body::new)).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        return Ok(talk.paces.watch(response.map(Either::Right), version));
    }
    request.extensions_mut().insert(ConnectInfo(SocketAddr::new(client.address, peer.port())));
    let page = services.pages_runtime.spawn(services.pages.clone().oneshot(request.map(Body::new)));
    let response = match page.await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            let mut response =
                Response::new(Body::from("The page could not be rendered. The server's log says why.\n"));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    };
    Ok(talk.paces.watch(response.map(Either::Right), version))
}

/// Out of file descriptors: wait instead of spinning. Errors of a single connection pass at once.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        tracing::warn!(%error, "cannot accept connections");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
