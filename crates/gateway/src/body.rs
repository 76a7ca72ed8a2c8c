//! The body of every answer the data plane gives.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use http_body::{Frame, SizeHint};

use crate::relay::Flow;

/// An answer that cannot be completed: the connection is cut, so that the client sees it is not whole.
#[derive(Debug, thiserror::Error)]
#[error("the provider's answer broke off")]
pub struct Broken;

/// An answer's body: bytes in hand, an upstream's answer passed on while it comes, or events of a response that is made in
/// the background.
pub struct Body {
    kind: Kind,
}

enum Kind {
    Whole(Option<Bytes>),
    Flow(Box<Flow>),
    Events(BoxStream<'static, Bytes>),
}

impl Body {
    /// A body that is complete.
    #[must_use]
    pub fn whole(bytes: Bytes) -> Self {
        Self { kind: Kind::Whole(Some(bytes).filter(|bytes| !bytes.is_empty())) }
    }

    /// Events that come in their own time.
    pub(crate) fn events(events: BoxStream<'static, Bytes>) -> Self {
        Self { kind: Kind::Events(events) }
    }

    pub(crate) fn flow(flow: Box<Flow>) -> Self {
        Self { kind: Kind::Flow(flow) }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut self.kind {
            Kind::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Flow(flow) => flow.poll_frame(cx),
            Kind::Events(events) => events.poll_next_unpin(cx).map(|event| event.map(|event| Ok(Frame::data(event)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Whole(bytes) => bytes.is_none(),
            Kind::Flow(flow) => flow.is_over(),
            Kind::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Kind::Flow(_) | Kind::Events(_) => SizeHint::default(),
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}
