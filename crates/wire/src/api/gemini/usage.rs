//! Usage, by the rules of [`crate::usage`] and back.

use domain::Usage;
use domain::provider::Dialect;
use serde::Serialize;

use super::members::Members;
use crate::chat::Json;

/// What `usageMetadata` says; none where it has no counts yet.
pub(super) fn read(metadata: &Json) -> Option<Usage> {
    let document = format!("{{\"usageMetadata\":{}}}", metadata.as_str());
    crate::usage::from_body(Dialect::Gemini, document.as_bytes()).usage
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Modality {
    modality: &'static str,
    token_count: u64,
}

/// `usageMetadata` for a caller: thoughts are counted beside the answer.
pub(super) fn write(usage: &Usage) -> Members {
    let mut metadata = Members::default();
    metadata.put("promptTokenCount", &usage.input);
    metadata.put("candidatesTokenCount", &usage.output.saturating_sub(usage.reasoning));
    metadata.put("totalTokenCount", &usage.input.saturating_add(usage.output));
    metadata.some("cachedContentTokenCount", some(&usage.cached_input));
    metadata.some("thoughtsTokenCount", some(&usage.reasoning));
    metadata.some("promptTokensDetails", details(usage.input, usage.audio_input).as_ref());
    metadata.some("candidatesTokensDetails", details(usage.output, usage.audio_output).as_ref());
    metadata
}

fn some(count: &u64) -> Option<&u64> {
    Some(count).filter(|count| **count > 0)
}

fn details(all: u64, audio: u64) -> Option<[Modality; 2]> {
    let of = |modality, token_count| Modality { modality, token_count };
    (audio > 0).then(|| [of("TEXT", all.saturating_sub(audio)), of("AUDIO", audio)])
}
