//! Against real sockets: what a scripted server does decides what the client may do.

mod failures;
mod guard;
mod pool;
mod script;
mod tls;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};

use self::script::{OK, Server};
use super::*;

/// Options that let a test reach its own machine.
fn local() -> Options {
    Options { allow_private_upstreams: true, ..Options::default() }
}

fn post(uri: &str) -> Request<Full<Bytes>> {
    Request::post(uri).body(Full::new(Bytes::from_static(b"{}"))).expect("a request")
}

async fn text(response: Response<Incoming>) -> String {
    let bytes = response.into_body().collect().await.expect("a whole body").to_bytes();
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[tokio::test]
async fn a_request_arrives_as_it_was_made() {
    let mut server = Server::start(|mut connection| async move {
        connection.request().await;
        connection.send(OK).await;
    })
    .await;
    let response = Client::new(&local()).send(post(&server.url("/v1/chat?x=1"))).await.expect("an answer");
    assert_eq!(text(response).await, "ok");
    let request = server.received().await;
    assert!(request.starts_with("POST /v1/chat?x=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: 127.0.0.1:{}", server.port)), "{request}");
    assert!(request.ends_with("\r\n\r\n{}"), "{request}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        connection.send("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await;
    let response = Client::new(&local()).send(post(&server.url("/"))).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::FOUND);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn giving_up_on_a_request_closes_its_connection() {
    let (gone, left) = tokio::sync::oneshot::channel();
    let gone = std::sync::Mutex::new(Some(gone));
    let mut server = Server::start(move |mut connection| {
        let gone = gone.lock().expect("not poisoned").take();
        async move {
            connection.request().await;
            connection.closed().await;
            gone.map(|gone| gone.send(()));
        }
    })
    .await;
    let client = Client::new(&local());
    let url = server.url("/");
    let sending = tokio::spawn(async move { client.send(post(&url)).await });
    server.received().await;
    sending.abort();
    left.await.expect("the server saw the end");
}
