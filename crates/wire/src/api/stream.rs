//! Streams of any API: bytes to events, events to bytes.

use std::borrow::Cow;

use super::{
    Api, Frames, anthropic, bedrock, cohere, gemini, not_a_front, ollama, openai_chat, openai_responses, replicate,
};
use crate::chat::{Asked, Event, Refused, StreamError};
use crate::eventstream::FrameSplitter;
use crate::sse::Splitter;

/// Longest line of a stream of lines, in bytes.
const MAX_LINE: usize = crate::sse::MAX_EVENT_BYTES;

/// Reads a provider's stream, at whatever boundaries its bytes arrive.
pub struct StreamDecoder {
    framing: Framing,
    frames: Box<dyn Frames + Send>,
    over: bool,
}

enum Framing {
    Sse(Splitter),
    Lines(Vec<u8>),
    EventStream(FrameSplitter),
}

impl StreamDecoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new(api: Api) -> Self {
        let sse = || Framing::Sse(Splitter::new());
        let (framing, frames): (_, Box<dyn Frames + Send>) = match api {
            Api::OpenaiChat => (sse(), Box::new(openai_chat::Decoder::default())),
            Api::OpenaiResponses => (sse(), Box::new(openai_responses::Decoder::default())),
            Api::Anthropic => (sse(), Box::new(anthropic::Decoder::default())),
            Api::Gemini => (sse(), Box::new(gemini::Decoder::default())),
            Api::Cohere => (sse(), Box::new(cohere::Decoder::default())),
            Api::Ollama => (Framing::Lines(Vec::new()), Box::new(ollama::Decoder::default())),
            Api::Replicate => (sse(), Box::new(replicate::Decoder::default())),
            Api::Bedrock => (Framing::EventStream(FrameSplitter::new()), Box::new(bedrock::Decoder::default())),
        };
        Self { framing, frames, over: false }
    }

    /// Reads the next bytes. What follows an `Error` or `End` is not looked at.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<Event>) {
        if self.over {
            return;
        }
        let begin = out.len();
        let frames = &mut self.frames;
        let fault = match &mut self.framing {
            Framing::Sse(splitter) => splitter
                .push(bytes, |event| frames.frame(event.event, &readable(event.data), out))
                .err()
                .map(|error| error.to_string()),
            Framing::Lines(pending) => lines(pending, bytes, |line| frames.frame(None, &readable(line), out)).err(),
            Framing::EventStream(splitter) => {
                splitter.push(bytes, |name, data| frames.frame(Some(name), data, out)).err().map(|e| e.to_string())
            }
        };
        if let Some(message) = fault {
            out.push(Event::Error(StreamError { status: 502, code: "upstream_invalid_response".to_owned(), message }));
        }
        self.close_after(begin, out);
    }

    /// The provider has sent everything.
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        if self.over {
            return;
        }
        let begin = out.len();
        // A last line or event may lack its end.
        match &mut self.framing {
            Framing::Lines(_) => self.push(b"\n", out),
            Framing::Sse(_) => self.push(b"\n\n", out),
            Framing::EventStream(_) => {}
        }
        if !self.over {
            self.frames.finish(out);
            self.close_after(begin, out);
            if !self.over {
                out.push(Event::Error(StreamError::truncated()));
                self.over = true;
            }
        }
    }

    /// Bytes that wait for those that belong to them.
    pub(crate) fn held(&self) -> usize {
        let framing = match &self.framing {
            Framing::Sse(splitter) => splitter.held(),
            Framing::Lines(pending) => pending.len(),
            Framing::EventStream(splitter) => splitter.held(),
        };
        framing + self.frames.held()
    }

    /// Looks at nothing more.
    pub fn close(&mut self) {
        self.over = true;
    }

    /// Whether the stream has come to its last event.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    fn close_after(&mut self, begin: usize, out: &mut Vec<Event>) {
        let last = out[begin..].iter().position(|event| matches!(event, Event::Error(_) | Event::End));
        if let Some(last) = last {
            out.truncate(begin + last + 1);
            self.over = true;
        }
    }
}

