//! Anthropic Messages.

use super::{Encoded, Frames, Target};
use crate::chat::{Answer, Asked, Event, Refused, Request};

/// Reads a caller's request.
pub(super) fn decode_request(_body: &[u8]) -> Result<Request, Refused> {
    Err(Refused { field: None, message: String::new() })
}

/// Writes a request for a provider.
pub(super) fn encode_request(_request: &Request, _target: Target<'_>) -> Result<Encoded, Refused> {
    Err(Refused { field: None, message: String::new() })
}

/// Reads a provider's whole answer.
pub(super) fn decode_answer(_body: &[u8]) -> Result<Answer, Refused> {
    Err(Refused { field: None, message: String::new() })
}

/// Writes an answer for a caller.
pub(super) fn encode_answer(_answer: &Answer, _asked: &Asked) -> Vec<u8> {
    Vec::new()
}

/// Reads a provider's stream.
#[derive(Debug, Default)]
pub(super) struct Decoder {}

impl Frames for Decoder {
    fn frame(&mut self, _name: Option<&[u8]>, _data: &[u8], _out: &mut Vec<Event>) {}

    fn finish(&mut self, _out: &mut Vec<Event>) {}
}

/// Writes a caller's stream.
pub(super) struct Encoder {}

impl Encoder {
    pub(super) fn new(_asked: &Asked) -> Self {
        Self {}
    }

    pub(super) fn push(&mut self, _event: Event, _out: &mut Vec<u8>) {}
}
