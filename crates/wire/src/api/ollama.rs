//! Ollama's own chat.

use super::{Encoded, Frames, Target};
use crate::chat::{Answer, Event, Refused, Request};

/// Writes a request for a provider.
pub(super) fn encode_request(_request: &Request, _target: Target<'_>) -> Result<Encoded, Refused> {
    Err(Refused { field: None, message: String::new() })
}

/// Reads a provider's whole answer.
pub(super) fn decode_answer(_body: &[u8]) -> Result<Answer, Refused> {
    Err(Refused { field: None, message: String::new() })
}

/// Reads a provider's stream.
#[derive(Debug, Default)]
pub(super) struct Decoder {}

impl Frames for Decoder {
    fn frame(&mut self, _name: Option<&[u8]>, _data: &[u8], _out: &mut Vec<Event>) {}

    fn finish(&mut self, _out: &mut Vec<Event>) {}
}
