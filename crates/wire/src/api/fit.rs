//! Makes what callers say fit the APIs that only providers speak: what gets lost, arguments, schemas, instructions.

#[cfg(test)]
pub(super) mod samples;

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::api::Api;
use crate::chat::{Content, Format, Json, Losses, Message, Part, Request, Role, Source, ToolKind};

/// Fields of callers' APIs without which the answer is another one.
const GRAVE: [&str; 12] = [
    "audio",
    "modalities",
    "web_search_options",
    "functions",
    "function_call",
    "previous_response_id",
    "conversation",
    "prompt",
    "mcp_servers",
    "container",
    "cachedContent",
    "cached_content",
];

/// Notes what of `request` the API called `api` has no field for. `says` names the fields that it has, of those that some
/// APIs have and others do not.
pub(super) fn note_losses(request: &Request, api: &str, says: &[&str], losses: &mut Losses) {
    let why = || format!("{api} has no counterpart");
    if request.n.is_some_and(|n| n > 1) {
        losses.grave("n", format!("{api} gives one answer"));
    }
    let sampling = &request.sampling;
    let probabilities = [
        ("logprobs", sampling.logprobs == Some(true)),
        ("top_logprobs", sampling.top_logprobs.is_some_and(|most| most > 0)),
    ];
    for (field, _) in probabilities.into_iter().filter(|(field, asked)| *asked && !says.contains(field)) {
        losses.grave(field, why());
    }
    let mild = [
        ("seed", sampling.seed.is_some()),
        ("presence_penalty", sampling.presence_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("frequency_penalty", sampling.frequency_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("logit_bias", sampling.logit_bias.is_some()),
        ("user", request.user.is_some()),
        ("service_tier", request.service_tier.as_deref().is_some_and(|tier| tier != "auto")),
        ("metadata", request.metadata.is_some()),
        ("prompt_cache_key", request.prompt_cache_key.is_some()),
        ("verbosity", request.verbosity.is_some()),
        ("store", request.store == Some(true)),
        ("parallel_tool_calls", request.parallel_tool_calls == Some(false)),
    ];
    for (field, _) in mild.into_iter().filter(|(field, asked)| *asked && !says.contains(field)) {
        losses.harmless(field, why());
    }
    for (field, value) in request.extra.iter().filter(|(field, value)| !says.contains(&field.as_str()) && asks(value)) {
        if GRAVE.contains(&field.as_str()) && value.as_str() != r#"["text"]"# {
            losses.grave(field, why());
        } else {
            losses.harmless(field, why());
        }
    }
}

/// Notes what `api` has no word for wherever it stands in a request.
pub(super) fn note_unsaid(request: &Request, api: Api, losses: &mut Losses) {
    if api != Api::OpenaiChat {
        for (index, _) in request.messages.iter().enumerate().filter(|(_, message)| message.name.is_some()) {
            losses.harmless(format!("messages[{index}].name"), "the API has no names of speakers");
        }
    }
    if matches!(api, Api::Gemini | Api::Ollama) {
        for (index, tool) in request.tools.iter().enumerate() {
            if matches!(tool.kind, ToolKind::Function { strict: Some(true), .. }) {
                losses.harmless(format!("tools[{index}].strict"), "the API cannot hold calls to their schema");
            }
        }
    }
}

/// Whether a value asks for something.
fn asks(value: &Json) -> bool {
    !matches!(value.as_str(), "null" | "false" | "[]" | "{}" | "\"\"")
}

/// The value of a caller's additional field.
pub(super) fn extra<'a>(request: &'a Request, name: &str) -> Option<&'a Json> {
    request.extra.iter().find(|(field, value)| field == name && asks(value)).map(|(_, value)| value)
}

/// What a caller is told whose search of the web is another provider's now.
pub(super) const OTHER_SEARCH: &str = "the provider's own web search takes its place, without its settings";

/// Whether a tool that a provider runs searches the web.
pub(super) fn is_web_search(definition: &Json) -> bool {
    let Ok(tool) = definition.read::<Map<String, Value>>() else { return false };
    let says = tool.get("type").and_then(Value::as_str).is_some_and(|kind| kind.starts_with("web_search"));
    says || ["googleSearch", "google_search"].iter().any(|name| tool.contains_key(*name))
}

/// A call's arguments as an object, text that is no object as `_raw`.
pub(super) fn arguments(text: &str) -> Json {
    if text.trim().is_empty() {
        return Json::of(&json!({}));
    }
    match Json::parse(text) {
        Ok(json) if json.is_object() => json,
        _ => Json::of(&json!({ "_raw": text })),
    }
}

/// The schema of what a tool takes, always that of an object.
pub(super) fn schema(kind: &ToolKind) -> Json {
    match kind {
        ToolKind::Function { parameters: Some(parameters), .. } => match parameters.read::<Map<String, Value>>() {
            Ok(schema) if schema.get("type").is_some_and(|kind| kind == "object") => parameters.clone(),
            Ok(mut schema) => {
                schema.insert("type".to_owned(), json!("object"));
                Json::of(&schema)
            }
            Err(_) => Json::of(&json!({ "type": "object", "properties": {} })),
        },
        _ => Json::of(&json!({ "type": "object", "properties": {} })),
    }
}

