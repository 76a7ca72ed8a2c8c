//! The body of a provider's answer.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::connection::Stream;

/// The body as it comes in. Dropped before its end, it ends the answer: over HTTP/1 with its connection.
pub struct Incoming {
    body: hyper::body::Incoming,
    /// The place among the streams of an HTTP/2 connection.
    stream: Option<Stream>,
}

impl Incoming {
    pub(super) fn alone(body: hyper::body::Incoming) -> Self {
        Self { body, stream: None }
    }

    pub(super) fn of_stream(body: hyper::body::Incoming, stream: Stream) -> Self {
        Self { body, stream: Some(stream) }
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.stream = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").finish_non_exhaustive()
    }
}
