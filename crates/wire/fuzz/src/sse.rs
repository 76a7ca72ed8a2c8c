//! Server-sent events: cut into pieces anywhere they are the same events, those of a slow and plain reading; and what hides
//! usage lets every other byte through.

use std::ops::Range;

use bytes::Bytes;
use serde_json::Value;
use wire::sse::{Event, Splitter};
use wire::usage::HideUsage;

use crate::pieces::pieces;

/// An event with bytes of its own: name, data, place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owned {
    name: Option<Vec<u8>>,
    data: Vec<u8>,
    span: Range<u64>,
}

/// Checks a stream of events.
pub fn sse(stream: &[u8]) {
    let wanted = plainly(stream);
    assert_eq!(split(Splitter::new(), std::iter::once(stream)), wanted);
    assert_eq!(split(Splitter::new(), pieces(stream)), wanted);
    short(stream, &wanted);
    hide(stream, &wanted);
}

fn split<'a>(mut splitter: Splitter, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Owned> {
    let mut found = Vec::new();
    let mut keep = |event: Event<'_>| {
        let Event { event, data, span } = event;
        found.push(Owned { name: event.map(<[u8]>::to_vec), data: data.to_vec(), span });
    };
    for piece in pieces {
        let _ = splitter.push(piece, &mut keep);
    }
    splitter.finish(&mut keep);
    found
}

/// With a low limit, events within it are found all the same, and none is made up.
fn short(stream: &[u8], wanted: &[Owned]) {
    const LIMIT: u64 = 24;
    let found = split(Splitter::with_limit(LIMIT as usize), pieces(stream));
    assert!(found.iter().all(|event| wanted.contains(event)), "{found:?} of {wanted:?}");
    let short = |event: &&Owned| event.span.end - event.span.start <= LIMIT;
    assert!(wanted.iter().filter(short).all(|event| found.contains(event)), "{found:?} of {wanted:?}");
}

/// Lines, then events, by the rules of the standard.
fn plainly(stream: &[u8]) -> Vec<Owned> {
    let (mut events, mut lines, mut begin, mut at) = (Vec::new(), Vec::new(), 0, 0);
    while at < stream.len() {
        let end = stream[at..].iter().position(|byte| b"\r\n".contains(byte)).map_or(stream.len(), |found| at + found);
        let line = &stream[at..end];
        let both = stream[end..].starts_with(b"\r\n");
        at = (end + if both { 2 } else { 1 }).min(stream.len());
        let line =
            if begin == 0 && lines.is_empty() { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        // Behind a byte order mark an empty line ends an event of its own only where the mark is not there.
        let is_empty = line.is_empty() && !(begin == 0 && lines.is_empty() && stream.starts_with(b"\xef\xbb\xbf"));
        lines.push(line);
        if is_empty {
            events.extend(event(&lines, begin as u64..at as u64));
            (lines, begin) = (Vec::new(), at);
        }
    }
    events.extend(event(&lines, begin as u64..at as u64));
    events
}

fn event(lines: &[&[u8]], span: Range<u64>) -> Option<Owned> {
    let (mut name, mut data) = (None, Vec::new());
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            b"event" => name = Some(value.to_vec()),
            b"data" => data.push(value),
            _ => {}
        }
    }
    (!data.is_empty()).then(|| Owned { name, data: data.join(&b'\n'), span })
}

fn hide(stream: &[u8], events: &[Owned]) {
    let mut wanted = Vec::new();
    let mut begin = 0;
    for event in events {
        match is_usage_only(&event.data) {
            Some(true) => {
                wanted.extend_from_slice(&stream[begin..event.span.start as usize]);
                begin = event.span.end as usize;
            }
            Some(false) => {}
            None => return,
        }
    }
    wanted.extend_from_slice(&stream[begin..]);
    let mut hide = HideUsage::new();
    let mut out = Vec::new();
    for piece in pieces(stream) {
        hide.push(Bytes::copy_from_slice(piece)).for_each(|bytes| out.extend_from_slice(&bytes));
    }
    out.extend(hide.finish().unwrap_or_default());
    assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&wanted));
}

/// Whether a document holds usage and no choice; none where readers may differ, as they do on keys that are there twice.
fn is_usage_only(data: &[u8]) -> Option<bool> {
    let Ok(document) = serde_json::from_slice::<Value>(data) else {
        return (!data.windows(7).any(|key| key == b"\"usage\"")).then_some(false);
    };
    let times = |key: &[u8]| data.windows(key.len()).filter(|found| *found == key).count();
    let plain = !data.contains(&b'\\') && times(b"\"usage\"") <= 1 && times(b"\"choices\"") <= 1;
    let nothing = document["choices"].as_array().is_some_and(Vec::is_empty);
    plain.then(|| nothing && !document["usage"].is_null())
}
