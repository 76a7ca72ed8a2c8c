//! Anthropic Messages: what Claude Code and Anthropic's SDKs speak, and what Claude is asked in, at Anthropic, on Bedrock
//! (`invoke`) and on Vertex AI.
//!
//! What an Anthropic caller says beyond the common form is kept in [`Request::extra`](crate::chat::Request::extra) under the
//! path of the field (`container`, `messages[2].content[0].citations`), so it survives on its way to Claude and is named as
//! lost elsewhere.

mod answer;
mod blocks;
mod citation;
mod conversation;
mod decoder;
mod encode;
mod encoder;
mod extras;
mod fields;
mod model;
mod output;
mod reasoning;
mod request;
mod schema;
#[cfg(test)]
mod tests;
mod tools;
mod turns;
mod usage;

pub(super) use answer::{decode_answer, encode_answer};
pub(super) use decoder::Decoder;
pub(super) use encode::encode_request;
pub(super) use encoder::Encoder;
pub(super) use request::decode_request;
pub use usage::count_tokens_answer;

use super::Api;

/// This module's API.
const OWN: Api = Api::Anthropic;