/// What is no text is read as far as it is, so that a broken character takes no others with it.
pub(super) fn readable(data: &[u8]) -> Cow<'_, [u8]> {
    match String::from_utf8_lossy(data) {
        Cow::Borrowed(_) => Cow::Borrowed(data),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

fn lines(pending: &mut Vec<u8>, bytes: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), String> {
    let mut rest = bytes;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        if pending.is_empty() {
            hand_out(&rest[..end], &mut each);
        } else {
            pending.extend_from_slice(&rest[..end]);
            hand_out(pending, &mut each);
            pending.clear();
        }
        rest = &rest[end + 1..];
    }
    if pending.len() + rest.len() > MAX_LINE {
        return Err(format!("a line of the stream is longer than {MAX_LINE} bytes"));
    }
    pending.extend_from_slice(rest);
    Ok(())
}

fn hand_out(line: &[u8], each: &mut impl FnMut(&[u8])) {
    let line = line.trim_ascii();
    if !line.is_empty() {
        each(line);
    }
}

/// Writes a caller's stream.
pub struct StreamEncoder {
    encoder: Encoder,
    over: bool,
}

enum Encoder {
    OpenaiChat(openai_chat::Encoder),
    OpenaiResponses(Box<openai_responses::Encoder>),
    Anthropic(anthropic::Encoder),
    Gemini(gemini::Encoder),
}

impl StreamEncoder {
    /// An encoder at the start of a stream.
    ///
    /// # Errors
    /// When callers do not speak the API.
    pub fn new(api: Api, asked: &Asked) -> Result<Self, Refused> {
        let encoder = match api {
            Api::OpenaiChat => Encoder::OpenaiChat(openai_chat::Encoder::new(asked)),
            Api::OpenaiResponses => Encoder::OpenaiResponses(Box::new(openai_responses::Encoder::new(asked))),
            Api::Anthropic => Encoder::Anthropic(anthropic::Encoder::new(asked)),
            Api::Gemini if asked.list => Encoder::Gemini(gemini::Encoder::array(asked)),
            Api::Gemini => Encoder::Gemini(gemini::Encoder::new(asked)),
            Api::Bedrock | Api::Cohere | Api::Ollama | Api::Replicate => return Err(not_a_front(api)),
        };
        Ok(Self { encoder, over: false })
    }

    /// Writes what an event means to the caller; nothing, or several events of its API. What follows an `Error` or `End` is not
    /// looked at.
    pub fn push(&mut self, event: Event, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        self.over = matches!(event, Event::Error(_) | Event::End);
        match &mut self.encoder {
            Encoder::OpenaiChat(encoder) => encoder.push(event, out),
            Encoder::OpenaiResponses(encoder) => encoder.push(event, out),
            Encoder::Anthropic(encoder) => encoder.push(event, out),
            Encoder::Gemini(encoder) => encoder.push(event, out),
        }
        self.over |= match &self.encoder {
            Encoder::OpenaiChat(_) => false,
            Encoder::OpenaiResponses(encoder) => encoder.is_over(),
            Encoder::Anthropic(encoder) => encoder.is_over(),
            Encoder::Gemini(encoder) => encoder.is_over(),
        };
    }

    /// Whether the caller has been sent the last event, be it that there was more to hold than an encoder does.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Bytes that wait for something, or are kept for the last event.
    pub(crate) fn held(&self) -> usize {
        match &self.encoder {
            Encoder::OpenaiChat(encoder) => encoder.held(),
            Encoder::OpenaiResponses(encoder) => encoder.held(),
            Encoder::Anthropic(encoder) => encoder.held(),
            Encoder::Gemini(encoder) => encoder.held(),
        }
    }
}
