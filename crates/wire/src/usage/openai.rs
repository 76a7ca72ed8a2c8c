//! Usage as OpenAI writes it in chat completions, completions, embeddings, responses, transcriptions and pictures, with
//! the habits of those who copy the API.
//!
//! - Cached and written tokens are part of the input, reasoning is part of the output; xAI leaves reasoning out of
//!   `completion_tokens`, which shows in the total.
//! - Workers AI's own API has the answer, usage included, in `result`.
//! - DeepSeek, Mistral and Moonshot have names of their own for cached tokens; Groq hides a stream's usage in `x_groq`.
//! - OpenRouter, xAI and Perplexity name the charge. Perplexity counts reasoning and citations beside the completion.
//! - Alibaba has Anthropic's names for what is written to a cache, inside of the prompt.
//! - Searches stand beside the usage, or are items of the output.
//! - Anthropic's API at such a provider (`cache_read_input_tokens` beside `input_tokens`) counts as Anthropic does.

use domain::usage::SearchContext;
use domain::{Nanos, Usage};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;

use super::Observed;
use super::charge::{Charge, CostDetails};
use super::number::{Count, lenient};
use super::served::{Searched, Served, later};
use crate::scan;

/// What an answer, a chunk or an event says, or an answer inside of one: whatever may carry usage. The parts are found in one pass
/// and only those that count are parsed; one of an unknown shape is as good as none.
#[derive(Default)]
struct Answer<'a> {
    model: Option<&'a [u8]>,
    usage: Option<&'a [u8]>,
    error: Option<&'a [u8]>,
    service_tier: Option<&'a [u8]>,
    tool_usage: Option<&'a [u8]>,
    output: Option<&'a [u8]>,
}

impl<'a> Answer<'a> {
    const KEYS: [&'static str; 6] = ["model", "usage", "error", "service_tier", "tool_usage", "output"];

    fn of([model, usage, error, service_tier, tool_usage, output]: [Option<&'a [u8]>; 6]) -> Self {
        Self { model, usage, error, service_tier, tool_usage, output }
    }

    /// An answer inside of another; an empty one where it is none.
    fn inside(json: Option<&'a [u8]>) -> Self {
        json.and_then(|json| parts(json, &Self::KEYS)).map(Self::of).unwrap_or_default()
    }

    fn model(&self) -> Option<String> {
        parsed(self.model)
    }

    fn report(&self) -> Option<Report> {
        parsed(self.usage)
    }
}

/// The same with what only the outermost says.
struct Outermost<'a> {
    answer: Answer<'a>,
    kind: Option<&'a [u8]>,
    x_groq: Option<&'a [u8]>,
    response: Option<&'a [u8]>,
    /// Workers AI's own API.
    result: Option<&'a [u8]>,
    /// Mistral, where pages are read.
    usage_info: Option<&'a [u8]>,
}

impl<'a> Outermost<'a> {
    const KEYS: [&'static str; 11] = {
        let [model, usage, error, service_tier, tool_usage, output] = Answer::KEYS;
        let [kind, x_groq, response, result, usage_info] = ["type", "x_groq", "response", "result", "usage_info"];
        [model, usage, error, service_tier, tool_usage, output, kind, x_groq, response, result, usage_info]
    };

    fn read(json: &'a [u8]) -> Option<Self> {
        let [model, usage, error, service_tier, tool_usage, output, kind, x_groq, response, result, usage_info] =
            parts(json, &Self::KEYS)?;
        let answer = Answer::of([model, usage, error, service_tier, tool_usage, output]);
        Some(Self { answer, kind, x_groq, response, result, usage_info })
    }
}

/// The values of `keys` as they stand there, but for `null`; nothing where the bytes are no JSON object, or one of the keys is
/// repeated.
fn parts<'a, const N: usize>(json: &'a [u8], keys: &'static [&'static str; N]) -> Option<[Option<&'a [u8]>; N]> {
    let places = scan::values(json, keys).ok()?;
    Some(places.map(|place| place.map(|place| &json[place]).filter(|text| *text != b"null")))
}

