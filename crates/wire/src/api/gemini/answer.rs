//! Whole answers, read and written.

use super::decode::tier_of;
use super::decoder::Decoder;
use super::extras::Extras;
use super::members::Members;
use super::part::{self, Piece};
use super::write::{ModelTurn, Written, content};
use super::{finish, grounding, logprobs, signature, usage};
use crate::api::Api;
use crate::chat::{Answer, Asked, Assembly, Choice, Citation, Content, Event, Json, Part, Refused};

/// Reads a provider's whole answer; a list of chunks, which a stream without `alt=sse` is, is one answer.
///
/// # Errors
/// When it is no answer of this API, or an error.
pub(in crate::api) fn decode_answer(body: &[u8]) -> Result<Answer, Refused> {
    let json: Json = serde_json::from_slice(body)?;
    let (mut decoder, mut events) = (Decoder::default(), Vec::new());
    decoder.document(&json, &mut events);
    let failed = events.iter().any(|event| matches!(event, Event::Error(_)));
    if !failed && !decoder.is_answer() {
        return Err(Refused::field("candidates", "This is no answer of Gemini's: it has no candidates."));
    }
    decoder.finish_whole(&mut events);
    let mut assembly = Assembly::default();
    for event in events {
        let over = matches!(event, Event::Error(_));
        assembly.push(event);
        if over {
            break;
        }
    }
    let refused = |message| Refused { field: Some("error".to_owned()), message };
    let mut answer = assembly.finish().map_err(|error| refused(format!("{}: {}", error.code, error.message)))?;
    for choice in &mut answer.choices {
        choice.parts = std::mem::take(&mut choice.parts).into_iter().flat_map(with_media).collect();
    }
    answer.service_tier = decoder.service_tier.as_deref().map(tier_of);
    Ok(answer)
}

/// Pictures and sound, which streams of events do not have, as what they are.
fn with_media(part: Part) -> Vec<Part> {
    let media = match &part.content {
        Content::Opaque { api: Api::Gemini, value } => part::read(value, "").ok(),
        _ => None,
    };
    match media {
        Some((Piece::Media(media), mark)) => {
            let mark = mark.map(|mark| Content::Thinking { text: String::new(), signature: Some(mark) });
            mark.into_iter().chain([media]).map(Part::from).collect()
        }
        _ => vec![part],
    }
}

/// Writes an answer for a caller.
pub(in crate::api) fn encode_answer(answer: &Answer, asked: &Asked) -> Vec<u8> {
    let mut body = Members::default();
    let (mut candidates, mut feedback) = (Vec::new(), None);
    for choice in &answer.choices {
        let (candidate, of_prompt, blocked) = candidate(choice);
        // A blocked prompt has no candidate.
        if !blocked || !choice.parts.iter().all(|part| matches!(part.content, Content::Opaque { .. })) {
            candidates.push(candidate);
        }
        feedback = feedback.or(of_prompt);
    }
    if feedback.is_none() || !candidates.is_empty() {
        body.put("candidates", &candidates);
    }
    body.some("promptFeedback", feedback.as_ref());
    body.some("usageMetadata", answer.usage.as_ref().map(usage::write).as_ref());
    body.put("modelVersion", &named(&answer.model, &asked.model));
    body.put("responseId", &named(&answer.id, &asked.id));
    serde_json::to_vec(&body).unwrap_or_default()
}

/// What the provider says, or what is known without it.
pub(super) fn named<'a>(theirs: &'a str, ours: &'a str) -> &'a str {
    if theirs.is_empty() { ours } else { theirs }
}

fn candidate(choice: &Choice) -> (Members, Option<Json>, bool) {
    let (mut turn, mut extras) = (ModelTurn::default(), Extras::default());
    let (mut said, mut citations) = (String::new(), Vec::<(usize, Citation)>::new());
    for part in &choice.parts {
        match &part.content {
            Content::Text { text, citations: cited } => {
                citations.extend(cited.iter().map(|citation| (said.len(), citation.clone())));
                said.push_str(text);
                turn.text(text);
            }
            Content::Opaque { api: Api::Gemini, value } => match Extras::of(value) {
                Some(found) => extras = found,
                None => turn.raw(value.clone()),
            },
            other => part_of(other, &mut turn),
        }
    }
    let mut candidate = Members::default();
    candidate.put("content", &content_of(turn));
    candidate.put("finishReason", &finish::write(&choice.finish));
    candidate.put("index", &choice.index);
    candidate.some("groundingMetadata", grounding::write(&citations, &said).as_ref());
    candidate.some("logprobsResult", choice.logprobs.as_ref().and_then(logprobs::write).as_ref());
    // In Gemini's own words, where it is Gemini's answer.
    let cites = |name: &str| extras.candidate.has(name);
    if cites("citationMetadata") || cites("groundingMetadata") {
        candidate.remove("groundingMetadata");
    }
    let blocked = extras.is_blocked();
    candidate.append(extras.candidate);
    (candidate, extras.feedback, blocked)
}

/// A model's content, for a caller.
pub(super) fn content_of(turn: ModelTurn) -> Members {
    let parts = turn.finish();
    let mut out = content("model", &parts);
    if parts.is_empty() {
        // SDKs read the list without asking whether it is there.
        out.put("parts", &[Written::text("")]);
    }
    out
}

fn part_of(part: &Content, turn: &mut ModelTurn) {
    match part {
        Content::Refusal { text } => turn.text(text),
        Content::Thinking { text, signature: Some(mark) } if text.is_empty() && mark.maker != Api::Gemini => {
            turn.bare_thought(signature::write(mark));
        }
        Content::Thinking { text, signature: mark } => turn.thought(text, mark.as_ref().map(signature::write)),
        Content::Redacted { data } => turn.bare_thought(signature::write_redacted(data)),
        Content::ToolCall { id, name, arguments, signature: mark } => {
            turn.call(Written::call(id, name, arguments), mark.as_ref().map(signature::write));
        }
        media => {
            if let Ok(Some(media)) = Written::media(media, false) {
                turn.media(media);
            }
        }
    }
}
