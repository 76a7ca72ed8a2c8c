//! Answers that are given before the request is complete reach a client that looks for none until it has sent everything.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{Installation, Server, TOKEN};

const MIB: usize = 1 << 20;

/// Sends a head and that many bytes, and only then reads.
async fn upload(server: &Server, head: &str, bytes: usize) -> String {
    let mut socket = server.connect().await;
    socket.write_all(head.as_bytes()).await.unwrap();
    let piece = vec![b'x'; MIB];
    for _ in 0..bytes / MIB {
        socket.write_all(&piece).await.expect("the server takes what is sent");
    }
    answer(socket).await
}

/// All that comes until the server is through.
async fn answer(mut socket: tokio::net::TcpStream) -> String {
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.expect("the answer is not lost to a reset");
    String::from_utf8(answer).unwrap()
}

fn head(token: &str, length: usize) -> String {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: weir\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}

#[tokio::test]
async fn a_client_that_is_refused_while_it_sends_reads_why() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let server = installation.serve(&[]).await;
    let refused = upload(&server, &head("weir-a-wrong-token", 20 * MIB), 20 * MIB).await;
    assert!(refused.starts_with("HTTP/1.1 401 ") && refused.contains("invalid_token"), "{refused}");
    let refused = upload(&server, &head(TOKEN, 40 * MIB), 40 * MIB).await;
    assert!(refused.starts_with("HTTP/1.1 413 ") && refused.contains("body_too_large"), "{refused}");
    let page = format!("POST /acme HTTP/1.1\r\nHost: weir\r\nContent-Length: {}\r\n\r\n", 20 * MIB);
    let refused = upload(&server, &page, 20 * MIB).await;
    assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
}

#[tokio::test]
async fn a_request_head_has_a_bound_in_headers_and_in_bytes() {
    let installation = Installation::new().await;
    let server = installation.serve(&[]).await;
    let with = |headers: usize| {
        let many: String = (0..headers).map(|number| format!("x-hop-{number}: 1\r\n")).collect();
        format!("GET /v1/models HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n{many}\r\n")
    };
    assert!(upload(&server, &with(250), 0).await.starts_with("HTTP/1.1 401 "));
    let refused = upload(&server, &with(300), 0).await;
    assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
    let long = "GET /v1/models HTTP/1.1\r\nHost: weir\r\nx-long: ";
    let refused = upload(&server, long, 20 * MIB).await;
    assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
    assert!(refused.ends_with("\r\n\r\n"), "docs/errors.md says that it has no body: {refused}");
}
