//! What is known of an answer before any of it goes on: its head and, where a stream was asked for and the head speaks of
//! something else, its first bytes. Providers, and proxies before them, send streams as plain text, as JSON or as bytes.

use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::response::Parts;
use memchr::memchr;
use serde::de::IgnoredAny;
use wire::api::Api;
use wire::eventstream;
use wire::usage::{AmazonCounts, Words};

use crate::plan::Plan;
use crate::scan::is_json;

/// Most bytes that are looked at.
pub(super) const MOST_LOOKED_AT: usize = 16 << 10;

/// What is known.
pub(super) struct Head {
    pub status: u16,
    pub content_type: Option<String>,
    pub encoded: bool,
    pub counts: AmazonCounts,
    pub form: Form,
}

impl Head {
    /// `words` are those of the answer.
    pub(super) fn read(parts: &Parts, words: Words) -> Self {
        let headers = &parts.headers;
        let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
        let content_type = headers.get(CONTENT_TYPE).and_then(text);
        Self {
            status: parts.status.as_u16(),
            form: Form::labelled(content_type.as_deref().unwrap_or_default()),
            content_type,
            encoded: headers.get(CONTENT_ENCODING).is_some_and(|value| value != "identity"),
            counts: match words {
                Words::Own { api: Api::Bedrock, .. } => {
                    AmazonCounts::read(|name| headers.get(name).and_then(|value| value.to_str().ok()))
                }
                _ => AmazonCounts::default(),
            },
        }
    }

    /// Whether the body is an answer that can be read.
    pub(super) fn is_readable(&self) -> bool {
        self.status < 400 && !self.encoded
    }

    /// Whether a stream was asked for and the label does not say that it is there.
    pub(super) fn is_in_doubt(&self, plan: &Plan) -> bool {
        let told = self.form == Form::of_stream(plan) || (self.form == Form::Events && plan.translation.is_none());
        plan.stream && self.is_readable() && !told
    }
}

/// What a body is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Server-sent events.
    Events,
    /// Amazon's binary frames.
    Frames,
    /// Lines of JSON, which are a stream where the API has such.
    Lines,
    /// JSON, be it a list that comes bit by bit.
    Json,
    /// Something else.
    Other,
}

impl Form {
    fn labelled(content_type: &str) -> Self {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        let is_of = |api: Api| kind.eq_ignore_ascii_case(api.stream_type());
        match Api::ALL.into_iter().find(|api| is_of(*api)) {
            Some(api) => Self::of_api(api),
            None if is_json(kind) => Self::Json,
            None => Self::Other,
        }
    }

    /// What an API's streams are made of.
    pub(super) fn of_api(api: Api) -> Self {
        match api {
            Api::Bedrock => Self::Frames,
            Api::Ollama => Self::Lines,
            _ => Self::Events,
        }
    }

    /// What the stream of an API is made of, in whose words an answer is.
    pub(super) fn of_words(words: Words) -> Self {
        match words {
            Words::Family(_) => Self::Events,
            Words::Own { api, .. } => Self::of_api(api),
        }
    }

    /// What the stream is made of that a plan asks for.
    pub(super) fn of_stream(plan: &Plan) -> Self {
        let translated = plan.translation.as_ref().map(|translation| Self::of_api(translation.provider()));
        translated.unwrap_or_else(|| Self::of_words(plan.words))
    }

    /// What begins with these bytes, where a stream of `wanted` is hoped for; none where that shows only in more of them.
    pub(super) fn of_bytes(bytes: &[u8], wanted: Self, ended: bool) -> Option<Self> {
        const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
        let last = ended || bytes.len() >= MOST_LOOKED_AT;
        if wanted == Self::Frames {
            match eventstream::begins(bytes) {
                Some(true) => return Some(Self::Frames),
                None if !last => return None,
                _ => {}
            }
        }
        if !last && bytes.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(bytes) {
            return None;
        }
        let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes).trim_ascii_start();
        match text.first() {
            Some(b'{') if wanted == Self::Lines => Self::of_line(text).or(last.then_some(Self::Json)),
            Some(b'{' | b'[') => Some(Self::Json),
            _ => Self::of_field(text).or(last.then_some(Self::Other)),
        }
    }

    /// An object in a line of its own is one of several, one that goes on in the next line is not.
    fn of_line(text: &[u8]) -> Option<Self> {
        let line = &text[..memchr(b'\n', text)?];
        Some(if serde_json::from_slice::<IgnoredAny>(line).is_ok() { Self::Lines } else { Self::Json })
    }

    /// Events begin with the name of a field, or with a comment.
    fn of_field(text: &[u8]) -> Option<Self> {
        const FIELDS: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];
        if FIELDS.iter().any(|field| text.starts_with(field)) {
            return Some(Self::Events);
        }
        let may_become = FIELDS.iter().any(|field| field.starts_with(text));
        (!may_become).then_some(Self::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_tell_what_a_body_is_made_of() {
        for (label, form) in [
            ("text/event-stream; charset=utf-8", Form::Events),
            ("Text/Event-Stream", Form::Events),
            ("application/vnd.amazon.eventstream", Form::Frames),
            ("application/x-ndjson", Form::Lines),
            ("application/json", Form::Json),
            ("text/plain", Form::Other),
            ("", Form::Other),
        ] {
            assert_eq!(Form::labelled(label), form, "{label}");
        }
    }

    #[test]
    fn the_first_bytes_tell_however_few_come_at_a_time() {
        let frame = {
            let mut frame = Vec::new();
            eventstream::write_event("messageStart", b"{}", &mut frame).expect("a frame");
            frame
        };
        for (wanted, whole, form) in [
            (Form::Events, &b"data: {}\n\n"[..], Form::Events),
            (Form::Events, b"\xef\xbb\xbf\r\n\nevent: x\n", Form::Events),
            (Form::Events, b": PROCESSING\n\n", Form::Events),
            (Form::Events, b"retry:5\n", Form::Events),
            (Form::Events, b"{\"a\":1}\n{\"a\":2}\n", Form::Json),
            (Form::Events, b" [{\"a\"", Form::Json),
            (Form::Events, b"<html>", Form::Other),
            (Form::Events, b"database", Form::Other),
            (Form::Events, b"\xef\xbb\xff", Form::Other),
            (Form::Lines, b"{\"done\":false}\n{", Form::Lines),
            (Form::Lines, b"{\n\"done\":true}\n", Form::Json),
            (Form::Frames, &frame, Form::Frames),
            (Form::Frames, b"{\"message\":\"no\"}", Form::Json),
        ] {
            let found = (0..whole.len()).find_map(|end| Form::of_bytes(&whole[..end], wanted, false));
            let found = found.or_else(|| Form::of_bytes(whole, wanted, false));
            assert_eq!(found, Some(form), "{}", String::from_utf8_lossy(whole));
        }
    }

    #[test]
    fn the_end_decides_and_so_does_a_bound() {
        for (wanted, whole, form) in [
            (Form::Events, &b""[..], Form::Other),
            (Form::Events, b"dat", Form::Other),
            (Form::Lines, b"{\"done\":true}", Form::Json),
            (Form::Frames, b"{}", Form::Json),
        ] {
            assert_eq!(Form::of_bytes(whole, wanted, false), None);
            assert_eq!(Form::of_bytes(whole, wanted, true), Some(form));
        }
        let blank = vec![b' '; MOST_LOOKED_AT];
        assert_eq!(Form::of_bytes(&blank, Form::Events, false), Some(Form::Other));
    }
}
