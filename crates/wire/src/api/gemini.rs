//! Gemini generateContent, at AI Studio and Vertex AI.
//!
//! The model and the wish for a stream stand in the URL. A stream is a row of whole response objects, each with new parts,
//! without a marker at its end. A signature stands on the part that the model wants it back on; where that part is no
//! call, the common form has it right before the part, as reasoning without words.

mod answer;
pub mod count;
mod decode;
mod decoder;
pub mod embed;
mod encode;
mod encoder;
mod extras;
mod fields;
mod finish;
mod grounding;
mod logprobs;
mod members;
mod model;
mod part;
mod partial;
mod result;
mod schema;
mod signature;
mod time;
mod usage;
mod write;

#[cfg(test)]
mod tests;

pub(super) use answer::{decode_answer, encode_answer};
pub(super) use decode::decode_request;
pub(super) use decoder::Decoder;
pub(super) use encode::encode_request;
pub(super) use encoder::Encoder;
pub(crate) use signature::read as read_mark;
