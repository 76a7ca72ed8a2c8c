//! A provider on a free port that answers by script and remembers what it was sent.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// A request as the provider saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    /// Path and query.
    pub target: String,
    pub headers: HeaderMap,
    pub body: String,
    /// How many came before.
    pub number: usize,
}

type Piece = Result<Bytes, std::io::Error>;

/// What the provider does.
pub enum Answer {
    Whole {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Bytes,
    },
    /// Pieces come from the test; an error resets the connection.
    Pieces {
        status: u16,
        headers: Vec<(&'static str, String)>,
        pieces: mpsc::Receiver<Piece>,
    },
    /// Gives this answer after a while.
    Late(std::time::Duration, Box<Answer>),
    /// Never answers.
    Silence,
    /// Closes the connection without a word.
    Reset,
}

impl Answer {
    pub fn json(status: u16, body: &str) -> Self {
        Self::whole(status, "application/json", body)
    }

    pub fn whole(status: u16, content_type: &str, body: &str) -> Self {
        Self::Whole {
            status,
            headers: vec![("content-type", content_type.to_owned())],
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    /// What is no text.
    pub fn bytes(content_type: &str, body: &'static [u8]) -> Self {
        let headers = vec![("content-type", content_type.to_owned())];
        Self::Whole { status: 200, headers, body: Bytes::from_static(body) }
    }

    pub fn after_ms(self, ms: u64) -> Self {
        Self::Late(std::time::Duration::from_millis(ms), Box::new(self))
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Whole { headers, .. } | Self::Pieces { headers, .. } = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }

    /// A stream that the test feeds.
    pub fn stream() -> (mpsc::Sender<Piece>, Self) {
        Self::pieces("text/event-stream")
    }

    pub fn pieces(content_type: &'static str) -> (mpsc::Sender<Piece>, Self) {
        let (feed, pieces) = mpsc::channel(64);
        let headers = vec![("content-type", content_type.to_owned())];
        (feed, Self::Pieces { status: 200, headers, pieces })
    }

    /// A stream that is there as a whole.
    pub fn events(text: &str) -> Self {
        let (feed, answer) = Self::stream();
        feed.try_send(Ok(Bytes::copy_from_slice(text.as_bytes()))).expect("room");
        answer
    }
}

pub struct Upstream {
    pub address: SocketAddr,
    pub seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Upstream {
    pub async fn start(script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script = Arc::new(script);
        let log = seen.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, log) = (script.clone(), log.clone());
                let service = service_fn(move |request| serve(request, script.clone(), log.clone()));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { address, seen, task }
    }

    /// A provider that reads a request and writes these bytes, whatever they are.
    pub async fn raw(bytes: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = vec![0; 16 << 10];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(bytes).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { address, seen: Arc::default(), task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn calls(&self) -> Vec<Seen> {
        self.seen.lock().expect("no test panics with it").clone()
    }

    /// The only call there was.
    pub fn call(&self) -> Seen {
        let calls = self.calls();
        assert_eq!(calls.len(), 1, "{calls:#?}");
        calls.into_iter().next().expect("one call")
    }
}

async fn serve(
    request: Request<Incoming>,
    script: Arc<impl Fn(&Seen) -> Answer>,
    log: Arc<Mutex<Vec<Seen>>>,
) -> Result<Response<Pieces>, std::io::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let mut answer = {
        let mut log = log.lock().expect("no test panics with it");
        let seen = Seen {
            method: parts.method,
            target: parts.uri.to_string(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            number: log.len(),
        };
        log.push(seen.clone());
        script(&seen)
    };
    while let Answer::Late(wait, then) = answer {
        tokio::time::sleep(wait).await;
        answer = *then;
    }
    match answer {
        Answer::Late(..) => unreachable!("it was waited for"),
        Answer::Whole { status, headers, body } => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            Ok(response.body(Pieces::Whole(Some(body))).expect("a response"))
        }
        Answer::Pieces { status, headers, pieces } => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            Ok(response.body(Pieces::Fed(pieces)).expect("a response"))
        }
        Answer::Silence => std::future::pending().await,
        Answer::Reset => Err(std::io::Error::other("reset by script")),
    }
}

/// A body that the test feeds.
enum Pieces {
    Whole(Option<Bytes>),
    Fed(mpsc::Receiver<Piece>),
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Fed(pieces) => pieces.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn size_hint(&self) -> http_body::SizeHint {
        match self {
            Self::Whole(bytes) => http_body::SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Fed(_) => http_body::SizeHint::default(),
        }
    }
}
