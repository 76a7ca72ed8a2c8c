//! An answer that passes while it comes: polls the provider when the client's connection has room, so the slower of
//! the two sets the pace and nothing piles up here.
//!
//! The row is written before the last byte leaves: with the frame that completes a known length, with a stream's last
//! event, or between the provider's end and ours. A client that leaves drops this body, and so does a server that
//! stops; that ends the call upstream and settles what was seen.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame};
use wire::translate::Stream;
use wire::usage::HideUsage;

use super::clock::Clock;
use super::head::Form;
use super::meter::{Finish, Meter};
use super::source::Source;
use super::way::Way;
use crate::body::{Body, Broken};
use crate::error::{Code, Refusal, event, frame, line};
use crate::memory::{Claim, Memory, Purpose};
use crate::plan::{Plan, Timeouts};
use crate::settle::Settlement;

/// How long a provider may keep a connection open after its last word.
const LINGER: Duration = Duration::from_secs(5);

/// A running answer.
pub(crate) struct Flow {
    /// None once it has ended or failed.
    upstream: Option<Source>,
    settlement: Box<Settlement>,
    meter: Meter,
    shape: Shape,
    /// What may go to the client now.
    ready: VecDeque<Bytes>,
    /// The last bytes that went there: what is said at the end must not run into an event that broke off.
    tail: [u8; 3],
    clock: Clock,
    provider: String,
    settled: bool,
    /// Whether the connection must be cut, because the answer cannot be completed.
    broken: bool,
}

/// What is done to the pieces of an answer.
pub(super) enum Shape {
    /// Nothing.
    AsItComes,
    /// The event with usage is taken out.
    HideUsage(HideUsage),
    /// They are put into the caller's API; with the room that the translation takes meanwhile.
    Translate(Box<Stream>, Claim),
}

impl Shape {
    /// What a plan wants done; `readable` is whether the answer is a stream that can be read.
    pub(super) fn of(plan: &Plan, way: Way, readable: bool, memory: &Arc<Memory>) -> Self {
        match &plan.translation {
            Some(translation) if way == Way::Translate => match translation.stream() {
                Ok(stream) => Self::Translate(Box::new(stream), memory.claim(Purpose::Answer)),
                // Unreachable: a caller's question was read in the same API.
                Err(_) => Self::AsItComes,
            },
            _ if plan.hide_usage && readable => Self::HideUsage(HideUsage::new()),
            _ => Self::AsItComes,
        }
    }

    /// Whether nothing is done.
    pub(super) fn is_as_it_comes(&self) -> bool {
        matches!(self, Self::AsItComes)
    }
}

