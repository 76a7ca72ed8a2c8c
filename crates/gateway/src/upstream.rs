//! The way to providers: hyper's connections, in a pool of our own.
//!
//! # What it guarantees
//! * No connection to an address that is not public, unless the operator allows it: checked after name resolution, on
//!   every dial, for literal addresses too, and the connection goes to the very address that was checked.
//! * A redirect is an answer like any other. Following one would send the credential to whoever wrote it.
//! * Connecting (name, TCP and TLS together) and waiting for an answer's head are bounded in time, an answer's head and
//!   the idle connections are bounded in number and size.
//! * An error says which host failed and how; paths, queries and headers are never part of it.
//!
//! # Retries here
//! A provider may close an idle connection in the moment it is used again. A request that was not written yet goes to another
//! one, and so does one that the provider refused unread; one that was written is repeated once, on a new connection, when
//! the connection had waited or carried an answer before, breaks right away, and no head of an answer came. Everything else is the attempt stage's decision.

mod body;
mod connection;
mod dial;
mod error;
mod pool;
mod resolve;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, FutureExt, select};
use http::{Request, Response};
use http_body_util::Full;
use rustls::ClientConfig;
use tokio::sync::Semaphore;
use tokio::time::timeout;

pub use self::body::Incoming;
use self::connection::{Broken, Connection};
use self::dial::{Connector, Dialer};
pub use self::error::SendError;
use self::pool::{Address, Pool, Queued};
pub use self::resolve::{Resolve, SystemResolver};
use crate::Options;

/// Longest head of an answer, in bytes; also the size of a connection's read buffer at most.
const MAX_HEAD: usize = 128 << 10;
/// A reused connection that breaks later than this was not stale: the provider may have worked on the request.
const STALE_WITHIN: Duration = Duration::from_secs(1);
/// Connections that are seen through at once although nobody waits for them any more.
const FINISHING: usize = 256;
/// How often a request that was refused because the provider has too many at once is sent over another connection.
const MOST_REFUSALS: u8 = 3;
/// How often a multiplexed connection in use is asked for a sign of life, and how long it may take.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends requests to providers. Cheap to clone; all clones share one pool.
#[derive(Clone)]
pub struct Client {
    pool: Arc<Pool>,
    connector: Connector,
    finishing: Arc<Semaphore>,
    first_byte_timeout: Duration,
    allow_private: bool,
}