/// The calls of a conversation, by their ids: their order and the tool.
pub(super) struct Called<'a>(HashMap<&'a str, (usize, &'a str)>);

impl<'a> Called<'a> {
    pub(super) fn of(messages: &'a [Message]) -> Self {
        let parts = messages.iter().flat_map(|message| &message.parts).enumerate();
        let calls = parts.filter_map(|(at, part)| match &part.content {
            Content::ToolCall { id, name, .. } => Some((id.as_str(), (at, name.as_str()))),
            _ => None,
        });
        Self(calls.collect())
    }

    /// The tool that a call calls.
    pub(super) fn name(&self, id: &str) -> Option<&'a str> {
        self.0.get(id).map(|(_, name)| *name)
    }

    /// The parts of a message with their places: results of tools first, in the order of the calls, since not every API
    /// matches them by their ids; then the others.
    pub(super) fn in_order<'p>(&self, parts: &'p [Part]) -> Vec<(usize, &'p Part)> {
        let mut parts: Vec<_> = parts.iter().enumerate().collect();
        parts.sort_by_key(|(_, part)| match &part.content {
            Content::ToolResult { call_id, .. } => self.0.get(call_id.as_str()).map_or(usize::MAX - 1, |(at, _)| *at),
            _ => usize::MAX,
        });
        parts
    }
}

/// The words of a message, each text on its own line.
pub(super) fn words(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match &part.content {
        Content::Text { text, .. } | Content::Refusal { text } if !text.is_empty() => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// The words of a tool's result.
pub(super) fn result_words(content: &[Part], is_error: bool) -> String {
    let words = words(content);
    if is_error { format!("Error: {words}") } else { words }
}

/// The words of a document that is text, for APIs that take no others.
pub(super) fn document_words(source: &Source) -> Option<Cow<'_, str>> {
    match source {
        Source::Text(text) => Some(Cow::Borrowed(text)),
        Source::Base64 { media_type, data } if media_type.starts_with("text/") || media_type == "application/json" => {
            String::from_utf8(STANDARD.decode(data).ok()?).ok().map(Cow::Owned)
        }
        _ => None,
    }
}

/// Asks in words for the shape of the answer, for models that have no other way.
pub(super) fn instruction(format: &Format) -> Option<String> {
    match format {
        Format::Text => None,
        Format::JsonObject => Some("Answer with one JSON object and nothing else.".to_owned()),
        Format::JsonSchema { schema, .. } => Some(format!(
            "Answer with one JSON value that fits this schema, and with nothing else:\n{}",
            schema.as_str()
        )),
    }
}

/// Whether a message holds the operator's instructions.
pub(super) fn is_system(message: &Message) -> bool {
    matches!(message.role, Role::System | Role::Developer)
}

/// The budget for reasoning where an answer may have `most` tokens, reasoning included. A budget that was only reckoned from
/// a word takes half of them at most, but 1024 in any case.
pub(super) fn budget(said: Option<u64>, reckoned: u64, most: Option<u64>) -> u64 {
    const LEAST: u64 = 1024;
    let fitting = most.map_or(reckoned, |most| reckoned.min(most / 2));
    said.unwrap_or(fitting).max(LEAST)
}

/// Where a part is, in the words of a caller.
pub(super) fn place(message: usize, part: usize) -> String {
    format!("messages[{message}].content[{part}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_always_an_object() {
        assert_eq!(arguments(" ").as_str(), "{}");
        assert_eq!(arguments(r#"{"a":1.0}"#).as_str(), r#"{"a":1.0}"#);
        assert_eq!(arguments(r#"{"a":"cut"#).as_str(), r#"{"_raw":"{\"a\":\"cut"}"#);
        assert_eq!(arguments("[1]").as_str(), r#"{"_raw":"[1]"}"#);
    }

    #[test]
    fn schemas_are_always_of_an_object() {
        let of = |text: Option<&str>| {
            let parameters = text.map(|text| Json::parse(text).expect("JSON"));
            schema(&ToolKind::Function { parameters, strict: None }).as_str().to_owned()
        };
        assert_eq!(of(None), r#"{"type":"object","properties":{}}"#);
        assert_eq!(of(Some("null")), r#"{"type":"object","properties":{}}"#);
        assert_eq!(of(Some(r#"{"properties":{"b":{},"a":{}}}"#)), r#"{"properties":{"b":{},"a":{}},"type":"object"}"#);
        assert_eq!(of(Some(r#"{ "type":"object" }"#)), r#"{ "type":"object" }"#);
    }

    #[test]
    fn budgets_leave_room_for_the_answer() {
        assert_eq!(budget(Some(5000), 5000, Some(4000)), 5000);
        assert_eq!(budget(None, 16384, Some(8000)), 4000);
        assert_eq!(budget(None, 16384, Some(100)), 1024);
        assert_eq!(budget(None, 2048, None), 2048);
    }
}
