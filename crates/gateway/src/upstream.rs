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
//! one; one that was written is repeated once, on a connection that carried an answer before, when that connection
//! breaks right away and no head of an answer came. Everything else is the attempt stage's decision.

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
use http::{Request, Response};
use http_body_util::Full;
use rustls::ClientConfig;
use tokio::time::{Instant, timeout};

pub use self::body::Incoming;
use self::connection::{Broken, Connection};
use self::dial::{Connector, Dialer};
pub use self::error::SendError;
use self::pool::{Address, Pool};
pub use self::resolve::{Resolve, SystemResolver};
use crate::Options;

/// Longest head of an answer, in bytes; also the size of a connection's read buffer at most.
const MAX_HEAD: usize = 128 << 10;
/// A reused connection that breaks later than this was not stale: the provider may have worked on the request.
const STALE_WITHIN: Duration = Duration::from_secs(1);
/// How often a multiplexed connection in use is asked for a sign of life, and how long it may take.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends requests to providers. Cheap to clone; all clones share one pool.
#[derive(Clone)]
pub struct Client {
    pool: Arc<Pool>,
    connector: Connector,
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
        Self { pool: Arc::default(), connector, first_byte_timeout: options.first_byte_timeout, allow_private }
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
        let begin = Instant::now();
        let failed = match self.send_once(&request).await {
            Err(Failed::Broken(broken)) => broken,
            done => return done.map_err(SendError::from),
        };
        let is_stale = failed.has_served && error::closed_early(&failed.error) && begin.elapsed() < STALE_WITHIN;
        if !is_stale {
            return Err(SendError::of(&failed.error));
        }
        self.send_once(&request).await.map_err(SendError::from)
    }

    /// Over a connection that waits, or a new one. What was not written goes to the next.
    async fn send_once(&self, request: &impl Fn() -> Request<Full<Bytes>>) -> Result<Response<Incoming>, Failed> {
        let mut next = request();
        let address = Address::of(next.uri()).map_err(Failed::NoConnection)?;
        while let Some(connection) = self.pool.take(&address) {
            match connection.send(next).await {
                Err(broken) if broken.is_unsent => next = request(),
                done => return done.map_err(Failed::Broken),
            }
        }
        let connection = Box::pin(self.connect(&address)).await.map_err(Failed::NoConnection)?;
        connection.send(next).await.map_err(Failed::Broken)
    }

    async fn connect(&self, address: &Address) -> Result<Connection, SendError> {
        let wire = self.connector.connect(address.uri()).await?;
        self.pool.sweep();
        Connection::begin(wire, address, &self.pool).await.map_err(|error| SendError::of(&error))
    }
}

/// Why no answer's head came.
enum Failed {
    NoConnection(SendError),
    Broken(Broken),
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
