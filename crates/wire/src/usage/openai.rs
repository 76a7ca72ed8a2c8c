//! Usage as OpenAI writes it in chat completions, completions, embeddings, responses, transcriptions and pictures, with
//! the habits of those who copy the API.
//!
//! - Cached and written tokens are part of the input, reasoning is part of the output; xAI leaves reasoning out of
//!   `completion_tokens`, which shows in the total.
//! - Workers AI's own API has the answer, usage included, in `result`.
//! - DeepSeek, Mistral and Moonshot have names of their own for cached tokens; Groq hides a stream's usage in `x_groq`.
//! - OpenRouter, xAI and Perplexity name the charge.
//! - Anthropic's API at such a provider (`cache_read_input_tokens` beside `input_tokens`) counts as Anthropic does.

use domain::{Nanos, Usage};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::Observed;
use super::charge::{Charge, CostDetails};
use super::number::{Count, lenient};

/// An answer, a chunk or an event: whatever may carry usage.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    #[serde(deserialize_with = "lenient")]
    model: Option<String>,
    #[serde(rename = "type", deserialize_with = "lenient")]
    kind: Option<String>,
    #[serde(deserialize_with = "lenient")]
    usage: Option<Report>,
    error: Option<IgnoredAny>,
    #[serde(deserialize_with = "lenient")]
    x_groq: Option<Groq>,
    #[serde(deserialize_with = "lenient")]
    response: Option<Response>,
    /// Workers AI's own API.
    #[serde(deserialize_with = "lenient")]
    result: Option<Response>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Response {
    #[serde(deserialize_with = "lenient")]
    model: Option<String>,
    #[serde(deserialize_with = "lenient")]
    usage: Option<Report>,
    error: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Groq {
    #[serde(deserialize_with = "lenient")]
    usage: Option<Report>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Report {
    prompt_tokens: Count,
    completion_tokens: Count,
    input_tokens: Count,
    output_tokens: Count,
    total_tokens: Count,
    #[serde(deserialize_with = "lenient")]
    prompt_tokens_details: Option<Details>,
    #[serde(deserialize_with = "lenient")]
    completion_tokens_details: Option<Details>,
    #[serde(deserialize_with = "lenient")]
    input_tokens_details: Option<Details>,
    #[serde(deserialize_with = "lenient")]
    input_token_details: Option<Details>,
    #[serde(deserialize_with = "lenient")]
    output_tokens_details: Option<Details>,
    /// DeepSeek.
    prompt_cache_hit_tokens: Count,
    /// Mistral.
    num_cached_tokens: Count,
    /// Moonshot.
    cached_tokens: Count,
    /// Perplexity, outside of `completion_tokens`.
    reasoning_tokens: Count,
    /// Anthropic's API.
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
    /// Seconds of speech, where they are billed instead of tokens.
    seconds: Count,
    /// Mistral's, beside the tokens.
    prompt_audio_seconds: Count,
    #[serde(deserialize_with = "lenient")]
    cost: Option<Box<RawValue>>,
    #[serde(deserialize_with = "lenient")]
    cost_in_usd_ticks: Option<Box<RawValue>>,
    #[serde(deserialize_with = "lenient")]
    is_byok: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    cost_details: Option<CostDetails>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Details {
    cached_tokens: Count,
    cache_write_tokens: Count,
    audio_tokens: Count,
    image_tokens: Count,
    reasoning_tokens: Count,
}

impl Report {
    fn usage(&self) -> Option<Usage> {
        let chat = self.prompt_tokens.0.is_some() || self.completion_tokens.0.is_some();
        let (input, output) = if chat {
            (self.prompt_tokens, self.completion_tokens)
        } else if self.input_tokens.0.is_some() || self.output_tokens.0.is_some() {
            (self.input_tokens, self.output_tokens)
        } else {
            // Rerankers know a total only, and some of those who write speech down only its length.
            self.total_tokens.0.or(self.seconds.0)?;
            (self.total_tokens, Count(None))
        };
        let mut usage = Usage { input: input.get(), output: output.get(), ..Usage::default() };
        usage.audio_seconds = self.seconds.0.or(self.prompt_audio_seconds.0).unwrap_or(0);
        self.add_input_kinds(&mut usage);
        self.add_output_kinds(&mut usage);
        if !chat {
            self.add_anthropic_cache(&mut usage);
        }
        Some(usage)
    }

    fn add_input_kinds(&self, usage: &mut Usage) {
        let details = self.prompt_tokens_details.or(self.input_tokens_details).or(self.input_token_details);
        let details = details.unwrap_or_default();
        let elsewhere = [self.prompt_cache_hit_tokens, self.num_cached_tokens, self.cached_tokens];
        let cached = details.cached_tokens.0.filter(|count| *count > 0);
        usage.cached_input = cached.or_else(|| elsewhere.into_iter().find_map(|count| count.0)).unwrap_or(0);
        usage.cache_write = details.cache_write_tokens.get();
        usage.audio_input = details.audio_tokens.get();
        usage.image_input = details.image_tokens.get();
    }

    fn add_output_kinds(&self, usage: &mut Usage) {
        let details = self.completion_tokens_details.or(self.output_tokens_details).unwrap_or_default();
        usage.reasoning = details.reasoning_tokens.get();
        usage.audio_output = details.audio_tokens.get();
        if let Some(outside) = self.reasoning_tokens.0.filter(|_| details.reasoning_tokens.0.is_none()) {
            usage.reasoning = outside;
            usage.output = usage.output.saturating_add(outside);
            return;
        }
        let visible = usage.input.saturating_add(usage.output);
        if usage.reasoning > 0 && self.total_tokens.0 == visible.checked_add(usage.reasoning) {
            usage.output += usage.reasoning;
        }
    }

    fn add_anthropic_cache(&self, usage: &mut Usage) {
        let (read, written) = (self.cache_read_input_tokens, self.cache_creation_input_tokens);
        if read.0.is_some() || written.0.is_some() {
            usage.cached_input = read.get();
            usage.cache_write = written.get();
            usage.input = usage.input.saturating_add(read.get()).saturating_add(written.get());
        }
    }

    fn charged(self) -> Option<Nanos> {
        let Self { cost, cost_in_usd_ticks, is_byok, cost_details, .. } = self;
        Charge { cost, cost_in_usd_ticks, is_byok: is_byok == Some(true), cost_details }.total()
    }
}

/// Types of events that end a stream.
const LAST: [&str; 8] = [
    "response.completed",
    "response.incomplete",
    "response.failed",
    "transcript.text.done",
    "speech.audio.done",
    "image_generation.completed",
    "image_edit.completed",
    "response.done",
];

/// Whether events of this name end a stream.
pub(super) fn is_last(name: &[u8]) -> bool {
    LAST.iter().any(|last| last.as_bytes() == name)
}

/// Takes in what `json` says; false where it is no JSON object.
pub(super) fn take(json: &[u8], into: &mut Observed) -> bool {
    let Ok(answer) = serde_json::from_slice::<Answer>(json) else {
        return false;
    };
    let response = answer.response.unwrap_or_default();
    let result = answer.result.unwrap_or_default();
    let model = answer.model.or(response.model).or(result.model).filter(|model| !model.is_empty());
    into.model = into.model.take().or(model);
    let groq = answer.x_groq.and_then(|groq| groq.usage);
    if let Some(report) = answer.usage.or(response.usage).or(result.usage).or(groq) {
        into.usage = report.usage().or(into.usage);
        into.charged = report.charged().or(into.charged);
    }
    let kind = answer.kind.as_deref().unwrap_or_default();
    into.finished |= LAST.contains(&kind);
    into.ended |= matches!(kind, "response.completed" | "response.incomplete" | "response.failed");
    into.error |= answer.error.is_some() || response.error.is_some() || kind == "error" || kind == "response.failed";
    true
}

pub(super) fn body(body: &[u8]) -> Observed {
    let mut observed = Observed::default();
    observed.finished = take(body, &mut observed);
    observed
}
