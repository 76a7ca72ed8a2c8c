//! Cohere v2 chat.

mod answer;
mod citation;
mod messages;
mod request;
mod stream;
#[cfg(test)]
mod tests;
mod usage;

pub(super) use answer::decode_answer;
pub(super) use request::encode_request;
pub(super) use stream::Decoder;
pub(super) use usage::usage_of;
