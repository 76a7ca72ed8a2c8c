//! A stream as slow as a model: an event every so often, each with the time at which it was let go.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, Sleep, sleep};

use super::{event, last_events};
use crate::clock;

/// Stands before the time in nanoseconds, which a quotation mark ends.
pub const SENT_AT: &str = r#""content":"sent at "#;

/// What is left of the stream.
pub struct Paced {
    pause: Duration,
    /// Events that carry a time.
    events: usize,
    next: Pin<Box<Sleep>>,
    last: VecDeque<Bytes>,
}

impl Paced {
    /// The first event comes within one pause, of each stream at another moment.
    pub fn new(pause: Duration, events: usize) -> Self {
        static STREAMS: AtomicU32 = AtomicU32::new(0);
        // Multiples of the golden ratio fall evenly between 0 and 1.
        let phase = (f64::from(STREAMS.fetch_add(1, Ordering::Relaxed)) * 0.618_034).fract();
        Self { pause, events, next: Box::pin(sleep(pause.mul_f64(phase))), last: last_events().into() }
    }

    pub fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.events == 0 {
            return Poll::Ready(self.last.pop_front());
        }
        ready!(self.next.as_mut().poll(context));
        self.events -= 1;
        // A distance from now, not from when it was due: what is late must not come in bursts.
        self.next.as_mut().reset(Instant::now() + self.pause);
        let now = clock::nanos();
        Poll::Ready(Some(event(&format!(
            r#""choices":[{{"index":0,"delta":{{{SENT_AT}{now}"}},"logprobs":null,"finish_reason":null}}]"#
        ))))
    }
}
