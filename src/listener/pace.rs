//! Clients that stop taking an answer. While nobody asks an answer for its next piece, none of its own time limits run, and
//! the call to the provider behind it would be held for ever.
//!
//! Over HTTP/1.1 the kernel sees to it: what a client does not take fills the socket, and `TCP_USER_TIMEOUT` counts both data
//! that is not acknowledged and data that waits for a zero window to open (tcp(7)), so a client that answers window
//! probes and reads nothing is cut too. An HTTP/2 client can keep the window of one stream shut while its socket is
//! read all the time, and not every system has the option. There, answers are watched here: the one that is stuck is given
//! up, the others of its connection go on.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};

use axum::body::Body as Page;
use axum::http::{Response, Version};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Either;
use tokio::time::{Duration, Instant, interval};

use super::{CLIENT_STUCK, MAX_STREAMS};

/// How often the answers of a connection are looked at.
const LOOK: Duration = Duration::from_secs(30);
/// Answers noted at most before those that are over are forgotten.
const MOST_NOTED: usize = 2 * MAX_STREAMS as usize;

/// The answers of a connection that are watched.
#[derive(Debug, Default)]
pub(super) struct Paces(Mutex<Vec<Weak<Mutex<Stream>>>>);

/// What the data plane or the dashboard answers with.
type Answer = Either<gateway::body::Body, Page>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An answer's body that may be watched.
#[derive(Debug)]
pub(super) enum Paced {
    Alone(Answer),
    Watched(Arc<Mutex<Stream>>),
}

#[derive(Debug)]
pub(super) struct Stream {
    /// Nothing once it was given up.
    body: Option<Answer>,
    /// When the piece was handed over beyond which nobody has asked yet.
    given: Option<Instant>,
}

/// The client did not take the answer.
#[derive(Debug, thiserror::Error)]
#[error("the client has taken nothing of the answer for too long")]
struct Stuck;

impl Paces {
    /// Watches an answer where the kernel does not. One whose length is known holds nobody.
    pub(super) fn watch(&self, answer: Response<Answer>, version: Version) -> Response<Paced> {
        let kernel_watches = cfg!(target_os = "linux") && version < Version::HTTP_2;
        if kernel_watches || answer.body().size_hint().exact().is_some() {
            return answer.map(Paced::Alone);
        }
        answer.map(|body| {
            let stream = Arc::new(Mutex::new(Stream { body: Some(body), given: None }));
            let mut noted = lock(&self.0);
            if noted.len() >= MOST_NOTED {
                noted.retain(|stream| stream.strong_count() > 0);
            }
            noted.push(Arc::downgrade(&stream));
            Paced::Watched(stream)
        })
    }

    /// Gives up what is stuck, for as long as it is polled.
    pub(super) async fn look(&self) -> Infallible {
        let mut looks = interval(LOOK);
        loop {
            looks.tick().await;
            let mut streams: Vec<_> = lock(&self.0).iter().filter_map(Weak::upgrade).collect();
            // Dropping an answer settles its request: not while others wait for a lock.
            streams.drain(..).for_each(|stream| drop(give_up_if_stuck(&stream)));
        }
    }
}

fn give_up_if_stuck(stream: &Mutex<Stream>) -> Option<Answer> {
    let mut stream = lock(stream);
    stream.given.filter(|given| given.elapsed() >= CLIENT_STUCK).and_then(|_| stream.body.take())
}

impl Body for Paced {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let stream = match &mut *self {
            Self::Alone(body) => return Pin::new(body).poll_frame(cx),
            Self::Watched(stream) => stream,
        };
        let mut stream = lock(stream);
        let Some(body) = &mut stream.body else { return Poll::Ready(Some(Err(Stuck.into()))) };
        let frame = Pin::new(body).poll_frame(cx);
        stream.given = matches!(frame, Poll::Ready(Some(Ok(_)))).then(Instant::now);
        frame
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Alone(body) => body.is_end_stream(),
            Self::Watched(stream) => lock(stream).body.as_ref().is_some_and(Body::is_end_stream),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Alone(body) => body.size_hint(),
            Self::Watched(stream) => lock(stream).body.as_ref().map(Body::size_hint).unwrap_or_default(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use http_body_util::{BodyExt, Empty};
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use tokio::sync::mpsc;

    use super::super::socket::Talk;
    use super::super::{connection_builder, converse};
    use super::*;

    type Feed = mpsc::Sender<Result<Bytes, std::io::Error>>;

    /// An answer that goes on for as long as it is fed.
    fn endless() -> (Feed, Page) {
        let (feed, pieces) = mpsc::channel(8);
        let pieces = futures_util::stream::unfold(pieces, |mut pieces: mpsc::Receiver<_>| async {
            pieces.recv().await.map(|piece| (piece, pieces))
        });
        (feed, Page::from_stream(pieces))
    }

    /// Asks for the endless answer as an HTTP/2 client with that window would, over the connection as it is served.
    async fn ask(window: u32) -> (Feed, hyper::body::Incoming) {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (feed, page) = endless();
        let page = Mutex::new(Some(page));
        tokio::spawn(async move {
            let talk = Arc::new(Talk::default());
            let paces = talk.clone();
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                let version = request.version();
                paces.ask(request);
                let page = lock(&page).take().unwrap_or_default();
                let answer = paces.paces.watch(Response::new(Either::Right(page)), version);
                async move { Ok::<_, Infallible>(answer) }
            });
            let connection = connection_builder().serve_connection(TokioIo::new(ours), service).into_owned();
            converse(Box::pin(connection), &talk).await
        });
        let mut client = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        client.initial_stream_window_size(window);
        let (mut sender, connection) = client.handshake(TokioIo::new(theirs)).await.expect("a connection");
        tokio::spawn(connection);
        let request = Request::get("http://weir/v1/x").body(Empty::<Bytes>::new()).expect("a request");
        let answer = sender.send_request(request).await.expect("an answer").into_body();
        // The connection ends with its sender.
        tokio::spawn(async move {
            let _sender = sender;
            std::future::pending::<()>().await
        });
        (feed, answer)
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_its_client_does_not_take_is_given_up() {
        let (feed, answer) = ask(16).await;
        let began = Instant::now();
        // The first piece waits in h2, the second in hyper.
        for _ in 0..3 {
            feed.send(Ok(Bytes::from_static(&[b'x'; 64]))).await.expect("room");
        }
        tokio::time::timeout(2 * CLIENT_STUCK, feed.closed()).await.expect("the answer is given up");
        assert!(began.elapsed() >= CLIENT_STUCK);
        drop(answer);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_its_provider_keeps_waiting_is_not() {
        let (feed, mut answer) = ask(1 << 16).await;
        feed.send(Ok(Bytes::from_static(b"first"))).await.expect("room");
        answer.frame().await.expect("a frame").expect("whole");
        assert!(tokio::time::timeout(3 * CLIENT_STUCK, feed.closed()).await.is_err(), "its client is not to blame");
        feed.send(Ok(Bytes::from_static(b"second"))).await.expect("room");
        let second = answer.frame().await.expect("a frame").expect("whole");
        assert_eq!(second.data_ref().map(Bytes::as_ref), Some(&b"second"[..]));
    }
}
