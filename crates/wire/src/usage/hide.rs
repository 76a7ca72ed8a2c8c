//! Takes the usage-only chunk out of an OpenAI stream whose client did not ask for it.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::{Buf, Bytes};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::watch::has_usage;
use crate::sse::Splitter;

/// A filter over the bytes of a stream. Every byte comes out as it went in, but for chunks that hold usage and no
/// choice; nothing is held back but the event whose end has not arrived.
#[derive(Debug, Default)]
pub struct HideUsage {
    splitter: Splitter,
    /// Bytes that have not been let go.
    held: VecDeque<Bytes>,
    /// Where `held` begins in the stream.
    start: u64,
    /// Places of chunks to leave out, in order.
    hidden: VecDeque<Range<u64>>,
}

#[derive(Deserialize)]
struct Chunk {
    choices: Vec<IgnoredAny>,
    usage: Option<IgnoredAny>,
}

fn is_usage_only(data: &[u8]) -> bool {
    has_usage(data)
        && serde_json::from_slice::<Chunk>(data).is_ok_and(|chunk| chunk.choices.is_empty() && chunk.usage.is_some())
}

impl HideUsage {
    /// A filter at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes and lets go of what may be seen, usually the same bytes without a copy.
    pub fn push(&mut self, bytes: Bytes) -> impl Iterator<Item = Bytes> + use<> {
        let hidden = &mut self.hidden;
        // An event too long to look at holds more than usage; it passes.
        let _ = self.splitter.push(&bytes, |event| {
            if is_usage_only(event.data) {
                hidden.push_back(event.span);
            }
        });
        if !bytes.is_empty() {
            self.held.push_back(bytes);
        }
        let until = self.splitter.settled();
        self.let_go(until).into_iter()
    }

    /// Lets go of the rest at the end of the stream.
    #[must_use]
    pub fn finish(mut self) -> Option<Bytes> {
        let hidden = &mut self.hidden;
        self.splitter.finish(|event| {
            if is_usage_only(event.data) {
                hidden.push_back(event.span);
            }
        });
        let rest = self.let_go(u64::MAX);
        match rest.len() {
            0 => None,
            1 => rest.into_iter().next(),
            _ => Some(rest.concat().into()),
        }
    }

    /// Takes out of `held` what lies before `until` and is not hidden.
    fn let_go(&mut self, until: u64) -> Vec<Bytes> {
        let mut out = Vec::new();
        while self.start < until {
            let Some(front) = self.held.front_mut() else { break };
            let end = until.min(self.start + front.len() as u64);
            let hidden = self.hidden.front().cloned().unwrap_or(u64::MAX..u64::MAX);
            if self.start < hidden.start {
                out.push(front.split_to(length(self.start..end.min(hidden.start))));
                self.start = end.min(hidden.start);
            } else {
                front.advance(length(self.start..end.min(hidden.end)));
                self.start = end.min(hidden.end);
            }
            if front.is_empty() {
                self.held.pop_front();
            }
            if self.start >= hidden.end {
                self.hidden.pop_front();
            }
        }
        out
    }
}

/// The length of a piece of one read, which lies in memory.
fn length(span: Range<u64>) -> usize {
    usize::try_from(span.end - span.start).expect("a piece of a slice is no longer than the slice")
}
