//! What was consumed: the same however a stream is cut, and what a slow and plain reading finds.

use domain::provider::Dialect;
use serde_json::Value;
use wire::api::{Api, usage_of};
use wire::usage::{Observed, StreamWatch, from_body};

use crate::pieces::pieces;
use crate::reference;

/// Checks what is read of a stream and of a body; errors take every caller's shape.
pub(crate) fn check(api: Api, bytes: &[u8]) {
    let Some(family) = api.family() else {
        let _ = usage_of(api, bytes);
        return;
    };
    let seen = watch(family, std::iter::once(bytes));
    assert_eq!(watch(family, pieces(bytes)), seen, "in pieces");
    if let Some(documents) = documents(bytes).filter(|documents| reference::is_plain(family, documents)) {
        assert_eq!(seen.usage, reference::usage(family, &documents), "of a stream");
    }
    let seen = from_body(family, bytes);
    let body = plain(bytes).map(|body| body.as_array().cloned().unwrap_or_else(|| vec![body]));
    if let Some(documents) = body.filter(|documents| reference::is_plain(family, documents)) {
        assert_eq!(seen.usage, reference::usage(family, &documents), "of a body");
    }
    for dialect in Dialect::ALL {
        if let Some(shaped) = wire::error::in_shape_of(dialect, 500, "provider", bytes) {
            assert!(serde_json::from_str::<Value>(&shaped).is_ok(), "{shaped}");
        }
    }
}

fn watch<'a>(family: Dialect, pieces: impl Iterator<Item = &'a [u8]>) -> Observed {
    let mut watch = StreamWatch::new(family);
    pieces.for_each(|piece| watch.push(piece));
    watch.finish()
}

/// The documents of a stream with one line of data for each event, all of them plain.
fn documents(stream: &[u8]) -> Option<Vec<Value>> {
    let text = std::str::from_utf8(stream).ok()?;
    let mut found = Vec::new();
    for event in text.split("\n\n").filter(|event| !event.is_empty()) {
        let data = event.strip_prefix("data: ").filter(|data| !data.contains(['\n', '\r']))?;
        if data != "[DONE]" {
            found.push(plain(data.as_bytes())?);
        }
    }
    Some(found)
}

/// A document that no two readers differ on: it is written as it would be written again, so no key is there twice.
fn plain(data: &[u8]) -> Option<Value> {
    let value: Value = serde_json::from_slice(data).ok()?;
    (value.is_object() || value.is_array()).then_some(())?;
    (value.to_string().as_bytes() == data.trim_ascii()).then_some(value)
}
