use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::*;

/// Names with made-up addresses.
struct Names(HashMap<&'static str, Vec<SocketAddr>>);

impl Resolve for Names {
    fn resolve(&self, host: &str, _port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let found = self.0.get(host).cloned().ok_or_else(|| io::Error::other("no such name"));
        async move { found }.boxed()
    }
}

fn names(name: &'static str, addresses: &[String]) -> Arc<dyn Resolve> {
    let addresses = addresses.iter().map(|text| text.parse().expect("an address")).collect();
    Arc::new(Names(HashMap::from([(name, addresses)])))
}

#[tokio::test]
async fn an_address_that_is_not_public_is_refused_in_every_spelling() {
    let server = Server::start(|_| async {}).await;
    let client = Client::new(&Options::default());
    for host in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "localhost", "127.1", "2130706433"] {
        let url = format!("http://{host}:{}/latest/meta-data?secret=1", server.port);
        let error = client.send(post(&url)).await.expect_err("refused");
        assert!(matches!(error, SendError::Forbidden { .. } | SendError::Resolve { .. }), "{host}: {error:?}");
        assert!(error.is_before_sending());
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_that_resolves_to_the_metadata_service_is_refused_when_dialled() {
    for scheme in ["http", "https"] {
        let names = names("innocent.example.com", &["169.254.169.254:80".into()]);
        let client = Client::with_resolver(&Options::default(), names);
        let error = client.send(post(&format!("{scheme}://innocent.example.com/"))).await.expect_err("refused");
        let address = "169.254.169.254".parse().expect("an address");
        assert_eq!(error, SendError::Forbidden { host: "innocent.example.com".into(), address });
    }
}

#[tokio::test]
async fn the_operator_can_allow_private_addresses() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        connection.send(OK).await;
    })
    .await;
    let names = names("model.internal", &[format!("127.0.0.1:{}", server.port)]);
    let client = Client::with_resolver(&local(), names);
    let response = client.send(post("http://model.internal/")).await.expect("an answer");
    assert_eq!(text(response).await, "ok");
}

#[test]
fn of_a_mixed_name_only_the_public_addresses_are_used() {
    let dialer = dial::Dialer::new(Arc::new(SystemResolver), false, Duration::from_secs(1));
    let both = |texts: [&str; 2]| texts.map(|text| text.parse().expect("an address")).to_vec();
    let kept = dialer.guard("mixed", both(["10.0.0.1:80", "1.1.1.1:80"])).expect("one is public");
    assert_eq!(kept, ["1.1.1.1:80".parse().expect("an address")]);
    dialer.guard("private", both(["10.0.0.1:80", "[fd00::1]:80"])).expect_err("none is public");
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_refuses() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        connection.send(OK).await;
    })
    .await;
    let names = names("two.example.com", &[failures::closed_port().await, format!("127.0.0.1:{}", server.port)]);
    let client = Client::with_resolver(&local(), names);
    let response = client.send(post("http://two.example.com/")).await.expect("an answer");
    assert_eq!(text(response).await, "ok");
}

#[tokio::test]
async fn a_name_without_an_address_is_an_error_of_its_own() {
    for names in [names("other", &[]), names("nobody.example.com", &[])] {
        let client = Client::with_resolver(&local(), names);
        let error = client.send(post("http://nobody.example.com/?key=secret")).await.expect_err("no address");
        assert!(matches!(error, SendError::Resolve { .. }), "{error:?}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
