//! A connection to a provider: takes requests, and goes back to the pool by itself.
//!
//! Each connection has a task, which hyper needs to read and write. Over HTTP/1 that task also puts the connection back, in the
//! moment in which hyper says that the answer is over: so there is no task for a request, and none that waits.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use futures_util::future::Either;
use http::header::HOST;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::Connection as _;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::body::Incoming;
use super::error::{closed_early, is_refused};
use super::pool::{Address, IDLE_TIMEOUT, Pool};
use super::{MAX_HEAD, PING_EVERY, PING_TIMEOUT, STALE_WITHIN};

/// A TCP connection, encrypted or not.
pub(super) type Wire = MaybeHttpsStream<TokioIo<TcpStream>>;

/// A connection that a request may be sent over.
pub(super) enum Connection {
    Single(Alone),
    Shared(Stream),
}

/// No answer's head came.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) error: hyper::Error,
    /// Whether the request was not written, or certainly not begun with.
    pub(super) is_unsent: bool,
    /// Whether the connection waited for a while, so that the provider may have closed it in the moment of its use, and broke right
    /// away.
    pub(super) is_stale: bool,
}

impl Broken {
    fn new(mut error: TrySendError<Request<Full<Bytes>>>, may_be_stale: bool, sent: Instant) -> Self {
        let was_returned = error.take_message().is_some();
        let error = error.into_error();
        let is_stale = may_be_stale && closed_early(&error) && sent.elapsed() < STALE_WITHIN;
        Self { is_unsent: was_returned || is_refused(&error), error, is_stale }
    }
}

impl Connection {
    /// Agrees with the other end on how to talk. Tells whether the connection is a new one: over HTTP/2 those who connected at the
    /// same time share one, unless it must be new.
    ///
    /// # Errors
    /// They did not agree.
    pub(super) async fn begin(
        wire: Wire,
        address: &Address,
        pool: &Arc<Pool>,
        must_be_new: bool,
    ) -> hyper::Result<(Self, bool)> {
        if !wire.connected().is_negotiated_h2() {
            return Ok((Self::Single(Alone::begin(wire, address, pool).await?), true));
        }
        if !must_be_new && let Some(stream) = pool.enter(address) {
            return Ok((stream, false));
        }
        let shared = Shared::begin(wire, address, pool).await?;
        Ok((Self::Shared(pool.share(address, shared)), true))
    }

    /// Sends a request and waits for the answer's head.
    pub(super) fn send(
        self,
        request: Request<Full<Bytes>>,
    ) -> impl Future<Output = Result<Response<Incoming>, Broken>> {
        match self {
            Self::Single(alone) => Either::Left(alone.send(request)),
            Self::Shared(stream) => Either::Right(stream.send(request)),
        }
    }
}

/// A connection over HTTP/1, which one request at a time has for itself, while nobody has it.
pub(super) struct Alone {
    sender: http1::SendRequest<Full<Bytes>>,
    home: Arc<Home>,
    /// Whether it has waited, or carried an answer.
    pub(super) may_be_stale: bool,
}

impl Alone {
    /// Whether a request may be sent: the connection is not closed, as far as is known.
    pub(super) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    async fn begin(wire: Wire, address: &Address, pool: &Arc<Pool>) -> hyper::Result<Self> {
        let (mut sender, mut connection) = http1::Builder::new().max_buf_size(MAX_HEAD).handshake(wire).await?;
        let home = Arc::new(Home {
            pool: Arc::downgrade(pool),
            host: host(address),
            address: address.clone(),
            answering: Mutex::default(),
        });
        let place = Arc::clone(&home);
        // How it ends concerns those who use it, and they are told.
        tokio::spawn(poll_fn(move |context| {
            let polled = Pin::new(&mut connection).poll(context);
            if polled.is_pending() {
                place.return_if_ready();
            }
            polled.map(drop)
        }));
        // hyper takes a first request before it has asked for one, and would ask for another while that is under way: the connection
        // would seem to be ready.
        sender.ready().await?;
        Ok(Self { sender, home, may_be_stale: false })
    }

    fn send(self, mut request: Request<Full<Bytes>>) -> impl Future<Output = Result<Response<Incoming>, Broken>> {
        let Self { mut sender, home, may_be_stale } = self;
        request.headers_mut().entry(HOST).or_insert_with(|| home.host.clone());
        let asked = std::mem::take(request.uri_mut()).into_parts().path_and_query;
        *request.uri_mut() = asked.unwrap_or_else(|| PathAndQuery::from_static("/")).into();
        let (begin, sent) = (Instant::now(), sender.try_send_request(request));
        async move {
            match sent.await {
                Ok(answer) => {
                    home.answers(sender);
                    Ok(answer.map(Incoming::alone))
                }
                Err(error) => Err(Broken::new(error, may_be_stale, begin)),
            }
        }
    }
}

