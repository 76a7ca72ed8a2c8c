//! Reads a caller's request.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::input;
use super::object::Object;
use crate::api::Api;
use crate::chat::{Content, Tool, ToolChoice, ToolKind};
use crate::chat::{Effort, Format, Json, Message, Part, Reasoning, Refused, Request, Role, Sampling};

/// Fields that are read here; the others are carried along.
const READ: [&str; 27] = [
    "model",
    "input",
    "instructions",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "text",
    "max_output_tokens",
    "temperature",
    "top_p",
    "top_logprobs",
    "reasoning",
    "user",
    "safety_identifier",
    "service_tier",
    "metadata",
    "prompt_cache_key",
    "store",
    "stream",
    "include",
    "previous_response_id",
    "conversation",
    "background",
    "truncation",
    "prompt",
    "seed",
    "stop",
];

/// Asks for the probabilities of tokens.
pub(super) const LOGPROBS: &str = "message.output_text.logprobs";
/// Asks for reasoning that can be sent back.
pub(super) const ENCRYPTED: &str = "reasoning.encrypted_content";

/// Reads a caller's request, whose references to stored state have been resolved.
pub(in crate::api) fn decode_request(body: &[u8]) -> Result<Request, Refused> {
    let asked = serde_json::from_slice::<Object<'_>>(body)?;
    refuse_state(&asked)?;
    let mut request = Request {
        model: asked.needed("", "model", "the name of a model")?,
        stream: asked.field("stream", "true or false")?.unwrap_or(false),
        include_usage: true,
        messages: messages(&asked)?,
        parallel_tool_calls: asked.field("parallel_tool_calls", "true or false")?,
        max_tokens: asked.field("max_output_tokens", "a whole number")?,
        sampling: sampling(&asked)?,
        user: user(&asked)?,
        service_tier: asked.field("service_tier", "a text")?,
        metadata: asked.json("metadata"),
        prompt_cache_key: asked.field("prompt_cache_key", "a text")?,
        store: asked.field("store", "true or false")?,
        stop: asked.field("stop", "a list of texts")?.unwrap_or_default(),
        ..Request::default()
    };
    request.tools = tools(&asked)?;
    tool_choice(&asked, &mut request)?;
    text(&asked, &mut request)?;
    reasoning(&asked, &mut request)?;
    include(&asked, &mut request)?;
    carry_others(&asked, &mut request);
    Ok(request)
}

/// The end user goes by either name; where both are given, the newer one is carried along.
fn user(asked: &Object<'_>) -> Result<Option<String>, Refused> {
    let user = asked.field("user", "a text")?;
    Ok(user.or(asked.field("safety_identifier", "a text")?))
}

fn refuse_state(asked: &Object<'_>) -> Result<(), Refused> {
    for name in ["previous_response_id", "conversation"] {
        if asked.raw(name).is_some() {
            let message = "refers to stored state that is not at hand; send the whole conversation as input";
            return Err(Refused::field(name, message));
        }
    }
    if asked.raw("prompt").is_some() {
        let message = "names a template that is kept at OpenAI; write its text as instructions and input";
        return Err(Refused::field("prompt", message));
    }
    Ok(())
}

fn messages(asked: &Object<'_>) -> Result<Vec<Message>, Refused> {
    let mut messages = Vec::new();
    if let Some(text) = asked.field::<String>("instructions", "a text")?.filter(|text| !text.is_empty()) {
        messages.push(Message { role: Role::System, name: None, parts: vec![Part::from(Content::text(text))] });
    }
    let input = asked.raw("input");
    let input = input.ok_or_else(|| Refused::field("input", "is missing; it must be a text or a list of items"))?;
    input::read(input, &mut messages)?;
    Ok(messages)
}

fn sampling(asked: &Object<'_>) -> Result<Sampling, Refused> {
    Ok(Sampling {
        temperature: asked.field("temperature", "a number")?,
        top_p: asked.field("top_p", "a number")?,
        seed: asked.field("seed", "a whole number")?,
        top_logprobs: asked.field("top_logprobs", "a whole number")?.filter(|most| *most > 0),
        ..Sampling::default()
    })
}

fn tools(asked: &Object<'_>) -> Result<Vec<Tool>, Refused> {
    let list: Vec<&RawValue> = match asked.raw("tools") {
        Some(raw) => serde_json::from_str(raw.get()).map_err(|_| Refused::field("tools", "must be a list"))?,
        None => Vec::new(),
    };
    list.into_iter().enumerate().map(|(i, raw)| tool(raw, &format!("tools[{i}]"))).collect()
}

fn tool(raw: &RawValue, place: &str) -> Result<Tool, Refused> {
    let tool = Object::of(raw).ok_or_else(|| Refused::field(place, "must be an object"))?;
    let kind: String = tool.needed(place, "type", "\"function\" or the name of a built-in tool")?;
    if tool.raw("function").is_some() {
        let message = "is how chat completions write tools; put name, description and parameters beside type";
        return Err(Refused::field(format!("{place}.function"), message));
    }
    let (name, kind) = match kind.as_str() {
        "function" => {
            let strict = tool.field_at(place, "strict", "true or false")?;
            (tool.needed(place, "name", "a text")?, ToolKind::Function { parameters: tool.json("parameters"), strict })
        }
        "custom" => (tool.needed(place, "name", "a text")?, ToolKind::Custom { format: tool.json("format") }),
        _ => (kind, ToolKind::Server { api: Api::OpenaiResponses, definition: Json::of(raw) }),
    };
    let description = match kind {
        ToolKind::Server { .. } => None,
        _ => tool.field_at(place, "description", "a text")?,
    };
    Ok(Tool { name, description, kind, cache: None })
}

