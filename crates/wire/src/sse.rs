//! Cuts a stream of server-sent events into events, at whatever boundaries its bytes arrive.
//!
//! Only an event that is spread over several reads is copied. An event longer than the limit is not kept: it is left
//! out, the caller is told once, and what follows is read as usual, so a huge picture does not hide the usage behind it.

use std::ops::Range;

use memchr::memchr2;

#[cfg(test)]
mod tests;

/// Longest event that is looked at, in bytes. Pictures travel in single events of some megabytes.
pub const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;

/// An event of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The value of its `event` line.
    pub event: Option<&'a [u8]>,
    /// The values of its `data` lines, joined by line breaks.
    pub data: &'a [u8],
    /// The place of all its bytes, the empty line at its end included, counted from the start of the stream.
    pub span: Range<u64>,
}

/// An event was longer than the limit and was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is longer than {limit} bytes")]
pub struct EventTooLong {
    /// The limit, in bytes.
    pub limit: usize,
}

/// Cuts a stream into events. `LF`, `CRLF` and `CR` end a line.
#[derive(Debug)]
pub struct Splitter {
    /// The start of an event whose end has not arrived.
    pending: Vec<u8>,
    /// Where `pending` begins in the stream.
    start: u64,
    /// Bytes seen.
    seen: u64,
    /// Whether the event in `pending` is over the limit and only its end is kept.
    oversized: bool,
    /// Several `data` lines, joined.
    joined: Vec<u8>,
    limit: usize,
}

impl Default for Splitter {
    fn default() -> Self {
        Self::new()
    }
}

/// An end of an event may be recognised by as many bytes: `\r\n\r` and the `\n` to come.
const TAIL: usize = 3;

impl Splitter {
    /// A splitter with the usual limit.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(MAX_EVENT_BYTES)
    }

    /// A splitter that looks at events of up to `limit` bytes.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self { pending: Vec::new(), start: 0, seen: 0, oversized: false, joined: Vec::new(), limit }
    }

    /// Bytes of the stream before which every event has been handed out or left out.
    #[must_use]
    pub fn settled(&self) -> u64 {
        if self.oversized { self.seen } else { self.start }
    }

    /// Bytes of an event whose end has not arrived.
    pub(crate) fn held(&self) -> usize {
        self.pending.len()
    }

    /// Takes the next bytes and hands out the events that end in them.
    ///
    /// # Errors
    /// When an event grew over the limit in these bytes. It is left out; the stream can go on.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Event<'_>)) -> Result<(), EventTooLong> {
        self.seen += bytes.len() as u64;
        let was_oversized = self.oversized;
        let mut too_long = false;
        let mut rest = bytes;
        while !self.pending.is_empty() && !rest.is_empty() {
            let cut = memchr2(b'\n', b'\r', rest).map_or(rest.len(), |place| place + 1);
            let from = self.pending.len().saturating_sub(TAIL);
            self.pending.extend_from_slice(&rest[..cut]);
            rest = &rest[cut..];
            if let Some(end) = event_end(&self.pending, from, !self.oversized) {
                self.hand_out_pending(end, &mut each);
            }
            too_long |= self.shorten();
        }
        while let Some(end) = event_end(rest, 0, true) {
            let span = self.start..self.start + end as u64;
            self.start = span.end;
            if end <= self.limit {
                hand_out(&rest[..end], span, &mut self.joined, &mut each);
            } else {
                too_long = true;
            }
            rest = &rest[end..];
        }
        self.pending.extend_from_slice(rest);
        too_long |= self.shorten();
        if too_long && !was_oversized { Err(EventTooLong { limit: self.limit }) } else { Ok(()) }
    }

    /// Tells the splitter that the stream has ended; an event without its empty line is handed out too.
    pub fn finish(&mut self, mut each: impl FnMut(Event<'_>)) {
        let end = self.pending.len();
        self.hand_out_pending(end, &mut each);
    }

    fn hand_out_pending(&mut self, end: usize, each: &mut impl FnMut(Event<'_>)) {
        let span = self.start..self.start + end as u64;
        self.start = span.end;
        if !self.oversized {
            hand_out(&self.pending[..end], span, &mut self.joined, each);
        }
        self.oversized = false;
        self.pending.drain(..end);
    }

    /// Lets go of an event over the limit, all but what its end is recognised by.
    fn shorten(&mut self) -> bool {
        if self.pending.len() <= self.limit.max(TAIL) && !self.oversized {
            return false;
        }
        let surplus = self.pending.len().saturating_sub(TAIL);
        self.pending.drain(..surplus);
        self.pending.shrink_to(self.limit.min(64 * 1024));
        self.start += surplus as u64;
        !std::mem::replace(&mut self.oversized, true)
    }
}

/// Where the first event of `bytes` ends, searched from `from` on; `at_start` says whether `bytes` begin an event, so
/// that a line break there is an empty line. A `CR` at the very end may be half of a `CRLF` and decides nothing.
fn event_end(bytes: &[u8], from: usize, at_start: bool) -> Option<usize> {
    if from == 0 && at_start && matches!(bytes.first(), Some(b'\n' | b'\r')) {
        return line_break_end(bytes, 0);
    }
    let mut at = from;
    loop {
        let place = at + memchr2(b'\n', b'\r', bytes.get(at..)?)?;
        at = line_break_end(bytes, place)?;
        if matches!(bytes.get(at), Some(b'\n' | b'\r')) {
            return line_break_end(bytes, at);
        }
    }
}

fn line_break_end(bytes: &[u8], place: usize) -> Option<usize> {
    if bytes[place] == b'\n' {
        return Some(place + 1);
    }
    bytes.get(place + 1).map(|next| if *next == b'\n' { place + 2 } else { place + 1 })
}

/// Reads the lines of one event. One without data is no event.
fn hand_out(bytes: &[u8], span: Range<u64>, joined: &mut Vec<u8>, each: &mut impl FnMut(Event<'_>)) {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    let mut rest = bytes;
    if span.start == 0 {
        rest = rest.strip_prefix(BYTE_ORDER_MARK).unwrap_or(rest);
    }
    let (mut event, mut data, mut lines) = (None, &rest[..0], 0);
    while !rest.is_empty() {
        let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        rest = &rest[(end + 1).min(rest.len())..];
        if let Some(value) = field(line, b"data") {
            lines += 1;
            match lines {
                1 => data = value,
                _ => join(joined, data, value, lines),
            }
        } else if let Some(value) = field(line, b"event") {
            event = Some(value);
        }
    }
    if lines > 0 {
        each(Event { event, data: if lines == 1 { data } else { joined.as_slice() }, span });
    }
    joined.clear();
}

fn join(joined: &mut Vec<u8>, first: &[u8], value: &[u8], lines: usize) {
    if lines == 2 {
        joined.extend_from_slice(first);
    }
    joined.push(b'\n');
    joined.extend_from_slice(value);
}

/// Takes the line breaks out of JSON that was written to `out` from `begin` on, since an event's data must be one line. Outside of
/// its strings they mean no more than spaces, and inside of them they are escaped.
pub(crate) fn one_line(out: &mut [u8], begin: usize) {
    let written = &mut out[begin..];
    let mut at = 0;
    while let Some(found) = memchr2(b'\n', b'\r', &written[at..]) {
        at += found;
        written[at] = b' ';
    }
}

/// The value of a line, if it is of the field `name`; one space after the colon is not part of it.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = line.strip_prefix(name)?;
    match rest.first() {
        None => Some(rest),
        Some(b':') => Some(rest.strip_prefix(b": ").unwrap_or(&rest[1..])),
        Some(_) => None,
    }
}
