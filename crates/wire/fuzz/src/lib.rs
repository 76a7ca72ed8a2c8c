//! What must hold of any bytes that `wire` is given, whoever sent them. Each check is a plain function that panics where
//! something does not hold; fuzzers call it with bytes of their own (`targets/`, run by `script/fuzz`), and tests with every
//! seed and with spoilt seeds.
//!
//! A target's name is that of its folder below `seeds/`.

pub mod dialect;
mod event_stream;
mod form;
pub mod pair;
mod pieces;
pub mod reference;
mod requests;
pub mod said;
mod scanner;
mod sse;
mod usage;

use wire::api::Api;

pub use event_stream::event_stream;
pub use form::form;
pub use scanner::scanner;
pub use sse::sse;

/// A check.
pub type Check = fn(&[u8]);

/// Every check, by the name of its target.
pub const TARGETS: [(&str, Check); 12] = [
    ("sse", sse),
    ("event_stream", event_stream),
    ("scanner", scanner),
    ("form", form),
    ("openai_chat", |bytes| dialect::check(Api::OpenaiChat, bytes)),
    ("openai_responses", |bytes| dialect::check(Api::OpenaiResponses, bytes)),
    ("anthropic", |bytes| dialect::check(Api::Anthropic, bytes)),
    ("gemini", |bytes| dialect::check(Api::Gemini, bytes)),
    ("bedrock", |bytes| dialect::check(Api::Bedrock, bytes)),
    ("cohere", |bytes| dialect::check(Api::Cohere, bytes)),
    ("ollama", |bytes| dialect::check(Api::Ollama, bytes)),
    ("replicate", |bytes| dialect::check(Api::Replicate, bytes)),
];
