use tokio::net::TcpListener;

use super::*;

/// An address where nothing listens.
pub async fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("bound").to_string()
}

/// What the client makes of a server that answers with these bytes and closes.
async fn error_for(answer: &'static str) -> SendError {
    let server = Server::start(move |mut connection| async move {
        connection.request().await;
        connection.send(answer).await;
    })
    .await;
    let error = Client::new(&local()).send(post(&server.url("/?key=secret"))).await.expect_err("no answer");
    assert!(!error.to_string().contains("secret"), "{error}");
    assert!(!error.is_before_sending(), "{error:?}");
    assert_eq!(server.connections(), 1, "a fresh connection is not retried: {error:?}");
    error
}

#[tokio::test]
async fn garbage_is_not_an_answer() {
    for garbage in ["SSH-2.0-OpenSSH_9.6\r\n\r\n", "HTTP/1.1 9999 no\r\n\r\n", "HTTP/1.1 200 OK\r\nbad header\r\n\r\n"]
    {
        let error = error_for(garbage).await;
        assert!(matches!(error, SendError::InvalidResponse { .. }), "{garbage:?}: {error:?}");
    }
    let framing = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc";
    assert!(matches!(error_for(framing).await, SendError::InvalidResponse { .. }));
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let line = format!("x-filler: {}\r\n", "a".repeat(1_000));
    let large = format!("HTTP/1.1 200 OK\r\n{}\r\n", line.repeat(200)).leak();
    assert!(matches!(error_for(large).await, SendError::InvalidResponse { .. }));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(300)).leak();
    assert!(matches!(error_for(many).await, SendError::InvalidResponse { .. }));
}

#[tokio::test]
async fn a_connection_closed_before_the_head_is_a_reset() {
    assert_eq!(error_for("").await, SendError::Reset);
    assert_eq!(error_for("HTTP/1.1 200 OK\r\ncontent-").await, SendError::Reset);
}

#[tokio::test]
async fn nobody_listening_is_an_error_before_sending() {
    let url = format!("http://{}/?key=secret", closed_port().await);
    let error = Client::new(&local()).send(post(&url)).await.expect_err("refused");
    assert!(matches!(error, SendError::Connect { .. }), "{error:?}");
    assert!(error.is_before_sending() && !error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn a_silent_provider_is_given_up_in_time() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        connection.closed().await;
    })
    .await;
    let limit = Duration::from_millis(30);
    let client = Client::new(&Options { first_byte_timeout: limit, ..local() });
    let error = client.send(post(&server.url("/"))).await.expect_err("silent");
    assert_eq!(error, SendError::Timeout { after: limit });
}

#[tokio::test]
async fn plain_text_where_tls_is_expected_is_a_tls_error() {
    let server = Server::start(|mut connection| async move {
        connection.send("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        connection.closed().await;
    })
    .await;
    let url = format!("https://127.0.0.1:{}/?key=secret", server.port);
    let error = Client::new(&local()).send(post(&url)).await.expect_err("no TLS");
    assert!(matches!(error, SendError::Tls { .. }), "{error:?}");
    assert!(error.is_before_sending() && !error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn a_silent_tls_handshake_counts_as_connecting() {
    let server = Server::start(|mut connection| async move { connection.closed().await }).await;
    let limit = Duration::from_millis(30);
    let client = Client::new(&Options { connect_timeout: limit, ..local() });
    let error = client.send(post(&format!("https://127.0.0.1:{}/", server.port))).await.expect_err("silent");
    assert_eq!(error, SendError::ConnectTimeout { host: "127.0.0.1".into(), after: limit });
}

#[tokio::test]
async fn a_request_without_a_host_is_refused() {
    let error = Client::new(&local()).send(post("/relative?key=secret")).await.expect_err("no host");
    assert!(matches!(error, SendError::InvalidRequest { .. }), "{error:?}");
    assert!(!error.to_string().contains("secret"), "{error}");
}
