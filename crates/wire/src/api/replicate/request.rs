//! Writes a request. The models take one prompt: a conversation is told in it, turn by turn.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::api::{Encoded, Target, fit};
use crate::chat::{Content, Json, Losses, Message, Part, Refused, Request, Role, ToolChoice};

/// The field of callers' for inputs that only some models have.
const OWN: &str = "input";
/// What the texts that end an answer are parted by.
const COMMA: char = ',';

#[derive(Serialize)]
struct Body<'a> {
    /// `owner/name`, with or without `:version`.
    version: &'a str,
    input: Map<String, Value>,
}

/// Writes a request for a provider.
pub(in crate::api) fn encode_request(request: &Request, target: Target<'_>) -> Result<Encoded, Refused> {
    let mut losses = Losses::default();
    let own = fit::extra(request, OWN).map(Json::read::<Map<String, Value>>).transpose();
    let mut input = own.map_err(|_| Refused::field(OWN, "must be an object"))?.unwrap_or_default();
    let (mut system, mut turns) = (Vec::new(), Vec::new());
    for (at, message) in request.messages.iter().enumerate() {
        let words = words(at, message, &mut losses);
        if fit::is_system(message) {
            system.push(words);
        } else {
            turns.push((message.role, words));
        }
    }
    if let Some(instruction) = fit::instruction(&request.format) {
        losses.harmless("response_format", "Replicate's models are asked for it in words only");
        system.push(instruction);
    }
    input.insert("prompt".to_owned(), prompt(turns).into());
    let system = system.join("\n\n");
    let sampling = &request.sampling;
    let said = [
        ("system_prompt", (!system.is_empty()).then(|| json!(system))),
        ("max_tokens", request.max_tokens.map(Value::from)),
        ("temperature", sampling.temperature.map(Value::from)),
        ("top_p", sampling.top_p.map(Value::from)),
        ("top_k", sampling.top_k.map(Value::from)),
        ("seed", sampling.seed.map(Value::from)),
        ("presence_penalty", sampling.presence_penalty.map(Value::from)),
        ("frequency_penalty", sampling.frequency_penalty.map(Value::from)),
        ("stop_sequences", stop(request, &mut losses)),
    ];
    for (name, value) in said {
        if let Some(value) = value {
            input.insert(name.to_owned(), value);
        }
    }
    if !request.tools.is_empty() && request.tool_choice != Some(ToolChoice::None) {
        losses.grave("tools", "Replicate's language models call no tools");
    }
    if request.reasoning.is_some() {
        losses.harmless("reasoning", "each of Replicate's models has its own word for it; send it in `input`");
    }
    fit::note_losses(request, "Replicate", &[OWN, "seed", "presence_penalty", "frequency_penalty"], &mut losses);
    let body = serde_json::to_vec(&Body { version: target.model, input })?;
    Ok(Encoded { body, losses, ..Encoded::default() })
}

/// One question goes as it is; of more, each begins with whose it is, and the answer's turn is left open.
fn prompt(turns: Vec<(Role, String)>) -> String {
    if let [(Role::User, words)] = turns.as_slice() {
        return words.clone();
    }
    let name = |role| if role == Role::Assistant { "Assistant" } else { "User" };
    let mut prompt: Vec<_> = turns.iter().map(|(role, words)| format!("{}: {words}", name(*role))).collect();
    if turns.last().is_none_or(|(role, _)| *role != Role::Assistant) {
        prompt.push("Assistant:".to_owned());
    }
    prompt.join("\n\n")
}

/// A list in one text: what has a comma in it cannot be in it.
fn stop(request: &Request, losses: &mut Losses) -> Option<Value> {
    if request.stop.iter().any(|text| text.contains(COMMA)) {
        losses.harmless("stop", "Replicate parts the texts by commas, and one has a comma in it");
        return None;
    }
    (!request.stop.is_empty()).then(|| request.stop.join(",").into())
}

/// What a message says in words; what else is in it is lost.
fn words(at: usize, message: &Message, losses: &mut Losses) -> String {
    let mut words = Vec::new();
    for (index, part) in message.parts.iter().enumerate() {
        words.extend(said(part, &fit::place(at, index), losses));
    }
    words.join("\n")
}

fn said(part: &Part, place: &str, losses: &mut Losses) -> Option<String> {
    let mut refuse = |what: &str, why: &str| losses.grave(format!("{place}.{what}"), why);
    match &part.content {
        Content::Text { text, .. } | Content::Refusal { text } => return Some(text.clone()),
        Content::Document { source, name } => match fit::document_words(source) {
            Some(text) => return Some(name.as_ref().map_or_else(String::new, |name| format!("{name}:\n")) + &text),
            None => refuse("file", "Replicate's language models take documents as text only"),
        },
        Content::Image { .. } => refuse("image_url", "each of Replicate's models has its own input for pictures"),
        Content::Audio { .. } => refuse("input_audio", "each of Replicate's models has its own input for sound"),
        Content::Video { .. } => refuse("video_url", "each of Replicate's models has its own input for films"),
        Content::ToolCall { .. } => refuse("tool_calls", "Replicate's language models call no tools"),
        Content::ToolResult { .. } => refuse("tool_call_id", "Replicate's language models call no tools"),
        Content::Opaque { .. } => losses.harmless(place, "a block that only the API it came from knows"),
        Content::Thinking { .. } | Content::Redacted { .. } => {}
    }
    None
}
