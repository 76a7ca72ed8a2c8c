//! Writes a request for a provider.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::items::{self, Writer};
use super::request::{ENCRYPTED, LOGPROBS};
use crate::api::fit;
use crate::api::{Api, Encoded, Target};
use crate::chat::{Content, Effort, Format, Json, Names, Refused, Request, Role, ToolChoice, ToolKind};

/// Fields of this API that the common form has no place for. Fields inside others are written as paths.
const OWN: [&str; 15] = [
    "tool_choice",
    "include",
    "background",
    "truncation",
    "max_tool_calls",
    "safety_identifier",
    "prompt_cache_retention",
    "prompt_cache_options",
    "stream_options",
    "context_management",
    "moderation",
    "provider",
    "models",
    "plugins",
    "client_metadata",
];

/// Fields of other APIs without which the answer is another one.
const GRAVE: [&str; 8] = [
    "audio",
    "functions",
    "function_call",
    "web_search_options",
    "mcp_servers",
    "container",
    "cachedContent",
    "cached_content",
];

/// The fewest tokens that may be asked for.
const FEWEST_TOKENS: u64 = 16;

/// A JSON object in the making.
#[derive(Default)]
pub(super) struct Fields(Vec<(String, Json)>);

impl Fields {
    pub(super) fn put(&mut self, name: &str, value: &impl Serialize) {
        self.0.push((name.to_owned(), Json::of(value)));
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    fn put_some(&mut self, name: &str, value: Option<&impl Serialize>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Writes a request for a provider.
pub(in crate::api) fn encode_request(request: &Request, target: Target<'_>) -> Result<Encoded, Refused> {
    let mut out = Encoded::default();
    let mut body = Fields::default();
    body.put("model", &target.model);
    conversation(request, target, &mut body, &mut out);
    tools(request, &mut body, &mut out);
    settings(request, &mut body);
    if let Some(text) = text(request, target) {
        body.put("text", &text);
    }
    if let Some(reasoning) = reasoning(request) {
        body.put("reasoning", &reasoning);
    }
    include(request, target, &mut body);
    extras(request, &mut body, &mut out);
    losses(request, &mut out);
    apply_quirks(request, target, &mut body, &mut out);
    out.body = serde_json::to_vec(&body)?;
    Ok(out)
}

/// A system message that comes first is written as the instructions.
fn conversation(request: &Request, target: Target<'_>, body: &mut Fields, out: &mut Encoded) {
    let first = request.messages.first().filter(|message| message.role == Role::System);
    let instructions = first.and_then(|message| match message.parts.as_slice() {
        [part] if part.cache.is_none() => match &part.content {
            Content::Text { text, .. } => Some(text.clone()),
            _ => None,
        },
        _ => None,
    });
    let skip = usize::from(instructions.is_some());
    let instructions = with_schema(instructions, request, target);
    body.put_some("instructions", instructions.as_ref());
    let mut writer = Writer::new(request, target, &mut out.losses, &mut out.names);
    for (i, message) in request.messages.iter().enumerate().skip(skip) {
        writer.message(i, message);
    }
    body.put("input", &writer.into_items());
}

/// Where the provider knows no schemas, the model is told.
fn with_schema(instructions: Option<String>, request: &Request, target: Target<'_>) -> Option<String> {
    let Format::JsonSchema { schema, .. } = &request.format else { return instructions };
    if !target.quirks.no_json_schema {
        return instructions;
    }
    let schema = format!("Answer with a JSON object that fits this JSON schema: {}", schema.as_str());
    Some(instructions.map_or(schema.clone(), |text| format!("{text}\n\n{schema}")))
}

fn tools(request: &Request, body: &mut Fields, out: &mut Encoded) {
    let mut list = Vec::new();
    for (i, tool) in request.tools.iter().enumerate() {
        let mut fields = Fields::default();
        match &tool.kind {
            ToolKind::Server { api: Api::OpenaiResponses, definition } => {
                list.push(definition.clone());
                continue;
            }
            ToolKind::Server { definition, .. } if fit::is_web_search(definition) => {
                out.losses.harmless(format!("tools[{i}]"), fit::OTHER_SEARCH);
                list.push(Json::of(&serde_json::json!({ "type": "web_search" })));
                continue;
            }
            ToolKind::Server { api, .. } => {
                out.losses.grave(format!("tools[{i}]"), format!("{} runs it, nobody else can", api.name()));
                continue;
            }
            ToolKind::Function { .. } => fields.put("type", &"function"),
            ToolKind::Custom { .. } => fields.put("type", &"custom"),
        }
        fields.put("name", &items::tool_name(&mut out.names, &tool.name));
        fields.put_some("description", tool.description.as_ref());
        match &tool.kind {
            ToolKind::Function { parameters, strict } => {
                let none = || Json::of(&serde_json::json!({ "type": "object", "properties": {} }));
                fields.put("parameters", &parameters.clone().unwrap_or_else(none));
                // Left out, it would be true here and false everywhere else.
                fields.put("strict", &strict.unwrap_or(false));
            }
            ToolKind::Custom { format } => fields.put_some("format", format.as_ref()),
            ToolKind::Server { .. } => {}
        }
        list.push(Json::of(&fields));
    }
    if list.is_empty() {
        return;
    }
    body.put("tools", &list);
    if let Some(choice) = &request.tool_choice {
        body.put("tool_choice", &tool_choice(choice, request, &mut out.names));
    }
    body.put_some("parallel_tool_calls", request.parallel_tool_calls.as_ref());
}

fn tool_choice(choice: &ToolChoice, request: &Request, names: &mut Names) -> Json {
    let name = match choice {
        ToolChoice::Auto => return Json::of(&"auto"),
        ToolChoice::None => return Json::of(&"none"),
        ToolChoice::Required => return Json::of(&"required"),
        ToolChoice::Named(name) => name,
    };
    let custom = request.tools.iter().any(|t| t.name == *name && matches!(t.kind, ToolKind::Custom { .. }));
    let kind = if custom { "custom" } else { "function" };
    Json::of(&serde_json::json!({ "type": kind, "name": items::tool_name(names, name) }))
}

fn settings(request: &Request, body: &mut Fields) {
    if request.stream {
        body.put("stream", &true);
    }
    // What others call storing is off unless asked for; here it is on.
    body.put("store", &request.store.unwrap_or(false));
    body.put_some("max_output_tokens", request.max_tokens.map(|most| most.max(FEWEST_TOKENS)).as_ref());
    body.put_some("temperature", request.sampling.temperature.as_ref());
    body.put_some("top_p", request.sampling.top_p.as_ref());
    body.put_some("top_logprobs", request.sampling.top_logprobs.as_ref());
    body.put_some("user", request.user.as_ref());
    body.put_some("service_tier", request.service_tier.as_ref());
    body.put_some("metadata", request.metadata.as_ref());
    body.put_some("prompt_cache_key", request.prompt_cache_key.as_ref());
}

fn text(request: &Request, target: Target<'_>) -> Option<Fields> {
    let mut format = Fields::default();
    match &request.format {
        Format::Text => {}
        Format::JsonObject => format.put("type", &"json_object"),
        Format::JsonSchema { .. } if target.quirks.no_json_schema => format.put("type", &"json_object"),
        Format::JsonSchema { name, description, schema, strict } => {
            format.put("type", &"json_schema");
            format.put("name", name);
            format.put_some("description", description.as_ref());
            format.put("schema", schema);
            format.put_some("strict", strict.as_ref());
        }
    }
    let mut text = Fields::default();
    if !format.0.is_empty() {
        text.put("format", &format);
    }
    text.put_some("verbosity", request.verbosity.as_ref());
    inner("text.", request, &mut text);
    (!text.0.is_empty()).then_some(text)
}

fn reasoning(request: &Request) -> Option<Fields> {
    let mut fields = Fields::default();
    if let Some(reasoning) = &request.reasoning {
        let effort = reasoning.effort().map(|effort| if effort == Effort::Max { Effort::ExtraHigh } else { effort });
        fields.put_some("effort", effort.map(Effort::as_str).as_ref());
        let said = request.extra.iter().any(|(name, _)| name == "reasoning.summary");
        if request.shows_thoughts(Api::OpenaiResponses) == Some(true) && !said && effort != Some(Effort::None) {
            fields.put("summary", &"auto");
        }
    }
    inner("reasoning.", request, &mut fields);
    (!fields.0.is_empty()).then_some(fields)
}

/// Carried fields whose path begins with `prefix`.
fn inner(prefix: &str, request: &Request, into: &mut Fields) {
    let found = request.extra.iter().filter_map(|(name, value)| Some((name.strip_prefix(prefix)?, value)));
    into.0.extend(found.map(|(name, value)| (name.to_owned(), value.clone())));
}

fn include(request: &Request, target: Target<'_>, body: &mut Fields) {
    let carried = request.extra.iter().find(|(name, _)| name == "include");
    let mut list: Vec<String> = carried.and_then(|(_, list)| list.read().ok()).unwrap_or_default();
    if request.store != Some(true) && reasons(target.model) {
        list.insert(0, ENCRYPTED.to_owned());
    }
    if request.sampling.logprobs == Some(true) {
        list.push(LOGPROBS.to_owned());
    }
    if !list.is_empty() {
        body.put("include", &list);
    }
}

/// Whether a model may reason. OpenAI's older ones answer a question about their reasoning with an error.
fn reasons(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    let name = name.strip_prefix("openai.").unwrap_or(name);
    let name = name.strip_prefix("ft:").unwrap_or(name);
    let older = ["gpt-4", "gpt-3.5", "chatgpt-", "gpt-5-chat", "gpt-5.1-chat"];
    !older.iter().any(|prefix| name.starts_with(prefix))
}

fn extras(request: &Request, body: &mut Fields, out: &mut Encoded) {
    for (name, value) in &request.extra {
        if name == "include" || name.starts_with("text.") || name.starts_with("reasoning.") {
            continue;
        }
        if OWN.contains(&name.as_str()) {
            body.put(name, value);
        } else if GRAVE.contains(&name.as_str()) {
            out.losses.grave(name, "OpenAI's Responses API has no counterpart");
        } else if name == "modalities" && value.as_str().contains("audio") {
            out.losses.grave(name, "OpenAI's Responses API answers in text only");
        } else {
            out.losses.harmless(name, "OpenAI's Responses API has no counterpart");
        }
    }
}

fn losses(request: &Request, out: &mut Encoded) {
    let sampling = &request.sampling;
    let harmless = [
        ("top_k", sampling.top_k.is_some()),
        ("seed", sampling.seed.is_some()),
        ("presence_penalty", sampling.presence_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("frequency_penalty", sampling.frequency_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("logit_bias", sampling.logit_bias.as_ref().is_some_and(|bias| bias.as_str() != "{}")),
        ("stop", !request.stop.is_empty()),
    ];
    for (name, _) in harmless.iter().filter(|(_, asked)| *asked) {
        out.losses.harmless(*name, "OpenAI's Responses API has no counterpart");
    }
    if request.n.is_some_and(|n| n > 1) {
        out.losses.grave("n", "OpenAI's Responses API gives one answer");
    }
}

/// Leaves out what the provider refuses and renames what it calls otherwise.
fn apply_quirks(request: &Request, target: Target<'_>, body: &mut Fields, out: &mut Encoded) {
    let ours = |name: &str| name == "include" || (name == "store" && request.store.is_none());
    body.0.retain(|(name, _)| {
        let refused = target.quirks.refuses.contains(name);
        if refused && !ours(name) {
            out.losses.harmless(name, "the provider refuses it");
        }
        !refused
    });
    for (name, _) in &mut body.0 {
        if let Some((_, theirs)) = target.quirks.renames.iter().find(|(ours, _)| ours == name) {
            name.clone_from(theirs);
        }
    }
}
