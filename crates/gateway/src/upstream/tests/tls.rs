use std::net::SocketAddr;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

/// A server that answers with the HTTP version it was asked in, and the certificate to trust it by.
async fn start(protocols: &[&str]) -> (SocketAddr, CertificateDer<'static>) {
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
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let answer = service_fn(|request: Request<Incoming>| async move {
                    Ok::<_, hyper::Error>(Response::new(format!("{:?}", request.version())))
                });
                auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer).await.ok();
            });
        }
    });
    (address, certificate)
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