impl Client {
    /// A client with an empty pool that asks the system for addresses.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        Self::with_resolver(options, Arc::new(SystemResolver))
    }

    /// The same with another source of addresses.
    #[must_use]
    pub fn with_resolver(options: &Options, resolver: Arc<dyn Resolve>) -> Self {
        Self::with_trust(options, resolver, dial::public_trust())
    }

    fn with_trust(options: &Options, resolver: Arc<dyn Resolve>, trust: ClientConfig) -> Self {
        let dialer = Dialer::new(resolver, options.allow_private_upstreams, options.connect_timeout);
        let connector = Connector::new(dialer, trust);
        let allow_private = options.allow_private_upstreams;
        Self {
            pool: Arc::default(),
            connector,
            finishing: Arc::new(Semaphore::new(FINISHING)),
            first_byte_timeout: options.first_byte_timeout,
            allow_private,
        }
    }

    /// Whether it connects to private addresses.
    #[must_use]
    pub fn allows_private(&self) -> bool {
        self.allow_private
    }

    /// Sends a request and waits for the answer's head, for as long as the operator allows.
    ///
    /// # Errors
    /// No answer's head came; see [`SendError`]. A status of 400 or above is an answer.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, SendError> {
        self.send_within(|| request.clone(), self.first_byte_timeout).await
    }

    /// The same with a time limit of the caller's, connecting included, and a request that is made when it is sent, which may be
    /// twice. Dropping the future ends the request.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn send_within(
        &self,
        request: impl Fn() -> Request<Full<Bytes>>,
        limit: Duration,
    ) -> Result<Response<Incoming>, SendError> {
        timeout(limit, self.send_twice(request)).await.unwrap_or(Err(SendError::Timeout { after: limit }))
    }

    async fn send_twice(&self, request: impl Fn() -> Request<Full<Bytes>>) -> Result<Response<Incoming>, SendError> {
        match self.send_once(&request).await {
            Err(Failed::Broken(broken)) if broken.is_stale => {
                Box::pin(self.send_anew(&request)).await.map_err(SendError::from)
            }
            done => done.map_err(SendError::from),
        }
    }

    /// Over a new connection: others that wait may have been closed together with the one that broke.
    async fn send_anew(&self, request: &impl Fn() -> Request<Full<Bytes>>) -> Result<Response<Incoming>, Failed> {
        let next = request();
        let address = Address::of(next.uri()).map_err(Failed::NoConnection)?;
        let (connection, _) = self.connect(&address, true).await.map_err(Failed::NoConnection)?;
        connection.send(next).await.map_err(|broken| Failed::of_new(broken, &address))
    }

    /// Over a connection that waits, or the first one that comes: back from somebody else, or a new one. What was not written, or
    /// refused because there are too many at once, goes to the next.
    async fn send_once(&self, request: &impl Fn() -> Request<Full<Bytes>>) -> Result<Response<Incoming>, Failed> {
        let mut next = request();
        let address = Address::of(next.uri()).map_err(Failed::NoConnection)?;
        let mut refusals = 0;
        loop {
            let (connection, is_new) = match self.pool.take(&address) {
                Ok(connection) => (connection, false),
                Err(queued) => Box::pin(self.connect_or(queued, &address)).await.map_err(Failed::NoConnection)?,
            };
            match connection.send(next).await {
                Err(broken) if broken.is_unsent && !is_new && refusals < MOST_REFUSALS => {
                    refusals += u8::from(error::is_refused(&broken.error));
                    next = request();
                }
                Err(broken) if is_new => return Err(Failed::of_new(broken, &address)),
                done => return done.map_err(Failed::Broken),
            }
        }
    }

    /// Connects, unless another connection is there before. Tells whether it is a new one.
    async fn connect_or(&self, queued: Queued, address: &Address) -> Result<(Connection, bool), SendError> {
        let (client, to) = (self.clone(), address.clone());
        let connecting = Box::pin(async move { client.connect(&to, false).await });
        match select(connecting, queued).await {
            Either::Left((Ok(connected), _)) => Ok(connected),
            Either::Left((Err(error), queued)) => {
                queued.now_or_never().map(|connection| (connection, false)).ok_or(error)
            }
            Either::Right((connection, connecting)) => {
                if let Connection::Single(_) = connection {
                    self.finish(connecting, address);
                }
                Ok((connection, false))
            }
        }
    }

    /// Sees a connection through that somebody began to make and does not need any more: the next one may. To begin again and again
    /// would never be enough, and no less work.
    fn finish(
        &self,
        connecting: impl Future<Output = Result<(Connection, bool), SendError>> + Send + 'static,
        address: &Address,
    ) {
        let Ok(place) = Arc::clone(&self.finishing).try_acquire_owned() else { return };
        let (pool, address) = (Arc::downgrade(&self.pool), address.clone());
        tokio::spawn(async move {
            if let (Ok((Connection::Single(alone), _)), Some(pool)) = (connecting.await, pool.upgrade()) {
                pool.keep(&address, alone);
            }
            drop(place);
        });
    }

    /// Tells whether the connection is a new one; see [`Connection::begin`].
    async fn connect(&self, address: &Address, must_be_new: bool) -> Result<(Connection, bool), SendError> {
        self.pool.sweep();
        let wire = self.connector.connect(address.uri()).await?;
        Connection::begin(wire, address, &self.pool, must_be_new).await.map_err(|_| not_taken(address))
    }
}

/// The other end closed a connection before anything was sent.
fn not_taken(address: &Address) -> SendError {
    SendError::connect(address.authority.host(), "the connection was closed before the request was sent".to_owned())
}

/// Why no answer's head came.
enum Failed {
    NoConnection(SendError),
    Broken(Broken),
}

impl Failed {
    /// Of a connection that was made for this request.
    fn of_new(broken: Broken, address: &Address) -> Self {
        if broken.is_unsent { Self::NoConnection(not_taken(address)) } else { Self::Broken(broken) }
    }
}

impl From<Failed> for SendError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::NoConnection(error) => error,
            Failed::Broken(broken) => Self::of(&broken.error),
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("first_byte_timeout", &self.first_byte_timeout).finish_non_exhaustive()
    }
}
