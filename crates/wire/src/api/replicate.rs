//! Replicate's predictions, as far as language models answer them: a prompt goes in, words come out. Each model has inputs of its
//! own; those that most language models share are written, and callers may send others as `input`.

mod answer;
mod request;
mod stream;
#[cfg(test)]
mod tests;

pub use answer::pending;
pub(super) use answer::{decode_answer, usage_of};
pub(super) use request::encode_request;
pub(super) use stream::Decoder;
