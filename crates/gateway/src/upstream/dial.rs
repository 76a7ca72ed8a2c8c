//! Connects: name, guard, TCP, TLS, all within one time limit.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use domain::address;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Uri;
use http::uri::Scheme;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tower::Service;

use super::connection::Wire;
use super::error::SendError;
use super::resolve::{Resolve, literal};

/// Makes connections, encrypted where the address says so.
#[derive(Clone)]
pub(super) struct Connector {
    tls: HttpsConnector<Dialer>,
    limit: Duration,
}

impl Connector {
    pub(super) fn new(dialer: Dialer, trust: ClientConfig) -> Self {
        let limit = dialer.limit;
        let tls = HttpsConnectorBuilder::new()
            .with_tls_config(trust)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(dialer);
        Self { tls, limit }
    }
}

/// Trusts what the web trusts.
pub(super) fn public_trust() -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider supports TLS 1.2 and 1.3")
        .with_webpki_roots()
        .with_no_client_auth()
}

impl Connector {
    /// A connection to a URI's host.
    ///
    /// # Errors
    /// There is none, or not in time.
    pub(super) async fn connect(&self, uri: Uri) -> Result<Wire, SendError> {
        let host = host_of(&uri);
        match timeout(self.limit, self.tls.clone().call(uri)).await {
            Ok(Ok(wire)) => Ok(wire),
            // The dialer's own errors are exact; what else comes is from TLS, whose layer knows no host.
            Ok(Err(error)) => Err(match error.downcast::<SendError>() {
                Ok(own) => *own,
                Err(error) => SendError::Tls { host, reason: error.to_string() },
            }),
            Err(_) => Err(SendError::ConnectTimeout { host, after: self.limit }),
        }
    }
}

/// Makes TCP connections to addresses that may be connected to.
#[derive(Clone)]
pub(super) struct Dialer {
    resolver: Arc<dyn Resolve>,
    allow_private: bool,
    limit: Duration,
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<TcpStream>;
    type Error = SendError;
    type Future = BoxFuture<'static, Result<TokioIo<TcpStream>, SendError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialer = self.clone();
        async move { dialer.dial(host_of(&uri), port_of(&uri)).await }.boxed()
    }
}

impl Dialer {
    pub(super) fn new(resolver: Arc<dyn Resolve>, allow_private: bool, limit: Duration) -> Self {
        Self { resolver, allow_private, limit }
    }

    async fn dial(&self, host: String, port: u16) -> Result<TokioIo<TcpStream>, SendError> {
        let deadline = Instant::now() + self.limit;
        let addresses = self.guard(&host, self.resolve(&host, port).await?)?;
        let mut reason = String::from("no address");
        for (index, address) in addresses.iter().enumerate() {
            // A silent address may take its share of what is left, so that the next one gets a try too.
            let share = (deadline - Instant::now()) / u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
            match timeout_at(Instant::now() + share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    stream.set_nodelay(true).map_err(|error| SendError::connect(&host, error.to_string()))?;
                    return Ok(TokioIo::new(stream));
                }
                Ok(Err(error)) => reason = error.to_string(),
                Err(_) if index + 1 == addresses.len() => {
                    return Err(SendError::ConnectTimeout { host, after: self.limit });
                }
                Err(_) => reason = String::from("timed out"),
            }
        }
        Err(SendError::connect(&host, reason))
    }

    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, SendError> {
        if let Some(address) = literal(host) {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let failed = |reason: String| SendError::Resolve { host: host.to_owned(), reason };
        let addresses = self.resolver.resolve(host, port).await.map_err(|error| failed(error.to_string()))?;
        if addresses.is_empty() { Err(failed("no address".to_owned())) } else { Ok(addresses) }
    }

    /// Keeps the addresses that may be connected to. A name with both kinds is not refused: some networks add an
    /// address of their own to every answer.
    pub(super) fn guard(&self, host: &str, mut addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, SendError> {
        let Some(first) = addresses.first().map(SocketAddr::ip) else { return Ok(addresses) };
        if !self.allow_private {
            addresses.retain(|address| address::is_public(address.ip()));
        }
        if addresses.is_empty() {
            return Err(SendError::Forbidden { host: host.to_owned(), address: first });
        }
        Ok(addresses)
    }
}

fn host_of(uri: &Uri) -> String {
    uri.host().unwrap_or_default().to_owned()
}

fn port_of(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or(if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 })
}
