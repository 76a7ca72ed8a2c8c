//! What Bedrock says an answer consumed. `inputTokens` counts neither reads of the cache nor writes to it; ours does.

use domain::Usage;
use serde::Deserialize;

use crate::usage::number::{Count, lenient};
use crate::usage::served::{Served, later};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Report {
    input_tokens: Count,
    output_tokens: Count,
    cache_read_input_tokens: Count,
    /// The same under its older name; both are sent.
    cache_read_input_token_count: Count,
    cache_write_input_tokens: Count,
    cache_write_input_token_count: Count,
    #[serde(deserialize_with = "lenient")]
    cache_details: Option<Vec<Written>>,
}

/// What was written with one lifetime.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Written {
    #[serde(deserialize_with = "lenient")]
    ttl: Option<String>,
    input_tokens: Count,
}

impl Report {
    /// The counts; none where there are none.
    pub(super) fn usage(&self) -> Option<Usage> {
        if self.input_tokens.0.is_none() && self.output_tokens.0.is_none() {
            return None;
        }
        let read = self.cache_read_input_tokens.0.or(self.cache_read_input_token_count.0).unwrap_or(0);
        let written = self.cache_write_input_tokens.0.or(self.cache_write_input_token_count.0).unwrap_or(0);
        let hours = self.cache_details.iter().flatten().filter(|written| written.ttl.as_deref() == Some("1h"));
        let hour = hours.fold(0_u64, |sum, written| sum.saturating_add(written.input_tokens.get())).min(written);
        Some(Usage {
            input: self.input_tokens.get().saturating_add(read).saturating_add(written),
            output: self.output_tokens.get(),
            cached_input: read,
            cache_write: written - hour,
            cache_write_1h: hour,
            ..Usage::default()
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    #[serde(deserialize_with = "lenient")]
    usage: Option<Report>,
    #[serde(rename = "serviceTier", deserialize_with = "lenient")]
    service_tier: Option<Served>,
}

/// What a whole body, or the `metadata` of a stream, says was consumed.
pub(in crate::api) fn usage_of(body: &[u8]) -> Option<Usage> {
    let body: Body = serde_json::from_slice(body).ok()?;
    let usage = body.usage?.usage()?;
    Some(Usage { service_tier: later(body.service_tier, None).unwrap_or_default(), ..usage })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_comes_on_top_and_is_split_by_lifetime() {
        let body = br#"{"usage":{"inputTokens":11,"outputTokens":7,"totalTokens":1146,"cacheReadInputTokens":100,
            "cacheWriteInputTokens":1028,"cacheDetails":[{"ttl":"1h","inputTokens":1000},{"ttl":"5m","inputTokens":28}]}}"#;
        let usage = Usage {
            input: 1139,
            output: 7,
            cached_input: 100,
            cache_write: 28,
            cache_write_1h: 1000,
            ..Usage::default()
        };
        assert_eq!(usage_of(body), Some(usage));
        assert_eq!(usage_of(br#"{"usage":{}}"#), None);
    }
}
