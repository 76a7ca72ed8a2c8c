//! Bedrock's InvokeModel: each model answers in words of its own, and Amazon's counts stand beside them, in headers or, in a
//! stream, in the last chunk. A stream's chunks are the model's events in Base64 in frames of Amazon's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Usage;
use serde::Deserialize;

use super::number::{Count, lenient};
use super::{Observed, anthropic, openai};
use crate::api::{Api, usage_of};
use crate::eventstream::FrameSplitter;

/// Amazon's counts beside an answer, where they are. Their input holds neither what was read from the cache nor what was written
/// to it; ours does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AmazonCounts {
    input: Option<u64>,
    output: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
}

impl AmazonCounts {
    /// Reads them; `header` gives the value of a header.
    #[must_use]
    pub fn read<'a>(header: impl Fn(&'static str) -> Option<&'a str>) -> Self {
        let count = |name| header(name)?.trim().parse().ok();
        Self {
            input: count("x-amzn-bedrock-input-token-count"),
            output: count("x-amzn-bedrock-output-token-count"),
            cache_read: count("x-amzn-bedrock-cache-read-input-token-count"),
            cache_write: count("x-amzn-bedrock-cache-write-input-token-count"),
        }
    }

    /// What counts, where the model says something too: Amazon's numbers, for it is Amazon that bills them, and of the model's
    /// what Amazon does not say, such as how long a cache holds.
    fn over(self, own: Option<Usage>) -> Option<Usage> {
        if self.input.is_none() && self.output.is_none() {
            return own;
        }
        let own = own.unwrap_or_default();
        let own_written = own.cache_write.saturating_add(own.cache_write_1h);
        let own_plain = own.input.saturating_sub(own.cached_input).saturating_sub(own_written);
        let read = self.cache_read.unwrap_or(own.cached_input);
        let written = self.cache_write.unwrap_or(own_written);
        let hour = own.cache_write_1h.min(written);
        let output = self.output.unwrap_or(own.output);
        Some(Usage {
            input: self.input.unwrap_or(own_plain).saturating_add(read).saturating_add(written),
            output,
            cached_input: read,
            cache_write: written - hour,
            cache_write_1h: hour,
            reasoning: own.reasoning.min(output),
            ..own
        })
    }
}

/// Counts in the words of models that have no others: Llama's and Titan's.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Own {
    prompt_token_count: Count,
    generation_token_count: Count,
    #[serde(rename = "inputTextTokenCount")]
    input_text: Count,
    #[serde(rename = "totalOutputTextTokenCount")]
    total_output_text: Count,
    #[serde(deserialize_with = "lenient")]
    results: Option<Vec<TitanResult>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TitanResult {
    #[serde(rename = "tokenCount")]
    count: Count,
}

impl Own {
    fn usage(&self) -> Option<Usage> {
        let titan = self.results.as_ref().map(|results| results.iter().map(|result| result.count.get()).sum());
        let (input, output) = (
            self.prompt_token_count.0.or(self.input_text.0),
            self.generation_token_count.0.or(titan).or(self.total_output_text.0),
        );
        AmazonCounts { input, output, ..AmazonCounts::default() }.over(None)
    }
}

/// What a whole answer of Bedrock's says, be it Converse's or a model's own. The model's name is not taken from it: prices go by
/// the one in the path.
pub(super) fn body(counts: AmazonCounts, body: &[u8]) -> Observed {
    let own = || serde_json::from_slice::<Own>(body).ok()?.usage();
    let usage = usage_of(Api::Bedrock, body)
        .or_else(|| anthropic::body(body).usage)
        .or_else(|| openai::body(body).usage)
        .or_else(own);
    Observed { usage: counts.over(usage), finished: true, ..Observed::default() }
}

/// Watches the stream of a model.
#[derive(Debug, Default)]
pub(super) struct InvokeWatch {
    splitter: FrameSplitter,
    /// Whether frames can be read no more; the bytes pass all the same.
    lost: bool,
    /// Claude splits what was written to the cache by its lifetime.
    claude: anthropic::Running,
    observed: Observed,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    bytes: &'a str,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Last {
    #[serde(rename = "amazon-bedrock-invocationMetrics", deserialize_with = "lenient")]
    metrics: Option<Metrics>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metrics {
    input_token_count: Count,
    output_token_count: Count,
    cache_read_input_token_count: Count,
    cache_write_input_token_count: Count,
}

impl InvokeWatch {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.lost {
            return;
        }
        let (claude, observed) = (&mut self.claude, &mut self.observed);
        self.lost = self.splitter.push(bytes, |name, payload| take(name, payload, claude, observed)).is_err();
    }

    pub(super) fn observed(&self) -> &Observed {
        &self.observed
    }

    pub(super) fn finish(mut self) -> Observed {
        self.claude.estimate(&mut self.observed);
        self.observed.model = None;
        self.observed
    }
}

fn take(name: &[u8], payload: &[u8], claude: &mut anthropic::Running, observed: &mut Observed) {
    if name.starts_with(b"exception:") || name.starts_with(b"error:") {
        observed.error = true;
        return;
    }
    let Some(event) = serde_json::from_slice::<Chunk<'_>>(payload).ok().and_then(|c| STANDARD.decode(c.bytes).ok())
    else {
        return;
    };
    if memchr::memmem::find(&event, b"\"content_block_delta\"").is_some() {
        claude.piece(&event);
        return;
    }
    if super::watch::has_usage(&event) {
        anthropic::take(&event, claude, observed);
    }
    // A guardrail that steps in ends the stream in its own way.
    if memchr::memmem::find(&event, b"\"amazon-bedrock-guardrailAction\"").is_some() {
        observed.finished = true;
        let own = || serde_json::from_slice::<Own>(&event).ok()?.usage();
        observed.usage = observed.usage.take().or_else(own);
    }
    if memchr::memmem::find(&event, b"\"amazon-bedrock-invocationMetrics\"").is_none() {
        return;
    }
    if let Some(metrics) = serde_json::from_slice::<Last>(&event).ok().and_then(|last| last.metrics) {
        let counts = AmazonCounts {
            input: metrics.input_token_count.0,
            output: metrics.output_token_count.0,
            cache_read: metrics.cache_read_input_token_count.0,
            cache_write: metrics.cache_write_input_token_count.0,
        };
        observed.usage = counts.over(observed.usage.take());
        (observed.finished, observed.ended) = (true, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amazons_numbers_count_and_the_model_fills_in_what_they_do_not_say() {
        let own =
            Usage { input: 130, output: 20, cached_input: 10, cache_write: 5, cache_write_1h: 15, ..Usage::default() };
        let counts = AmazonCounts { input: Some(90), output: Some(7), ..AmazonCounts::default() };
        assert_eq!(counts.over(Some(own)), Some(Usage { input: 120, output: 7, ..own }));
        let counts = AmazonCounts { cache_read: Some(0), cache_write: Some(4), ..counts };
        let wanted = Usage { input: 94, output: 7, cache_write_1h: 4, ..Usage::default() };
        assert_eq!(counts.over(Some(own)), Some(wanted));
        assert_eq!(AmazonCounts::default().over(Some(own)), Some(own));
        assert_eq!(AmazonCounts::default().over(None), None);
        assert_eq!(counts.over(None).map(|usage| (usage.input, usage.output)), Some((94, 7)));
    }
}
