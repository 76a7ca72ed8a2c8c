//! A server that does exactly what a test says, byte for byte.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

pub const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Runs one script for each connection, on a free port.
pub struct Server {
    pub port: u16,
    connections: Arc<AtomicUsize>,
    requests: mpsc::UnboundedReceiver<(usize, String)>,
    last: usize,
    task: tokio::task::JoinHandle<()>,
}

/// One connection of the client.
pub struct Accepted {
    /// Counted from 0.
    pub index: usize,
    stream: TcpStream,
    requests: mpsc::UnboundedSender<(usize, String)>,
}

impl Server {
    pub async fn start<F, R>(script: F) -> Self
    where
        F: Fn(Accepted) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let connections = Arc::new(AtomicUsize::new(0));
        let (sender, requests) = mpsc::unbounded_channel();
        let counted = connections.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let index = counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(script(Accepted { index, stream, requests: sender.clone() }));
            }
        });
        Self { port, connections, requests, last: 0, task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The next request that arrived, head and body.
    pub async fn received(&mut self) -> String {
        let (index, request) = self.requests.recv().await.expect("the server runs");
        self.last = index;
        request
    }

    /// The connection over which the latest [`Server::received`] came.
    pub fn last_index(&self) -> usize {
        self.last
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Accepted {
    /// Reads one request of the test's (its body is `{}`). Tells whether there is one.
    pub async fn request(&mut self) -> bool {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n{}") {
            if self.stream.read_buf(&mut bytes).await.expect("readable") == 0 {
                return false;
            }
        }
        self.requests.send((self.index, String::from_utf8(bytes).expect("text"))).is_ok()
    }

    pub async fn send(&mut self, bytes: &str) {
        self.stream.write_all(bytes.as_bytes()).await.ok();
    }

    /// Waits until the client closes.
    pub async fn closed(&mut self) {
        while self.stream.read_u8().await.is_ok() {}
    }
}
