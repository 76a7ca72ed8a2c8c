//! What Cohere says an answer consumed.
//!
//! It counts twice: `tokens` are those of the model, its own preamble included; `billed_units` are those that cost money, and
//! what its OpenAI-compatible endpoint reports. The latter count here. `cached_tokens` are a share of the former, so they say
//! nothing where the latter are known.

use domain::Usage;
use serde::Deserialize;

use crate::usage::number::{Count, lenient};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Report {
    #[serde(deserialize_with = "lenient")]
    billed_units: Option<Counts>,
    #[serde(deserialize_with = "lenient")]
    tokens: Option<Counts>,
    cached_tokens: Count,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Counts {
    input_tokens: Count,
    output_tokens: Count,
    reasoning_tokens: Count,
    /// Of embeddings: billed by the piece, not by their tokens.
    images: Count,
}

impl Counts {
    fn some(self) -> Option<Self> {
        [self.input_tokens, self.output_tokens, self.images].iter().any(|count| count.0.is_some()).then_some(self)
    }
}

impl Report {
    /// The counts; none where there are none.
    pub(super) fn usage(&self) -> Option<Usage> {
        let tokens = self.tokens.unwrap_or_default();
        let billed = self.billed_units.and_then(Counts::some);
        let counts = billed.or(tokens.some())?;
        let (input, output) = (counts.input_tokens.get(), counts.output_tokens.get());
        let cached_input = if billed.is_some() { 0 } else { self.cached_tokens.get().min(input) };
        Some(Usage {
            input,
            output,
            cached_input,
            reasoning: tokens.reasoning_tokens.get().min(output),
            images_read: counts.images.small(),
            ..Usage::default()
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    #[serde(deserialize_with = "lenient")]
    usage: Option<Report>,
    /// Of embeddings and rankings.
    #[serde(deserialize_with = "lenient")]
    meta: Option<Report>,
    /// Of a stream's last event.
    #[serde(deserialize_with = "lenient")]
    delta: Option<Delta>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta {
    #[serde(deserialize_with = "lenient")]
    usage: Option<Report>,
}

/// What a whole body, or the `message-end` of a stream, says was consumed.
pub(in crate::api) fn usage_of(body: &[u8]) -> Option<Usage> {
    let body: Body = serde_json::from_slice(body).ok()?;
    body.usage.or(body.meta).or_else(|| body.delta?.usage)?.usage()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn billed_units_count_where_they_are_known() {
        let both = br#"{"usage":{"billed_units":{"input_tokens":84,"output_tokens":314},"cached_tokens":1008,
            "tokens":{"input_tokens":1501,"output_tokens":346,"reasoning_tokens":304}}}"#;
        assert_eq!(usage_of(both), Some(Usage { input: 84, output: 314, reasoning: 304, ..Usage::default() }));
        let tokens = br#"{"usage":{"cached_tokens":8,"tokens":{"input_tokens":15,"output_tokens":3}}}"#;
        assert_eq!(usage_of(tokens), Some(Usage { input: 15, output: 3, cached_input: 8, ..Usage::default() }));
        let embedding = br#"{"meta":{"api_version":{"version":"2"},"billed_units":{"input_tokens":5}}}"#;
        assert_eq!(usage_of(embedding), Some(Usage { input: 5, ..Usage::default() }));
        assert_eq!(usage_of(br#"{"meta":{"billed_units":{"search_units":1}}}"#), None);
    }
}