fn parsed<T: DeserializeOwned>(json: Option<&[u8]>) -> Option<T> {
    serde_json::from_slice(json?).ok()
}

/// What OpenAI's tools did beside the model.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct ToolUsage {
    #[serde(deserialize_with = "lenient")]
    web_search: Option<Requests>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Requests {
    num_requests: Count,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct PagesRead {
    pages_processed: Count,
    pages_processed_annotation: Count,
}

/// An item of an output: only what the provider did itself matters.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Item {
    #[serde(rename = "type", deserialize_with = "lenient")]
    kind: Option<String>,
    #[serde(deserialize_with = "lenient")]
    action: Option<Action>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Action {
    #[serde(rename = "type", deserialize_with = "lenient")]
    kind: Option<String>,
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
    citation_tokens: Count,
    num_search_queries: Count,
    #[serde(deserialize_with = "lenient")]
    search_context_size: Option<Searched>,
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

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    cached_tokens: Count,
    cache_write_tokens: Count,
    audio_tokens: Count,
    image_tokens: Count,
    video_tokens: Count,
    reasoning_tokens: Count,
    #[serde(deserialize_with = "lenient")]
    cached_tokens_details: Option<Modalities>,
    #[serde(deserialize_with = "lenient")]
    cache_write_tokens_details: Option<Lifetimes>,
    /// Alibaba: `ephemeral` where the request named the cache.
    #[serde(deserialize_with = "lenient")]
    cache_type: Option<CacheType>,
    cache_creation_input_tokens: Count,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Modalities {
    audio_tokens: Count,
    image_tokens: Count,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Lifetimes {
    ttl_12h_tokens: Count,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CacheType {
    Ephemeral,
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
        let named = [&self.prompt_tokens_details, &self.input_tokens_details, &self.input_token_details];
        let none = Details::default();
        let details = named.into_iter().flatten().next().unwrap_or(&none);
        let elsewhere = [self.prompt_cache_hit_tokens, self.num_cached_tokens, self.cached_tokens];
        let cached = details.cached_tokens.0.filter(|count| *count > 0);
        usage.cached_input = cached.or_else(|| elsewhere.into_iter().find_map(|count| count.0)).unwrap_or(0);
        let written = details.cache_write_tokens.0.unwrap_or(details.cache_creation_input_tokens.get());
        let long = details.cache_write_tokens_details.unwrap_or_default().ttl_12h_tokens.small();
        usage.cache_write_12h = u32::try_from(written.min(long.into())).unwrap_or(long);
        usage.cache_write = written - u64::from(usage.cache_write_12h);
        if details.cache_type.is_some() {
            usage.explicit_cached = details.cached_tokens.small();
        }
        let cached = details.cached_tokens_details.unwrap_or_default();
        usage.cached_audio = cached.audio_tokens.small();
        usage.cached_image = cached.image_tokens.small();
        usage.audio_input = details.audio_tokens.get();
        usage.image_input = details.image_tokens.get();
        usage.video_input = details.video_tokens.small();
    }

    fn add_output_kinds(&self, usage: &mut Usage) {
        let named = [&self.completion_tokens_details, &self.output_tokens_details];
        let none = Details::default();
        let details = named.into_iter().flatten().next().unwrap_or(&none);
        usage.reasoning = details.reasoning_tokens.get();
        usage.audio_output = details.audio_tokens.get();
        usage.image_output = details.image_tokens.small();
        usage.video_output = details.video_tokens.small();
        let visible = usage.input.saturating_add(usage.output);
        if let Some(outside) = self.reasoning_tokens.0.filter(|_| details.reasoning_tokens.0.is_none()) {
            usage.reasoning = outside;
            usage.output = usage.output.saturating_add(outside);
        } else if usage.reasoning > 0 && self.total_tokens.0 == visible.checked_add(usage.reasoning) {
            usage.output += usage.reasoning;
        }
        usage.citation = self.citation_tokens.small();
        usage.output = usage.output.saturating_add(usage.citation.into());
        usage.web_searches = self.num_search_queries.small();
        usage.search_context = self.search_context_size.map_or(SearchContext::Untold, |searched| searched.0);
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

/// What the provider searched for by itself, where the answer lists it.
#[derive(Clone, Copy, Default)]
struct Searches {
    web: u32,
    files: u32,
}

impl Searches {
    fn of(told: Option<ToolUsage>, output: Option<&[u8]>) -> Self {
        let text = output.unwrap_or_default();
        let has = |kind: &str| memchr::memmem::find(text, kind.as_bytes()).is_some();
        let mut found = Self::default();
        if has("\"web_search_call\"") || has("\"file_search_call\"") {
            found = Self::among(text);
        }
        let told = told.and_then(|tools| tools.web_search);
        Self { web: told.map_or(found.web, |told| told.num_requests.small()), ..found }
    }

    fn among(output: &[u8]) -> Self {
        let mut found = Self::default();
        let items: Vec<Item> = serde_json::from_slice(output).unwrap_or_default();
        for item in items {
            // Opening a page that was found is no search.
            let searches = item.action.and_then(|action| action.kind).is_none_or(|kind| kind == "search");
            match item.kind.as_deref() {
                Some("web_search_call") if searches => found.web = found.web.saturating_add(1),
                Some("file_search_call") => found.files = found.files.saturating_add(1),
                _ => {}
            }
        }
        found
    }
}

/// Takes in what `json` says; false where it is no JSON object, or says something twice.
pub(super) fn take(json: &[u8], into: &mut Observed) -> bool {
    let Some(Outermost { answer, kind, x_groq, response, result, usage_info }) = Outermost::read(json) else {
        return false;
    };
    let (response, result) = (Answer::inside(response), Answer::inside(result));
    let model = answer.model().or_else(|| response.model()).or_else(|| result.model());
    into.model = into.model.take().or(model.filter(|model| !model.is_empty()));
    let tier = parsed::<Served>(answer.service_tier).or_else(|| parsed(response.service_tier));
    into.service_tier = later(tier, into.service_tier);
    let kind = parsed::<String>(kind).unwrap_or_default();
    let kind = kind.as_str();
    let report = answer.report().or_else(|| response.report()).or_else(|| result.report());
    if let Some(report) = report.or_else(|| parsed::<Groq>(x_groq)?.usage) {
        let told = parsed(answer.tool_usage).or_else(|| parsed(response.tool_usage));
        let searches = Searches::of(told, answer.output.or(response.output));
        // Each picture of a stream comes with its own end.
        let painted = u64::from(matches!(kind, "image_generation.completed" | "image_edit.completed"));
        let images = into.usage.map_or(0, |usage| usage.images) + painted;
        let usage = report.usage().map(|usage| Usage {
            images,
            web_searches: usage.web_searches.max(searches.web),
            file_searches: searches.files,
            service_tier: into.service_tier.unwrap_or_default(),
            ..usage
        });
        into.usage = usage.or(into.usage);
        into.charged = report.charged().or(into.charged);
    } else if let Some(pages) = parsed::<PagesRead>(usage_info).filter(|pages| pages.pages_processed.0.is_some()) {
        let (pages, annotated_pages) = (pages.pages_processed.small(), pages.pages_processed_annotation.small());
        into.usage = Some(Usage { pages, annotated_pages, ..Usage::default() });
    }
    into.finished |= LAST.contains(&kind);
    into.ended |= matches!(kind, "response.completed" | "response.incomplete" | "response.failed");
    into.error |= answer.error.is_some() || response.error.is_some() || kind == "error" || kind == "response.failed";
    true
}

pub(super) fn body(body: &[u8]) -> Observed {
    let mut observed = Observed::default();
    // Nothing is read from a list, which may be a whole answer all the same.
    let is_list = || body.trim_ascii_start().starts_with(b"[") && serde_json::from_slice::<IgnoredAny>(body).is_ok();
    observed.finished = take(body, &mut observed) || is_list();
    observed
}