impl Flow {
    /// Begins to pass an answer on; one without a body is settled at once.
    pub(super) fn start(
        mut settlement: Box<Settlement>,
        mut meter: Meter,
        upstream: Source,
        shape: Shape,
        (provider, timeouts): (String, &Timeouts),
    ) -> Body {
        if upstream.is_end_stream() && !matches!(shape, Shape::Translate(..)) && !meter.was_cut_short() {
            meter.settle(&mut settlement, Finish::Whole);
            return Body::whole(Bytes::new());
        }
        let clock = Clock::of(&settlement, timeouts);
        Body::flow(Box::new(Self {
            upstream: Some(upstream),
            settlement,
            meter,
            shape,
            ready: VecDeque::new(),
            tail: *b"\n\n\n",
            clock,
            provider,
            settled: false,
            broken: false,
        }))
    }

    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            let Some(upstream) = &mut self.upstream else {
                return Poll::Ready(std::mem::take(&mut self.broken).then_some(Err(Broken)));
            };
            match Pin::new(upstream).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(bytes) = frame.into_data() {
                        self.pass(bytes);
                    }
                }
                Poll::Ready(Some(Err(_))) => self.fail(&Refusal::upstream_reset(&self.provider)),
                Poll::Ready(None) => self.end(),
                Poll::Pending => match self.clock.poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(()) => self.fail(&Refusal::upstream_timeout(&self.provider)),
                },
            }
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.ready.is_empty() && self.upstream.is_none() && !self.broken
    }

    fn pass(&mut self, bytes: Bytes) {
        self.clock.touch();
        if self.clock.is_over() {
            return self.fail(&Refusal::upstream_timeout(&self.provider));
        }
        let mut is_last_word = self.meter.watch(&bytes);
        match &mut self.shape {
            Shape::AsItComes => self.let_out(bytes),
            Shape::HideUsage(hide) => {
                for piece in hide.push(bytes) {
                    self.let_out(piece);
                }
            }
            Shape::Translate(stream, room) => {
                let mut out = Vec::new();
                stream.push(&bytes, &mut out);
                if out.is_empty() && self.clock.is_quiet() {
                    stream.keep_alive(&mut out);
                }
                is_last_word |= stream.is_over();
                let has_room = is_last_word || room.set(stream.held()).is_ok();
                self.let_out(out.into());
                if !has_room {
                    return self.fail(&Refusal::overloaded());
                }
            }
        }
        if self.upstream.as_ref().is_some_and(Source::is_end_stream) {
            self.end();
        } else if is_last_word {
            self.settle(Finish::Whole);
            self.clock.hurry(LINGER);
        }
    }

    fn let_out(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        self.clock.tell();
        for byte in &bytes[bytes.len().saturating_sub(self.tail.len())..] {
            self.tail.rotate_left(1);
            self.tail[2] = *byte;
        }
        self.meter.pass(&self.settlement, &bytes);
        self.ready.push_back(bytes);
    }

    /// The provider has sent everything.
    fn end(&mut self) {
        self.upstream = None;
        match std::mem::replace(&mut self.shape, Shape::AsItComes) {
            Shape::Translate(mut stream, _) => {
                let mut out = Vec::new();
                let complete = stream.finish(&mut out);
                self.let_out(out.into());
                self.meter.take_over(stream.observed());
                self.settle(if complete { Finish::Whole } else { Finish::Failed(Code::UpstreamReset) });
            }
            // What is held back then is the beginning of an event, and says nothing.
            _ if !self.settled && self.meter.was_cut_short() => self.fail(&Refusal::upstream_reset(&self.provider)),
            shape => {
                if let Shape::HideUsage(hide) = shape {
                    self.let_out(hide.finish().unwrap_or_default());
                }
                self.settle(Finish::Whole);
            }
        }
    }

    /// The provider will send no more, and that was not all.
    fn fail(&mut self, refusal: &Refusal) {
        self.upstream = None;
        if let Shape::Translate(stream, _) = &mut self.shape {
            let mut out = Vec::new();
            stream.fail(refusal.into(), &mut out);
            self.let_out(out.into());
        } else if !self.settled {
            self.tell(refusal);
        }
        self.settle(Finish::Failed(refusal.code));
    }

    /// Tells the caller in the words of a stream that passes, where these have any, that it broke off.
    fn tell(&mut self, refusal: &Refusal) {
        let ends_event = [&b"\n\n"[..], b"\r\r", b"\n\r\n"].iter().any(|end| self.tail.ends_with(end));
        match self.meter.form() {
            _ if !self.meter.is_stream() => self.broken = true,
            Form::Events => {
                self.let_out(Bytes::from_static(if ends_event { b"" } else { b"\n\n" }));
                self.let_out(event(&self.settlement, refusal));
            }
            Form::Lines => {
                self.let_out(Bytes::from_static(if self.tail.ends_with(b"\n") { b"" } else { b"\n" }));
                self.let_out(line(refusal));
            }
            Form::Frames => self.let_out(frame(refusal)),
            Form::Json | Form::Other => self.broken = true,
        }
    }

    fn settle(&mut self, finish: Finish) {
        if !std::mem::replace(&mut self.settled, true) {
            if let Shape::Translate(stream, _) = &self.shape {
                self.meter.take_over(stream.observed());
            }
            self.meter.settle(&mut self.settlement, finish);
        }
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.settle(if std::thread::panicking() {
            Finish::Failed(Code::InternalError)
        } else if self.settlement.shared().is_cutting() {
            Finish::Interrupted
        } else {
            Finish::ClientGone
        });
    }
}