/// What the `Host` header says: without a port that goes without saying.
fn host(address: &Address) -> HeaderValue {
    let authority = &address.authority;
    let default = if address.scheme == Scheme::HTTPS { 443 } else { 80 };
    let text = match authority.port_u16() {
        Some(port) if port != default => format!("{}:{port}", authority.host()),
        _ => authority.host().to_owned(),
    };
    // A host consists of characters that a header may have.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

/// Where a connection over HTTP/1 goes when its answer is over.
struct Home {
    pool: Weak<Pool>,
    address: Address,
    host: HeaderValue,
    /// The connection, while an answer comes.
    answering: Mutex<Option<http1::SendRequest<Full<Bytes>>>>,
}

impl Home {
    /// The head of an answer has come.
    fn answers(self: &Arc<Self>, sender: http1::SendRequest<Full<Bytes>>) {
        *self.answering.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        // The connection's task may have come to the answer's end before.
        self.return_if_ready();
    }

    fn return_if_ready(self: &Arc<Self>) {
        let mut answering = self.answering.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = answering.take_if(|sender| sender.is_ready()) else { return };
        drop(answering);
        if let Some(pool) = self.pool.upgrade() {
            pool.keep(&self.address, Alone { sender, home: Arc::clone(self), may_be_stale: true });
        }
    }
}

/// A connection over HTTP/2.
pub(super) struct Shared {
    sender: http2::SendRequest<Full<Bytes>>,
    pool: Weak<Pool>,
    address: Address,
    /// Streams that may be open at once, as the provider had said when the connection was last asked something; before that as many
    /// as over other connections to it, or a hundred, which HTTP/2 recommends as the least.
    most: Arc<AtomicUsize>,
    open: AtomicUsize,
    has_served: AtomicBool,
    /// When the last stream ended.
    ended: Mutex<Instant>,
}

impl Shared {
    async fn begin(wire: Wire, address: &Address, pool: &Arc<Pool>) -> hyper::Result<Arc<Self>> {
        let (sender, mut connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_header_list_size(MAX_HEAD as u32)
            .adaptive_window(true)
            .initial_max_send_streams(pool.streams(address))
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT)
            .handshake(wire)
            .await?;
        let most = Arc::new(AtomicUsize::new(connection.current_max_send_streams()));
        let (told, room, to) = (Arc::clone(&most), Arc::downgrade(pool), address.clone());
        let mut last = connection.current_max_send_streams();
        tokio::spawn(poll_fn(move |context| {
            let polled = Pin::new(&mut connection).poll(context);
            let now = connection.current_max_send_streams();
            if std::mem::replace(&mut last, now) != now {
                told.store(now, Ordering::Relaxed);
                if let Some(pool) = room.upgrade() {
                    pool.serve(&to);
                }
            }
            polled.map(drop)
        }));
        let (has_served, ended) = (AtomicBool::new(false), Mutex::new(Instant::now()));
        let (pool, address) = (Arc::downgrade(pool), address.clone());
        Ok(Arc::new(Self { sender, pool, address, most, open: AtomicUsize::new(0), has_served, ended }))
    }

    /// The stream for which the connection was made.
    pub(super) fn first(shared: &Arc<Self>) -> Stream {
        shared.open.fetch_add(1, Ordering::Relaxed);
        Stream(Arc::clone(shared))
    }

    /// One more stream, where there is room. For one caller at a time.
    pub(super) fn enter(shared: &Arc<Self>) -> Option<Stream> {
        let has_room = shared.open.load(Ordering::Relaxed) < shared.most();
        (has_room && !shared.sender.is_closed()).then(|| Self::first(shared))
    }

    /// A stream was refused: there are as many as may be, until the provider's own word is known.
    fn takes_no_more(&self) {
        let others = self.open.load(Ordering::Relaxed).saturating_sub(1);
        self.most.fetch_min(others.max(1), Ordering::Relaxed);
    }

    /// Streams that may be open at once.
    pub(super) fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// Whether it works, and somebody uses it or did so not long ago.
    pub(super) fn is_wanted(&self) -> bool {
        let is_used = || self.open.load(Ordering::Relaxed) > 0;
        let is_young = || self.ended.lock().unwrap_or_else(PoisonError::into_inner).elapsed() < IDLE_TIMEOUT;
        !self.sender.is_closed() && (is_used() || is_young())
    }
}

/// A request and its answer over HTTP/2: dropped, it makes room for another.
pub(super) struct Stream(pub(super) Arc<Shared>);

impl Stream {
    fn send(self, request: Request<Full<Bytes>>) -> impl Future<Output = Result<Response<Incoming>, Broken>> {
        let has_served = self.0.has_served.load(Ordering::Relaxed);
        let (begin, sent) = (Instant::now(), self.0.sender.clone().try_send_request(request));
        async move {
            match sent.await {
                Ok(answer) => {
                    self.0.has_served.store(true, Ordering::Relaxed);
                    Ok(answer.map(|body| Incoming::of_stream(body, self)))
                }
                Err(error) => {
                    let broken = Broken::new(error, has_served, begin);
                    if is_refused(&broken.error) {
                        self.0.takes_no_more();
                    }
                    Err(broken)
                }
            }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        *self.0.ended.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        if let Some(pool) = self.0.pool.upgrade() {
            pool.serve(&self.0.address);
        }
    }
}