fn tool_choice(asked: &Object<'_>, request: &mut Request) -> Result<(), Refused> {
    let Some(raw) = asked.raw("tool_choice") else { return Ok(()) };
    let wrong =
        || Refused::field("tool_choice", "must be \"auto\", \"none\", \"required\" or an object that names a tool");
    let word = |word: &str| match word {
        "auto" => Ok(ToolChoice::Auto),
        "none" => Ok(ToolChoice::None),
        "required" => Ok(ToolChoice::Required),
        _ => Err(wrong()),
    };
    if let Ok(text) = serde_json::from_str::<String>(raw.get()) {
        request.tool_choice = Some(word(&text)?);
        return Ok(());
    }
    let choice = Object::of(raw).ok_or_else(wrong)?;
    match choice.kind().as_str() {
        "function" | "custom" => {
            request.tool_choice = Some(ToolChoice::Named(choice.needed("tool_choice", "name", "a tool's name")?));
        }
        "allowed_tools" => {
            let mode: Option<String> = choice.field_at("tool_choice", "mode", "\"auto\" or \"required\"")?;
            request.tool_choice = Some(word(mode.as_deref().unwrap_or("auto"))?);
            allow_only(&choice, &mut request.tools);
        }
        // A built-in tool, which no other API has.
        _ => request.extra.push(("tool_choice".to_owned(), Json::of(raw))),
    }
    Ok(())
}

/// To offer the allowed tools only means the same, and every API can.
fn allow_only(choice: &Object<'_>, tools: &mut Vec<Tool>) {
    let (kinds, names): (HashSet<String>, HashSet<String>) =
        choice.objects("tools").iter().map(|tool| (tool.kind(), tool.text("name"))).unzip();
    tools.retain(|tool| {
        let server = matches!(tool.kind, ToolKind::Server { .. });
        if server { kinds.contains(&tool.name) } else { names.contains(&tool.name) }
    });
}

fn text(asked: &Object<'_>, request: &mut Request) -> Result<(), Refused> {
    let Some(text) = asked.object("text") else { return Ok(()) };
    request.verbosity = text.field_at("text", "verbosity", "\"low\", \"medium\" or \"high\"")?;
    carry(&text, "text", &["format", "verbosity"], request);
    let Some(format) = text.object("format") else { return Ok(()) };
    let place = "text.format";
    request.format = match format.kind().as_str() {
        "text" => Format::Text,
        "json_object" => Format::JsonObject,
        "json_schema" => Format::JsonSchema {
            name: format.needed(place, "name", "a text")?,
            description: format.field_at(place, "description", "a text")?,
            schema: format.json("schema").ok_or_else(|| Refused::field("text.format.schema", "is missing"))?,
            strict: format.field_at(place, "strict", "true or false")?,
        },
        other => {
            let message = format!("{other:?} is no format; use text, json_object or json_schema");
            return Err(Refused::field("text.format.type", message));
        }
    };
    Ok(())
}

fn reasoning(asked: &Object<'_>, request: &mut Request) -> Result<(), Refused> {
    let Some(reasoning) = asked.object("reasoning") else { return Ok(()) };
    let effort: Option<String> = reasoning.field_at("reasoning", "effort", "a text")?;
    let effort = effort.map(|word| {
        let wrong = || format!("{word:?} is no effort; use none, minimal, low, medium, high or xhigh");
        Effort::parse(&word).ok_or_else(|| Refused::field("reasoning.effort", wrong()))
    });
    let summary: Option<String> = reasoning.field_at("reasoning", "summary", "a text")?;
    let visible = summary.as_deref().map(|_| true);
    let known: &[&str] = if summary.as_deref() == Some("auto") { &["effort", "summary"] } else { &["effort"] };
    carry(&reasoning, "reasoning", known, request);
    request.reasoning = Some(Reasoning { effort: effort.transpose()?, visible, ..Reasoning::default() })
        .filter(|reasoning| *reasoning != Reasoning::default());
    Ok(())
}

fn include(asked: &Object<'_>, request: &mut Request) -> Result<(), Refused> {
    let Some(wanted) = asked.field::<Vec<String>>("include", "a list of texts")? else { return Ok(()) };
    if wanted.iter().any(|name| name == LOGPROBS) {
        request.sampling.logprobs = Some(true);
    }
    // Reasoning is always given in a form that can be sent back.
    let others: Vec<&String> = wanted.iter().filter(|name| *name != LOGPROBS && *name != ENCRYPTED).collect();
    if !others.is_empty() {
        request.extra.push(("include".to_owned(), Json::of(&others)));
    }
    Ok(())
}

/// Carries along what is in `object` beyond `known`, as `name.field`.
fn carry(object: &Object<'_>, name: &str, known: &[&str], request: &mut Request) {
    request.extra.extend(object.others(known).map(|(field, raw)| (format!("{name}.{field}"), Json::of(raw))));
}

fn carry_others(asked: &Object<'_>, request: &mut Request) {
    let worth = |name: &str, usual: &str| asked.raw(name).filter(|raw| raw.get() != usual);
    let mut unusual = vec![("background", "false"), ("truncation", "\"disabled\"")];
    if asked.raw("user").is_some() {
        unusual.push(("safety_identifier", "null"));
    }
    for (name, raw) in unusual.iter().filter_map(|(name, usual)| Some((*name, worth(name, usual)?))) {
        request.extra.push((name.to_owned(), Json::of(raw)));
    }
    request.extra.extend(asked.others(&READ).map(|(name, raw)| (name.to_owned(), Json::of(raw))));
}
