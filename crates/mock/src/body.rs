//! The answer's body: whole after a pause, or events paced and broken off as the controls say.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use http_body::{Frame, SizeHint};
use http_body_util::Full;
use tokio::time::sleep;

use crate::connection::Connection;
use crate::control::{Break, Control};

/// Lets the events before a reset reach the other side: a reset throws away what is still in the socket's buffer.
const BEFORE_RESET: Duration = Duration::from_millis(20);

type Events = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// The body of an answer.
pub enum Body {
    /// All at once, with its length.
    Whole(Full<Bytes>),
    /// Piece by piece.
    Events(Events),
}

impl Body {
    /// A body that is there at once.
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Full::new(bytes.into()))
    }

    /// A stream of events, the first of which is ready now.
    pub(crate) fn events(mut events: Vec<Bytes>, control: &Control, connection: Connection) -> Self {
        if control.no_terminal {
            events.pop();
        }
        if let Some(size) = control.split {
            events = split(&events.concat(), size);
        }
        let paced =
            Paced { events: events.into_iter(), sent: 0, pace: control.pace, breaks: control.breaks, connection };
        Self::Events(stream::unfold(paced, Paced::next).boxed())
    }
}

fn split(whole: &[u8], size: usize) -> Vec<Bytes> {
    let whole = Bytes::copy_from_slice(whole);
    (0..whole.len()).step_by(size).map(|at| whole.slice(at..whole.len().min(at + size))).collect()
}

struct Paced {
    events: std::vec::IntoIter<Bytes>,
    sent: usize,
    pace: Duration,
    breaks: Option<Break>,
    connection: Connection,
}

impl Paced {
    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        match self.breaks {
            Some(Break::Silent { after }) if self.sent >= after => std::future::pending().await,
            Some(Break::Reset { after }) if self.sent >= after => {
                sleep(BEFORE_RESET).await;
                self.connection.reset();
                std::future::pending().await
            }
            Some(Break::Close { after }) if self.sent >= after => {
                // hyper then closes the connection without the last chunk. Once only: the stream is over after it.
                self.breaks = None;
                self.events = Vec::new().into_iter();
                return Some((Err(io::ErrorKind::ConnectionAborted.into()), self));
            }
            _ => {}
        }
        let event = self.events.next()?;
        if self.sent > 0 && !self.pace.is_zero() {
            sleep(self.pace).await;
        }
        self.sent += 1;
        Some((Ok(event), self))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Self::Events(events) => events.as_mut().poll_next(cx).map_ok(Frame::data),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Events(_) => SizeHint::default(),
        }
    }
}
