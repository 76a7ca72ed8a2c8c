//! Usage as Gemini writes it: in each chunk a running total, of which the last one counts.
//!
//! The prompt includes cached tokens. Thoughts are not part of the candidates' tokens, and what tools fed into the prompt
//! is not part of the prompt's: both are added. Searches of the web stand with the candidates, in any chunk.

use domain::Usage;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Observed;
use super::number::{Count, lenient, lenient_list};
use super::served::{Served, later};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Answer {
    #[serde(deserialize_with = "lenient")]
    model_version: Option<String>,
    #[serde(deserialize_with = "lenient")]
    usage_metadata: Option<Report>,
    #[serde(deserialize_with = "lenient_list")]
    candidates: Option<Vec<Candidate>>,
    #[serde(deserialize_with = "lenient")]
    prompt_feedback: Option<Feedback>,
    error: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Candidate {
    /// A word; old servers send numbers.
    finish_reason: Option<IgnoredAny>,
    #[serde(deserialize_with = "lenient")]
    grounding_metadata: Option<Grounding>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Grounding {
    #[serde(deserialize_with = "lenient_list")]
    web_search_queries: Option<Vec<IgnoredAny>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Report {
    prompt_token_count: Count,
    cached_content_token_count: Count,
    candidates_token_count: Count,
    thoughts_token_count: Count,
    tool_use_prompt_token_count: Count,
    #[serde(deserialize_with = "lenient_list")]
    prompt_tokens_details: Option<Vec<Modality>>,
    #[serde(deserialize_with = "lenient_list")]
    candidates_tokens_details: Option<Vec<Modality>>,
    #[serde(deserialize_with = "lenient_list")]
    cache_tokens_details: Option<Vec<Modality>>,
    #[serde(deserialize_with = "lenient_list")]
    tool_use_prompt_tokens_details: Option<Vec<Modality>>,
    #[serde(deserialize_with = "lenient")]
    service_tier: Option<Served>,
    /// Vertex AI.
    #[serde(deserialize_with = "lenient")]
    traffic_type: Option<Served>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Modality {
    modality: String,
    token_count: Count,
}

/// Tokens of a modality in all of these lists.
fn of(modality: &str, lists: &[&Option<Vec<Modality>>]) -> u64 {
    let parts = lists.iter().flat_map(|list| list.iter().flatten()).filter(|part| part.modality == modality);
    parts.fold(0, |sum, part| part.token_count.get().saturating_add(sum))
}

fn small(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Report {
    fn usage(&self) -> Option<Usage> {
        if self.prompt_token_count.0.is_none() && self.candidates_token_count.0.is_none() {
            return None;
        }
        let thoughts = self.thoughts_token_count.get();
        let (input, output) =
            ([&self.prompt_tokens_details, &self.tool_use_prompt_tokens_details], [&self.candidates_tokens_details]);
        let cached = [&self.cache_tokens_details];
        Some(Usage {
            input: self.prompt_token_count.get().saturating_add(self.tool_use_prompt_token_count.get()),
            output: self.candidates_token_count.get().saturating_add(thoughts),
            cached_input: self.cached_content_token_count.get(),
            reasoning: thoughts,
            audio_input: of("AUDIO", &input),
            image_input: of("IMAGE", &input),
            video_input: small(of("VIDEO", &input)),
            cached_audio: small(of("AUDIO", &cached)),
            cached_image: small(of("IMAGE", &cached)),
            audio_output: of("AUDIO", &output),
            image_output: small(of("IMAGE", &output)),
            video_output: small(of("VIDEO", &output)),
            service_tier: later(self.service_tier, later(self.traffic_type, None)).unwrap_or_default(),
            ..Usage::default()
        })
    }
}

impl Answer {
    fn take(self, into: &mut Observed) {
        into.model = into.model.take().or(self.model_version);
        let before = into.usage.map_or(0, |usage| usage.web_searches);
        into.usage = self.usage_metadata.and_then(|report| report.usage()).or(into.usage);
        if let Some(usage) = &mut into.usage {
            let grounded =
                self.candidates.iter().flatten().filter_map(|candidate| candidate.grounding_metadata.as_ref());
            let queries: usize = grounded.flat_map(|grounding| &grounding.web_search_queries).map(Vec::len).sum();
            usage.web_searches = u32::try_from(queries).unwrap_or(u32::MAX).max(before);
        }
        let ended = self.candidates.iter().flatten().any(|candidate| candidate.finish_reason.is_some());
        let blocked = self.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some());
        into.finished |= ended || blocked;
        into.error |= self.error.is_some();
    }
}

/// Takes in what one chunk says; false where it is no JSON object.
pub(super) fn take(json: &[u8], into: &mut Observed) -> bool {
    let answer = serde_json::from_slice::<Answer>(json);
    answer.map(|answer| answer.take(into)).is_ok()
}

/// An answer, or the list of chunks that a stream without `alt=sse` is.
pub(super) fn body(body: &[u8]) -> Observed {
    let mut observed = Observed::default();
    if body.trim_ascii_start().first() == Some(&b'[') {
        if let Ok(answers) = serde_json::from_slice::<Vec<Answer>>(body) {
            answers.into_iter().for_each(|answer| answer.take(&mut observed));
            observed.finished = true;
        }
    } else {
        observed.finished = take(body, &mut observed);
    }
    observed
}
