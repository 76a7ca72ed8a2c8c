//! Ollama's own chat.

mod answer;
mod created;
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
