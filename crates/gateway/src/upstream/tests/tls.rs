use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio::sync::Barrier;
use tokio_rustls::TlsAcceptor;

use super::*;

/// A server that answers with the HTTP version it was asked in, and the certificate to trust it by.
async fn start(protocols: &[&str]) -> (SocketAddr, CertificateDer<'static>) {
    let (address, certificate, _) = start_waiting(protocols, 1, 2).await;
    (address, certificate)
}

/// The same with so many streams to a connection at most, that answers so many requests together; and how many connections it
/// has had.
async fn start_waiting(
    protocols: &[&str],
    together: usize,
    streams: u32,
) -> (SocketAddr, CertificateDer<'static>, Arc<AtomicUsize>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("supported")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())
        .expect("a matching key");
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let connections = Arc::new(AtomicUsize::new(0));
    let (counted, barrier) = (connections.clone(), Arc::new(Barrier::new(together)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let barrier = barrier.clone();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let answer = service_fn(|request: Request<hyper::body::Incoming>| {
                    let barrier = barrier.clone();
                    async move {
                        if request.uri().path() == "/together" {
                            barrier.wait().await;
                        }
                        Ok::<_, hyper::Error>(Response::new(format!("{:?}", request.version())))
                    }
                });
                let mut builder = auto::Builder::new(TokioExecutor::new());
                builder.http2().max_concurrent_streams(streams);
                builder.serve_connection(TokioIo::new(stream), answer).await.ok();
            });
        }
    });
    (address, certificate, connections)
}

/// A client that trusts one certificate.
fn trusting(certificate: CertificateDer<'static>) -> Client {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("a certificate");
    let trust = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("supported")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::with_trust(&local(), Arc::new(SystemResolver), trust)
}

#[tokio::test]
async fn the_protocol_is_negotiated() {
    for (protocols, version) in [(&["h2", "http/1.1"][..], "HTTP/2.0"), (&["http/1.1"], "HTTP/1.1"), (&[], "HTTP/1.1")]
    {
        let (address, certificate) = start(protocols).await;
        let client = trusting(certificate);
        for _ in 0..2 {
            let url = format!("https://localhost:{}/", address.port());
            let response = client.send(post(&url)).await.expect("an answer");
            assert_eq!(text(response).await, version);
        }
    }
}

#[tokio::test]
async fn a_certificate_that_the_web_does_not_trust_is_refused() {
    let (address, certificate) = start(&["h2"]).await;
    let url = format!("https://localhost:{}/", address.port());
    let error = Client::new(&local()).send(post(&url)).await.expect_err("nobody vouches for it");
    assert!(matches!(error, SendError::Tls { .. }), "{error:?}");
    let url = format!("https://127.0.0.1:{}/", address.port());
    let error = trusting(certificate).send(post(&url)).await.expect_err("it is for another host");
    assert!(matches!(error, SendError::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn streams_share_a_connection_until_it_is_full_and_then_there_is_another() {
    let (address, certificate, connections) = start_waiting(&["h2"], 5, 2).await;
    let client = trusting(certificate);
    let url = |path: &str| format!("https://localhost:{}{path}", address.port());
    // The connection's bounds are known once it has answered.
    for _ in 0..2 {
        text(client.send(post(&url("/"))).await.expect("an answer")).await;
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    let together = url("/together");
    let answers = futures_util::future::join_all((0..5).map(|_| client.send(post(&together)))).await;
    // Two over the first; the others begin to make connections, of which two are enough.
    let made = connections.load(Ordering::SeqCst);
    assert!((3..=4).contains(&made), "{made}");
    assert_eq!(client.pool.count_shared(), 3);
    for answer in answers {
        assert_eq!(text(answer.expect("an answer")).await, "HTTP/2.0");
    }
    // All are there for whoever comes next.
    futures_util::future::join_all((0..2).map(|_| client.send(post(&url("/"))))).await;
    assert_eq!(connections.load(Ordering::SeqCst), made);
}

#[tokio::test]
async fn many_at_once_share_a_connection_although_each_began_to_make_one() {
    let (address, certificate, connections) = start_waiting(&["h2"], 60, 60).await;
    let client = trusting(certificate);
    let url = format!("https://localhost:{}/together", address.port());
    let answers = futures_util::future::join_all((0..60).map(|_| client.send(post(&url)))).await;
    for answer in answers {
        assert_eq!(text(answer.expect("an answer")).await, "HTTP/2.0");
    }
    // Encryption may be agreed upon for a few in the same moment.
    assert!(client.pool.count_shared() <= 3, "{} of {connections:?}", client.pool.count_shared());
}

#[tokio::test]
async fn what_a_provider_refuses_because_it_has_too_many_at_once_is_sent_again() {
    let (address, certificate, _) = start_waiting(&["h2"], 5, 5).await;
    let client = trusting(certificate);
    let url = format!("https://localhost:{}/together", address.port());
    let answers = futures_util::future::join_all((0..20).map(|_| client.send(post(&url)))).await;
    for answer in answers {
        assert_eq!(text(answer.expect("an answer")).await, "HTTP/2.0");
    }
}

#[tokio::test]
async fn no_more_than_so_many_connections_are_shared() {
    let (address, certificate) = start(&["h2"]).await;
    let client = trusting(certificate);
    let address =
        Address::of(&format!("https://localhost:{}/", address.port()).parse().expect("a URI")).expect("a host");
    let Ok((Connection::Shared(stream), _)) = client.connect(&address, true).await else { panic!("no HTTP/2") };
    for port in 0..2 * super::super::pool::SHARED {
        let elsewhere = Address::of(&format!("https://localhost:{port}/").parse().expect("a URI")).expect("a host");
        client.pool.share(&elsewhere, stream.0.clone());
    }
    assert_eq!(client.pool.count_shared(), super::super::pool::SHARED);
}
