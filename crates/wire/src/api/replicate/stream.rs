//! Reads a prediction's own stream: events `output`, then `done` or `error`. What was consumed is not in it.

use serde::Deserialize;

use crate::api::Frames;
use crate::chat::{BlockKind, Event, Finish, Json, StreamError};
use crate::usage::number::lenient;

/// Reads a provider's stream.
#[derive(Debug, Default)]
pub(in crate::api) struct Decoder {
    started: bool,
    open: bool,
}

/// What comes with the end.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Last {
    #[serde(deserialize_with = "lenient")]
    reason: Option<String>,
    detail: Option<Json>,
}

impl Frames for Decoder {
    fn frame(&mut self, name: Option<&[u8]>, data: &[u8], out: &mut Vec<Event>) {
        match name {
            Some(b"output") if !data.is_empty() => {
                self.start(out);
                if !std::mem::replace(&mut self.open, true) {
                    out.push(Event::BlockStart { block: 0, choice: 0, kind: BlockKind::Text });
                }
                out.push(Event::Text { block: 0, text: String::from_utf8_lossy(data).into_owned() });
            }
            Some(b"done") => self.done(&serde_json::from_slice(data).unwrap_or_default(), out),
            Some(b"error") => {
                let last: Last = serde_json::from_slice(data).unwrap_or_default();
                let message = last.detail.map(|detail| detail.text()).filter(|detail| !detail.is_empty());
                fail(message.unwrap_or_else(|| String::from_utf8_lossy(data).into_owned()), out);
            }
            _ => {}
        }
    }

    fn finish(&mut self, _out: &mut Vec<Event>) {}
}

impl Decoder {
    fn start(&mut self, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.started, true) {
            out.push(Event::Start { id: String::new(), model: String::new(), created: None });
        }
    }

    fn done(&mut self, last: &Last, out: &mut Vec<Event>) {
        if let Some(reason) = last.reason.as_deref().filter(|reason| !reason.is_empty()) {
            // `canceled`, or `error`, whose sentence came before.
            return fail(format!("The prediction ended early: {reason}."), out);
        }
        self.start(out);
        if self.open {
            out.push(Event::BlockStop { block: 0 });
        }
        out.push(Event::Finish { choice: 0, finish: Finish::Stop });
        out.push(Event::End);
    }
}

fn fail(message: String, out: &mut Vec<Event>) {
    out.push(Event::Error(StreamError { status: 502, code: "upstream_error".to_owned(), message }));
}
