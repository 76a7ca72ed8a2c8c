//! Token counts as Anthropic writes them. Its `input_tokens` holds neither cache reads nor writes.

use domain::Usage;
use serde::Serialize;
use serde_json::json;

/// The value of `usage`.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    cache_creation: Lifetimes,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<Details>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_tier: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Lifetimes {
    ephemeral_5m_input_tokens: u64,
    ephemeral_1h_input_tokens: u64,
}

#[derive(Debug, Serialize)]
struct Details {
    thinking_tokens: u64,
}

impl From<Usage> for Report<'_> {
    fn from(usage: Usage) -> Self {
        let written = usage.written();
        Self {
            input_tokens: usage.input.saturating_sub(usage.cached_input).saturating_sub(written),
            cache_creation_input_tokens: written,
            cache_read_input_tokens: usage.cached_input,
            cache_creation: Lifetimes {
                ephemeral_5m_input_tokens: usage.cache_write,
                ephemeral_1h_input_tokens: written.saturating_sub(usage.cache_write),
            },
            output_tokens: usage.output,
            output_tokens_details: (usage.reasoning > 0).then_some(Details { thinking_tokens: usage.reasoning }),
            service_tier: None,
        }
    }
}

/// The answer to `/v1/messages/count_tokens`.
#[must_use]
pub fn count_tokens_answer(input_tokens: u64) -> Vec<u8> {
    json!({ "input_tokens": input_tokens }).to_string().into_bytes()
}
