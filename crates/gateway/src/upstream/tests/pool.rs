use tokio::sync::Notify;

use super::*;

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::start(|mut connection| async move {
        for _ in 0..3 {
            connection.request().await;
            connection.send(OK).await;
        }
    })
    .await;
    let client = Client::new(&local());
    for _ in 0..3 {
        let response = client.send(post(&server.url("/"))).await.expect("an answer");
        assert_eq!(text(response).await, "ok");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_replaced() {
    let close = Arc::new(Notify::new());
    let closing = close.clone();
    let server = Server::start(move |mut connection| {
        let close = closing.clone();
        async move {
            connection.request().await;
            connection.send(OK).await;
            if connection.index == 0 {
                close.notified().await;
            } else {
                connection.closed().await;
            }
        }
    })
    .await;
    let client = Client::new(&local());
    text(client.send(post(&server.url("/"))).await.expect("an answer")).await;
    close.notify_one();
    let response = client.send(post(&server.url("/"))).await.expect("an answer on a new connection");
    assert_eq!(text(response).await, "ok");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_connection_closed_in_the_moment_of_its_second_use_is_replaced_once() {
    let mut server = Server::start(|mut connection| async move {
        connection.request().await;
        connection.send(OK).await;
        connection.request().await;
    })
    .await;
    let client = Client::new(&local());
    for _ in 0..2 {
        let response = client.send(post(&server.url("/"))).await.expect("an answer");
        assert_eq!(text(response).await, "ok");
    }
    assert_eq!(server.connections(), 2);
    for _ in 0..3 {
        server.received().await;
    }
}

#[tokio::test]
async fn a_provider_that_breaks_every_connection_is_not_asked_a_third_time() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        if connection.index == 0 {
            connection.send(OK).await;
            connection.request().await;
        }
    })
    .await;
    let client = Client::new(&local());
    text(client.send(post(&server.url("/"))).await.expect("an answer")).await;
    let error = client.send(post(&server.url("/"))).await.expect_err("broken twice");
    assert_eq!(error, SendError::Reset);
    assert_eq!(server.connections(), 2);
}
