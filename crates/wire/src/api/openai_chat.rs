//! OpenAI Chat Completions, and everything compatible.
//!
//! Read leniently: dozens of servers copy this API, each with habits of its own. Written strictly: what callers get is what
//! OpenAI's own SDKs parse, with reasoning in the fields that compatible providers have for it.

mod adapt;
mod answer;
mod calls;
mod chunks;
mod error;
mod fields;
mod messages;
mod model;
mod open;
mod parts;
mod reasoning;
mod request;
mod shape;
mod stream;
#[cfg(test)]
mod tests;
mod tools;
mod words;
mod write;

pub use adapt::{Adapted, adapt};
pub(super) use answer::{decode_answer, encode_answer, has_style};
pub(super) use chunks::Encoder;
pub use error::read as failure;
pub(super) use request::decode_request;
pub(super) use stream::Decoder;
pub(super) use write::encode_request;

/// The member of an opaque block that holds fields of a message which the common form has no place for.
const LEFTOVERS: &str = "$message";
