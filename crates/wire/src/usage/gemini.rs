//! Usage as Gemini writes it: in each chunk a running total, of which the last one counts.
//!
//! The prompt includes cached tokens. Thoughts are not part of the candidates' tokens, and what tools fed into the prompt
//! is not part of the prompt's: both are added.

use domain::Usage;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Observed;
use super::number::{Count, lenient, lenient_list};

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
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Modality {
    modality: String,
    token_count: Count,
}

fn audio(details: Option<&Vec<Modality>>) -> u64 {
    let parts = details.into_iter().flatten().filter(|part| part.modality == "AUDIO");
    parts.fold(0, |sum, part| part.token_count.get().saturating_add(sum))
}

impl Report {
    fn usage(&self) -> Option<Usage> {
        if self.prompt_token_count.0.is_none() && self.candidates_token_count.0.is_none() {
            return None;
        }
        let thoughts = self.thoughts_token_count.get();
        Some(Usage {
            input: self.prompt_token_count.get().saturating_add(self.tool_use_prompt_token_count.get()),
            output: self.candidates_token_count.get().saturating_add(thoughts),
            cached_input: self.cached_content_token_count.get(),
            reasoning: thoughts,
            audio_input: audio(self.prompt_tokens_details.as_ref()),
            audio_output: audio(self.candidates_tokens_details.as_ref()),
            ..Usage::default()
        })
    }
}

impl Answer {
    fn take(self, into: &mut Observed) {
        into.model = into.model.take().or(self.model_version);
        into.usage = self.usage_metadata.and_then(|report| report.usage()).or(into.usage);
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
