//! Connections that can be reset on purpose, and the loop that accepts them.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;

use crate::{Mock, Options};

/// Connections served at once; further ones wait in the listener's queue.
const MAX_CONNECTIONS: usize = 8192;
/// Pause after the system refused to accept, usually because file descriptors ran out.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// The connection a request came on, as far as an answer may break it.
#[derive(Clone, Debug, Default)]
pub struct Connection(Arc<Notify>);

impl Connection {
    /// Resets the connection: the other side sees a broken one, not a closed one.
    pub(crate) fn reset(&self) {
        self.0.notify_one();
    }
}

/// Answers every connection of a listener until the future is dropped.
///
/// # Errors
/// None today: a failed accept is tried again.
pub async fn serve(listener: TcpListener, options: Options) -> io::Result<()> {
    answer(listener, Mock::new(&options)).await
}

async fn answer(listener: TcpListener, mock: Mock) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.map_err(io::Error::other)?;
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_BACKOFF).await;
            continue;
        };
        let mock = mock.clone();
        tokio::spawn(async move {
            converse(stream, mock).await;
            drop(place);
        });
    }
}

async fn converse(stream: TcpStream, mock: Mock) {
    // Events must leave one by one, as a provider's do. Where the option cannot be set, they leave a little later.
    stream.set_nodelay(true).ok();
    let connection = Connection::default();
    let service = service_fn(|request| {
        let (mock, connection) = (mock.clone(), connection.clone());
        async move { Ok::<_, std::convert::Infallible>(mock.handle(request, connection).await) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(600));
    let (stream, breaker) = Breakable::new(stream);
    let served = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(served);
    tokio::select! {
        // However a connection ends, there is nobody to tell.
        _ = &mut served => {}
        () = connection.0.notified() => breaker.arm(),
    }
}

/// A socket that is reset, rather than closed, when it is dropped after its breaker was armed.
struct Breakable {
    stream: TcpStream,
    armed: Arc<AtomicBool>,
}

struct Breaker(Arc<AtomicBool>);

impl Breaker {
    fn arm(&self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Breakable {
    fn new(stream: TcpStream) -> (Self, Breaker) {
        let armed = Arc::new(AtomicBool::new(false));
        (Self { stream, armed: Arc::clone(&armed) }, Breaker(armed))
    }
}

impl Drop for Breakable {
    fn drop(&mut self) {
        if self.armed.load(Ordering::Acquire) {
            // Without it the socket closes in order; the other side then sees an end instead of a reset.
            self.stream.set_zero_linger().ok();
        }
    }
}

impl AsyncRead for Breakable {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Breakable {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A mock that runs until this is dropped.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    mock: Mock,
    task: JoinHandle<io::Result<()>>,
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base address: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers by other flags from now on.
    pub fn change(&self, options: &Options) {
        self.mock.change(options);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts a mock on a free port of this machine, for tests.
///
/// # Errors
/// When no port can be bound.
pub async fn start(options: Options) -> io::Result<Running> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let mock = Mock::new(&options);
    Ok(Running { address, task: tokio::spawn(answer(listener, mock.clone())), mock })
}
