use std::net::SocketAddr;

use futures_util::future::BoxFuture;
use tokio::sync::{Barrier, Notify};

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

/// Answers each request of each connection, for ever.
async fn tireless() -> Server {
    Server::start(|mut connection| async move {
        while connection.request().await {
            connection.send(OK).await;
        }
    })
    .await
}

/// The same, of so many at once: none is answered before all have come, so that none finds another's connection free.
async fn tireless_with(many: usize) -> Server {
    let barrier = Arc::new(Barrier::new(many));
    Server::start(move |mut connection| {
        let barrier = barrier.clone();
        async move {
            while connection.request().await {
                barrier.wait().await;
                connection.send(OK).await;
            }
        }
    })
    .await
}

async fn ask(client: &Client, server: &Server) {
    let response = client.send(post(&server.url("/"))).await.expect("an answer");
    assert_eq!(text(response).await, "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_after_the_other_needs_one_connection_whoever_sees_the_answer_s_end_first() {
    let server = tireless().await;
    let client = Client::new(&local());
    for _ in 0..500 {
        ask(&client, &server).await;
    }
    // A caller may be quicker than the connection's task, for which a new connection is made.
    assert!(server.connections() < 20, "{}", server.connections());
}

#[tokio::test]
async fn as_many_connections_as_are_asked_at_once_and_no_more() {
    let server = tireless_with(50).await;
    let client = Client::new(&local());
    for _ in 0..3 {
        futures_util::future::join_all((0..50).map(|_| ask(&client, &server))).await;
    }
    assert_eq!((server.connections(), client.pool.count()), (50, (50, 1)));
}

#[tokio::test]
async fn the_connection_used_last_is_used_first() {
    let mut server = tireless().await;
    let client = Client::new(&local());
    let (one, other) = (client.send(post(&server.url("/"))), client.send(post(&server.url("/"))));
    let (one, other) = futures_util::future::join(one, other).await;
    text(one.expect("an answer")).await;
    text(other.expect("an answer")).await;
    let mut used = Vec::new();
    for _ in 0..4 {
        ask(&client, &server).await;
    }
    for _ in 0..6 {
        server.received().await;
        used.push(server.last_index());
    }
    assert_eq!(used[3..], [used[2]; 3], "{used:?}");
}

#[tokio::test]
async fn no_more_than_so_many_are_kept_for_an_address() {
    let server = tireless_with(300).await;
    let client = Client::new(&local());
    futures_util::future::join_all((0..300).map(|_| ask(&client, &server))).await;
    assert_eq!((server.connections(), client.pool.count()), (300, (256, 1)));
}

#[tokio::test]
async fn what_is_idle_for_long_is_closed_and_its_address_forgotten() {
    let closed = Arc::new(Notify::new());
    let told = closed.clone();
    let server = Server::start(move |mut connection| {
        let told = told.clone();
        async move {
            connection.request().await;
            connection.send(OK).await;
            connection.closed().await;
            told.notify_one();
        }
    })
    .await;
    let client = Client::new(&local());
    ask(&client, &server).await;
    assert_eq!(client.pool.count(), (1, 1));
    tokio::time::pause();
    closed.notified().await;
    assert_eq!(client.pool.count(), (0, 0));
}

#[tokio::test]
async fn an_answer_that_is_given_up_takes_its_connection_along() {
    let closed = Arc::new(Notify::new());
    let told = closed.clone();
    let server = Server::start(move |mut connection| {
        let told = told.clone();
        async move {
            connection.request().await;
            connection.send("HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nhalf").await;
            connection.closed().await;
            told.notify_one();
        }
    })
    .await;
    let client = Client::new(&local());
    let response = client.send(post(&server.url("/"))).await.expect("an answer");
    drop(response);
    closed.notified().await;
    assert_eq!(client.pool.count().0, 0);
}

#[tokio::test]
async fn an_answer_without_a_body_gives_its_connection_back() {
    let server = Server::start(|mut connection| async move {
        while connection.request().await {
            connection.send("HTTP/1.1 204 No Content\r\n\r\n").await;
        }
    })
    .await;
    let client = Client::new(&local());
    for _ in 0..3 {
        client.send(post(&server.url("/"))).await.expect("an answer");
        tokio::task::yield_now().await;
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_client_that_is_gone_leaves_no_connection_behind() {
    let closed = Arc::new(Notify::new());
    let told = closed.clone();
    let server = Server::start(move |mut connection| {
        let told = told.clone();
        async move {
            connection.request().await;
            connection.send(OK).await;
            connection.closed().await;
            told.notify_one();
        }
    })
    .await;
    let client = Client::new(&local());
    ask(&client, &server).await;
    drop(client);
    closed.notified().await;
}

#[tokio::test]
async fn a_caller_that_leaves_while_it_connects_leaves_no_connection_behind() {
    let (closed, came) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (told, coming) = (closed.clone(), came.clone());
    let server = Server::start(move |mut connection| {
        let (told, coming) = (told.clone(), coming.clone());
        async move {
            coming.notify_one();
            connection.closed().await;
            told.notify_one();
        }
    })
    .await;
    let client = Client::new(&local());
    let url = format!("https://127.0.0.1:{}/", server.port);
    let asking = tokio::spawn({
        let client = client.clone();
        async move { client.send(post(&url)).await }
    });
    came.notified().await;
    asking.abort();
    closed.notified().await;
    assert_eq!(client.pool.count().0, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_connection_whose_answer_goes_on_is_nobody_else_s() {
    const ENDLESS: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n";
    let server = Server::start(|mut connection| async move {
        while connection.request().await {
            connection.send(ENDLESS).await;
        }
    })
    .await;
    let client = Client::new(&local());
    let mut running = Vec::new();
    for _ in 0..300 {
        running.push(client.send(post(&server.url("/"))).await.expect("an answer, and not behind another"));
    }
    assert_eq!((server.connections(), client.pool.count().0), (300, 0));
}

#[tokio::test]
async fn where_all_are_kept_that_may_be_the_oldest_makes_room() {
    let client = Client::new(&local());
    client.pool.bound(2);
    let servers = [tireless().await, tireless().await, tireless().await];
    for server in &servers {
        ask(&client, server).await;
    }
    assert_eq!(client.pool.count().0, 2);
    for server in servers.iter().rev() {
        ask(&client, server).await;
    }
    assert_eq!(servers.each_ref().map(Server::connections), [2, 1, 1]);
}

#[tokio::test]
async fn a_repeated_request_does_not_meet_a_second_connection_that_was_closed() {
    let barrier = Arc::new(Barrier::new(2));
    let server = Server::start(move |mut connection| {
        let barrier = barrier.clone();
        async move {
            connection.request().await;
            if connection.index < 2 {
                barrier.wait().await;
            }
            connection.send(OK).await;
            connection.request().await;
        }
    })
    .await;
    let client = Client::new(&local());
    futures_util::future::join(ask(&client, &server), ask(&client, &server)).await;
    assert_eq!((server.connections(), client.pool.count().0), (2, 2));
    ask(&client, &server).await;
    assert_eq!(server.connections(), 3);
}

/// Answers when the test says so.
async fn patient() -> (Server, Arc<Notify>) {
    let answer = Arc::new(Notify::new());
    let may = answer.clone();
    let server = Server::start(move |mut connection| {
        let may = may.clone();
        async move {
            while connection.request().await {
                may.notified().await;
                connection.send(OK).await;
            }
        }
    })
    .await;
    (server, answer)
}

/// Connects once; later ones wait for an address until the test's end.
struct Once(std::sync::atomic::AtomicBool);

impl Resolve for Once {
    fn resolve(&self, _: &str, port: u16) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> {
        let is_first = !self.0.swap(true, std::sync::atomic::Ordering::SeqCst);
        Box::pin(async move {
            if !is_first {
                std::future::pending::<()>().await;
            }
            Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))])
        })
    }
}

#[tokio::test]
async fn a_request_that_cannot_connect_gets_the_connection_of_another() {
    let (mut server, answer) = patient().await;
    let client = Client::with_resolver(&local(), Arc::new(Once(Default::default())));
    let url = format!("http://provider.test:{}/", server.port);
    let asking: Vec<_> = (0..3)
        .map(|_| {
            let (client, request) = (client.clone(), post(&url));
            tokio::spawn(async move { text(client.send(request).await.expect("an answer")).await })
        })
        .collect();
    for _ in 0..3 {
        server.received().await;
        answer.notify_one();
    }
    for one in asking {
        assert_eq!(one.await.expect("no panic"), "ok");
    }
    assert_eq!((server.connections(), client.pool.count()), (1, (1, 1)));
}

#[tokio::test]
async fn a_request_that_leaves_gives_the_connection_back_that_it_was_given() {
    let server = tireless().await;
    let client = Client::new(&local());
    ask(&client, &server).await;
    let address = Address::of(post(&server.url("/")).uri()).expect("a host");
    let Ok(Connection::Single(alone)) = client.pool.take(&address) else { panic!("none is idle") };
    let queued = |client: &Client| client.pool.take(&address).err().expect("none is idle");
    let (gone, first, second) = (queued(&client), queued(&client), queued(&client));
    drop(gone);
    client.pool.keep(&address, alone);
    assert_eq!(client.pool.count().0, 0);
    // The first has it and leaves, so that the second has it; and when that leaves too, whoever comes.
    drop(first);
    assert_eq!(client.pool.count().0, 0);
    drop(second);
    assert_eq!(client.pool.count().0, 1);
    ask(&client, &server).await;
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn the_queue_for_an_address_forgets_who_left() {
    let client = Client::new(&local());
    let address = Address::of(post("http://127.0.0.1:1/").uri()).expect("a host");
    let stays = client.pool.take(&address).err();
    for _ in 0..10_000 {
        drop(client.pool.take(&address));
    }
    assert!(client.pool.count_queued() <= 8, "{}", client.pool.count_queued());
    drop(stays);
}

#[tokio::test]
async fn a_connection_that_was_made_and_waited_may_be_stale_although_it_never_served() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        if connection.index > 0 {
            connection.send(OK).await;
        }
    })
    .await;
    let client = Client::new(&local());
    let address = Address::of(post(&server.url("/")).uri()).expect("a host");
    let Ok((Connection::Single(alone), true)) = client.connect(&address, false).await else { panic!("not connected") };
    client.pool.keep(&address, alone);
    ask(&client, &server).await;
    assert_eq!(server.connections(), 2);
}
