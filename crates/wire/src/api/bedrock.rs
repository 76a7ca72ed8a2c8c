//! Bedrock Converse.

mod answer;
mod blocks;
mod media;
mod model;
mod request;
mod settings;
mod stream;
#[cfg(test)]
mod tests;
mod tools;
mod turns;
mod usage;

pub(super) use answer::decode_answer;
pub(super) use request::encode_request;
pub(super) use stream::Decoder;
pub(super) use usage::usage_of;
