//! `generationConfig`.

use super::super::members::Members;
use super::super::schema::to_openapi;
use super::{Writing, thinking};
use crate::chat::{Format, ToolKind};

/// Most texts that may end an answer.
const MOST_STOPS: usize = 5;

/// Writes the configuration, and notes what of the request has no place in it.
pub(super) fn write(writing: &mut Writing<'_>) -> Members {
    let mut config = Members::default();
    let request = writing.request;
    let sampling = &request.sampling;
    config.some("temperature", sampling.temperature.as_ref());
    config.some("topP", sampling.top_p.as_ref());
    config.some("topK", sampling.top_k.as_ref());
    config.some("candidateCount", request.n.as_ref());
    config.some("maxOutputTokens", request.max_tokens.as_ref());
    config.some("presencePenalty", sampling.presence_penalty.as_ref());
    config.some("frequencyPenalty", sampling.frequency_penalty.as_ref());
    // Gemini's seed has 32 bits; a folded one repeats answers just as well.
    config.some("seed", sampling.seed.map(|seed| i32::try_from(seed).unwrap_or(fold(seed))).as_ref());
    config.some("responseLogprobs", sampling.logprobs.as_ref());
    config.some("logprobs", sampling.top_logprobs.filter(|_| sampling.logprobs == Some(true)).as_ref());
    if !request.stop.is_empty() {
        config.put("stopSequences", &&request.stop[..request.stop.len().min(MOST_STOPS)]);
    }
    format(writing, &mut config);
    thinking::write(writing, &mut config);
    losses(writing);
    config
}

fn fold(seed: i64) -> i32 {
    const LOW: i64 = 0x7fff_ffff;
    i32::try_from((seed ^ (seed >> 32)) & LOW).unwrap_or(0)
}

/// The models of the second generation answer in a schema or with calls, not both: there the answer is a call as well.
fn format(writing: &mut Writing<'_>, config: &mut Members) {
    let request = writing.request;
    let functions = request.tools.iter().any(|tool| !matches!(tool.kind, ToolKind::Server { .. }));
    let exclusive = functions && !writing.model.is_third_generation();
    match &request.format {
        Format::Text => {}
        Format::JsonObject if exclusive => {
            writing.losses.harmless("response_format", "this model has no JSON mode beside tools");
        }
        Format::JsonObject => config.put("responseMimeType", &"application/json"),
        Format::JsonSchema { name, .. } if exclusive => {
            let taken = request.tools.iter().any(|tool| tool.name == *name);
            let tool = if taken { "final_answer".to_owned() } else { super::name(&mut writing.names, name) };
            writing.output_tool = Some(tool);
        }
        Format::JsonSchema { schema, .. } => {
            config.put("responseMimeType", &"application/json");
            if writing.model.takes_json_schema() {
                config.raw("responseJsonSchema", schema.clone());
            } else {
                config.raw("responseSchema", to_openapi(schema, &mut writing.room));
            }
        }
    }
}

fn losses(writing: &mut Writing<'_>) {
    let (request, losses) = (writing.request, &mut writing.losses);
    if request.stop.len() > MOST_STOPS {
        losses.grave("stop", format!("Gemini takes at most {MOST_STOPS} texts"));
    }
    let none = "Gemini has no counterpart";
    let lost = [
        ("logit_bias", request.sampling.logit_bias.is_some()),
        ("user", request.user.is_some()),
        ("metadata", request.metadata.is_some()),
        ("prompt_cache_key", request.prompt_cache_key.is_some()),
        ("verbosity", request.verbosity.is_some()),
        ("store", request.store == Some(true)),
        ("parallel_tool_calls", request.parallel_tool_calls == Some(false) && !request.tools.is_empty()),
    ];
    lost.into_iter().filter(|(_, lost)| *lost).for_each(|(field, _)| losses.harmless(field, none));
}
